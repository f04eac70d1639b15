# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and disks come, go and are lost while a client reads and writes. Not one byte differs afterwards."""

from __future__ import annotations

import os

import cloud
import pool
import pytest
from pool import MOUNT, on

pytestmark = pytest.mark.full

PAIRS = {
    "name": "data",
    "replica": 2,
    "accept_split_brain_risk": True,
    "disks": ["brick1"],
    "options": {"network.ping-timeout": 5, "auth.allow": "10.213.125.*"},
}
ARBITER = {"name": "vms", "replica": 3, "arbiter": 1, "disks": ["brick1"], "options": {"network.ping-timeout": 5}}
MOUNTS = [{"volume": "data", "path": MOUNT}]


def renew(limit: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", pool.HOSTS)
    cloud.lab("up", "-i", pool.HOSTS, "--limit", limit)


@pytest.fixture(scope="module")
def pairs():
    renew("gs1,gs2,gs3,gs4,gs5,client1")
    yield declared(["gs1", "gs2"])
    cloud.lab("down", "-i", pool.HOSTS)


def declared(servers, *volumes) -> dict:
    return {"servers": servers, "volumes": volumes or [PAIRS], "mounts": MOUNTS}


def same_everywhere(volume: str, *hosts: str) -> None:
    assert len({pool.checksums(host, volume) for host in hosts}) == 1
    # What a rejected peer comes of is only seen when glusterd compares again.
    on(hosts[-1], "systemctl restart glusterd")
    pool.eventually(lambda: pool.peers(hosts[-1]), lambda found: set(found.values()) == {"Peer in Cluster"})
    pool.eventually(lambda: pool.online(volume), lambda found: found and all(found.values()))


def settled(wanted: dict) -> None:
    again = pool.converge(**wanted)
    assert again.changed == 0, again.output
    pool.converge(book="verify", **wanted)
    pool.assert_data()


def test_two_hosts_are_added_and_leave_again(pairs):
    pool.converge(**pairs)
    pool.write_data()
    four = declared(["gs1", "gs2", "gs3", "gs4"])
    with pool.Writer() as writer:
        pool.converge(book="gluster_expand", **four)
        assert len(pool.bricks("data")) == 4
    assert writer.assert_complete() > 5
    assert int(on("gs3", "find /bricks/brick1/data -name 'file*' -size +100k | wc -l")) > 0, "the data was spread"
    same_everywhere("data", "gs1", "gs2", "gs3", "gs4")
    settled(four)

    on("gs2", "gluster --mode=script volume remove-brick data gs3:/bricks/brick1/data gs4:/bricks/brick1/data start")
    report = pool.playbook("verify", **four)
    assert report.rc != 0 and "data has a removal of gs3:/bricks/brick1/data" in report.words, report.output
    pool.eventually(
        lambda: on("gs1", "gluster --mode=script volume status data"), lambda said: "in progress" not in said
    )
    assert pool.converge(**four).changed == 1, "they are declared, and stay"
    assert int(on("gs3", "find /bricks/brick1/data -name 'file*' -size +100k | wc -l")) > 0
    settled(four)

    with pool.Writer() as writer:
        refused = pool.playbook("gluster", **pairs)
        assert refused.rc != 0 and "part of the volume and not declared" in refused.words, refused.output
        pool.converge("-e", "gluster_leaving_hosts=gs3,gs4", book="gluster_shrink", **pairs)
    assert writer.assert_complete() > 5
    assert sorted(pool.bricks("data")) == ["gs1:/bricks/brick1/data", "gs2:/bricks/brick1/data"]
    assert set(pool.peers()) == {"gs2"}
    settled(pairs)


def test_a_brick_moves_to_another_disk_and_a_lost_disk_is_filled_anew(pairs):
    other = declared(["gs1", "gs2"], {**PAIRS, "disks": ["brick2"]})
    with pool.Writer() as writer:
        pool.converge(
            "-e",
            "gluster_replaced_bricks=gs1:/bricks/brick1/data,gs2:/bricks/brick1/data",
            book="gluster_replace_brick",
            **other,
        )
    assert writer.assert_complete() > 5
    assert sorted(pool.bricks("data")) == ["gs1:/bricks/brick2/data", "gs2:/bricks/brick2/data"]
    same_everywhere("data", "gs1", "gs2")
    settled(other)

    with pool.Writer() as writer:
        on(
            "gs2",
            "pkill -9 -f '[g]lusterfsd.*brick2-data'; umount /bricks/brick2; wipefs -aq /dev/disk/by-id/virtio-brick2",
        )
        on("gs2", "dd if=/dev/zero of=/dev/disk/by-id/virtio-brick2 bs=1M count=20 status=none")
        pool.converge("-e", "gluster_replaced_bricks=gs2:/bricks/brick2/data", book="gluster_replace_brick", **other)
    assert writer.assert_complete() > 5
    assert on("gs2", "cd /bricks/brick2/data && find . -type f -not -path './.glusterfs*' | wc -l") == on(
        "gs1", "cd /bricks/brick2/data && find . -type f -not -path './.glusterfs*' | wc -l"
    )
    same_everywhere("data", "gs1", "gs2")
    settled(other)


def test_a_host_with_two_disks_needs_a_brick_of_another_host_to_move(pairs):
    """Two copies of a file must not be on it. The run is killed when the brick has been moved, and taken up."""
    every = {name: value for name, value in PAIRS.items() if name != "disks"}
    one = {name: {"gluster_bricks": pool.BRICKS[1:]} for name in ("gs1", "gs2")}
    three = {**declared(["gs1", "gs2", "gs3"], every), "own": one}
    accepted = ["-e", "gluster_accept_moves=true"]
    with pool.Writer() as writer:
        refused = pool.playbook("gluster_expand", **three)
        assert refused.rc != 0 and "confirm_remove" in refused.words, refused.output
        pool.converge_killed_after("volume replace-brick data", *accepted, book="gluster_expand", **three)
        assert len(pool.bricks("data")) == 2 and "gs3" in str(pool.bricks("data"))
        pool.converge(*accepted, book="gluster_expand", **three)
    assert writer.assert_complete() > 5
    bricks = pool.bricks("data")
    assert len(bricks) == 4, bricks
    assert len({"gs1:/bricks/brick2/data.2", "gs2:/bricks/brick2/data.2"} & set(bricks)) == 1, "beside what was moved"
    assert "gs3:/bricks/brick1/data.2" in bricks, "it has been in the volume before"
    same_everywhere("data", "gs1", "gs2", "gs3")
    settled(three)
    wrong = pool.playbook("gluster_shrink", "-e", "gluster_leaving_hosts=gs33", **three)
    assert wrong.rc != 0 and "gs33: neither the pool nor the inventory knows" in wrong.words, wrong.output


def test_a_lost_host_is_replaced_by_one_of_another_name_and_by_one_of_the_same(pairs):
    renew("gs1,gs2,gs3,gs5,client1")
    three = declared(
        ["gs1", "gs2", "gs3"],
        {**ARBITER, "name": "data", "options": {"auth.allow": "10.213.125.*", "network.ping-timeout": 5}},
    )
    pool.converge(**three)
    pool.write_data()
    successor = {**three, "servers": ["gs1", "gs2", "gs5"]}
    with pool.Writer() as writer:
        cloud.lab("kill", "gs3", "-i", pool.HOSTS)
        pool.converge("-e", "gluster_lost_host=gs3", book="gluster_replace_host", **successor)
    assert writer.assert_complete() > 5
    assert {brick.partition(":")[0] for brick in pool.bricks("data")} == {"gs1", "gs2", "gs5"}
    assert set(pool.peers()) == {"gs2", "gs5"}
    same_everywhere("data", "gs1", "gs2", "gs5")
    settled(successor)

    with pool.Writer() as writer:
        cloud.lab("down", "-i", pool.HOSTS, "--limit", "gs5")
        cloud.lab("up", "-i", pool.HOSTS, "--limit", "gs5")
        pool.converge("-e", "gluster_lost_host=gs5", book="gluster_replace_host", **successor)
    assert writer.assert_complete() > 5
    same_everywhere("data", "gs1", "gs2", "gs5")
    settled(successor)


SPLIT = {
    "name": "data",
    "replica": 2,
    "accept_split_brain_risk": True,
    "disks": ["brick1"],
    "options": {
        "cluster.self-heal-daemon": False,
        "cluster.data-self-heal": False,
        "cluster.metadata-self-heal": False,
        "cluster.entry-self-heal": False,
        "network.ping-timeout": 5,
        "cluster.quorum-type": "none",
    },
}


def test_a_split_brain_is_told_and_ended_as_decided(pairs):
    renew("gs1,gs2,client1")
    two = declared(["gs1", "gs2"], SPLIT)
    pool.converge(**two)
    pool.write_data(files=6)
    on("client1", f"echo first > {MOUNT}/one; echo first > {MOUNT}/two")
    for dead, text in (("gs1", "the right one"), ("gs2", "another")):
        on(dead, "kill -9 $(pgrep -f '[g]lusterfsd.*brick1-data')")
        pool.eventually(
            lambda dead=dead: pool.online("data"), lambda found, dead=dead: not found[f"{dead}:/bricks/brick1/data"]
        )
        on("client1", f"echo {text!r} > {MOUNT}/one; echo {text} > {MOUNT}/two")
        on("gs1", "gluster --mode=script volume start data force")
        pool.eventually(lambda: pool.online("data"), lambda found: all(found.values()))
    pool.eventually(lambda: on("client1", f"cat {MOUNT}/one", check=False), lambda said: "Input/output error" in said)
    on("gs1", "gluster --mode=script volume set data cluster.self-heal-daemon on")
    healing = {**two, "volumes": [{**SPLIT, "options": {"cluster.self-heal-daemon": True}}]}

    undecided = pool.playbook("gluster_heal", **healing)
    assert undecided.rc != 0 and "in split-brain" in undecided.words, undecided.output
    report = pool.playbook("verify", **healing)
    assert report.rc != 0 and "data is not healed" in report.words, report.output

    decide = ["-e", "gluster_heal_volumes=data", "-e", "gluster_heal_policy=source-brick"]
    decide += ["-e", "gluster_heal_source_brick=gs2:/bricks/brick1/data", "-e", '{"gluster_heal_files": ["/one"]}']
    first = pool.playbook("gluster_heal", *decide, **healing)
    assert first.rc != 0 and "in split-brain" in first.words, "the other file was not decided about"
    trap = pool.module("gs1", "gluster_heal", volume="data", action="resolve", policy="latest-mtime", files=["/two"])
    assert "features.ctime is on" in trap["msg"], trap
    pool.converge(
        "-e",
        "gluster_heal_volumes=data",
        "-e",
        "gluster_heal_policy=bigger-file",
        "-e",
        '{"gluster_heal_files": ["/two"]}',
        book="gluster_heal",
        **healing,
    )
    assert on("client1", f"cat {MOUNT}/one {MOUNT}/two").splitlines() == ["the right one", "the right one"]
    pool.assert_data()
    pool.converge(book="verify", **healing)
