# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of the machine the tests run on, compared with what the test itself sets up there."""

from __future__ import annotations

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
