# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with a pool of GlusterFS while it is built and in use: on real servers, in the order of the file."""

from __future__ import annotations

import os

import cloud
import pool
import pytest
from pool import MOUNT, on

pytestmark = pytest.mark.full

DATA = {
    "name": "data",
    "replica": 3,
    "disks": ["brick1"],
    "options": {"network.ping-timeout": 10, "auth.allow": "10.213.125.*", "performance.readdir-ahead": False},
}
ARBITER = {"name": "vms", "replica": 3, "arbiter": 1, "disks": ["brick2"], "group": ["virt"]}
MOUNTS = [{"volume": "data", "path": MOUNT}]
WHOLE = {"volumes": [DATA, ARBITER], "mounts": MOUNTS}


@pytest.fixture(scope="module")
def bare():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", pool.HOSTS)
    cloud.lab("up", "-i", pool.HOSTS, "--limit", "gs1,gs2,gs3,gs4,client1")
    yield
    cloud.lab("down", "-i", pool.HOSTS)


# gluster as it is, and after the command that is waited for its caller is gone, as by a power loss of the controller.
DEADLY = r"""#!/bin/sh
/usr/sbin/gluster "$@"
code=$?
case "$*" in *"%s"*) kill -9 $(awk '{print $4}' /proc/$PPID/stat) ;; esac
exit $code
"""


def converge_killed_after(command: str) -> cloud.Run:
    on("gs1", f"cat > /usr/local/sbin/gluster <<'END'\n{DEADLY % command}END\nchmod +x /usr/local/sbin/gluster")
    try:
        run = pool.playbook("gluster", **WHOLE)
    finally:
        on("gs1", "rm /usr/local/sbin/gluster")
    assert run.rc != 0, run.output
    return run


@pytest.fixture(scope="module")
def built(bare) -> cloud.Run:
    """A pool that was built by runs of which each was cut off further on."""
    converge_killed_after("peer probe gs2")
    assert set(pool.peers()) == {"gs2"}
    converge_killed_after("volume create data")
    assert pool.volumes() == ["data"]
    converge_killed_after("volume set data")
    assert set(pool.online("data")) == set() or not all(pool.online("data").values())
    return pool.converge(**WHOLE)


def test_runs_that_were_cut_off_are_taken_up(built):
    again = pool.converge(**WHOLE)
    assert again.changed == 0, again.output
    checked = pool.converge("--check", "--diff", **WHOLE)
    assert checked.changed == 0, checked.output
    for volume in ("data", "vms"):
        assert all(pool.online(volume).values()) and len(pool.online(volume)) == 3
    assert len({pool.checksums(host, "data") for host in ("gs1", "gs2", "gs3")}) == 1
    assert pool.options("data")["network.ping-timeout"] == "10"
    pool.write_data()
    pool.converge(book="verify", **WHOLE)


def explicit(name: str, *bricks: str, **more) -> dict:
    return {"name": name, "bricks": list(bricks), **more}


def refused(host: str, name: str, **arguments) -> str:
    answer = pool.module(host, name, **arguments)
    assert "FAILED" in answer["verdict"], answer
    assert "Traceback" not in answer["msg"], answer
    return answer["msg"]


