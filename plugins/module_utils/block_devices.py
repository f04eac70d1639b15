# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a block device, and who uses it: read from lsblk and wipefs, so that nothing is formatted by mistake."""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping, NamedTuple

LSBLK_COLUMNS = "NAME,KNAME,TYPE,SIZE,RO,PTUUID,MOUNTPOINT,MAJ:MIN"
# Signatures of a partition table: wipefs knows no identity of theirs, lsblk does.
PARTITION_TABLES = ("gpt", "PMBR", "dos")


class Device(NamedTuple):
    path: str  # as the kernel calls it: /dev/sdb
    size: int = 0
    read_only: bool = False
    uses: tuple[str, ...] = ()  # in words: 'mounted at /srv'
    signatures: tuple[str, ...] = ()  # its own and those of its partitions, each as TYPE:IDENTITY
    partitions: tuple[str, ...] = ()  # innermost first: the order in which they are wiped
    number: str = ""  # major:minor, as mounts tell it


def parse_lsblk(text: str) -> dict[str, dict[str, Any]]:
    """Every device of the machine by its kernel name; a device below several others is there once."""
    return {node["kname"]: node for top in json.loads(text)["blockdevices"] for node in _tree(top)}


def _tree(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("children") or []:
        yield from _tree(child)


def partitions(node: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for child in node.get("children") or []:
        if child["type"] == "part":
            found += [*partitions(child), child["kname"]]
    return found


def uses(node: Mapping[str, Any]) -> list[str]:
    """Who would notice if the device were overwritten, in words."""
    found = []
    mounted = node.get("mountpoint")
    if mounted:
        what = node["kname"]
        found.append(f"{what} is used as swap" if mounted == "[SWAP]" else f"{what} is mounted at {mounted}")
    for child in node.get("children") or []:
        if child["type"] == "part":
            found += uses(child)
        else:
            found.append(f"{node['kname']} is below {child['name']} ({child['type']})")
    return found


def parse_wipefs(text: str) -> list[dict[str, Any]]:
    """The signatures of one device; wipefs says nothing at all where there are none."""
    found: list[dict[str, Any]] = json.loads(text)["signatures"] if text.strip() else []
    return found


def signature(found: Mapping[str, Any], partition_table: str | None, digest: str) -> str:
    """TYPE:IDENTITY. The identity dies with the data, so that a consent to wipe it holds for this data alone.

    `digest` is of what is written at the place of the signature, for the types that have no identity of their own.
    """
    kind = str(found["type"])
    identity = found.get("uuid") or (partition_table if kind in PARTITION_TABLES else None) or digest
    return f"{kind}:{identity}"


def device(node: Mapping[str, Any], signatures: list[str]) -> Device:
    return Device(
        path=node["kname"],
        size=int(node["size"]),
        # older releases print 0 and 1
        read_only=node["ro"] in (True, 1, "1"),
        uses=tuple(uses(node)),
        signatures=tuple(dict.fromkeys(signatures)),
        partitions=tuple(partitions(node)),
        number=node.get("maj:min", "").strip(),
    )
