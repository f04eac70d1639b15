# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH as in production: the lab's own key pair, a host key per host pinned from the beginning, no first-use trust."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

from kvmcloud_lab.model import Host, Lab
from kvmcloud_lab.paths import host_dir, lab_dir
from kvmcloud_lab.programs import LabError, run


@dataclass(frozen=True)
class HostKey:
    private: str
    public: str


def private_key(lab: str) -> Path:
    return lab_dir(lab) / "ssh" / "id_ed25519"


def known_hosts(lab: str) -> Path:
    return lab_dir(lab) / "ssh" / "known_hosts"


def ensure_lab_key(lab: str) -> str:
    """The public half of the key that opens root of every host of the lab."""
    key = private_key(lab)
    _ensure_key(key, f"lab {lab}")
    return key.with_suffix(".pub").read_text()


def ensure_host_key(lab: str, host: str) -> HostKey:
    key = host_dir(lab, host) / "ssh_host_ed25519_key"
    _ensure_key(key, host)
    return HostKey(key.read_text(), key.with_suffix(".pub").read_text())


def client_config(lab: str) -> Path:
    return lab_dir(lab) / "ssh" / "config"


def write_client_files(lab: Lab) -> None:
    """What an ssh client needs to reach the hosts that have been made: their pinned keys, and the way in (`ssh -F`)."""
    _write_known_hosts(lab)
    way_in = f"  User root\n  IdentityFile {private_key(lab.name)}\n  IdentitiesOnly yes\n"
    pinned = f"  StrictHostKeyChecking yes\n  UserKnownHostsFile {known_hosts(lab.name)}\n"
    # A host that lost its power does not say goodbye.
    alive = "  ServerAliveInterval 5\n  ServerAliveCountMax 3\n"
    hosts = [f"Host {host.name}\n  HostName {host.address}\n" for host in lab.hosts]
    client_config(lab.name).write_text("".join(hosts) + "Host *\n" + way_in + pinned + alive)


def _write_known_hosts(lab: Lab) -> None:
    """One line per host that has been made, under its name and all its addresses."""
    lines = []
    for host in lab.hosts:
        public = host_dir(lab.name, host.name) / "ssh_host_ed25519_key.pub"
        if public.exists():
            names = ",".join([host.name, *(str(nic.address.ip) for nic in host.nics if nic.address)])
            lines.append(f"{names} {' '.join(public.read_text().split()[:2])}\n")
    file = known_hosts(lab.name)
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(lines))
    fresh.rename(file)


def ssh_command(lab: str, host: Host) -> list[str]:
    """The same way in as the inventory's: pinned host key, the lab's key, nothing of the caller's own settings."""
    return ["ssh", "-F", str(client_config(lab)), host.name]


def wait_until_answering(host: Host, seconds: float) -> None:
    """Until sshd itself speaks: an open port alone could be one that is about to close."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((str(host.address), 22), timeout=2) as connection:
                connection.settimeout(5)
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if time.monotonic() > end:
            raise LabError(
                f"{host.name} was started, but its sshd at {host.address} did not answer within {seconds:.0f} s."
            )
        time.sleep(0.1)


def _ensure_key(key: Path, comment: str) -> None:
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key])
