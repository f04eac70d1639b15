# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of ours in the place of a vendor's, which is kept beside it and returns when ours is not wanted.

Ours is told by a line in it. A package that was upgraded since has put the vendor's newer file in our place: that one
is kept then, and ours comes back.
"""

from __future__ import annotations

from typing import NamedTuple

MARK = b"kvmcloud.stack override"
SUFFIX = ".vendor"


class Place(NamedTuple):
    """What is found: content is None where nothing is, and for a symbolic link, which is never ours."""

    exists: bool
    content: bytes | None
    vendor_kept: bool  # there is a file with the suffix


class OverrideSteps(NamedTuple):
    keep: bool = False  # the vendor's file is moved beside
    write: bool = False
    restore: bool = False  # the vendor's file comes back
    remove: bool = False  # ours goes, and there is none of the vendor's
    forget: bool = False  # a kept file that is older than the vendor's in place

    @property
    def any(self) -> bool:
        return any(self)


def is_ours(content: bytes | None) -> bool:
    return content is not None and MARK in content[:500]


def plan_override(found: Place, wanted: bytes | None) -> OverrideSteps:
    """wanted None: the vendor's file is to be in its place."""
    ours = is_ours(found.content)
    if wanted is not None:
        return OverrideSteps(keep=found.exists and not ours, write=found.content != wanted)
    if ours:
        return OverrideSteps(restore=found.vendor_kept, remove=not found.vendor_kept)
    # With nothing in its place, a run was ended between the two steps.
    return OverrideSteps(restore=found.vendor_kept and not found.exists, forget=found.vendor_kept and found.exists)
