# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import network_samples as a
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import (
    OWN,
    Described,
    document_of,
    take_over,
    to_yaml,
    without_secrets,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links

HOST = a.host(a.card("eno0", "10.0.0.1/16"), a.card("eno1"), a.card("eno2"))


def text_of(*declared, live=HOST, left=frozenset()):
    return to_yaml(document_of(declared_links(a.params(*declared)), live, "networkd", left))


def definition(section, name, *declared, live=HOST):
    return yaml.safe_load(text_of(*declared, live=live))["network"][section][name]


def test_the_host_of_the_guide():
    declared = [
        a.ethernet(
            "eno0", addresses=["10.0.0.1/16"], gateways=["10.0.0.254"], name_servers=["8.8.8.8", "114.114.114.114"]
        ),
        a.bridge("br0", "eno1"),
    ]
    assert (
        text_of(*declared)
        == """\
network:
  version: 2
  ethernets:
    eno0:
      renderer: networkd
      dhcp4: false
      dhcp6: false
      addresses: [10.0.0.1/16]
      routes:
        - {to: default, via: 10.0.0.254}
      nameservers:
        addresses: [8.8.8.8, 114.114.114.114]
    eno1:
      renderer: networkd
      dhcp4: false
      dhcp6: false
      optional: true
  bridges:
    br0:
      renderer: networkd
      interfaces: [eno1]
      dhcp4: false
      dhcp6: false
      optional: true
      link-local: []
      accept-ra: false
      parameters:
        stp: false
        forward-delay: 0
"""
    )


def test_the_order_of_the_declaration_changes_nothing():
    declared = [a.bridge("b", "eno1"), a.bridge("a", "eno2"), a.ethernet("eno0")]
    assert text_of(*declared) == text_of(*reversed(declared))


@pytest.mark.parametrize(
    ("declared", "mac"),
    [
        # systemd invents MAC addresses of bridges and bonds; switches and DHCP servers know the card's
        ([a.bridge("b", "eno0", addresses=["10.0.0.1/16"])], a.CARD_MAC + "0"),
        ([a.bridge("b", "eno0", dhcp4=True)], a.CARD_MAC + "0"),
        ([a.bridge("b", "v", dhcp4=True), a.vlan("v", 7, "bond0"), a.bond("bond0", "eno1", "eno0")], a.CARD_MAC + "1"),
        ([a.bridge("b", "lan", dhcp4=True), a.ethernet("lan", mac="52:54:00:aa:bb:cc")], "52:54:00:aa:bb:cc"),
        # nobody outside knows a bridge of guests by its MAC address
        ([a.bridge("b", "eno0")], None),
        ([a.bridge("b", addresses=["10.0.0.1/16"])], None),
    ],
)
def test_a_bridge_has_the_mac_address_of_the_card_below(declared, mac):
    assert definition("bridges", "b", *declared).get("macaddress") == mac


def test_a_lease_is_asked_for_by_the_mac_address_where_the_host_moves_to_a_bridge():
    assert definition("bridges", "b", a.bridge("b", "eno0", dhcp4=True))["dhcp-identifier"] == "mac"
    assert "dhcp-identifier" not in definition("ethernets", "eno0", a.ethernet("eno0", dhcp4=True))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, []),  # guests must not meet the host
        ({"ipv6": True}, None),
        ({"addresses": ["10.0.0.1/16"]}, None),
        ({"addresses": ["10.0.0.1/16"], "ipv6": False}, []),
    ],
)
def test_ipv6_is_off_on_bridges_of_guests(entry, expected):
    found = definition("bridges", "b", a.bridge("b", **entry))
    assert found.get("link-local") == expected
    assert found.get("accept-ra") == (False if expected == [] else None)


@pytest.mark.parametrize(
    ("declared", "silent"),
    [
        (a.bridge("br0", "eno1"), {"ipv4.method": "disabled", "ipv6.method": "disabled"}),
        (a.bridge("br0", "eno1", ipv6=True), {"ipv4.method": "disabled"}),
        (a.bridge("br0", "eno1", addresses=["10.0.0.1/16"]), {}),
        (a.bridge("br0", "eno1", dhcp4=True, ipv6=False), {"ipv6.method": "disabled"}),
        (a.bridge("br0", "eno1", addresses=["fd00::1/64"]), {"ipv4.method": "disabled"}),
    ],
)
def test_networkmanager_is_told_where_to_be_silent(declared, silent):
    """By netplan alone it would take an address of 169.254.0.0/16, and leave IPv6 to the kernel."""
    found = document_of(declared_links(a.params(declared)), HOST, "NetworkManager", frozenset())["network"]
    assert found["bridges"]["br0"].get("networkmanager", {}).get("passthrough", {}) == silent
    assert "networkmanager" not in found["ethernets"]["eno1"]  # a port has no addresses anyway
    assert found["bridges"]["br0"]["renderer"] == "NetworkManager"


