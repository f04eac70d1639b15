# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about what virtual networks need on the nodes: bridges, physical devices, VLANs.

What OpenNebula's network drivers do before a guest starts: bridge, fw and ebtables make a bridge that is missing, and
put PHYDEV into it where one is named (from 6.6 on; former releases ignore PHYDEV there); dummy makes nothing; 802.1Q
and vxlan make a device on PHYDEV and a bridge for it; ovswitch makes its bridge and adds PHYDEV.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.guest_networks import OPEN_VSWITCH
from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import release_key
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_drivers import release_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import (
    attributes,
    clusters_of,
    label_of,
    nodes_of,
)

BRIDGED = ("bridge", "fw", "ebtables")
TAGGED = ("802.1q", "vxlan")
# oned refuses a network that lacks one of these, or its AUTOMATIC_ form.
NEEDED = {
    "dummy": ("BRIDGE",),
    "802.1q": ("PHYDEV", "VLAN_ID"),
    "vxlan": ("PHYDEV", "VLAN_ID"),
    "ovswitch_vxlan": ("OUTER_VLAN_ID",),
}
_BRIDGE_KINDS = ("bridge", "openvswitch")


class Network(NamedTuple):
    name: str
    driver: str  # VN_MAD in lower case
    template: Mapping[str, str]
    clusters: frozenset[str]

    @property
    def title(self) -> str:
        return f"The virtual network {self.name} (VN_MAD {self.template.get('VN_MAD')})"

    @property
    def bridge(self) -> str:
        return self.template.get("BRIDGE", "")

    @property
    def device(self) -> str:
        return self.template.get("PHYDEV", "")


def networks(cloud: Cloud, *drivers: str) -> list[Network]:
    """Those with one of these drivers; one that exists and does not name its driver is known to oned only."""
    found = []
    for entry in cloud.declared.virtual_networks:
        template = attributes(entry)
        clusters = frozenset(clusters_of(cloud, entry, "vnets"))
        found.append(Network(label_of(entry), template.get("VN_MAD", "").lower(), template, clusters))
    return [network for network in found if network.driver in drivers]


def _nodes(cloud: Cloud, network: Network) -> list[tuple[Host, dict[str, Any]]]:
    """The nodes of its clusters with the links that they have."""
    return [(host, host.probe["interfaces"]) for host in nodes_of(cloud, set(network.clusters)) if host.probe]


def _uses_device(cloud: Cloud, network: Network) -> bool:
    """Whether the driver looks at PHYDEV at all."""
    if not network.device or network.driver == "dummy":
        return False
    release = release_of(cloud)
    return network.driver not in BRIDGED or release is None or release_key(release) >= (6, 6)


def networks_are_complete(cloud: Cloud) -> Iterator[Finding]:
    """A virtual network lacks what oned asks for with its driver: BRIDGE for dummy, PHYDEV and VLAN_ID for 802.1Q and
    vxlan, OUTER_VLAN_ID for ovswitch_vxlan.
    """
    for network in networks(cloud, *NEEDED):
        given = network.template
        missing = [name for name in NEEDED[network.driver] if not (given.get(name) or given.get(f"AUTOMATIC_{name}"))]
        if missing:
            yield Finding(
                WHOLE_CLOUD,
                f"{network.title} has no {' and no '.join(missing)}, without which oned refuses it.",
                "Name it in the template; AUTOMATIC_VLAN_ID: true lets oned choose a VLAN.",
            )


def bridges_exist(cloud: Cloud) -> Iterator[Finding]:
    """The bridge of a virtual network is missing on a node of its clusters, and host_network does not make it: an error
    for dummy, which makes none; a warning for bridge, fw, ebtables and ovswitch, whose bridge would lead nowhere.
    """
    for network in networks(cloud, "dummy", *BRIDGED, *OPEN_VSWITCH):
        if not network.bridge or _uses_device(cloud, network):
            continue  # OpenNebula makes the bridge, and there is a way out of it where PHYDEV is named
        for host, links in _nodes(cloud, network):
            if network.bridge in links or network.bridge in host.links:
                continue
            if network.driver == "dummy":
                yield Finding(
                    host.name,
                    f"{network.title} needs the bridge {network.bridge}, which does not exist here; dummy makes none, "
                    "so no "
                    "guest of this network would start.",
                    f"Make {network.bridge} on every node of its clusters.",
                )
            else:
                yield Finding(
                    host.name,
                    f"{network.title} needs the bridge {network.bridge}, which does not exist here: OpenNebula makes "
                    "it with "
                    "the first guest, without a way to the outside or to guests of other nodes, and removes it with "
                    "the last.",
                    f"Make {network.bridge} with its uplink on every node of its clusters, or name the uplink as "
                    "PHYDEV.",
                    WARNING,
                )


