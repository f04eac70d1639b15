# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with a real daemon process that starts, refuses its configuration, or hangs, as oned does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import guarded_service

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the module keeps files as root, so root is needed"),
]

DAEMON = """\
import pathlib, signal, socket, sys, time
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
mode = (folder / "daemon.conf").read_text().split()[0]
if mode == "bad":
    print("Error while parsing configuration file:\\nsyntax error, unexpected VARIABLE at line 3", flush=True)
    sys.exit(255)
if mode == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("loading driver foo", flush=True)
    time.sleep(600)
listener = socket.create_server(("127.0.0.1", port))
(folder / "ready").touch()
while True:
    listener.accept()[0].close()
"""


class Unit:
    def __init__(self, folder: Path, last_good: Path) -> None:
        self.folder, self.last_good = folder, last_good
        self.config = folder / "daemon.conf"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        folder.mkdir(parents=True)
        (folder / "daemon.py").write_text(DAEMON)
        (folder / "command").write_text(f"{sys.executable} -u {folder}/daemon.py {folder} {self.port}\n")

    def configure(self, text: str) -> None:
        time.sleep(0.02)  # the time of the file must differ from the daemon's start, which it does by far in real life
        self.config.write_text(text)

    def params(self, **changes: Any) -> dict[str, Any]:
        wanted = {
            "name": "oned",
            "config_files": [str(self.config)],
            "port": self.port,
            "start_timeout": 5,
            "kill": True,
        }
        wanted.update(changes)
        return {"units": [wanted]}

    @property
    def invocation(self) -> str:
        found: str = json.loads((self.folder / "state.json").read_text())["invocation"]
        return found

    def refused(self) -> str:
        return (self.last_good / "oned.service/refused" / str(self.config).lstrip("/")).read_text()


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unit]:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "journalctl"):
        program = programs / name
        body = Path(__file__).with_name("small_systemd.py")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {tmp_path}/bin/lib/{name} "$@"\n')
        program.chmod(0o755)
        (programs / "lib").mkdir(exist_ok=True)
        (programs / "lib" / name).symlink_to(body)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SMALL_SYSTEMD", str(tmp_path / "units"))
    monkeypatch.setattr(guarded_service, "LAST_GOOD", str(tmp_path / "last-good"))
    unit = Unit(tmp_path / "units" / "oned.service", tmp_path / "last-good")
    yield unit
    for path in (tmp_path / "units").glob("*/pid.*"):
        pid = path.read_text()
        if not path.with_name(f"status.{pid}").exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def actions(result: dict[str, Any]) -> list[str]:
    found: list[str] = result["units"][0]["actions"]
    return found


def test_start_converge_restart(unit: Unit, capsys: Any) -> None:
    unit.configure("good one")
    predicted = run_module(capsys, guarded_service, check=True, **unit.params())
    assert not (unit.folder / "state.json").exists()
    result = run_module(capsys, guarded_service, **unit.params())
    assert actions(result) == ["enable", "start"] == actions(predicted)
    assert guarded_service.port_answers(unit.port)
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
    assert result["units"][0]["reasons"] == [f"{unit.config} is newer than the running daemon"]
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
        run_module(capsys, guarded_service, **unit.params(start_timeout=2))
    assert unit.config.read_text() == "good one"
    assert unit.config.stat().st_mode & 0o777 == 0o640
    assert unit.refused() == mode
    assert guarded_service.port_answers(unit.port)
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
    unit.configure("good two")
    assert actions(run_module(capsys, guarded_service, **unit.params())) == ["restart"]
    assert guarded_service.port_answers(unit.port)


def test_a_daemon_that_runs_is_not_killed_because_its_port_is_wrong(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    run_module(capsys, guarded_service, **unit.params())
    running = unit.invocation
    with pytest.raises(ModuleFailed, match="oned.service runs, but port 1 does not answer after the time limit"):
        run_module(capsys, guarded_service, **unit.params(port=1, start_timeout=1))
    assert unit.invocation == running and guarded_service.port_answers(unit.port)


def test_stopped_and_disabled(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    run_module(capsys, guarded_service, **unit.params())
    unwanted = unit.params(state="stopped", enabled=False)
    assert actions(run_module(capsys, guarded_service, **unwanted)) == ["disable", "stop"]
    assert not guarded_service.port_answers(unit.port)
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
