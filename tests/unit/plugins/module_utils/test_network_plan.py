# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import OWN, Definition
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings, differences
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_refusals import refusals, warnings
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink

TWO_CARDS = a.host(a.card("eth0", "10.0.0.1/16"), a.card("eth1"), routes=[("default", "10.0.0.254", "eth0")])
BOND = LiveLink("bond0", "bond", mac="02:0", mtu=1500, up=True, carrier=True, mode="active-backup")
VLAN = LiveLink("v", "vlan", mac="02:1", mtu=1500, up=True, carrier=True, parent="eth0", vlan_id=7)
GUEST = LiveLink("vnet3", "tun", master="br0", up=True)


def former(**definitions):
    """What netplan was told before: by name the options of a link, all in our own file."""
    return Surroundings({name: Definition(OWN, "bridges", options) for name, options in definitions.items()})


NEW = former()


def compared(declared, live=TWO_CARDS, around=NEW):
    return differences(declared_links(a.params(*declared)), live, around)


STEPS = {
    "a bridge on a second card": (
        [a.bridge("br0", "eth1")],
        TWO_CARDS,
        former(),
        ["create bridge br0", "enslave eth1 to br0"],
    ),
    "the control address goes onto a bridge": (
        [a.bridge("br0", "eth0", addresses=["10.0.0.1/16"], gateways=["10.0.0.254"])],
        TWO_CARDS,
        former(eth0={"addresses": ["10.0.0.1/16"], "gateway4": "10.0.0.254"}),
        [
            "create bridge br0",
            "enslave eth0 to br0",
            "move 10.0.0.1/16 from eth0 to br0",
            "move default route via 10.0.0.254 from eth0 to br0",
        ],
    ),
    "a bridge on a VLAN on a bond": (
        [a.bond("bond0", "eth1"), a.vlan("v", 7, "bond0"), a.bridge("br0", "v")],
        TWO_CARDS,
        former(),
        [
            "create bond bond0 (mode active-backup)",
            "create VLAN v (id 7 on bond0)",
            "create bridge br0",
            "enslave eth1 to bond0",
            "enslave v to br0",
        ],
    ),
    "a card that is down": (
        [a.ethernet("eth1", addresses=["10.1.0.1/24"])],
        a.host(a.card("eth1", up=False)),
        former(),
        ["add 10.1.0.1/24 to eth1", "bring eth1 up"],
    ),
    "a card that is not there yet, known by its name of before": (
        [a.ethernet("lan", mac="52:54:00:00:00:01")],
        TWO_CARDS,
        former(),
        ["rename eth1 to lan"],
    ),
    "a card gets another name and keeps its address": (
        [a.ethernet("lan", mac="52:54:00:00:00:00", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.1/16", "10.0.0.2/16")),
        former(eth0={"addresses": ["10.0.0.1/16"]}, lan={"addresses": ["10.0.0.2/16"]}),
        ["rename eth0 to lan", "remove 10.0.0.2/16 from lan"],
    ),
    "DHCP in place of a fixed address": (
        [a.ethernet("eth0", dhcp4=True)],
        TWO_CARDS,
        former(eth0={"addresses": ["10.0.0.1/16"]}),
        ["remove 10.0.0.1/16 from eth0", "ask for an IPv4 address by DHCP on eth0"],
    ),
    "an address that netplan was not told of stays": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.1/16", "10.0.0.99/32")),
        former(eth0={"addresses": ["10.0.0.1/16"]}),
        [],
    ),
    "an address with options, as netplan also takes it, is told as one": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.1/16", "10.0.0.2/16")),
        former(eth0={"addresses": [{"10.0.0.2/16": {"label": "x"}}]}),
        ["remove 10.0.0.2/16 from eth0"],
    ),
    "a port of a bridge loses every address": (
        [a.bridge("br0", "eth0")],
        a.host(a.live_bridge("br0"), replace(a.card("eth0", "10.3.0.1/16"), master="br0")),
        former(),
        ["remove 10.3.0.1/16 from eth0"],
    ),
    "a bridge gets another uplink": (
        [a.bridge("br0", "eth1")],
        a.host(a.live_bridge("br0"), replace(a.card("eth0"), master="br0"), a.card("eth1")),
        former(br0={"interfaces": ["eth0"]}),
        ["enslave eth1 to br0", "release eth0 from br0"],
    ),
    "guests in a bridge are no uplinks": (
        [a.bridge("br0", "eth1")],
        a.host(a.live_bridge("br0"), replace(a.card("eth1"), master="br0"), GUEST),
        former(br0={"interfaces": ["eth1"]}),
        [],
    ),
    "a bridge of ours that is declared no more": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"], gateways=["10.0.0.254"])],
        a.host(*TWO_CARDS.links.values(), a.live_bridge("br0"), routes=[("default", "10.0.0.254", "eth0")]),
        former(br0={}),
        ["remove bridge br0"],
    ),
    "a bridge of somebody else stays": (
        [a.bridge("br1")],
        a.host(a.live_bridge("br1"), a.live_bridge("br0")),
        former(),
        [],
    ),
    "a route that nobody wants any more": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.1/16"), routes=[("10.9.0.0/16", "10.0.0.9", "eth0")]),
        former(eth0={"routes": [{"to": "10.9.0.0/16", "via": "10.0.0.9"}]}),
        ["remove the route to 10.9.0.0/16 via 10.0.0.9 from eth0"],
    ),
    "routes in another spelling that nobody wants any more": (
        [a.ethernet("eth0", addresses=["2001:db8::1/64"])],
        a.host(
            a.card("eth0", "2001:db8::1/64"),
            routes=[("2001:db8:9::/48", "2001:db8::9", "eth0"), ("default", "2001:db8::ff", "eth0")],
        ),
        former(eth0={"routes": [{"to": "2001:DB8:9::/48", "via": "2001:DB8::9"}], "gateway6": "2001:DB8:0::ff"}),
        [
            "remove the route to 2001:db8:9::/48 via 2001:db8::9 from eth0",
            "remove the default route via 2001:db8::ff from eth0",
        ],
    ),
    "a route of somebody else stays": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.1/16"), routes=[("10.9.0.0/16", "10.0.0.9", "eth0")]),
        former(),
        [],
    ),
    "a new route": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"], routes=[{"to": "10.9.0.0/16", "via": "10.0.0.9"}])],
        a.host(a.card("eth0", "10.0.0.1/16")),
        former(),
        ["add route to 10.9.0.0/16 via 10.0.0.9 on eth0"],
    ),
    "another MTU": (
        [a.ethernet("eth1", mtu=9000)],
        TWO_CARDS,
        former(),
        ["set the MTU of eth1 to 9000 (now 1500)"],
    ),
    "a bridge that was made by hand delays its ports": (
        [a.bridge("br0")],
        a.host(a.live_bridge("br0", stp=True, forward_delay=15)),
        former(),
        ["set bridge br0 to STP off, forward delay 0 s (now STP on, forward delay 15 s)"],
    ),
    "another delay where STP is on": (
        [a.bridge("br0", stp=True, forward_delay=4)],
        a.host(a.live_bridge("br0", stp=True, forward_delay=15)),
        former(),
        ["set bridge br0 to STP on, forward delay 4 s (now STP on, forward delay 15 s)"],
    ),
    "a delay that counts for nothing without STP": (
        [a.bridge("br0")],
        a.host(a.live_bridge("br0", forward_delay=15)),
        former(),
        [],
    ),
    "another VLAN": (
        [a.vlan("v", 8, "eth0")],
        a.host(a.card("eth0"), VLAN),
        former(),
        ["make VLAN v (id 8 on eth0) anew (now id 7 on eth0)"],
    ),
    "another mode of a bond": (
        [a.bond("bond0", "eth0", mode="802.3ad")],
        a.host(replace(a.card("eth0"), master="bond0"), BOND),
        former(),
        ["make bond bond0 (mode 802.3ad) anew (now mode active-backup)"],
    ),
    "IPv6 in another spelling": (
        [a.ethernet("eth0", addresses=["2001:DB8:0::1/64"], gateways=["2001:DB8::FF"])],
        a.host(a.card("eth0", "2001:db8::1/64"), routes=[("default", "2001:db8::ff", "eth0")]),
        former(eth0={"gateway6": "2001:db8:0::ff"}),
        [],
    ),
}


