# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_inventory import (
    InventoryError,
    host_from,
    shown_host,
    volumes_with_bricks,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Disk, Host

SERVERS = ("gs1", "gs2", "gs3")


def server(*bricks, sizes=(), **variables):
    declared = [{"name": brick} if isinstance(brick, str) else brick for brick in bricks]
    result = {"bricks": [{"name": name, "size_mb": size} for name, size in sizes]}
    return {"gluster_bricks": declared, "sized": result, **variables}


def planned(volumes, hostvars=None, hosts=SERVERS, present=()):
    hostvars = hostvars or {name: server("b1", "b2") for name in hosts}
    return volumes_with_bricks(volumes, hostvars, hosts, "sized", present)


def bricks(volume, **more) -> str:
    return " ".join(planned([{"name": "v", **volume}], **more)[0]["bricks"])


def test_all_disks_of_all_hosts():
    (found,) = planned([{"name": "v", "replica": 3, "options": {"a": 1}, "owner": {"uid": 36}}])
    assert found.pop("hosts")[0] == {
        "name": "gs1",
        "other_names": [],
        "rack": "",
        "disks": [
            {"name": "b1", "path": "/bricks/b1/v", "size_mb": 0, "arbiter": False},
            {"name": "b2", "path": "/bricks/b2/v", "size_mb": 0, "arbiter": False},
        ],
    }
    assert found.pop("survives")[0].startswith("Any one host may be down")
    assert found == {
        "name": "v",
        "replica": 3,
        "arbiter": 0,
        "disperse": 0,
        "redundancy": 0,
        "options": {"a": 1},
        "owner": {"uid": 36},
        "bricks": [f"{host}:/bricks/{disk}/v" for disk in ("b1", "b2") for host in SERVERS],
        "capacity_mb": 0,
    }


@pytest.mark.parametrize(
    ("volume", "hostvars", "wanted"),
    [
        pytest.param(
            {"replica": 3, "disks": ["b2"]},
            None,
            "gs1:/bricks/b2/v gs2:/bricks/b2/v gs3:/bricks/b2/v",
            id="named disks",
        ),
        pytest.param(
            {"disks": ["b1"], "hosts": ["gs3", "gs1"]}, None, "gs3:/bricks/b1/v gs1:/bricks/b1/v", id="named hosts"
        ),
        pytest.param(
            {"replica": 3},
            {name: server({"name": "b", "mount": f"/srv/{name}/"}) for name in SERVERS},
            "gs1:/srv/gs1/v gs2:/srv/gs2/v gs3:/srv/gs3/v",
            id="mount points of their own",
        ),
        pytest.param(
            {"replica": 3, "hosts": ["gs1", "storage2", "gs3"]},
            {
                "gs1": server("b"),
                "gs2": server("b", gluster_server_name="storage2"),
                "gs3": server("b"),
            },
            "gs1:/bricks/b/v storage2:/bricks/b/v gs3:/bricks/b/v",
            id="the name that the pool knows",
        ),
        pytest.param(
            {"replica": 3, "arbiter": 1, "disks": ["b"], "arbiter_disks": ["small"]},
            {"gs1": server("b"), "gs2": server("b"), "gs3": server("small")},
            "gs1:/bricks/b/v gs2:/bricks/b/v gs3:/bricks/small/v-arbiter1",
            id="a host for arbiters only",
        ),
        pytest.param(
            {"replica": 3, "arbiter": 1, "arbiter_disks": ["small"]},
            {"gs1": server("b"), "gs2": server("b"), "gs3": server("small")},
            "gs1:/bricks/b/v gs2:/bricks/b/v gs3:/bricks/small/v-arbiter1",
            id="disks for arbiters hold nothing else unless they are named",
        ),
        pytest.param(
            {"bricks": ["gs1:/x/v", "gs2:/x/v", "gs3:/x/v"], "replica": 3},
            None,
            "gs1:/x/v gs2:/x/v gs3:/x/v",
            id="given",
        ),
        pytest.param(
            {"replica": 2, "accept_split_brain_risk": True, "disks": ["b1"], "hosts": ["gs1", "gs2"]},
            None,
            "gs1:/bricks/b1/v gs2:/bricks/b1/v",
            id="replica 2, accepted",
        ),
    ],
)
def test_bricks(volume, hostvars, wanted):
    assert bricks(volume, hostvars=hostvars) == wanted


def test_sizes_are_those_that_the_module_found():
    hostvars = {name: server("b1", sizes=[("b1", 1000 + n)]) for n, name in enumerate(SERVERS)}
    assert planned([{"name": "v", "replica": 3}], hostvars)[0]["capacity_mb"] == 1000