@pytest.mark.parametrize(
    ("declared", "optional"),
    [
        (a.bridge("b"), True),  # systemd-networkd-wait-online waits two minutes for an address that never comes
        (a.bridge("b", dhcp4=True), None),
        (a.bridge("b", dhcp4=True, optional=True), True),
    ],
)
def test_a_boot_does_not_wait_for_links_without_addresses(declared, optional):
    assert definition("bridges", "b", declared).get("optional") == optional


def test_what_netplan_knows_beyond_the_options_is_merged_into_the_definition():
    found = definition("bridges", "b", a.bridge("b", extra={"parameters": {"priority": 5}, "critical": True}))
    assert found["parameters"] == {"stp": False, "forward-delay": 0, "priority": 5}
    assert found["critical"] is True


def test_a_card_known_by_its_mac_address_gets_its_name():
    found = definition("ethernets", "lan", a.ethernet("lan", mac="52:54:00:AA:BB:CC"))
    assert (found["match"], found["set-name"]) == ({"macaddress": "52:54:00:aa:bb:cc"}, "lan")


def test_netplan_is_told_of_the_link_below_a_vlan_unless_another_file_does():
    assert '"eno0"' not in text_of(a.vlan("v", 7, "eno0"))
    assert definition("ethernets", "eno0", a.vlan("v", 7, "eno0")) == {"renderer": "networkd"}
    assert "ethernets" not in text_of(a.vlan("v", 7, "eno0"), left=frozenset({"eno0"}))


