# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import OWN, Definition
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_kept import Held, held, kept, lost, saved_state
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings, differences
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink

BRIDGE = [a.bridge("br0", "eth1")]
FLOATING = "10.0.0.99/32"


def around(control=None, former=(), left=()):
    """By link, the addresses that files gave it before, and those that files which stay give it."""
    told = (
        {name: Definition(file, "bridges", {"addresses": found}) for name, found in dict(files).items()}
        for file, files in ((OWN, former), ("50.yaml", left))
    )
    former, left = told
    return Surroundings(former, control, left)


def leased(name, address):
    return replace(a.card(name), addresses={address: True})


KEPT = {
    "a floating address on an undeclared card": (
        BRIDGE,
        a.host(a.card("eth0", "10.0.0.1/16", FLOATING), a.card("eth1")),
        around(left={"eth0": ["10.0.0.1/16"]}),
        [("eth0", "10.0.0.1/16", True), ("eth0", FLOATING, False)],
    ),
    "a floating address on a declared card": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.1/16", FLOATING)),
        around(former={"eth0": ["10.0.0.1/16"]}),
        [("eth0", FLOATING, False)],
    ),
    "one on a card that gets another name": (
        [a.ethernet("lan", mac=a.CARD_MAC + "0")],
        a.host(a.card("eth0", FLOATING)),
        around(),
        [("lan", FLOATING, False)],
    ),
    "one on a link that is removed": (BRIDGE, a.host(a.live_bridge("br7", FLOATING)), around(former={"br7": []}), []),
    "one on a bond that is made anew": (
        [a.bond("bond0", "eth1", mode="802.3ad")],
        a.host(LiveLink("bond0", "bond", mode="active-backup", addresses={FLOATING: False})),
        around(),
        [("bond0", FLOATING, False)],
    ),
    "what is declared on another link": (
        [a.bridge("br0", "eth1", addresses=["10.0.0.99/16"])],
        a.host(a.card("eth1", FLOATING)),
        around(),
        [],
    ),
    "what the plan gives up": (
        [a.ethernet("eth0", addresses=["10.0.0.1/16"])],
        a.host(a.card("eth0", "10.0.0.2/16")),
        around(former={"eth0": ["10.0.0.2/16"]}),
        [],
    ),
    "what a port had": (BRIDGE, a.host(a.card("eth1", FLOATING)), around(), []),
    "a lease": (BRIDGE, a.host(leased("eth0", "10.0.0.1/16")), around(), []),
    "guests, and the loopback": (
        BRIDGE,
        a.host(a.card("vnet3", "10.0.0.7/32"), a.card("lo", "10.0.0.8/32")),
        around(),
        [],
    ),
}


@pytest.mark.parametrize(("declared", "live", "told", "expected"), KEPT.values(), ids=KEPT.keys())
def test_what_is_put_back_after_a_change(declared, live, told, expected):
    assert kept(declared_links(a.params(*declared)), live, told) == expected


def test_addresses_of_others_are_no_reason_for_a_change():
    live = a.host(a.card("eth0", "10.0.0.1/16", FLOATING), a.card("eth5", "10.5.0.1/24"))
    links = declared_links(a.params(a.ethernet("eth0", addresses=["10.0.0.1/16"])))
    assert differences(links, live, around(former={"eth0": ["10.0.0.1/16"]})) == []


@pytest.mark.parametrize(
    ("live", "told", "expected"),
    [
        (a.card("eth0", "10.0.0.1/16"), around(left={"eth0": ["10.0.0.1/16"]}), [("eth0", "10.0.0.1/16")]),
        (a.card("eth0", "10.0.0.1/16"), around(control="10.0.0.1"), [("eth0", "10.0.0.1/16")]),
        (a.card("eth0", "10.0.0.1/16"), around(), []),  # of others, who may take it elsewhere
        (leased("eth0", "10.0.0.1/16"), around(), [("eth0", "")]),
        (leased("eth0", "2001:db8::1/64"), around(), []),
        (a.card("eth1", "10.0.0.1/16"), around(control="10.0.0.1"), []),  # declared
        (leased("eth0", "10.0.0.1/16"), around(former={"eth0": []}), []),  # declared until now
        (leased("vnet3", "10.0.0.1/16"), around(), []),
    ],
)
def test_what_an_undeclared_link_must_not_lose(live, told, expected):
    found = held(declared_links(a.params(*BRIDGE)), a.host(live), told)
    assert [(one.device, one.address) for one in found] == expected


@pytest.mark.parametrize(
    ("address", "live", "sentences"),
    [
        ("10.0.0.1/16", a.card("eth0", "10.0.0.1/16"), []),
        ("10.0.0.1/16", a.card("eth0"), ["10.0.0.1/16 is gone from eth0, which is not declared"]),
        ("10.0.0.1/16", a.card("eth1"), ["10.0.0.1/16 is gone from eth0, which is not declared"]),
        ("", leased("eth0", "10.0.0.2/16"), []),  # another lease is one too
        ("", a.card("eth0", "10.0.0.1/16"), ["eth0, which is not declared, has lost its lease"]),
    ],
)
def test_what_an_undeclared_link_has_lost(address, live, sentences):
    assert list(lost([Held("eth0", address)], a.host(live))) == sentences


def test_what_is_saved_are_the_links_that_the_trial_touches_and_the_addresses_of_all_others():
    live = a.host(
        a.card("eth0", "10.0.0.1/16", FLOATING),
        a.card("eth1", "10.1.0.1/16"),
        a.card("vnet3", "10.0.0.7/32"),
        leased("eth2", "10.2.0.1/16"),
        routes=[("default", "10.0.0.254", "eth0"), ("x", "y", "eth1")],
    )
    found = saved_state(live, {"eth0", "br0", "eth2"}, around(former={"eth0": ["10.0.0.1/16"]}))
    assert list(found["links"]) == ["eth0", "eth2"]
    assert found["links"]["eth0"]["addresses"] == ["10.0.0.1/16"]
    assert found["links"]["eth2"]["addresses"] == ["10.2.0.1/16"]
    assert found["foreign"] == [("eth0", FLOATING, False), ("eth1", "10.1.0.1/16", False)]
    assert found["routes"] == [("default", "10.0.0.254", "eth0")]
