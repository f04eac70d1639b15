# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles of NetworkManager: which of them are about declared links, and what they say in the words of netplan."""

from __future__ import annotations

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_profiles import (
    ETC_PROFILES,
    LIB_PROFILES,
    RUN_PROFILES,
    Loaded,
    is_profile,
    parent_findings,
    parse_loaded,
    parse_profile,
    shadow_of,
    take_over_profiles,
)

LIVE = a.host(a.card("eth0", "10.0.0.1/16"), a.card("eth1"), a.card("eth2"))
LINKS = declared_links(a.params(a.bridge("br0", "eth0", addresses=["10.0.0.1/16"])))


def profile(name="wired", place=ETC_PROFILES, active=(), **groups):
    """From its file, by group; groups of the same name as in the file, connection among them."""
    connection = {"id": name, "uuid": f"uuid-of-{name}", "type": "ethernet", **groups.pop("connection", {})}
    text = "# by hand\n"
    for group, keys in {"connection": connection, **groups}.items():
        text += f"[{group}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) + "\n"
    return parse_profile(f"{place}/{name}.nmconnection", text, Loaded(f"uuid-of-{name}", tuple(active)))


def on(device, **more):
    return {"connection": {"interface-name": device, **more}}


def test_what_a_file_says():
    found = profile(
        **on("eth0"),
        ethernet={"mac-address": "52:54:00:AA:BB:CC"},
        ipv4={"method": "manual", "address1": "10.0.0.1/16,10.0.0.254", "route1": "10.9.0.0/16,10.0.0.9,50"},
        ipv6={"method": "manual", "address1": "fd00::1/64", "gateway": "fd00::fe"},
    )
    assert (found.title, found.uuid, found.device, found.mac) == ("wired", "uuid-of-wired", "eth0", "52:54:00:aa:bb:cc")
    assert found.addresses == ("10.0.0.1/16", "fd00::1/64")
    assert found.routes == (("default", "10.0.0.254"), ("10.9.0.0/16", "10.0.0.9"), ("default", "fd00::fe"))
    assert not found.dhcp and found.autoconnect


@pytest.mark.parametrize(
    "text",
    ["no profile", "[ipv4]\nmethod=auto\n", "[connection]\nid=eth0\n[.nmmeta]\nnm-generated=true\nvolatile=true\n"],
    ids=["no text of this kind", "no connection", "made up by NetworkManager, which forgets it"],
)
def test_what_is_no_profile_of_anybody(text):
    assert parse_profile(f"{ETC_PROFILES}/x", text) is None


def test_a_profile_without_uuid_has_the_one_that_networkmanager_gave_it():
    assert parse_profile(f"{ETC_PROFILES}/x", "[connection]\nid=x\n", Loaded("derived", ())).uuid == "derived"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wired.nmconnection", True),
        ("Wired connection 1", True),
        ("wired.nmconnection.123.2026-11-21@10:00:00~", False),
        (".hidden", False),
        ("netplan-eth0.nmconnection", False),
        ("wired.nmconnection.new", False),
    ],
)
def test_what_is_read(name, expected):
    assert is_profile(name) is expected


def test_what_nmcli_says_is_unescaped():
    output = "11-22:eth0:/etc/Network\\:Manager/a.nmconnection\n33-44::/etc/b\\\\c\n"
    assert parse_loaded(output) == {
        "/etc/Network:Manager/a.nmconnection": Loaded("11-22", ("eth0",)),
        "/etc/b\\c": Loaded("33-44", ()),
    }


@pytest.mark.parametrize(
    "found",
    [
        profile(**on("eth0")),
        profile(match={"interface-name": "eth0;"}),
        profile(ethernet={"mac-address": "52:54:00:00:00:00"}),
        profile(active=["eth0"]),
        profile(**on("eth0", autoconnect="false"), active=["eth0"]),
        profile(**on("br0", type="bridge")),
    ],
    ids=["by name", "by pattern", "by MAC address", "for any card, used for this", "used now", "of the bridge"],
)
def test_a_profile_of_a_declared_link_is_taken_over(found):
    takeover = take_over_profiles(LINKS, LIVE, [found])
    assert (takeover.taken, takeover.findings) == ([found], [])


