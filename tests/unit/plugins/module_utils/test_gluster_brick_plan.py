# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_brick_host import BrickMachine, brick, commands, lvm

from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import Directory, Present
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_plan import (
    MARK,
    BrickDisks,
    Found,
    check_declarations,
    plan_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.lvm_report import PhysicalVolume
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount

GIB = 1024**3
AT = "/bricks/b1"
UUID = "5b0f4d3e-7f0e-4f0c-9a51-0a4c2f4f1a11"
HELD = f"xfs:{UUID}"
OPTIONS = "noatime,x-systemd.before=glusterd.service,nofail"
LINE = f"UUID={UUID} {AT} xfs {OPTIONS} 0 0\n"
BEGUN = f"UUID={UUID} {AT} xfs noauto,{MARK} 0 0\n"
MOUNTED = Mount(AT, "/dev/sdb", "xfs", "8:16")
WRITE = "write /etc/fstab <file>"
MKFS = f"mkfs.xfs -q -f -i size=512 -m uuid={UUID} /dev/sdb"
REST = [WRITE, "systemctl daemon-reload", f"timeout --kill-after=5 60 mount -t xfs -o noatime /dev/sdb {AT}"]
MAKE = [WRITE, MKFS, f"seal {AT}", *REST]


def disk(*signatures: str, size: int = 10 * GIB, **more) -> Device:
    return Device("/dev/sdb", size, signatures=signatures, number="8:16", **more)


def plan_of(entry, device=None, mounts=(), fstab="", physical=(), entries=(), xfs=0, sources=None, more=()):
    disks = Disks({"/dev/sdb": device, **{one.path: one for one in more}}, physical)
    found = Found(mounts, fstab, {"/dev/sdb": xfs} if xfs else {}, sources or {})
    planner = BrickDisks(disks, found, {m.number for m in mounts}.__contains__, lambda: UUID)
    disk_plan = planner.plan_bricks([entry])
    directories = {AT: Directory(tuple(entries), 0)}
    plan = plan_mounts([entry], disk_plan, Present(mounts, fstab, directories), lenient=False)
    return plan, [*disk_plan.findings, *plan.findings]


@pytest.mark.parametrize(
    ("entry", "there", "steps", "line"),
    [
        pytest.param(brick(), {"device": disk()}, MAKE, LINE, id="an empty disk"),
        pytest.param(
            brick(inode_size=1024, opts="noatime,inode64"),
            {"device": disk()},
            [one.replace("size=512", "size=1024").replace("-o noatime", "-o noatime,inode64") for one in MAKE],
            LINE.replace("noatime", "noatime,inode64"),
            id="as it is declared",
        ),
        pytest.param(brick(), {"device": disk(HELD), "mounts": [MOUNTED], "fstab": LINE}, [], LINE, id="as wanted"),
        pytest.param(
            brick(),
            {"device": disk(HELD), "fstab": LINE},
            [f"seal {AT}", *REST[1:]],
            LINE,
            id="not mounted: it is known by fstab",
        ),
        pytest.param(
            brick(),
            {
                "device": disk(HELD),
                "mounts": [MOUNTED],
                "fstab": f"/dev/sdb {AT} xfs defaults 0 0\n",
                "sources": {"/dev/sdb": "/dev/sdb"},
            },
            REST[:2],
            LINE,
            id="the guide's line: by the name of the device, which may change",
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD), "fstab": f"/dev/sdb {AT} xfs defaults 0 0\n", "sources": {"/dev/sdb": "/dev/sdb"}},
            [f"seal {AT}", *REST],
            LINE,
            id="the guide's line, not mounted",
        ),
        pytest.param(
            brick(keep=HELD),
            {"device": disk(HELD)},
            [f"seal {AT}", *REST],
            LINE,
            id="a host whose system was made anew",
        ),
        pytest.param(
            brick(wipe_signatures=["ext4:1"]),
            {"device": disk("ext4:1")},
            ["wipefs --all /dev/sdb", *MAKE],
            LINE,
            id="with consent to this data",
        ),
        pytest.param(
            brick(),
            {"device": disk(), "fstab": LINE.replace(UUID, "dead")},
            MAKE,
            LINE,
            id="a new disk in place of a dead one: what fstab names is nowhere",
        ),
        pytest.param(
            brick(), {"device": disk(), "fstab": BEGUN}, MAKE[1:], LINE, id="killed before mkfs: the same UUID"
        ),
        pytest.param(
            brick(), {"device": disk(HELD), "fstab": BEGUN}, MAKE[1:], LINE, id="killed in or after mkfs: made again"
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD), "mounts": [MOUNTED], "fstab": BEGUN},
            REST[:2],
            LINE,
            id="the mark was left and somebody has mounted it: never formatted",
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD), "mounts": [MOUNTED], "fstab": LINE, "xfs": 8 * GIB},
            [f"xfs_growfs {AT}"],
            LINE,
            id="the disk has grown",
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD), "mounts": [MOUNTED], "fstab": LINE, "xfs": 10 * GIB - 4096},
            [],
            LINE,
            id="mkfs leaves a little",
        ),
        pytest.param(brick(device=None), {"mounts": [MOUNTED], "fstab": ""}, [], "", id="somebody else's mount"),
        pytest.param(
            brick(wipe_signatures=[]),
            {"device": disk("LVM2_member:x"), "physical": [PhysicalVolume("/dev/sdb", "", GIB, GIB, 1024**2)]},
            MAKE,
            LINE,
            id="a physical volume of no group holds nothing",
        ),
    ],
)
def test_plan(entry, there, steps, line):
    plan, findings = plan_of(entry, **there)
    assert findings == []
    assert commands(plan.steps) == steps
    assert plan.fstab == line


