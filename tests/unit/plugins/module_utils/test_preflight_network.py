# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import ADDRESSES, cloud, host, link, probe, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Host, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_network import NETWORK_RULES

FRONT, NODE = "opennebula_frontends", "opennebula_nodes"


def seen(name: str, **names: list[str]) -> dict[str, Any]:
    """The probe of a host that resolves some names otherwise."""
    return probe(name, names={**{other: [address] for other, address in ADDRESSES.items()}, **names})


def links(name: str, **more: list[str]) -> dict[str, Any]:
    base = {"eth0": [ADDRESSES[name] + "/24"], **more}
    return probe(name, interfaces={name: link(*found) for name, found in base.items()})


def pair(front: dict[str, Any] | None = None, node: dict[str, Any] | None = None, **changes: Any) -> list[Host]:
    return [host("front1", FRONT, probe=front, **changes), host("node1", NODE, probe=node, **changes)]


@pytest.mark.parametrize(
    ("broken", "severity", "where", "words"),
    [
        pytest.param(
            cloud(*pair(front=seen("front1", node1=[]))), "error", "front1", "do not resolve: node1", id="name unknown"
        ),
        pytest.param(
            cloud(*pair(node=seen("node1", front1=[]))),
            "error",
            "node1",
            "do not resolve: front1",
            id="and the way back",
        ),
        pytest.param(
            cloud(*pair(front=seen("front1", node1=["10.9.9.9"]))),
            "error",
            "front1",
            "node1 to 10.9.9.9 instead of 10.0.0.11",
            id="name of another host",
        ),
        pytest.param(
            cloud(*pair(), host("node2", NODE, probe=seen("node2", front1=["10.9.9.9"]))),
            "error",
            "all",
            "front1 resolves differently: 10.0.0.10 on node1; 10.9.9.9 on node2",
            id="resolves differently",
        ),
        pytest.param(
            cloud(*pair(front=seen("front1", front1=["127.0.1.1"]))),
            "error",
            "front1",
            "front1 resolves to 127.0.1.1",
            id="Debian's own-name line",
        ),
        pytest.param(
            cloud(*pair(front=seen("front1", front1=[]))),
            "error",
            "front1",
            "own name front1 does not resolve",
            id="own name unknown",
        ),
        pytest.param(
            cloud(host("front1", FRONT), host("node1", NODE, address="10.0.0.10")),
            "error",
            "front1, node1",
            "have the address 10.0.0.10 both",
            id="two hosts with one declared address",
        ),
        pytest.param(
            cloud(*pair(front=links("front1", eth1=["192.168.7.7/24"]), node=links("node1", eth1=["192.168.7.7/24"]))),
            "warning",
            "front1, node1",
            "have the address 192.168.7.7 both",
            id="two hosts with one real address",
        ),
        pytest.param(
            cloud(host("front1", FRONT, address="192.0.2.10", address_declared=True)),
            "error",
            "front1",
            "192.0.2.10 is not an address of any of its links",
            id="declared address of somebody else",
        ),
        pytest.param(
            cloud(host("front1", FRONT, address="192.0.2.10")),
            "warning",
            "front1",
            "is not an address of any",
            id="behind a router",
        ),
        pytest.param(
            cloud(*pair(front=links("front1", eth1=["10.0.0.200/16"]))),
            "warning",
            "front1",
            "eth0 (10.0.0.0/24) and eth1 (10.0.0.0/16) overlap",
            id="overlapping links",
        ),
    ],
)
def test_one_thing_wrong(broken: Cloud, severity: str, where: str, words: str) -> None:
    found = told(findings(broken, NETWORK_RULES), words)
    assert (found.severity, found.host) == (severity, where)


BRIDGE_OF_LIBVIRT = ["192.168.122.1/24"]


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(
            cloud(
                *pair(
                    front=seen("front1", node1=[], front1=["127.0.1.1"]),
                    node=seen("node1", front1=["10.9.9.9"]),
                    manages_hosts_file=True,
                )
            ),
            id="host_network is going to write /etc/hosts",
        ),
        pytest.param(
            cloud(
                *pair(front=links("front1", virbr0=BRIDGE_OF_LIBVIRT), node=links("node1", virbr0=BRIDGE_OF_LIBVIRT))
            ),
            id="libvirt's bridge has one address everywhere",
        ),
    ],
)
def test_harmless(harmless: Cloud) -> None:
    assert findings(harmless, NETWORK_RULES) == []
