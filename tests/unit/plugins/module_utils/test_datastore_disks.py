# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_storage_host import EXTENT, SmallHost

from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import FORMATTING, DiskPlanner, Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.lvm_report import (
    FileSystem,
    LogicalVolume,
    PhysicalVolume,
    VolumeGroup,
)

GIB = 1024**3
DISK = 10 * GIB
USABLE = 2559  # extents of such a disk: LVM keeps the first mebibyte


def declared(*devices: str, size: str = "100%", **more) -> dict:
    names = {"datastore": "system", "volume_group": "vg", "logical_volume": "lv", "fstype": "xfs"}
    return {**names, "devices": list(devices), "size": size, "wipe_signatures": [], **more}


def plan_of(disks: Disks, *entries: dict, mounted: str = ""):
    return DiskPlanner(disks, mounted=lambda number: number == mounted, new_uuid=lambda: "uuid0").plan(entries)


def commands(plan) -> list[str]:
    assert not plan.findings, plan.findings
    return [" ".join(map(str, step.argv)) for step in plan.steps]


def empty(*names: str, **more) -> dict:
    return {name: Device(name, DISK, **more) for name in names}


def group(*disks: str, extents: int = 0, free: int = 0, **more) -> dict:
    """A group vg on these disks, as it is read."""
    total = extents or USABLE * len(disks)
    return {
        "devices": empty(*disks),
        "physical": [PhysicalVolume(disk, "vg", USABLE * EXTENT, DISK, 1024**2, in_use=True) for disk in disks],
        "groups": [VolumeGroup("vg", EXTENT, total, free, **more)],
    }


def volume(extents: int, *tags: str, active: bool = True) -> dict:
    return {"logical": [LogicalVolume("vg", "lv", extents * EXTENT, active, tags, "253:0")]}


def xfs(extents: int, uuid: str = "old") -> dict:
    return {"file_systems": {"vg/lv": FileSystem("xfs", uuid, extents * EXTENT)}}


MAKE = [
    f"lvcreate --yes --wipesignatures y --addtag {FORMATTING}uuid0 --extents 100%VG --name lv vg",
    "mkfs.xfs -q -f -m uuid=uuid0 /dev/vg/lv",
    f"lvchange --deltag {FORMATTING}uuid0 vg/lv",
]
RESUME = [command.replace("uuid0", "begun") for command in MAKE[1:]]


