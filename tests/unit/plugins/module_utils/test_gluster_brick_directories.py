# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from small_brick_host import brick, commands

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_directories import (
    Brick,
    Directory,
    KnownBrick,
    Where,
    above,
    brick_process,
    local_bricks,
    parse_brick,
    parse_own_uuid,
    plan_directories,
    plan_reset,
)

AT = "/bricks/b1"
PATH = f"{AT}/vms"
OWN, OTHER = "ebce275f-18b3-4ada-89a2-5bf42019c5c1", "cd80492e-f488-498b-93a2-1c302d90583f"


def directory(path="vms", uid=None, gid=None, mode=None) -> dict:
    return {"path": path, "uid": uid, "gid": gid, "mode": mode}


@pytest.mark.parametrize(
    ("wanted", "found", "steps"),
    [
        (directory(), None, [f"directory {PATH} {AT} - - -"]),
        (directory(uid=36, gid=36, mode=0o755), None, [f"directory {PATH} {AT} 36 36 0755"]),
        (directory(), Directory(107, 107, 0o700), []),
        (directory(uid=36), Directory(36, 107, 0o700), []),
        (directory(uid=36), Directory(0, 107, 0o700), [f"directory {PATH} {AT} 36 - -"]),
        (directory(gid=0), Directory(36, 36, 0o700), [f"directory {PATH} {AT} - 0 -"]),
        (directory(mode=0o750), Directory(0, 0, 0o755), [f"directory {PATH} {AT} - - 0750"]),
        (directory(mode=0o2775), Directory(0, 0, 0o2775), []),
    ],
    ids=["new", "new, owned", "left as it is", "owner is right", "owner", "group 0 is a group", "mode", "set-group-id"],
)
def test_directories(wanted, found, steps):
    assert commands(plan_directories([brick(directories=[wanted])], {PATH: found}, [AT])) == steps


def test_a_directory_of_a_disk_that_is_yet_to_be_mounted_is_looked_at_then():
    (step,) = plan_directories([brick(directories=[directory()])], {}, [])
    assert step.sentence == f"see to the directory {PATH}"


# What a real brick had: of a replica, of a distributed volume after its removal, and after a creation that failed.
USED = Brick(
    "directory", ("trusted.gfid", "trusted.glusterfs.volume-id"), (".glusterfs", ".glusterfs-anonymous-inode-1")
)
REMOVED = Brick(
    "directory", ("trusted.gfid", "trusted.glusterfs.dht", "trusted.glusterfs.volume-id"), (".glusterfs", "f196")
)
FAILED = Brick("directory", ("trusted.glusterfs.volume-id",))


def reset(path=PATH, found=USED, known=(), running=(), awaited=()):
    wheres = {one: Where(one) for one in (path, *dict(known), *running)}
    return plan_reset([path], {path: found}, dict(known), running, awaited, wheres)


@pytest.mark.parametrize(
    ("found", "awaited", "sentences"),
    [
        (USED, [], [f"reset the brick {PATH} (trusted.gfid, trusted.glusterfs.volume-id, .glusterfs)"]),
        (FAILED, [], [f"reset the brick {PATH} (trusted.glusterfs.volume-id)"]),
        (Brick("directory", ("trusted.afr.dirty",)), [], [f"reset the brick {PATH} (trusted.afr.dirty)"]),
        (Brick("directory", (), (".glusterfs",)), [], [f"reset the brick {PATH} (.glusterfs)"]),
        (Brick("directory", ("user.note", "security.selinux", "trusted.other"), ("f",)), [], []),
        (Brick(), [], []),
        (Brick(), [AT], [f"see that {PATH} has no marks of a former volume"]),
    ],
    ids=[
        "a brick",
        "of a failed creation",
        "changes that others miss",
        "killed half-way",
        "other marks",
        "none",
        "awaited",
    ],
)
def test_reset(found, awaited, sentences):
    plan = reset(found=found, awaited=awaited)
    assert [step.sentence for step in plan.steps] == sentences
    assert plan.findings == []
    assert all(step.argv == ("reset", PATH) for step in plan.steps)


