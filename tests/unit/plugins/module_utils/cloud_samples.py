# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud with nothing wrong with it; each test breaks one thing."""

from __future__ import annotations

from typing import Any

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Declared, Finding, Host

ADDRESSES = {"front1": "10.0.0.10", "node1": "10.0.0.11", "node2": "10.0.0.12"}
LOCATION = "/var/lib/one/datastores"
SECRET = "kX9-ruhig-Blatt-41"


def link(*addresses: str, kind: str | None = None, master: str | None = None) -> dict[str, Any]:
    return {"up": True, "addresses": list(addresses), "kind": kind, "master": master}


def probe(name: str, **changes: Any) -> dict[str, Any]:
    """What host_probe returns for a healthy Debian 12 host."""
    return {
        "os_release": {"id": "debian", "version_id": "12"},
        "container": None,
        "init": "systemd",
        "hostname": name,
        "memory_mb": 8192,
        "cpu": {"processors": 4, "virtualisation": "vmx"},
        "opennebula": None,
        "kvm_device": True,
        "nested": True,
        "cgroup_version": 2,
        "disks": {
            path: {"free_mb": 50000, "size_mb": 90000, "measured_at": "/var/lib"} for path in ("/var/lib", LOCATION)
        },
        "interfaces": {
            "lo": link("127.0.0.1/8", "::1/128"),
            "eth0": link(ADDRESSES.get(name, "10.0.0.99") + "/24", "fe80::1/64"),
        },
        "mounts": {LOCATION: {"source": "/dev/vda1", "fstype": "ext4", "mounted_at": "/"}},
        "ports": [{"protocol": "tcp", "address": "0.0.0.0", "port": 22, "uid": 0, "pid": 1, "process": "sshd"}],
        "names": {other: [address] for other, address in ADDRESSES.items()},
        "epoch": 1000.5,
        "clock": {"service": "chrony.service", "synchronised": True},
        "package_lock": None,
        "users": {"oneadmin": None},
        **changes,
    }


def host(name: str, *groups: str, **changes: Any) -> Host:
    found = changes.pop("probe", None) or probe(name)
    values: dict[str, Any] = {
        "groups": set(groups),
        "address": ADDRESSES.get(name, "10.0.0.99"),
        "names": [name],
        "manages_hosts_file": False,
        "release": "7.4",
        "probe": found,
        **changes,
    }
    return Host(name, **values)


def cloud(*hosts: Host, **changes: Any) -> Cloud:
    members = list(hosts) or [
        host("front1", "opennebula_frontends", secrets={"opennebula_oneadmin_password": SECRET}),
        host("node1", "opennebula_nodes"),
        host("node2", "opennebula_nodes"),
    ]
    groups: dict[str, list[str]] = {}
    for member in members:
        for group in member.groups:
            groups.setdefault(group, []).append(member.name)
    return Cloud(**{"hosts": members, "groups": groups, "started": 1000.0, "finished": 1001.0, **changes})


def declared(**entries: list[dict[str, Any]]) -> Declared:
    """Declarations by the last part of their variable: datastores=[...]."""
    return Declared({f"opennebula_{kind}": found for kind, found in entries.items()})


def registered(*names: str, **changes: Any) -> list[dict[str, Any]]:
    return [{"name": name, **changes} for name in names]


def told(found: list[Finding], words: str) -> Finding:
    """The one finding that says this."""
    (one,) = [finding for finding in found if words in finding.what]
    assert one.what.endswith(".") and not one.what.endswith("..")
    assert one.remedy.endswith(".")
    return one
