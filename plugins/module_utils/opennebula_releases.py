# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one OpenNebula release is on one operating system: packages, units, files, repository path.

The table says what upstream's platform notes of each release say. Three answers are possible for a pair:
certified; refused (the notes of that release list other versions of that system); not known (nobody wrote it down),
which is a warning and not a refusal, because a gap in a table is no evidence.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class ReleaseError(ValueError):
    """The pair of release and operating system cannot be deployed; the text is the sentence for the user."""


class Platforms(NamedTuple):
    """Versions of each system that the platform notes of one release list."""

    redhat: tuple[str, ...]
    almalinux: tuple[str, ...]
    rocky: tuple[str, ...]
    ubuntu: tuple[str, ...]
    debian: tuple[str, ...]
    not_as_node: tuple[tuple[str, str], ...] = ()  # certified as front-end, not as KVM node
    complete: bool = True  # False: the notes at hand may be older than the release, so what they omit is not known


# Where the list changed over the life of a release (5.12, 6.4) the union: one repository path serves them all.
PLATFORMS: dict[str, Platforms] = {
    "5.12": Platforms(("7", "8"), ("8",), (), ("16.04", "18.04", "20.04"), ("9", "10", "11")),
    "6.0": Platforms(("7", "8"), (), (), ("18.04", "20.04"), ("9", "10")),
    "6.2": Platforms(("7", "8"), ("8",), (), ("18.04", "20.04"), ("10", "11")),
    "6.4": Platforms(("7", "8", "9"), ("8", "9"), (), ("18.04", "20.04", "22.04", "24.04"), ("10", "11", "12")),
    "6.6": Platforms(("8", "9"), ("8", "9"), (), ("20.04", "22.04"), ("10", "11")),
    "6.8": Platforms(("8", "9"), ("8", "9"), (), ("20.04", "22.04"), ("10", "11", "12"), (("debian", "12"),)),
    "6.10": Platforms(("8", "9"), ("8", "9"), (), ("22.04", "24.04"), ("11", "12")),
    "7.0": Platforms(("8", "9"), ("8", "9"), (), ("22.04", "24.04"), ("11", "12"), complete=False),
    "7.2": Platforms(
        ("8", "9", "10"), ("8", "9", "10"), (), ("22.04", "24.04"), ("11", "12", "13"), (("debian", "13"),)
    ),
    "7.4": Platforms(("9", "10"), ("9", "10"), ("9", "10"), ("24.04", "26.04"), ("12", "13")),
}

# Ansible's distribution name -> (column of the table, folder in the repository). Rebuilds without a folder of their own
# take Red Hat's.
DISTRIBUTIONS: dict[str, tuple[str, str]] = {
    "debian": ("debian", "Debian"),
    "ubuntu": ("ubuntu", "Ubuntu"),
    "almalinux": ("almalinux", "AlmaLinux"),
    "redhat": ("redhat", "RedHat"),
    "rocky": ("rocky", "RedHat"),
    "centos": ("centos", "RedHat"),
    "oraclelinux": ("oraclelinux", "RedHat"),
}
APT_DISTRIBUTIONS = ("debian", "ubuntu")
TITLES = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "almalinux": "AlmaLinux",
    "redhat": "Red Hat Enterprise Linux",
    "rocky": "Rocky Linux",
    "centos": "CentOS",
    "oraclelinux": "Oracle Linux",
}

# /etc/os-release calls two systems by other names than Ansible's facts do.
OS_RELEASE_IDS = {"rhel": "redhat", "ol": "oraclelinux"}


def release_key(release: str) -> tuple[int, int]:
    """'6.10' -> (6, 10): the order of releases, in which 6.10 comes after 6.8."""
    match = re.match(r"^(\d+)\.(\d+)(\.\d+)*$", str(release))
    if not match:
        raise ReleaseError(
            f'opennebula_release is {release!r}; wanted a release like "7.4" '
            "(quote it: an unquoted 6.10 is the number 6.1)."
        )
    return int(match.group(1)), int(match.group(2))


def known_release(release: str) -> str:
    """The release as X.Y, or the sentence that names the ones there are."""
    major, minor = release_key(release)
    short = f"{major}.{minor}"
    if short not in PLATFORMS:
        hint = ' (an unquoted 6.10 becomes 6.1 in YAML: write "6.10")' if short == "6.1" else ""
        raise ReleaseError(
            "OpenNebula {} is not known here{}. Set opennebula_release to one of {}.".format(
                short, hint, ", ".join(sorted(PLATFORMS, key=release_key))
            )
        )
    return short


def os_version(column: str, version: str) -> str:
    """The version as the table writes it: Ubuntu 24.04 in full, all others by their major number."""
    parts = str(version).split(".")
    return ".".join(parts[:2]) if column == "ubuntu" else parts[0]


