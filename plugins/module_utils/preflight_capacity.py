# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about what hosts offer: virtualisation, memory, disk space, free ports."""

from __future__ import annotations

from typing import Any, Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ERROR,
    FRONTENDS,
    NODES,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)


def virtualisation(cloud: Cloud) -> Iterator[Finding]:
    """A node cannot run guests of the type kvm."""
    for host, probe in cloud.probed(NODES):
        if host.domain_type != "kvm" or probe["kvm_device"]:
            continue
        if probe["cpu"]["virtualisation"]:
            what = f"The processor has {probe['cpu']['virtualisation']}, but /dev/kvm cannot be opened."
            remedy = "Load kvm_intel or kvm_amd; if that fails, virtualisation is switched off in the firmware."
        else:
            what = "There is no /dev/kvm, and the processor shows neither vmx nor svm."
            remedy = "Switch virtualisation on in the firmware, or nested virtualisation on the machine below"
            remedy += "; for a laboratory set opennebula_node_domain_type: qemu."
        yield Finding(host.name, what, remedy)


def nested_virtualisation(cloud: Cloud) -> Iterator[Finding]:
    """Guests of a node cannot have guests of their own."""
    for host, probe in cloud.probed(NODES):
        if host.domain_type == "kvm" and probe["nested"] is False:
            yield Finding(
                host.name,
                "Nested virtualisation is off, so guests cannot run guests of their own.",
                "Where they shall, set nested=1 for kvm_intel or kvm_amd in /etc/modprobe.d and load the module anew.",
                WARNING,
            )


def mixed_cgroups(cloud: Cloud) -> Iterator[Finding]:
    """Nodes use different versions of control groups, between which guests cannot be migrated."""
    versions: dict[Any, list[str]] = {}
    for host, probe in cloud.probed(NODES):
        versions.setdefault(probe["cgroup_version"], []).append(host.name)
    if len(versions) > 1:
        listed = "; ".join(f"version {version}: {', '.join(hosts)}" for version, hosts in versions.items())
        yield Finding(
            WHOLE_CLOUD,
            f"The nodes use different cgroup versions ({listed}).",
            "Guests cannot be migrated from version 1 to 2; boot all nodes with one systemd.unified_cgroup_hierarchy.",
            WARNING,
        )


def _severity(host: Host) -> str:
    """A host that works already is not refused its nightly run because its disk filled up since."""
    return WARNING if host.deployed else ERROR


def memory(cloud: Cloud) -> Iterator[Finding]:
    """A host has less memory than preflight_minimum_memory_mb; a warning where OpenNebula is installed already."""
    for host, probe in cloud.probed():
        wanted = max((cloud.limits.memory_mb.get(group, 0) for group in host.groups), default=0)
        if probe["memory_mb"] < wanted:
            yield Finding(
                host.name,
                f"There are {probe['memory_mb']} MiB of memory; {wanted} are wanted.",
                "Give the host more memory, or lower preflight_minimum_memory_mb knowingly.",
                _severity(host),
            )


def disk_space(cloud: Cloud) -> Iterator[Finding]:
    """A host has less free space than preflight_minimum_disk_mb; a warning where OpenNebula is installed already."""
    for host, probe in cloud.probed():
        wanted: dict[str, int] = {}
        for group in host.groups:
            for path, megabytes in cloud.limits.disk_mb.get(group, {}).items():
                wanted[path] = max(megabytes, wanted.get(path, 0))
        for path, megabytes in sorted(wanted.items()):
            found = probe["disks"].get(path)
            if found is None:
                yield Finding(
                    host.name,
                    f"The free space of {path} could not be measured in time.",
                    "See whether it is on a mount whose server does not answer.",
                    _severity(host),
                )
            elif found["free_mb"] < megabytes:
                yield Finding(
                    host.name,
                    f"{path} has {found['free_mb']} MiB free (measured at {found['measured_at']}); "
                    f"{megabytes} are wanted.",
                    "Free space, mount a larger disk there, or lower preflight_minimum_disk_mb knowingly (it is "
                    "by group and path), or accept this.",
                    _severity(host),
                )


# What a front-end listens on; owned by oneadmin once OpenNebula is installed.
FRONTEND_PORTS = {
    ("tcp", 2474): "OneFlow",
    ("tcp", 2616): "FireEdge",
    ("tcp", 2633): "oned",
    ("tcp", 4124): "the monitor",
    ("udp", 4124): "the monitor",
    ("tcp", 5030): "OneGate",
}


def ports_taken(cloud: Cloud) -> Iterator[Finding]:
    """A port that a front-end listens on is taken by another program."""
    for host, probe in cloud.probed(FRONTENDS):
        oneadmin = (probe["users"].get("oneadmin") or {}).get("uid")
        told = set()
        for entry in probe["ports"]:
            key = (entry["protocol"], entry["port"])
            if key not in FRONTEND_PORTS or key in told or entry["uid"] == oneadmin:
                continue
            told.add(key)
            owner = f"{entry['process']} (pid {entry['pid']})" if entry["process"] else f"uid {entry['uid']}"
            yield Finding(
                host.name,
                f"Port {entry['port']}/{entry['protocol']}, which {FRONTEND_PORTS[key]} needs, is taken by {owner}.",
                "Stop that program or let it listen elsewhere.",
            )


CAPACITY_RULES: tuple[Rule, ...] = (
    Rule(virtualisation),
    Rule(nested_virtualisation),
    Rule(mixed_cgroups),
    Rule(memory),
    Rule(disk_space),
    Rule(ports_taken),
)
