# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to happen to systemd units, and whether a start went well: states in, plans and verdicts out."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_database import OTHER_ACCOUNT, OTHER_DATABASE

SHOWN = (
    "Id",
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "AssertResult",
    "Job",
    "InvocationID",
    "ExecMainStatus",
    "ExecMainStartTimestampMonotonic",
    "ActiveEnterTimestampMonotonic",
    "NeedDaemonReload",
)
# `systemctl enable` has nothing to do for these.
ENABLED = ("enabled", "enabled-runtime", "static", "indirect", "generated", "alias", "linked", "linked-runtime")
SETTLE_SECONDS = 1.0  # a daemon without a port counts as up when it is still there after this time
# What a look at a port finds: it answers; it takes connections and says nothing; nobody is there.
ANSWERS, SILENT, CLOSED = "answers", "silent", "closed"


class ServiceError(ValueError):
    """The units cannot be as wanted; the text is the sentence for the user."""


class UnitState(NamedTuple):
    """A unit as `systemctl show` tells it."""

    load: str = "loaded"
    file: str = "enabled"
    active: str = "inactive"
    sub: str = "dead"
    result: str = "success"
    assertion: bool = True
    job: bool = False
    invocation: str = ""
    status: str = "0"
    started_us: int = 0  # of the monotonic clock; 0: not running
    stale: bool = False  # its unit file changed since systemd read it


class UnitPlan(NamedTuple):
    name: str
    actions: tuple[str, ...]  # enable, disable, reload, wait, start, restart, stop
    reasons: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(set(self.actions) - {"wait"})


def unit_name(name: str) -> str:
    return name if re.search(r"\.(service|socket|timer|target|mount|path)$", name) else name + ".service"


def parse_states(shown: str, count: int) -> list[UnitState]:
    """States in the order in which the units were asked for: a unit may answer with the name it is an alias of."""
    blocks = re.split(r"\n\s*\n", shown.strip()) if shown.strip() else []
    if len(blocks) != count:
        raise ServiceError(f"systemctl show told of {len(blocks)} units, {count} were asked for; is systemd running?")
    return [_state(dict(line.split("=", 1) for line in block.splitlines() if "=" in line)) for block in blocks]


def _state(values: Mapping[str, str]) -> UnitState:
    started = values.get("ExecMainStartTimestampMonotonic") or values.get("ActiveEnterTimestampMonotonic") or "0"
    if started == "0":
        started = values.get("ActiveEnterTimestampMonotonic") or "0"
    return UnitState(
        load=values.get("LoadState", ""),
        file=values.get("UnitFileState", ""),
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        result=values.get("Result", ""),
        assertion=values.get("AssertResult", "yes") != "no" or values.get("ActiveState") == "active",
        job=values.get("Job", "") not in ("", "0"),
        invocation=values.get("InvocationID", ""),
        status=values.get("ExecMainStatus", ""),
        started_us=int(started),
        stale=values.get("NeedDaemonReload") == "yes",
    )


def changed_files(
    state: UnitState,
    digests: Mapping[str, str | None],
    started_with: Mapping[str, str | None],
    changed_at: Mapping[str, float | None],
    monotonic: float,
    realtime: float,
) -> list[str]:
    """Files that are not what the running daemon was started with.

    Their content decides where it was recorded for this very run of the daemon, whatever clocks and times say. Of a run
    that nobody recorded - after a boot, or a start by hand - the times tell which files changed after its start. What
    this play did is not asked: one that was cut off between edit and restart is repaired by the next.
    """
    if state.active not in ("active", "activating"):
        return []
    started = realtime - (monotonic - state.started_us / 1e6) if state.started_us else float("inf")
    changed = []
    for path, digest in digests.items():
        if path in started_with:
            differs = digest != started_with[path]
        else:
            differs = (changed_at.get(path) or 0) > started
        if differs:
            changed.append(path)
    return changed


