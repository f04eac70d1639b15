# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone, ZoneServer
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_plan import ClusterError, Look, plan_cluster

HOSTS = ("front1", "front2", "front3")


def endpoint(host: str) -> str:
    return f"http://{host}:2633/RPC2"


DECLARED = [(host, endpoint(host)) for host in HOSTS]


def zone(*states: str, term: int = 2, index: int = 90) -> Zone:
    """Servers front1, front2, ... with these states; '-' did not answer."""
    servers = []
    for number, state in enumerate(states):
        told = {} if state == "-" else {"state": state, "term": term, "index": index, "commit": index}
        servers.append(ZoneServer(number, HOSTS[number], endpoint(HOSTS[number]), **told))  # type: ignore[arg-type]
    return Zone(0, "http://localhost:2633/RPC2", tuple(servers))


def empty(host: str, **changes: Any) -> Look:
    return Look(host, endpoint(host), **changes)


def alone(host: str, **changes: Any) -> Look:
    """A front-end as it is without others: a database, a zone without servers."""
    known = {"running": True, "database": "filled", "index": 0, "term": 0, "first_index": 0, "zone": zone()}
    return Look(host, endpoint(host), **{**known, **changes})


def member(host: str, seen: Zone, running: bool = True, **changes: Any) -> Look:
    known = {"server_id": HOSTS.index(host), "running": running, "database": "filled", "index": 90, "term": 2}
    known.update(first_index=0, zone=seen)
    return Look(host, endpoint(host), **{**known, **changes})


WHOLE = zone("leader", "follower", "follower")
SILENT = zone("-", "-", "-")


def trio(**changes: Look) -> list[Look]:
    """Three servers that run and replicate, but for the changed ones."""
    return [changes.get(host, member(host, WHOLE)) for host in HOSTS]


KEEPS_80 = member("front1", WHOLE, first_index=80)  # older records are purged


def told(looks: list[Look], **options: Any) -> list[str]:
    """'front2 joins from front1' and so on."""
    plan = plan_cluster(DECLARED, looks, **options)
    words = []
    for step in plan.steps:
        source = f" from {step.source}" if step.source else ""
        added = " added" if step.add else ""
        words.append(f"{step.host} {step.action}{source}{added}{'' if step.wait else ' unawaited'}")
    return words