SECRETS = [
    ("auth: {key-management: psk, password: two words of it}", "two words of it"),
    ('password: "with \\"quotes\\" of it"', "quotes"),
    ("password: >\n  folded\n  over lines", "folded"),
    ("{client-key-password: hush}", "hush"),
    ("keys: {private: hush, shared: [hush]}", "hush"),
    ("{key: 5123}", "5123"),
    ("{pin: 5123}", "5123"),
    ("{psk: hush}", "hush"),
    ("networkmanager: {passthrough: {wifi-security.psk: hush}}", "hush"),
    ("networkmanager: {passthrough: {vpn-secrets.secret: hush}}", "hush"),
    ("networkmanager: {passthrough: {vpn.data: password=hush, address=10.0.0.1}}", "hush"),
    ("{password-raw: hush}", "hush"),
    ("Password: hush", "hush"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_no_secret_of_a_file_that_is_taken_over_is_shown(text, secret):
    document = {"network": {"wifis": {"w0": yaml.safe_load(text)}}}
    assert secret in to_yaml(document)
    assert secret not in to_yaml(without_secrets(document)) and "(hidden)" in to_yaml(without_secrets(document))


def test_what_is_no_secret_is_shown():
    document = {"addresses": ["10.0.0.1/16"], "dhcp4": True, "set-name": "lan", "routes": [{"to": "default"}]}
    assert without_secrets(document) == document


# A key of YAML has 1024 characters at most, and each may be written with ten.
keys = st.text(min_size=1, max_size=99)
values = st.recursive(
    st.text()
    | st.integers()
    | st.booleans()
    | st.none()
    | st.sampled_from(["yes", "on", "12:30:45", "1e3", "0x1", "~"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
def test_what_is_written_is_read_again(document):
    assert yaml.safe_load(to_yaml(document)) == document


def files(**documents):
    found = {}
    for name, network in documents.items():
        file = OWN if name == "own" else f"{name}.yaml"
        found[file] = Described(f"/etc/netplan/{file}", {"network": {"version": 2, **network}})
    return found


def taken(declared, present, live=HOST):
    return take_over(declared_links(a.params(*declared)), live, present)


BRIDGE = [a.bridge("br0", "eno1")]


def test_a_file_about_declared_links_alone_is_taken_over():
    found = taken(BRIDGE, files(cloud={"ethernets": {"eno1": {"dhcp4": True}}}))
    assert found.remains == {"cloud.yaml": None}
    assert found.former["eno1"].options == {"dhcp4": True}


def test_of_a_file_about_other_links_too_these_stay():
    ours, others = {"eno1": {"dhcp4": True}}, {"eno0": {"addresses": ["10.0.0.1/16"]}}
    found = taken(BRIDGE, files(cloud={"renderer": "networkd", "ethernets": {**ours, **others}}))
    assert found.remains == {"cloud.yaml": {"network": {"version": 2, "renderer": "networkd", "ethernets": others}}}
    assert {name: one.options for name, one in found.left.items()} == others


OTHER_SECTIONS = {
    "wifis": {"eno1": {"access-points": {"home": {"password": "x"}}}},
    "nm-devices": {"NM-1": {"match": {}, "networkmanager": {"uuid": "1"}}},
    "tunnels": {"tun0": {"mode": "sit", "local": "10.0.0.1", "remote": "10.0.0.2"}},
    "openvswitch": {"protocols": ["OpenFlow13"]},
    "dummy-devices": {"dm0": {"addresses": ["10.7.0.1/24"]}},
    "vrfs": {"vrf0": {"table": 7, "interfaces": []}},
    "x-unknown": "as it is",
}


@pytest.mark.parametrize("section", OTHER_SECTIONS)
def test_of_a_file_all_that_is_no_link_of_ours_stays_as_it_is(section):
    other = {section: OTHER_SECTIONS[section]}
    found = taken(BRIDGE, files(cloud={**other, "ethernets": {"eno1": {"dhcp4": True}}}))
    assert found.remains == {"cloud.yaml": {"network": {"version": 2, **other}}}
    assert taken(BRIDGE, files(cloud=other)).remains == {}
    assert set(found.former) == {"eno1"}


def test_a_vlan_may_be_on_what_another_section_describes():
    present = files(other={"dummy-devices": {"dm0": {}}})
    assert "dm0" in taken([a.vlan("v", 7, "dm0")], present).left


def test_a_renderer_stays_that_other_files_may_depend_on():
    found = taken(BRIDGE, files(cloud={"renderer": "NetworkManager", "ethernets": {"eno1": {}}}, other={"bonds": {}}))
    assert found.remains == {"cloud.yaml": {"network": {"version": 2, "renderer": "NetworkManager"}}}
    assert taken(BRIDGE, files(cloud={"renderer": "NetworkManager"})).remains == {}


def test_files_about_other_links_alone_are_left_alone():
    found = taken(BRIDGE, files(other={"ethernets": {"eno0": {}}}, desktop={"renderer": "NetworkManager"}))
    assert found.remains == {}
    assert found.findings == []


@pytest.mark.parametrize(
    "match", [{"name": "eno1"}, {"name": "en*1"}, {"macaddress": a.CARD_MAC + "1"}, {"macaddress": "52:54:00:00:00:01"}]
)
def test_a_definition_that_means_a_declared_card_by_its_properties_is_taken_over(match):
    assert taken(BRIDGE, files(cloud={"ethernets": {"all": {"match": match}}})).remains == {"cloud.yaml": None}


def test_a_card_that_gets_another_name_is_described_by_its_present_one():
    declared = [a.ethernet("lan", mac=a.CARD_MAC + "1")]
    assert taken(declared, files(cloud={"ethernets": {"eno1": {"dhcp4": True}}})).remains == {"cloud.yaml": None}


def test_a_definition_of_declared_and_other_cards_together_is_refused():
    found = taken(BRIDGE, files(cloud={"ethernets": {"all": {"match": {"name": "en*"}, "dhcp4": True}}}))
    assert len(found.findings) == 1
    assert "/etc/netplan/cloud.yaml describes eno1 together with eno0, eno2 as 'all'" in found.findings[0]


def test_a_port_that_another_file_gives_to_another_bridge_is_refused():
    found = taken(BRIDGE, files(other={"bridges": {"br9": {"interfaces": ["eno1"]}}}))
    assert found.findings == [
        "/etc/netplan/other.yaml makes eno1 a port of br9, and eno1 is declared; declare br9 too, or take eno1 out of "
        "that file."
    ]


def test_what_our_own_file_said_is_remembered():
    found = taken(BRIDGE, files(own={"bridges": {"gone": {"interfaces": ["eno2"]}}}))
    assert found.remains == {}
    assert found.former["gone"].texts("interfaces") == ["eno2"]


@pytest.mark.parametrize("document", [None, [], "text", {"network": None}, {"network": {"ethernets": None}}])
def test_files_that_describe_nothing_are_left_alone(document):
    assert taken(BRIDGE, {"empty.yaml": Described("/etc/netplan/empty.yaml", document)}).remains == {}
