# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud with nothing wrong with it; each test breaks one thing."""

from __future__ import annotations

from typing import Any

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Host

ADDRESSES = {"front1": "10.0.0.10", "node1": "10.0.0.11", "node2": "10.0.0.12"}
SECRET = "kX9-ruhig-Blatt-41"


def probe(name: str, **changes: Any) -> dict[str, Any]:
    """What host_probe returns for a healthy Debian 12 host."""
    return {
        "os_release": {"id": "debian", "version_id": "12"},
        "container": None,
        "init": "systemd",
        "hostname": name,
        "memory_mb": 8192,
        "cpu": {"processors": 4, "virtualisation": "vmx"},
        "kvm_device": True,
        "cgroup_version": 2,
        "disks": {"/var/lib": {"free_mb": 50000, "size_mb": 90000, "measured_at": "/var/lib"}},
        "interfaces": {
            "lo": {"up": True, "addresses": ["127.0.0.1/8", "::1/128"]},
            "eth0": {"up": True, "addresses": [ADDRESSES.get(name, "10.0.0.99") + "/24", "fe80::1/64"]},
        },
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
