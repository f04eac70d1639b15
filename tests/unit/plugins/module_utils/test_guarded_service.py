# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.guarded_service import (
    ANSWERS,
    CLOSED,
    SILENT,
    ServiceError,
    UnitState,
    Verdict,
    changed_files,
    daemon_words,
    failure_sentence,
    judge_start,
    parse_states,
    plan_unit,
    unit_name,
)

RUNNING = UnitState(active="active", sub="running", invocation="a1", started_us=100_000_000)
STOPPED = UnitState()
HUNG = RUNNING._replace(active="activating", sub="start")


def wanted(**changes: Any) -> dict[str, Any]:
    return {"name": "oned", "enabled": True, "state": "started", **changes}


@pytest.mark.parametrize(
    ("want", "state", "changed", "port", "actions"),
    [
        pytest.param(wanted(), RUNNING, [], ANSWERS, (), id="as wanted"),
        pytest.param(wanted(), STOPPED, [], None, ("start",), id="not running"),
        pytest.param(wanted(), STOPPED._replace(active="failed"), [], None, ("start",), id="failed"),
        pytest.param(wanted(), RUNNING._replace(file="disabled"), [], ANSWERS, ("enable",), id="not at boot"),
        pytest.param(wanted(), RUNNING._replace(file="static"), [], ANSWERS, (), id="static units cannot be enabled"),
        pytest.param(wanted(), RUNNING, ["/x"], ANSWERS, ("restart",), id="configuration is newer"),
        pytest.param(wanted(), HUNG, ["/x"], None, ("restart",), id="hangs with the old configuration"),
        pytest.param(wanted(), HUNG, [], None, ("wait",), id="is starting"),
        pytest.param(wanted(), HUNG._replace(sub="auto-restart"), [], None, ("start",), id="crashes in a loop"),
        pytest.param(wanted(), RUNNING, [], CLOSED, ("wait",), id="port is not there yet"),
        pytest.param(wanted(port=1), RUNNING, [], SILENT, ("restart",), id="frozen"),
        pytest.param(wanted(state="stopped", port=1), RUNNING, [], SILENT, ("stop",), id="frozen and not wanted"),
        pytest.param(wanted(), RUNNING._replace(stale=True), [], ANSWERS, ("reload",), id="unit file changed"),
        pytest.param(wanted(state="stopped"), RUNNING, ["/x"], ANSWERS, ("stop",), id="not wanted"),
        pytest.param(wanted(state="stopped", enabled=False), STOPPED, [], None, ("disable",), id="not at boot either"),
        pytest.param(
            wanted(state="stopped", enabled=False),
            STOPPED._replace(load="masked", file="masked"),
            [],
            None,
            (),
            id="masked is more than disabled",
        ),
    ],
)
def test_plan(want: dict[str, Any], state: UnitState, changed: list[str], port: str | None, actions: tuple) -> None:
    assert plan_unit(want, state, changed, port).actions == actions


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (STOPPED._replace(load="not-found"), "does not exist"),
        (STOPPED._replace(load="masked"), "is masked"),
        (STOPPED._replace(load="bad-setting"), "systemd says: bad-setting"),
    ],
)
def test_units_that_cannot_start(state: UnitState, sentence: str) -> None:
    with pytest.raises(ServiceError, match=sentence):
        plan_unit(wanted(), state, [], None)


def test_check_mode_predicts() -> None:
    absent = STOPPED._replace(load="not-found")
    assert plan_unit(wanted(), absent, [], None, predicting=True).actions == ("enable", "start")


ABSENT = None


@pytest.mark.parametrize(
    ("state", "started_with", "files", "changed"),
    [
        # the daemon started 50 s ago, at 950; each file with its digest and when it changed
        pytest.param(RUNNING, {}, {"/a": ("x", 949.0), "/b": ("x", 951.0)}, ["/b"], id="nobody recorded it: times"),
        pytest.param(RUNNING, {}, {"/c": (ABSENT, None)}, [], id="not there"),
        pytest.param(HUNG, {}, {"/b": ("x", 951.0)}, ["/b"], id="starting"),
        pytest.param(STOPPED, {}, {"/b": ("x", 951.0)}, [], id="not running"),
        pytest.param(RUNNING._replace(started_us=0), {}, {"/b": ("x", 951.0)}, [], id="no main process"),
        pytest.param(RUNNING, {"/b": "x"}, {"/b": ("x", 951.0)}, [], id="touched"),
        pytest.param(RUNNING, {"/b": "x"}, {"/b": ("y", 900.0)}, ["/b"], id="edited, and the clock was set"),
        pytest.param(RUNNING, {"/b": "x"}, {"/b": (ABSENT, None)}, ["/b"], id="removed"),
        pytest.param(RUNNING, {"/b": ABSENT}, {"/b": ("x", 900.0)}, ["/b"], id="made"),
        pytest.param(RUNNING, {"/b": "x"}, {"/a": ("z", 951.0), "/b": ("x", 1.0)}, ["/a"], id="one more file to watch"),
    ],
)
def test_changed_files(state: UnitState, started_with: dict, files: dict, changed: list[str]) -> None:
    digests = {path: digest for path, (digest, _time) in files.items()}
    times = {path: time for path, (_digest, time) in files.items()}
    assert changed_files(state, digests, started_with, times, monotonic=150.0, realtime=1000.0) == changed


