# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is the gateway of its guests for its declared services, and for nothing else."""

from __future__ import annotations

import json

import pytest

bench = pytest.importorskip("bench")

from cases import STACK, Case, datagram  # noqa: E402
from world import DECLARED, FLAT, ONEGATE, World  # noqa: E402

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import (  # noqa: E402
    READ_LINKS,
    parse_links,
    quieten,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import Target  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probing import BridgeProbe, Task  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import ruleset  # noqa: E402

OWN, OWN6 = "10.0.3.2", "2001:db8:3::2"


@pytest.fixture(scope="module")
def world():
    made = World(FLAT)
    try:
        _serve(made)
        yield made
    finally:
        made.close()


def served(made):
    (bridge,) = DECLARED["bridges"]
    own = {
        **bridge,
        "gateways": [*bridge["gateways"], OWN, OWN6],
        "gateway_macs": [*bridge["gateway_macs"], made.node.mac],
    }
    declaration, findings = declared({**DECLARED, "bridges": [own], "local_services": ["udp/67", f"tcp/{ONEGATE}"]})
    assert findings == []
    return declaration


def _serve(made):
    node = made.spaces["node"]
    node.links(f"addr add {OWN}/24 dev onebr0", f"addr add {OWN6}/64 dev onebr0 nodad")
    node.do("nft", "-f", "-", text=ruleset(served(made), Surroundings(tells_bridges=False)).nft)
    node.do(*quieten("onebr0", True))


@pytest.mark.parametrize("address", [OWN, OWN6])
@pytest.mark.parametrize("who", ["guest", "far"])
def test_a_declared_service_is_reached_and_no_other(world, who, address):
    assert any(world.connect(who, "node", address, ONEGATE, 1.5) for _try in range(3))
    assert not world.connect(who, "node", address, 22, 0.5)


def test_dhcp_is_renewed_by_unicast(world):
    renewal = Case("", lambda w, t: datagram(w, t, OWN, w.node.mac, ports=(68, 67)), (STACK, "node"))
    assert bench.possible(world, renewal, 1) is not None


def test_the_nodes_other_addresses_stay_closed(world):
    for address in (world.node.ip, world.node.ip6):
        assert not world.connect("guest", "node", address, ONEGATE, 0.5)


def test_verification_asks_for_the_services_and_takes_them_for_no_leaks(world):
    told = world.spaces["node"].do(*READ_LINKS)
    macs = {one["ifname"]: one["address"] for one in json.loads(told)}
    declaration = served(world)
    targets = [Target("10.0.2.21", [22, ONEGATE])]  # the ports of these are tried at the node as well
    with world.spaces["node"].inside():
        found = BridgeProbe(Task(declaration, parse_links(told), macs, targets, []), declaration.bridges[0]).results()
    assert [one for one in found if not one["ok"]] == []
    names = [one["name"] for one in found]
    assert {f"onebr0: kept: a guest reaches tcp/5030 of the node's {own}" for own in (OWN, OWN6)} <= set(names)
    assert f"onebr0: stopped: TCP 22 of the node's {OWN}" in names