def platform_status(release: str, distribution: str, version: str, role: str = "frontend") -> tuple[str, str]:
    """('certified' | 'refused' | 'not known', sentence) of a release on a system; role is frontend or node."""
    platforms = PLATFORMS[known_release(release)]
    name = distribution.lower()
    name = OS_RELEASE_IDS.get(name, name)
    if name not in DISTRIBUTIONS:
        return "refused", (
            f"OpenNebula {release} has no packages for {distribution} {version}. "
            "Use Debian, Ubuntu, Red Hat Enterprise Linux, AlmaLinux or Rocky Linux."
        )
    column = DISTRIBUTIONS[name][0]
    wanted = os_version(column, version)
    listed: tuple[str, ...] = getattr(platforms, column, ())
    system = f"{TITLES[column]} {wanted}"
    if wanted in listed:
        if role == "node" and (column, wanted) in platforms.not_as_node:
            return "not known", f"OpenNebula {release} is certified on {system} as a front-end, but not as a KVM node."
        return "certified", f"OpenNebula {release} is certified on {system}."
    if not listed or not platforms.complete:
        return "not known", f"It is not known whether OpenNebula {release} works on {system}: no platform notes say so."
    others = ", ".join(f"{TITLES[column]} {entry}" for entry in listed)
    return "refused", (
        f"OpenNebula {release} does not exist for {system}: its platform notes list {others}. "
        + _other_releases(column, wanted)
    )


def _other_releases(column: str, version: str) -> str:
    fitting = [r for r in sorted(PLATFORMS, key=release_key) if version in getattr(PLATFORMS[r], column, ())]
    if not fitting:
        return "Use another operating system version."
    choice = " or ".join(fitting)
    return f"For this system set opennebula_release to {choice}, or use another operating system version."


def frontend_packages(release: tuple[int, int], apt: bool) -> list[str]:
    """What the installation guide of the release installs on a front-end."""
    if release < (6, 0):
        core = ["opennebula"] if apt else ["opennebula-server", "opennebula", "opennebula-ruby"]
        return [*core, "opennebula-sunstone", "opennebula-gate", "opennebula-flow"]
    # From 6.10 on the guide leaves the Ruby Sunstone out: FireEdge serves Sunstone.
    sunstone = ["opennebula-sunstone"] if release < (6, 10) else []
    return ["opennebula", *sunstone, "opennebula-fireedge", "opennebula-gate", "opennebula-flow"]


def node_packages(release: tuple[int, int], apt: bool) -> list[str]:
    return ["opennebula-node"] if release < (6, 0) and apt else ["opennebula-node-kvm"]


# Of several front-ends only the leader runs these: the release's vip.sh starts and stops them with the leadership.
LEADER_UNITS = ("opennebula-hem", "opennebula-gate", "opennebula-flow")


def frontend_units(release: tuple[int, int]) -> list[dict[str, Any]]:
    """Units of a front-end as guarded_service takes them, oned first; each with what it reads and where it answers.

    opennebula-hem, -ssh-agent and two timers are started by the unit of oned itself, opennebula-guacd by FireEdge's.
    """
    # vmm_execrc is read by the driver, which starts with oned.
    drivers_read = ["/etc/one/vmm_exec/vmm_exec_kvm.conf", "/etc/one/vmm_exec/vmm_execrc"]
    oned_reads = ["/etc/one/oned.conf", "/etc/one/monitord.conf", *drivers_read]
    units = [
        {
            "name": "opennebula",
            "config_files": oned_reads + ([scheduler_config(release)] if release >= (7, 0) else []),
            "port": 2633,
            "port_setting": r'^PORT\s*=\s*"?(\d+)',
            "start_timeout": 120,
            "kill": True,  # a driver that hangs lets oned ignore its signals; its state is in the database
            "log_files": ["/var/log/one/oned.log"],
        }
    ]
    if release < (7, 0):
        units.append({"name": "opennebula-scheduler", "config_files": [scheduler_config(release)]})
    if release >= (6, 0):
        units.append(_server("opennebula-fireedge", "fireedge-server.conf", 2616))
    if release < (6, 10):
        units.append(_server("opennebula-sunstone", "sunstone-server.conf", 9869))
        units.append({"name": "opennebula-novnc", "config_files": ["/etc/one/sunstone-server.conf"]})
    units.append(_server("opennebula-gate", "onegate-server.conf", 5030))
    units.append(_server("opennebula-flow", "oneflow-server.conf", 2474))
    return units