@pytest.mark.parametrize(
    "found",
    [
        profile(**on("eth1")),
        profile(**on("eth0", autoconnect="false")),
        profile(ethernet={"mac-address": "52:54:00:00:00:01"}),
        profile(**on("eth1.5", type="vlan"), vlan={"parent": "eth1"}),
        profile(**on("eth0.5", type="vlan"), vlan={"parent": "eth0"}),
    ],
    ids=["of another card", "for emergencies", "of another MAC address", "VLAN elsewhere", "VLAN on a declared card"],
)
def test_other_profiles_are_left_alone(found):
    assert take_over_profiles(LINKS, LIVE, [found]) == ([], {}, [])


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (profile(match={"interface-name": "eth*"}), "is for eth0 and for eth1, eth2, which is not declared"),
        (profile(), "is for any card, and would be used for one that is declared; give it a card (nmcli connection"),
        (
            profile(place=RUN_PROFILES, **on("eth0")),
            "not among those of /etc/NetworkManager/system-connections",
        ),
        (
            profile(place=LIB_PROFILES, **on("eth0")),
            "not among those of /etc/NetworkManager/system-connections",
        ),
        (profile(**on("eth1", master="br0")), "makes eth1 a port of br0, which is declared here; declare eth1 too"),
        (profile(**on("eth1", controller="br0")), "makes eth1 a port of br0, which is declared here"),
    ],
)
def test_what_cannot_be_taken_over_is_told(found, sentence):
    (finding,) = take_over_profiles(LINKS, LIVE, [found]).findings
    assert sentence in finding


def test_who_refers_to_a_profile_that_goes_is_told():
    owner = profile("owner", **on("eth0"))
    vlan = profile("v", **on("eth0.5", type="vlan"), vlan={"parent": "uuid-of-owner"})
    (finding,) = take_over_profiles(LINKS, LIVE, [owner, vlan]).findings
    assert "makes eth0.5 a VLAN on uuid-of-owner" in finding


def test_profiles_of_a_bridge_and_of_its_ports_are_taken_over_together():
    both = [profile("bridge", **on("br0", type="bridge")), profile("port", **on("eth0", master="bridge"))]
    takeover = take_over_profiles(LINKS, LIVE, both)
    assert (takeover.taken, takeover.findings) == (both, [])


def test_what_is_taken_over_is_what_the_link_was_told_before():
    manual = {"method": "manual", "address1": "10.0.0.1/16,10.0.0.254"}
    former = take_over_profiles(LINKS, LIVE, [profile(**on("eth0"), ipv4=manual)]).former["eth0"]
    assert former.texts("addresses") == ["10.0.0.1/16"] and former.kind == "ethernets"
    assert former.options["routes"] == [{"to": "default", "via": "10.0.0.254"}]


def test_a_shadow_is_the_same_profile_and_comes_up_by_itself_never():
    shadow = parse_profile(f"{RUN_PROFILES}/x", shadow_of(profile(**on("eth0"))))
    assert (shadow.uuid, shadow.device, shadow.autoconnect) == ("uuid-of-wired", "eth0", False)
    assert shadow.addresses == () and not shadow.dhcp


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (profile(**on("eth1")), True),
        (profile(active=["eth1"]), True),
        (profile(**on("eth1", autoconnect="false")), False),
        (profile(**on("eth2")), False),
    ],
)
def test_what_a_vlan_is_on_has_no_profile_of_its_own(found, refused):
    (vlan,) = declared_links(a.params(a.vlan("v", 7, "eth1")))
    sentences = parent_findings({"eth1": vlan}, LIVE, [found])
    expected = "VLAN v is on eth1, which is not declared and has the profile 'wired'"
    assert [one.startswith(expected) for one in sentences] == [True] * refused
