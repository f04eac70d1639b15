# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that speaks against a deployment, found from one probe per host and the inventory, before anything is changed.

Each rule is one small function from the cloud to findings; HOST_RULES lists them. No rule depends on another, and
none stops at its first finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import ReleaseError, platform_status
from ansible_collections.kvmcloud.stack.plugins.module_utils.secret_strength import weakness

FRONTENDS, NODES = "opennebula_frontends", "opennebula_nodes"
WHOLE_CLOUD = "all"


@dataclass(frozen=True)
class Finding:
    host: str
    what: str
    remedy: str
    severity: str = "error"

    @property
    def sentence(self) -> str:
        """All of it on one line: 'error: node1: what was found. What to do.'"""
        return f"{self.severity}: {self.host}: {self.what} {self.remedy}"


@dataclass
class Host:
    """One host: what the inventory wants of it, and what the probe found; probe None where it could not be read."""

    name: str
    groups: set[str] = field(default_factory=set)
    address: str = ""
    address_declared: bool = False  # host_network_address is set, so it must be an address of this very host
    names: list[str] = field(default_factory=list)
    manages_hosts_file: bool = True
    release: str | None = None
    domain_type: str = "kvm"
    database_backend: str = "sqlite"
    secrets: dict[str, str | None] = field(default_factory=dict)
    required: dict[str, str | None] = field(default_factory=dict)
    probe: dict[str, Any] | None = None
    unreachable: str | None = None


@dataclass
class Limits:
    clock_skew_s: float = 2.0
    memory_mb: dict[str, int] = field(default_factory=dict)  # by group
    disk_mb: dict[str, dict[str, int]] = field(default_factory=dict)  # by group, then path


@dataclass
class Cloud:
    hosts: list[Host]
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    started: float = 0.0  # the controller's clock before and after the probes
    finished: float = 0.0
    limits: Limits = field(default_factory=Limits)
    virtual_networks: list[dict[str, Any]] = field(default_factory=list)
    clusters: list[dict[str, Any]] = field(default_factory=list)
    declared: list[tuple[str, dict[str, Any]]] = field(
        default_factory=list
    )  # kind and entry, of all that names clusters

    def probed(self, group: str | None = None) -> Iterator[tuple[Host, dict[str, Any]]]:
        for host in self.hosts:
            if host.probe is not None and (group is None or group in host.groups):
                yield host, host.probe

    def host_names(self, group: str) -> list[str]:
        return list(self.groups.get(group) or [])


Rule = Callable[[Cloud], Iterable[Finding]]


def unreachable_hosts(cloud: Cloud) -> Iterator[Finding]:
    for host in cloud.hosts:
        if host.probe is None:
            why = (host.unreachable or "the probe brought no result").rstrip(". ")
            yield Finding(
                host.name,
                f"{host.name} could not be looked at: {why}.",
                "Check that it is up, its address and user in the inventory, and that Python is installed; "
                "or leave it out with --limit.",
            )


