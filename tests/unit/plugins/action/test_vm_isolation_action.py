# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller says of isolation; how it comes back is that of netplan, and tested there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.kvmcloud.stack.plugins.action import netplan, vm_isolation

TRIAL = {"id": "t", "boot": "b", "seconds": 60, "start_seconds": 0}


class Action(vm_isolation.ActionModule):
    def __init__(self, *answers, **arguments):
        self.answers = list(answers)
        self._task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, diff=True)
        self._play_context = SimpleNamespace(remote_addr="host")
        self._connection = SimpleNamespace(transport="local", reset=lambda: None)

    def _execute_module(self, module_args=None, task_vars=None):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    passed = [0.0]
    monkeypatch.setattr(netplan.time, "sleep", lambda seconds: passed.__setitem__(0, passed[0] + seconds))
    monkeypatch.setattr(netplan.time, "monotonic", lambda: passed[0])
    monkeypatch.setattr(netplan.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})


def test_it_confirms_what_was_seen_to_be_loaded():
    begun = {"changed": True, "actions": ["load"], "trial": dict(TRIAL)}
    done = Action(begun, {"state": "settled"}, {"state": "confirmed", "confirmed_after": 1.5}).run()
    assert done == {"changed": True, "actions": ["load"], "confirmed_after": 1.5}


def test_a_node_that_does_not_answer_is_told_in_its_own_words():
    done = Action({"changed": True, "trial": dict(TRIAL)}, AnsibleConnectionFailure("no route")).run()
    assert done["unreachable"] and done["msg"].startswith("The host does not answer since new rules for its guests")


def test_what_is_the_modules_own_is_refused():
    assert Action({}, phase="confirm").run()["msg"] == "phase of vm_isolation are its own; leave them out."
