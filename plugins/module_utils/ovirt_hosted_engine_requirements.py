# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hosted engine needs before it is deployed: its variables, and what the first host offers. No I/O."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answers import text_fault

SHARED = ("nfs", "glusterfs")
ISCSI = ("he_storage_domain_addr", "he_iscsi_portal_port", "he_iscsi_target", "he_lun_id")


def variable_faults(given: Mapping[str, Any], known: Mapping[str, str]) -> list[str]:
    """What is wrong with the he_* variables: those that the official role does not know, missing ones, and pauses."""
    faults = []
    for name, value in given.items():
        if name not in known:
            faults.append(f"{name}: the role ovirt.ovirt.hosted_engine_setup has no such variable.")
        elif value is not None and not _fits(value, known[name]):
            faults.append(f"{name}: its type is {known[name]}, and the value is of another.")
    kind = given.get("he_domain_type")
    needed = ["he_fqdn", "he_bridge_if", "he_domain_type", "he_gateway", "he_appliance_password", "he_admin_password"]
    needed += ["he_storage_domain_addr", "he_storage_domain_path"] if kind in SHARED else []
    needed += ISCSI if kind == "iscsi" else ["he_lun_id"] if kind == "fc" else []
    if given.get("he_vm_ip_addr"):
        needed += ["he_vm_ip_prefix", "he_dns_addr"]
    faults += [
        f"{name} is missing; nobody is there to be asked for it." for name in needed if given.get(name) in (None, "")
    ]
    size, least = given.get("he_disk_size_GB"), given.get("he_minimal_disk_size_GB") or LEAST_DISK_GB
    if isinstance(size, int) and isinstance(least, int) and size < least:
        faults.append(f"he_disk_size_GB: {size} are too few for the engine; it needs {least}.")
    # The official role writes it into an answer file of engine-setup.
    fault = text_fault(str(given.get("he_admin_password") or ""))
    faults += [f"he_admin_password: the value {fault}."] if fault else []
    if kind not in (None, "", *SHARED, "iscsi", "fc"):
        faults.append(f"he_domain_type: {kind!r} is none of nfs, glusterfs, iscsi, fc.")
    for name in ("he_pause_host", "he_pause_before_engine_setup"):
        if given.get(name):
            faults.append(f"{name} is true; the run would wait up to a day for somebody to remove a file.")
    return faults


