# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_storage_host import SmallHost

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import DiskPlan, Volume
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import (
    Directory,
    MountPlanner,
    Owner,
    Present,
    check_declarations,
    datastore_paths,
    unmounted,
    wanted_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount, parse_mounts

PATH = "/ds/100"
LINE = f"nfs1:/images {PATH} nfs defaults,_netdev,nofail,bg 0 0\n"
TRAP = Mount(PATH, "systemd-1", "autofs", "0:40")
MOUNTED = Mount(PATH, "nfs1:/images", "nfs4", "0:50")
NO_DISKS = DiskPlan([], [], [], [])


def nfs(**more) -> dict:
    entry = {"datastore": "images", "src": "nfs1:/images", "fstype": "nfs", "opts": "", "state": "mounted"}
    return {**entry, **more}


def present(*mounts: Mount, fstab: str = "", location: bool = True, **directory) -> Present:
    directories = {PATH: Directory(**directory)} if directory else {}
    return Present(mounts, fstab, directories, location)


def plan_of(found: Present, *entries: dict, unwanted=(), lenient=False, disks: DiskPlan = NO_DISKS, kinds=()):
    paths = {"images": PATH, "system": "/ds/101"}
    wanted = wanted_mounts(entries, paths, disks, kinds)
    return MountPlanner(found, "/ds", Owner(9869, 9870), lenient).plan(disks.steps, wanted, unwanted)


def commands(plan) -> list[str]:
    assert not plan.findings, plan.findings
    return [" ".join(map(str, step.argv)) for step in plan.steps]


SEAL, WRITE, RELOAD = f"seal {PATH}", "write /etc/fstab <file>", "systemctl daemon-reload"
MOUNT = f"timeout --kill-after=5 60 mount -t nfs -o fg,retry=0 nfs1:/images {PATH}"
UMOUNT = f"timeout --kill-after=5 60 umount {PATH}"
OWN = f"own {PATH} 9869 9870"


@pytest.mark.parametrize(
    ("found", "entry", "steps", "line"),
    [
        pytest.param(present(), nfs(), [SEAL, WRITE, RELOAD, MOUNT, OWN], LINE, id="nothing is there"),
        pytest.param(
            present(entries=(".monitor", "lost+found"), uid=9869),
            nfs(),
            [SEAL, WRITE, RELOAD, MOUNT, OWN],
            LINE,
            id="OpenNebula's own mark is no data",
        ),
        pytest.param(present(MOUNTED, fstab=LINE, uid=9869), nfs(), [], LINE, id="as wanted"),
        pytest.param(
            present(fstab=LINE, uid=0), nfs(), [SEAL, RELOAD, MOUNT, OWN], LINE, id="not mounted: the server was away"
        ),
        pytest.param(present(MOUNTED, uid=9869), nfs(), [WRITE, RELOAD], LINE, id="mounted by hand"),
        pytest.param(present(MOUNTED, fstab=LINE, uid=0), nfs(), [OWN], LINE, id="killed before oneadmin owned it"),
        pytest.param(present(TRAP, MOUNTED, fstab=LINE, uid=9869), nfs(), [], LINE, id="mounted by an automount"),
        pytest.param(
            present(MOUNTED._replace(source="nfs1:/images/"), fstab=LINE, uid=9869), nfs(), [], LINE, id="a slash more"
        ),
        pytest.param(
            present(),
            nfs(fstype="glusterfs", src="gs1:images", opts="backup-volfile-servers=gs2,x-systemd.requires=a.service"),
            [
                SEAL,
                WRITE,
                RELOAD,
                "timeout --kill-after=5 60 mount -t glusterfs -o backup-volfile-servers=gs2 gs1:images " + PATH,
                OWN,
            ],
            f"gs1:images {PATH} glusterfs backup-volfile-servers=gs2,x-systemd.requires=a.service,_netdev,nofail 0 0\n",
            id="GlusterFS: what is systemd's is not mount's",
        ),
        pytest.param(
            present(Mount(PATH, "gs1:/images", "fuse.glusterfs", "0:51"), uid=9869),
            nfs(fstype="glusterfs", src="gs1:images"),
            [WRITE, RELOAD],
            f"gs1:images {PATH} glusterfs defaults,_netdev,nofail 0 0\n",
            id="GlusterFS is fuse to the kernel",
        ),
        pytest.param(
            present(),
            nfs(opts="hard,noatime,fg"),
            [SEAL, WRITE, RELOAD, MOUNT.replace("fg,", "hard,noatime,fg,"), OWN],
            f"nfs1:/images {PATH} nfs hard,noatime,fg,_netdev,nofail 0 0\n",
            id="fg is a wish",
        ),
        pytest.param(
            present(),
            nfs(opts="x-systemd.automount"),
            [SEAL, WRITE, RELOAD, MOUNT, OWN],
            f"nfs1:/images {PATH} nfs x-systemd.automount,_netdev,nofail 0 0\n",
            id="automount tries by itself",
        ),
    ],
)
def test_plan(found, entry, steps, line):
    plan = plan_of(found, entry)
    assert commands(plan) == steps
    assert plan.fstab == line


@pytest.mark.parametrize(
    ("found", "entry", "said"),
    [
        pytest.param(
            present(entries=("7", "a.qcow2"), uid=9869),
            nfs(),
            "/ds/100 is not mounted and holds 7, a.qcow2, which the mount would hide",
            id="files would be hidden",
        ),
        pytest.param(
            present(entries=tuple("abcdefg"), uid=9869), nfs(), "holds a, b, c, d, e and 2 more", id="many files"
        ),
        pytest.param(
            present(MOUNTED._replace(source="nfs2:/images"), uid=9869),
            nfs(),
            "nfs2:/images (nfs4) is mounted at /ds/100, wanted nfs1:/images (nfs)",
            id="another server",
        ),
        pytest.param(
            present(MOUNTED._replace(fstype="fuse.glusterfs"), uid=9869), nfs(), "is mounted at", id="another type"
        ),
        pytest.param(
            present(MOUNTED._replace(path="/ds/99")),
            nfs(),
            "nfs1:/images is mounted at /ds/99 already, the directory of another datastore",
            id="the datastore was deleted and made anew",
        ),
        pytest.param(
            present(TRAP, fstab=LINE, uid=None),
            nfs(),
            "the automount at /ds/100 was asked for nfs1:/images and mounted nothing",
            id="an automount whose server is away; nothing is mounted over it",
        ),
        pytest.param(
            present(error="Host is down"), nfs(), "/ds/100 cannot be looked at: Host is down", id="not to be looked at"
        ),
        pytest.param(present(MOUNTED, uid=None), nfs(), "the mount at /ds/100 does not answer", id="a dead server"),
        pytest.param(present(location=False), nfs(), "/ds does not exist", id="no OpenNebula"),
    ],
)
def test_refused(found, entry, said):
    plan = plan_of(found, entry)
    assert any(said in finding for finding in plan.findings), plan.findings
    assert len(plan.findings) == 1


def test_a_mount_elsewhere_is_the_operators_own_business():
    for path in ("/mnt", "/ds-old/100"):
        assert commands(plan_of(present(MOUNTED._replace(path=path)), nfs()))


def test_the_last_mount_of_a_path_is_on_top():
    below = Mount(PATH, "nfs9:/old", "nfs4", "0:49")
    assert commands(plan_of(present(below, MOUNTED, fstab=LINE, uid=9869), nfs())) == []


def test_other_options_hold_from_the_next_mount():
    plan = plan_of(present(MOUNTED, fstab=LINE, uid=9869), nfs(opts="noatime"))
    assert commands(plan) == [WRITE, RELOAD]
    assert "stays mounted as it is" in plan.warnings[0]


def test_check_mode_before_the_packages_are_there():
    assert commands(plan_of(present(location=False), nfs(), lenient=True))


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        (present(MOUNTED, fstab=LINE, uid=9869), [UMOUNT, f"open {PATH}", WRITE, RELOAD]),
        (present(TRAP, MOUNTED, fstab=LINE, uid=9869), [UMOUNT, UMOUNT, f"open {PATH}", WRITE, RELOAD]),
        (present(TRAP, fstab=LINE, uid=None), [UMOUNT, f"open {PATH}", WRITE, RELOAD]),
        (present(fstab=LINE, uid=0), [f"open {PATH}", WRITE, RELOAD]),
        (present(fstab=LINE), [WRITE, RELOAD]),
        (present(uid=0), [f"open {PATH}"]),
        (present(uid=9869), []),
        (present(), []),
    ],
    ids=[
        "mounted",
        "mounted by an automount, which would mount it again",
        "an automount whose server is away",
        "killed after umount",
        "killed after open",
        "sealed only",
        "an ordinary directory",
        "nothing",
    ],
)
def test_absent(found, steps):
    plan = plan_of(found, unwanted=[PATH])
    assert commands(plan) == steps
    assert plan.fstab == ""