@pytest.mark.parametrize(
    ("disks", "entry", "wanted"),
    [
        pytest.param(
            Disks(empty("/dev/sdb", "/dev/sdc")),
            declared("/dev/sdb", "/dev/sdc"),
            ["vgcreate vg /dev/sdb /dev/sdc", *MAKE],
            id="nothing is there",
        ),
        pytest.param(
            Disks(empty("/dev/sdb")),
            declared("/dev/sdb", size="1g"),
            ["vgcreate vg /dev/sdb", MAKE[0].replace("100%VG", "256"), *MAKE[1:]],
            id="a fixed size",
        ),
        pytest.param(
            Disks(empty("/dev/sdb")),
            declared("/dev/sdb", size="1025m"),
            ["vgcreate vg /dev/sdb", MAKE[0].replace("100%VG", "257"), *MAKE[1:]],
            id="at least what was asked for",
        ),
        pytest.param(
            Disks(
                empty("/dev/sdb", signatures=("LVM2_member:1",)),
                [PhysicalVolume("/dev/sdb", "", DISK, DISK, 1024**2)],
            ),
            declared("/dev/sdb"),
            ["vgcreate vg /dev/sdb", *MAKE],
            id="killed before the group: a physical volume of no group holds nothing",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=USABLE)),
            declared("/dev/sdb"),
            [MAKE[0].replace("100%VG", str(USABLE)), *MAKE[1:]],
            id="killed before the volume",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE, FORMATTING + "begun")),
            declared("/dev/sdb"),
            RESUME,
            id="killed before or in mkfs: the tag allows it, with the same UUID",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE, FORMATTING + "begun", active=False)),
            declared("/dev/sdb"),
            ["lvchange --activate y vg/lv", *RESUME],
            id="killed before the volume was active",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE, FORMATTING + "begun"), **xfs(USABLE, "begun")),
            declared("/dev/sdb"),
            RESUME,
            id="killed before the tag was taken off: nothing was stored yet",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE), **xfs(USABLE)), declared("/dev/sdb"), [], id="as wanted"
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=USABLE - 256), **volume(256), **xfs(256)),
            declared("/dev/sdb", size="1g"),
            [],
            id="as wanted, in bytes",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=USABLE - 256), **volume(256), **xfs(256)),
            declared("/dev/sdb", size="2g"),
            ["lvextend --extents 512 vg/lv"],
            id="a larger size",
        ),
        pytest.param(
            Disks(
                {**empty("/dev/sdb", "/dev/sdc")},
                [PhysicalVolume("/dev/sdb", "vg", USABLE * EXTENT, DISK, 1024**2, in_use=True)],
                [VolumeGroup("vg", EXTENT, USABLE, 0)],
                **volume(USABLE),
                **xfs(USABLE),
            ),
            declared("/dev/sdb", "/dev/sdc"),
            ["vgextend vg /dev/sdc", "lvextend --extents 100%VG vg/lv"],
            id="a further disk",
        ),
        pytest.param(
            Disks(
                {"/dev/sdb": Device("/dev/sdb", 2 * DISK)},
                [PhysicalVolume("/dev/sdb", "vg", USABLE * EXTENT, 2 * DISK, 1024**2, in_use=True)],
                [VolumeGroup("vg", EXTENT, USABLE, 0)],
                **volume(USABLE),
                **xfs(USABLE),
            ),
            declared("/dev/sdb"),
            ["pvresize /dev/sdb", "lvextend --extents 100%VG vg/lv"],
            id="the disk itself grew",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=100), **volume(USABLE - 100), **xfs(USABLE - 100)),
            declared("/dev/sdb", size="97%"),
            [f"lvextend --extents {USABLE * 97 // 100} vg/lv"],
            id="a share",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=USABLE // 2), **volume(USABLE // 2 + 1), **xfs(USABLE // 2 + 1)),
            declared("/dev/sdb", size="50%"),
            [],
            id="LVM had rounded a share up",
        ),
        pytest.param(
            Disks({"/dev/sdb": Device("/dev/sdb", DISK, signatures=("gpt:1", "ext4:2"), partitions=("/dev/sdb1",))}),
            declared("/dev/sdb", wipe_signatures=["ext4:2", "gpt:1", "xfs:long-past"]),
            ["wipefs --all /dev/sdb1", "wipefs --all /dev/sdb", "vgcreate vg /dev/sdb", *MAKE],
            id="consent to all that is there, partitions first",
        ),
        pytest.param(
            Disks({"/dev/disk/by-id/a": Device("/dev/sdb", DISK), "/dev/sdb": Device("/dev/sdb", DISK)}),
            declared("/dev/disk/by-id/a", "/dev/sdb"),
            ["vgcreate vg /dev/disk/by-id/a", *MAKE],
            id="one disk by two names",
        ),
    ],
)
def test_plan(disks, entry, wanted):
    assert commands(plan_of(disks, entry)) == wanted


