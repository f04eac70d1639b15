# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import isolation_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import (
    HostLink,
    misfits,
    parse_links,
    remarks,
    surroundings,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import ruleset
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_state import (
    Loaded,
    counted_drops,
    differences,
    digest,
    live_digest,
    remembered,
)


def links(*found):
    return {one.name: one for one in found}


BRIDGE = HostLink("onebr0", "bridge")
UPLINK = HostLink("eth0", "", "onebr0")
TAP = HostLink("one-7-0", "tun", "onebr0")
PLAIN = links(BRIDGE, UPLINK, TAP, HostLink("eth1", addresses=("10.0.2.11", "fe80::1")))

FITS = {
    "a card and a tap": PLAIN,
    "a bridge that comes later": links(HostLink("eth0")),
    "a bond as uplink, declared": links(BRIDGE, HostLink("eth0", "bond", "onebr0")),
}


@pytest.mark.parametrize("present", FITS.values(), ids=FITS.keys())
def test_it_fits(present):
    assert misfits(a.sound(), present) == []


MISFITS = {
    "an uplink that does not exist": (
        links(BRIDGE, TAP),
        "The uplink eth0 of bridge onebr0 does not exist; its ports: one",
    ),
    "an uplink of another bridge": (links(BRIDGE, HostLink("eth0", "", "br1")), "is no port of it; its ports: none"),
    "another card in the bridge": (links(BRIDGE, UPLINK, HostLink("eth9", "", "onebr0")), "eth9 is a port of bridge"),
    "a VLAN in the bridge": (links(BRIDGE, UPLINK, HostLink("eth9.3", "vlan", "onebr0")), "leads outside and is not"),
    "a card for a bridge": (links(HostLink("onebr0")), "onebr0 is no bridge but a card"),
    "a bridge that speaks STP": (
        links(HostLink("onebr0", "bridge", stp=True), UPLINK),
        "onebr0 speaks STP, which no packet filter sees: its guests could become its root. Turn it off",
    ),
    "an address of the node among those of guests": (
        links(HostLink("onebr0", "bridge", addresses=("10.0.3.7",)), UPLINK),
        "10.0.3.7, an address of this node on onebr0, is in the guest network 10.0.3.0/24",
    ),
}


@pytest.mark.parametrize("present, sentence", MISFITS.values(), ids=MISFITS.keys())
def test_it_does_not_fit(present, sentence):
    found = misfits(a.sound(), present)
    assert len(found) == 1 and sentence in found[0], found


def test_services_need_an_address_that_guests_have_a_way_to():
    without, with_it = (links(HostLink("onebr0", "bridge", addresses=one), UPLINK) for one in ((), ("10.0.3.1",)))
    for services in ([], ["udp/67", "udp/547"]):
        assert misfits(a.sound(local_services=services), without) == []
    (found,) = misfits(a.sound(local_services=["udp/67", "tcp/8080"]), without)
    assert "Guests of bridge onebr0 cannot reach the local services tcp/8080: it has no address" in found
    assert misfits(a.sound(local_services=["tcp/8080"]), with_it) == []
    assert misfits(a.sound(local_services=["tcp/8080"]), {}) == []  # it may come later


def test_the_node_may_be_the_gateway():
    assert misfits(a.sound(), links(HostLink("onebr0", "bridge", addresses=("10.0.3.1",)), UPLINK)) == []


VLAN = {
    "guests in a VLAN of their own": (
        links(BRIDGE, HostLink("eth0", "vlan", "onebr0", "bond0"), HostLink("bond0", "bond", addresses=("10.0.2.11",))),
        None,
    ),
    "a card of their own": (links(BRIDGE, UPLINK, HostLink("eth1", addresses=("10.0.2.11",))), None),
    "the host's address on their bridge": (
        links(HostLink("onebr0", "bridge", addresses=("10.0.2.11",)), UPLINK),
        "10.0.2.11, in a protected network, is on onebr0",
    ),
    "a trunk that carries the host's VLAN": (
        links(BRIDGE, UPLINK, HostLink("eth0.2", "vlan", parent="eth0", addresses=("10.0.2.11",))),
        "The uplink eth0 of onebr0 carries the VLAN of eth0.2",
    ),
}


@pytest.mark.parametrize("present, sentence", VLAN.values(), ids=VLAN.keys())
def test_isolation_by_vlan_is_looked_at(present, sentence):
    found = misfits(a.sound(mode="vlan"), present)
    assert found == [] if sentence is None else sentence in found[0], found


def test_ports_of_other_bridges_are_left_out_where_the_kernel_cannot_tell():
    others = links(*PLAIN.values(), HostLink("docker0", "bridge"), HostLink("veth7", "veth", "docker0"))
    assert surroundings(a.sound(), others, True) == Surroundings()
    around = surroundings(a.sound(), others, False)
    assert around == Surroundings(False, ("veth7",))
    said = remarks(a.sound(), others, around)
    assert len(said) == 1 and "cannot tell bridges apart" in said[0] and "docker0" in said[0]


