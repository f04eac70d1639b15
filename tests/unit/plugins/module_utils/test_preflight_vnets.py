# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import cloud, declared, host, link, probe, registered, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_vnets import VNET_RULES

FRONT, NODE = "opennebula_frontends", "opennebula_nodes"
NODE1 = {
    "eth0": link("10.0.0.11/24"),
    "eth1": link("fe80::1/64"),
    "br0": link(kind="bridge"),
    "up0": link("10.9.0.1/24", master="br0"),
}
NODE2 = {"eth0": link("10.0.0.12/24")}


def vnet(driver: str, *clusters: str, name: str = "guests", **template: Any) -> dict[str, Any]:
    where = {"clusters": list(clusters)} if clusters else {}
    return {"name": name, **where, "template": {"VN_MAD": driver, **template}}


def of(*networks: dict[str, Any], release: str = "7.4", links: list[str] | None = None, **entries: Any) -> Cloud:
    """node1 in cluster one has a bridge and a free device; node2 in cluster two has neither."""
    network = {"bridges": [{"name": name} for name in links or []]}
    hosts = [*registered("node1", cluster="one"), *registered("node2", cluster="two")]
    return cloud(
        host("front1", FRONT, release=release),
        host("node1", NODE, release=release, probe=probe("node1", interfaces=NODE1)),
        host("node2", NODE, release=release, probe=probe("node2", interfaces=NODE2), network=network),
        declared=declared(virtual_networks=list(networks), **{"hosts": hosts, **entries}),
    )


def found(of: Cloud) -> list[Finding]:
    return findings(of, VNET_RULES)


VLAN = {"VLAN_ID": 100}


