# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part, with a host that answers by a script: what is asked over which connection, and the outcome."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.kvmcloud.stack.plugins.action import netplan

TRIAL = {"id": "t", "boot": "b", "seconds": 60, "start_seconds": 1}
BEGUN = {"changed": True, "actions": ["create bridge br0"], "diff": [{}], "trial": dict(TRIAL)}
CUT = AnsibleConnectionFailure("no route to host")
ENDED = {"failed": True, "state": "ended", "msg": "The new network was rolled back: it was."}


class Action(netplan.ActionModule):
    def __init__(self, *answers, **arguments):
        self.answers, self.asked, self.options = list(answers), [], {"ssh_extra_args": "-o Theirs"}
        self._task = SimpleNamespace(args=arguments, async_val=0, check_mode=False, diff=True)
        self._play_context = SimpleNamespace(remote_addr="host")
        self._connection = SimpleNamespace(
            transport="ssh",
            reset=lambda: self.asked.append("new connection"),
            get_option=self.options.get,
            set_option=self.options.__setitem__,
        )

    def _execute_module(self, module_name=None, module_args=None, task_vars=None):
        self.asked.append(module_name or (module_args or {}).get("phase", "begin"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time passes only where somebody waits for it."""
    passed = [0.0]
    monkeypatch.setattr(netplan.time, "sleep", lambda seconds: passed.__setitem__(0, passed[0] + seconds))
    monkeypatch.setattr(netplan.time, "monotonic", lambda: passed[0])
    monkeypatch.setattr(netplan.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    return passed


def test_where_nothing_changes_nobody_comes_back():
    action = Action({"changed": False})
    assert action.run() == {"changed": False}
    assert action.asked == ["begin"]


PACKAGE = {"module": "ansible.legacy.dnf", "arguments": {"name": ["netplan"]}, "source": "It is in EPEL."}


def test_netplan_is_installed_where_it_is_missing_and_then_asked_again():
    action = Action({"changed": False, "install": PACKAGE}, {"changed": True}, {"changed": False})
    assert action.run() == {"changed": True}
    assert action.asked == ["begin", "ansible.legacy.dnf", "begin"]


def test_netplan_that_cannot_be_installed_is_told_with_where_it_is():
    action = Action({"changed": False, "install": PACKAGE}, {"failed": True, "msg": "No package netplan available"})
    result = action.run()
    assert result["failed"] and not result["changed"]
    assert result["msg"] == ("netplan is missing and cannot be installed: No package netplan available. It is in EPEL.")
    assert action.asked == ["begin", "ansible.legacy.dnf"]


def test_a_refusal_is_handed_on():
    assert Action({"failed": True, "msg": "no"}).run() == {"failed": True, "msg": "no"}


def test_it_is_confirmed_over_a_connection_that_is_made_after_all_was_seen():
    action = Action(
        BEGUN,
        {"state": "pending"},
        {"state": "lacking", "msg": "br0 is down"},
        {"state": "settled"},
        {"state": "confirmed", "confirmed_after": 3.1, "backups": ["b~"]},
    )
    result = action.run()
    asked = [("new connection", "look")] * 3 + [("new connection", "confirm")]
    assert action.asked == ["begin", *(word for pair in asked for word in pair), "new connection"]
    assert result == {
        "changed": True,
        "actions": BEGUN["actions"],
        "diff": [{}],
        "confirmed_after": 3.1,
        "backups": ["b~"],
    }


@pytest.mark.parametrize("interruption", [CUT, {"msg": "MODULE FAILURE", "rc": 255}, {"state": "lacking", "msg": "x"}])
def test_who_was_interrupted_looks_again_before_he_confirms(interruption):
    action = Action(BEGUN, {"state": "settled"}, interruption, {"state": "settled"}, {"state": "confirmed"})
    action.run()
    assert [word for word in action.asked if word != "new connection"] == [
        "begin",
        "look",
        "confirm",
        "look",
        "confirm",
    ]


def test_what_was_rolled_back_is_a_failure_that_changed_nothing():
    result = Action(BEGUN, CUT, CUT, ENDED).run()
    assert result["failed"] and not result["changed"] and result["diff"] == []
    assert result["msg"] == ENDED["msg"]


def test_what_was_kept_and_is_not_complete_is_a_failure_that_changed_something():
    unfinished = {"failed": True, "changed": True, "state": "ended", "msg": "The new network is confirmed and kept"}
    result = Action(BEGUN, {"state": "settled"}, unfinished).run()
    assert result["failed"] and result["changed"] and result["diff"] == BEGUN["diff"]
    assert result["actions"] == BEGUN["actions"] and result["msg"] == unfinished["msg"]


def test_a_host_that_never_answers_is_given_up_after_its_time(clock):
    result = Action(BEGUN, CUT).run()
    assert result["failed"] and result["unreachable"]
    assert "look at its console. Last heard: no route to host" in result["msg"]
    assert 60 + netplan.RETURN_SECONDS < clock[0] < 60 + netplan.RETURN_SECONDS + 5


def test_a_connection_that_is_cut_is_given_up_early():
    action = Action(BEGUN, {"state": "confirmed"})
    action.run()
    assert action.options["ssh_extra_args"] == "-o Theirs -o ServerAliveInterval=5 -o ServerAliveCountMax=2"


@pytest.mark.parametrize("argument", ["phase", "trial"])
def test_what_is_the_modules_own_is_not_for_users(argument):
    result = Action({}, **{argument: "confirm"}).run()
    assert result["failed"] and f"{argument} of netplan are its own" in result["msg"]
