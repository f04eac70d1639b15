# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from kvmcloud_lab import disks
from kvmcloud_lab.paths import LABS
from kvmcloud_lab.programs import LabError


def losetup(attached: dict[str, str], goes_by_itself: bool):
    """A losetup that cannot detach: the device is busy, or has gone since it was listed."""

    def run(argv, **_how):
        if "--list" in argv:
            return json.dumps({"loopdevices": [{"name": n, "back-file": f} for n, f in attached.items()]})
        if goes_by_itself:
            del attached[argv[-1]]
        raise LabError(f"{argv[-1]}: detach failed")

    return run


def test_a_disk_that_has_gone_by_itself_is_free(monkeypatch):
    attached = {"/dev/loop3": f"{LABS}/demo/node1/disk", "/dev/loop4": f"{LABS}/other/node1/disk"}
    monkeypatch.setattr(disks, "run", losetup(attached, goes_by_itself=True))
    disks.free_loops("demo")
    assert list(attached) == ["/dev/loop4"]


def test_a_disk_that_stays_is_told(monkeypatch):
    attached = {"/dev/loop3": f"{LABS}/demo/node1/disk"}
    monkeypatch.setattr(disks, "run", losetup(attached, goes_by_itself=False))
    with pytest.raises(LabError, match="/dev/loop3"):
        disks.free_loops("demo")
