# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with a real daemon process: starts, restarts, and configurations that are refused."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import pytest
from guarded_unit import Unit, actions, answers, make_unit  # noqa: F401  # pylint: disable=unused-import  # a fixture
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import guarded_service

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the module keeps files as root, so root is needed"),
]


def test_start_converge_restart(unit: Unit, capsys: Any) -> None:
    unit.configure("good one")
    predicted = run_module(capsys, guarded_service, check=True, **unit.params())
    assert not (unit.folder / "state.json").exists()
    result = run_module(capsys, guarded_service, **unit.params())
    assert actions(result) == ["enable", "start"] == actions(predicted)
    assert answers(unit)
    assert result["diff"] == predicted["diff"]
    first = unit.invocation

    for check in (False, True):
        assert not run_module(capsys, guarded_service, check=check, **unit.params())["changed"]
    os.utime(unit.config)  # touched, but the same content the daemon started with
    assert not run_module(capsys, guarded_service, **unit.params())["changed"]
    assert unit.invocation == first

    unit.configure("good two")
    result = run_module(capsys, guarded_service, **unit.params())
    assert actions(result) == ["restart"] and unit.invocation != first
    assert result["units"][0]["reasons"] == [f"{unit.config} is not what the running daemon was started with"]
    assert not run_module(capsys, guarded_service, **unit.params())["changed"]


def test_check_mode_is_told_of_a_change_that_was_only_predicted(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    run_module(capsys, guarded_service, **unit.params())
    wanted = {**unit.params(), "predicted_changes": [str(unit.config)]}
    assert actions(run_module(capsys, guarded_service, check=True, **wanted)) == ["restart"]
    assert not run_module(capsys, guarded_service, **wanted)["changed"], "in a real run the times of the files decide"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("bad", r"ended with status 255 .*It says: Error while parsing configuration file: / syntax error.*line 3\."),
        ("hang", r"still activating after the time limit.*It says: loading driver foo\."),
    ],
)
def test_refused_configuration_goes_back(unit: Unit, capsys: Any, mode: str, words: str) -> None:
    unit.configure("good one")
    unit.config.chmod(0o640)
    run_module(capsys, guarded_service, **unit.params())
    unit.configure(mode)
    with pytest.raises(ModuleFailed, match=f"(?s){words}.*is back and the service runs with it"):
        run_module(capsys, guarded_service, **unit.params(start_timeout=4))
    assert unit.config.read_text() == "good one"
    assert unit.config.stat().st_mode & 0o777 == 0o640
    assert unit.refused() == mode
    assert answers(unit)
    assert not run_module(capsys, guarded_service, **unit.params())["changed"]


def test_first_start_that_fails_has_nothing_to_go_back_to(unit: Unit, capsys: Any) -> None:
    unit.configure("bad")
    with pytest.raises(ModuleFailed, match="no former configuration to go back to, so the service is stopped"):
        run_module(capsys, guarded_service, **unit.params())
    assert unit.config.read_text() == "bad"
    unit.configure("good")
    assert actions(run_module(capsys, guarded_service, **unit.params())) == ["start"]


def test_former_configuration_that_does_not_work_any_more(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    run_module(capsys, guarded_service, **unit.params())
    program = unit.folder / "daemon.py"
    program.write_text("import sys; print('no such library'); sys.exit(127)")
    unit.configure("good two")
    with pytest.raises(
        ModuleFailed, match="is back, but the service does not come up with it either: it ended with status 127"
    ):
        run_module(capsys, guarded_service, **unit.params())


def test_run_that_was_killed_between_edit_and_restart(unit: Unit, capsys: Any) -> None:
    unit.configure("good one")
    run_module(capsys, guarded_service, **unit.params())
    unit.configure("good two")  # and the run dies here
    assert actions(run_module(capsys, guarded_service, **unit.params())) == ["restart"]


def test_run_that_was_killed_while_the_daemon_hung(unit: Unit, capsys: Any) -> None:
    unit.configure("good one")
    run_module(capsys, guarded_service, **unit.params())
    unit.configure("hang")
    assert os.system("systemctl --no-block restart oned.service") == 0  # and the run dies here
    while not (unit.folder / "hanging").exists():
        time.sleep(0.02)
    unit.configure("good two")
    assert actions(run_module(capsys, guarded_service, **unit.params())) == ["restart"]
    assert answers(unit)


def test_a_daemon_that_runs_is_not_killed_because_its_port_is_wrong(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    run_module(capsys, guarded_service, **unit.params())
    running = unit.invocation
    with pytest.raises(ModuleFailed, match="oned.service runs, but port 1 does not answer after the time limit"):
        run_module(capsys, guarded_service, **unit.params(port=1, start_timeout=1))
    assert unit.invocation == running and answers(unit)


def test_stopped_and_disabled(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    run_module(capsys, guarded_service, **unit.params())
    unwanted = unit.params(state="stopped", enabled=False)
    assert actions(run_module(capsys, guarded_service, **unwanted)) == ["disable", "stop"]
    assert not answers(unit)
    assert not run_module(capsys, guarded_service, **unwanted)["changed"]


def test_unit_that_does_not_exist(unit: Unit, capsys: Any) -> None:
    wanted = {"units": [{"name": "nowhere"}]}
    assert actions(run_module(capsys, guarded_service, check=True, **wanted)) == ["enable", "start"]
    with pytest.raises(ModuleFailed, match="The unit nowhere.service does not exist; install the package"):
        run_module(capsys, guarded_service, **wanted)


def test_copies_are_for_root_only(unit: Unit, capsys: Any) -> None:
    unit.configure("good PASSWD")
    run_module(capsys, guarded_service, **unit.params())
    assert unit.last_good.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in unit.last_good.rglob("*") if path.is_file()} == {0o600}


def test_a_daemon_that_is_not_to_be_killed_goes_on_starting(unit: Unit, capsys: Any) -> None:
    """A database in the middle of its recovery must not be shot because our patience ended."""
    unit.configure("hang")
    for _attempt in range(2):
        with pytest.raises(ModuleFailed, match="still activating after the time limit.*the service is left as it is"):
            run_module(capsys, guarded_service, **unit.params(kill=False, start_timeout=1))
    state = json.loads((unit.folder / "state.json").read_text())
    os.kill(state["pid"], 0)  # raises if it is gone


def test_the_port_is_the_one_of_the_configuration(unit: Unit, capsys: Any) -> None:
    """Somebody has moved the daemon: on the port that it has by default nobody answers."""
    unit.configure(f"good\nPORT = {unit.port}\n")
    wanted = unit.params(port=1, port_setting=r'^PORT\s*=\s*"?(\d+)', start_timeout=5)
    assert actions(run_module(capsys, guarded_service, **wanted)) == ["enable", "start"]
    assert not run_module(capsys, guarded_service, **wanted)["changed"]
