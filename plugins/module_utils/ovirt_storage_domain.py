# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a storage domain of oVirt, format V1: its metadata with their seal, its lease, and what belongs where.

vdsm knows no comments in the metadata and strips no blanks of values: whatever has a '=' is a key, and counts in the
checksum.
"""

from __future__ import annotations

import hashlib
import re
from typing import Mapping, NamedTuple

SEAL = "_SHA_CKSUM"
VDSM = KVM = 36  # user vdsm and group kvm have this number on each host of oVirt
CLASSES = {"export": "Backup", "iso": "Iso"}
TYPES = ("NFS", "POSIXFS", "GLUSTERFS", "LOCALFS")
ISO_IMAGES = "images/11111111-1111-1111-1111-111111111111"
LEASE_BYTES = 512
FREE_LEASE = (b"------FREE------" + b"0" * 16).ljust(LEASE_BYTES, b"\0")
MAILBOX_BYTES = 16 * 1024**2
SLOT_BYTES = 4096  # of one host in a mailbox
LONGEST_DESCRIPTION = 50

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def checksum(metadata: Mapping[str, str]) -> str:
    """As vdsm seals metadata: over KEY=VALUE of all keys but the seal, sorted by key, nothing in between."""
    digest = hashlib.sha1()
    for key in sorted(metadata):
        if key != SEAL:
            digest.update(f"{key}={metadata[key]}".encode("ascii", "xmlcharrefreplace"))
    return digest.hexdigest()


def new_metadata(domain: str, uuid: str, description: str, remote_path: str, storage_type: str) -> dict[str, str]:
    """Of a domain that no data centre has attached yet."""
    return {
        "CLASS": CLASSES[domain],
        "DESCRIPTION": description,
        "IOOPTIMEOUTSEC": "10",
        "LEASERETRIES": "3",
        "LEASETIMESEC": "60",
        "LOCKPOLICY": "",
        "LOCKRENEWALINTERVALSEC": "5",
        "MASTER_VERSION": "0",
        "POOL_UUID": "",
        "REMOTE_PATH": remote_path,
        "ROLE": "Regular",
        "SDUUID": uuid,
        "TYPE": storage_type,
        "VERSION": "0",
    }


def sealed_text(metadata: Mapping[str, str]) -> str:
    lines = [f"{key}={metadata[key]}" for key in sorted(metadata) if key != SEAL]
    return "\n".join([*lines, f"{SEAL}={checksum(metadata)}"]) + "\n"


def parse_metadata(text: str) -> dict[str, str]:
    """As vdsm reads them: lines of any kind, those without '=' passed over, keys stripped and values not."""
    pairs = [line.split("=", 1) for line in text.rstrip("\0").splitlines() if "=" in line]
    return {key.strip(): value for key, value in pairs}


class Place(NamedTuple):
    """A directory or file that every domain has. mode is that of a new one."""

    path: str
    kind: str
    mode: int
    size: int = 0


def places(domain: str) -> list[Place]:
    """In the order of creation; the metadata, which make it a domain, come last and are not among them."""
    return [
        Place("dom_md", "directory", 0o775),
        Place("images", "directory", 0o755),
        *([Place(ISO_IMAGES, "directory", 0o755)] if domain == "iso" else []),
        Place("master", "directory", 0o755),
        Place("master/tasks", "directory", 0o755),
        Place("master/vms", "directory", 0o755),
        Place("dom_md/ids", "file", 0o660),
        Place("dom_md/inbox", "file", 0o660, MAILBOX_BYTES),
        Place("dom_md/outbox", "file", 0o660, MAILBOX_BYTES),
        Place("dom_md/leases", "file", 0o660, LEASE_BYTES),
    ]


def size_fault(path: str, size: int) -> str | None:
    """What is wrong with the size of a file, in words. Mailboxes made by hand are empty; vdsm makes them grow."""
    if path == "dom_md/leases" and size not in (0, LEASE_BYTES):
        return f"has {size} bytes; a lease has {LEASE_BYTES}"
    if path in ("dom_md/inbox", "dom_md/outbox") and size % SLOT_BYTES:
        return f"has {size} bytes, which is no multiple of the {SLOT_BYTES} that each host has in it"
    return None


def lease_holder(lease: bytes) -> str | None:
    """Who holds the lease; None if it is free, never taken, or empty."""
    holder = lease[:16].rstrip(b"\0")
    return None if not holder or holder == FREE_LEASE[:16] else holder.decode("ascii", "backslashreplace")
