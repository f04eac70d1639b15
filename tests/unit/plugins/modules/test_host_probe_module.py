# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of the machine the tests run on, compared with what the test itself sets up there."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.modules import setup
from host_module import run_module

from ansible_collections.kvmcloud.stack.plugins.modules import host_probe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def probe(capsys: Any, **params: Any) -> dict[str, Any]:
    result = run_module(capsys, host_probe, **params)
    assert result["changed"] is False
    found: dict[str, Any] = result["probe"]
    return found


def test_values_of_this_machine(capsys: Any) -> None:
    before = time.time()
    found = probe(capsys, disk_paths=["/", "/no/such/place"])
    assert before <= found["epoch"] <= time.time()
    assert found["kernel"] == os.uname().release
    assert found["hostname"] == socket.gethostname()
    assert found["memory_mb"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    assert found["cpu"]["processors"] == os.sysconf("SC_NPROCESSORS_ONLN")
    assert found["disks"]["/no/such/place"]["measured_at"] == "/"
    assert 0 < found["disks"]["/"]["free_mb"] <= found["disks"]["/"]["size_mb"]
    assert "127.0.0.1/8" in found["interfaces"]["lo"]["addresses"]
    assert len(found["boot_id"]) == 36


def test_facts_are_those_of_setup(capsys: Any) -> None:
    """So that a role that asks for them first finds them, whichever of the two has run."""
    gathered = run_module(capsys, setup, gather_subset=["!all", "!min", "distribution", "pkg_mgr"])["ansible_facts"]
    facts = run_module(capsys, host_probe)["ansible_facts"]
    assert facts["ansible_distribution"] and facts["ansible_pkg_mgr"]
    assert facts == {name: value for name, value in gathered.items() if name in facts}
    assert set(gathered) - set(facts) <= {"gather_subset", "module_setup"}


def test_mounts_of_directories_and_of_what_links_lead_to(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    """A mount is looked up by its name and never asked: one of a dead server would never answer."""
    place, dead = tmp_path / "datastores", tmp_path / "datastores" / "105"
    for directory in (place / "100", dead, tmp_path / "far"):
        directory.mkdir(parents=True)
    (place / "104").symlink_to("../far/share")
    (place / "note.txt").touch()
    table = f"/dev/vda1 / ext4 rw 0 0\nnfs1:/far {tmp_path}/far nfs rw 0 0\nnfs2:/gone {dead} nfs4 rw 0 0\n"
    genuine = host_probe.text_of
    monkeypatch.setattr(host_probe, "text_of", lambda path: table if path == "/proc/self/mounts" else genuine(path))
    untouched = os.readlink

    def readlink(path: Any) -> str:
        assert not str(path).startswith(str(dead)), "the mount of a dead server was asked"
        return untouched(path)

    monkeypatch.setattr(os, "readlink", readlink)
    found = probe(capsys, mount_paths=[str(place), str(tmp_path / "none"), f"{dead}/below"])["mounts"]
    assert {path: mount["source"] for path, mount in found.items()} == {
        str(place): "/dev/vda1",
        f"{place}/100": "/dev/vda1",
        f"{place}/104": "nfs1:/far",
        str(dead): "nfs2:/gone",
        f"{tmp_path}/none": "/dev/vda1",
        f"{dead}/below": "nfs2:/gone",
    }


def test_the_mounts_of_this_machine(capsys: Any) -> None:
    found = probe(capsys, mount_paths=["/proc"])["mounts"]
    assert found["/proc"] == {"source": "proc", "fstype": "proc", "mounted_at": "/proc"}


def test_a_disk_that_does_not_answer_holds_nothing_up(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = os.statvfs

    def statvfs(path: str) -> os.statvfs_result:
        if path == "/proc":
            time.sleep(2)  # a mount of a dead server
        if path == "/sys":
            raise OSError(errno.ESTALE, "Stale file handle")
        return genuine(path)

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(host_probe, "DISK_TIMEOUT", 0.5)
    # had it been waited for, /proc would be there
    assert set(probe(capsys, disk_paths=["/", "/proc", "/sys"])["disks"]) == {"/"}


def test_own_sockets_and_their_process(capsys: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(
        socket.AF_INET6, socket.SOCK_DGRAM
    ) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("::1", 0))
        ports = {(entry["protocol"], entry["port"]): entry for entry in probe(capsys)["ports"]}
        own = ports["tcp", tcp.getsockname()[1]]
        assert (own["address"], own["pid"]) == ("127.0.0.1", os.getpid())
        assert ports["udp", udp.getsockname()[1]]["address"] == "::1"


def test_names(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = socket.getaddrinfo

    def answer(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "slow.example.org":
            time.sleep(3)
        return genuine("localhost" if name == "slow.example.org" else name, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    started = time.monotonic()
    found = probe(capsys, names=["localhost", "no-such-name.invalid", "slow.example.org"], resolve_timeout=0.5)
    assert time.monotonic() - started < 3
    assert {"127.0.0.1", "::1"} & set(found["names"]["localhost"])
    assert found["names"]["no-such-name.invalid"] == []
    assert found["names"]["slow.example.org"] == []
    assert found["hostname"] in found["names"]


def test_the_kernel_is_asked_for_its_bridge_filter_only_where_that_is_wanted(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"loads": True, "tells_bridges": False}
    asked: list[bool] = []
    monkeypatch.setattr(host_probe.bridge_filter, "ask_kernel", lambda: asked.append(True) or answer)
    assert probe(capsys)["bridge_filter"] is None and asked == []
    assert probe(capsys, bridge_filter=True)["bridge_filter"] == answer


def test_users(capsys: Any) -> None:
    name = pwd.getpwuid(0).pw_name
    users = probe(capsys, users=[name, "no-such-user"])["users"]
    assert users[name]["uid"] == 0
    assert users["no-such-user"] is None


def test_a_held_lock_is_seen_and_not_taken(capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "lock-frontend"
    lock.touch()
    monkeypatch.setattr(host_probe.host_probe, "PACKAGE_LOCKS", (str(lock),))
    assert probe(capsys)["package_lock"] is None
    hold = (
        "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        found = probe(capsys)["package_lock"]
        holder.communicate()
    assert found is not None, "the lock of another process is seen"
    assert (found["path"], found["pid"]) == (str(lock), holder.pid)
    with lock.open("w") as stream:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_units_that_are_there(capsys: Any, monkeypatch: Any) -> None:
    told = (
        "Id=chrony.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\n"
        "Id=nfs-server.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n\n"
        "Id=off.service\nLoadState=loaded\nActiveState=active\nUnitFileState=disabled\n\n"
        "Id=nosuch.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
    )
    real = host_probe.AnsibleModule.run_command

    def answered(self: Any, argv: list[str], **more: Any) -> Any:
        return (0, told, "") if argv[0] == "systemctl" else real(self, argv, **more)

    monkeypatch.setattr(host_probe.AnsibleModule, "run_command", answered)
    monkeypatch.setattr(
        host_probe.os.path, "isdir", lambda path: True if path.startswith("/run/systemd") else os.path.exists(path)
    )
    found = probe(capsys, units=["nfs-server.service", "off.service", "nosuch.service"])
    assert found["units"] == {
        "nfs-server.service": {"active": False, "enabled": True},
        "off.service": {"active": True, "enabled": False},
    }
    assert found["clock"]["service"] == "chrony.service"