def plan_unit(
    wanted: Mapping[str, Any],
    state: UnitState,
    changed: Iterable[str],
    port: str | None,
    predicting: bool = False,
) -> UnitPlan:
    """What to do with one unit. `port`: what a look at it found, None where there was nothing to look at.

    `predicting`: in check mode it may come from a package that is yet to be installed.
    """
    name = unit_name(wanted["name"])
    if state.load == "not-found":
        if not predicting:
            raise ServiceError(f"The unit {name} does not exist; install the package that brings it first.")
        actions = (["enable"] if wanted["enabled"] else []) + (["start"] if wanted["state"] == "started" else [])
        return UnitPlan(name, tuple(actions), ("it does not exist yet",))
    if state.load == "masked" and wanted["state"] == "started":
        raise ServiceError(
            f"The unit {name} is masked, so it cannot start. If that is not on purpose: systemctl unmask {name}."
        )
    if state.load not in ("loaded", "masked"):
        raise ServiceError(
            f"The unit file of {name} cannot be used (systemd says: {state.load}); see systemctl status {name}."
        )

    actions, reasons = [], []
    if state.stale:
        actions.append("reload")
        reasons.append("its unit file changed")
    if wanted["enabled"] != (state.file in ENABLED) and state.load == "loaded":
        actions.append("enable" if wanted["enabled"] else "disable")
    if wanted["state"] == "stopped":
        if state.active not in ("inactive", "failed"):
            actions.append("stop")
        return UnitPlan(name, tuple(actions), tuple(reasons))

    starting = state.active == "activating" and state.sub != "auto-restart"
    if state.active == "active" or starting:
        why = [f"{path} is not what the running daemon was started with" for path in changed]
        if port == SILENT:
            why.append(f"it takes connections on port {wanted['port']} and answers none")
        if why:
            actions.append("restart")
            reasons += why
        elif starting or port == CLOSED:
            actions.append("wait")
    else:
        actions.append("start")
        reasons.append(f"it is {state.active}" + (f" ({state.sub})" if state.sub == "auto-restart" else ""))
    return UnitPlan(name, tuple(actions), tuple(reasons))


class Verdict(NamedTuple):
    outcome: str  # wait, up, failed
    why: str = ""


def judge_start(
    state: UnitState, former_invocation: str, port: int | None, port_answers: bool, active_for: float, left: float
) -> Verdict:
    """Whether a start is over, seen from one look at the unit. `left`: seconds until the time limit."""
    fresh = state.invocation != former_invocation
    if fresh and state.sub == "auto-restart":
        return Verdict("failed", f"it ended with status {state.status} ({state.result})")
    if state.active == "failed":
        return Verdict("failed", f"it failed with status {state.status} ({state.result})")
    if state.active == "inactive" and not state.job:
        if not state.assertion:
            return Verdict("failed", "an assertion of its unit file is not met")
        return Verdict("failed", f"it ended at once (status {state.status})")
    if state.active == "active" and fresh and (port_answers if port else active_for >= SETTLE_SECONDS):
        return Verdict("up")
    if left <= 0:
        missing = f"port {port} does not answer" if state.active == "active" and port else f"it is still {state.active}"
        return Verdict("failed", f"{missing} after the time limit")
    return Verdict("wait")


ERROR = re.compile(r"\[E\]|error|fail|cannot|could not|unable|fatal|exception|denied|refused|invalid", re.IGNORECASE)


def daemon_words(journal: str, logs: Iterable[str] = (), limit: int = 8) -> str:
    """The daemon's own words about why it did not start: the journal, and the errors it appended to its logs.

    Other lines of a log may be the former daemon's farewell, so they count only where nothing else is said.
    """
    printed = _lines(journal)
    logged = [line for text in logs for line in _lines(text)]
    words = ([line for line in printed if ERROR.search(line)] or printed)[-limit:]
    words += [line for line in logged if ERROR.search(line)][-limit:]
    return " / ".join(dict.fromkeys(words or logged[-limit:]))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("-- ")]


def failure_sentence(
    name: str,
    why: str,
    words: str,
    restored: list[str],
    refused_copy: str,
    second: Verdict | None,
    killed: bool = True,
    database: str = "",
) -> str:
    """What failed, in the daemon's words, and in what state the service is now."""
    said = f" It says: {words.rstrip('.')}." if words else " It says nothing in the journal."
    head = f"{name} did not come up: {why}.{said}"
    if second is None:
        left = "the service is stopped" if killed else "the service is left as it is"
        if database == OTHER_DATABASE:
            return (
                f"{head} The last configuration that it is known to have run with names another database, where it "
                f"would go on as another cloud, so that is not put back and {left}. Correct what it refuses and run "
                "again."
            )
        return f"{head} There is no former configuration to go back to, so {left}."
    files = " and ".join(restored)
    if second.outcome == "up":
        return f"{head} The former {files} is back and the service runs with it; the refused is kept in {refused_copy}."
    sentence = (
        f"{head} The former {files} is back, but the service does not come up with it either: {second.why}. "
        f"The refused one is kept in {refused_copy}."
    )
    if database == OTHER_ACCOUNT:
        # The account was changed for the refused one; its password cannot be had back from the server.
        sentence += (
            " The two have different accounts or passwords of the database, and the server may know those of the "
            "refused one only. Correct what was refused and run again, or set opennebula_database_password back and "
            "run again."
        )
    return sentence


def stuck_sentence(name: str, why: str, words: str, error: OSError, copies: str) -> str:
    """The start failed, and the former configuration cannot be put back either."""
    said = f" It says: {words.rstrip('.')}." if words else ""
    return (
        f"{name} did not come up: {why}.{said} The former configuration could not be put back: {error.strerror}. "
        f"It is kept in {copies}. Make room, copy it back and start the service, or run again with one that it accepts."
    )
