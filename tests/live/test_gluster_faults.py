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


@pytest.fixture(scope="module")
def built(bare) -> cloud.Run:
    """A pool that was built by runs of which each was cut off further on."""
    pool.converge_killed_after("peer probe gs2", **WHOLE)
    assert set(pool.peers()) == {"gs2"}
    pool.converge_killed_after("volume create data", **WHOLE)
    assert pool.volumes() == ["data"]
    pool.converge_killed_after("volume set data", **WHOLE)
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


def test_a_host_has_other_names(built):
    for host in ("gs1", "gs2", "gs3"):
        on(host, "echo '10.213.125.11 gs1-storage\n10.213.125.12 gs2-storage' >> /etc/hosts")
    named = {f"gs{n}": {"gluster_server_other_names": [f"gs{n}-storage"]} for n in (1, 2)}
    assert pool.converge(own=named, **WHOLE).changed > 0
    for host, name in (("gs1", "gs2-storage"), ("gs2", "gs1-storage")):
        known = [one.text for one in pool.gluster(host, "peer status").iter("hostname")]
        assert name in known, (host, known)
    again = pool.converge(own=named, **WHOLE)
    assert again.changed == 0, again.output
    bricks = [brick.replace("gs2:", "gs2-storage:") for brick in pool.bricks("data")]
    other = pool.module("gs1", "gluster_volume", volumes=[explicit("data", *bricks, replica=3)])
    assert "SUCCESS" in other["verdict"] and not other["changed"], other
    wrong = refused("gs1", "gluster_peer", peers=["gs2", "gs3"], other_names={"gs3": ["gs2-storage"]})
    assert "gs2-storage is a name of peer gs2" in wrong, wrong


def test_a_rejected_peer_is_told_and_cured_on_request(built):
    info = "/var/lib/glusterd/vols/data/info"
    on("gs3", f"systemctl stop glusterd && sed -i 's/^network.ping-timeout=.*/network.ping-timeout=77/' {info}")
    on("gs3", f"grep -q '^network.ping-timeout=77$' {info} && systemctl start glusterd")
    pool.eventually(lambda: pool.peers()["gs3"], lambda state: "Rejected" in state)
    run = pool.playbook("gluster", **WHOLE)
    assert run.rc != 0 and "peer gs3 is rejected" in run.words and "cure_rejected: [gs3]" in run.words, run.output
    report = pool.playbook("verify", **WHOLE)
    assert report.rc != 0 and "gs3 is rejected" in report.words, report.output
    cure = {"peers": ["gs1", "gs2", "gs3"], "server_name": "gs3", "cure_rejected": ["gs3"], "cure_from": "gs1"}
    cured = pool.module("gs3", "gluster_peer", **cure)
    assert "CHANGED" in cured["verdict"], cured
    for host in ("gs1", "gs2", "gs3"):
        pool.eventually(lambda host=host: pool.peers(host), lambda found: set(found.values()) == {"Peer in Cluster"})
    assert len({pool.checksums(host, "data") for host in ("gs1", "gs2", "gs3")}) == 1
    assert pool.options("data", "gs3")["network.ping-timeout"] == "10", "the pool's, not its own"
    pool.converge(**WHOLE)
    assert pool.converge(**WHOLE).changed == 0
    pool.eventually(lambda: pool.to_heal("data"), lambda left: left == 0)
    pool.assert_data()


def test_a_volume_with_one_copy_less_and_again_one_more(built):
    two = {**DATA, "replica": 2, "accept_split_brain_risk": True, "hosts": ["gs1", "gs2"]}
    gone = "gs3:/bricks/brick1/data"
    run = pool.playbook("gluster", **{**WHOLE, "volumes": [two, ARBITER]})
    assert run.rc != 0 and "confirm_replica_from: 3" in run.words and f"confirm_remove: [{gone}]" in run.words, (
        run.output
    )
    with pool.Writer() as writer:
        pool.converge(**{**WHOLE, "volumes": [{**two, "confirm_replica_from": 3, "confirm_remove": [gone]}, ARBITER]})
        assert sorted(pool.bricks("data")) == ["gs1:/bricks/brick1/data", "gs2:/bricks/brick1/data"]
        pool.converge(**{**WHOLE, "volumes": [{**DATA, "confirm_replica_from": 2}, ARBITER]})
    assert writer.assert_complete() > 5
    assert f"{gone}.2" in pool.bricks("data"), "the old directory has old files"
    assert pool.converge(**WHOLE).changed == 0
    assert pool.files_of("gs3", "/bricks/brick1/data.2/tree") == pool.files_of("gs1", "/bricks/brick1/data/tree")
    pool.assert_data()