NEW = RUNNING._replace(invocation="b2")


@pytest.mark.parametrize(
    ("state", "port", "answers", "active_for", "left", "outcome"),
    [
        pytest.param(RUNNING, 1, True, 9, 9, "wait", id="still the former daemon"),
        pytest.param(NEW, 1, True, 0, 9, "up", id="port answers"),
        pytest.param(NEW, 1, False, 9, 9, "wait", id="port not yet"),
        pytest.param(NEW, 1, False, 9, 0, "failed", id="port never"),
        pytest.param(NEW, None, False, 0.2, 9, "wait", id="without a port: a moment"),
        pytest.param(NEW, None, False, 1.1, 9, "up", id="without a port: stayed"),
        pytest.param(NEW._replace(active="activating", sub="start"), 1, False, 0, 9, "wait", id="starting"),
        pytest.param(NEW._replace(active="activating", sub="start"), 1, False, 0, 0, "failed", id="hangs"),
        pytest.param(NEW._replace(active="activating", sub="auto-restart"), 1, False, 0, 9, "failed", id="crashed"),
        pytest.param(
            RUNNING._replace(active="activating", sub="auto-restart"),
            1,
            False,
            0,
            9,
            "wait",
            id="the former daemon was in a crash loop",
        ),
        pytest.param(NEW._replace(active="failed"), 1, False, 0, 9, "failed", id="failed"),
        pytest.param(STOPPED._replace(job=True), 1, False, 0, 9, "wait", id="the job is queued"),
        pytest.param(STOPPED, 1, False, 0, 9, "failed", id="ended at once"),
        pytest.param(STOPPED._replace(assertion=False), 1, False, 0, 9, "failed", id="assertion not met"),
    ],
)
def test_verdict(
    state: UnitState, port: int | None, answers: bool, active_for: float, left: float, outcome: str
) -> None:
    assert judge_start(state, "a1", port, answers, active_for, left).outcome == outcome


def test_states_come_in_the_order_asked_for() -> None:
    shown = (
        "Id=mariadb.service\nLoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\n"
        "InvocationID=1\nExecMainStartTimestampMonotonic=5\nNeedDaemonReload=yes\n\n"
        "Id=x.timer\nLoadState=loaded\nUnitFileState=static\nActiveState=active\nSubState=waiting\n"
        "ActiveEnterTimestampMonotonic=7\nJob=12\n"
    )
    mysql, timer = parse_states(shown, 2)
    assert (mysql.active, mysql.started_us, mysql.stale, mysql.job) == ("active", 5, True, False)
    assert (timer.file, timer.started_us, timer.job) == ("static", 7, True)
    with pytest.raises(ServiceError, match="is systemd running"):
        parse_states("", 1)


def test_names() -> None:
    assert [unit_name(name) for name in ("a", "a.timer", "a.b")] == ["a.service", "a.timer", "a.b.service"]


def test_words_of_the_daemon() -> None:
    journal = "-- No entries --\nstarting\n\nError while parsing\nsyntax error at line 3\n"
    log = "[Z0][ONE][I]: hello\n[Z0][VMM][E]: Unable to load driver\n"
    assert daemon_words(journal, [log]) == (
        "Error while parsing / syntax error at line 3 / [Z0][VMM][E]: Unable to load driver"
    )
    assert daemon_words("only this\n") == "only this"
    assert daemon_words("only this\n", ["[I]: All modules finalized, exiting.\n"]) == "only this"
    assert daemon_words("", ["[I]: one\n[I]: two\n"]) == "[I]: one / [I]: two"
    assert daemon_words("") == ""


def test_sentences() -> None:
    up, down = Verdict("up"), Verdict("failed", "it ended with status 1")
    assert "so the service is stopped" in failure_sentence("o", "w", "", [], "/r", None)
    assert "The former /a and /b is back and the service runs" in failure_sentence(
        "o", "w", "x", ["/a", "/b"], "/r", up
    )
    assert "either: it ended with status 1" in failure_sentence("o", "w", "x", ["/a"], "/r", down)
