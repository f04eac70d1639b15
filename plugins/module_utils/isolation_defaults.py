# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What isolates the guests of a node, worked out of what the inventory and its hosts say anyway.

What the inventory declares about the isolation itself goes before.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Collection, Iterable, Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import HostVars, address_of, is_address
from ansible_collections.kvmcloud.stack.plugins.module_utils.guest_networks import networks_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Network
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import OUTSIDE_KINDS

LINK_KINDS = ("ethernets", "bonds", "vlans", "bridges")
# Links of container engines and of libvirt's own network: the same on every host, and no way to any of them.
PRIVATE_LINKS = re.compile(r"(lo|docker|virbr|podman|cni|lxdbr|veth|br-[0-9a-f]{12})")
CARDS = ("", "veth")  # a card of a host in a container is one of a pair
# Networks whose guests are on a bridge of Linux that the inventory names.
TAGGED_DRIVERS = ("802.1q", "vxlan")
BRIDGED_DRIVERS = ("bridge", "fw", "ebtables", "dummy", "802.1q", "vxlan")


def interfaces_of(variables: Mapping[str, Any], register: str = "preflight_probe") -> dict[str, Any]:
    """The links that the host told of itself, in this run."""
    found = (variables.get(register) or {}).get("probe") or {}
    return {name: link for name, link in (found.get("interfaces") or {}).items() if not PRIVATE_LINKS.match(str(name))}


def _list(variables: Mapping[str, Any], name: str) -> list[Any]:
    found = variables.get(name)
    return list(found) if isinstance(found, (list, tuple)) else []