def release_on_system(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        roles = [role for group, role in ((FRONTENDS, "frontend"), (NODES, "node")) if group in host.groups]
        if not roles or host.release is None:
            continue
        system = probe["os_release"]
        for role in roles:
            try:
                status, sentence = platform_status(
                    host.release, system.get("id", "unknown"), system.get("version_id", ""), role
                )
            except ReleaseError as error:
                yield Finding(host.name, str(error), "Set opennebula_release in the inventory.")
                break
            if status == "refused":
                what, _dot, remedy = sentence.partition(". ")
                yield Finding(host.name, what + ".", remedy)
                break
            if status == "not known":
                yield Finding(host.name, sentence, "Try it on a spare host first.", "warning")


def one_system_per_zone(cloud: Cloud) -> Iterator[Finding]:
    systems: dict[str, list[str]] = {}
    for host, probe in cloud.probed():
        if host.groups & {FRONTENDS, NODES}:
            release = probe["os_release"]
            systems.setdefault(f"{release.get('id')} {release.get('version_id')}", []).append(host.name)
    if len(systems) > 1:
        listed = "; ".join(f"{system}: {', '.join(hosts)}" for system, hosts in sorted(systems.items()))
        yield Finding(
            WHOLE_CLOUD,
            f"The hosts of OpenNebula run different systems ({listed}).",
            "Support asks for one version of one system on all servers of a zone.",
            "warning",
        )


def one_release(cloud: Cloud) -> Iterator[Finding]:
    releases = {host.release for host in cloud.hosts if host.release and host.groups & {FRONTENDS, NODES}}
    if len(releases) > 1:
        yield Finding(
            WHOLE_CLOUD,
            f"opennebula_release differs between hosts: {', '.join(sorted(releases))}.",
            "Set it once, for all front-ends and nodes.",
        )


def init_system(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        if probe["init"] != "systemd":
            yield Finding(
                host.name, f"Process 1 is {probe['init'] or 'unknown'}, not systemd.", "Use a host that boots systemd."
            )


def package_manager_busy(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        lock = probe["package_lock"]
        if lock:
            yield Finding(
                host.name,
                f"{lock['process'] or 'a process'} (pid {lock['pid']}) holds {lock['path']}.",
                "Wait until it is done; unattended upgrades often run just after boot.",
                "warning",
            )


def clock_skew(cloud: Cloud) -> Iterator[Finding]:
    """A probe's time must lie between the controller's before and after; outside, the distance is the least skew."""
    for host, probe in cloud.probed():
        skew = max(cloud.started - probe["epoch"], probe["epoch"] - cloud.finished, 0.0)
        if skew > cloud.limits.clock_skew_s:
            direction = "behind" if probe["epoch"] < cloud.started else "ahead of"
            yield Finding(
                host.name,
                f"The clock is at least {skew:.0f} s {direction} the controller's "
                f"(limit {cloud.limits.clock_skew_s:g} s).",
                "Set the time and run a time service (chrony), on the controller too.",
            )


def time_service(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        # a container has the clock of the machine it runs on
        if not probe["clock"]["service"] and not probe["container"]:
            yield Finding(
                host.name, "No time service is active.", "Install chrony, or run systemd-timesyncd.", "warning"
            )


def virtualisation(cloud: Cloud) -> Iterator[Finding]:
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


def mixed_cgroups(cloud: Cloud) -> Iterator[Finding]:
    versions: dict[Any, list[str]] = {}
    for host, probe in cloud.probed(NODES):
        versions.setdefault(probe["cgroup_version"], []).append(host.name)
    if len(versions) > 1:
        listed = "; ".join(f"version {version}: {', '.join(hosts)}" for version, hosts in versions.items())
        yield Finding(
            WHOLE_CLOUD,
            f"The nodes use different cgroup versions ({listed}).",
            "Guests cannot be migrated from version 1 to 2; boot all nodes with one systemd.unified_cgroup_hierarchy.",
            "warning",
        )


def memory(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        wanted = max((cloud.limits.memory_mb.get(group, 0) for group in host.groups), default=0)
        if probe["memory_mb"] < wanted:
            yield Finding(
                host.name,
                f"There are {probe['memory_mb']} MiB of memory; {wanted} are wanted.",
                "Give the host more memory, or lower preflight_minimum_memory_mb knowingly.",
            )


def disk_space(cloud: Cloud) -> Iterator[Finding]:
    for host, probe in cloud.probed():
        wanted: dict[str, int] = {}
        for group in host.groups:
            for path, megabytes in cloud.limits.disk_mb.get(group, {}).items():
                wanted[path] = max(megabytes, wanted.get(path, 0))
        for path, megabytes in sorted(wanted.items()):
            found = probe["disks"].get(path)
            if found and found["free_mb"] < megabytes:
                yield Finding(
                    host.name,
                    f"{path} has {found['free_mb']} MiB free (measured at {found['measured_at']}); "
                    f"{megabytes} are wanted.",
                    "Free space, mount a larger disk there, or lower preflight_minimum_disk_mb knowingly.",
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


def secrets(cloud: Cloud) -> Iterator[Finding]:
    """By name of the variable, never with its value; once for all hosts that share the fault."""
    faults: dict[tuple[str, str], list[str]] = {}
    for host in cloud.hosts:
        for variable, value in host.secrets.items():
            fault = "is not set" if value is None else weakness(value)
            if fault:
                faults.setdefault((variable, fault), []).append(host.name)
    for (variable, fault), hosts in faults.items():
        yield Finding(
            ", ".join(hosts),
            f"{variable} {fault}.",
            "Choose a real one and keep it in an encrypted file: ansible-vault encrypt.",
        )


def required_values(cloud: Cloud) -> Iterator[Finding]:
    missing: dict[str, list[str]] = {}
    for host in cloud.hosts:
        for variable, value in host.required.items():
            if not str(value or "").strip():
                missing.setdefault(variable, []).append(host.name)
    for variable, hosts in missing.items():
        yield Finding(
            ", ".join(hosts), f"{variable} is not set.", "Set it in the inventory; it has no default on purpose."
        )


# (group that has hosts, groups of which one must have hosts, what the group needs)
NEEDED_GROUPS = (
    (NODES, (FRONTENDS,), "nodes without a front-end that runs guests on them"),
    ("gluster_clients", ("gluster_servers",), "clients without servers whose volumes they mount"),
    ("gluster_gateways", ("gluster_servers",), "gateways without servers whose volumes they export"),
    ("ovirt_hosts", ("ovirt_engines", "ovirt_hosted_engine_hosts"), "oVirt hosts without an engine that manages them"),
)


def groups_together(cloud: Cloud) -> Iterator[Finding]:
    for group, alternatives, what in NEEDED_GROUPS:
        if cloud.host_names(group) and not any(map(cloud.host_names, alternatives)):
            yield Finding(
                WHOLE_CLOUD,
                f"{group} has hosts and {' and '.join(alternatives)} has none: {what}.",
                f"Put a host into {alternatives[0]}, or empty {group}.",
            )
    frontends = cloud.host_names(FRONTENDS)
    if len(frontends) > 1:
        yield Finding(
            WHOLE_CLOUD,
            f"{FRONTENDS} has {len(frontends)} hosts ({', '.join(frontends)}); high availability is not supported yet.",
            "Keep one front-end in the group.",
        )
    if frontends and not cloud.host_names(NODES):
        yield Finding(
            WHOLE_CLOUD,
            f"{NODES} has no hosts: the cloud has a front-end, but nothing that runs guests.",
            f"Put hosts into {NODES}; the front-end itself may be one.",
            "warning",
        )


def uid_of_oneadmin(cloud: Cloud) -> Iterator[Finding]:
    uids: dict[int, list[str]] = {}
    for host, probe in cloud.probed():
        user = probe["users"].get("oneadmin")
        if user and host.groups & {FRONTENDS, NODES}:
            uids.setdefault(user["uid"], []).append(host.name)
    if len(uids) > 1:
        listed = "; ".join(f"{uid}: {', '.join(hosts)}" for uid, hosts in sorted(uids.items()))
        yield Finding(
            WHOLE_CLOUD,
            f"oneadmin has different user ids ({listed}), so files on shared datastores belong to nobody.",
            "Give it one id everywhere; the packages use 9869.",
        )


HOST_RULES: tuple[Rule, ...] = (
    unreachable_hosts,
    groups_together,
    required_values,
    secrets,
    one_release,
    release_on_system,
    one_system_per_zone,
    init_system,
    package_manager_busy,
    clock_skew,
    time_service,
    virtualisation,
    mixed_cgroups,
    memory,
    disk_space,
    ports_taken,
    uid_of_oneadmin,
)


def findings(cloud: Cloud, rules: Iterable[Rule]) -> list[Finding]:
    """All findings of all rules, errors first; the order of the rules within."""
    found = [finding for rule in rules for finding in rule(cloud)]
    return sorted(found, key=lambda finding: finding.severity != "error")
