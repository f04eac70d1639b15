# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meaning of what the kernel and /etc say about a host: text in, plain values out."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
from typing import Any, Iterable

# Links of guests, which come and go and say nothing about the host.
GUEST_LINKS = re.compile(r"^(tap|vnet|veth|one-\d+-\d+|fwbr|fwpr|fwln|macvtap)")

TIME_SERVICES = (
    "chrony.service",
    "chronyd.service",
    "systemd-timesyncd.service",
    "ntpsec.service",
    "ntpd.service",
    "ntp.service",
    "openntpd.service",
)

# What several hosts can have mounted at once.
NETWORK_FILESYSTEM = re.compile(
    r"(beegfs|ceph|cifs|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|smb3|virtiofs|fuse\.(ceph(-fuse)?|glusterfs|juicefs|mfs|sshfs))\Z"
)

PACKAGE_LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/lib/rpm/.rpm.lock",
    "/var/cache/dnf/metadata_lock.pid",
)


def os_release(text: str) -> dict[str, str]:
    """/etc/os-release with lower-case keys."""
    result = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            result[key.lower()] = value.strip().strip("\"'")
    return result


def memory_mb(meminfo: str) -> int:
    match = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0


def cpu(cpuinfo: str) -> dict[str, Any]:
    """Number of processors and the one flag that matters: hardware virtualisation."""
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    words = set(flags.group(1).split()) if flags else set()
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return {
        "processors": len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)),
        "model": model.group(1) if model else "",
        "virtualisation": next((flag for flag in ("vmx", "svm") if flag in words), None),
    }


def nested(values: Iterable[str]) -> bool | None:
    """Content of the nested parameter of kvm_intel or kvm_amd; None where neither is loaded."""
    for value in values:
        return value.strip() in ("Y", "y", "1")
    return None


def cgroup_version(mounts: str) -> int | None:
    """2 (unified), 1 (legacy or hybrid: libvirt uses version 1 then), None (not mounted)."""
    types = {fields[2] for fields in (line.split() for line in mounts.splitlines()) if len(fields) > 2}
    if "cgroup" in types:
        return 1
    return 2 if "cgroup2" in types else None


def interfaces(ip_json: str) -> dict[str, dict[str, Any]]:
    """Output of `ip -j -d addr` without the links of guests."""
    result = {}
    for link in json.loads(ip_json or "[]"):
        name = link.get("ifname")
        if not name or GUEST_LINKS.match(name):
            continue
        result[name] = {
            "mac": link.get("permaddr") or link.get("address"),  # a bond gives its ports another one
            "mtu": link.get("mtu"),
            "up": "UP" in link.get("flags", []),
            "kind": link.get("linkinfo", {}).get("info_kind"),
            "master": link.get("master"),
            "addresses": [f"{entry['local']}/{entry['prefixlen']}" for entry in link.get("addr_info", [])],
        }
    return result


def default_routes(ip_json: str) -> list[dict[str, str]]:
    """Output of `ip -j route show default`."""
    return [
        {"gateway": hop["gateway"], "device": hop["dev"]}
        for route in json.loads(ip_json or "[]")
        for hop in route.get("nexthops") or [route]
        if hop.get("gateway") and hop.get("dev")
    ]


def mounts(mountinfo: str) -> dict[str, dict[str, str]]:
    """/proc/self/mounts by mount point; where several are stacked on one, the last is what programs see."""
    result = {}
    for line in mountinfo.splitlines():
        fields = [_unescaped(text) for text in line.split()]
        if len(fields) > 2:
            source, point, fstype = fields[:3]
            result[point] = {"source": source, "fstype": fstype, "mounted_at": point}
    return result


def _unescaped(text: str) -> str:
    """The kernel writes blanks and backslashes of names as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def mount_of(path: str, mounted: dict[str, dict[str, str]]) -> dict[str, str] | None:
    """The mount that holds a path, found by name alone: asking a mount of a dead server would never return."""
    while path not in mounted:
        if path in ("/", ""):
            return None
        path = os.path.dirname(path)
    return mounted[path]


def sockets(text: str, protocol: str) -> list[dict[str, Any]]:
    """Listening sockets in /proc/net/{tcp,udp}{,6}; `protocol` is the name of that file."""
    listening = "0A" if protocol.startswith("tcp") else "07"
    result = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != listening:
            continue
        address, _colon, port = fields[1].rpartition(":")
        result.append(
            {
                "protocol": protocol[:3],
                "address": _address(address),
                "port": int(port, 16),
                "uid": int(fields[7]),
                "inode": fields[9],
            }
        )
    return result


def _address(digits: str) -> str:
    """The kernel prints addresses as 32-bit words in the byte order of the machine."""
    packed = b"".join(struct.pack("=I", int(digits[start : start + 8], 16)) for start in range(0, len(digits), 8))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def installed_version(told: str) -> str | None:
    """What dpkg-query or rpm tells of one package; one that is removed may still have its configuration."""
    match = re.match(r"ii\s+(?:\d+:)?(\d\S*)", told)
    return match.group(1) if match else None


def name_servers(resolv_conf: str) -> list[str]:
    return re.findall(r"^\s*nameserver\s+(\S+)", resolv_conf, re.MULTILINE)


def lock_holder(proc_locks: str, device: int, inode: int) -> int | None:
    """Process that holds a lock on a file, from /proc/locks: looking does not take the lock."""
    wanted = f"{os.major(device):02x}:{os.minor(device):02x}:{inode}"
    for line in proc_locks.splitlines():
        fields = line.split()
        if "->" not in fields and len(fields) > 5 and fields[5] == wanted and fields[3] == "WRITE":
            return int(fields[4])
    return None


def unit_states(systemctl_show: str) -> dict[str, dict[str, str]]:
    """Blocks of `systemctl show -p Id,...` by unit."""
    result = {}
    for block in systemctl_show.strip().split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if properties.get("Id"):
            result[properties["Id"]] = properties
    return result


def time_service(states: dict[str, dict[str, str]]) -> str | None:
    return next((unit for unit in TIME_SERVICES if states.get(unit, {}).get("ActiveState") == "active"), None)


def unit_summary(states: dict[str, dict[str, str]], names: Iterable[str]) -> dict[str, dict[str, bool]]:
    """Of the named units that are there, whether they run, and whether they start at boot."""
    return {
        name: {
            "active": states[name].get("ActiveState") == "active",
            "enabled": states[name].get("UnitFileState") in ("enabled", "enabled-runtime"),
        }
        for name in names
        if states.get(name, {}).get("LoadState") == "loaded"
    }
