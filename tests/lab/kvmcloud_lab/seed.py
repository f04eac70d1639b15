# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that make a lab host itself: name, addresses, keys, package source. Written before its first start."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from kvmcloud_lab.model import Host, Lab
from kvmcloud_lab.package_source import PackageSource
from kvmcloud_lab.paths import host_dir
from kvmcloud_lab.ssh import HostKey

RESOLV_CONF = "# Lab hosts know each other from /etc/hosts; there is no name server.\n"


def seed_dir(lab: str, host: str) -> Path:
    return host_dir(lab, host) / "seed"


def write_seed(lab: Lab, host: Host, key: HostKey, authorized_key: str, source: PackageSource) -> None:
    seed = seed_dir(lab.name, host.name)
    shutil.rmtree(seed, ignore_errors=True)
    files: dict[str, tuple[str, int]] = {
        "etc/hostname": (f"{host.name.split('.')[0]}\n", 0o644),
        "etc/hosts": (hosts_file(lab, host), 0o644),
        "etc/resolv.conf": (RESOLV_CONF, 0o644),
        "etc/netplan/50-lab.yaml": (netplan(host), 0o600),
        "etc/ssh/ssh_host_ed25519_key": (key.private, 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (key.public, 0o644),
        "root/.ssh/authorized_keys": (authorized_key, 0o600),
        **source.files(),
    }
    for name, (text, mode) in files.items():
        file = seed / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
    (seed / "root").chmod(0o700)
    (seed / "root/.ssh").chmod(0o700)


def pack_seed(lab: str, host: str) -> Path:
    """The same files as a tar archive: a guest reads it from a disk that holds nothing else."""
    archive = host_dir(lab, host) / "seed.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(seed_dir(lab, host), arcname=".")
    return archive


def hosts_file(lab: Lab, host: Host) -> str:
    lines = ["127.0.0.1 localhost"]
    if host.debian_hosts_line:
        lines.append(f"127.0.1.1 {_names(host)}")
    lines.append("::1 localhost ip6-localhost ip6-loopback")
    if lab.names:
        lines += [f"{other.address} {_names(other)}" for other in lab.hosts]
    return "\n".join(lines) + "\n"


def netplan(host: Host) -> str:
    """JSON is YAML; netplan reads it as well, and a NIC without an address is left alone."""
    ethernets = {
        nic.name: {"addresses": [str(nic.address)], "link-local": []} for nic in host.nics if nic.address is not None
    }
    network = {"version": 2, "renderer": host.renderer, "ethernets": ethernets}
    return json.dumps({"network": network}, indent=2) + "\n"


def _names(host: Host) -> str:
    short = host.name.split(".")[0]
    return host.name if short == host.name else f"{host.name} {short}"
