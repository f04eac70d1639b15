# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a storage add-on on one host, before anything of it is changed there.

What the host was found to have comes in, findings go out. What cannot be known yet - no program of the vendor's is
there, oned is not up - is no finding: the roles prove it once it is there.
"""

from __future__ import annotations

import re
from typing import Any, Collection, Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import (
    SERVING,
    ClusterError,
    last_json,
)

ERROR, WARNING = "error", "warning"
# The add-on's package was renamed before its first release; the texts of one guide still have the old name.
OLD_PACKAGES = {"vitastor": {"opennebula-vitastor": "vitastor-opennebula"}, "storpool": {}}
STAGING_DIR = "/var/tmp"  # where the drivers of Vitastor import images when the datastore does not say
VITASTOR_CONF = "/etc/vitastor/vitastor.conf"
SLICE = "machine.slice"
UNLIMITED = 1 << 60  # control groups of version 1 say it with a number, those of version 2 with "max"
# STATE of a host of OpenNebula in which the drivers do not use it as a bridge.
OFF = {"3": "in error", "4": "disabled", "5": "in error", "7": "disabled", "8": "offline"}


class Note(NamedTuple):
    what: str
    remedy: str
    severity: str = ERROR


class Answer(NamedTuple):
    """Of a command of the storage."""

    returncode: int
    out: str
    err: str = ""


def attributes(entry: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).upper(): str(value) for name, value in (entry.get("template") or {}).items()}


def of_addon(datastores: Iterable[Mapping[str, Any]], addon: str) -> list[tuple[str, dict[str, str]]]:
    """Name and template of the datastores that are to be there and have its drivers."""
    found = [
        (str(one.get("name") or one.get("id")), attributes(one)) for one in datastores if one.get("state") != "absent"
    ]
    return [(name, template) for name, template in found if template.get("TM_MAD", "").lower() == addon]


def bridged(datastores: Iterable[Mapping[str, Any]], host: str) -> list[tuple[str, dict[str, str]]]:
    """Those of Vitastor whose drivers work on this host, by its name in OpenNebula."""
    return [one for one in of_addon(datastores, "vitastor") if host in one[1].get("BRIDGE_LIST", "").split()]


def staging_dirs(datastores: Iterable[Mapping[str, Any]], host: str) -> dict[str, list[str]]:
    """Names of datastores by the directory that their images are imported through on this host."""
    found: dict[str, list[str]] = {}
    for name, template in bridged(datastores, host):
        if template.get("TYPE", "IMAGE_DS").upper() == "IMAGE_DS":
            found.setdefault(template.get("STAGING_DIR") or STAGING_DIR, []).append(name)
    return found


def clusters(datastores: Iterable[Mapping[str, Any]], host: str) -> dict[str, dict[str, list[str]]]:
    """Names of datastores by configuration of the cluster and pool."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, template in bridged(datastores, host):
        if template.get("POOL_NAME"):
            pools = found.setdefault(template.get("VITASTOR_CONF") or VITASTOR_CONF, {})
            pools.setdefault(template["POOL_NAME"], []).append(name)
    return found


class Place(NamedTuple):
    """Where images of datastores are, and how their names begin."""

    config: str
    pool: str
    prefix: str


def places(datastores: Iterable[Mapping[str, Any]]) -> dict[Place, list[str]]:
    """Names of image datastores by where their images are."""
    found: dict[Place, list[str]] = {}
    for name, template in of_addon(datastores, "vitastor"):
        if template.get("POOL_NAME") and template.get("TYPE", "IMAGE_DS").upper() == "IMAGE_DS":
            config, prefix = template.get("VITASTOR_CONF") or VITASTOR_CONF, template.get("IMAGE_PREFIX") or "one"
            found.setdefault(Place(config, template["POOL_NAME"], prefix), []).append(name)
    return found


def old_package_notes(addons: Iterable[str], installed: Iterable[str]) -> Iterator[Note]:
    for addon in addons:
        for old, new in OLD_PACKAGES[addon].items():
            if old in installed:
                yield Note(
                    f"The package {old} is installed, the older name of {new}: both have the same files, and the "
                    "package manager would end half way.",
                    f"Remove it (apt-get remove {old}, dnf remove {old}); this run then installs {new}.",
                )


class Directory(NamedTuple):
    """A STAGING_DIR as it was found; None where there is none."""

    free_mb: int
    writable: bool = True  # for oneadmin


def staging_notes(
    directories: Mapping[str, list[str]], found: Mapping[str, Directory | None], wanted_mb: int
) -> Iterator[Note]:
    for path, names in directories.items():
        listed = ", ".join(names)
        there = found.get(path)
        if there is None:
            yield Note(
                f"There is no directory {path}, the STAGING_DIR of {listed}, through which images are imported here.",
                "Make it, writable for oneadmin, or name another STAGING_DIR.",
            )
            continue
        if not there.writable:
            yield Note(
                f"The user oneadmin cannot write to {path}, the STAGING_DIR of {listed}.",
                "Give it to oneadmin, or name another STAGING_DIR.",
            )
        if there.free_mb < wanted_mb:
            yield Note(
                f"{path}, the STAGING_DIR of {listed}, has {there.free_mb} MiB free; {wanted_mb} are wanted, and every "
                "image that is imported has to fit in as a whole.",
                "Free space, name another STAGING_DIR, or lower preflight_minimum_staging_mb.",
            )