@pytest.mark.parametrize(("declared", "live", "around", "steps"), STEPS.values(), ids=STEPS.keys())
def test_what_becomes_of_the_links(declared, live, around, steps):
    assert [one.step for one in compared(declared, live, around) if one.step] == steps


def test_only_what_is_made_anew_has_networkd_forget():
    remade = {name for name, (*given, _steps) in STEPS.items() if any(one.anew for one in compared(*given))}
    assert remade == {"another VLAN", "another mode of a bond"}


def test_every_step_has_its_lack_and_the_other_way_round():
    for declared, live, around, _steps in STEPS.values():
        assert all(one.lack for one in compared(declared, live, around))


DELETE_V, DELETE_BOND = (("link", "delete", "dev", name) for name in ("v", "bond0"))
UNDONE = {
    "what is made": ([a.bridge("br0", "eth1")], TWO_CARDS, [("link", "delete", "dev", "br0")]),
    "a card that gets another name": (
        [a.ethernet("lan", mac="52:54:00:00:00:01")],
        TWO_CARDS,
        [
            ("link", "set", "dev", "lan", "down"),
            ("link", "set", "dev", "lan", "name", "eth1"),
            ("link", "set", "dev", "eth1", "up"),
        ],
    ),
    "another VLAN": (
        [a.vlan("v", 8, "eth0")],
        a.host(a.card("eth0"), VLAN),
        [DELETE_V, ("link", "add", "link", "eth0", "name", "v", "type", "vlan", "id", "7")],
    ),
    "another mode of a bond": (
        [a.bond("bond0", "eth0", mode="802.3ad")],
        a.host(replace(a.card("eth0"), master="bond0"), BOND),
        [DELETE_BOND, ("link", "add", "name", "bond0", "type", "bond", "mode", "active-backup")],
    ),
    "what netplan takes back by itself": ([a.ethernet("eth0", addresses=["10.0.0.2/16"])], TWO_CARDS, []),
}


