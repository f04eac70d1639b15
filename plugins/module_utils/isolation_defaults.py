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
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import MAC, Network, link_local
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import OUTSIDE_KINDS

LINK_KINDS = ("ethernets", "bonds", "vlans", "bridges")
# Links of container engines and of libvirt's own network: the same on every host, and no way to any of them.
PRIVATE_LINKS = re.compile(r"(lo|docker|virbr|podman|cni|lxdbr|veth|br-[0-9a-f]{12})")
# What a host has itself, a card of one in a container being one of a pair. A bridge has an address even where nobody
# gave it one: a link-local one.
OWN_LINKS = ("", "veth", "bridge")
GUESTS = ("tun", "macvtap")
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


def host_addresses(host: str, variables: Mapping[str, Any]) -> list[tuple[str, Network]]:
    """The addresses of a host with the networks they are in; of one that told nothing its address at least."""
    links = [*_links(variables), *interfaces_of(variables).values()]
    texts = [str(text) for link in links for text in link.get("addresses") or []]
    address = address_of(host, variables)
    found = []
    for text in [*texts, *([address] if is_address(address) else [])]:
        try:
            network = ipaddress.ip_interface(text).network
        except ValueError:
            continue  # a slip that is told elsewhere
        if not network.is_link_local and not network.is_loopback and network.prefixlen:
            found.append((text.split("/", maxsplit=1)[0], network))
    return found


