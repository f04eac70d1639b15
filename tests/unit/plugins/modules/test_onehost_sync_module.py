# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with real files and processes: an 'onehost' that lists what it is told to and notes what it is given."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import onehost_sync

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the module writes its record as root, so root is needed")

ONEHOST = """#!/bin/sh
case "$1" in
    list)
        [ ! -e {folder}/frozen ] || {{ sleep "$ONE_XMLRPC_TIMEOUT"; echo "Net::ReadTimeout" >&2; exit 255; }}
        cat {folder}/pool.xml ;;
    sync)
        [ ! -e {folder}/slow ] || sleep 2
        echo "$HOME $*" >>{folder}/log
        [ ! -e {folder}/broken ] || {{ echo "Failed to update the following hosts:" >&2; exit 255; }}
        ;;
    *) exit 1 ;;
esac
"""
RUNUSER = """#!/bin/sh
[ "$1 $2 $3" = "-u oneadmin --" ] || exit 1
shift 3
exec "$@"
"""
INIT, MONITORED, ERROR = 0, 2, 3


class FrontEnd:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remotes, self.record = folder / "one" / "remotes", folder / "state" / "remotes.json"
        (self.remotes / "vmm/kvm").mkdir(parents=True)
        self.driver = self.remotes / "vmm/kvm/deploy"
        self.driver.write_text("#!/bin/sh\n")

    def has(self, **states: int) -> None:
        hosts = [
            f"<HOST><ID>{number}</ID><NAME>{name}</NAME><STATE>{state}</STATE><TEMPLATE/></HOST>"
            for number, (name, state) in enumerate(states.items())
        ]
        (self.folder / "pool.xml").write_text(f"<HOST_POOL>{''.join(hosts)}</HOST_POOL>")

    def synced(self) -> list[str]:
        """What onehost was called with since the last look."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def leads(self, term: int) -> None:
        """As one of two front-ends."""
        (self.folder / "oned.conf").write_text('FEDERATION = [ SERVER_ID = "0" ]\n')
        servers = "".join(
            f"<SERVER><ID>{n}</ID><NAME>front{n}</NAME><ENDPOINT>e{n}</ENDPOINT><STATE>{state}</STATE><TERM>{term}</TERM></SERVER>"
            for n, state in enumerate("32")
        )
        zone = f"<ZONE><ID>0</ID><TEMPLATE/><SERVER_POOL>{servers}</SERVER_POOL></ZONE>"
        (self.folder / "bin/onezone").write_text(f"#!/bin/sh\necho '{zone}'\n")
        (self.folder / "bin/onezone").chmod(0o755)

    def params(self) -> dict[str, str]:
        return {"remotes": str(self.remotes), "record": str(self.record), "conf": str(self.folder / "oned.conf")}


@pytest.fixture
def front_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrontEnd:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("onehost", ONEHOST.format(folder=tmp_path)), ("runuser", RUNUSER)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return FrontEnd(tmp_path)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the modules of this test warned of; Ansible itself keeps the warnings of a process in one heap."""
    told: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: told.append(text))
    return told


def run(capsys: Any, front_end: FrontEnd, check: bool = False) -> dict[str, Any]:
    return run_module(capsys, onehost_sync, check=check, **front_end.params())


def test_a_changed_driver_goes_once_to_every_node(front_end: FrontEnd, capsys: Any) -> None:
    front_end.has(node1=MONITORED, node2=MONITORED)
    home = front_end.remotes.parent
    predicted = run(capsys, front_end, check=True)
    assert front_end.synced() == [] and not front_end.record.exists()
    result = run(capsys, front_end)
    assert result["synced"] == predicted["synced"] == ["node1", "node2"]
    assert result["diff"] == predicted["diff"]
    assert front_end.synced() == [f"{home} sync --force 0,1"]
    assert front_end.record.stat().st_mode & 0o777 == 0o644
    assert not run(capsys, front_end)["changed"] and front_end.synced() == []

    front_end.driver.write_text("#!/bin/sh\n# better\n")
    assert run(capsys, front_end)["changed"] and front_end.synced() == [f"{home} sync --force 0,1"]