def test_ports_of_a_bond_are_no_ports_of_a_bridge():
    assert (
        surroundings(a.sound(), links(HostLink("eth5", master="bond0"), HostLink("bond0", "bond")), False).other_ports
        == ()
    )


def test_a_bridge_that_is_not_there_is_remarked():
    assert "onebr0 does not exist yet" in remarks(a.sound(), {}, Surroundings())[0]


def test_links_as_iproute2_tells_them():
    told = [
        {"ifname": "lo", "link_type": "loopback", "addr_info": [{"local": "127.0.0.1"}]},
        {"ifname": "eth0.12", "link": "eth0", "linkinfo": {"info_kind": "vlan"}, "master": "onebr0", "addr_info": []},
        {
            "ifname": "onebr0",
            "linkinfo": {"info_kind": "bridge", "info_data": {"stp_state": 1, "no_linklocal_learn": 0}},
        },
        {"ifname": "quiet0", "linkinfo": {"info_kind": "bridge", "info_data": {"no_linklocal_learn": 1}}},
        {"ifname": "old0", "linkinfo": {"info_kind": "bridge", "info_data": {"stp_state": 0}}},
        {"ifname": "eth0", "link_type": "ether", "addr_info": [{"local": "10.0.2.11"}, {}]},
        {},
    ]
    assert parse_links(json.dumps(told)) == links(
        HostLink("lo", "loopback", addresses=("127.0.0.1",)),
        HostLink("eth0.12", "vlan", "onebr0", "eth0"),
        HostLink("onebr0", "bridge", stp=True, learns=True),
        HostLink("quiet0", "bridge", learns=False),
        HostLink("old0", "bridge", learns=None),
        HostLink("eth0", addresses=("10.0.2.11",)),
    )


def test_a_bridge_that_cannot_be_told_not_to_learn_is_remarked():
    old = links(HostLink("onebr0", "bridge", learns=None), UPLINK)
    (said,) = remarks(a.sound(), old, Surroundings())
    assert "onebr0 cannot be told not to learn" in said and remarks(a.sound(mode="guide"), old, Surroundings()) == []


# ---- what is loaded ------------------------------------------------------------------------------------------------

WANTED = ruleset(a.sound(), Surroundings())


def listing(table, packets=0, without=""):
    rules = [
        {
            "rule": {
                "chain": chain,
                "handle": packets + 4,
                "comment": rule.comment,
                "expr": [{"counter": {"packets": packets, "bytes": packets * 60}}, {"drop": None}],
            }
        }
        for chain, rule in table.drops
        if rule.comment != without
    ]
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *rules]})


def live(packets=0, without=""):
    return {table.family: listing(table, packets, without) for table in WANTED.tables}


def compare(memory, present):
    return differences(WANTED.text, memory, live_digest(present.values()), WANTED.tables, present)


GOOD = Loaded(digest(WANTED.text), live_digest(live().values()))


def test_counters_and_handles_are_no_difference():
    assert compare(GOOD, live(packets=17)) == []


def test_a_flushed_ruleset_is_told():
    assert compare(GOOD, {"bridge": "", "inet": "", "arp": ""}) == [
        "The table bridge kvmcloud is not loaded.",
        "The table inet kvmcloud is not loaded.",
        "The table arp kvmcloud is not loaded.",
    ]


def test_a_rule_that_somebody_deleted_is_told_by_name():
    found = compare(GOOD, live(without="anything to the node"))
    assert "these drops are missing: to_node: anything to the node." in found[0]


def test_an_element_that_somebody_added_is_told():
    present = live()
    changed = json.loads(present["bridge"])
    changed["nftables"].append({"set": {"name": "uplinks", "elem": ["eth0", "tap9"]}})
    assert compare(GOOD, {**present, "bridge": json.dumps(changed)}) == [
        "The rules were changed after they were loaded."
    ]


def test_another_declaration_is_told():
    assert compare(Loaded("other", GOOD.live), live()) == ["Other rules are loaded than the declaration asks for."]


def test_a_lost_memory_is_told():
    assert compare(None, live()) == ["It is not known who loaded the rules that are there."]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"text": "x"}', "no json"])
def test_a_broken_memory_is_none(text):
    assert remembered(text) is None


def test_a_memory_is_read_as_it_was_written():
    assert remembered(GOOD.as_json()) == GOOD


def test_drops_are_counted_by_name():
    counted = counted_drops(live(packets=3)["bridge"])
    assert counted["to_node", "anything to the node"] == 3
    assert counted_drops("") == {}