@pytest.mark.parametrize(
    ("entry", "there", "said"),
    [
        pytest.param(brick(), {}, "there is no block device /dev/sdb on this host", id="no such disk"),
        pytest.param(
            brick(),
            {"device": disk("gpt:1", "ext4:2")},
            "/dev/sdb is not empty, it holds gpt:1, ext4:2. If that may be destroyed for ever, say so: "
            "wipe_signatures: ['gpt:1', 'ext4:2'].",
            id="partitions",
        ),
        pytest.param(
            brick(wipe_signatures=["gpt:1"]), {"device": disk("gpt:1", "ext4:2")}, "is not empty", id="half a consent"
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD)},
            f"wipe_signatures: ['{HELD}']. If its files shall stay and be used: keep: '{HELD}'.",
            id="an XFS of another life",
        ),
        pytest.param(
            brick(wipe_signatures=["gpt:1"]),
            {"device": disk("gpt:1", uses=("/dev/sdb1 is mounted at /",))},
            "/dev/sdb is in use: /dev/sdb1 is mounted at /. Free it first.",
            id="the root disk, consent or not",
        ),
        pytest.param(
            brick(),
            {"device": disk(uses=("/dev/sdb is below /dev/md0 (raid1)",))},
            "below /dev/md0",
            id="part of a RAID",
        ),
        pytest.param(brick(), {"device": disk(read_only=True)}, "is read-only", id="read-only"),
        pytest.param(
            brick(),
            {"device": disk(), "physical": [PhysicalVolume("/dev/sdb", "vg", GIB, GIB, 1024**2, in_use=True)]},
            "belongs to volume group vg",
            id="part of a volume group, whose disks are not asked what they hold",
        ),
        pytest.param(
            brick(keep=HELD), {"device": disk()}, f"/dev/sdb is empty, and keep says {HELD}", id="the wrong disk"
        ),
        pytest.param(
            brick(keep=HELD),
            {"device": disk("xfs:other")},
            f"holds xfs:other, and keep says {HELD}. Is it the right disk",
            id="another file system than the one to keep",
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD, uses=("/dev/sdb is mounted at /mnt",)), "fstab": LINE},
            "in use: /dev/sdb is mounted at /mnt",
            id="ours, mounted elsewhere",
        ),
        pytest.param(
            brick(),
            {"device": disk(), "fstab": LINE.replace(UUID, "moved"), "sources": {"UUID=moved": "/dev/sdc"}},
            f"/etc/fstab mounts UUID=moved at {AT}, which is /dev/sdc, and declared is /dev/sdb",
            id="disks were swapped",
        ),
        pytest.param(
            brick(),
            {"device": disk("ext4:1"), "fstab": BEGUN},
            "is not empty, it holds ext4:1",
            id="killed before mkfs, then used for something else",
        ),
        pytest.param(
            brick(),
            {"device": disk("ext4:1"), "mounts": [MOUNTED._replace(fstype="ext4")], "fstab": ""},
            f"/dev/sdb is mounted at {AT} and holds ext4:1, wanted xfs; it is left so",
            id="mounted, of another type",
        ),
        pytest.param(
            brick(),
            {"device": disk(HELD), "mounts": [MOUNTED._replace(number="8:32", source="/dev/sdc")], "fstab": LINE},
            f"/dev/sdc (xfs) is mounted at {AT}, wanted UUID={UUID} (xfs)",
            id="another disk is mounted there",
        ),
        pytest.param(
            brick(),
            {"device": disk(), "entries": ["vms"]},
            f"{AT} is not mounted and holds vms, which the mount would hide",
            id="files on the disk below",
        ),
        pytest.param(
            brick(device=None),
            {"mounts": [Mount("/", "/dev/vda", "ext4", "254:0")]},
            f"{AT} is no mount point, so the brick would be on the disk of /. Declare its device",
            id="a brick on root",
        ),
        pytest.param(
            brick(device=None),
            {"mounts": [Mount("/", "overlay", "overlay", "0:1"), Mount("/bricks", "/dev/vdb", "xfs", "8:9")]},
            "so the brick would be on the disk of /bricks",
            id="a brick on the disk of another",
        ),
        pytest.param(
            brick(device=None),
            {"mounts": [Mount(AT, "nfs1:/x", "nfs4", "0:9")]},
            "is of type nfs4, where GlusterFS cannot keep its marks",
            id="not on NFS",
        ),
        pytest.param(
            brick(lvm=lvm()),
            {"device": disk("ext4:1")},
            "is not empty, it holds ext4:1",
            id="LVM asks as well",
        ),
    ],
)
def test_refused(entry, there, said):
    _plan, findings = plan_of(entry, **there)
    assert any(said in finding for finding in findings), findings
    assert all(finding.startswith("brick b1: ") for finding in findings)