def host_macs(variables: Mapping[str, Any]) -> list[str]:
    macs = {str(link.get("mac") or "").lower() for link in _reached(variables)}
    return sorted(mac for mac in macs if MAC.match(mac) and not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00")


def _reached(variables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Its cards and bridges, and what has an address; links of guests come and go, and are none of these."""
    for link in interfaces_of(variables).values():
        kind = link.get("kind") or ""
        if kind in OWN_LINKS or (link.get("addresses") and kind not in GUESTS):
            yield link


def host_link_locals(variables: Mapping[str, Any]) -> list[str]:
    """Its link-local addresses that are not made of MAC addresses."""
    texts = [
        str(text).split("/", maxsplit=1)[0] for link in _reached(variables) for text in link.get("addresses") or []
    ]
    made = {str(link_local(mac)) for mac in host_macs(variables)}
    return [text for text in texts if text.startswith("fe80:") and text not in made]


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


class KnownHosts:
    """What all hosts of the inventory come to for each node that has guests: worked out once for all of them."""

    def __init__(self, hosts: Iterable[str], hostvars: HostVars) -> None:
        self.holders: dict[Network, set[str]] = {}  # by network the addresses by which hosts are in it
        self.owners: dict[str, str] = {}  # by address the MAC address of the host that has it
        self.macs: set[str] = set()
        self.link_locals: set[str] = set()
        self.silent: list[str] = []  # hosts that told nothing of themselves
        self._protected: dict[frozenset[str], list[str]] = {}
        for host in hosts:
            variables = hostvars[host]
            for address, network in host_addresses(host, variables):
                self.holders.setdefault(network, set()).add(address)
            links = interfaces_of(variables)
            for link in links.values():
                for text in link.get("addresses") or []:
                    self.owners[str(text).split("/", maxsplit=1)[0]] = str(link.get("mac") or "").lower()
            self.macs.update(host_macs(variables))
            self.link_locals.update(host_link_locals(variables))
            if not links:
                self.silent.append(host)

    def as_fact(self) -> dict[str, Any]:
        holders = {str(network): sorted(addresses) for network, addresses in self.holders.items()}
        return {
            "holders": holders,
            "owners": self.owners,
            "macs": sorted(self.macs),
            "link_locals": sorted(self.link_locals),
            "silent": self.silent,
        }

    @classmethod
    def from_fact(cls, fact: Mapping[str, Any]) -> KnownHosts:
        known = cls([], {})
        known.holders = {ipaddress.ip_network(str(one)): set(held) for one, held in fact["holders"].items()}
        known.owners, known.macs, known.silent = dict(fact["owners"]), set(fact["macs"]), list(fact["silent"])
        known.link_locals = set(fact["link_locals"])
        return known

    def protected_networks(self, gateways: Collection[str]) -> list[str]:
        """Those that hosts are in otherwise than as a gateway. Most nodes have the same gateways, and one answer."""
        key = frozenset(gateways)
        if key not in self._protected:
            networks = [network for network, addresses in self.holders.items() if addresses - key]
            self._protected[key] = sorted(str(network) for network in _outermost(networks))
        return self._protected[key]


def _with_routers(bridge: Mapping[str, Any], owners: Mapping[str, str]) -> dict[str, Any]:
    """A gateway that is a host of the inventory is one that guests send to, unlike all its other hosts."""
    found = [owners[str(one)] for one in bridge.get("gateways") or [] if owners.get(str(one))]
    return {**bridge, "gateway_macs": list(dict.fromkeys([*(bridge.get("gateway_macs") or []), *found]))}


def _outermost(networks: Iterable[Network]) -> list[Network]:
    """Without those that lie within another one, as the bare address of a host that told nothing of itself.

    Networks are nested or apart, and in order an outer one comes before those within it.
    """
    found: list[Any] = []
    for one in sorted(networks, key=lambda one: (one.version, int(one.network_address), one.prefixlen)):
        if not found or found[-1].version != one.version or not one.subnet_of(found[-1]):
            found.append(one)
    return found


def node_defaults(
    variables: Mapping[str, Any], known: KnownHosts, virtual_networks: Iterable[Any] = ()
) -> dict[str, Any]:
    """For the node of these variables; virtual_networks: those that hold where the node's own variables name none."""
    told = _list(variables, "opennebula_virtual_networks") or virtual_networks
    declared = _list(variables, "vm_isolation_bridges") or guest_bridges(variables, told)
    bridges = [_with_routers(bridge, known.owners) for bridge in declared]
    gateways = {str(gateway) for bridge in bridges for gateway in bridge.get("gateways") or []}
    gateway_macs = {str(mac).lower() for bridge in bridges for mac in bridge.get("gateway_macs") or []}
    more_macs = {str(mac) for mac in _list(variables, "vm_isolation_infrastructure_macs")}
    protected = [str(one) for one in _list(variables, "vm_isolation_protected_networks")]
    derived = ["infrastructure_macs", "infrastructure_link_locals", *([] if protected else ["protected_networks"])]
    return {
        "bridges": bridges,
        "protected_networks": protected or known.protected_networks(gateways),
        "infrastructure_macs": sorted((known.macs - gateway_macs) | more_macs),
        "infrastructure_link_locals": sorted(known.link_locals),
        # A run that was limited to some hosts knows nothing of the others.
        "partial": derived if known.silent else [],
        "silent_hosts": known.silent,
    }


def vm_isolation_to_ask(hosts: Iterable[str], hostvars: HostVars) -> list[str]:
    """Hosts that were not asked yet, or before they had the bridges that they have by now."""
    found = []
    for host in hosts:
        variables = hostvars.get(host, {})  # a syntax check knows no variables of hosts
        links = interfaces_of(variables)
        bridges = {one.get("name") for one in _list(variables, "host_network_bridges") if isinstance(one, Mapping)}
        if "preflight_probe" not in variables or (links and not bridges <= set(links)):
            found.append(host)
    return found


def vm_isolation_known_hosts(hosts: Iterable[str], hostvars: HostVars) -> dict[str, Any]:
    """What vm_isolation_defaults asks of all hosts; Ansible takes milliseconds for each to say what it has."""
    return KnownHosts(hosts, hostvars).as_fact()


def vm_isolation_defaults(
    host: str, known_hosts: Mapping[str, Any], hostvars: HostVars, speaker: str = ""
) -> dict[str, Any]:
    """For one node; speaker: the host whose variables say which virtual networks there are."""
    spoken = _list(hostvars[speaker], "opennebula_virtual_networks") if speaker else []
    return node_defaults(hostvars[host], KnownHosts.from_fact(known_hosts), spoken)


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