@pytest.mark.parametrize(
    ("looks", "options", "steps"),
    [
        pytest.param(trio(), {}, [], id="three that replicate need nothing"),
        pytest.param(
            [empty(host) for host in HOSTS],
            {},
            ["front1 found", "front2 join from front1 added", "front3 join from front1 added"],
            id="bare hosts: the first of the inventory founds",
        ),
        pytest.param(
            [empty("front1"), alone("front2"), empty("front3")],
            {},
            ["front2 found", "front1 join from front2 added", "front3 join from front2 added"],
            id="a running single front-end founds, wherever it stands in the inventory",
        ),
        pytest.param(
            [alone("front1", running=False), empty("front2"), empty("front3")],
            {},
            ["front1 found", "front2 join from front1 added", "front3 join from front1 added"],
            id="also one that is stopped",
        ),
        pytest.param(
            [alone("front1", zone=zone("solo")), empty("front2"), empty("front3")],
            {},
            ["front1 found", "front2 join from front1 added", "front3 join from front1 added"],
            id="killed after the zone was told of its first server",
        ),
        pytest.param(
            [member("front1", zone("solo")), empty("front2"), empty("front3")],
            {},
            ["front1 enter", "front2 join from front1 added", "front3 join from front1 added"],
            id="killed between the first server's id and its restart",
        ),
        pytest.param(
            [member("front1", zone("leader", "-")), empty("front2"), empty("front3")],
            {},
            ["front2 join from front1", "front3 join from front1 added"],
            id="killed after the second was added and before it was seeded",
        ),
        pytest.param(
            [member("front1", zone("leader", "-")), empty("front2", database="half"), empty("front3")],
            {},
            ["front2 join from front1", "front3 join from front1 added"],
            id="killed in the middle of the seed",
        ),
        pytest.param(
            [
                member("front1", zone("candidate", "-"), running=True),
                empty("front2"),
                empty("front3"),
            ],
            {},
            ["front2 join from front1", "front3 join from front1 added"],
            id="killed there, and the leader restarted since: nobody can lead without the second",
        ),
        pytest.param(
            [
                member("front1", zone("leader", "-")),
                member("front2", zone("-", "-"), running=False, server_id=-1),
                empty("front3"),
            ],
            {},
            ["front2 enter", "front3 join from front1 added"],
            id="killed after the seed and before the server got its id",
        ),
        pytest.param(
            trio(front3=empty("front3")),
            {},
            ["front3 join from front1"],
            id="a dead server's replacement under its name and address is seeded",
        ),
        pytest.param(
            [empty("front1"), *(member(h, zone("-", "leader", "follower", term=3)) for h in HOSTS[1:])],
            {},
            ["front1 join from front2"],
            id="also when the dead one was the first of the inventory: no new cloud is begun there",
        ),
        pytest.param(
            trio(front2=member("front2", SILENT, running=False, index=70)),
            {},
            ["front2 enter"],
            id="a server that is only down is started and catches up by the log",
        ),
        pytest.param(
            trio(front1=KEEPS_80, front2=member("front2", SILENT, running=False, index=70)),
            {},
            ["front2 join from front1"],
            id="one whose missing records are purged is seeded again",
        ),
        pytest.param(
            trio(front1=KEEPS_80, front2=member("front2", SILENT, running=False, index=79)),
            {},
            ["front2 enter"],
            id="but not one whose next record is still there",
        ),
        pytest.param(
            [member(host, SILENT, running=False) for host in HOSTS],
            {},
            ["front1 enter unawaited", "front2 enter", "front3 enter"],
            id="all down: a leader is awaited once a majority runs",
        ),
        pytest.param(
            [*(member(h, SILENT, running=False, index=i) for h, i in (("front1", 5), ("front2", 9))), empty("front3")],
            {},
            ["front1 enter unawaited", "front2 enter", "front3 join from front2"],
            id="two of three down, one replaced: the seed comes from the one that knows most",
        ),
        pytest.param(
            [member("front1", SILENT, running=False, term=9), member("front2", SILENT, running=False)],
            {},
            ["front1 enter unawaited", "front2 enter"],
            id="a majority suffices, whoever else is away",
        ),
        pytest.param(
            [member("front1", SILENT, running=False), empty("front2"), empty("front3")],
            {},
            ["front1 enter unawaited", "front2 join from front1", "front3 join from front1"],
            id="one left of three, the others provably empty: they are seeded from it",
        ),
        pytest.param(
            trio(),
            {"due": HOSTS},
            ["front2 enter", "front3 enter", "front1 enter"],
            id="a new configuration: followers first, the leader last",
        ),
        pytest.param(trio(), {"due": ["front2"]}, ["front2 enter"], id="only who needs it is restarted"),
        pytest.param(
            trio(front3=member("front3", WHOLE, server_id=1)),
            {},
            ["front3 enter"],
            id="an id that is another server's is corrected",
        ),
        pytest.param(
            trio(front3=alone("front3")),
            {"discard": ["front3"]},
            ["front3 join from front1"],
            id="a database of another cloud goes when the inventory names its host",
        ),
        pytest.param(
            [member("front1", zone("leader", "follower")), member("front2", zone("leader", "follower")),
             member("front3", SILENT, running=False, server_id=2)],
            {},
            ["front3 join from front1 added"],
            id="a server that was taken out and is back is added and seeded anew",
        ),
    ],
)  # fmt: skip
def test_steps(looks: list[Look], options: dict[str, Any], steps: list[str]) -> None:
    assert told(looks, **options) == steps