def test_what_is_to_be_absent_needs_no_disks():
    volume = {"name": "old", "state": "absent", "confirm_delete": "old", "stripe": 2}
    assert planned([volume], {name: server() for name in SERVERS}) == [volume]


@pytest.mark.parametrize(
    ("volumes", "hostvars", "said"),
    [
        (
            [{"name": "v", "replica": 3, "disks": ["b9"]}],
            None,
            "volume v: gs1 has no b9 in gluster_bricks, which names b1",
        ),
        (
            [{"name": "v", "hosts": ["gs9"]}],
            None,
            "hosts names gs9, which is not in the group gluster_servers (gs1, gs2",
        ),
        ([{"name": "v", "bricks": ["gs1:/a"], "disks": ["b1"]}], None, "it has bricks and disks; declare one"),
        (
            [{"name": "v", "replica": 3, "arbiter_disks": ["b1"]}],
            None,
            "arbiter_disks are for {replica: 3, arbiter: 1}",
        ),
        ([{"name": "v"}, {"name": "v"}], None, "volume v: it is declared twice"),
        ([{"name": "v", "stripe": 4}], None, "stripe is gone"),
        ([{"name": "v", "replica": 3}], {n: server("a", "b") for n in SERVERS[:2]} | {"gs3": server("a")}, "left over"),
        (
            [{"name": "v", "bricks": ["gs1:/a/x"]}, {"name": "w", "bricks": ["gs1:/a/x"]}],
            None,
            "volume w: brick gs1:/a/x is one of volume v too",
        ),
        (
            [{"name": "v", "bricks": ["gs1:/a", "gs1:/b", "gs2:/a"], "replica": 3}],
            None,
            "2 of its 3 copies on host gs1",
        ),
        (
            [],
            {"gs1": server(), "gs2": server(gluster_server_name="gs1"), "gs3": server()},
            "gs2 and gs1 are both called gs1 in the trusted pool",
        ),
        (
            [],
            {"gs1": server(), "gs2": server(gluster_server_other_names=["gs3"]), "gs3": server()},
            "gs3 and gs2 are both called gs3",
        ),
    ],
)
def test_what_is_refused(volumes, hostvars, said):
    with pytest.raises(InventoryError) as failed:
        planned(volumes, hostvars)
    assert said in str(failed.value)


def test_all_findings_are_told_at_once():
    with pytest.raises(InventoryError) as failed:
        planned([{"name": "a", "stripe": 2}, {"name": "b", "disks": ["b9"]}, {"name": "c", "replica": 2}])
    said = str(failed.value).splitlines()
    assert [line.split(":")[0] for line in said] == ["volume a", "volume b", "volume b", "volume b", "volume c"]


def test_a_volume_that_exists_keeps_its_sets_and_names():
    five = [*SERVERS, "gs4", "gs5", "gs6"]
    hostvars = {name: server("b") for name in five}
    hostvars["gs1"]["gluster_server_other_names"] = ["gs1-storage"]
    names = ["gs3", "gs1-storage", "gs2"]
    present = [{"name": "v", "bricks": [f"{n}:/bricks/b/v" for n in names], "replica": 3, "arbiter": 0, "disperse": 0}]
    (found,) = planned([{"name": "v", "replica": 3}], hostvars, five, present)
    assert found["bricks"] == [f"{name}:/bricks/b/v" for name in [*names, "gs4", "gs5", "gs6"]]
    assert found["change"] == {
        "steps": ["add the set gs4:/bricks/b/v, gs5:/bricks/b/v, gs6:/bricks/b/v"],
        "moves": 0,
        "findings": [],
    }


def test_a_volume_as_the_info_module_returns_it():
    bricks = [{"name": f"{name}:/bricks/b1/v", "state": "online"} for name in ("gs3", "gs1", "gs2")]
    present = [{"name": "v", "bricks": bricks, "replica": 3, "arbiter": 0, "disperse": 0, "redundancy": 0}]
    (found,) = planned([{"name": "v", "replica": 3, "disks": ["b1"]}], present=present)
    assert found["bricks"] == [brick["name"] for brick in bricks]
    assert found["change"]["steps"] == []


def test_bricks_that_are_given_are_not_planned_with():
    assert planned([{"name": "v", "bricks": ["gs1:/x/v"]}])[0]["hosts"] == []


def test_hosts_come_back_from_what_is_shown_of_them():
    host = Host("gs1", "A", (Disk("b", "/b/v", 5), Disk("s", "/s/v", 0, True)), ("one",))
    assert host_from(shown_host(host)) == host
    assert host_from({"name": "gs1"}) == Host("gs1")