def test_what_cannot_be_is_told_in_a_sentence_and_leaves_nothing(built):
    before = [
        on(host, "find /bricks/brick2 -maxdepth 2; ls /var/lib/glusterd/vols /var/lib/glusterd/peers")
        for host in ("gs1", "gs2")
    ]
    three = [f"{host}:/bricks/brick2/odd" for host in ("gs1", "gs2", "gs3")]

    odd = refused("gs1", "gluster_volume", volumes=[explicit("odd", *three, replica=2, accept_split_brain_risk=True)])
    assert "it has 3 bricks, which is no multiple of 2" in odd
    used = [f"{host}:/bricks/brick1/data" for host in ("gs1", "gs2", "gs3")]
    assert "belongs to volume data" in refused("gs1", "gluster_volume", volumes=[explicit("odd", *used, replica=3)])
    on("gs2", "mkdir -p /srv/root")
    root = [f"{host}:/srv/root/odd" for host in ("gs2", "gs3", "gs1")]
    message = refused("gs2", "gluster_volume", volumes=[explicit("odd", *root, replica=3)])
    assert "The disk of the brick is not mounted there" in message, message
    assert "is no mount point" in refused("gs1", "gluster_brick", bricks=[{"name": "root", "mount": "/srv/root"}])

    assert "the name does not resolve on" in refused("gs1", "gluster_peer", peers=["nowhere.invalid"])
    on("gs1", "cp /etc/hosts /root/hosts && echo '127.0.1.1 gs9' >> /etc/hosts")
    assert "gluster would take this host itself for it" in refused("gs1", "gluster_peer", peers=["gs9"])
    on("gs1", "cp /root/hosts /etc/hosts")

    after = [
        on(host, "find /bricks/brick2 -maxdepth 2; ls /var/lib/glusterd/vols /var/lib/glusterd/peers")
        for host in ("gs1", "gs2")
    ]
    assert after == before
    assert pool.volumes() == ["data", "vms"] and "srv" not in on("gs2", "getfattr -R -d -m. /srv/root 2>&1 || true")


def test_a_brick_that_was_one_is_named_and_reset_on_request(built):
    used = [f"{host}:/bricks/brick2/used" for host in ("gs1", "gs2", "gs3")]
    foreign = "-n trusted.glusterfs.volume-id -v 0sAAAAAAAAAAAAAAAAAAAAAA=="
    on("gs2", f"mkdir /bricks/brick2/used && setfattr {foreign} /bricks/brick2/used")
    message = refused("gs1", "gluster_volume", volumes=[explicit("used", *used, replica=3)])
    assert "already part of a volume" in message and "'reset' of gluster_brick" in message, message
    assert "used" not in pool.volumes()
    assert "trusted" not in on("gs1", "getfattr -d -m. /bricks/brick2/used 2>&1 || true"), (
        "the marks of the failed creation"
    )
    for host in ("gs2", "gs3"):
        assert "FAILED" not in pool.module(host, "gluster_brick", reset=["/bricks/brick2/used"])["verdict"]
    made = pool.module("gs1", "gluster_volume", volumes=[explicit("used", *used, replica=3)])
    assert "CHANGED" in made["verdict"], made
    assert "is a brick of volume used" in refused("gs2", "gluster_brick", reset=["/bricks/brick2/used"])
    gone = pool.module("gs1", "gluster_volume", volumes=[{"name": "used", "state": "absent", "confirm_delete": "used"}])
    assert "CHANGED" in gone["verdict"], gone


def test_a_host_of_another_pool_is_left_there(built):
    on("gs4", "apt-get install --yes --quiet glusterfs-server && systemctl start glusterd && mkdir -p /srv/own")
    on("gs4", "gluster --mode=script volume create own gs4:/srv/own force")
    message = refused("gs1", "gluster_peer", peers=["gs2", "gs3", "gs4"])
    assert "Every host belongs to one pool" in message, message
    assert set(pool.peers()) == {"gs2", "gs3"} and pool.volumes("gs4") == ["own"]


def test_a_volume_that_was_changed_by_hand_is_as_declared_again(built):
    on("gs2", "gluster --mode=script volume set data network.ping-timeout 33 performance.readdir-ahead on")
    on("gs2", "gluster --mode=script volume reset vms features.shard force; gluster --mode=script volume stop vms")
    on("gs3", "gluster --mode=script volume set data performance.cache-size 64MB")
    pool.converge(**WHOLE)
    assert pool.options("data")["network.ping-timeout"] == "10"
    assert pool.options("data")["performance.cache-size"] == "64MB", "what is not declared is left alone"
    assert all(pool.online("vms").values()) and pool.options("vms")["features.shard"] in ("on", "enable")
    added = " ".join(f"{host}:/bricks/brick2/hand" for host in ("gs1", "gs2", "gs3"))
    on("gs2", f"gluster --mode=script volume add-brick data replica 3 {added}")
    run = pool.playbook("gluster", **WHOLE)
    assert run.rc != 0 and "are part of the volume and not declared" in run.words, run.output
    on("gs2", f"gluster --mode=script volume remove-brick data {added} force")
    assert pool.converge(**WHOLE).changed == 0
    pool.assert_data()


