# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of a run of engine-setup: it waits, shows what is printed, and gives up in time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.kvmcloud.stack.plugins.action import ovirt_engine_setup

BEGUN = {"changed": True, "started": True, "action": "setup"}


class Action(ovirt_engine_setup.ActionModule):
    """Its module answers with the given results, one after the other; the last one again and again."""

    def __init__(self, *answers: Any, **arguments: Any) -> None:
        self.answers, self.asked = list(answers), []
        self._task = SimpleNamespace(args=arguments)
        self._play_context = SimpleNamespace(remote_addr="engine1")

    def _execute_module(self, module_args: Any = None, task_vars: Any = None) -> dict[str, Any]:
        self.asked.append(module_args)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """They take no time."""
    made: list[float] = []
    monkeypatch.setattr(ovirt_engine_setup.time, "sleep", made.append)
    monkeypatch.setattr(ovirt_engine_setup.time, "monotonic", lambda: sum(made))
    return made


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is displayed."""
    lines: list[str] = []
    monkeypatch.setattr(ovirt_engine_setup.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    monkeypatch.setattr(ovirt_engine_setup.display, "display", lines.append)
    return lines


def test_it_shows_what_is_printed_and_ends_with_it(shown: list[str]) -> None:
    ended = {"changed": True, "state": "ended", "lines": ["three"], "log": "/var/log/x"}
    action = Action(
        BEGUN,
        {"changed": True, "state": "running", "lines": ["one", "two"], "place": 8},
        AnsibleConnectionFailure("broken pipe"),
        ended,
        fqdn="engine.test",
    )
    assert action.run() == {"changed": True, "action": "setup", "log": "/var/log/x"}
    assert shown == ["engine1: one", "engine1: two", "engine1: three"]
    assert [one["place"] for one in action.asked[1:]] == [0, 8, 8] and action.asked[0] is None
    assert {one["phase"] for one in action.asked[1:]} == {"look"}
    assert action.asked[1]["fqdn"] == "engine.test"


def test_a_failure_is_told_in_the_modules_words() -> None:
    done = Action(BEGUN, {"failed": True, "state": "ended", "lines": [], "msg": "psql says no"}).run()
    assert done["failed"] and done["msg"] == "psql says no"


def test_it_looks_soon_and_then_less_often(pauses: list[float]) -> None:
    Action(BEGUN, {"state": "running", "lines": [], "place": 0}, timeout=7, poll=2).run()
    assert pauses == [0.25, 0.5, 1, 2, 2, 2]
    del pauses[:]
    Action(BEGUN, {"state": "ended", "lines": []}, poll=0).run()
    assert pauses == [0]


def test_it_is_left_running_when_its_time_is_over() -> None:
    done = Action(BEGUN, {"state": "running", "lines": [], "place": 0}, timeout=7, poll=2).run()
    assert done["failed"] and "did not end within 7 s, and is left running (it runs). Run again" in done["msg"]
    done = Action(BEGUN, AnsibleConnectionFailure("no route to host"), timeout=7, poll=2).run()
    assert "is left running (no route to host)" in done["msg"]


@pytest.mark.parametrize(
    "first", [{"changed": False, "action": "none"}, {"changed": True, "action": "setup"}, {"failed": True, "msg": "x"}]
)
def test_nothing_is_waited_for_that_was_not_begun(first: dict[str, Any]) -> None:
    action = Action(first)
    assert action.run() == first and len(action.asked) == 1


def test_what_is_the_modules_own_is_refused() -> None:
    assert Action({}, phase="look", place=3).run()["msg"] == (
        "phase and place are ovirt_engine_setup's own; leave them out."
    )
