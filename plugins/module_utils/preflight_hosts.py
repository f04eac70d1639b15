# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about the hosts as systems: reach, release, init, time, users."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import (
    ReleaseError,
    platform_status,
    release_key,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    NODES,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Rule,
)


def unreachable_hosts(cloud: Cloud) -> Iterator[Finding]:
    """A host of this run could not be reached or looked at."""
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
    """The release of OpenNebula does not exist for a host's operating system; a warning where nobody wrote down
    whether it does.
    """
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
                yield Finding(host.name, sentence, "Try it on a spare host first.", WARNING)


def one_system_per_zone(cloud: Cloud) -> Iterator[Finding]:
    """Front-ends and nodes run different operating systems or versions."""
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
            WARNING,
        )


def one_release(cloud: Cloud) -> Iterator[Finding]:
    """Front-ends and nodes are given different releases of OpenNebula."""
    releases = {host.release for host in cloud.hosts if host.release and host.groups & {FRONTENDS, NODES}}
    if len(releases) > 1:
        yield Finding(
            WHOLE_CLOUD,
            f"opennebula_release differs between hosts: {', '.join(sorted(releases))}.",
            "Set it once, for all front-ends and nodes.",
        )


def installed_release(cloud: Cloud) -> Iterator[Finding]:
    """Another release of OpenNebula is installed than the declared one. The playbook opennebula_upgrade is refused only
    a newer one, because packages do not go back.
    """
    for host, probe in cloud.probed():
        if not probe["opennebula"] or not host.release or not host.groups & {FRONTENDS, NODES}:
            continue
        with contextlib.suppress(ReleaseError):  # told by another rule
            wanted, found = release_key(host.release), tuple(map(int, re.findall(r"\d+", probe["opennebula"])[:2]))
            if found > wanted or (found < wanted and not cloud.upgrade):
                present = ".".join(map(str, found))
                yield Finding(
                    host.name,
                    f"OpenNebula {probe['opennebula']} is installed, and opennebula_release is {host.release}.",
                    ("Upgrade with the playbook kvmcloud.stack.opennebula_upgrade, or set" if found < wanted else "Set")
                    + f' opennebula_release to "{present}".',
                )


def init_system(cloud: Cloud) -> Iterator[Finding]:
    """A host does not run systemd."""
    for host, probe in cloud.probed():
        if probe["init"] != "systemd":
            yield Finding(
                host.name, f"Process 1 is {probe['init'] or 'unknown'}, not systemd.", "Use a host that boots systemd."
            )


def package_manager_busy(cloud: Cloud) -> Iterator[Finding]:
    """A package manager is at work on a host, so that ours would wait for it or fail."""
    for host, probe in cloud.probed():
        lock = probe["package_lock"]
        if lock:
            yield Finding(
                host.name,
                f"{lock['process'] or 'a process'} (pid {lock['pid']}) holds {lock['path']}.",
                "Wait until it is done; unattended upgrades often run just after boot.",
                WARNING,
            )


def clock_skew(cloud: Cloud) -> Iterator[Finding]:
    """A host's clock differs from the controller's by more than preflight_clock_skew; its time must lie between two
    looks at the controller's.
    """
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
    """No service keeps a host's time. Containers have the clock of their machine."""
    for host, probe in cloud.probed():
        # a container has the clock of the machine it runs on
        if not probe["clock"]["service"] and not probe["container"]:
            yield Finding(host.name, "No time service is active.", "Install chrony, or run systemd-timesyncd.", WARNING)


def uid_of_oneadmin(cloud: Cloud) -> Iterator[Finding]:
    """The user oneadmin has not the same id on all hosts, as files on shared storage need."""
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
    Rule(unreachable_hosts, acceptable=False),
    Rule(one_release, acceptable=False),
    Rule(release_on_system, acceptable=False),
    Rule(installed_release),
    Rule(one_system_per_zone),
    Rule(init_system, acceptable=False),
    Rule(package_manager_busy),
    Rule(clock_skew),
    Rule(time_service),
    Rule(uid_of_oneadmin),
)