VOLUME = Volume("system", "/dev/vg/lv", "u-1", "253:0", False)
KINDS = [{"datastore": "system", "fstype": "xfs"}]
LOCAL = Mount("/ds/101", "/dev/mapper/vg-lv", "xfs", "253:0")


@pytest.mark.parametrize(
    ("volume", "found", "steps"),
    [
        (VOLUME, present(LOCAL, fstab="UUID=u-1 /ds/101 xfs defaults,nofail 0 0\n"), []),
        (
            VOLUME._replace(grows=True),
            present(LOCAL, fstab="UUID=u-1 /ds/101 xfs defaults,nofail 0 0\n"),
            ["xfs_growfs /ds/101"],
        ),
        (
            VOLUME._replace(number=""),
            present(),
            [
                "seal /ds/101",
                WRITE,
                RELOAD,
                "timeout --kill-after=5 60 mount -t xfs /dev/vg/lv /ds/101",
                "own /ds/101 9869 9870",
            ],
        ),
    ],
    ids=["mounted: known by its number, not by its name", "grows when it is mounted", "yet to be made"],
)
def test_local_volumes(volume, found, steps):
    found = found._replace(directories={"/ds/101": Directory(uid=9869)} if found.mounts else {})
    plan = plan_of(found, disks=NO_DISKS._replace(volumes=[volume]), kinds=KINDS)
    assert commands(plan) == steps
    assert plan.fstab == "UUID=u-1 /ds/101 xfs defaults,nofail 0 0\n"


