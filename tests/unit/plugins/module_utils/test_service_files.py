# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.service_files import (
    UnitState,
    parse_states,
    plan_absent,
    plan_present,
)

UNIT = "example.path"
FILE = "/etc/systemd/system/example.path"
SERVICE_FILE = "/etc/systemd/system/example.service"
RUNS = UnitState(enabled=True, active=True, stale=False)
RELOAD, ENABLE, START, RESTART = ["daemon-reload"], ["enable", UNIT], ["start", UNIT], ["restart", UNIT]
DISABLE = ["disable", "--now", UNIT]


@pytest.mark.parametrize(
    ("state", "changed", "after"),
    [
        (RUNS, [], []),
        (None, [FILE], [RELOAD, ENABLE, START]),
        (RUNS._replace(enabled=False, active=False), [], [ENABLE, START]),
        (RUNS._replace(enabled=False), [], [ENABLE]),
        (RUNS._replace(active=False), [], [START]),
        (RUNS._replace(stale=True), [], [RELOAD, RESTART]),
        (RUNS, [FILE], [RELOAD, RESTART]),
        (RUNS, [SERVICE_FILE], [RELOAD]),
        (RUNS, ["/etc/example.conf"], []),
    ],
    ids=[
        "converged",
        "nothing is there",
        "killed before it was enabled",
        "disabled by hand",
        "stopped by hand",
        "killed before systemd read the new file",
        "its own file changed",
        "the file of another unit changed",
        "a file that systemd does not read changed",
    ],
)
def test_what_systemd_is_told(state, changed, after):
    steps = plan_present([UNIT], {UNIT: state} if state else {}, changed)
    assert (steps.before, steps.after) == ([], after)


@pytest.mark.parametrize(
    ("state", "removed", "before", "after"),
    [
        (None, [], [], []),
        (RUNS, [FILE], [DISABLE], [RELOAD]),
        (RUNS._replace(enabled=False), [FILE], [DISABLE], [RELOAD]),
        (RUNS._replace(active=False), [FILE], [DISABLE], [RELOAD]),
        (RUNS._replace(enabled=False, active=False), [FILE], [], [RELOAD]),
        (UnitState(False, False, stale=True), [], [], [RELOAD]),
        (None, ["/etc/example.conf"], [], []),
    ],
    ids=[
        "was never there",
        "runs",
        "runs, but is not enabled",
        "is enabled, but does not run",
        "killed before the files were removed",
        "killed before systemd forgot it",
        "only a file that systemd does not read is left",
    ],
)
def test_a_unit_is_stopped_before_its_file_goes(state, removed, before, after):
    steps = plan_absent([UNIT], {UNIT: state} if state else {}, removed)
    assert (steps.before, steps.after) == (before, after)


def test_states_as_systemctl_shows_them():
    shown = (
        "Id=a.path\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n\n"
        "Id=b.service\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=yes\n\n"
        "Id=c.path\nActiveState=activating\nUnitFileState=disabled\nNeedDaemonReload=no\n"
    )
    assert parse_states(shown) == {
        "a.path": UnitState(True, True, False),
        "b.service": UnitState(False, False, True),
        "c.path": UnitState(False, True, False),
    }
