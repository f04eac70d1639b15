# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers and the volumes, seen from outside of the collection."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "tests" / "bench"))

from budget import exceeded  # noqa: E402  (found through the line above)

SERVERS = ["gs1", "gs2", "gs3", "gs4"]
testinfra_hosts = SERVERS


def gluster(host, command):
    return ElementTree.fromstring(host.check_output(f"gluster --mode=script --xml {command}"))


def bricks(host, volume):
    return [one.findtext("name") for one in gluster(host, f"volume info {volume}").iter("brick")]


def test_every_server_knows_all_others_by_name(host):
    peers = {peer.findtext("hostname"): peer.findtext("stateStr") for peer in gluster(host, "peer status").iter("peer")}
    own = host.check_output("hostname")
    assert peers == dict.fromkeys([name for name in SERVERS if name != own], "Peer in Cluster")


def test_a_brick_is_an_xfs_of_its_own_and_mounted_by_uuid_before_glusterd(host):
    for number in (1, 2):
        assert host.mount_point(f"/bricks/brick{number}").filesystem == "xfs"
        assert "isize=512" in host.check_output(f"xfs_info /bricks/brick{number}")
    lines = [line.split() for line in host.file("/etc/fstab").content_string.splitlines() if "/bricks/" in line]
    assert len(lines) == 2 and all(line[0].startswith("UUID=") for line in lines)
    assert all({"nofail", "x-systemd.before=glusterd.service"} <= set(line[3].split(",")) for line in lines)


def test_glusterd_runs_now_and_after_a_reboot(host):
    assert host.service("glusterd").is_running and host.service("glusterd").is_enabled


def test_copies_of_a_set_are_on_different_hosts(host):
    for volume, width in (("mirror", 3), ("vms", 3), ("pairs", 2), ("archive", 3)):
        found = [name.partition(":")[0] for name in bricks(host, volume)]
        sets = [found[at : at + width] for at in range(0, len(found), width)]
        assert all(len(set(one)) == width for one in sets), (volume, found)
    assert len(bricks(host, "vms")) == 6 and len(bricks(host, "pairs")) == 4


@pytest.mark.parametrize("volume", ["mirror", "vms", "pairs", "archive"])
def test_all_bricks_are_online(host, volume):
    nodes = [
        node for node in gluster(host, f"volume status {volume}").iter("node") if node.findtext("path", "")[:1] == "/"
    ]
    assert len(nodes) == len(bricks(host, volume))
    assert {node.findtext("status") for node in nodes} == {"1"}


def test_options_are_as_declared(host):
    def value(volume, key):
        return gluster(host, f"volume get {volume} {key}").findtext("volGetopts/Opt/Value").partition(" ")[0]

    assert value("mirror", "network.ping-timeout") == "10"
    assert value("mirror", "auth.allow") == "10.213.124.*"
    assert (value("vms", "storage.owner-uid"), value("vms", "features.shard")) == ("9869", "on")
    assert value("pairs", "features.quota") == "on"


def test_the_pool_works_by_the_highest_version_that_all_have(host):
    def value(key):
        return gluster(host, f"volume get all {key}").findtext("volGetopts/Opt/Value")

    assert value("cluster.op-version") == value("cluster.max-op-version")


def test_logs_are_rotated_while_they_are_written(host):
    assert host.service("logrotate.timer").is_enabled
    host.check_output("logrotate --force --state /root/rotated /etc/logrotate.d/glusterfs-common")
    for log in (
        "glusterd.log",
        "bricks/bricks-brick1-mirror.log" if host.check_output("hostname") != "gs4" else "cli.log",
    ):
        assert host.file(f"/var/log/glusterfs/{log}.1").size > 0
    assert all(node.findtext("status") == "1" for node in gluster(host, "volume status vms").iter("node"))


def test_a_volume_that_shall_not_run_does_not(host):
    assert gluster(host, "volume info scratch").findtext(".//statusStr") in ("Created", "Stopped")


def test_the_converged_run_kept_to_its_budget():
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    assert exceeded(counts, "gluster", {"gluster_servers": SERVERS, "gluster_clients": ["client1"]}) == []