def test_on_lvm():
    machine = BrickMachine({"/dev/sdb": 10 * GIB})
    steps = machine.steps(brick(lvm=lvm(size="2g")))
    assert commands(steps) == [
        "vgcreate vg /dev/sdb",
        "lvcreate --yes --wipesignatures y --addtag kvmcloud.formatting.uuid0 --extents 512 --name b1 vg",
        "mkfs.xfs -q -f -i size=512 -m uuid=uuid0 /dev/vg/b1",
        "lvchange --deltag kvmcloud.formatting.uuid0 vg/b1",
        f"seal {AT}",
        WRITE,
        "systemctl daemon-reload",
        f"timeout --kill-after=5 60 mount -t xfs -o noatime /dev/vg/b1 {AT}",
    ]


def test_a_volume_that_is_mounted_elsewhere():
    machine = BrickMachine({"/dev/sdb": 10 * GIB})
    entry = brick(lvm=lvm())
    for step in machine.steps(entry):
        machine.carry_out(step)
    machine.mounts = {"/mnt": "vg/b1"}
    _plan, findings = machine.try_plan(entry)
    assert "brick b1: /dev/vg/b1 is mounted at /mnt already, which is not where it is declared" in findings[0]


def test_two_names_of_one_disk():
    disks = Disks({"/dev/disk/by-id/x": disk(), "/dev/sdb": disk()})
    planner = BrickDisks(disks, Found([], ""), lambda _number: False, lambda: UUID)
    plan = planner.plan_bricks([brick("b1"), brick("b2", "/dev/disk/by-id/x")])
    assert plan.findings == ["brick b2: /dev/disk/by-id/x is /dev/sdb, as that of brick b1 is."]