def bridges_are_bridges(cloud: Cloud) -> Iterator[Finding]:
    """What a virtual network names as BRIDGE is a link of another kind on a node of its clusters."""
    for network in networks(cloud, "dummy", *BRIDGED, *TAGGED, *OPEN_VSWITCH):
        for host, links in _nodes(cloud, network):
            kind = links.get(network.bridge, {}).get("kind", "bridge")
            if kind not in _BRIDGE_KINDS:
                yield Finding(
                    host.name,
                    f"{network.title} names {network.bridge} as BRIDGE, which is a link of kind {kind or 'device'} "
                    "here and no bridge, so guests cannot be plugged into it.",
                    "Name a bridge as BRIDGE, and the device that leads outside as PHYDEV.",
                )


def physical_devices_exist(cloud: Cloud) -> Iterator[Finding]:
    """PHYDEV of a virtual network is missing on a node of its clusters, and host_network does not make it."""
    for network in networks(cloud, *BRIDGED, *TAGGED, *OPEN_VSWITCH):
        for host, links in _nodes(cloud, network) if _uses_device(cloud, network) else ():
            if network.device not in links and network.device not in host.links:
                devices = ", ".join(sorted(link for link in links if link != "lo")) or "none"
                yield Finding(
                    host.name,
                    f"{network.title} needs the device {network.device}, which does not exist here (links: "
                    f"{devices}); guests "
                    "of this network would not start.",
                    "Name a device that every node of its clusters has, or use clusters of nodes that have it.",
                )


def physical_devices_are_free(cloud: Cloud) -> Iterator[Finding]:
    """PHYDEV of a bridged or ovswitch network carries addresses of the node. OpenNebula puts the device into the bridge
    with the first guest, and the node cannot be reached by these addresses any more.
    """
    for network in networks(cloud, *BRIDGED, *OPEN_VSWITCH):
        for host, links in _nodes(cloud, network) if _uses_device(cloud, network) else ():
            link = links.get(network.device)
            own = [address for address in (link or {}).get("addresses", []) if not address.startswith("fe80:")]
            if link and own and link.get("master") != (network.bridge or None):
                yield Finding(
                    host.name,
                    f"{network.title} names the device {network.device}, which carries {', '.join(own)}: OpenNebula "
                    "would put it "
                    "into the bridge with the first guest and cut the node off.",
                    "Make a bridge that has the device and the addresses, and name it as BRIDGE without PHYDEV; or "
                    "name a "
                    "device without addresses.",
                )


def vlan_ids_are_valid(cloud: Cloud) -> Iterator[Finding]:
    """A VLAN id is no number from 1 to 4094, or for vxlan from 1 to 16777215."""
    for network in networks(cloud, "802.1q", "vxlan", "ovswitch"):
        last = 2**24 - 1 if network.driver == "vxlan" else 4094
        vlan = network.template.get("VLAN_ID", "")
        if vlan and not (vlan.isdecimal() and 1 <= int(vlan) <= last):
            yield Finding(
                WHOLE_CLOUD, f"{network.title} has the VLAN_ID {vlan!r}.", f"Choose a number from 1 to {last}."
            )


def vlan_ids_are_separate(cloud: Cloud) -> Iterator[Finding]:
    """Two virtual networks use one VLAN id on one device: an error where the kernel cannot do it, as its device can be
    in one bridge only; a warning where they merely are one network.
    """
    holders: dict[tuple[str, str, str], list[Network]] = {}
    for network in networks(cloud, "802.1q", "vxlan", "ovswitch"):
        vlan, device = network.template.get("VLAN_ID", ""), network.device or network.bridge
        if vlan and device:
            family = "vxlan" if network.driver == "vxlan" else "vlan"
            for other in holders.setdefault((family, device, vlan), []):
                yield _shared_vlan(network, other, device, vlan)
            holders[family, device, vlan].append(network)


def _shared_vlan(one: Network, other: Network, device: str, vlan: str) -> Finding:
    what = f"The virtual networks {other.name} and {one.name} both use VLAN_ID {vlan} on {device}"
    same_nodes = one.clusters & other.clusters
    same_bridge = one.bridge and one.bridge == other.bridge
    if same_nodes and not same_bridge and one.driver in TAGGED and other.driver in TAGGED:
        return Finding(
            WHOLE_CLOUD,
            f"{what}: the device {device}.{vlan} can be in the bridge of one of them only, so the other's guests lose "
            "their "
            "way out.",
            "Choose another VLAN_ID, or give both the same BRIDGE if they are to be one network.",
        )
    return Finding(
        WHOLE_CLOUD, f"{what}: they are one network.", "If this is not meant, choose another VLAN_ID.", WARNING
    )


VNET_RULES: tuple[Rule, ...] = (
    Rule(networks_are_complete),
    Rule(bridges_exist),
    Rule(bridges_are_bridges),
    Rule(physical_devices_exist),
    Rule(physical_devices_are_free),
    Rule(vlan_ids_are_valid),
    Rule(vlan_ids_are_separate),
)