def _server(name: str, config: str, port: int) -> dict[str, Any]:
    # FireEdge's keys are words, those of the others Ruby's symbols.
    setting = r"^\s*:port:\s*(\d+)" if name != "opennebula-fireedge" else r"^port:\s*(\d+)"
    return {
        "name": name,
        "config_files": [f"/etc/one/{config}"],
        "port": port,
        "port_setting": setting,
        "start_timeout": 90,
    }


def node_units(column: str, version: str) -> list[dict[str, Any]]:
    """Units of a KVM node. libvirtd ends after two idle minutes and its socket starts it again: the socket is the unit.

    From Enterprise Linux 9 on the platform notes ask for libvirtd without socket activation.
    """
    # The other two are bound to the first: they stop with it, and do not start with it.
    sockets = ("libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket")
    if column in APT_DISTRIBUTIONS or int(version) < 9:
        return [{"name": name} for name in sockets]
    return [*({"name": name, "enabled": False, "state": "stopped"} for name in sockets), {"name": "libvirtd"}]


def onegate_bind_key(release: tuple[int, int]) -> str:
    """Path of the listen address in onegate-server.conf, with Ruby's symbol keys; it moved into :server in 7.3.80."""
    return ":server/:bind" if release >= (7, 4) else ":host"


def scheduler_config(release: tuple[int, int]) -> str:
    return "/etc/one/schedulers/rank.conf" if release >= (7, 0) else "/etc/one/sched.conf"


def apt_pins(column: str, version: str) -> list[dict[str, Any]]:
    """Ubuntu 26.04 has a newer nodejs of its own, which FireEdge does not run with: upstream's must win."""
    if (column, version) == ("ubuntu", "26.04"):
        return [{"package": "nodejs", "pin": "release o=OpenNebula", "priority": 600}]
    return []


def enterprise_linux_extras(column: str, version: str, arch: str) -> dict[str, Any]:
    """What OpenNebula's packages need on Enterprise Linux besides the base repositories."""
    major = int(version)
    if column == "redhat":
        return {
            "subscription_repositories": [
                f"codeready-builder-for-rhel-{major}-{arch}-rpms",
                f"rhel-{major}-for-{arch}-highavailability-rpms",
            ],
            "repositories": [],
            "packages": [],
            "epel_package": f"https://dl.fedoraproject.org/pub/epel/epel-release-latest-{major}.noarch.rpm",
        }
    builder = "powertools" if major == 8 else "crb"
    high_availability = "ha" if (column, major) == ("almalinux", 8) else "highavailability"
    return {
        "subscription_repositories": [],
        "repositories": [builder, high_availability],
        "packages": ["epel-release"],
        "epel_package": "epel-release",
    }


def describe(
    release: str, distribution: str, version: str, role: str = "frontend", architecture: str | None = None
) -> dict[str, Any]:
    """Everything the roles ask about a release on a system, or ReleaseError with the sentence.

    The result has no secret and no host in it: the base address of the repository comes from the inventory.
    """
    short = known_release(release)
    status, sentence = platform_status(short, distribution, version, role)
    if status == "refused":
        raise ReleaseError(sentence)
    key = release_key(short)
    name = distribution.lower()
    column, folder = DISTRIBUTIONS[OS_RELEASE_IDS.get(name, name)]
    apt = column in APT_DISTRIBUTIONS
    system_version = os_version(column, version)
    # The Enterprise Edition also has a folder per X.Y.Z: what the inventory says is kept.
    repository_path = f"{release}/{folder}/{system_version}" if apt else f"{release}/{folder}/$releasever/$basearch"
    result: dict[str, Any] = {
        "release": short,
        "status": status,
        "warnings": [] if status == "certified" else [sentence],
        "package_manager": "apt" if apt else "dnf",
        "repository_path": repository_path,
        "packages": {
            "frontend": frontend_packages(key, apt),
            "node": node_packages(key, apt),
            "open_vswitch": ["openvswitch-switch" if apt else "openvswitch"],
        },
        "frontend_units": frontend_units(key),
        "leader_units": list(LEADER_UNITS),
        "node_units": node_units(column, system_version),
        "onegate_bind_key": onegate_bind_key(key),
        "scheduler_config": scheduler_config(key),
        "default_datastore_driver": "local" if key >= (7, 0) else "ssh",
        "apt": None,
        "enterprise_linux": None,
    }
    if apt:
        result["apt"] = {"suite": "stable", "components": ["opennebula"], "pins": apt_pins(column, system_version)}
    else:
        result["enterprise_linux"] = enterprise_linux_extras(column, system_version, architecture or "x86_64")
    if short == "7.2" and not apt and system_version == "8":
        result["warnings"].append(
            "OpenNebula 7.2 is certified on Enterprise Linux 8, "
            "but its repository page lists packages for 9 and 10 only."
        )
    return result
