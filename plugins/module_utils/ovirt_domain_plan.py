# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a directory holds to an export or ISO domain of oVirt on it: what is to be made, and what is damaged.

Metadata that are there are never written again: vdsm keeps the data centre and a checksum of its own in them.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import (
    CLASSES,
    FREE_LEASE,
    KVM,
    LONGEST_DESCRIPTION,
    SEAL,
    UUID,
    VDSM,
    Place,
    checksum,
    lease_holder,
    new_metadata,
    parse_metadata,
    places,
    sealed_text,
    size_fault,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Step

# What stands beside a domain without disturbing it: vdsm's old probe, and what file systems make by themselves.
BESIDE = frozenset({"__DIRECT_IO_TEST__", "lost+found", ".trashcan", ".glusterfs", ".snapshot"})
OWNER = (str(VDSM), str(KVM))


class Wanted(NamedTuple):
    path: str
    domain: str  # export or iso
    description: str
    remote_path: str
    storage_type: str = "NFS"
    uuid: str | None = None


class Entry(NamedTuple):
    """A directory or file that was found; kind is 'directory', 'file' or 'other'."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0


class Tree(NamedTuple):
    """What a domain's directory holds, by path relative to it; '' is the directory itself."""

    entries: Mapping[str, Entry]
    metadata: str | None = None
    lease: bytes = b""
    images: tuple[str, ...] = ()  # what is in images/, and in the one directory of an ISO domain
    strangers: tuple[str, ...] = ()  # below images/ and master/, of another owner


class Found(NamedTuple):
    """The directory of the export; root None: it is not there."""

    root: Entry | None
    names: tuple[str, ...] = ()
    trees: Mapping[str, Tree] = {}


class DomainPlan(NamedTuple):
    uuid: str
    steps: list[Step]
    damage: list[str]
    warnings: list[str]
    metadata: dict[str, str]


def declaration_faults(wanted: Wanted) -> list[str]:
    """What would make a domain that vdsm refuses."""
    faults = []
    text = wanted.description
    if not text.isascii() or not text.isprintable() or text != text.strip() or len(text) > LONGEST_DESCRIPTION:
        faults.append(
            f"description {text!r}: it has at most {LONGEST_DESCRIPTION} printable characters of ASCII, with no blanks "
            "at its ends; vdsm takes no others in this format."
        )
    server, colon, path = wanted.remote_path.rpartition(":/")
    remote = wanted.remote_path
    if wanted.storage_type in ("NFS", "GLUSTERFS") and not (server and colon and path):
        faults.append(f"remote_path {remote!r}: {wanted.storage_type} is named as server:/path.")
    if not remote.isascii() or not remote.isprintable() or remote != remote.strip() or not remote:
        faults.append(f"remote_path {remote!r}: it is printable ASCII, with no blanks at its ends.")
    if wanted.uuid is not None and not UUID.fullmatch(wanted.uuid):
        faults.append(f"uuid {wanted.uuid!r}: it is written as 8-4-4-4-12 hexadecimal digits, in small letters.")
    return faults


def choose_uuid(wanted: Wanted, found: Found, new: str) -> tuple[str, list[str]]:
    """The domain that is there or to be made, and why none may be made beside what is there."""
    domains = sorted(found.trees)
    if wanted.uuid is None and len(domains) == 1:
        return domains[0], []
    uuid = wanted.uuid or new
    if uuid in domains and len(domains) == 1:
        return uuid, []
    findings = []
    others = [name for name in domains if name != uuid]
    if others:
        findings.append(
            f"{wanted.path} holds the domain {', '.join(others)}; an engine that imports the path could not tell one "
            "from the other. Give each domain a directory of its own, or name the one that is meant with uuid."
        )
    files = [name for name in found.names if name not in domains and name not in BESIDE]
    if files and uuid not in domains:
        shown = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "")
        findings.append(
            f"{wanted.path} is not empty, it holds {shown}; a new domain is made in an empty directory only."
        )
    return uuid, findings


def plan_domain(wanted: Wanted, found: Found, new_uuid: str) -> DomainPlan:
    uuid, damage = choose_uuid(wanted, found, new_uuid)
    steps: list[Step] = []
    warnings: list[str] = []
    if found.root is None:
        steps.append(_make(Place(wanted.path, "directory", 0o755)))
    else:
        steps += _access(wanted.path, found.root, 0o755)
    top = f"{wanted.path}/{uuid}"
    tree = found.trees.get(uuid, Tree({}))
    metadata = parse_metadata(tree.metadata) if tree.metadata is not None else {}
    if tree.metadata is not None:
        damage += metadata_damage(top, uuid, metadata, wanted)
        warnings += metadata_warnings(top, metadata, wanted)
    elif tree.images:
        damage.append(
            f"{top}/dom_md/metadata is missing, but images/ holds {', '.join(tree.images[:3])}; put the metadata back "
            "from a backup, or give the images to another domain. New metadata are made for an empty domain only."
        )
    for place in [Place("", "directory", 0o755), *places(wanted.domain)]:
        made, faults = _plan_place(top, place, tree, attached=bool(metadata.get("POOL_UUID")))
        steps += made
        damage += faults
    holder = lease_holder(tree.lease)
    if holder:
        warnings.append(f"{top}/dom_md/leases is held by {holder}; a host works with the domain, or died doing so.")
    if tree.strangers:
        warnings.append(
            f"{len(tree.strangers)} files below {top} are not of {VDSM}:{KVM}, so vdsm may be unable to read them: "
            f"{', '.join(tree.strangers[:5])}. Correct them with: chown -R {VDSM}:{KVM} {top}/images {top}/master"
        )
    if tree.metadata is None:
        metadata = new_metadata(wanted.domain, uuid, wanted.description, wanted.remote_path, wanted.storage_type)
        path = f"{top}/dom_md/metadata"
        argv = ("write", path, "0644", *OWNER, InputFile(sealed_text(metadata)))
        steps.append(Step(f"write the metadata of the domain {uuid}", argv))
        metadata[SEAL] = checksum(metadata)
    else:
        steps += _access(f"{top}/dom_md/metadata", tree.entries["dom_md/metadata"], 0o644)
    return DomainPlan(uuid, [] if damage else steps, damage, warnings, metadata)