@pytest.mark.parametrize(
    ("disks", "entry", "said"),
    [
        pytest.param(Disks({"/dev/sdx": None}), declared("/dev/sdx"), "no block device /dev/sdx", id="no such disk"),
        pytest.param(
            Disks(empty("/dev/sdb", signatures=("xfs:1", "PMBR:2"))),
            declared("/dev/sdb"),
            "it holds xfs:1, PMBR:2. If that may be destroyed for ever, say so: wipe_signatures: ['xfs:1', 'PMBR:2']",
            id="holds something",
        ),
        pytest.param(
            Disks(empty("/dev/sdb", signatures=("xfs:1", "PMBR:2"))),
            declared("/dev/sdb", wipe_signatures=["xfs:1"]),
            "is not empty, it holds xfs:1, PMBR:2",
            id="consent to a part of it",
        ),
        pytest.param(
            Disks(empty("/dev/sda", uses=("/dev/sda1 is mounted at /",), signatures=("gpt:1",))),
            declared("/dev/sda", wipe_signatures=["gpt:1"]),
            "/dev/sda is in use: /dev/sda1 is mounted at /",
            id="in use, consent or not",
        ),
        pytest.param(Disks(empty("/dev/sr0", read_only=True)), declared("/dev/sr0"), "is read-only", id="read-only"),
        pytest.param(
            Disks(**{**group("/dev/sdc", "/dev/sdd"), "devices": empty("/dev/sdb", "/dev/sdc")}),
            declared("/dev/sdb", "/dev/sdc"),
            "vg holds /dev/sdd, which is not declared, and /dev/sdb would join. Has a disk another name now?",
            id="a new disk has taken the name of one of the group, whose names have moved on",
        ),
        pytest.param(
            Disks(empty("/dev/sdb", signatures=()), [PhysicalVolume("/dev/sdb", "theirs", 1, DISK, 1, in_use=True)]),
            declared("/dev/sdb"),
            "belongs to volume group theirs",
            id="of another group",
        ),
        pytest.param(
            Disks(
                empty("/dev/sdb", signatures=("LVM2_member:1",)),
                [PhysicalVolume("/dev/sdb", "", DISK, DISK, 1, in_use=True)],
            ),
            declared("/dev/sdb", wipe_signatures=["LVM2_member:1"]),
            "part of a volume group whose other disks are missing",
            id="half of a group, the other half is away",
        ),
        pytest.param(
            Disks(
                empty("/dev/sdb", signatures=("LVM2_member:1",)),
                [PhysicalVolume("/dev/sdb", "", DISK, DISK, 1, metadata_areas=0)],
            ),
            declared("/dev/sdb"),
            "part of a volume group whose other disks are missing",
            id="its metadata are on a disk that is away",
        ),
        pytest.param(
            Disks(
                {**group("/dev/sda")["devices"], **empty("/dev/sdb")},
                group("/dev/sda")["physical"],
                group("/dev/sda")["groups"],
            ),
            declared("/dev/sdb"),
            "volume group vg exists, on /dev/sda, and none of the devices declared for it is part of it",
            id="the name of the root disk's group, by mistake",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", missing=1)),
            declared("/dev/sdb"),
            "1 disk(s) of volume group vg are missing",
            id="a dead disk",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=USABLE - 512), **volume(512), **xfs(512)),
            declared("/dev/sdb", size="1g"),
            "vg/lv has 2g and should have 1g; XFS cannot shrink",
            id="smaller",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE), **xfs(USABLE)),
            declared("/dev/sdb", size="50%"),
            "XFS cannot shrink",
            id="a smaller share",
        ),
        pytest.param(
            Disks(**group("/dev/sdb", free=USABLE - 256), **volume(256), **xfs(256)),
            declared("/dev/sdb", size="11g"),
            "10g more are needed for 11g in volume group vg, which has 9g free",
            id="more than there is",
        ),
        pytest.param(
            Disks(empty("/dev/sdb")),
            declared("/dev/sdb", size="11g"),
            "which has about 10g free",
            id="more than the disk",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE)),
            declared("/dev/sdb"),
            "holds no file system",
            id="a guest's disk",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE), file_systems={"vg/lv": FileSystem("ext4", "1")}),
            declared("/dev/sdb"),
            "holds ext4:1, wanted xfs",
            id="another file system",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE, active=False)),
            declared("/dev/sdb"),
            "is not active",
            id="inactive",
        ),
        pytest.param(
            Disks(**group("/dev/sdb"), **volume(USABLE, FORMATTING + "begun"), **xfs(USABLE, "by-hand")),
            declared("/dev/sdb"),
            "holds xfs:by-hand that this run did not make",
            id="formatted by hand after a kill",
        ),
        pytest.param(Disks({}), declared(), "devices is empty", id="no devices"),
        pytest.param(
            Disks(empty("/dev/sdb")),
            declared("/dev/sdb", volume_group="--yes"),
            "no name that LVM takes",
            id="an option",
        ),
        pytest.param(Disks(empty("/dev/sdb")), declared("/dev/sdb", size="much"), "is no size", id="no size"),
    ],
)
def test_refused(disks, entry, said):
    plan = plan_of(disks, entry)
    assert any(said in finding for finding in plan.findings), plan.findings
    assert all(finding.startswith("datastore system: ") for finding in plan.findings)


def test_one_extent_less_is_less():
    disks = Disks(**group("/dev/sdb", free=USABLE - 257), **volume(257), **xfs(257))
    assert "XFS cannot shrink" in plan_of(disks, declared("/dev/sdb", size="1g")).findings[0]


def test_a_second_metadata_area_at_the_end_of_the_disk_is_no_growth():
    """It hides how much is really free, and pvresize would be planned in every run."""
    physical = [PhysicalVolume("/dev/sdb", "vg", (USABLE - 1) * EXTENT, DISK, 1024**2, metadata_areas=2, in_use=True)]
    disks = Disks(empty("/dev/sdb"), physical, [VolumeGroup("vg", EXTENT, 256, 0)], **volume(256), **xfs(256))
    assert commands(plan_of(disks, declared("/dev/sdb"))) == []


def test_all_findings_are_told_at_once():
    disks = Disks({**empty("/dev/sdb", signatures=("xfs:1",)), "/dev/sdx": None, **empty("/dev/sdc", read_only=True)})
    assert len(plan_of(disks, declared("/dev/sdb", "/dev/sdx", "/dev/sdc")).findings) == 3


