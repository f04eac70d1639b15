# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules say. That they do what they say is proven by packets, in tests/isolation."""

from __future__ import annotations

import re
import time

import isolation_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings, bridge_table
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_guide_rules import (
    expected_lines,
    guide_rules,
    jumps,
    own_lines,
    removal_text,
    restore_text,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ip_rules import ip_table
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import RESERVED
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import ruleset

FALLBACK = Surroundings(tells_bridges=False, other_ports=("veth7",))
BOTH = a.bridge(guest_networks=["10.0.3.0/24", "2001:db8:3::/64"], gateways=["10.0.3.1", "2001:db8:3::1"])

# What was measured to be open with the guide's rules, and what closes it: table, chain, match of a drop.
HOLES = {
    "its own address, over an on-link route, to any local address": ("bridge", "to_node", ""),
    "guests of other nodes, through the router": ("inet", "input", "ip saddr @guests4"),
    "other addresses of a storage host, in no listed network": ("bridge", "from_guests_1", "ether daddr @host_macs"),
    "priority tags, 802.1ad and double tags, VLANs, LLC, PPPoE, RoCE": ("bridge", "from_guests_1", ""),
    "link-local IPv6 to the node": ("bridge", "to_node", ""),
    "router advertisements": ("bridge", "ip6_1", "icmpv6 type { nd-router-advert, nd-redirect }"),
    "claims of a host's address by ARP": ("bridge", "arp_1", "arp saddr ip != @networks4_1"),
    "claims of the gateway's address by ARP": ("bridge", "arp_1", "arp saddr ip @gateways4_1"),
    "the MAC address of a storage host, learnt by the bridge": (
        "bridge",
        "from_guests_1",
        "ether saddr & ff:ff:00:00:00:00 != 02:00:00:00:00:00",
    ),
    "a spoofed source, routed through the node": ("bridge", "ip4_1", "ip saddr != @networks4_1"),
    "broadcasts to storage": ("bridge", "group_to_outside", ""),
    "a broadcast address in a frame to one host": (
        "bridge",
        "ip4_1",
        "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ip daddr { 224.0.0.0/4, 255.255.255.255 }",
    ),
    "source routing": ("bridge", "ip4_1", "ip hdrlength > 6"),
    "storage frames that the bridge floods into guests": (
        "bridge",
        "to_guests",
        "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr & ff:ff:00:00:00:00 != 02:00:00:00:00:00",
    ),
    "IPv4 and IPv6 past the bridge, in frames to its reserved groups": (
        "inet",
        "input",
        "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00",
    ),
    "ARP past the bridge, by which the node's table of neighbours fills": (
        "arp",
        "input",
        "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00",
    ),
    "neighbours of link-local addresses, by who asks for them": ("bridge", "ip6_1", "ip6 saddr @claimed6_1"),
    "a DHCP server among guests": ("bridge", "ip4_1", "udp sport 67"),
    "guests of other nodes, over link-local IPv6": (
        "inet",
        "input",
        "iifname @bridges ip6 saddr fe80::/10 "
        "ether saddr & ff:ff:00:00:00:00 == 02:00:00:00:00:00 ether saddr != @claimed_macs",
    ),
    "routed through the node to storage": ("inet", "forward", "ip daddr @protected4 ip saddr @guests4"),
}


@pytest.mark.parametrize("family, chain, match", HOLES.values(), ids=HOLES.keys())
@pytest.mark.parametrize("around", [Surroundings(), FALLBACK], ids=["the kernel tells bridges", "it does not"])
def test_each_measured_hole_is_closed_by_a_drop_of_its_own(family, chain, match, around):
    tables = {one.family: one for one in ruleset(a.sound(BOTH), around).tables}
    assert [name for name, rule in tables[family].drops if (name, rule.match) == (chain, match)] == [chain]


def chain_of(table, name):
    return next(one for one in table.chains if one.name == name)


def elements(table, name):
    return next(one for one in table.sets if one.name == name).elements


def test_it_decides_before_the_bridge_learns():
    assert chain_of(bridge_table(a.sound(), Surroundings()), "prerouting").hook == "prerouting priority -350"


def test_every_drop_counts_and_has_a_name_of_its_own():
    for table in ruleset(a.sound(BOTH), Surroundings()).tables:
        names = [(chain, rule.comment) for chain, rule in table.drops]
        assert len(set(names)) == len(names)
        assert all(comment and len(comment) <= 60 for _chain, comment in names)


def test_bridges_have_rules_of_their_own_where_the_kernel_tells_them_apart():
    two = a.sound(a.bridge(), a.bridge("br1", uplinks=["eth1"], guest_networks=["10.0.5.0/24"], gateways=[]))
    table = bridge_table(two, Surroundings())
    assert [rule.match for rule in chain_of(table, "prerouting").rules] == [
        'meta ibrname "onebr0" iifname != @uplinks',
        'meta ibrname "br1" iifname != @uplinks',
    ]
    assert elements(table, "networks4_2") == ("10.0.5.0/24",)


def test_where_it_does_not_they_share_them_and_other_ports_are_left_out():
    two = a.sound(a.bridge(), a.bridge("br1", uplinks=["eth1"], guest_networks=["10.0.5.0/24"], gateways=[]))
    table = bridge_table(two, FALLBACK)
    assert "ibrname" not in table.text() and "obrname" not in table.text()
    assert elements(table, "no_guests") == ('"eth0"', '"eth1"', '"veth7"')
    assert elements(table, "networks4_1") == ("10.0.3.0/24", "10.0.5.0/24")


def test_ports_of_other_bridges_are_named_by_the_rules_themselves():
    table = bridge_table(a.sound(), FALLBACK)
    for chain, match in {"prerouting": "iifname", "input": "iifname"}.items():
        assert [rule.match for rule in chain_of(table, chain).rules] == [f"{match} != @no_guests"]
    to_guests, to_outside = (rule.match for rule in chain_of(table, "forward").rules)
    assert to_guests == chain_of(table, "output").rules[-1].match == "oifname != @no_guests"
    assert to_outside.endswith('iifname != @no_guests oifname "eth0"')
    alone = bridge_table(a.sound(), Surroundings(tells_bridges=False))
    assert chain_of(alone, "input").rules[0].match == 'iifname != "eth0"'


def test_ipv6_is_dropped_unless_a_network_of_it_is_listed():
    without, with_it = (bridge_table(a.sound(one), Surroundings()) for one in (a.bridge(), BOTH))
    assert "ip6 : goto ip6_1" not in without.text() and "ip6_1" not in without.text()
    assert "ip6 : goto ip6_1" in with_it.text()
    assert elements(with_it, "sources6_1") == ("::/128", "2001:db8:3::/64", "fe80::/10")


def test_guests_send_to_routers_and_not_to_hosts_and_use_the_addresses_of_neither():
    table = bridge_table(a.sound(), Surroundings())
    assert elements(table, "host_macs") == (a.STORAGE,)
    assert elements(table, "claimed_macs") == (a.ROUTER, a.STORAGE)


@pytest.mark.parametrize(
    "prefix, expected",
    [
        ("02:00", "ether saddr & ff:ff:00:00:00:00 != 02:00:00:00:00:00"),
        ("52:54:00", "ether saddr & ff:ff:ff:00:00:00 != 52:54:00:00:00:00"),
        ("02", "ether saddr & ff:00:00:00:00:00 != 02:00:00:00:00:00"),
    ],
)
def test_the_prefix_of_guests(prefix, expected):
    table = bridge_table(a.sound(guest_mac_prefix=prefix), Surroundings())
    assert chain_of(table, "from_guests_1").rules[0].match == expected


def test_the_node_is_silent_to_guests_but_for_its_services():
    closed, open_ = (bridge_table(a.sound(local_services=one), Surroundings()) for one in ([], ["udp/67"]))
    assert [rule.verdict for rule in chain_of(closed, "to_node").rules] == ["counter drop"]
    first, second, *_more = chain_of(open_, "to_node").rules
    assert first.match == RESERVED and second.text().endswith("@local_services accept")
    assert elements(open_, "local_services") == ("17 . 67",)


def test_one_port_of_a_protected_network_is_let_through_before_the_rest_is_dropped():
    for table in ruleset(
        a.sound(allowed_destinations=[{"address": "10.0.2.10", "port": "tcp/5030"}]), Surroundings()
    ).tables[:2]:
        assert elements(table, "allowed4") == ("10.0.2.10 . 6 . 5030",)
        let, dropped = chain_of(table, "to_protected4").rules
        assert (let.match, let.verdict) == ("ip daddr . meta l4proto . th dport @allowed4", "accept")
        assert dropped.match == "" and dropped in [rule for _chain, rule in table.drops]
        before = {"bridge": "ip4_1", "inet": "forward"}[table.family]
        (way,) = [rule for rule in chain_of(table, before).rules if rule.verdict == "goto to_protected4"]
        assert way.match.startswith("ip daddr @protected4")
        assert not any("allowed" in rule.match for rule in chain_of(table, before).rules)


def test_what_is_allowed_comes_back_to_guests_and_nothing_else_of_hosts_does():
    changed = {
        "allowed_destinations": [{"address": "10.0.2.10", "port": "tcp/5030"}],
        "local_services": ["udp/67"],
    }
    table = bridge_table(a.sound(**changed), Surroundings())
    for name, match in {"from_hosts4": "ether saddr @host_macs", "from_protected4": "ip saddr @protected4"}.items():
        assert [rule.verdict for rule in chain_of(table, name).rules] == ["accept", "accept", "counter drop"]
        assert [rule.match for rule in chain_of(table, "to_guests_ip4").rules if rule.verdict == f"goto {name}"] == [
            match
        ]
    closed = bridge_table(a.sound(), Surroundings())
    assert [rule.verdict for rule in chain_of(closed, "to_guests_ip4").rules] == ["counter drop"] * 3


def test_networks_are_elements_and_not_rules():
    many = a.bridge(guest_networks=[f"10.{64 + i // 128}.{i % 128 * 2}.0/24" for i in range(2000)], gateways=[])
    protected = [f"172.{16 + i // 128}.{i % 128 * 2}.0/24" for i in range(500)]
    began = time.process_time()
    rendered = ruleset(a.sound(many, protected_networks=protected), Surroundings())
    assert time.process_time() - began < 1
    few = ruleset(a.sound(), Surroundings())
    assert [len(chain.rules) for table in rendered.tables for chain in table.chains] == [
        len(chain.rules) for table in few.tables for chain in table.chains
    ]
    assert len(elements(rendered.tables[0], "networks4_1")) == 2000


def test_networks_that_touch_or_nest_are_one_element():
    nested = a.bridge(guest_networks=["10.0.4.0/24", "10.0.5.0/24", "10.0.4.8/29"], gateways=[])
    assert elements(bridge_table(a.sound(nested), Surroundings()), "networks4_1") == ("10.0.4.0/23",)


def test_all_tables_are_one_transaction_that_replaces_what_was_there():
    text = ruleset(a.sound(), Surroundings()).nft
    lines = text.splitlines()
    for family in ("bridge", "inet", "arp"):
        start = lines.index(f"table {family} kvmcloud")
        assert lines[start + 1 : start + 3] == [f"delete table {family} kvmcloud", f"table {family} kvmcloud {{"]
    assert "flush" not in text


def test_the_second_layer_only_drops():
    table = ip_table(a.sound(BOTH))
    assert {chain.hook for chain in table.chains} == {"input priority -10", "forward priority -10"}
    assert {rule.verdict for chain in table.chains for rule in chain.rules} == {"counter drop", "return"}
    assert len(table.drops) == 6


def test_what_is_routed_elsewhere_returns_at_once():
    table = ip_table(a.sound(BOTH))
    elsewhere = chain_of(table, "forward").rules[0]
    assert (elsewhere.match, elsewhere.verdict) == ("ip daddr & 255.255.255.0 != 10.0.2.0", "return")
    many = ip_table(a.sound(BOTH, protected_networks=[f"10.1.{number}.0/24" for number in range(5)]))
    assert chain_of(many, "forward").rules[0].match == "ip daddr != @protected4"
    only6 = ip_table(a.sound(BOTH, protected_networks=["2001:db8:2::/64"]))
    assert "return" not in [rule.verdict for rule in chain_of(only6, "forward").rules]


def test_link_local_addresses_of_hosts_and_routers_are_claimed():
    """Those of their MAC addresses, those that they told, and those of gateways."""
    both = {**BOTH, "gateways": ["10.0.3.1", "fe80::1"]}
    table = bridge_table(a.sound(both, infrastructure_link_locals=["fe80::beef"]), Surroundings())
    assert elements(table, "claimed6_1") == ("fe80::1", "fe80::5054:ff:fe00:1", "fe80::5054:ff:fe00:2", "fe80::beef")
    assert [one[-4:] for one in elements(table, "claimed_targets6_1")] == ["0001", "beef", "0001", "0002"]


def test_its_bridges_are_not_to_learn_from_what_no_rule_sees():
    rendered = ruleset(a.sound(), Surroundings())
    assert rendered.quiet == ("onebr0",)
    assert "\n# ip link set onebr0 type bridge no_linklocal_learn 1\n" in rendered.text
    assert "no_linklocal_learn" not in ruleset(a.sound(mode="guide"), Surroundings()).text


def test_a_chain_is_there_before_another_one_goes_to_it():
    allowed = {"allowed_destinations": [{"address": "10.0.2.10", "port": "tcp/1"}], "local_services": ["udp/67"]}
    for table in ruleset(a.sound(BOTH, **allowed), Surroundings()).tables[:2]:
        text = table.text()
        names = re.findall(r"goto (\w+)", text)
        assert "to_protected4" in names
        for name in names:
            assert text.index(f"chain {name} {{") < min(found.start() for found in re.finditer(f"goto {name}\\b", text))


# ---- the guide's ---------------------------------------------------------------------------------------------------


def test_the_guides_three_rules_are_the_guides():
    assert guide_rules(a.sound()) == [
        "-A KVMCLOUD-INPUT -m physdev --physdev-in eth0 -j ACCEPT",
        "-A KVMCLOUD-INPUT -s 10.0.3.0/24 -i onebr0 -j RETURN",
        "-A KVMCLOUD-INPUT -i onebr0 -j DROP",
        "-A KVMCLOUD-FORWARD -s 10.0.3.0/24 -d 10.0.2.0/24 -j DROP",
    ]


def test_in_mode_guide_there_is_no_table_of_ours():
    rendered = ruleset(a.sound(mode="guide"), Surroundings())
    assert rendered.tables == () and rendered.nft.count("delete table") == 3 and "{" not in rendered.nft
    assert rendered.iptables == tuple(guide_rules(a.sound()))


def test_in_mode_vlan_nothing_is_loaded():
    assert ruleset(a.sound(mode="vlan"), Surroundings()).tables == ()
    assert ruleset(a.sound(mode="vlan"), Surroundings()).iptables is None


def test_jumps_are_put_once_where_the_guide_has_its_rules():
    text = restore_text(["-A KVMCLOUD-INPUT -i onebr0 -j DROP"], {"INPUT": 2, "FORWARD": 0})
    assert text.splitlines() == [
        "*filter",
        ":KVMCLOUD-INPUT - [0:0]",
        ":KVMCLOUD-FORWARD - [0:0]",
        "-D INPUT -j KVMCLOUD-INPUT",
        "-D INPUT -j KVMCLOUD-INPUT",
        "-A INPUT -j KVMCLOUD-INPUT",
        "-I FORWARD 1 -j KVMCLOUD-FORWARD",
        "-A KVMCLOUD-INPUT -i onebr0 -j DROP",
        "COMMIT",
    ]


LISTED = """-P INPUT ACCEPT
-N KVMCLOUD-FORWARD
-N KVMCLOUD-INPUT
-N one-7-0-i
-A INPUT -j KVMCLOUD-INPUT
-A FORWARD -j KVMCLOUD-FORWARD
-A FORWARD -m physdev --physdev-is-bridged -j opennebula
-A KVMCLOUD-INPUT -i onebr0 -j DROP
"""


def test_of_what_iptables_lists_only_ours_is_looked_at():
    expected = set(expected_lines(["-A KVMCLOUD-INPUT -i onebr0 -j DROP"]))
    assert set(own_lines(LISTED)) == expected
    assert jumps(LISTED) == {"INPUT": 1, "FORWARD": 1}


def test_removal_leaves_the_chains_of_others():
    text = removal_text(jumps(LISTED), ["KVMCLOUD-FORWARD", "KVMCLOUD-INPUT", "one-7-0-i"])
    assert "one-7-0-i" not in text and text.count("-X ") == 2 and text.count("-D ") == 2
    assert removal_text({}, ["one-7-0-i"]) == ""


@pytest.mark.parametrize("around", [Surroundings(), FALLBACK], ids=["the kernel tells bridges", "it does not"])
def test_every_set_that_a_rule_names_is_there(around):
    two = (
        a.bridge(),
        a.bridge("br1", uplinks=["eth1"], guest_networks=["10.0.5.0/24", "2001:db8:5::/64"], gateways=[]),
    )
    for table in ruleset(a.sound(*two, local_services=["udp/67"]), around).tables[:2]:
        text = table.text()
        for name in set(re.findall(r"@([a-z]\w+)", text)) - {"th", "nh"}:
            assert f"\tset {name} {{\n" in text
        assert "elements = { 10.0.2.0/24 }" in text