@pytest.mark.parametrize(("declared", "live", "commands"), UNDONE.values(), ids=UNDONE.keys())
def test_what_is_done_to_the_links_before_netplan_takes_all_back(declared, live, commands):
    """The former files alone do not bring it back: the kernel keeps the id of a VLAN, netplan the name of a card."""
    assert [command for one in compared(declared, live) for command in one.undo] == commands


def test_a_lease_is_what_dhcp_is_asked_for():
    leased = replace(a.card("eth0"), addresses={"10.0.0.7/16": True})
    assert compared([a.ethernet("eth0", dhcp4=True)], a.host(leased)) == []
    assert [one.lack for one in compared([a.ethernet("eth0", dhcp4=True)], a.host(a.card("eth0", "10.0.0.7/16")))] == [
        "no IPv4 address came by DHCP to eth0"
    ]
    given_up = compared([a.bridge("br0", "eth0", dhcp4=True)], a.host(leased))
    assert "give up the lease 10.0.0.7/16 on eth0" in [one.step for one in given_up]


def test_a_fixed_address_that_may_come_back_as_a_lease_is_not_deleted_by_hand():
    """A server that knows the host gives it the address that it had; deleting that would cut the host off."""
    around = former(eth0={"addresses": ["10.0.0.1/16"]})
    (dropped,) = [one for one in compared([a.ethernet("eth0", dhcp4=True)], around=around) if "still on" in one.lack]
    assert dropped.after == ()


