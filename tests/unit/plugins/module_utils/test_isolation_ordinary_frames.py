# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule by which most frames pass lets through nothing that a drop after it is for."""

from __future__ import annotations

import re

import isolation_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings, bridge_table
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ip_rules import ip_table
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import DROP

ALIKE = "02:00:00:00:00:22"  # a host whose MAC address begins as those of guests do
ASKED = "a rule before it takes such frames out"
TWO = {"guest_networks": ["10.0.3.0/24", "10.0.5.0/24"], "gateways": [f"10.0.3.{number}" for number in range(1, 6)]}
# By chain and comment of a drop that the rule leaves out: which of its conditions says that no frame of it is meant.
EXCLUDED = {
    "from_guests_1": {
        "sender: no guest's MAC": "ether saddr & ff:ff:00:00:00:00 == 02:00:00:00:00:00",
        "sender: MAC of a host or router": ASKED,
        "frame to the MAC of a host": ASKED,
        "other protocol, or a VLAN tag": ASKED,
    },
    "ip4_1": {
        "source routing": "ip hdrlength 5",
        "poses as a DHCP server": "th sport != 67",
        "source: address of the gateway": "ip saddr != 10.0.3.1",
        "source: no guest's address": "ip saddr & 255.255.255.0 == 10.0.3.0",
        "destination: protected network": "ip daddr & 255.255.255.0 != 10.0.2.0",
        "group address in a frame to one": "ip daddr < 224.0.0.0",
    },
    "to_guests": {
        "flooded to guests: frame for no guest's MAC": "ether daddr & ff:ff:00:00:00:00 == 02:00:00:00:00:00",
        "flooded to guests: frame for a host": ASKED,
        "to guests: other protocol, or a VLAN tag": ASKED,
    },
    "to_guests_ip4": {
        "to guests: frame of a host": ASKED,
        "to guests: from a protected network": "ip saddr & 255.255.255.0 != 10.0.2.0",
        "to guests: redirect": "ip protocol != icmp",
    },
}
# Where the rule is that comes before the drops of a chain.
FROM, TO = "ordinary_from_guests_1", "ordinary_to_guests"
FIRST = {"from_guests_1": FROM, "ip4_1": FROM, "to_guests": TO, "to_guests_ip4": TO}


def table(*bridges, **given):
    return bridge_table(a.sound(*bridges, **given), Surroundings())


def rules(chain: str, *bridges, **given) -> list:
    return list(next(one for one in table(*bridges, **given).chains if one.name == chain).rules)


def passes(chain: str, *bridges, **given) -> list[str]:
    return [rule.match for rule in rules(chain, *bridges, **given) if rule.verdict == "accept"]


@pytest.mark.parametrize("chain", EXCLUDED)
def test_each_drop_is_excluded_by_a_condition(chain):
    hosts = {"infrastructure_macs": [a.STORAGE, ALIKE]}
    drops = [rule.comment for rule in rules(chain, **hosts) if rule.verdict == DROP]
    assert drops == list(EXCLUDED[chain]), "a drop that is new here needs a condition there"
    ordinary = passes(FIRST[chain], **hosts)
    assert ordinary
    for why in EXCLUDED[chain].values():
        assert why == ASKED or all(why in f"{match} " for match in ordinary), why


@pytest.mark.parametrize("chain, asked", [(FROM, "from_guests_1"), (TO, "to_guests")])
def test_frames_of_other_types_and_of_hosts_that_look_like_guests_are_asked_first(chain, asked):
    *first, passed, _gateway, last = rules(chain, infrastructure_macs=[a.STORAGE, ALIKE])
    assert [rule.match for rule in first] == ["ether type != ip", f"ether saddr {ALIKE}", f"ether daddr {ALIKE}"]
    assert {rule.verdict for rule in (*first, last)} == {f"goto {asked}"} and last.match == ""
    assert passed.verdict == "accept"
    many = [f"02:00:00:00:00:{number:02x}" for number in range(5)]
    assert rules(chain, infrastructure_macs=many)[2].match == "ether daddr @claimed_macs"
    assert rules(chain)[1].verdict == "accept", "where there are none, nobody is asked for them"


@pytest.mark.parametrize("chain, field", [(FROM, "daddr"), (TO, "saddr")])
def test_the_other_is_a_guest_or_a_gateway(chain, field):
    guests, gateway = passes(chain)
    assert f"ether {field} & ff:ff:00:00:00:00 == 02:00:00:00:00:00" in guests
    assert f"ether {field} {a.ROUTER} " in gateway
    assert len(passes(chain, a.bridge(gateway_macs=[]))) == 1


def test_what_is_few_is_compared_and_what_is_more_is_looked_up():
    (text, *_more) = passes(FROM, a.bridge(**TWO))
    assert "ip saddr != @gateways4_1 ip saddr @networks4_1 ip daddr & 255.255.255.0 != 10.0.2.0 " in text
    for networks in ([f"10.1.{number}.0/24" for number in range(5)], ["10.1.0.1/32"]):
        for chain, field in ((FROM, "daddr"), (TO, "saddr")):
            assert f"ip {field} != @protected4 " in passes(chain, protected_networks=networks)[0]


@pytest.mark.parametrize("protected", [["10.0.2.0/24"], ["10.0.2.9/32"], ["10.0.2.0/24", "10.0.4.0/23"]])
def test_nothing_that_nft_would_make_one_lies_side_by_side(protected):
    """nft 1.0.6 makes `saddr != a daddr != b` one comparison of both, which a frame with a alone passes."""
    given = {"infrastructure_macs": [a.STORAGE, ALIKE], "protected_networks": protected}
    for made in (table(**given), ip_table(a.sound(**given))):
        for rule in (rule for chain in made.chains for rule in chain.rules):
            plain = re.findall(r"(\w+ [sd]addr) != [0-9a-f]", rule.match)
            assert len(set(plain)) <= 1, rule.match
            if "ether type" in rule.match:
                assert not re.search("ether [sd]addr [0-9a-f]", rule.match), "a tag could hide"


def test_where_guests_have_no_ipv4_all_is_asked_drop_by_drop():
    only6 = a.bridge(guest_networks=["2001:db8:3::/64"], gateways=["2001:db8:3::1"])
    assert passes(FROM, only6) == []
