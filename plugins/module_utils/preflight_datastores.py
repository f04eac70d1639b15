# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about datastores: which go together, where they are mounted, what room there is for guests."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.host_probe import NETWORK_FILESYSTEM
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import same_source
from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import release_key
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ERROR,
    FRONTENDS,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_drivers import (
    DRIVERS,
    declared_drivers,
    release_of,
    runs_in,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import (
    attributes,
    clusters_of,
    front_ends,
    label_of,
    nodes_of,
    set_aside,
)

# Come with OpenNebula, by their ids.
BUILT_IN = {0: ("system", "SYSTEM_DS"), 1: ("default", "IMAGE_DS"), 2: ("files", "FILE_DS")}
_SHARED = ("shared", "qcow2")
_LOCAL = ("ssh", "local")


class Datastore(NamedTuple):
    name: str
    number: int | None  # its id, where that is known beforehand
    type: str
    driver: str  # TM_MAD in lower case; empty where only oned knows it
    clusters: frozenset[str]
    template: Mapping[str, str]
    declared: bool

    @property
    def title(self) -> str:
        return f"{self.name} ({'TM_MAD ' + self.driver if self.driver else 'of unknown TM_MAD'})"


def datastores(cloud: Cloud) -> list[Datastore]:
    """Those that are declared, and those that come with OpenNebula unless a declaration adapts them."""
    ids = {name: number for number, (name, _type) in BUILT_IN.items()}
    found = []
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        number = entry["id"] if entry.get("id") is not None else ids.get(str(entry.get("name")))
        built_in_type = BUILT_IN[number][1] if number in BUILT_IN else "IMAGE_DS"
        found.append(
            Datastore(
                # who is declared by id alone goes by the name that it has from the packages
                BUILT_IN[number][0] if number in BUILT_IN and entry.get("name") is None else label_of(entry),
                number,
                template.get("TYPE", built_in_type).upper(),
                template.get("TM_MAD", _packaged_driver(cloud) if number in BUILT_IN else "").lower(),
                frozenset(clusters_of(cloud, entry, "datastores")),
                template,
                True,
            )
        )
    taken = {one.number for one in found}
    for number, (name, kind) in BUILT_IN.items():
        if number not in taken:
            clusters = clusters_of(cloud, {"name": name}, "datastores")
            found.append(Datastore(name, number, kind, _packaged_driver(cloud), frozenset(clusters), {}, False))
    return found


def _packaged_driver(cloud: Cloud) -> str:
    """TM_MAD of the datastores 0 to 2 of a fresh installation; an older one may have been changed since."""
    release = release_of(cloud)
    if release is None or cloud.deployed:
        return ""
    return "local" if release_key(release) >= (7, 0) else "ssh"


def _may_run_in(cloud: Cloud, image: Datastore, system: Datastore, release: str) -> bool:
    """oned's rule; what is not known here is not refused."""
    known = set(DRIVERS["TM_MAD"]) - declared_drivers(cloud, "TM_MAD")
    if image.driver not in known or system.driver not in known:
        return True
    return runs_in(image.driver, system.driver, release)


def system_datastores_have_images(cloud: Cloud) -> Iterator[Finding]:
    """A system datastore is in a cluster without an image datastore whose images could run in it: shared needs shared,
    qcow2 needs qcow2, ssh needs ssh, shared, qcow2 or ceph.
    """
    release = release_of(cloud)
    for system, images in _partners(cloud, "SYSTEM_DS", "IMAGE_DS") if release else ():
        for cluster in sorted(system.clusters):
            near = [image for image in images if cluster in image.clusters]
            if not any(_may_run_in(cloud, image, system, release) for image in near):
                listed = ", ".join(image.title for image in near) or "none at all"
                yield Finding(
                    WHOLE_CLOUD,
                    f"The system datastore {system.title} is in the cluster {cluster}, where no image datastore has "
                    "images "
                    f"that could run in it (there: {listed}); oned does not copy images between transfer drivers that "
                    "do "
                    "not fit, so guests would not start.",
                    f"Declare an image datastore with TM_MAD {system.driver} in this cluster; if one was made by hand, "
                    "accept this.",
                )


def image_datastores_have_systems(cloud: Cloud) -> Iterator[Finding]:
    """An image datastore is in a cluster without a system datastore in which its images could run."""
    release = release_of(cloud)
    for image, systems in _partners(cloud, "IMAGE_DS", "SYSTEM_DS") if release else ():
        for cluster in sorted(image.clusters):
            near = [system for system in systems if cluster in system.clusters]
            if not any(_may_run_in(cloud, image, system, release) for system in near):
                listed = ", ".join(system.title for system in near) or "none at all"
                yield Finding(
                    WHOLE_CLOUD,
                    f"The image datastore {image.title} is in the cluster {cluster}, where no system datastore could "
                    "run its "
                    f"images (there: {listed}); oned would say 'Image Datastore does not support transfer mode'.",
                    f"Declare a system datastore with TM_MAD {image.driver} in this cluster; if one was made by hand, "
                    "accept this.",
                )


def _partners(cloud: Cloud, kind: str, other: str) -> Iterator[tuple[Datastore, list[Datastore]]]:
    """Each declared datastore of one type whose driver is known, with all of the other type.

    None while a declaration is refused: what is missing for that reason would be told as missing in the cloud.
    """
    if any(variable == "opennebula_datastores" for variable, _fault in cloud.declared.faults):
        return
    every = datastores(cloud)
    partners = [one for one in every if one.type == other]
    for one in every:
        if one.declared and one.type == kind and one.driver:
            yield one, partners


def shared_datastores_are_mounted(cloud: Cloud) -> Iterator[Finding]:
    """A datastore of TM_MAD shared or qcow2 is not on one network mount on the front-end and every node of its
    clusters, and host_storage_datastore_mounts does not declare it there; a warning where the mounts are written
    differently.
    """
    wanted = []
    for one in datastores(cloud):
        automatic = one.template.get("NFS_AUTO_ENABLE", "").upper() == "YES"  # OpenNebula mounts it by itself
        if not one.declared or one.driver not in _SHARED or one.type not in ("IMAGE_DS", "SYSTEM_DS") or automatic:
            continue
        hosts = {host.name: host for host in [*front_ends(cloud), *nodes_of(cloud, set(one.clusters))]}
        if len(hosts) > 1:  # a single machine shares its disk with itself
            wanted.append((one, list(hosts.values())))
    for one, names, sources in _sources(cloud, wanted):
        missing = [name for name in names if name not in sources]
        if missing:
            yield Finding(
                ", ".join(missing),
                f"The datastore {one.title} must be one network mount on {', '.join(names)}, for what one of them "
                "writes the "
                f"others read; there is none below {cloud.datastore_location} for it on {', '.join(missing)}.",
                f"Declare it in host_storage_datastore_mounts for all of them, or mount {cloud.datastore_location} "
                "itself "
                "from the network.",
            )
        elif len(set(sources.values())) > 1:
            listed = "; ".join(f"{name}: {source}" for name, source in sorted(sources.items()))
            yield Finding(
                ", ".join(names),
                f"The datastore {one.title} must be the same network mount everywhere, and is written differently "
                f"({listed}).",
                "If these are names of one export or volume, all is well; else mount the same one everywhere.",
                WARNING,
            )


def images_are_on_every_front_end(cloud: Cloud) -> Iterator[Finding]:
    """There are several front-ends, and a datastore of images or files is on the own disk of each: what one that leads
    has written is missing after the next one took over.
    """
    hosts = front_ends(cloud)
    if len(cloud.host_names(FRONTENDS)) < 2:
        return
    wanted = []
    for one in datastores(cloud):
        own_disk = one.template.get("DS_MAD", "").lower() == "fs" and not one.template.get("BRIDGE_LIST")
        # The shared ones have a rule of their own.
        if own_disk and one.type in ("IMAGE_DS", "FILE_DS") and one.driver not in _SHARED:
            wanted.append((one, hosts))
    for one, names, sources in _sources(cloud, wanted):
        missing = [name for name in names if name not in sources]
        if missing:
            yield Finding(
                ", ".join(missing),
                f"The files of the datastore {one.name} are on each front-end's own disk: those that one has written "
                "are missing after the next one took over.",
                "Declare a network mount of it in host_storage_datastore_mounts for all front-ends, or name the hosts "
                "that keep it in BRIDGE_LIST.",
                WARNING,
            )


def _sources(
    cloud: Cloud, wanted: Sequence[tuple[Datastore, list[Host]]]
) -> Iterator[tuple[Datastore, list[str], dict[str, str]]]:
    """Each datastore, the names of its hosts, and by host its network source: declared, mounted by its id, or the mount
    of all datastores.
    """
    by_hand = _mounted_by_hand(cloud, wanted)
    for one, hosts in wanted:
        own = f"{cloud.datastore_location}/{one.number}" if one.number is not None else by_hand.get(one.name, "")
        sources = {}
        for host in hosts:
            mounts = _mounted(cloud, host)
            declared = next(_declared_sources(one, host), "")
            sources[host.name] = declared or mounts.get(own) or mounts.get(cloud.datastore_location, "")
        yield one, [host.name for host in hosts], {name: source for name, source in sources.items() if source}


def _mounted_by_hand(cloud: Cloud, wanted: Sequence[tuple[Datastore, list[Host]]]) -> dict[str, str]:
    """Paths of datastores whose ids are known to oned only. A mount by hand that all hosts have may be it, so nobody is
    refused for it; but it is that of one datastore, and not that of a declared one.
    """
    known = {cloud.datastore_location, *(f"{cloud.datastore_location}/{one.number}" for one in datastores(cloud))}
    candidates: dict[str, set[str]] = {}
    for one, hosts in wanted:
        others = {
            same_source(str(mount.get("src")))
            for host in cloud.hosts
            for mount in host.datastore_mounts
            if mount.get("datastore") != one.name and mount.get("state", "mounted") != "absent"
        }
        free = [
            {path for path, source in _mounted(cloud, host).items() if same_source(source) not in others} - known
            for host in hosts
            if not any(_declared_sources(one, host))
        ]
        if one.number is None and free:
            candidates[one.name] = set.intersection(*free)
    chosen: dict[str, str] = {}
    for name in sorted(candidates, key=lambda name: len(candidates[name])):  # who has least to choose from comes first
        left = candidates[name] - set(chosen.values())
        if left:
            chosen[name] = min(left)
    return chosen


def _declared_sources(one: Datastore, host: Host) -> Iterator[str]:
    for mount in host.datastore_mounts:
        if mount.get("datastore") == one.name and mount.get("state", "mounted") != "absent":
            yield str(mount.get("src"))


def _mounted(cloud: Cloud, host: Host) -> dict[str, str]:
    """Source by path of what a host has mounted from the network at or below the place of the datastores."""
    mounts: Mapping[str, Mapping[str, Any]] = (host.probe or {}).get("mounts") or {}
    return {path: str(mount["source"]) for path, mount in mounts.items() if NETWORK_FILESYSTEM.match(mount["fstype"])}


def local_datastores_have_room(cloud: Cloud) -> Iterator[Finding]:
    """A node has little local space for guests of system datastores of TM_MAD ssh or local: less than
    preflight_roomy_datastore_mb is a warning; less than preflight_minimum_datastore_mb an error, but only a warning
    where OpenNebula is installed already. Datastores of host_storage_datastore_disks have disks of their own.
    """
    kept: dict[str, list[str]] = {}
    for one in datastores(cloud):
        if one.type == "SYSTEM_DS" and one.driver in _LOCAL:
            for host in nodes_of(cloud, set(one.clusters)):
                if not any(disk.get("datastore") == one.name for disk in host.datastore_disks):
                    kept.setdefault(host.name, []).append(one.title)
    for host, probe in cloud.probed():
        found = probe["disks"].get(cloud.datastore_location)
        if host.name not in kept or found is None or found["free_mb"] >= cloud.limits.roomy_datastore_mb:
            continue
        too_little = found["free_mb"] < cloud.limits.local_datastore_mb and not host.deployed
        yield Finding(
            host.name,
            f"{cloud.datastore_location} has {found['free_mb']} MiB free (measured at {found['measured_at']}), and "
            "the disks "
            f"of guests of {', '.join(kept[host.name])} are kept there.",
            "Free space, give the datastore a disk with host_storage_datastore_disks, or lower "
            "preflight_minimum_datastore_mb and preflight_roomy_datastore_mb knowingly.",
            ERROR if too_little else WARNING,
        )


def bridge_lists_name_hosts(cloud: Cloud) -> Iterator[Finding]:
    """BRIDGE_LIST of a datastore names a host that opennebula_hosts does not declare, or one that is set aside."""
    registered = {str(entry.get("name")) for entry in cloud.declared.hosts}
    aside = set_aside(cloud)
    for one in datastores(cloud):
        named = one.template.get("BRIDGE_LIST", "").split()
        for reason, hosts in (
            ("are no declared hosts of OpenNebula", [name for name in named if name not in registered]),
            ("are declared disabled or offline", [name for name in named if name in aside]),
        ):
            if hosts:
                yield Finding(
                    WHOLE_CLOUD,
                    f"BRIDGE_LIST of the datastore {one.name} names {', '.join(hosts)}, which {reason}: the "
                    "datastore's "
                    "operations run there, as oneadmin by SSH.",
                    "Name hosts as opennebula_hosts does, separated by spaces.",
                )


def storage_is_of_datastores(cloud: Cloud) -> Iterator[Finding]:
    """host_storage_datastore_mounts or host_storage_datastore_disks names a datastore that opennebula_datastores does
    not declare; it may have been made by hand.
    """
    known = {one.name for one in datastores(cloud)} | {name for name, _type in BUILT_IN.values()}
    for host in cloud.hosts:
        for variable, entries in (
            ("host_storage_datastore_mounts", host.datastore_mounts),
            ("host_storage_datastore_disks", host.datastore_disks),
        ):
            unknown = {str(entry.get("datastore")) for entry in entries if entry.get("state") != "absent"} - known
            for name in sorted(unknown):
                yield Finding(
                    host.name,
                    f"{variable} names the datastore {name}, which opennebula_datastores does not declare.",
                    "Correct the name, or declare the datastore; if it was made by hand, all is well.",
                    WARNING,
                )


def disks_can_be_used(cloud: Cloud) -> Iterator[Finding]:
    """host_storage_datastore_disks names a disk that is not there, is in use or holds anything, or asks for more than
    there is.
    """
    for host in cloud.hosts:
        for sentence in host.disk_findings:
            yield Finding(host.name, sentence, "Correct host_storage_datastore_disks; nothing of it would be made.")


DATASTORE_RULES: tuple[Rule, ...] = (
    Rule(system_datastores_have_images),
    Rule(image_datastores_have_systems),
    Rule(shared_datastores_are_mounted),
    Rule(images_are_on_every_front_end),
    Rule(storage_is_of_datastores),
    Rule(disks_can_be_used, acceptable=False),
    Rule(local_datastores_have_room),
    Rule(bridge_lists_name_hosts),
)