def test_an_optional_link_need_not_get_its_lease():
    assert compared([a.ethernet("eth0", dhcp4=True, optional=True)], a.host(a.card("eth0"))) == []


def test_an_address_that_stays_where_it_was_is_a_lack():
    """networkd may be slow, or the card may be kept by something else: that is no success."""
    live = a.host(a.live_bridge("br0", "10.0.0.1/16"), replace(a.card("eth0", "10.0.0.1/16"), master="br0"))
    found = compared([a.bridge("br0", "eth0", addresses=["10.0.0.1/16"])], live)
    assert [(one.step, one.lack) for one in found] == [("", "10.0.0.1/16 is still on eth0")]
    assert found[0].after == ("address", "delete", "10.0.0.1/16", "dev", "eth0")


def test_a_lack_tells_of_a_missing_carrier():
    live = a.host(a.card("eth1", carrier=False))
    found = compared([a.ethernet("eth1", addresses=["10.1.0.1/24"])], live)
    assert "10.1.0.1/24 is not on eth1, which has no carrier" in found[0].lack


REFUSED = {
    "a card that is not there": (
        [a.bridge("br0", "eno9")],
        TWO_CARDS,
        "eno9 does not exist on this host; it has eth0, eth1",
    ),
    "a card with another MAC address": (
        [a.ethernet("lan", mac="52:54:00:aa:aa:aa")],
        TWO_CARDS,
        "lan (MAC address 52:54:00:aa:aa:aa) does not exist",
    ),
    "a VLAN on nothing": ([a.vlan("v", 7, "eno9")], TWO_CARDS, "VLAN v is on eno9, which does not exist on this host"),
    "a bridge where there is a bond": ([a.bridge("bond0")], a.host(BOND), "bond0 is a link of kind bond here"),
    "an ethernet that is a bridge": (
        [a.ethernet("br0")],
        a.host(a.live_bridge("br0")),
        "br0 is declared as an ethernet and is a bridge here; declare it among bridges",
    ),
    "an uplink in a bridge of somebody else": (
        [a.bridge("br0", "eth1")],
        a.host(replace(a.card("eth1"), master="virbr7"), a.live_bridge("virbr7")),
        "eth1 is in virbr7 here, which is not declared",
    ),
    "the uplink of the host without its gateway": (
        [a.bridge("br0", "eth0", addresses=["10.0.0.1/16"])],
        TWO_CARDS,
        "The IPv4 default route goes via 10.0.0.254 on eth0, which is declared without it",
    ),
    "an address that a card keeps which is not declared": (
        [a.bridge("br0", "eth1", addresses=["10.0.0.1/24"])],
        TWO_CARDS,
        "10.0.0.1 is declared for br0 and is on eth0, which is not declared and would keep it; declare eth0 too",
    ),
    "names that would be exchanged": (
        [a.ethernet("eth0", mac="52:54:00:00:00:01")],
        a.host(a.card("eth0"), a.card("eth1")),
        "eth0 is declared for the card 52:54:00:00:00:01, which is eth1 here, and eth0 is another link",
    ),
    "a bridge with frames larger than its live port's": (
        [a.bridge("br0", "eth1", mtu=9000)],
        TWO_CARDS,
        "bridge br0 has the MTU 9000 and eth1, which it is made of, 1500",
    ),
}


def refused(declared, live, around=NEW):
    return refusals(declared_links(a.params(*declared)), live, around)