def test_a_brick_whose_process_was_killed_runs_again(built):
    on("gs2", "kill -9 $(pgrep -f '[g]lusterfsd.*brick1-data')")
    pool.eventually(lambda: pool.online("data"), lambda found: not found["gs2:/bricks/brick1/data"])
    report = pool.playbook("verify", **WHOLE)
    assert report.rc != 0 and "data lacks gs2:/bricks/brick1/data (offline)" in report.words, report.output
    run = pool.converge(**WHOLE)
    assert run.changed == 1, run.output
    assert all(pool.online("data").values())
    assert pool.converge(**WHOLE).changed == 0
    pool.assert_data()


def test_two_controllers_at_once(built):
    more = {"name": "more", "replica": 3, "disks": ["brick2"], "options": {"network.ping-timeout": 12}}
    wanted = {**WHOLE, "volumes": [DATA, ARBITER, more]}
    first = pool.start_playbook("gluster", **wanted)
    second = pool.start_playbook("gluster", "-e", "gluster_server_pool_host=gs2", **wanted)
    outputs = [process.communicate()[0] for process in (first, second)]
    codes = [process.returncode for process in (first, second)]
    # The one that has planned the same creation a moment later is told so, and both leave one volume behind.
    assert 0 in codes, outputs
    for code, output in zip(codes, outputs):
        assert code == 0 or "Run again" in " ".join(output.split()), output
    assert pool.converge(**wanted).changed == 0
    assert len({pool.checksums(host, "more") for host in ("gs1", "gs2", "gs3")}) == 1
    pool.assert_data()


def test_a_server_that_dies_while_the_pool_is_changed_is_caught_up_with(built):
    other = {**DATA, "options": {**DATA["options"], "network.ping-timeout": 14}}
    wanted = {**WHOLE, "volumes": [other, ARBITER]}
    process = pool.start_playbook("gluster", **wanted)
    pool.run_until(process, "Disks are ready for bricks")
    cloud.lab("kill", "gs3", "-i", pool.HOSTS)
    output, _ = process.communicate()
    assert process.returncode != 0, output
    with pool.Writer() as writer:
        # What is left of the pool is looked after; the dead one is told at the end.
        run = pool.playbook("gluster", **wanted)
        assert run.rc != 0 and run.counts["changed"]["gs1"] <= 1, run.output
        assert pool.options("data")["network.ping-timeout"] == "14"
        cloud.lab("start", "gs3", "-i", pool.HOSTS)
        pool.eventually(lambda: pool.peers(), lambda found: found.get("gs3") == "Peer in Cluster")
        # A container hears nothing of its disks when it boots: they are mounted, and their bricks started, here.
        pool.converge(**wanted)
        pool.eventually(lambda: pool.online("data"), lambda found: len(found) == 3 and all(found.values()))
        assert pool.converge(**wanted).changed == 0
    assert set(pool.peers().values()) == {"Peer in Cluster"}
    assert len({pool.checksums(host, "data") for host in ("gs1", "gs2", "gs3")}) == 1
    pool.eventually(lambda: pool.to_heal("data"), lambda left: left == 0)
    assert writer.assert_complete() > 5
    pool.assert_data()
    pool.converge(book="verify", **wanted)


def test_a_full_disk_stops_the_writer_and_nothing_else(built):
    full = on("client1", f"dd if=/dev/zero of={MOUNT}/fill bs=1M count=2000 status=none", check=False)
    assert "No space left on device" in full, full
    report = pool.playbook("verify", **WHOLE)
    assert report.rc != 0 and "No space left" in report.words, report.output
    assert pool.playbook("gluster", **WHOLE).rc == 0
    on("client1", f"rm {MOUNT}/fill")
    pool.assert_data()
    pool.eventually(lambda: pool.playbook("verify", **WHOLE).rc, lambda code: code == 0)
