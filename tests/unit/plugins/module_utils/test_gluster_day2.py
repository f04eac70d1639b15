# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who agreed to what, and who may be stopped now."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_day2 import (
    ConsentError,
    gluster_consent,
    gluster_stop_findings,
)

PEERS = [{"name": name, "names": [name, f"{name}-storage"], "uuid": f"u-{name}"} for name in ("gs2", "gs3")]


def brick(host: str, volume: str = "vms", state: str = "online") -> dict:
    return {"name": f"{host}:/bricks/b1/{volume}", "host_uuid": f"u-{host.split('-')[0]}", "state": state}


def there(*hosts: str, **more) -> dict:
    return {
        "name": "vms",
        "status": "started",
        "replica": 3,
        "bricks": [brick(host) for host in hosts],
        "options": {},
        "tasks": [],
        **more,
    }


def layout(*hosts: str) -> dict:
    return {"name": "vms", "hosts": [{"name": host, "disks": [{"path": "/bricks/b1/vms"}]} for host in hosts]}


def consent(wanted: tuple[str, ...], **named) -> dict:
    present = [there("gs1", "gs2", "gs3", options={"user.kvmcloud-left": "gs7:/bricks/b1/vms"})]
    found = gluster_consent([{"name": "vms", "replica": 3}], [layout(*wanted)], present, PEERS, **named)[0]
    return {key: found.get(key) for key in ("confirm_remove", "rebuilt_bricks") if found.get(key)}


GS3 = ["gs3:/bricks/b1/vms"]


@pytest.mark.parametrize(
    "what, wanted, named, expected",
    [
        ("nobody said anything", ("gs1", "gs2", "gs4"), {}, {}),
        ("a lost host has a successor", ("gs1", "gs2", "gs4"), {"hosts": ["gs3"]}, {"confirm_remove": GS3}),
        ("by another name", ("gs1", "gs2", "gs4"), {"hosts": ["gs3-storage"]}, {"confirm_remove": GS3}),
        ("of the same name", ("gs1", "gs2", "gs3"), {"hosts": ["gs3"]}, {"rebuilt_bricks": GS3}),
        ("a brick goes elsewhere", ("gs1", "gs2", "gs4"), {"bricks": GS3}, {"confirm_remove": GS3}),
        ("a brick has a new disk", ("gs1", "gs2", "gs3"), {"bricks": GS3}, {"rebuilt_bricks": GS3}),
        ("a second run finds it gone", ("gs1", "gs2", "gs3"), {"hosts": ["gs9"], "declared_hosts": ["gs9"]}, {}),
        ("and the inventory as well", ("gs1", "gs2", "gs3"), {"hosts": ["gs7"], "bricks": ["gs7:/bricks/b1/vms"]}, {}),
        (
            "moves are no leave for what is declared no more",
            ("gs1", "gs2"),
            {"moves": True},
            {"confirm_remove": ["gs1:/bricks/b1/vms", "gs2:/bricks/b1/vms"]},
        ),
    ],
)
def test_leave_is_for_what_was_named(what, wanted, named, expected):
    assert consent(wanted, **named) == expected


@pytest.mark.parametrize(
    "named", [{"hosts": ["gs3", "gs33"]}, {"bricks": ["gs3:/bricks/b1/vmss"]}, {"bricks": ["gs33:/bricks/b1/vms"]}]
)
def test_a_name_that_nobody_knows_is_refused(named):
    """It would be taken for one that has left already, and the run would end well."""
    with pytest.raises(
        ConsentError, match=f"^{next(iter(named.values()))[-1]}: neither the pool .* Peers are gs2, gs3"
    ):
        consent(("gs1", "gs2"), **named)


def test_a_brick_in_the_second_directory_of_its_disk_is_declared():
    moved = there("gs1", "gs2", "gs3")
    moved["bricks"][2]["name"] += ".2"
    found = gluster_consent([{"name": "vms"}], [layout("gs1", "gs2", "gs3")], [moved], PEERS, hosts=["gs3"])
    assert found == [{"name": "vms", "rebuilt_bricks": ["gs3:/bricks/b1/vms.2"]}]


def test_leave_that_was_given_before_stays():
    volume = {"name": "vms", "confirm_remove": ["a:/b"]}
    found = gluster_consent([volume], [layout()], [there("gs1", "gs2", "gs3")], PEERS, hosts=["gs3"])
    assert found[0]["confirm_remove"] == ["a:/b", *GS3]
    assert volume == {"name": "vms", "confirm_remove": ["a:/b"]}


def test_a_volume_of_given_bricks_and_one_that_is_not_there():
    volumes = [{"name": "vms", "bricks": GS3}, {"name": "new"}, {"name": "old", "state": "absent"}]
    found = gluster_consent(volumes, volumes, [there("gs1", "gs2", "gs3")], (), hosts=["gs3"])
    assert found == [{**volumes[0], "rebuilt_bricks": GS3}, *volumes[1:]]


