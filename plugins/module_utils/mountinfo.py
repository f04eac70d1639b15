# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted where, as the kernel tells it, and which of its names mean the same."""

from __future__ import annotations

import re
from typing import NamedTuple

MOUNTINFO = "/proc/self/mountinfo"
_FAMILIES = {"nfs4": "nfs", "fuse.glusterfs": "glusterfs", "fuse.ceph": "ceph", "fuse.ceph-fuse": "ceph"}


class Mount(NamedTuple):
    path: str
    source: str
    fstype: str
    number: str  # major:minor


def parse_mounts(text: str) -> list[Mount]:
    """/proc/self/mountinfo, in the order in which they were mounted."""
    found = []
    for line in text.rstrip("\n").split("\n"):
        fields = line.split(" ")
        dash = fields.index("-", 6)
        path, source = (re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), fields[i]) for i in (4, dash + 2))
        found.append(Mount(path, source, fields[dash + 1], fields[2]))
    return found


def same_source(source: str) -> str:
    """gs1:/vol and gs1:vol are one, and so are nfs1:/export and nfs1:/export/."""
    server, colon, path = source.rpartition(":")
    return f"{server}{colon}/{path.strip('/')}"


def family(fstype: str) -> str:
    """The type as it is declared, of the type that the kernel names."""
    return _FAMILIES.get(fstype, fstype)