def _links(variables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in LINK_KINDS:
        yield from (one for one in _list(variables, f"host_network_{kind}") if isinstance(one, Mapping))


def _is_wide(address: str) -> bool:
    """Whether it is reached from outside of its link."""
    return not ipaddress.ip_interface(address).is_link_local


def host_networks(host: str, variables: Mapping[str, Any], gateways: Collection[str] = ()) -> list[Network]:
    """The networks that a host is in otherwise than as a gateway; of one that told nothing its address at least."""
    texts = [str(text) for link in _links(variables) for text in link.get("addresses") or []]
    texts += [str(text) for link in interfaces_of(variables).values() for text in link.get("addresses") or []]
    address = address_of(host, variables)
    networks: dict[Network, None] = {}
    for text in texts:
        if text.split("/", maxsplit=1)[0] in gateways:
            continue
        try:
            network = ipaddress.ip_interface(text).network
        except ValueError:
            continue  # a slip that is told elsewhere
        if not network.is_link_local and not network.is_loopback and network.prefixlen:
            networks[network] = None
    if (
        is_address(address)
        and address not in gateways
        and not any(ipaddress.ip_address(address) in network for network in networks)
    ):
        networks[ipaddress.ip_network(address)] = None
    return list(networks)


def host_macs(variables: Mapping[str, Any]) -> list[str]:
    """Of its cards, and of what has an address; those of other links come and go, with guests or with this very run."""
    macs = {
        str(link.get("mac") or "").lower()
        for link in interfaces_of(variables).values()
        if (link.get("kind") or "") in CARDS or any(_is_wide(str(text)) for text in link.get("addresses") or [])
    }
    return sorted(mac for mac in macs if mac and not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00")


def uplinks_of(bridge: str, variables: Mapping[str, Any]) -> list[str]:
    """As declared for the host's network, or as the host has them."""
    for one in _list(variables, "host_network_bridges"):
        if isinstance(one, Mapping) and one.get("name") == bridge:
            return [str(port) for port in one.get("interfaces") or []]
    links = interfaces_of(variables)
    return sorted(
        name
        for name, link in links.items()
        if link.get("master") == bridge and (link.get("kind") or "") in OUTSIDE_KINDS
    )


def _coming_uplinks(template: Mapping[str, Any], driver: str) -> list[str]:
    """The port by which OpenNebula gives a bridge its way outside, when its first guest starts."""
    device, number = template.get("PHYDEV"), template.get("VLAN_ID")
    if not device or driver == "dummy":
        return []
    if driver in TAGGED_DRIVERS:
        return [f"{device}.{number}"] if number else []
    return [str(device)]


def guest_bridges(variables: Mapping[str, Any], virtual_networks: Iterable[Any]) -> list[dict[str, Any]]:
    """The bridges of the declared virtual networks, with the networks and gateways of these."""
    bridges: dict[str, dict[str, Any]] = {}
    for declared in virtual_networks:
        if not isinstance(declared, Mapping) or declared.get("state") == "absent":
            continue
        template = declared.get("template")
        upper = {str(key).upper(): value for key, value in template.items()} if isinstance(template, Mapping) else {}
        name, driver = upper.get("BRIDGE"), str(upper.get("VN_MAD", "")).lower()
        networks = [str(network) for network in networks_of(declared)]
        if not name or driver not in BRIDGED_DRIVERS or not networks:
            continue
        bridge = bridges.setdefault(
            str(name),
            {
                "name": str(name),
                "uplinks": uplinks_of(str(name), variables) or _coming_uplinks(upper, driver),
                "guest_networks": [],
                "gateways": [],
                "gateway_macs": [],
            },
        )
        gateways = [str(upper[key]) for key in ("GATEWAY", "IP6_GATEWAY", "GATEWAY6") if upper.get(key)]
        bridge["guest_networks"] = list(dict.fromkeys([*bridge["guest_networks"], *networks]))
        bridge["gateways"] = list(dict.fromkeys([*bridge["gateways"], *gateways]))
    return list(bridges.values())


def _owners(all_variables: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """By address the MAC address of the host that has it."""
    return {
        str(text).split("/", maxsplit=1)[0]: str(link.get("mac") or "").lower()
        for variables in all_variables
        for link in interfaces_of(variables).values()
        for text in link.get("addresses") or []
    }


def _with_routers(bridge: Mapping[str, Any], owners: Mapping[str, str]) -> dict[str, Any]:
    """A gateway that is a host of the inventory is one that guests send to, unlike all its other hosts."""
    found = [owners[str(one)] for one in bridge.get("gateways") or [] if owners.get(str(one))]
    return {**bridge, "gateway_macs": list(dict.fromkeys([*(bridge.get("gateway_macs") or []), *found]))}


def _outermost(networks: Iterable[Any]) -> set[Any]:
    """Without those that lie within another one, as the bare address of a host that told nothing of itself."""
    found = set(networks)
    return {
        one
        for one in found
        if not any(one != other and one.version == other.version and one.subnet_of(other) for other in found)
    }


def vm_isolation_defaults(host: str, hosts: Iterable[str], hostvars: HostVars, speaker: str = "") -> dict[str, Any]:
    """For one node; speaker: the host whose variables say which virtual networks there are."""
    hosts = list(hosts)
    variables = hostvars[host]
    told = _list(variables, "opennebula_virtual_networks")
    if not told and speaker:
        told = _list(hostvars[speaker], "opennebula_virtual_networks")
    owners = _owners(hostvars[one] for one in hosts)
    declared = _list(variables, "vm_isolation_bridges") or guest_bridges(variables, told)
    bridges = [_with_routers(bridge, owners) for bridge in declared]
    gateways = {str(gateway) for bridge in bridges for gateway in bridge.get("gateways") or []}
    networks = [network for one in hosts for network in host_networks(one, hostvars[one], gateways)]
    gateway_macs = {str(mac).lower() for bridge in bridges for mac in bridge.get("gateway_macs") or []}
    macs = {mac for one in hosts for mac in host_macs(hostvars[one])} - gateway_macs
    protected = [str(one) for one in _list(variables, "vm_isolation_protected_networks")]
    silent = [one for one in hosts if not interfaces_of(hostvars[one])]
    derived = ["infrastructure_macs", *([] if protected else ["protected_networks"])]
    return {
        "bridges": bridges,
        "protected_networks": protected or sorted(str(network) for network in _outermost(networks)),
        "infrastructure_macs": sorted(
            macs | {str(mac) for mac in _list(variables, "vm_isolation_infrastructure_macs")}
        ),
        # A run that was limited to some hosts knows nothing of the others.
        "partial": derived if silent else [],
    }


# What hosts of a group listen on, of what guests have no business with.
PORTS_OF = {
    "all": (22,),
    "opennebula_frontends": (2633, 2616, 3306),
    "opennebula_nodes": (16509, 16514),
    "gluster_servers": (24007, 49152),
    "vitastor_servers": (2379, 5666),
    "ovirt_hosts": (54321,),
}


def vm_isolation_targets(host: str, groups: Mapping[str, Iterable[str]], hostvars: HostVars) -> list[dict[str, Any]]:
    """The other hosts of the inventory, with the ports that are tried from a throw-away guest of this one."""
    targets = []
    for other in groups["all"]:
        if other == host:
            continue
        ports = {port for group, own in PORTS_OF.items() if other in groups.get(group, ()) for port in own}
        addresses = {address_of(other, hostvars[other]): ""}
        for link in interfaces_of(hostvars[other]).values():
            for text in link.get("addresses") or []:
                addresses[str(text).split("/", maxsplit=1)[0]] = str(link.get("mac") or "")
        targets += [
            {"address": address, "mac": mac, "ports": sorted(ports)}
            for address, mac in addresses.items()
            if is_address(address) and not ipaddress.ip_address(address).is_link_local
        ]
    return targets


def vm_isolation_used(virtual_networks: Iterable[Any]) -> list[str]:
    """The addresses that OpenNebula gives to guests, as ranges."""
    used = []
    for network in virtual_networks:
        for entry in network.get("address_ranges") or [] if isinstance(network, Mapping) else []:
            upper = {str(key).upper(): value for key, value in entry.items()}
            if upper.get("IP") and is_address(str(upper["IP"])):
                first = ipaddress.ip_address(str(upper["IP"]))
                used.append(f"{first}-{first + max(0, int(upper.get('SIZE') or 1) - 1)}")
    return used