@pytest.mark.parametrize(
    ("bricks", "said"),
    [
        ([brick(), brick()], "brick b1: it is declared twice"),
        ([brick(mount="/")], "mount '/' is no mount point; write /bricks/b1"),
        ([brick(mount="bricks/b1")], "is no mount point"),
        ([brick(mount="/bricks/../etc")], "is no mount point"),
        ([brick(mount="/bricks/a b")], "is no mount point"),
        ([brick("a", "/dev/sdb"), brick("b", "/dev/sdc", mount="/bricks/a/b")], "lies in, that of brick a"),
        (
            [brick("a", "/dev/sdb"), brick("b", "/dev/sdc", mount="/bricks/a")],
            "brick b: its mount /bricks/a is, or lies in",
        ),
        ([brick("a"), brick("b")], "/dev/sdb is that of brick a too"),
        ([brick(device=None, lvm=lvm())], "it has lvm and no device"),
        ([brick(device=None, keep=HELD)], "no device that wipe_signatures or keep could be about"),
        ([brick(lvm=lvm(), keep=HELD)], "keep is for disks without lvm"),
        ([brick(keep="ext4:1")], "keep 'ext4:1' names no file system; write xfs:UUID"),
        ([brick(opts="noatime, inode64")], "holds white space"),
        ([brick(directories=[{"path": "../x"}])], "directory '../x' is not below"),
        ([brick(directories=[{"path": "/x"}])], "directory '/x' is not below"),
        ([brick(directories=[{"path": ""}])], "is not below"),
    ],
)
def test_declarations_that_cannot_be_meant(bricks, said):
    findings = check_declarations(bricks)
    assert any(said in finding for finding in findings), findings


def test_declarations_that_are_fine():
    shared = [brick("a", lvm=lvm()), brick("b", lvm=lvm()), brick("c", "/dev/sdc"), brick("d", None)]
    assert check_declarations([*shared, brick("e", "/dev/sdd", keep=HELD, directories=[{"path": "a/vms"}])]) == []


BRICKS = [
    [brick("b1", "/dev/sdb", directories=[{"path": "vms", "uid": None, "gid": None, "mode": None}])],
    [brick("b1", "/dev/sdb"), brick("b2", "/dev/sdc", wipe_signatures=["ext4:1"])],
    [brick("b1", "/dev/sdb"), brick("b2", "/dev/sdd", lvm=lvm(size="1g"))],
    [brick("b1", "/dev/sdb", lvm=lvm(size="30%")), brick("b2", "/dev/sdb", lvm=lvm(size="1g"))],
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(BRICKS), st.lists(st.tuples(st.integers(0, 16), st.booleans(), st.booleans()), max_size=4))
def test_killed_between_any_two_commands_or_in_mkfs_the_next_run_converges(bricks, kills):
    machine = BrickMachine({f"/dev/sd{letter}": 10 * GIB for letter in "bcd"}, signatures={"/dev/sdc": ("ext4:1",)})
    for survived, reboots, in_mkfs in kills:
        steps = machine.steps(*bricks)
        for step in steps[:survived]:
            machine.carry_out(step)
        if in_mkfs and survived < len(steps) and steps[survived].argv[0] == "mkfs.xfs":
            machine.half_formatted(steps[survived])
        if reboots:
            machine.boot()
    done = dict(machine.mounts)
    before = len(machine.formatted)
    for step in machine.steps(*bricks):
        machine.carry_out(step)
    assert machine.steps(*bricks) == [], "converged"
    assert set(machine.mounts) == {one["mount"] for one in bricks}
    assert MARK not in machine.fstab and machine.fstab.count("\n") == len(bricks)
    assert all(size for _uuid, size in machine.plain.values()), "a file system that was begun is made again"
    for path, source in done.items():
        held = machine.plain[source][0] if source in machine.plain else machine.volumes[source]["uuid"]
        assert held not in machine.formatted[before:], f"{path} was mounted and is not made again"
    assert machine.signatures.get("/dev/sdc") == (
        None if len(bricks) > 1 and bricks[1]["device"] == "/dev/sdc" else ("ext4:1",)
    )
    machine.boot()
    assert set(machine.mounts) == {one["mount"] for one in bricks}, "mounted at boot too"
    assert machine.steps(*bricks) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(10, 40), st.integers(0, 3)), min_size=1, max_size=4))
def test_a_disk_grows_under_its_brick(sizes):
    machine = BrickMachine({"/dev/sdb": 10 * GIB})
    for step in machine.steps(brick()):
        machine.carry_out(step)
    for size, survived in sorted(sizes):
        machine.sizes["/dev/sdb"] = size * GIB
        for step in machine.steps(brick())[:survived]:
            machine.carry_out(step)
        for step in machine.steps(brick()):
            machine.carry_out(step)
        assert machine.plain["/dev/sdb"] == ("uuid0", size * GIB)
        assert machine.steps(brick()) == []
    assert machine.formatted == ["uuid0"]