@pytest.mark.parametrize(
    ("broken", "severity", "where", "words"),
    [
        pytest.param(
            of(vnet("bridge", "one", "two", BRIDGE="br0")),
            "warning",
            "node2",
            "needs the bridge br0, which does not exist here: OpenNebula makes it with the first guest, without a way",
            id="OpenNebula makes a bridge that leads nowhere",
        ),
        pytest.param(
            of(vnet("fw", "two", BRIDGE="br0")), "warning", "node2", "needs the bridge br0", id="the same for fw"
        ),
        pytest.param(
            of(vnet("dummy", "two", BRIDGE="br0")),
            "error",
            "node2",
            "needs the bridge br0, which does not exist here; dummy makes none",
            id="dummy makes no bridge",
        ),
        pytest.param(
            of(vnet("fw", "two", BRIDGE="br0", PHYDEV="eth0"), release="6.4"),
            "warning",
            "node2",
            "needs the bridge br0",
            id="before 6.6 PHYDEV is ignored there",
        ),
        pytest.param(
            of(vnet("vxlan", "two", PHYDEV="eth7", **VLAN), release="6.4"),
            "error",
            "node2",
            "needs the device eth7",
            id="but not by vxlan",
        ),
        pytest.param(
            of(vnet("ovswitch", "two", BRIDGE="ovs0", **VLAN)),
            "warning",
            "node2",
            "needs the bridge ovs0",
            id="Open vSwitch without an uplink",
        ),
        pytest.param(
            of(vnet("bridge", "one", BRIDGE="eth1")),
            "error",
            "node1",
            "names eth1 as BRIDGE, which is a link of kind device here",
            id="a device is no bridge",
        ),
        pytest.param(
            of(vnet("802.1Q", "one", "two", PHYDEV="eth1", **VLAN)),
            "error",
            "node2",
            "needs the device eth1, which does not exist here (links: eth0)",
            id="no such device for VLANs",
        ),
        pytest.param(
            of(vnet("vxlan", "two", PHYDEV="eth7", **VLAN)), "error", "node2", "needs the device eth7", id="vxlan"
        ),
        pytest.param(
            of(vnet("fw", "two", BRIDGE="br1", PHYDEV="eth7")),
            "error",
            "node2",
            "needs the device eth7",
            id="uplink of fw",
        ),
        pytest.param(
            of(vnet("bridge", "two", BRIDGE="br1", PHYDEV="eth0")),
            "error",
            "node2",
            "names the device eth0, which carries 10.0.0.12/24: OpenNebula would put it into the bridge",
            id="the node's own device would be taken",
        ),
        pytest.param(
            of(vnet("bridge", "one", BRIDGE="br1", PHYDEV="up0")),
            "error",
            "node1",
            "names the device up0, which carries 10.9.0.1/24",
            id="in another bridge already",
        ),
        pytest.param(of(vnet("802.1Q", "one", **VLAN)), "error", "all", "has no PHYDEV, without which", id="no device"),
        pytest.param(
            of(vnet("802.1Q", "one", PHYDEV="eth1", VLAN_ID="4²")), "error", "all", "has the VLAN_ID '4²'", id="VLAN 4²"
        ),
        pytest.param(of(vnet("vxlan", "one")), "error", "all", "has no PHYDEV and no VLAN_ID", id="neither"),
        pytest.param(of(vnet("dummy", "one")), "error", "all", "has no BRIDGE", id="dummy without a bridge"),
        pytest.param(
            of(vnet("802.1Q", "one", PHYDEV="eth1", VLAN_ID=4095)),
            "error",
            "all",
            "has the VLAN_ID '4095'",
            id="VLAN 4095",
        ),
        pytest.param(
            of(vnet("802.1Q", "one", PHYDEV="eth1", VLAN_ID="x")), "error", "all", "has the VLAN_ID 'x'", id="VLAN x"
        ),
        pytest.param(
            of(vnet("802.1Q", "one", PHYDEV="eth1", **VLAN), vnet("802.1Q", "one", name="b", PHYDEV="eth1", **VLAN)),
            "error",
            "all",
            "guests and b both use VLAN_ID 100 on eth1: the device eth1.100 can be in the bridge of one of them only",
            id="one VLAN in two bridges",
        ),
        pytest.param(
            of(
                vnet("802.1Q", "one", PHYDEV="eth1", BRIDGE="brv", **VLAN),
                vnet("802.1Q", "one", name="b", PHYDEV="eth1", BRIDGE="brv", **VLAN),
            ),
            "warning",
            "all",
            "both use VLAN_ID 100 on eth1: they are one network",
            id="one VLAN in one bridge",
        ),
        pytest.param(
            of(
                vnet("ovswitch", "one", BRIDGE="br0", **VLAN),
                vnet("ovswitch", "one", name="b", BRIDGE="br0", **VLAN),
            ),
            "warning",
            "all",
            "both use VLAN_ID 100 on br0",
            id="one VLAN of one Open vSwitch",
        ),
    ],
)
def test_one_thing_wrong(broken: Cloud, severity: str, where: str, words: str) -> None:
    finding = told(found(broken), words)
    assert (finding.severity, finding.host) == (severity, where)


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(of(vnet("bridge", "one", BRIDGE="br0")), id="the bridge exists on every node of the cluster"),
        pytest.param(of(vnet("bridge", "two", BRIDGE="br0"), links=["br0"]), id="host_network makes the bridge"),
        pytest.param(
            of(vnet("802.1Q", "two", PHYDEV="bond0", **VLAN), links=["bond0"]), id="host_network makes the bond"
        ),
        pytest.param(of(vnet("bridge", "one", BRIDGE="br1", PHYDEV="eth1")), id="OpenNebula makes bridge and uplink"),
        pytest.param(of(vnet("fw", "one", BRIDGE="br1", PHYDEV="eth1"), release="6.6"), id="from 6.6 on"),
        pytest.param(of(vnet("bridge", "one", BRIDGE="br0", PHYDEV="up0")), id="the device is in that bridge already"),
        pytest.param(of(vnet("fw", "two")), id="a bridge of OpenNebula's own"),
        pytest.param(of(vnet("bridge", BRIDGE="br0")), id="a cluster without nodes"),
        pytest.param(of(vnet("802.1Q", "one", PHYDEV="eth1", AUTOMATIC_VLAN_ID=True)), id="oned chooses the VLAN"),
        pytest.param(of(vnet("802.1q", "one", phydev="eth1", vlan_id="7")), id="names and drivers in any case"),
        pytest.param(of(vnet("vxlan", "one", PHYDEV="eth1", VLAN_ID=4096)), id="vxlan has more than 4094"),
        pytest.param(of(vnet("802.1Q", "one", PHYDEV="eth1", VLAN_ID=1)), id="the first VLAN"),
        pytest.param(of(vnet("802.1Q", "one", PHYDEV="eth1", VLAN_ID=4094)), id="the last VLAN"),
        pytest.param(
            of(*(vnet("802.1Q", "one", name=name, PHYDEV="eth1", AUTOMATIC_VLAN_ID=True) for name in ("a", "b"))),
            id="VLANs that oned chooses differ",
        ),
        pytest.param(
            of(vnet("vxlan", "one", PHYDEV="eth1", **VLAN), vnet("802.1Q", "one", name="b", PHYDEV="eth1", **VLAN)),
            id="a VLAN and a vxlan of one number",
        ),
        pytest.param(of({**vnet("dummy", "two", BRIDGE="br0"), "state": "absent"}), id="it goes"),
        pytest.param(of({"name": "old", "template": {"MTU": 9000}}), id="its driver is known to oned only"),
        pytest.param(
            of(vnet("bridge", "two", BRIDGE="br0"), hosts=registered("node1", cluster="one")),
            id="node2 is no host of OpenNebula",
        ),
    ],
)
def test_harmless(fine: Cloud) -> None:
    assert found(fine) == []


def test_one_vlan_in_clusters_that_share_no_node_is_a_warning() -> None:
    links_of_both = of(
        vnet("802.1Q", "one", PHYDEV="eth0", **VLAN), vnet("802.1Q", "two", name="b", PHYDEV="eth0", **VLAN)
    )
    assert told(found(links_of_both), "both use VLAN_ID 100 on eth0").severity == "warning"


def test_a_node_is_a_host_of_opennebula_by_its_full_name() -> None:
    node = host("node1", NODE, names=["node1.example", "node1"], probe=probe("node1", interfaces=NODE2))
    networks = [vnet("dummy", "one", BRIDGE="br0")]
    entries = declared(virtual_networks=networks, hosts=registered("node1.example", cluster="one"))
    assert told(found(cloud(node, declared=entries)), "needs the bridge br0").host == "node1"


def test_a_cluster_may_name_its_hosts_and_networks() -> None:
    entries = {"clusters": [{"name": "lab", "hosts": ["node2"], "vnets": ["guests"]}], "hosts": registered("node2")}
    finding = told(found(of(vnet("dummy", BRIDGE="br0"), **entries)), "needs the bridge br0")
    assert finding.host == "node2"
