# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first layer: what frames may pass between guests, the outside and the node, decided on the bridge itself.

It decides before the bridge learns addresses and before iptables sees anything, for every port that is no uplink: a
guest that is plugged in later is met by the same rules. Ethertypes, senders and targets are listed, the rest dropped.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import (
    PROTOCOLS,
    Address,
    Declaration,
    Network,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ordinary_frames import (
    ordinary_from_guests,
    ordinary_to_guests,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import (
    RESERVED,
    Chain,
    Rule,
    Set,
    Table,
    accept,
    drop,
    macs_set,
    names_set,
    networks_set,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_scope import Scope, guest_mac

EARLY = "priority -350"  # before the bridge learns, before br_netfilter
GROUP_BIT = "01:00:00:00:00:00"
NO_GROUP = f"ether daddr & {GROUP_BIT} == 00:00:00:00:00:00"
RARP = "0x8035"  # by which QEMU announces a guest that was migrated
DHCP = "udp sport 68 udp dport 67"
FROM_DISCOVERY = f"ip saddr 0.0.0.0 ip daddr 255.255.255.255 ether daddr ff:ff:ff:ff:ff:ff {DHCP}"
DISCOVERY = f"ip daddr 255.255.255.255 {DHCP}"
LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")
UNSPECIFIED = ipaddress.IPv6Network("::/128")
# Guests ask for routers, neighbours and groups; they do not answer as routers.
NEIGHBOUR_TYPES = (
    "{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
    "mld-listener-report, mld-listener-done, mld2-listener-report }"
)
NEIGHBOURS = "{ nd-neighbor-solicit, nd-neighbor-advert }"
# A bridge asks its ports which groups are listened to, and sends groups nowhere where nobody answers.
BRIDGES_OWN = (accept("igmp type membership-query"), accept("icmpv6 type mld-listener-query"))
DHCP6_GROUP = "ip6 daddr ff02::1:2 udp dport 547"
PROTECTED = {4: "to_protected4", 6: "to_protected6"}  # chains
ND_TARGET = "@th,64,128"  # where neighbour solicitations and advertisements name their target


@dataclass(frozen=True)
class Surroundings:
    """What of the node decides how rules are written."""

    tells_bridges: bool = True  # the kernel has `meta ibrname`
    other_ports: tuple[str, ...] = ()  # ports of bridges that are not declared; only without it


def bridge_table(declaration: Declaration, around: Surroundings) -> Table:
    bridges = declaration.bridges
    groups = [(one,) for one in bridges] if around.tells_bridges else [bridges]
    scopes = [Scope(number, group) for number, group in enumerate(groups, 1)]
    sets = [*_common_sets(declaration, around), *(one for scope in scopes for one in _sets(declaration, scope))]
    ports = _Ports(declaration, around)
    chains = [
        Chain("prerouting", tuple(ports.dispatch(scope) for scope in scopes), f"prerouting {EARLY}"),
        Chain("input", (Rule(ports.incoming, "goto to_node"),), f"input {EARLY}"),
        # Each hook that a frame passes costs time, so what goes to guests is judged where it is forwarded or sent, and
        # not after that, where all ways meet.
        Chain(
            "forward",
            (Rule(ports.outgoing, "goto ordinary_to_guests"), Rule(ports.to_outside, "goto group_to_outside")),
            f"forward {EARLY}",
        ),
        Chain("output", (*BRIDGES_OWN, Rule(ports.outgoing, "goto ordinary_to_guests")), f"output {EARLY}"),
        *protected_chains(declaration, {4: "destination: protected network", 6: "IPv6: protected network"}),
        *(chain for scope in scopes for chain in _from_guests(declaration, scope)),
        *(ordinary_from_guests(declaration, scope) for scope in scopes),
        Chain("to_node", (*_local_services(declaration), drop("anything to the node", ""))),
        Chain("group_to_outside", tuple(_group_to_outside(declaration))),
        *_to_guests(declaration),
        ordinary_to_guests(declaration, scopes),
    ]
    # A chain must be there before another one jumps into it.
    return Table("bridge", tuple(sets), tuple(sorted(chains, key=lambda chain: bool(chain.hook))))


class _Ports:
    """How rules name the ports of guests. One name is compared, which is quicker than a set of one."""

    def __init__(self, declaration: Declaration, around: Surroundings) -> None:
        self.tells = around.tells_bridges
        uplinks = {uplink for bridge in declaration.bridges for uplink in bridge.uplinks}
        self.uplinks = _one_or_set(uplinks, "uplinks")
        no_guests = _one_or_set(uplinks | set(around.other_ports), "no_guests")
        bridges = _one_or_set({bridge.name for bridge in declaration.bridges}, "bridges")
        if self.tells:
            self.incoming = f"meta ibrname {bridges} iifname != {self.uplinks}"
            self.outgoing = f"meta obrname {bridges} oifname != {self.uplinks}"
        else:
            self.incoming, self.outgoing = f"iifname != {no_guests}", f"oifname != {no_guests}"
        self.to_outside = f"ether daddr & {GROUP_BIT} == {GROUP_BIT} {self.incoming} oifname {self.uplinks}"

    def dispatch(self, scope: Scope) -> Rule:
        match = f'meta ibrname "{scope.bridges[0].name}" iifname != {self.uplinks}' if self.tells else self.incoming
        return Rule(match, f"goto {scope.name('ordinary_from_guests')}")


def _one_or_set(names: set[str], of: str) -> str:
    return f'"{next(iter(names))}"' if len(names) == 1 else f"@{of}"


def _common_sets(declaration: Declaration, around: Surroundings) -> list[Set]:
    uplinks = [uplink for bridge in declaration.bridges for uplink in bridge.uplinks]
    gateway_macs = {mac for bridge in declaration.bridges for mac in bridge.gateway_macs}
    sets = [
        names_set("uplinks", uplinks),
        macs_set("host_macs", declaration.claimed_macs - gateway_macs),
        macs_set("claimed_macs", declaration.claimed_macs),
        networks_set("protected4", 4, declaration.protected),
        networks_set("protected6", 6, declaration.protected),
        services_set(declaration),
        *(destinations_set(declaration, version) for version in (4, 6)),
        *(_multicast_set(declaration, version) for version in (4, 6)),
    ]
    if around.tells_bridges:
        sets.append(names_set("bridges", [bridge.name for bridge in declaration.bridges]))
    else:
        sets.append(names_set("no_guests", [*uplinks, *around.other_ports]))
    return sets


def services_set(declaration: Declaration) -> Set:
    elements = sorted(f"{PROTOCOLS[one.protocol]} . {one.port}" for one in declaration.local_services)
    return Set("local_services", "type inet_proto . inet_service", tuple(dict.fromkeys(elements)))


def destinations_set(declaration: Declaration, version: int) -> Set:
    elements = sorted(
        f"{one.address} . {PROTOCOLS[one.service.protocol]} . {one.service.port}"
        for one in declaration.allowed
        if one.address.version == version
    )
    kind = f"type ipv{version}_addr . inet_proto . inet_service"
    return Set(f"allowed{version}", kind, tuple(dict.fromkeys(elements)))


def _multicast_set(declaration: Declaration, version: int) -> Set:
    own = [one for one in declaration.multicast if one.address.version == version]
    elements = sorted({f"{one.address} . {one.protocol}" for one in own})
    return Set(f"multicast{version}", f"type ipv{version}_addr . inet_proto", tuple(elements))


def _sets(declaration: Declaration, scope: Scope) -> list[Set]:
    sets = [
        networks_set(scope.name("networks4"), 4, scope.networks),
        _addresses_set(scope.name("gateways4"), 4, scope.gateways),
    ]
    if scope.has(6):
        claimed = {*scope.gateways, *declaration.claimed_link_locals}
        targets = _merged([network for network in (*scope.networks, LINK_LOCAL) if network.version == 6])
        sets += [
            networks_set(scope.name("sources6"), 6, [*scope.networks, LINK_LOCAL, UNSPECIFIED]),
            _addresses_set(scope.name("claimed6"), 6, claimed),
            # The same as numbers: nft 1.0.6 has no name for the target of a neighbour advertisement.
            Set(scope.name("targets6"), f"typeof {ND_TARGET}", tuple(_range(one) for one in targets), interval=True),
            Set(
                scope.name("claimed_targets6"),
                f"typeof {ND_TARGET}",
                tuple(_range(one) for one in _merged(_single(claimed))),
                interval=True,
            ),
        ]
    return sets


def _addresses_set(name: str, version: int, addresses: Iterable[Address]) -> Set:
    own = sorted({str(one) for one in addresses if one.version == version})
    return Set(name, f"type ipv{version}_addr", tuple(own))


def _single(addresses: Iterable[Address]) -> list[Network]:
    return [ipaddress.ip_network(address) for address in addresses]


def _merged(networks: Iterable[Any]) -> list[Network]:
    return list(ipaddress.collapse_addresses([one for one in networks if one.version == 6]))


def _range(network: Network) -> str:
    first, last = int(network.network_address), int(network.broadcast_address)
    return f"{first:#034x}" if first == last else f"{first:#034x}-{last:#034x}"


def _from_guests(declaration: Declaration, scope: Scope) -> list[Chain]:
    kinds = {"ip": scope.name("ip4"), "arp": scope.name("arp")}
    chains = [Chain(kinds["ip"], tuple(_ip4(declaration, scope))), Chain(kinds["arp"], tuple(_arp(declaration, scope)))]
    if scope.has(6):
        kinds["ip6"] = scope.name("ip6")
        chains.append(Chain(kinds["ip6"], tuple(_ip6(declaration, scope))))
    first = (
        drop("sender: no guest's MAC", guest_mac("ether saddr", declaration.mac_prefix, "!=")),
        drop("sender: MAC of a host or router", "ether saddr @claimed_macs"),
        drop("frame to the MAC of a host", "ether daddr @host_macs"),
        *_by_kind(kinds),
        drop("other protocol, or a VLAN tag", ""),
    )
    return [*chains, Chain(scope.name("from_guests"), first)]


def _by_kind(chains: Mapping[str, str]) -> list[Rule]:
    """IPv4 is what most frames are, and a comparison is quicker than a look into a map."""
    rest = [f"{kind} : goto {chain}" for kind, chain in chains.items() if kind != "ip"]
    return [
        Rule("ether type ip", f"goto {chains['ip']}"),
        Rule(f"ether type vmap {{ {', '.join([*rest, f'{RARP} : accept'])} }}", ""),
    ]


def _ip4(declaration: Declaration, scope: Scope) -> list[Rule]:
    return [
        drop("source routing", "ip hdrlength > 6"),  # router alert, which IGMP needs, makes 6
        drop("poses as a DHCP server", "udp sport 67"),
        accept(FROM_DISCOVERY),
        drop("source: address of the gateway", f"ip saddr @{scope.name('gateways4')}"),
        drop("source: no guest's address", f"ip saddr != @{scope.name('networks4')}"),
        unless_allowed(declaration, 4, "ip daddr @protected4", "destination: protected network"),
        drop("group address in a frame to one", f"{NO_GROUP} ip daddr {{ 224.0.0.0/4, 255.255.255.255 }}"),
    ]


def _arp(declaration: Declaration, scope: Scope) -> list[Rule]:
    networks, gateways = f"@{scope.name('networks4')}", f"@{scope.name('gateways4')}"
    return [
        drop("ARP: not of Ethernet and IPv4", "@nh,0,48 != 0x000108000604"),
        drop("ARP: neither request nor reply", "arp operation != { request, reply }"),
        drop("ARP: sender has no guest's MAC", guest_mac("arp saddr ether", declaration.mac_prefix, "!=")),
        drop("ARP: sender has the MAC of a host or router", "arp saddr ether @claimed_macs"),
        drop("ARP: claims the gateway's address", f"arp saddr ip {gateways}"),
        accept(f"arp operation request arp saddr ip 0.0.0.0 arp daddr ip {networks}"),  # a guest probes its address
        drop("ARP: claims no guest's address", f"arp saddr ip != {networks}"),
        drop("ARP: asks for no guest's address", f"arp daddr ip != {networks}"),
    ]


def _ip6(declaration: Declaration, scope: Scope) -> list[Rule]:
    advert = "icmpv6 type nd-neighbor-advert"
    return [
        drop("IPv6: routing header", "exthdr rt exists"),
        drop("IPv6: poses as a router", "icmpv6 type { nd-router-advert, nd-redirect }"),
        drop("IPv6: poses as a DHCP server", "udp sport 547"),
        # Who asks for a neighbour by that address says as well where it is.
        drop("IPv6: address of a router or host", f"ip6 saddr @{scope.name('claimed6')}"),
        drop("IPv6: no guest's address", f"ip6 saddr != @{scope.name('sources6')}"),
        drop("IPv6: claims a router's or host's address", f"{advert} {ND_TARGET} @{scope.name('claimed_targets6')}"),
        drop(
            "IPv6: neighbour is no guest's address",
            f"icmpv6 type {NEIGHBOURS} {ND_TARGET} != @{scope.name('targets6')}",
        ),
        drop(
            "IPv6: claims a link-local address of all",
            f"{advert} ip6 daddr ff00::/8 @th,64,16 & 0xffc0 == 0xfe80",
        ),
        unless_allowed(declaration, 6, "ip6 daddr @protected6", "IPv6: protected network"),
    ]


def to_allowed(declaration: Declaration, version: int, way: str = "d") -> list[Rule]:
    """To the allowed ports, or from there. A rule that nothing can match costs time for each frame."""
    if not any(one.address.version == version for one in declaration.allowed):
        return []
    field = "ip" if version == 4 else "ip6"
    return [accept(f"{field} {way}addr . meta l4proto . th {way}port @allowed{version}")]


def unless_allowed(declaration: Declaration, version: int, match: str, comment: str) -> Rule:
    """A drop, or the way to it over what is allowed: asked of few frames, and not of each."""
    if not to_allowed(declaration, version):
        return drop(comment, match)
    return Rule(match, f"goto {PROTECTED[version]}")


def protected_chains(declaration: Declaration, comments: Mapping[int, str]) -> list[Chain]:
    """Where frames to protected networks go, by version, that are not all dropped."""
    allowed = {version: to_allowed(declaration, version) for version in comments}
    return [
        Chain(PROTECTED[version], (*rules, drop(comments[version], ""))) for version, rules in allowed.items() if rules
    ]


def _local_services(declaration: Declaration) -> list[Rule]:
    if not declaration.local_services:
        return []
    # A frame to a reserved group comes here at once, and nobody asked yet who sent it.
    rules = [drop("frame to a reserved group", RESERVED), accept("meta l4proto . th dport @local_services")]
    if any(bridge.gateways for bridge in declaration.bridges):
        # The node may be the gateway; who answers for its address was decided before.
        rules.append(accept("ether type arp"))
        rules += (
            [accept(f"icmpv6 type {NEIGHBOURS}")] if any(one.version == 6 for one in declaration.guest_networks) else []
        )
    return rules


def _group_to_outside(declaration: Declaration) -> list[Rule]:
    rules = [
        accept(f"ether type {{ arp, {RARP} }}"),
        accept(DISCOVERY),
        accept("ip daddr . ip protocol @multicast4"),
    ]
    if any(network.version == 6 for network in declaration.guest_networks):
        rules += [
            accept(f"icmpv6 type {NEIGHBOUR_TYPES}"),
            accept(DHCP6_GROUP),
            accept("ip6 daddr . meta l4proto @multicast6"),
        ]
    return [*rules, drop("broadcast or multicast to the outside", "")]


def _to_guests(declaration: Declaration) -> list[Chain]:
    """Bridges flood what they have not learnt, and broadcasts of hosts are no business of guests either."""
    no_guest = guest_mac("ether daddr", declaration.mac_prefix, "!=")
    services = [accept("meta l4proto . th sport @local_services")] if declaration.local_services else []
    exempt = {version: [*services, *to_allowed(declaration, version, "s")] for version in (4, 6)}
    host = "ether saddr @host_macs"
    drops = {
        "from_hosts4": (4, host, "to guests: frame of a host"),
        "from_protected4": (4, "ip saddr @protected4", "to guests: from a protected network"),
        "from_hosts6": (6, host, "to guests: frame of a host, IPv6"),
        "from_protected6": (6, "ip6 saddr @protected6", "to guests: from a protected network, IPv6"),
    }
    # What is let through is asked of what would be dropped, and not of each frame.
    chains = {
        name: [*exempt[version], drop(comment, "")]
        for name, (version, _match, comment) in drops.items()
        if exempt[version]
    }
    ways = {
        name: Rule(match, f"goto {name}") if name in chains else drop(comment, match)
        for name, (_version, match, comment) in drops.items()
    }
    # A router that has hosts and guests in one segment would lead guests past itself, where nothing passes.
    chains["to_guests_ip4"] = [
        ways["from_hosts4"],
        ways["from_protected4"],
        drop("to guests: redirect", "icmp type redirect"),
    ]
    chains["to_guests_arp"] = [
        drop("to guests: ARP of a host", host),
        drop("to guests: ARP of a protected network", "arp saddr ip @protected4"),
    ]
    chains["to_guests_ip6"] = [
        ways["from_hosts6"],
        ways["from_protected6"],
        drop("to guests: redirect, IPv6", "icmpv6 type nd-redirect"),
    ]
    chains["to_guests"] = [
        drop("flooded to guests: frame for no guest's MAC", f"{NO_GROUP} {no_guest}"),
        drop("flooded to guests: frame for a host", "ether daddr @claimed_macs"),
        *_by_kind({"ip": "to_guests_ip4", "arp": "to_guests_arp", "ip6": "to_guests_ip6"}),
        drop("to guests: other protocol, or a VLAN tag", ""),
    ]
    return [Chain(name, tuple(rules)) for name, rules in chains.items()]