@pytest.mark.parametrize(
    "change", ["mode", "new file", "new folder", "removed", "renamed", "link to a file", "link to a folder"]
)
def test_what_counts_as_a_change(front_end: FrontEnd, capsys: Any, change: str) -> None:
    (front_end.remotes / "vmm/kvm/save").write_text("")
    file, folder = front_end.remotes / "file", front_end.remotes / "folder"
    file.symlink_to("vmm/kvm/deploy")
    folder.symlink_to("vmm")
    front_end.has(node1=MONITORED)
    run(capsys, front_end)
    if change == "mode":
        front_end.driver.chmod(0o755)
    elif change == "new file":
        (front_end.remotes / "vmm/kvm/attach_disk").write_text("")
    elif change == "new folder":
        (front_end.remotes / "im/kvm-probes.d").mkdir(parents=True)
    elif change == "removed":
        front_end.driver.unlink()
    elif change == "renamed":
        front_end.driver.rename(front_end.driver.with_name("restore"))
    else:
        link, other = (file, "vmm/kvm/save") if change == "link to a file" else (folder, "vmm/kvm")
        link.unlink()
        link.symlink_to(other)
    assert run(capsys, front_end)["synced"] == ["node1"]
    os.utime(front_end.remotes)
    (front_end.remotes / "vmm/kvm/kvmrc.2026-11-21~").write_text("former")
    (front_end.remotes / ".update").write_text("")
    assert not run(capsys, front_end)["changed"], "neither a time, nor a backup, nor the mark of a sync is a change"


def test_after_another_front_end_led_the_nodes_have_its_drivers(front_end: FrontEnd, capsys: Any) -> None:
    front_end.has(node1=MONITORED, node2=ERROR)
    front_end.leads(term=4)
    assert run(capsys, front_end)["synced"] == ["node1"]
    assert not run(capsys, front_end)["changed"]
    front_end.leads(term=6)
    assert run(capsys, front_end)["synced"] == ["node1"], "who led in term 5 may have given it others"
    assert not run(capsys, front_end)["changed"]


def test_a_node_that_is_not_reached_is_named_and_made_up_for(
    front_end: FrontEnd, capsys: Any, warnings: list[str]
) -> None:
    front_end.has(node1=MONITORED, node2=ERROR)
    result = run(capsys, front_end)
    assert result["waiting"] == ["node2"] and "does not reach node2" in warnings[0]
    assert front_end.synced()[0].endswith("--force 0")
    front_end.has(node1=MONITORED, node2=MONITORED)
    assert run(capsys, front_end)["synced"] == ["node2"]
    assert front_end.synced()[0].endswith("--force 1")


def test_what_failed_is_tried_again(front_end: FrontEnd, capsys: Any) -> None:
    front_end.has(node1=MONITORED)
    (front_end.folder / "broken").touch()
    for _run in range(2):
        with pytest.raises(ModuleFailed, match="could not be copied to node1: .*Failed to update the following hosts"):
            run(capsys, front_end)
    (front_end.folder / "broken").unlink()
    assert run(capsys, front_end)["synced"] == ["node1"]


def test_a_record_that_cannot_be_read_is_none(front_end: FrontEnd, capsys: Any) -> None:
    front_end.has(node1=MONITORED)
    run(capsys, front_end)
    front_end.record.write_text('{"digest": ')
    assert run(capsys, front_end)["synced"] == ["node1"]
    assert json.loads(front_end.record.read_text())["hosts"].keys() == {"0"}


def test_the_copying_may_take_longer_than_an_answer(
    front_end: FrontEnd, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.kvmcloud.stack.plugins.module_utils.one_command._START_UP", 0)
    front_end.has(node1=MONITORED)
    (front_end.folder / "slow").touch()
    with pytest.raises(ModuleFailed, match="did not end within 1 s"):
        run_module(capsys, onehost_sync, **front_end.params(), api_timeout=1, sync_timeout=1)
    assert run_module(capsys, onehost_sync, **front_end.params(), api_timeout=1, sync_timeout=30)["changed"]


def test_an_oned_that_hangs_is_not_waited_for_as_long_as_a_copy(front_end: FrontEnd, capsys: Any) -> None:
    (front_end.folder / "frozen").touch()
    with pytest.raises(ModuleFailed, match="could not be read: .*hangs or is overloaded"):
        run_module(capsys, onehost_sync, **front_end.params(), api_timeout=1, sync_timeout=600)


def test_without_a_pool_nothing_is_done(front_end: FrontEnd, capsys: Any) -> None:
    with pytest.raises(ModuleFailed, match="Which nodes there are, and who leads, could not be read"):
        run(capsys, front_end)
    assert front_end.synced() == [] and not front_end.record.exists()
