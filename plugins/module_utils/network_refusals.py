# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a declaration of links must not be tried on this very host: all reasons at once, each with what to do."""

from __future__ import annotations

import ipaddress
from typing import Iterable, Iterator, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.host_probe import GUEST_LINKS
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import OWN, undeclared_parents
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import (
    ETHERNET,
    MADE_KINDS,
    SECTIONS,
    VLAN,
    Link,
    addresses_with_length,
    as_interface,
    below,
    mtu_over,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings, deleted
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveState


def refusals(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[str]:
    """Why the declaration must not be tried on this host, all at once."""
    return [sentence for rule in _RULES for sentence in rule(links, live, around)]


def _missing(links: Sequence[Link], live: LiveState, _around: Surroundings) -> Iterator[str]:
    names = {link.name for link in links}
    cards = ", ".join(sorted(n for n, one in live.links.items() if n != "lo" and one.kind not in MADE_KINDS)) or "none"
    for link in links:
        if link.kind == ETHERNET and live.found(link) is None:
            known = f"{link.name} (MAC address {link.mac})" if link.mac else link.name
            yield f"{known} does not exist on this host; it has {cards}. Correct the name, or plug the card in."
        if link.parent and link.parent not in names and link.parent not in live.links:
            yield f"{link.title} is on {link.parent}, which does not exist on this host; it has {cards}."


def _other_kinds(links: Sequence[Link], live: LiveState, _around: Surroundings) -> Iterator[str]:
    for link in links:
        found = live.links.get(link.name)
        if found and link.is_made and found.kind != link.kind:
            yield (
                f"{link.title} is declared, and {link.name} is a link of kind {found.kind or 'device'} here; choose "
                "another name, or remove that link by the means that made it."
            )
        if found and not link.is_made and found.kind in MADE_KINDS:
            yield (
                f"{link.name} is declared as an ethernet and is a {found.kind} here; declare it among "
                f"{SECTIONS[found.kind]}."
            )


def _exchanged_names(links: Sequence[Link], live: LiveState, _around: Surroundings) -> Iterator[str]:
    for link in links:
        card = live.found(link)
        if card and card.name != link.name and link.name in live.links:
            yield (
                f"{link.name} is declared for the card {link.mac}, which is {card.name} here, and {link.name} is "
                "another link; names cannot be exchanged while they are in use. Choose one that is free."
            )


def _foreign_ports(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    names = {link.name for link in links}
    for link in links:
        for port in link.ports:
            master = live.links[port].master if port in live.links else None
            if master and master != link.name and master not in names and master not in around.former:
                yield (
                    f"{port} is in {master} here, which is not declared; take it out of {master} by the means that put "
                    f"it there, or declare {master} instead of {link.name}."
                )


def _above(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    """With a link that is deleted go those that are on it, and bridges above lose what their guests speak through."""
    known = {link.name for link in links} | set(around.former)
    for name in deleted(links, live, around):
        again = any(link.name == name for link in links)
        what = f"{name} {'has to be made anew' if again else 'is declared no more'}"
        above = live.above(name)
        guests = [port for one in (name, *above) for port in live.guest_ports(one)]
        guests += [one for one in above if GUEST_LINKS.match(one)]
        strangers = [one for one in above if one not in known and one not in guests]
        if guests:
            or_else = f"leave {name} as it is" if again else f"go on declaring {name}"
            yield f"{what} and has guests on it ({', '.join(guests)}); move or stop them first, or {or_else}."
        if strangers:
            yield (
                f"{what}, and {', '.join(strangers)}, not declared, would go with it or lose it; declare that too, or "
                "remove it by the means that made it."
            )


def _vlan_parents(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    """netplan has to be told of what a VLAN is on, and then has that flushed of all that it was not told of."""
    if around.left is None:
        return
    for parent, vlan in undeclared_parents(links, around.left).items():
        found, former = live.links.get(parent), around.former.get(parent)
        held = [*found.addresses, *([f"its place in {found.master}"] if found.master else [])] if found else []
        if held and not (former and set(former.options) <= {"renderer"}):  # who put it there since will find it there
            yield (
                f"{vlan.title} is on {parent}, which is not declared and has {', '.join(held)} here, and would lose "
                f"it; declare {parent} too, with its addresses."
            )


def _live_vlans(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    names = {link.name for link in links} | {name for name, one in around.former.items() if one.file == OWN}
    cards = {link.name: found.name for link, found in ((link, live.found(link)) for link in links) if found}
    for link in links:
        for other in live.links.values():
            same = (other.parent, other.vlan_id) == (cards.get(str(link.parent), link.parent), link.vlan_id)
            if link.kind == other.kind == VLAN and same and other.name not in names:
                yield (
                    f"{link.title} has the id {link.vlan_id} on {link.parent}, as {other.name} has here, which is not "
                    f"declared; declare {other.name} instead, or remove it by the means that made it."
                )


def guests_in_the_way(live: LiveState, names: Iterable[str]) -> list[str]:
    """netplan has NetworkManager take down all its links for each change, and with a bridge go the ports of guests."""
    found = {name: live.guest_ports(name) for name in sorted(names)}
    return [
        f"{name} has guests on it ({', '.join(ports)}), and NetworkManager makes all its links anew for each change: "
        "they would lose their network. Move or stop them first, then run again."
        for name, ports in found.items()
        if ports
    ]


def _default_route(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    """Whoever enslaves the uplink of the host and names no gateway for the bridge has forgotten it."""
    managed = live.names(links) | set(around.former)
    for version in (4, 6):
        lost = [
            route
            for route in live.routes
            if route.to == "default" and ipaddress.ip_address(route.via).version == version
        ]
        kept = any(link.dhcp4 if version == 4 else link.speaks and link.ipv6 is not False for link in links) or any(
            route.to == "default" and route.version == version for link in links for route in link.routes
        )
        if lost and all(route.device in managed for route in lost) and not kept:
            route = lost[0]
            yield (
                f"The IPv{version} default route goes via {route.via} on {route.device}, which is declared without it, "
                f"and no declared link takes it over; name {route.via} among the gateways of the link that shall have "
                "it."
            )


def _kept_addresses(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    """An address on two links answers by the one or the other, as the kernel happens to order them: such a network may
    be confirmed, and cut the host off when it starts the next time.
    """
    names = live.names(links)
    for link, interface in addresses_with_length(links):
        for other in live.links.values():
            doomed = other.name in around.former and other.kind in MADE_KINDS
            present = any(text.split("/")[0] == str(interface.ip) for text in other.addresses)
            if present and other.name not in names and not doomed:
                yield (
                    f"{interface.ip} is declared for {link.name} and is on {other.name}, which is not declared and "
                    f"would keep it; declare {other.name} too, without it."
                )


def _live_mtus(links: Sequence[Link], live: LiveState, _around: Surroundings) -> Iterator[str]:
    declared = {link.name: link for link in links}
    for link in links:
        for name in below(link):
            found = live.links.get(name)
            same = name in declared and declared[name].mtu
            if found and link.mtu and not same and link.mtu > found.mtu:
                yield mtu_over(link, name, found.mtu)


_RULES = (
    _missing,
    _other_kinds,
    _exchanged_names,
    _foreign_ports,
    _above,
    _vlan_parents,
    _live_vlans,
    _default_route,
    _kept_addresses,
    _live_mtus,
)


def warnings(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[str]:
    return [*_control_address(links, live, around), *_shared_networks(links, live, around)]


def _shared_networks(links: Sequence[Link], live: LiveState, around: Surroundings) -> Iterator[str]:
    names = live.names(links) | set(around.former)
    for link, interface in addresses_with_length(links):
        for other in live.links.values():
            for text in other.addresses if other.name not in names else ():
                found = as_interface(text)
                if found and found.network == interface.network and found.ip != interface.ip:
                    yield (
                        f"{link.name} and {other.name}, which is not declared, are both in {interface.network}: "
                        "answers may leave by the wrong one."
                    )


def _control_address(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[str]:
    control = around.control
    holder = next(
        (link for link in live.links.values() if any(text.split("/")[0] == control for text in link.addresses)), None
    )
    if control is None or holder is None or holder.name not in live.names(links):
        return []
    version = ipaddress.ip_address(control).version
    stays = any(text.split("/")[0] == control for link in links for text in link.addresses)
    leased = any(link.dhcp4 if version == 4 else link.dhcp6 for link in links)
    if stays or leased:
        return []
    return [
        f"{control} on {holder.name}, by which this connection reached the host, is not declared any more. Unless the "
        "host answers by another address under the same name, all this will be rolled back."
    ]
