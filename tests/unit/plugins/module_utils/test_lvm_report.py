# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.lvm_report import (
    LogicalVolume,
    PhysicalVolume,
    Size,
    SizeError,
    VolumeGroup,
    parse_logical_volumes,
    parse_physical_volumes,
    parse_size,
    parse_volume_groups,
    shown_size,
    xfs_size,
)

GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("50g", Size(50 * GIB)),
        ("50G", Size(50 * GIB)),
        ("50GiB", Size(50 * GIB)),
        ("1.5t", Size(1536 * GIB)),
        (" 512 m ", Size(512 * 1024**2)),
        ("100%", Size(percent=100)),
        ("33%", Size(percent=33)),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "50", "g", "-5g", "0g", "0%", "101%", "12.5%", "50%FREE", "50 potatoes", "5g6"])
def test_what_is_no_size(text):
    with pytest.raises(SizeError, match="write"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0b"), (512, "512b"), (300 * 1024**2, "300m"), (1536 * GIB, "1.5t"), (2 * 1024**5, "2p")]
)
def test_sizes_are_shown_as_they_are_written(size, text):
    assert shown_size(size) == text


# Printed by LVM 2.03.16 on Debian 12.
PVS = """
  {
      "report": [
          {
              "pv": [
                  {"pv_name":"/dev/vdc", "vg_name":"stores", "pv_size":"1069547520", "dev_size":"1073741824",
                   "pe_start":"1048576", "pv_mda_count":"1", "pv_in_use":"used", "pv_missing":""},
                  {"pv_name":"/dev/vdd", "vg_name":"", "pv_size":"1073741824", "dev_size":"1073741824",
                   "pe_start":"1048576", "pv_mda_count":"1", "pv_in_use":"", "pv_missing":""},
                  {"pv_name":"[unknown]", "vg_name":"stores", "pv_size":"1069547520", "dev_size":"0",
                   "pe_start":"1048576", "pv_mda_count":"0", "pv_in_use":"used", "pv_missing":"missing"}
              ]
          }
      ]
  }
"""


def test_reports_of_lvm():
    assert parse_physical_volumes(PVS) == [
        PhysicalVolume("/dev/vdc", "stores", 1069547520, 1073741824, 1048576, 1, True, False),
        PhysicalVolume("/dev/vdd", "", 1073741824, 1073741824, 1048576, 1, False, False),
        PhysicalVolume("[unknown]", "stores", 1069547520, 0, 1048576, 0, True, True),
    ]
    row = {"vg_name": "stores", "vg_extent_size": "4194304", "vg_extent_count": "255", "vg_free_count": "180"}
    report = {"report": [{"vg": [{**row, "vg_missing_pv_count": "1"}]}]}
    assert parse_volume_groups(json.dumps(report)) == [VolumeGroup("stores", 4194304, 255, 180, 1)]
    row = {"vg_name": "stores", "lv_name": "system", "lv_size": "314572800", "lv_active": "active", "lv_tags": "a,b"}
    report = {"report": [{"lv": [{**row, "lv_kernel_major": "253", "lv_kernel_minor": "0"}]}]}
    assert parse_logical_volumes(json.dumps(report)) == [
        LogicalVolume("stores", "system", 314572800, True, ("a", "b"), "253:0")
    ]


def test_a_host_without_lvm_has_nothing():
    assert parse_volume_groups('{"report": []}') == []


def test_the_size_of_an_xfs():
    text = (
        "meta-data=/dev/a isize=512\n         =   sectsz=512\ndata     =       bsize=4096   blocks=76800, imaxpct=25\n"
    )
    assert xfs_size(text + "log      =internal log bsize=4096 blocks=16384\n") == 300 * 1024**2
    assert xfs_size("xfs_info: cannot init perag data") == 0