def inspect_domain(top: str, uuid: str, tree: Tree) -> list[str]:
    """All that is wrong with a domain as it is, whatever was declared."""
    if tree.metadata is None:
        return [f"{top}/dom_md/metadata is missing."]
    metadata = parse_metadata(tree.metadata)
    domain = "iso" if metadata.get("CLASS") == CLASSES["iso"] else "export"
    wrong = metadata_damage(top, uuid, metadata)
    for place in [Place("", "directory", 0o755), *places(domain)]:
        steps, faults = _plan_place(top, place, tree, attached=True)
        wrong += [f"Not done: {step.sentence}." for step in steps if step.argv[0] != "mkdir"] + faults
    wrong += [f"{top}/{name} is not of {VDSM}:{KVM}." for name in tree.strangers]
    return wrong


def metadata_damage(top: str, uuid: str, metadata: Mapping[str, str], wanted: Wanted | None = None) -> list[str]:
    path = f"{top}/dom_md/metadata"
    damage = []
    computed = checksum(metadata)
    if SEAL in metadata and metadata[SEAL] != computed:
        comment = " A line '#_SHA_CKSUM=...' is a key to vdsm, so take it out." if f"#{SEAL}" in metadata else ""
        damage.append(
            f"{path}: the checksum is {metadata[SEAL]}, computed is {computed}; vdsm refuses the domain. Find out who "
            f"edited the file and take that back.{comment} It is not written again here."
        )
    if metadata.get("SDUUID") != uuid:
        damage.append(
            f"{path}: SDUUID is {metadata.get('SDUUID')!r}, but the directory is {uuid}; one of both is a copy."
        )
    if wanted and metadata.get("CLASS") != CLASSES[wanted.domain]:
        damage.append(
            f"{path}: CLASS is {metadata.get('CLASS')!r}; a domain of type {wanted.domain} has "
            f"{CLASSES[wanted.domain]}. A domain cannot become another kind: name another directory."
        )
    return damage


def metadata_warnings(top: str, metadata: Mapping[str, str], wanted: Wanted) -> list[str]:
    path = f"{top}/dom_md/metadata"
    warnings = []
    if SEAL not in metadata:
        warnings.append(f"{path} has no {SEAL}; vdsm takes it as it is and seals it at its next change.")
    declared = {"DESCRIPTION": wanted.description, "REMOTE_PATH": wanted.remote_path, "TYPE": wanted.storage_type}
    for key, value in declared.items():
        if metadata.get(key) != value:
            warnings.append(
                f"{path}: {key} is {metadata.get(key)!r}, declared is {value!r}; metadata that are there are not "
                "changed. Correct the declaration, or change it in the engine."
            )
    return warnings


def _plan_place(top: str, place: Place, tree: Tree, attached: bool) -> tuple[list[Step], list[str]]:
    path = f"{top}/{place.path}".rstrip("/")
    entry = tree.entries.get(place.path)
    if entry is None:
        # vdsm makes master/ itself when a data centre activates the domain.
        if attached and not place.path.startswith("master"):
            return [], [
                f"{path} is missing from a domain that is attached to a data centre; put it back from a backup."
            ]
        return [_make(place._replace(path=path))], []
    if entry.kind != place.kind:
        return [], [f"{path} is no {place.kind}; what else it is was not followed."]
    fault = size_fault(place.path, entry.size) if place.kind == "file" else None
    if fault:
        return [], [f"{path} {fault}; put it back from a backup."]
    steps = _access(path, entry, place.mode)
    if place.path == "dom_md/leases" and entry.size == 0 and not attached:
        steps.append(_make(place._replace(path=path)))
    return steps, []


def _make(place: Place) -> Step:
    """One step: an entry has its owner and mode before it has its name, or in the next run."""
    mode = f"{place.mode:04o}"
    if place.kind == "directory":
        return Step(f"make the directory {place.path}", ("mkdir", place.path, mode, *OWNER))
    if place.path.endswith("/leases"):
        return Step(
            f"write the free lease {place.path}", ("write", place.path, mode, *OWNER, InputFile(FREE_LEASE.decode()))
        )
    return Step(f"make the file {place.path}", ("truncate", place.path, mode, *OWNER, str(place.size)))


def _access(path: str, entry: Entry, mode: int) -> list[Step]:
    """Other modes than ours are left, as long as vdsm can work and not everybody can write."""
    steps = []
    if (entry.uid, entry.gid) != (VDSM, KVM):
        steps.append(Step(f"give {path} to {VDSM}:{KVM}, it is of {entry.uid}:{entry.gid}", ("chown", path, *OWNER)))
    owner_bits = mode & 0o700
    if entry.mode & owner_bits != owner_bits or entry.mode & 0o002:
        steps.append(
            Step(f"set the mode of {path} to {mode:04o}, it is {entry.mode:04o}", ("chmod", path, f"{mode:04o}"))
        )
    return steps