def test_files_of_the_former_volume_stay_and_are_told():
    plan = reset(found=REMOVED)
    assert len(plan.steps) == 1 and f"{PATH} still holds f196." in plan.warnings[0]
    assert reset(found=USED).warnings == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"known": {PATH: "vms"}},
            "it is a brick of volume vms. Remove it from the volume, or delete the volume, first.",
        ),
        ({"known": {f"{PATH}/inner": "vms"}}, f"{PATH}/inner is a brick of volume vms"),
        ({"known": {AT: "vms"}}, f"{AT} is a brick of volume vms"),
        ({"known": {PATH: "vms"}, "found": Brick()}, "is a brick of volume vms"),
        ({"running": [PATH]}, f"a glusterfsd process serves {PATH}"),
        ({"found": Brick("link")}, "it is a link and no directory"),
        ({"found": Brick("file")}, "it is a file and no directory"),
        ({"path": "/"}, "no directory of a brick"),
        ({"path": "/bricks"}, "no directory of a brick"),
        ({"path": "/bricks/b1/../../etc"}, "no directory of a brick"),
        ({"path": "bricks/b1"}, "no directory of a brick"),
    ],
)
def test_reset_is_refused(arguments, said):
    plan = reset(**arguments)
    assert plan.steps == []
    assert said in plan.findings[0] and plan.findings[0].startswith("reset ")


def test_a_brick_in_a_brick_is_not_freed_by_its_own_reset():
    # 'parent directory /data/v0 is already part of a volume'
    present = {PATH: USED, AT: Brick("directory"), f"{PATH}/sub": USED}
    plan = plan_reset([f"{PATH}/sub"], present, {}, [], [], {f"{PATH}/sub": Where(f"{PATH}/sub")})
    assert plan.steps == []
    assert plan.findings == [
        f"reset {PATH}/sub: {PATH}, in which it lies, has the marks of a brick; reset that, or use another directory."
    ]


def test_the_directories_above():
    assert above("/a/b/c/") == ["/a", "/a/b"]
    assert above("/a") == []


def test_six_files_are_five_and_more():
    many = Brick("directory", ("trusted.gfid",), tuple("abcdef"))
    assert "still holds a, b, c, d, e and more." in reset(found=many).warnings[0]
    assert "still holds a, b, c, d, e. They" in reset(found=many._replace(entries=tuple("abcde"))).warnings[0]


def test_a_neighbour_with_a_longer_name_is_not_the_brick():
    assert reset(known={f"{PATH}2": "other"}, running=[f"{PATH}-old"]).findings == []


# As glusterd writes them.
BRICK_FILE = f"""\
uuid={OWN}
hostname=gs1
path=/bricks/b1/vms
real_path=/bricks/b1/vms
listen-port=0
rdma.listen-port=0
decommissioned=0
brick-id=vms-client-0
mount_dir=/vms
"""


def test_bricks_that_glusterd_keeps():
    ours = parse_brick("vms", BRICK_FILE)
    assert ours == KnownBrick("vms", PATH, OWN)
    theirs = parse_brick("vms", BRICK_FILE.replace(OWN, OTHER))
    untold = parse_brick("old", "hostname=gs9\npath=/bricks/b2/old/\n")
    own = parse_own_uuid(f"UUID={OWN}\noperating-version=100000\n")
    assert local_bricks([ours], own) == {PATH: "vms"}
    assert local_bricks([theirs], own) == {}, "every server keeps the bricks of all"
    assert local_bricks([theirs, untold], own) == {"/bricks/b2/old": "old"}, "one that does not say may be ours"
    assert local_bricks([parse_brick("gone", "")], own) == {}
    assert parse_own_uuid("") == ""


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["/usr/sbin/glusterfsd", "-s", "gs1", "--volfile-id", "v.gs1.x", "--brick-name", PATH, "-l", "/log"], PATH),
        (["/usr/sbin/glusterfs", "--process-name", "fuse", "/mnt"], ""),
        (["vim", "--brick-name", PATH], ""),
        (["/usr/sbin/glusterfsd", "--brick-name"], ""),
        ([""], ""),
    ],
    ids=["a brick", "a client", "something else", "cut off", "a kernel thread"],
)
def test_processes(words, path):
    assert (
        brick_process(
            "\0".join([*words, ""]) if words != ["/usr/sbin/glusterfsd", "--brick-name"] else "\0".join(words)
        )
        == path
    )