@pytest.mark.parametrize(
    ("looks", "options", "words"),
    [
        pytest.param(
            [alone("front1"), alone("front2"), empty("front3")],
            {},
            "front1 and front2 have databases of OpenNebula that are not of one zone",
            id="two clouds",
        ),
        pytest.param(trio(front3=alone("front3")), {}, "opennebula_ha_discard_database", id="a cloud beside the zone"),
        pytest.param(
            [empty("front1"), empty("front2"), member("front3", SILENT, running=False)],
            {"discard": ["front3"]},
            "names front3, where the only database is that was found",
            id="a name that stayed in the inventory, and the others were made anew",
        ),
        pytest.param(
            [
                member("front1", zone("leader")),
                member("front2", Zone(0, "", (ZoneServer(0, "x", "http://elsewhere:2633/RPC2"),)), server_id=0),
            ],
            {},
            "not of one zone",
            id="two zones that have no server in common",
        ),
        pytest.param(
            [empty("front1"), empty("front2")],
            {},
            "front3 may hold the cloud's database",
            id="a new zone while a front-end is not looked at",
        ),
        pytest.param(
            [alone("front1"), empty("front2")], {}, "front3 may hold", id="also when one has a database already"
        ),
        pytest.param(
            [member("front1", SILENT, running=False), empty("front2")],
            {},
            "Only 1 of the zone's 3 servers (front1) have its database, which is no majority, and front3 took no part",
            id="no majority, and one that may know more is away",
        ),
        pytest.param(
            [member("front2", WHOLE), member("front3", WHOLE)],
            {"due": ["front2"]},
            "The leader of the zone is front1",
            id="the run leaves the leader out",
        ),
        pytest.param(
            trio(front2=member("front2", zone("-", "solo", "-"), server_id=-1)),
            {},
            "oned of front2 runs alone",
            id="a server of the zone that was started alone by hand",
        ),
        pytest.param(
            trio(front2=member("front2", WHOLE, server_id=-1)),
            {},
            "oned of front2 runs alone",
            id="a cloud of its own that the leader has begun to overwrite",
        ),
        pytest.param(
            [member(host, zone("follower", "candidate", "follower")) for host in HOSTS],
            {},
            "none of them leads",
            id="all run and nobody leads",
        ),
    ],
)
def test_refusals(looks: list[Look], options: dict[str, Any], words: str) -> None:
    with pytest.raises(ClusterError) as refused:
        plan_cluster(DECLARED, looks, **options)
    assert words in str(refused.value)


def test_a_leader_that_was_deposed_does_not_count() -> None:
    """Two claim to lead: the one of the older term has not heard of its fall."""
    old = member("front1", zone("leader", "-", "-", term=2))
    new = [member(host, zone("-", "leader", "follower", term=3)) for host in HOSTS[1:]]
    assert plan_cluster(DECLARED, [old, *new]).leader == "front2"


def test_the_seed_comes_from_the_newest_log_which_is_not_the_longest() -> None:
    """As in a vote: records of an older term were overruled, however many they are."""
    stopped = [member("front1", SILENT, running=False, term=3, index=50)]
    stopped += [member("front2", SILENT, running=False, term=2, index=60)]
    assert told([*stopped, empty("front3")])[-1] == "front3 join from front1"


def test_servers_that_the_zone_waits_for_come_before_new_ones() -> None:
    """front2 is still to be added, which needs a majority that only front3 makes."""
    named = Zone(0, "", (WHOLE.servers[0], ZoneServer(2, "front3", endpoint("front3"))))
    looks = [member("front1", named), empty("front2"), empty("front3")]
    assert told(looks) == ["front3 join from front1", "front2 join from front1 added"]


def test_followers_of_another_term_do_not_make_a_leader_sure() -> None:
    mixed = Zone(0, "", (WHOLE.servers[0], replace(WHOLE.servers[1], term=3), replace(WHOLE.servers[2], term=3)))
    looks = [member("front1", mixed, first_index=80), member("front2", mixed), member("front3", mixed, index=7)]
    assert told(looks) == []


def test_a_leader_without_followers_seeds_nobody_whose_log_it_does_not_know() -> None:
    """It may have been deposed; a server that looks as if it fell behind is started, and the log decides."""
    lonely = member("front1", zone("leader", "-", "-"), first_index=80)
    others = [member(host, SILENT, running=False, index=70) for host in HOSTS[1:]]
    assert told([lonely, *others]) == ["front2 enter", "front3 enter"]


def test_ids_are_those_that_the_zone_gave() -> None:
    steps = plan_cluster(DECLARED, trio(front3=member("front3", WHOLE, server_id=7))).steps
    assert [(step.host, step.id) for step in steps] == [("front3", 2)]


def test_a_server_that_is_away_is_told_when_others_are_touched() -> None:
    plan = plan_cluster(DECLARED, trio()[:2], due=["front2"])
    assert plan.warnings == ["front3 took no part in this run; the zone has that much less in reserve."]
    assert plan_cluster(DECLARED, trio()[:2]).warnings == []
