# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with a `systemctl` that keeps the one state that matters here: what it has in memory of a unit's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import service_files as core
from ansible_collections.kvmcloud.stack.plugins.modules import service_files

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the files belong to root")

SYSTEMCTL = """#!/bin/sh
cd {root}
echo "$*" >> calls
[ ! -e "refuses-$1" ] || {{ echo "Failed to $1 unit: no." >&2; exit 1; }}
unit=example.path
case "$*" in
  "show --property=Id,UnitFileState,ActiveState,NeedDaemonReload -- $unit")
    echo "Id=$unit"
    [ -e enabled ] && echo UnitFileState=enabled || echo UnitFileState=disabled
    [ -e active ] && echo ActiveState=active || echo ActiveState=inactive
    cmp -s units/$unit memory && echo NeedDaemonReload=no && exit
    [ ! -e units/$unit ] && [ ! -e memory ] && echo NeedDaemonReload=no || echo NeedDaemonReload=yes ;;
  daemon-reload) rm -f memory; [ ! -e units/$unit ] || cp units/$unit memory ;;
  "enable $unit") [ -e memory ] && touch enabled ;;
  "start $unit"|"restart $unit") [ -e memory ] && touch active ;;
  "disable --now $unit") rm -f enabled active ;;
  *) echo "systemctl was not to be called with: $*" >&2; exit 99 ;;
esac
"""


class Host:
    def __init__(self, root: Path, capsys: Any) -> None:
        self.root, self.capsys = root, capsys
        self.units = root / "units"
        self.units.mkdir()
        self.program = root / "lib/example/example.py"
        (root / "lib").mkdir()
        self.systemctl = root / "systemctl"
        self.systemctl.write_text(SYSTEMCTL.format(root=root))
        self.systemctl.chmod(0o755)

    def run(self, check: bool = False, state: str = "present", text: str = "one", **changed: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "state": state,
            "directories": [str(self.program.parent)],
            "files": [
                {"path": str(self.program), "content": f"program {text}\n", "mode": "0755"},
                {"path": str(self.units / "example.path"), "content": f"unit {text}\n"},
            ],
            "units": ["example.path"],
            **changed,
        }
        return run_module(self.capsys, service_files, check=check, **given)

    @property
    def everything(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.name != "calls")


@pytest.fixture
def host(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path, capsys)
    monkeypatch.setattr(core, "UNIT_FOLDER", str(host.units))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return host


def test_a_narrow_umask_does_not_close_what_others_have_to_read(host: Host) -> None:
    former = os.umask(0o077)
    try:
        host.run()
    finally:
        os.umask(former)
    assert host.program.parent.stat().st_mode & 0o777 == 0o755
    assert host.program.stat().st_mode & 0o777 == 0o755


def test_it_is_there_then_stays_then_goes(host: Host) -> None:
    bare = host.everything
    predicted = host.run(check=True)
    assert host.everything == bare
    done = host.run()
    assert predicted == done
    assert done["changed"] and done["systemctl"] == [
        ["daemon-reload"],
        ["enable", "example.path"],
        ["start", "example.path"],
    ]
    assert host.program.read_text() == "program one\n" and host.program.stat().st_mode & 0o777 == 0o755
    assert host.program.parent.stat().st_mode & 0o777 == 0o755
    assert (host.units / "example.path").stat().st_mode & 0o777 == 0o644

    (host.root / "calls").unlink()
    assert not host.run()["changed"] and not host.run(check=True)["changed"]
    assert len((host.root / "calls").read_text().splitlines()) == 2, "systemd is asked once, and told nothing"

    assert host.run(check=True, state="absent")["changed"]
    assert host.program.exists()
    gone = host.run(state="absent")
    assert gone["systemctl"] == [["disable", "--now", "example.path"], ["daemon-reload"]]
    assert host.everything == bare
    assert not host.run(state="absent")["changed"]


def test_a_changed_unit_is_read_and_restarted(host: Host) -> None:
    host.run()
    assert host.run(text="two")["systemctl"] == [["daemon-reload"], ["restart", "example.path"]]
    assert (host.root / "memory").read_text() == "unit two\n"


def test_a_changed_program_needs_no_systemd(host: Host) -> None:
    host.run()
    host.program.write_text("edited by hand\n")
    again = host.run()
    assert again["files"] == [str(host.program)] and not again["systemctl"]


@pytest.mark.parametrize("verb", ["daemon-reload", "enable", "start"])
def test_a_run_that_ended_after_the_files_were_written_is_repaired(host: Host, verb: str) -> None:
    refusal = host.root / f"refuses-{verb}"
    refusal.touch()
    with pytest.raises(ModuleFailed, match=f"'systemctl {verb}.* failed: Failed to {verb} unit: no."):
        host.run()
    refusal.unlink()
    assert host.run()["changed"]
    assert not host.run()["changed"]
    assert (host.root / "active").exists() and (host.root / "enabled").exists()


def test_a_removal_that_ended_in_the_middle_is_repaired(host: Host) -> None:
    bare = host.everything
    host.run()
    (host.root / "refuses-daemon-reload").touch()
    with pytest.raises(ModuleFailed):
        host.run(state="absent")
    (host.root / "refuses-daemon-reload").unlink()
    assert host.run(state="absent")["systemctl"] == [["daemon-reload"]]
    host.program.parent.mkdir()  # killed before the directory went
    assert host.run(check=True, state="absent")["changed"] and host.run(state="absent")["changed"]
    assert host.everything == bare and not host.run(state="absent")["changed"]


def test_a_unit_that_cannot_be_stopped_keeps_its_files(host: Host) -> None:
    host.run()
    (host.root / "refuses-disable").touch()
    with pytest.raises(ModuleFailed, match="disable --now example.path"):
        host.run(state="absent")
    assert host.program.exists() and (host.units / "example.path").exists()


def test_a_directory_with_files_of_others_stays(host: Host) -> None:
    host.run()
    (host.program.parent / "notes").touch()
    host.run(state="absent")
    assert [path.name for path in host.program.parent.iterdir()] == ["notes"]
    assert not host.run(state="absent")["changed"]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [({"content": None}, "has no content"), ({"content": "x", "mode": "rwx"}, "wanted octal digits")],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is(host: Host, file: dict, sentence: str) -> None:
    bare = host.everything
    with pytest.raises(ModuleFailed, match=sentence):
        host.run(files=[{"path": str(host.program), **file}])
    assert host.everything == bare