def test_another_volume_in_its_place_is_refused():
    found = present(LOCAL._replace(number="253:7"))._replace(directories={"/ds/101": Directory(uid=9869)})
    for number in ("253:0", ""):
        plan = plan_of(found, disks=NO_DISKS._replace(volumes=[VOLUME._replace(number=number)]), kinds=KINDS)
        assert "/dev/mapper/vg-lv (xfs) is mounted at /ds/101" in plan.findings[0]


POOL = [{"id": 100, "name": "images"}, {"id": 101, "name": "twin"}, {"id": 102, "name": "twin"}]


def test_names_become_directories():
    paths, findings = datastore_paths(["images", "twin", "gone"], POOL, "/ds", lenient=False)
    assert paths == {"images": "/ds/100"}
    assert ["2 datastores have this name, ids [101, 102]" in findings[0], "there is none" in findings[1]] == [True] * 2
    paths, findings = datastore_paths(["gone"], POOL, "/ds", lenient=True)
    assert (paths, findings) == ({"gone": "/ds/<id of gone>"}, [])


@pytest.mark.parametrize(
    ("mounts", "disks", "said"),
    [
        ([nfs(), nfs(src="nfs1:/b")], [], "datastore images: it is declared twice"),
        ([nfs()], [{"datastore": "images"}], "declared twice, as a mount and as a disk"),
        ([nfs(), nfs(datastore="b", src="nfs1:/images/")], [], "is that of datastore images too"),
        ([nfs(src=None)], [], "src is missing"),
        ([nfs(src="/export")], [], "names no server"),
        ([nfs(opts="hard, noatime")], [], "holds white space"),
        ([nfs(fstype="ceph", src="c:/", opts="name=one,secret=AQ==")], [], "opts holds a secret"),
    ],
    ids=["twice", "mount and disk", "one source", "no source", "no server", "white space", "secret"],
)
def test_declarations_that_cannot_be_meant(mounts, disks, said):
    findings, _warnings = check_declarations(mounts, disks)
    assert any(said in finding for finding in findings), findings
    assert "AQ==" not in str(findings)


@pytest.mark.parametrize(
    "mounts",
    [
        [nfs()],
        [nfs(state="absent", src=None)],
        [nfs(fstype="ceph", src="cephfs@.data=/one", opts="secretfile=/etc/ceph/one")],
    ],
    ids=["a mount", "absent needs no source", "a secret in a file"],
)
def test_declarations_that_are_fine(mounts):
    assert check_declarations(mounts, []) == ([], [])


def test_a_soft_mount_is_warned_about():
    assert "gives guests errors" in check_declarations([nfs(opts="soft,timeo=50")], [])[1][0]


# Lines of a Debian 12 host.
MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro
40 22 0:41 / /ds/100 rw,relatime shared:9 master:2 - nfs4 disks1:/srv/my\\040images rw,vers=4.2
41 22 253:0 / /ds/101 rw,relatime - xfs /dev/mapper/stores-system rw,attr2
"""


def test_mounts_of_the_kernel():
    assert parse_mounts(MOUNTINFO) == [
        Mount("/", "/dev/vda", "ext4", "254:0"),
        Mount("/ds/100", "disks1:/srv/my images", "nfs4", "0:41"),
        Mount("/ds/101", "/dev/mapper/stores-system", "xfs", "253:0"),
    ]
    wanted = wanted_mounts([nfs()], {"images": PATH}, NO_DISKS, [])
    assert unmounted(wanted, parse_mounts(MOUNTINFO)) == []
    assert unmounted(wanted, [Mount(PATH, "systemd-1", "autofs", "0:1")]) == [PATH]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=4))
def test_killed_after_any_step_mounts_come_and_go(wishes):
    host = SmallHost({})
    for wanted, survived in wishes:
        arguments = {"mounts": [nfs()]} if wanted else {"unwanted": ["/ds/images"]}
        for step in host.plan(**arguments).steps[:survived]:
            host.carry_out(step)
        for step in host.plan(**arguments).steps:
            host.carry_out(step)
        assert host.plan(**arguments).steps == []
        assert list(host.mounts) == (["/ds/images"] if wanted else [])
        assert ("/ds/images" in host.directories) is wanted
        assert host.fstab == (LINE.replace(PATH, "/ds/images") if wanted else "")
