# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_replication import PROBE, Sight, verdict
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import (
    Zone,
    ZoneError,
    ZoneServer,
    parse_zone,
    zone_from,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_servers import ServersError, plan_servers

# As 'onezone show -x 0' prints it; front3 did not answer.
XML = """<ZONE>
  <ID>0</ID>
  <NAME>OpenNebula</NAME>
  <STATE>0</STATE>
  <TEMPLATE>
    <ENDPOINT><![CDATA[http://10.0.0.10:2633/RPC2]]></ENDPOINT>
    <REPLICATION_PROBE><![CDATA[17-abc]]></REPLICATION_PROBE>
  </TEMPLATE>
  <SERVER_POOL>
    <SERVER>
      <ENDPOINT><![CDATA[http://front1:2633/RPC2]]></ENDPOINT>
      <ENDPOINT_GRPC><![CDATA[]]></ENDPOINT_GRPC>
      <ID><![CDATA[0]]></ID>
      <NAME><![CDATA[front1]]></NAME>
      <STATE>3</STATE>
      <TERM>4</TERM>
      <VOTEDFOR>0</VOTEDFOR>
      <COMMIT>40</COMMIT>
      <LOG_INDEX>41</LOG_INDEX>
      <FEDLOG_INDEX>-1</FEDLOG_INDEX>
    </SERVER>
    <SERVER>
      <ENDPOINT><![CDATA[http://front3:2633/RPC2]]></ENDPOINT>
      <ID><![CDATA[2]]></ID>
      <NAME><![CDATA[front3]]></NAME>
      <STATE>-</STATE>
      <TERM>-</TERM>
      <COMMIT>-</COMMIT>
      <LOG_INDEX>-</LOG_INDEX>
    </SERVER>
  </SERVER_POOL>
</ZONE>
"""


def server(number: int, state: str = "follower", term: int = 4, index: int = 41) -> ZoneServer:
    return ZoneServer(number, f"front{number + 1}", f"http://front{number + 1}:2633/RPC2", state, term, index, index)


def zone(*servers: ZoneServer, endpoint: str = "http://vip:2633/RPC2") -> Zone:
    return Zone(0, endpoint, servers)


def test_a_zone_is_read_with_what_its_servers_say() -> None:
    read = parse_zone(XML)
    assert read.servers[0] == ZoneServer(0, "front1", "http://front1:2633/RPC2", "leader", 4, 41, 40)
    assert read.servers[1] == ZoneServer(2, "front3", "http://front3:2633/RPC2", "no answer", -1, -1, -1)
    assert (read.endpoint, read.template[PROBE]) == ("http://10.0.0.10:2633/RPC2", "17-abc")
    assert zone_from(read.as_dict()).servers == read.servers  # type: ignore[union-attr]


def test_a_zone_without_servers_is_one_that_stands_alone() -> None:
    read = parse_zone("<ZONE><ID>0</ID><TEMPLATE/><SERVER_POOL/></ZONE>")
    assert (read.servers, read.leader(), zone_from(None)) == ((), None, None)


@pytest.mark.parametrize("text", ["", "no xml", "<ZONE><ID>x</ID></ZONE>", "<USER><ID>0</ID></USER>"])
def test_what_is_no_zone_is_said(text: str) -> None:
    with pytest.raises(ZoneError, match="expected a"):
        parse_zone(text)


@pytest.mark.parametrize(("servers", "majority"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_majority(servers: int, majority: int) -> None:
    assert zone(*(server(number) for number in range(servers))).majority() == majority


def test_of_two_that_claim_to_lead_the_newer_term_does() -> None:
    assert zone(
        server(0, "leader", term=3), server(1, "leader", term=4), server(2, "leader", term=2)
    ).leader() == server(1, "leader", term=4)


LEADER, FOLLOWER = server(0, "leader"), server(1)


@pytest.mark.parametrize(
    ("sight", "outcome", "words"),
    [
        (Sight(None, None, False, "", "oned is away."), "wait", "oned is away."),
        (Sight(zone(LEADER), None, False, ""), "wait", "does not name it"),
        (Sight(zone(server(0), FOLLOWER), FOLLOWER, False, ""), "wait", "nobody leads (front1: follower"),
        (Sight(zone(LEADER, server(1, "candidate")), server(1, "candidate"), False, ""), "wait", "it is candidate"),
        (Sight(zone(LEADER, server(1, "solo")), server(1, "solo"), False, ""), "wait", "it is solo"),
        (Sight(zone(LEADER, server(1, term=3)), server(1, term=3), False, ""), "wait", "in term 3"),
        # 'onedb version' succeeds on this one, and it has the state follower
        (Sight(zone(LEADER, server(1, index=12)), server(1, index=12), False, ""), "wait", "stays at record 12"),
        (Sight(zone(LEADER, FOLLOWER), FOLLOWER, False, ""), "write", "takes no change"),
        (Sight(zone(LEADER, FOLLOWER), FOLLOWER, True, "of an earlier run"), "wait", "does not arrive"),
        (Sight(zone(LEADER, FOLLOWER), FOLLOWER, True, "mine"), "proven", ""),
        (Sight(zone(LEADER), LEADER, True, "mine"), "proven", ""),
    ],
)
def test_replication_is_proven_by_a_value_that_arrives(sight: Sight, outcome: str, words: str) -> None:
    found = verdict(sight, 41, "mine")
    assert found.outcome == outcome
    assert words in found.why


def wanted(name: str, state: str = "present") -> dict[str, str]:
    return {"name": name, "endpoint": f"http://{name}:2633/RPC2", "state": state}


@pytest.mark.parametrize(
    ("present", "names", "sentences"),
    [
        (zone(), ["front1"], ["add server front1 (http://front1:2633/RPC2) to zone 0"]),
        (zone(LEADER), ["front1"], []),
        (zone(LEADER), ["front2"], ["add server front2 (http://front2:2633/RPC2) to zone 0"]),
        (zone(LEADER, server(1)), ["front3"], ["add server front3 (http://front3:2633/RPC2) to zone 0"]),
    ],
)
def test_servers_are_added_where_they_are_missing(present: Zone, names: list[str], sentences: list[str]) -> None:
    assert [step.sentence for step in plan_servers([wanted(name) for name in names], present).steps] == sentences


def test_a_server_of_another_name_at_the_same_endpoint_is_the_same_server() -> None:
    by_hand = ZoneServer(0, "server-0", "http://front1:2633/RPC2", "leader", 1, 1, 1)
    assert plan_servers([wanted("front1")], zone(by_hand)).steps == []


DEAD = ZoneServer(2, "front3", "http://front3:2633/RPC2")


@pytest.mark.parametrize(
    ("present", "names", "words"),
    [
        # 1 of 2 answers: the zone takes no change now
        (
            zone(LEADER, ZoneServer(1, "front2", "http://front2:2633/RPC2")),
            ["front3"],
            "1 of the zone's 2 servers answer",
        ),
        # 2 of 4 would answer with it, were it to fail: 3 of 5 is the majority then
        (zone(LEADER, server(1), DEAD, ZoneServer(3, "x", "http://x")), ["front5"], "front3 and x do not"),
        (zone(LEADER), ["front2", "front3"], "one at a time"),
        (zone(), ["front1", "front2"], "one at a time"),
    ],
)
def test_no_server_is_added_that_would_cost_the_majority(present: Zone, names: list[str], words: str) -> None:
    with pytest.raises(ServersError) as refused:
        plan_servers([wanted(name) for name in names], present)
    assert words in str(refused.value)


def test_with_one_dead_of_three_a_fourth_may_come() -> None:
    assert len(plan_servers([wanted("front4")], zone(LEADER, server(1), DEAD)).steps) == 1


def test_a_server_cannot_be_moved() -> None:
    with pytest.raises(ServersError, match="take the former out first"):
        plan_servers([{**wanted("front1"), "endpoint": "http://new:2633/RPC2"}], zone(LEADER))


def test_servers_are_taken_out_by_name_but_not_the_leader() -> None:
    three = zone(LEADER, server(1), DEAD)
    (step,) = plan_servers([wanted("front3", "absent")], three).steps
    assert step.argv == ("onezone", "server-del", "0", "2")
    assert plan_servers([wanted("front9", "absent")], three).steps == []
    with pytest.raises(ServersError, match="leads the zone"):
        plan_servers([wanted("front1", "absent")], three)


def test_the_endpoint_of_the_zone_is_changed_only_when_it_differs() -> None:
    assert plan_servers([], zone(), "http://vip:2633/RPC2").steps == []
    (step,) = plan_servers([], zone(), "http://new:2633/RPC2").steps
    assert [str(part) for part in step.argv] == ["onezone", "update", "0", "<file>", "--append"]
    assert plan_servers([], zone(), None).steps == []