def test_a_disk_of_two_groups_and_a_volume_of_two_datastores():
    disks = Disks(empty("/dev/sdb"))
    other = declared("/dev/sdb", volume_group="other")
    assert "declared for volume group vg too" in plan_of(disks, declared("/dev/sdb"), other).findings[0]
    same = declared("/dev/sdb", datastore="second")
    assert "is that of datastore system too" in plan_of(disks, declared("/dev/sdb"), same).findings[0]


def test_a_mounted_volume_is_never_formatted():
    """The tag was left, and somebody has mounted what is there."""
    disks = Disks(**group("/dev/sdb"), **volume(USABLE, FORMATTING + "begun"), **xfs(USABLE, "begun"))
    assert commands(plan_of(disks, declared("/dev/sdb"), mounted="253:0")) == [RESUME[-1]]


def test_a_file_system_smaller_than_its_volume_grows():
    """Killed between lvextend and xfs_growfs; less than an extent is what mkfs itself leaves."""
    for held, grows in ((256, True), (511, True), (512, False)):
        disks = Disks(**group("/dev/sdb", free=USABLE - 512), **volume(512), **xfs(held))
        assert [one.grows for one in plan_of(disks, declared("/dev/sdb", size="2g")).volumes] == [grows]


def test_two_datastores_share_a_group():
    first = declared("/dev/sdb", datastore="first", logical_volume="first", size="6g")
    second = declared("/dev/sdb", datastore="second", logical_volume="second", size="5g")
    rest = {**second, "size": "100%"}
    plan = plan_of(Disks(**group("/dev/sdb", free=USABLE)), first, rest)
    assert [c.split("--extents ")[1].split()[0] for c in commands(plan) if "lvcreate" in c] == [
        "1536",
        str(USABLE - 1536),
    ]
    assert "second" in plan_of(Disks(**group("/dev/sdb", free=USABLE)), first, second).findings[0]


def test_two_volumes_that_grow_share_what_is_free():
    both = [LogicalVolume("vg", name, 512 * EXTENT, number=f"253:{i}") for i, name in enumerate(("first", "second"))]
    held = {f"vg/{name}": FileSystem("xfs", name, 512 * EXTENT) for name in ("first", "second")}
    disks = Disks(**group("/dev/sdb", extents=1324, free=300), logical=both, file_systems=held)
    entries = [declared("/dev/sdb", datastore=n, logical_volume=n, size="2800m") for n in ("first", "second")]
    plan = plan_of(disks, *entries)
    assert ["second" in finding for finding in plan.findings] == [True], plan.findings


def test_a_disk_that_is_not_declared_is_told_and_left():
    disks = Disks(**group("/dev/sdb", "/dev/sdc"), **volume(2 * USABLE), **xfs(2 * USABLE))
    plan = plan_of(disks, declared("/dev/sdb"))
    assert not plan.steps and "also holds /dev/sdc" in plan.warnings[0]


SIZES = ["200m", "1g", "30%", "100%"]
WISHES = st.lists(st.tuples(st.sampled_from(SIZES), st.integers(1, 3), st.integers(0, 20)), min_size=1, max_size=4)


@given(WISHES, st.sampled_from(["", "orphan", "held"]))
def test_killed_after_any_step_the_next_run_converges(wishes, found):
    """Sizes and disks only grow; each wish is begun, killed after some of its steps, and repeated."""
    disks = [f"/dev/sd{letter}" for letter in "bcd"]
    host = SmallHost(dict.fromkeys(disks, 4 * GIB))
    if found == "orphan":
        host.orphans.add("/dev/sdb")
    if found == "held":
        host.signatures["/dev/sdb"] = ("xfs:1",)
    wishes = sorted(wishes, key=lambda wish: (SIZES.index(wish[0]), wish[1]))
    count = 0
    for size, wanted, survived in wishes:
        count = max(count, wanted)
        entry = declared(*disks[:count], size=size, wipe_signatures=["xfs:1"])
        for step in host.plan([entry]).steps[:survived]:
            host.carry_out(step)
        begun = copy.deepcopy(host.volumes)
        for step in host.plan([entry]).steps:
            host.carry_out(step)
        assert host.plan([entry]).steps == []
        one = host.volumes["vg/lv"]
        assert one["fs"] == one["extents"] * EXTENT and one["tags"] == []
        assert host.mounts == {"/ds/system": "vg/lv"} and host.owners["vg/lv"] == 9869
        assert host.fstab == f"UUID={one['uuid']} /ds/system xfs defaults,nofail 0 0\n"
        assert begun.get("vg/lv", one)["uuid"] in ("", one["uuid"]), "what was made is not made again"
