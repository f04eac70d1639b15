# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else happens to a daemon: it freezes, its secrets change, the clock is set, the disk is full."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible.module_utils.basic import AnsibleModule
from guarded_unit import DAEMON, Unit, actions, answers, make_unit  # noqa: F401  # pylint: disable=unused-import  # a fixture
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import guarded_service

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the module keeps files as root, so root is needed"),
]

FROZEN = {"http_path": "/RPC2", "answer_timeout": 3}


@pytest.mark.parametrize(
    ("mode", "stop_seconds"),
    [("good", "600"), ("stubborn", "0.2"), ("stubborn", "600")],
    ids=["ends when it is woken", "killed by systemd", "killed by us, who wait less"],
)
def test_a_frozen_daemon_is_restarted(unit: Unit, capsys: Any, mode: str, stop_seconds: str) -> None:
    """The kernel takes connections for it, so that its port looks alive."""
    (unit.folder / "stop_seconds").write_text(stop_seconds)
    unit.configure(mode)
    run_module(capsys, guarded_service, **unit.params(**FROZEN))
    assert not run_module(capsys, guarded_service, **unit.params(**FROZEN))["changed"]
    frozen = unit.invocation
    os.kill(unit.pid, signal.SIGSTOP)
    assert answers(unit), "a connection is no sign of life"
    for check in (True, False):
        result = run_module(capsys, guarded_service, check=check, **unit.params(**FROZEN, start_timeout=8))
        assert actions(result) == ["restart"]
        assert result["units"][0]["reasons"] == [f"it takes connections on port {unit.port} and answers none"]
    assert unit.invocation != frozen
    assert not run_module(capsys, guarded_service, **unit.params(**FROZEN))["changed"]


def test_a_frozen_daemon_that_is_not_to_be_killed_is_left_to_systemd(unit: Unit, capsys: Any) -> None:
    (unit.folder / "stop_seconds").write_text("600")
    unit.configure("stubborn")
    run_module(capsys, guarded_service, **unit.params(**FROZEN))
    os.kill(unit.pid, signal.SIGSTOP)
    with pytest.raises(ModuleFailed, match="it is still deactivating, and is left to that"):
        run_module(capsys, guarded_service, **unit.params(**FROZEN, kill=False, start_timeout=1))
    os.kill(unit.pid, 0)  # raises if it is gone


def test_a_start_counts_only_when_the_daemon_answers(unit: Unit, capsys: Any) -> None:
    unit.configure("deaf")
    with pytest.raises(ModuleFailed, match=f"port {unit.port} does not answer after the time limit"):
        run_module(capsys, guarded_service, **unit.params(**FROZEN, start_timeout=2))


def test_a_changed_secret_restarts_and_is_never_put_back(unit: Unit, capsys: Any) -> None:
    secret = unit.folder / "auth"
    secret.write_text("oneadmin:first\n")
    unit.configure("good one")
    wanted = unit.params(reads=[str(secret), str(unit.folder / "absent")])
    run_module(capsys, guarded_service, **wanted)
    assert not run_module(capsys, guarded_service, **wanted)["changed"]
    secret.write_text("oneadmin:second\n")
    assert actions(run_module(capsys, guarded_service, **wanted)) == ["restart"]
    assert not run_module(capsys, guarded_service, **wanted)["changed"]

    secret.write_text("oneadmin:third\n")
    unit.configure("bad")
    with pytest.raises(ModuleFailed, match="The former [^ ]*daemon.conf is back"):
        run_module(capsys, guarded_service, **wanted)
    assert secret.read_text() == "oneadmin:third\n"
    kept = b"".join(path.read_bytes() for path in unit.last_good.rglob("*") if path.is_file())
    assert b"oneadmin" not in kept


