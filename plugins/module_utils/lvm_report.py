# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LVM and XFS report about themselves, as records."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

# One run of each per reading; sizes are bytes.
REPORTS = {
    "pv": "pv_name,vg_name,pv_size,dev_size,pe_start,pv_mda_count,pv_in_use,pv_missing",
    "vg": "vg_name,vg_extent_size,vg_extent_count,vg_free_count,vg_missing_pv_count",
    "lv": "vg_name,lv_name,lv_size,lv_active,lv_tags,lv_kernel_major,lv_kernel_minor",
}
REPORT_OPTIONS = ("--reportformat", "json", "--units", "b", "--nosuffix")


class PhysicalVolume(NamedTuple):
    path: str
    group: str
    size: int
    device_size: int
    start: int
    metadata_areas: int = 1
    in_use: bool = False
    missing: bool = False


class VolumeGroup(NamedTuple):
    name: str
    extent_size: int
    extents: int
    free: int
    missing: int = 0  # disks


class LogicalVolume(NamedTuple):
    group: str
    name: str
    size: int
    active: bool = True
    tags: tuple[str, ...] = ()
    number: str = ""  # major:minor, as mounts tell it


class FileSystem(NamedTuple):
    kind: str
    uuid: str
    size: int = 0  # bytes; 0: not known


def parse_physical_volumes(text: str) -> list[PhysicalVolume]:
    return [
        PhysicalVolume(
            row["pv_name"],
            row["vg_name"],
            int(row["pv_size"]),
            int(row["dev_size"]),
            int(row["pe_start"]),
            int(row["pv_mda_count"]),
            row["pv_in_use"] == "used",
            row["pv_missing"] == "missing",
        )
        for row in _rows(text, "pv")
    ]


def parse_volume_groups(text: str) -> list[VolumeGroup]:
    return [
        VolumeGroup(
            row["vg_name"],
            int(row["vg_extent_size"]),
            int(row["vg_extent_count"]),
            int(row["vg_free_count"]),
            int(row["vg_missing_pv_count"]),
        )
        for row in _rows(text, "vg")
    ]


def parse_logical_volumes(text: str) -> list[LogicalVolume]:
    return [
        LogicalVolume(
            row["vg_name"],
            row["lv_name"],
            int(row["lv_size"]),
            row["lv_active"] == "active",
            tuple(tag for tag in row["lv_tags"].split(",") if tag),
            f"{row['lv_kernel_major']}:{row['lv_kernel_minor']}",
        )
        for row in _rows(text, "lv")
    ]


def _rows(text: str, kind: str) -> list[dict[str, str]]:
    report: dict[str, Any] = json.loads(text)
    return [row for part in report["report"] for row in part.get(kind, [])]


def xfs_size(text: str) -> int:
    """Bytes of a file system as xfs_info prints it; 0 if it does not say."""
    found = re.search(r"^data\s+=\s+bsize=(\d+)\s+blocks=(\d+)", text, re.MULTILINE)
    return int(found.group(1)) * int(found.group(2)) if found else 0


class SizeError(ValueError):
    """The text is the sentence for the user."""


class Size(NamedTuple):
    """How large a volume shall be: bytes, or per cent of its group."""

    bytes: int = 0
    percent: int = 0


def parse_size(text: str) -> Size:
    """50g is 50 GiB, as lower case means to LVM; 50% is half of the volume group."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|[kmgtp](?:i?b)?)\s*", text, re.IGNORECASE)
    if not found:
        raise SizeError(f"size {text!r} is no size; write 50g (k, m, g, t or p, in powers of 1024) or 100%.")
    number, unit = float(found.group(1)), found.group(2).lower()
    if unit == "%":
        if not number.is_integer() or not 1 <= number <= 100:
            raise SizeError(f"size {text!r} is no share of a volume group; write a whole number from 1% to 100%.")
        return Size(percent=int(number))
    if not number:
        raise SizeError(f"size {text!r} is nothing; write 50g or 100%.")
    return Size(bytes=int(number * 1024 ** ("kmgtp".index(unit[0]) + 1)))


def shown_size(size: int) -> str:
    """The largest unit in which it is at least one: 1.5g."""
    value, unit = float(size), "b"
    for larger in "kmgtp":
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.2f}".rstrip("0").rstrip(".") + unit