def pool_notes(
    config: str, pools: Mapping[str, list[str]], listed: Answer, status: Answer | None, to_come: bool
) -> Iterator[Note]:
    """listed: ls-pools; to_come: this very run makes the cluster and its pools, so they may still be missing."""
    severity = WARNING if to_come else ERROR
    told = f"The Vitastor cluster of {config}"
    try:
        if listed.returncode:
            raise ClusterError(
                " ".join((listed.err or listed.out).split()) or f"vitastor-cli ended with {listed.returncode}"
            )
        found = {str(one["name"]): one for one in last_json(listed.out, "vitastor-cli ls-pools") if one.get("name")}
    except (ClusterError, KeyError, TypeError) as error:
        yield Note(
            f"{told} cannot be asked: {str(error).rstrip('.')}.",
            "Look at etcd and at the addresses in that file; without it no image can be made.",
            severity,
        )
        return
    for pool, names in pools.items():
        users = f"which {', '.join(names)} {'uses' if len(names) == 1 else 'use'}"
        if pool not in found:
            there = ", ".join(found) or "none"
            yield Note(
                f"{told} has no pool {pool}, {users}; it has: {there}.",
                "Make it (vitastor_cluster_pools, or vitastor-cli create-pool), or name one that is there.",
                severity,
            )
        elif found[pool].get("status") not in SERVING:
            yield Note(
                f"The Vitastor pool {pool}, {users}, is {found[pool].get('status')}: nothing can be read or written.",
                "Bring its OSDs up; vitastor-cli status and osd-tree tell which are down.",
                severity,
            )
    yield from _health_notes(told, status)


def foreign_notes(place: Place, names: Iterable[str], listed: Answer, known: Collection[str]) -> Iterator[Note]:
    """Images that another OpenNebula may have made: drivers overwrite and remove them by their names alone.

    listed: `vitastor-cli ls --json`; known: IDs of the images that this OpenNebula has; a clone has that of its image.
    """
    try:
        rows = [] if listed.returncode else last_json(listed.out, "vitastor-cli ls")
    except ClusterError:
        return  # what the cluster does not answer is told of its pools
    form = re.compile(rf"{re.escape(place.prefix)}-(\d+)(-\d+-\d+)?(@.*)?")
    found = [form.fullmatch(str(row.get("name"))) for row in rows if row.get("pool_name") == place.pool]
    foreign = sorted({int(one[1]) for one in found if one and one[1] not in known})
    if foreign:
        first = ", ".join(f"{place.prefix}-{number}" for number in foreign[:3])
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        yield Note(
            f"The Vitastor pool {place.pool} has images named as those of {', '.join(names)} are, which this "
            f"OpenNebula does not have: {first}{more}. If they belong to another one, each would overwrite and remove "
            "what is the other's.",
            "Give each OpenNebula that shares the pool an IMAGE_PREFIX of its own, or remove what is left over.",
            WARNING,
        )


def _health_notes(told: str, status: Answer | None) -> Iterator[Note]:
    """A cluster that works and misses something: guests run, and the next failure may stop them."""
    if status is None or status.returncode:
        return
    try:
        found = last_json(status.out, "vitastor-cli status")
    except ClusterError:
        return
    states = {name: count for name, count in (found.get("pg_states") or {}).items() if name != "active" and count}
    wrong = [f"{count} placement groups are {name}" for name, count in sorted(states.items())]
    if found.get("osd_up") != found.get("osd_count"):
        wrong.append(f"{found.get('osd_up')} of {found.get('osd_count')} OSDs are up")
    if wrong:
        yield Note(
            f"{told} is degraded: {', '.join(wrong)}.",
            "Bring its OSDs up and let it recover before the next change.",
            WARNING,
        )


def storpool_notes(services: Answer | None, block: bool | None) -> Iterator[Note]:
    """services: `storpool service list`, None without the program; block: its devices, None where none are needed."""
    if services is None:
        yield Note(
            "The program storpool is not on this host; the drivers of the add-on call it here.",
            "Install StorPool's command line, as StorPool tells you to; the collection does not bring it.",
        )
    elif services.returncode:
        said = " ".join((services.err or services.out).split()) or f"it ended with {services.returncode}"
        yield Note(
            f"StorPool does not answer this host: {said.rstrip('.')}.",
            "Look at the address of its API (SP_API_HTTP_HOST), the token (SP_AUTH_TOKEN) and the network.",
        )
    if block is False:
        yield Note(
            "The service storpool_block does not run on this host, so it has no devices of StorPool.",
            "Start it (systemctl start storpool_block), or let StorPool configure the host.",
        )


def slice_notes(limit: str | None) -> Iterator[Note]:
    """limit: of the memory of machine.slice as the kernel has it; None without the slice."""
    if limit is None or not limit.isdigit() or int(limit) >= UNLIMITED:
        lacks = f"There is no {SLICE}" if limit is None else f"{SLICE} has no limit of memory"
        yield Note(
            f"{lacks}: the add-on's reserved.sh says then that the whole host is reserved, and the run ends there.",
            "Configure StorPool's cgroups on the host first, or set storpool_opennebula_reserve to false.",
            WARNING,
        )


def bridge_notes(datastores: Iterable[Mapping[str, Any]], states: Mapping[str, str]) -> Iterator[Note]:
    """states: STATE by name of the hosts that OpenNebula has; one that it does not have yet is made by this run."""
    for name, template in of_addon(datastores, "vitastor") + of_addon(datastores, "storpool"):
        named = template.get("BRIDGE_LIST", "").split()
        off = {host: OFF[states[host]] for host in named if states.get(host) in OFF}
        if not off:
            continue
        every = len(off) == len(named)
        told = ", ".join(f"{host} is {state}" for host, state in off.items())
        yield Note(
            f"Bridge hosts of the datastore {name} are off in OpenNebula: {told}; the drivers "
            f"{'have no other, so none of its images can be made or deleted' if every else 'use the others'}.",
            "Bring them back (onehost show tells why), or take them out of BRIDGE_LIST.",
            ERROR if every else WARNING,
        )