def test_an_edit_is_seen_whatever_the_clock_did(unit: Unit, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock steps forward between edit and run: by its times, the file is older than the daemon."""
    unit.configure("good one")
    run_module(capsys, guarded_service, **unit.params())
    unit.configure("bad")
    real = time.time
    monkeypatch.setattr(guarded_service.time, "time", lambda: real() + 3600)
    with pytest.raises(ModuleFailed, match="is back and the service runs with it"):
        run_module(capsys, guarded_service, **unit.params())
    assert unit.config.read_text() == "good one"


def test_an_edit_during_the_start_is_not_taken_for_what_it_started_with(
    unit: Unit, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit.configure("good one")
    genuine = guarded_service.bring_up

    def edited_meanwhile(*arguments: Any) -> None:
        genuine(*arguments)
        unit.config.write_text("good two")

    with monkeypatch.context() as patched:
        patched.setattr(guarded_service, "bring_up", edited_meanwhile)
        run_module(capsys, guarded_service, **unit.params())
    assert actions(run_module(capsys, guarded_service, **unit.params())) == ["restart"]


def test_an_edit_before_the_start_is_what_it_started_with(
    unit: Unit, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units before it in the list may have taken minutes."""
    unit.configure("good one")
    genuine = guarded_service.apply

    def edited_before(*arguments: Any) -> None:
        unit.config.write_text("good two")
        genuine(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(guarded_service, "apply", edited_before)
        run_module(capsys, guarded_service, **unit.params())
    assert not run_module(capsys, guarded_service, **unit.params())["changed"]


def test_a_daemon_that_nobody_recorded_is_judged_by_times(unit: Unit, capsys: Any) -> None:
    """It was started by hand, before or after the edit."""
    unit.configure("good one")
    assert os.system("systemctl --no-block enable oned.service && systemctl --no-block start oned.service") == 0
    unit.await_ready()
    assert not run_module(capsys, guarded_service, **unit.params())["changed"]
    unit.configure("good two")
    assert os.system("systemctl restart oned.service") == 0
    unit.await_ready()
    assert not run_module(capsys, guarded_service, check=True, **unit.params())["changed"]
    unit.configure("good three")
    assert actions(run_module(capsys, guarded_service, **unit.params())) == ["restart"]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the modules of this test warned of; Ansible itself keeps the warnings of a process in one heap."""
    told: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: told.append(text))
    return told


@pytest.fixture
def full_disk(tmp_path: Path, unit: Unit) -> Iterator[Path]:
    """The place of the copies is a file system of its own, which somebody fills."""
    unit.last_good.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(unit.last_good)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield unit.last_good / "filler"
    subprocess.run(["umount", str(unit.last_good)], check=True)


def fill(filler: Path) -> None:
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


def test_roll_back_with_a_full_disk(unit: Unit, capsys: Any, full_disk: Path) -> None:
    """The refused file cannot be kept for its author; the service comes first, and the daemon's words are told."""
    unit.configure("good one")
    run_module(capsys, guarded_service, **unit.params())
    fill(full_disk)
    unit.configure("bad")
    with pytest.raises(ModuleFailed, match="syntax error.*daemon.conf is back and the service runs with it"):
        run_module(capsys, guarded_service, **unit.params())
    assert unit.config.read_text() == "good one" and answers(unit)


def test_a_start_with_a_full_disk_is_a_start(unit: Unit, capsys: Any, full_disk: Path, warnings: list[str]) -> None:
    fill(full_disk)
    unit.configure("good one")
    result = run_module(capsys, guarded_service, **unit.params())
    assert actions(result) == ["enable", "start"] and answers(unit)
    (warning,) = warnings
    assert "could not be kept" in warning and "No space left on device" in warning
    full_disk.unlink()
    assert not run_module(capsys, guarded_service, **unit.params())["changed"]
    unit.configure("bad")
    with pytest.raises(ModuleFailed, match="is back and the service runs with it"):
        run_module(capsys, guarded_service, **unit.params())


def test_configuration_on_a_full_disk_cannot_be_put_back(unit: Unit, capsys: Any, full_disk: Path) -> None:
    unit.config = full_disk.with_name("daemon.conf")
    (unit.folder / "daemon.py").write_text(DAEMON.replace('folder / "daemon.conf"', f'pathlib.Path("{unit.config}")'))
    unit.configure("good one")
    run_module(capsys, guarded_service, **unit.params())
    unit.configure("bad")
    fill(full_disk)
    with pytest.raises(ModuleFailed, match="syntax error.*could not be put back: No space left on device.*kept in"):
        run_module(capsys, guarded_service, **unit.params())
    assert unit.config.read_text() == "bad"
    full_disk.unlink()
    with pytest.raises(ModuleFailed, match="is back and the service runs with it"):
        run_module(capsys, guarded_service, **unit.params())


def started_by_somebody_else(unit: Unit, text: str) -> None:
    unit.configure(text)
    assert os.system("systemctl stop oned.service && systemctl --no-block start oned.service") == 0
    unit.await_ready()


@pytest.mark.parametrize("known", [False, True], ids=["never started here", "started here once"])
def test_what_somebody_else_started_comes_back(unit: Unit, capsys: Any, known: bool) -> None:
    """Recorded before the edit; the last good start from here may be of another time."""
    if known:
        unit.configure("good one")
        run_module(capsys, guarded_service, **unit.params())
    started_by_somebody_else(unit, "good by hand")
    running = unit.invocation
    for check in (True, False):
        assert not run_module(capsys, guarded_service, check=check, record=True, **unit.params())["changed"]
    assert unit.invocation == running and answers(unit)
    unit.configure("bad")
    with pytest.raises(ModuleFailed, match="is back and the service runs with it"):
        run_module(capsys, guarded_service, **unit.params())
    assert unit.config.read_text() == "good by hand" and answers(unit)


def test_a_file_that_is_younger_than_its_daemon_is_not_what_it_runs_with(unit: Unit, capsys: Any) -> None:
    started_by_somebody_else(unit, "good by hand")
    unit.configure("bad")
    run_module(capsys, guarded_service, record=True, **unit.params())
    unit.configure("bad edited")
    with pytest.raises(ModuleFailed, match="no former configuration to go back to"):
        run_module(capsys, guarded_service, **unit.params())
    assert unit.config.read_text() == "bad edited"


def test_nothing_is_recorded_of_what_does_not_run(unit: Unit, capsys: Any) -> None:
    unit.configure("good")
    nowhere = {"name": "nowhere", "config_files": [str(unit.config)]}
    units = [*unit.params()["units"], nowhere]
    assert run_module(capsys, guarded_service, units=units, record=True)["units"] == []
    assert not unit.last_good.exists()


DB = 'GOOD = "yes"\nDB = [ BACKEND = "{}", PASSWD = "{}" ]\n'


def oned_that_reads(unit: Unit, check: str) -> None:
    """A daemon of which `check`, over its configuration as `text`, says whether it starts."""
    judged = f"text = (folder / 'daemon.conf').read_text(); mode = 'good' if {check} else 'bad' #"
    (unit.folder / "daemon.py").write_text(DAEMON.replace("mode =", judged, 1))


def test_another_database_never_comes_back(unit: Unit, capsys: Any) -> None:
    """The last good start from here was with SQLite; then somebody moved the cloud, and oned was down at the edit."""
    oned_that_reads(unit, "'PORT' not in text")
    unit.configure(DB.format("sqlite", ""))
    run_module(capsys, guarded_service, **unit.params())
    assert os.system("systemctl stop oned.service") == 0
    unit.configure(DB.format("mysql", "secret") + 'PORT = "abc"\n')
    with pytest.raises(ModuleFailed, match="names another database.* is not put back and the service is stopped"):
        run_module(capsys, guarded_service, **unit.params())
    assert "mysql" in unit.config.read_text() and not answers(unit)


def test_a_former_password_of_the_database_that_the_server_knows_no_more_is_told(unit: Unit, capsys: Any) -> None:
    unit.configure(DB.format("mysql", "former"))
    oned_that_reads(unit, "'former' in text")
    run_module(capsys, guarded_service, **unit.params())
    oned_that_reads(unit, "False")  # the account was changed, and something else is wrong with the new file
    unit.configure(DB.format("mysql", "new") + 'PORT = "abc"\n')
    with pytest.raises(
        ModuleFailed, match="not come up with it either.*set opennebula_database_password back"
    ) as failed:
        run_module(capsys, guarded_service, **unit.params())
    assert "former'" not in str(failed.value) and '"new"' not in str(failed.value)
