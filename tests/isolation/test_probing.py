# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of live nodes, on the node of the bench: without rules every leak is found, with ours there is none."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_probing
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import READ_LINKS, parse_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import Target
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probing import (
    BridgeProbe,
    ProbeError,
    Task,
    free_addresses,
    guest_mac,
    unused_address,
)

bench = pytest.importorskip("bench")

from world import ONEGATE  # noqa: E402


@pytest.fixture(scope="module", params=bench.TOPOLOGIES)
def world(request):
    made = bench.World(request.param)
    yield made
    made.close()


def probed(world, rules, mac=None, **changed):
    mac = world.storage.mac if mac is None else mac
    bench.load(world, rules)
    told = world.spaces["node"].do(*READ_LINKS)
    macs = {one["ifname"]: one["address"] for one in json.loads(told)}
    targets = [
        Target("10.0.2.21", [22, 5666], mac),
        Target("10.0.2.10", [22, ONEGATE], mac),
        Target("2001:db8:2::21", [5666], mac),
    ]
    declaration = declared({**bench.DECLARED, **changed})[0]
    # A guest that OpenNebula knows nothing of, but that answers.
    task = Task(declaration, parse_links(told), macs, targets, ["10.0.3.202-10.0.3.254"])
    with world.spaces["node"].inside():
        return BridgeProbe(task, declaration.bridges[0]).results()


def test_without_rules_every_leak_is_found(world):
    found = probed(world, bench.NONE)
    assert [one["name"] for one in found if one["ok"] and "stopped" in one["name"]] == []
    assert [one["name"] for one in found if not one["ok"] and "kept" in one["name"]] == []
    assert len(found) > 50
    names = " ".join(one["name"] for one in found)
    for tried in ("IPv6: claims the gateway's link-local", "in a frame to the group of LLDP", "5666 of 2001:db8:2::21"):
        assert tried in names


def test_with_ours_nothing_leaks_and_nothing_is_cut(world):
    found = probed(world, bench.OURS)
    assert [one for one in found if not one["ok"]] == []
    assert "onebr0: kept: a guest reaches tcp/5030 of 10.0.2.10" in [one["name"] for one in found]


def test_guests_without_ipv6_try_it_nevertheless(world):
    (bridge,) = bench.DECLARED["bridges"]
    alone = {**bridge, "guest_networks": ["10.0.3.0/24"], "gateways": ["10.0.3.1"]}
    found = {one["name"]: one["ok"] for one in probed(world, bench.NONE, bridges=[alone])}
    assert not found["onebr0: stopped: TCP 5666 of 2001:db8:2::21, through the gateway"]
    assert not found[f"onebr0: stopped: UDP to the node's {world.node.ip6}"]


def test_what_there_is_no_way_to_try_is_no_success(world):
    (bridge,) = bench.DECLARED["bridges"]
    unknown = {**bridge, "gateways": ["10.0.3.199"], "gateway_macs": []}
    found = [one for one in probed(world, bench.NONE, mac="", bridges=[unknown]) if "not tried" in one["detail"]]
    assert {one["name"] for one in found} == {
        f"onebr0: stopped: TCP {ports} of {address}"
        for ports, address in {"22, 5666": "10.0.2.21", "22": "10.0.2.10", "5666": "2001:db8:2::21"}.items()
    }
    assert not any(one["ok"] for one in found)


def test_the_guides_rules_are_told_to_leak(world):
    found = probed(world, bench.GUIDE)
    leaks = [one for one in found if not one["ok"]]
    assert 10 < len(leaks) < len(found) - 5


def test_nothing_stays(world):
    probed(world, bench.NONE)
    assert "kvmprobe" not in world.spaces["node"].do("ip", "link", "show")


def test_the_bridge_keeps_its_address(world):
    """A bridge without a fixed one takes the least of its ports."""
    node = world.spaces["node"]
    before = node.do("cat", "/proc/net/dev").count(":"), node.do("ip", "-brief", "link", "show", "onebr0")
    probed(world, bench.NONE)
    assert (node.do("cat", "/proc/net/dev").count(":"), node.do("ip", "-brief", "link", "show", "onebr0")) == before


def test_addresses_that_somebody_has_are_left_alone(world):
    bench.load(world, bench.NONE)
    with world.spaces["node"].inside():
        guest = isolation_probing.ProbeGuest("kvmprobe1", "onebr0", "02:00:0a:00:03:07")
        try:
            assert guest.resolves("0.0.0.0", "10.0.3.201") == world.far.mac
            assert guest.resolves("0.0.0.0", "10.0.3.199", 0.1) == ""
        finally:
            guest.close()


def test_without_a_free_address_it_says_so(world):
    bridge = {**bench.DECLARED["bridges"][0], "guest_networks": ["10.0.3.0/30"], "gateways": ["10.0.3.1"]}
    with pytest.raises(ProbeError, match="have no free IPv4 address"):
        probed(world, bench.NONE, bridges=[bridge])


def test_free_addresses_are_those_that_nobody_is_known_to_have():
    bridge = declared(bench.DECLARED)[0].bridges[0]
    found = list(free_addresses(bridge, ["10.0.3.10-10.0.3.253", "10.0.3.2"]))
    assert found[0] == "10.0.3.254" and found[1] == "10.0.3.9" and "10.0.3.2" not in found and "10.0.3.1" not in found
    assert next(free_addresses(bridge, [], 6)) == "2001:db8:3:0:ffff:ffff:ffff:fffe"


def test_false_addresses_are_of_nobody():
    assert unused_address(declared(bench.DECLARED)[0], ["10.0.2.254", "10.0.2.253"]) == "10.0.2.252"


def test_macs_are_made_as_opennebula_makes_them():
    assert guest_mac("02:00", "10.0.3.254") == "02:00:0a:00:03:fe"
    assert guest_mac("52:54:00", "10.0.3.254") == "52:54:00:0a:00:03"