@pytest.mark.parametrize(("declared", "live", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_on_this_host(declared, live, sentence):
    found = refused(declared, live)
    assert len(found) == 1, found
    assert sentence in found[0]


@pytest.mark.parametrize(
    ("declared", "live", "around"),
    [
        ([a.bridge("br0", "eth0", addresses=["10.0.0.1/16"], gateways=["10.0.0.254"])], TWO_CARDS, former()),
        ([a.bridge("br0", "eth0", dhcp4=True)], TWO_CARDS, former()),
        (
            [a.bridge("br0", "eth0", addresses=["10.0.0.1/16"], routes=[{"to": "0.0.0.0/0", "via": "10.0.0.254"}])],
            TWO_CARDS,
            former(),
        ),
        ([a.bridge("br0", "eth1")], TWO_CARDS, former()),  # the card of the default route is not touched
        ([a.bridge("br0", "eth1", mtu=9000), a.ethernet("eth1", mtu=9000)], TWO_CARDS, former()),
        (  # the address stays on the card, which only gets another name
            [a.ethernet("lan", mac="52:54:00:00:00:00", addresses=["10.0.0.1/16"], gateways=["10.0.0.254"])],
            TWO_CARDS,
            former(),
        ),
        (  # the bridge that has the address goes, being ours and declared no more
            [a.bridge("br1", "eth1", addresses=["10.1.0.1/24"])],
            a.host(a.live_bridge("br0", "10.1.0.1/24"), a.card("eth1")),
            former(br0={}),
        ),
        (
            [a.bridge("br1", "eth1")],  # a port may leave a bridge that was ours
            a.host(replace(a.card("eth1"), master="br0"), a.live_bridge("br0")),
            former(br0={"interfaces": ["eth1"]}),
        ),
    ],
)
def test_what_is_not_refused(declared, live, around):
    assert refused(declared, live, around) == []


def test_a_bridge_with_guests_is_not_removed():
    live = a.host(a.live_bridge("br0"), GUEST, a.card("eth1"))
    assert refused([a.bridge("br1", "eth1")], live, former(br0={})) == [
        "br0 is declared no more and has guests on it (vnet3); move or stop them first, or go on declaring br0."
    ]
    assert refused([a.bridge("br1", "eth1")], a.host(a.live_bridge("br0"), a.card("eth1")), former(br0={})) == []


# A bond with what OpenNebula made on it for a network with a VLAN.
ONEBR = [
    LiveLink("bond0.50", "vlan", parent="bond0", vlan_id=50, master="onebr.50", up=True),
    a.live_bridge("onebr.50"),
]
ONE_GUEST = LiveLink("one-7-0", "tun", master="onebr.50", up=True)
BONDED = [replace(a.card("eth0"), master="bond0"), BOND]
OTHER_MODE = [a.bond("bond0", "eth0", mode="802.3ad")]


@pytest.mark.parametrize(
    ("more", "sentences"),
    [
        ([], []),
        (ONEBR, ["bond0 has to be made anew, and bond0.50, onebr.50, not declared, would go with it or lose it"]),
        (
            [*ONEBR, ONE_GUEST],
            [
                "bond0 has to be made anew and has guests on it (one-7-0); move or stop them first, or leave bond0",
                "bond0.50, onebr.50, not declared",
            ],
        ),
        (
            [LiveLink("macvtap3", "macvtap", parent="bond0")],
            ["bond0 has to be made anew and has guests on it (macvtap3)"],
        ),
    ],
)
def test_nothing_goes_with_a_link_that_is_made_anew(more, sentences):
    found = refused(OTHER_MODE, a.host(*BONDED, *more))
    assert len(found) == len(sentences)
    for sentence, one in zip(sentences, found):
        assert sentence in one


def test_declared_links_above_one_that_is_made_anew_are_made_again():
    live = a.host(
        replace(BOND, master="br0"), a.live_bridge("br0"), LiveLink("v", "vlan", parent="br0", vlan_id=3), *BONDED[:1]
    )
    declared = [*OTHER_MODE, a.bridge("br0", "bond0"), a.vlan("v", 3, "br0")]
    assert refused(declared, live) == []
    assert "vnet3" in refused(declared, a.host(*live.links.values(), GUEST))[0]


def test_a_guest_on_a_vlan_of_a_bridge_that_is_removed():
    live = a.host(a.live_bridge("br0"), LiveLink("br0.5", "vlan", parent="br0"), a.card("eth1"))
    assert (
        "br0 is declared no more, and br0.5, not declared, would go"
        in refused([a.bridge("br1", "eth1")], live, former(br0={}))[0]
    )


VLAN_ON_ETH0 = [a.vlan("v", 7, "eth0")]


def told(left=(), **definitions):
    return former(**definitions)._replace(left={name: Definition("50.yaml", "ethernets", {}) for name in left})


@pytest.mark.parametrize(
    ("card", "around", "refusal"),
    [
        (a.card("eth0", "10.0.0.1/16"), told(), "has 10.0.0.1/16 here, and would lose it; declare eth0 too, with its"),
        (replace(a.card("eth0"), master="bond0"), told(), "has its place in bond0 here, and would lose it"),
        (a.card("eth0"), told(), None),
        (a.card("eth0", "10.0.0.1/16"), told(left=["eth0"]), None),
        (a.card("eth0", "10.0.0.1/16"), NEW, None),  # preflight does not know the files
        # put there since netplan was told of the card for the first time
        (a.card("eth0", "10.0.0.99/32"), told(eth0={"renderer": "networkd"}), None),
        (a.card("eth0", "10.0.0.1/16"), told(eth0={"addresses": ["10.0.0.1/16"]}), "declare eth0 too"),
    ],
)
def test_what_a_vlan_is_on_does_not_lose_its_addresses(card, around, refusal):
    found = refused(VLAN_ON_ETH0, a.host(card), around)
    assert [refusal in one for one in found] == [True] if refusal else found == []
    declared = [*VLAN_ON_ETH0, a.ethernet("eth0", addresses=["10.0.0.1/16"])]
    assert card.master or refused(declared, a.host(card), around) == []


@pytest.mark.parametrize(
    ("declared", "around", "refusal"),
    [
        ([a.vlan("mine", 7, "eth0")], NEW, "VLAN mine has the id 7 on eth0, as v has here, which is not declared"),
        ([a.vlan("mine", 8, "eth0")], NEW, None),
        ([a.vlan("mine", 7, "eth1")], NEW, None),
        ([a.vlan("mine", 7, "eth0")], former(v={}), None),  # ours, and removed first
        ([a.vlan("v", 7, "eth0")], NEW, None),
        (
            [a.vlan("mine", 7, "lan"), a.ethernet("lan", mac=a.CARD_MAC + "0")],
            NEW,
            "VLAN mine has the id 7 on lan, as v",
        ),
    ],
)
def test_a_device_has_a_vlan_id_once(declared, around, refusal):
    found = refused(declared, a.host(a.card("eth0"), a.card("eth1"), VLAN), around)
    assert [refusal in one for one in found] == [True] if refusal else found == []


def warned(declared, control="10.0.0.1"):
    return warnings(declared_links(a.params(*declared)), TWO_CARDS, Surroundings({}, control=control))


def test_who_drops_the_address_of_the_connection_is_warned():
    assert "10.0.0.1 on eth0, by which this connection reached the host" in warned([a.bridge("br0", "eth0")])[0]
    assert warned([a.bridge("br0", "eth0", addresses=["10.0.0.1/16"])]) == []
    assert warned([a.bridge("br0", "eth0", dhcp4=True)]) == []
    assert warned([a.bridge("br0", "eth1")]) == []
    assert warned([a.bridge("br0", "eth0")], control=None) == []


def test_who_joins_the_network_of_a_card_that_is_not_declared_is_warned():
    assert warned([a.bridge("br0", "eth1", addresses=["10.0.0.9/16"])]) == [
        "br0 and eth0, which is not declared, are both in 10.0.0.0/16: answers may leave by the wrong one."
    ]
    assert warned([a.bridge("br0", "eth1", addresses=["10.1.0.9/16"])]) == []