def _fits(value: Any, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "dict":
        return isinstance(value, Mapping)
    if kind == "list":
        return isinstance(value, (list, tuple))
    return isinstance(value, (str, int)) and not isinstance(value, bool)


class HostProbe(NamedTuple):
    """What matters of a host before the first deployment. Sizes are MiB."""

    memory_mb: int  # free and what caches would give
    temporary_mb: int  # below /var/tmp
    bridge_device: str | None  # kind of the device of he_bridge_if: ethernet, bond, vlan, team, bridge; None: not there
    bond_mode: str = ""
    bridge_addresses: Sequence[str] = ()
    own_addresses: Sequence[str] = ()  # what the host's name resolves to
    engine_addresses: Sequence[str] = ()  # what he_fqdn resolves to
    engine_names: Sequence[str] = ()  # what these addresses resolve to
    firewalld: str = "active"  # as systemd says it; 'masked' too
    cpu_vendor: str = ""
    cpu_flags: Sequence[str] = ()
    storage: Mapping[str, Any] | None = None  # uid, gid, free_gb, entries; or error


LEAST_MEMORY_MB, RESERVED_MB, LEAST_TEMPORARY_MB = 4096, 512, 5 * 1024
DISK_GB, LEAST_DISK_GB = 61, 50  # default and least of he_disk_size_GB
BESIDE_DISK_GB = 10  # the domain's own volumes, and what the engine keeps free of it
BOND_MODES = ("active-backup", "balance-xor", "broadcast", "802.3ad")
# Of the oldest CPU types that a cluster of level 4.7 may have: Intel Nehalem (in the engine's own list: vmx, nx and the
# model) and AMD Opteron G4 (svm, nx and the model). The other flags are those of the models in libvirt that tell them
# from older ones, as /proc/cpuinfo calls them. A CPU that lacks one fits no cluster; whether one that has them all fits
# is for libvirt to judge, by the whole model.
CPU_FLAGS = {
    "GenuineIntel": {"vmx", "nx", "sse4_2", "popcnt"},
    "AuthenticAMD": {"svm", "nx", "sse4_2", "popcnt", "avx"},
}


def requirement_findings(probe: HostProbe, given: Mapping[str, Any]) -> list[str]:
    """All that speaks against a deployment on this host, each with what to do."""
    findings = []
    fqdn, bridge = given.get("he_fqdn"), given.get("he_bridge_if")
    if probe.memory_mb - RESERVED_MB < LEAST_MEMORY_MB:
        findings.append(
            f"{probe.memory_mb} MiB of memory are free; the VM needs {LEAST_MEMORY_MB} and this host {RESERVED_MB}."
        )
    if probe.temporary_mb < LEAST_TEMPORARY_MB:
        findings.append(f"{probe.temporary_mb} MiB are free below /var/tmp; the appliance needs {LEAST_TEMPORARY_MB}.")
    if probe.firewalld != "active":
        findings.append(f"firewalld is {probe.firewalld}; it must run: systemctl unmask --now firewalld.")
    findings += _bridge_findings(probe, bridge)
    if probe.bridge_addresses and not set(probe.own_addresses) & set(probe.bridge_addresses):
        findings.append(
            f"The name of this host resolves to {', '.join(probe.own_addresses) or 'nothing'}, and none of that is an "
            f"address of {bridge} ({', '.join(probe.bridge_addresses)}). Correct /etc/hosts or the DNS."
        )
    findings += _name_findings(probe, str(fqdn))
    flags = CPU_FLAGS.get(probe.cpu_vendor)
    if flags is None:
        findings.append(
            f"The CPU is of {probe.cpu_vendor or 'an unknown vendor'}; clusters of oVirt are of Intel or AMD."
        )
    elif flags - set(probe.cpu_flags):
        missing = ", ".join(sorted(flags - set(probe.cpu_flags)))
        findings.append(
            f"The CPU lacks {missing}; no CPU type of a cluster fits it, or its firmware has switched it off."
        )
    return findings + _storage_findings(probe.storage, given)


def _bridge_findings(probe: HostProbe, bridge: Any) -> list[str]:
    if probe.bridge_device is None:
        return [f"There is no device {bridge} (he_bridge_if) on this host."]
    if probe.bridge_device == "team":
        return [f"{bridge} is a team device, which oVirt does not take; make a bond of it."]
    if probe.bridge_device == "bond" and probe.bond_mode not in BOND_MODES:
        return [f"{bridge} is a bond of mode {probe.bond_mode}; oVirt takes {', '.join(BOND_MODES)}."]
    return []


def _name_findings(probe: HostProbe, fqdn: str) -> list[str]:
    addresses = list(probe.engine_addresses)
    if not addresses:
        return [f"{fqdn} (he_fqdn) does not resolve. Enter it in the DNS, or in /etc/hosts of every host."]
    findings = []
    if any(one.startswith("127.") or one == "::1" for one in addresses):
        findings.append(f"{fqdn} (he_fqdn) resolves to a loopback address, {', '.join(addresses)}.")
    if set(addresses) & set(probe.own_addresses):
        findings.append(f"{fqdn} (he_fqdn) resolves to an address of this host; the engine's VM needs one of its own.")
    if fqdn.lower() not in [name.lower() for name in probe.engine_names]:
        found = ", ".join(probe.engine_names) or "nothing"
        findings.append(f"{', '.join(addresses)} resolves back to {found}, not to {fqdn}. Correct the reverse name.")
    return findings


def _storage_findings(storage: Mapping[str, Any] | None, given: Mapping[str, Any]) -> list[str]:
    if storage is None:
        return []
    where = f"{given.get('he_storage_domain_addr')}:{given.get('he_storage_domain_path')}"
    if storage.get("error"):
        return [f"{where} cannot be mounted: {storage['error']}"]
    findings = []
    owner = f"{storage['uid']}:{storage['gid']}"
    if owner != "36:36":
        findings.append(
            f"{where} is of {owner}; vdsm works as 36:36. On the server: chown 36:36, or storage.owner-uid."
        )
    needed = int(given.get("he_disk_size_GB") or DISK_GB) + BESIDE_DISK_GB
    if storage["free_gb"] < needed:
        findings.append(
            f"{where} has {storage['free_gb']} GiB free; the engine's disk and what is beside it need {needed}."
        )
    entries = [name for name in storage["entries"] if name not in ("lost+found", ".trashcan", ".glusterfs")]
    if entries:
        shown = ", ".join(entries[:5])
        findings.append(
            f"{where} is not empty, it holds {shown}; the engine's own domain is made on empty storage only."
        )
    return findings