def test_a_fragment_is_replaced_and_complete_when_that_is_said(built):
    places = [f"{host}:/bricks/brick2/parts" for host in ("gs1", "gs2", "gs3")]
    parts = explicit("parts", *places, disperse=3, redundancy=1)
    wanted = {"volumes": [DATA, ARBITER, parts], "mounts": [*MOUNTS, {"volume": "parts", "path": "/srv/parts"}]}
    pool.converge(**wanted)
    pool.write_data(files=300, kilobytes=150, folder="/srv/parts")
    moved = {**parts, "bricks": [*places[:2], "gs3:/bricks/brick1/parts"], "confirm_remove": places[2:]}
    pool.converge(**{**wanted, "volumes": [DATA, ARBITER, moved]})
    filled, whole = pool.files_of("gs3", "/bricks/brick1/parts"), pool.files_of("gs2", "/bricks/brick2/parts")
    assert filled == whole and len(filled.splitlines()) == 300
    # What was put together from the others is of use: one of those is away.
    on("gs2", "kill -9 $(pgrep -f '[g]lusterfsd.*brick2-parts')")
    on("client1", "echo 3 > /proc/sys/vm/drop_caches", check=False)
    pool.assert_data("/srv/parts")
    on("client1", "umount /srv/parts && sed -i '/parts/d' /etc/fstab && systemctl daemon-reload")
    gone = {"name": "parts", "state": "absent", "confirm_delete": "parts"}
    assert "CHANGED" in pool.module("gs1", "gluster_volume", volumes=[gone])["verdict"]


def fill(host: str, mount: str, left: int) -> None:
    """All but so many megabytes of a disk."""
    on(host, f"fallocate -l $(($(df --output=avail -B1M {mount} | tail -1) - {left}))M {mount}/filler")


def test_data_that_cannot_be_moved_is_counted_and_nothing_is_lost(built):
    """Where it should go there is no room at first."""
    stays, goes = "gs1:/bricks/brick2/moved", "gs2:/bricks/brick2/moved"
    both = explicit("moved", stays, goes)
    assert "CHANGED" in pool.module("gs1", "gluster_volume", volumes=[both])["verdict"]
    on("client1", "mkdir -p /srv/moved && mount -t glusterfs gs1:/moved /srv/moved")
    pool.write_data(files=40, kilobytes=2000, folder="/srv/moved")
    fill("gs1", "/bricks/brick2", 10)
    leaves = {**both, "bricks": [stays], "confirm_remove": [goes]}
    message = refused("gs1", "gluster_volume", volumes=[leaves])
    assert "files could not be moved" in message and "nothing is lost" in message, message
    assert pool.bricks("moved") == [stays, goes]
    assert "could not be moved" in refused("gs1", "gluster_volume", volumes=[leaves]), "as long as there is no room"
    pool.assert_data("/srv/moved")
    on("gs1", "rm /bricks/brick2/filler")
    done = pool.module("gs1", "gluster_volume", volumes=[leaves])
    assert "CHANGED" in done["verdict"] and pool.bricks("moved") == [stays], done
    assert not pool.module("gs1", "gluster_volume", volumes=[leaves])["changed"]
    pool.assert_data("/srv/moved")
    on("client1", "umount /srv/moved")
    gone = {"name": "moved", "state": "absent", "confirm_delete": "moved"}
    assert "CHANGED" in pool.module("gs1", "gluster_volume", volumes=[gone])["verdict"]


BUSY = "while [ -e /root/busy ]; do gluster --mode=script volume set data user.busy $RANDOM; sleep 0.2; done"


def test_a_volume_that_somebody_else_is_changing_is_waited_for(built):
    bricks = pool.bricks("data")

    def change(timeout: int, **more) -> dict:
        volume = explicit("data", *bricks, replica=3, options={"network.ping-timeout": timeout})
        return pool.module("gs1", "gluster_volume", volumes=[volume], **more)

    for host in ("gs2", "gs3"):
        on(host, f"touch /root/busy; systemd-run --quiet --collect --unit=busy bash -c '{BUSY}'")
    try:
        impatient = (change(timeout, busy_timeout=0).get("msg", "") for timeout in range(20, 35))
        assert any("Another transaction is in progress" in message for message in impatient)
        for timeout in range(40, 44):
            answer = change(timeout)
            assert "CHANGED" in answer["verdict"], answer
    finally:
        for host in ("gs2", "gs3"):
            on(host, "rm /root/busy; while systemctl is-active --quiet busy; do sleep 0.2; done")
    pool.converge(**WHOLE)
    assert pool.options("data")["network.ping-timeout"] == "10"


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
        words = " ".join(output.split())
        assert code == 0 or ("Could not create volume more" in words and "Run again" in words), output
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
    for host in ("gs1", "gs2", "gs3"):
        fill(host, "/bricks/brick1", 60)  # so that it does not take long
    full = on("client1", f"timeout 60 dd if=/dev/zero of={MOUNT}/fill bs=1M count=100 status=none", check=False)
    assert "No space left on device" in full, full
    report = pool.playbook("verify", **WHOLE)
    assert report.rc != 0 and "No space left" in report.words, report.output
    assert pool.playbook("gluster", **WHOLE).rc == 0
    on("client1", f"rm {MOUNT}/fill")
    for host in ("gs1", "gs2", "gs3"):
        on(host, "rm /bricks/brick1/filler")
    pool.assert_data()
    pool.eventually(lambda: pool.playbook("verify", **WHOLE).rc, lambda code: code == 0)