# -- stopping --------------------------------------------------------------------------------------------------------

HOSTS = ("gs1", "gs2", "gs3")


def view(host: str, hosts=HOSTS, **more) -> dict:
    peers = [{"name": other, "condition": "connected"} for other in hosts if other != host]
    return {"uuid": f"u-{host}", "in_flight": False, "peers": peers, "definitions": {}, **more}


def findings(volume: dict, heal=(), views: dict | None = None, hosts=HOSTS, **more) -> list[str]:
    hostvars = {host: {"gluster_day2_view": (views or {}).get(host, view(host, hosts))} for host in hosts}
    return gluster_stop_findings([volume], heal, hostvars, hosts, **more)


@pytest.mark.parametrize(
    "volume",
    [
        there(*HOSTS),
        there(*HOSTS, arbiter=1),
        there(*HOSTS, replica=0, disperse=3, redundancy=1),
        there(*HOSTS, options={"cluster.server-quorum-type": "server"}),
        there("gs1", "gs2", replica=2),
        there("gs1", replica=1, status="stopped"),
        there(*HOSTS, options={"cluster.quorum-type": "fixed", "cluster.quorum-count": "2"}),
    ],
)
def test_all_is_well(volume):
    assert findings(volume) == []


@pytest.mark.parametrize(
    "what, volume, said",
    [
        ("no copies", there("gs1", replica=1), "gs1: without it volume vms (distribute) loses gs1:"),
        ("two bricks of a set on one host", there("gs1", "gs1", "gs2"), "gs1: without it volume vms (replica 3) loses"),
        (
            "too many fragments on one host",
            there("gs1", "gs1", "gs2", replica=0, disperse=3, redundancy=1),
            "gs1: without it volume vms (disperse 3",
        ),
        (
            "the half that counts",
            there("gs1", "gs2", replica=2, options={"cluster.quorum-type": "auto"}),
            "gs1: without it",
        ),
        (
            "all of a fixed quorum",
            there(*HOSTS, options={"cluster.quorum-type": "fixed", "cluster.quorum-count": "3"}),
            "gs3: without it",
        ),
        (
            "server quorum of all",
            there(*HOSTS, options={"cluster.server-quorum-type": "server", "cluster.server-quorum-ratio": "70%"}),
            "gs1: without it 2 of 3 hosts are left, and the server quorum of vms needs 3",
        ),
        (
            "a brick is down",
            there(*HOSTS, bricks=[brick("gs1"), brick("gs2"), brick("gs3", state="offline")]),
            "brick gs3:/bricks/b1/vms is offline",
        ),
        (
            "data is moved",
            there(*HOSTS, tasks=[{"kind": "Rebalance", "status": "in progress"}]),
            "Rebalance is in progress",
        ),
    ],
)
def test_what_speaks_against_it(what, volume, said):
    assert any(said in finding for finding in findings(volume)), findings(volume)


def test_two_servers_with_server_quorum_need_both():
    volume = there("gs1", "gs2", replica=2, options={"cluster.server-quorum-type": "server"})
    assert "needs 2" in findings(volume, hosts=("gs1", "gs2"))[0]


def test_an_outage_that_is_accepted():
    assert findings(there("gs1", replica=1), accept_outage=["vms"]) == []


def heal_of(*counts: int | None, split: int = 0) -> list[dict]:
    bricks = [{"name": f"gs{at}:/b", "total": count, "split_brain": split} for at, count in enumerate(counts, 1)]
    return [{"name": "vms", "healed": not any(counts) and None not in counts, "bricks": bricks}]


@pytest.mark.parametrize(
    "heal, expected",
    [
        (heal_of(0, 0, 0), []),
        (heal_of(0, 2, 0), ["volume vms: 2 entries are to be healed."]),
        (heal_of(0, 0, None), ["volume vms: gs3:/b did not answer."]),
    ],
)
def test_what_is_not_healed(heal, expected):
    assert findings(there(*HOSTS), heal) == expected


def test_split_brain_is_told():
    assert "split-brain" in findings(there(*HOSTS), heal_of(1, split=1))[0]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"peers": [{"name": "gs3", "condition": "rejected"}]}, "gs2: it sees peer gs3 as rejected"),
        ({"in_flight": True}, "gs2: a probe is under way"),
        ({"uuid": ""}, "gs2: it did not say"),
        ({"definitions": {"vms": {"checksum": "7", "info": {}}}}, "volume vms:"),
    ],
)
def test_a_host_that_sees_the_pool_otherwise(change, said):
    found = findings(there(*HOSTS), views={"gs2": view("gs2", **change)})
    assert any(said in finding for finding in found), found
