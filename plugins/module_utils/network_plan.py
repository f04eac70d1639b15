# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies between the links of a live host and those declared: as steps before a change, as lacks after it.

Both come from one comparison, so that nothing is promised in a plan that is not looked for afterwards.
"""

from __future__ import annotations

import ipaddress
from typing import Iterator, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import OWN, Definition
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import (
    BOND,
    BRIDGE,
    MADE_KINDS,
    VLAN,
    Link,
    Route,
    as_interface,
    router,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink, LiveState

Command = Tuple[str, ...]  # arguments of ip(8)


class Difference(NamedTuple):
    step: str  # create bridge br0
    lack: str  # the bridge br0 does not exist
    # What netplan does not do by itself: before it is called, after it, and before it is called to take all back.
    before: Command = ()
    after: Command = ()
    undo: tuple[Command, ...] = ()
    # networkd remembers a link that was deleted, and makes it again as it was; its restart makes it forget.
    anew: bool = False


class Surroundings(NamedTuple):
    former: Mapping[str, Definition]
    control: str | None = None  # the host's address of the connection that is used now
    left: Mapping[str, Definition] | None = None  # links that other files describe; None: not known


def differences(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[Difference]:
    comparison = _Comparison(links, live, around)
    return [one for part in comparison.parts for one in part()]


def given_up(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[tuple[Link, str, bool]]:
    """Addresses that a declared link has and shall not have, and whether that is by a lease."""
    return list(_Comparison(links, live, around).addresses_given_up())


def deleted(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[str]:
    """Links that are deleted before netplan is called, whether they are made again or not."""
    return list(dict.fromkeys(one.before[-1] for one in differences(links, live, around) if one.before))


class _Comparison:
    def __init__(self, links: Sequence[Link], live: LiveState, around: Surroundings) -> None:
        self.links, self.live, self.around = links, live, around
        self.by_name = {link.name: link for link in links}
        self.wanted = {plain(text): link.name for link in links for text in link.addresses}
        self.parts = (
            self.renamed,
            self.made,
            self.enslaved,
            self.released,
            self.addressed,
            self.given_up,
            self.leased,
            self.routed,
            self.unrouted,
            self.tuned,
            self.raised,
            self.removed,
        )

    def renamed(self) -> Iterator[Difference]:
        for link in self.links:
            found = self.live.found(link)
            if found and found.name != link.name:
                yield Difference(
                    f"rename {found.name} to {link.name}",
                    f"the card {link.mac} is called {found.name}, not {link.name}",
                    undo=(
                        ("link", "set", "dev", link.name, "down"),
                        ("link", "set", "dev", link.name, "name", found.name),
                        ("link", "set", "dev", found.name, "up"),
                    ),
                )

    def made(self) -> Iterator[Difference]:
        for link in (one for one in self.links if one.is_made):
            found = self.live.links.get(link.name)
            delete = ("link", "delete", "dev", link.name)
            if found is None:
                yield Difference(f"create {_described(link)}", f"{link.title} does not exist", undo=(delete,))
                continue
            for now, again in _made_otherwise(link, found):
                yield Difference(
                    f"make {_described(link)} anew (now {now})",
                    f"{link.title} has {now}",
                    before=delete,
                    undo=(delete, again),
                    anew=True,
                )

    def enslaved(self) -> Iterator[Difference]:
        for link in self.links:
            for port in link.ports:
                found = self.live.links.get(port)
                if found is None or found.master != link.name:
                    yield Difference(f"enslave {port} to {link.name}", f"{port} is not in {link.title}")

    def released(self) -> Iterator[Difference]:
        ports = {port for link in self.links for port in link.ports}
        for name, definition in sorted(self.around.former.items()):
            for port in definition.texts("interfaces"):
                found = self.live.links.get(port)
                if found and found.master == name and port not in ports:
                    yield Difference(
                        f"release {port} from {name}",
                        f"{port} is still in {name}",
                        after=("link", "set", "dev", port, "nomaster"),
                    )

    def addressed(self) -> Iterator[Difference]:
        for address, name in self.wanted.items():
            found = self.live.found(self.by_name[name])
            if found and address in found.addresses:
                continue
            holder = self.live.holder(address)
            step = f"move {address} from {holder} to {name}" if holder else f"add {address} to {name}"
            lack = f"{address} is not on {name}" + (f" but still on {holder}" if holder else "")
            if found and not found.carrier and found.up:
                lack += f", which has no carrier: is a cable in, and are its ports up? (ports: {self._ports(name)})"
            yield Difference(step, lack)

    def _ports(self, name: str) -> str:
        return ", ".join(self.live.ports(name)) or "none"

    def addresses_given_up(self) -> Iterator[tuple[Link, str, bool]]:
        """Those that only the former configuration had, and leases; those of others (a floating one) stay."""
        for link in self.links:
            found = self.live.found(link)
            definition = self.around.former.get(link.name)
            described = {plain(text) for text in definition.texts("addresses")} if definition else set()
            for address, leased in (found.addresses if found else {}).items():
                dhcp = link.dhcp4 if "." in address else link.dhcp6
                if self.wanted.get(address) == link.name or (leased and dhcp):
                    continue
                if not (leased or address in described or self._is_port(link.name)):
                    continue
                if ":" in address and leased and link.speaks:
                    continue  # of a router's advertisement, which the link goes on listening to
                yield link, address, leased

    def given_up(self) -> Iterator[Difference]:
        for link, address, leased in self.addresses_given_up():
            # Where DHCP is asked, the very same address may be back as a lease before the command would run.
            dhcp = link.dhcp4 if "." in address else link.dhcp6
            delete = () if dhcp else _delete(address, link.name)
            if address in self.wanted:
                yield Difference("", f"{address} is still on {link.name}", after=delete)
            else:
                what = "give up the lease" if leased else "remove"
                step = f"{what} {address} {'on' if leased else 'from'} {link.name}"
                yield Difference(step, f"{address} is still on {link.name}", after=delete)

    def _is_port(self, name: str) -> bool:
        return any(name in link.ports for link in self.links)

    def leased(self) -> Iterator[Difference]:
        for link in self.links:
            for version, wanted, mark in ((4, link.dhcp4, "."), (6, link.dhcp6, ":")):
                found = self.live.found(link)
                has = any(leased and mark in address for address, leased in (found.addresses if found else {}).items())
                if wanted and not has and not link.optional:
                    yield Difference(
                        f"ask for an IPv{version} address by DHCP on {link.name}",
                        f"no IPv{version} address came by DHCP to {link.name}",
                    )

    def routed(self) -> Iterator[Difference]:
        for link in self.links:
            for route in link.routes:
                if self._has_route(link.name, route):
                    continue
                same = [one.device for one in self.live.routes if (one.to, one.via) == (network(route.to), route.via)]
                title = _route(route)
                step = f"move {title} from {same[0]} to {link.name}" if same else f"add {title} on {link.name}"
                yield Difference(step, f"there is no {title} on {link.name}")

    def _has_route(self, device: str, route: Route) -> bool:
        return any(
            (one.to, one.via, one.device) == (network(route.to), route.via, device)
            and (route.metric is None or route.metric == one.metric)
            for one in self.live.routes
        )

    def unrouted(self) -> Iterator[Difference]:
        """Routes of the former configuration that nobody wants any more."""
        wanted = {(network(r.to), r.via, link.name) for link in self.links for r in link.routes}
        moved = {(network(r.to), r.via) for link in self.links for r in link.routes}
        for name, definition in sorted(self.around.former.items()):
            for route in former_routes(definition):
                present = [one for one in self.live.routes if (one.to, one.via, one.device) == (*route, name)]
                if present and (*route, name) not in wanted:
                    title = (
                        f"route to {route[0]} via {route[1]}"
                        if route[0] != "default"
                        else f"default route via {route[1]}"
                    )
                    # Of a route that moves, the step is told by where it goes.
                    step = "" if route in moved else f"remove the {title} from {name}"
                    yield Difference(step, f"the {title} is still on {name}", after=_unroute(*route, name))

    def tuned(self) -> Iterator[Difference]:
        for link in self.links:
            found = self.live.found(link)
            if link.mtu and (found is None or found.mtu != link.mtu):
                now = f"now {found.mtu}" if found else "new"
                yield Difference(
                    f"set the MTU of {link.name} to {link.mtu} ({now})",
                    f"the MTU of {link.name} is {found.mtu if found else 'unknown'}, not {link.mtu}",
                    after=("link", "set", "dev", link.name, "mtu", str(link.mtu)),
                )
            is_bridge = found is not None and found.kind == link.kind == BRIDGE
            if found and is_bridge and _tree(found) != _tree(link):
                wanted = f"STP {_switch(link.stp)}, forward delay {link.forward_delay} s"
                now = f"STP {_switch(found.stp)}, forward delay {found.forward_delay} s"
                values = ("stp_state", str(int(link.stp)), "forward_delay", str(100 * link.forward_delay))
                yield Difference(
                    f"set bridge {link.name} to {wanted} (now {now})",
                    f"bridge {link.name} has {now}; wanted is {wanted}",
                    after=("link", "set", "dev", link.name, "type", "bridge", *values),
                )

    def raised(self) -> Iterator[Difference]:
        for link in self.links:
            found = self.live.found(link)
            if found is None and not link.is_made:
                yield Difference(f"use {link.name}", f"{link.name} does not exist")
            elif found and not found.up:
                yield Difference(f"bring {link.name} up", f"{link.name} is down")

    def removed(self) -> Iterator[Difference]:
        for name, definition in sorted(self.around.former.items()):
            found = self.live.links.get(name)
            if definition.file == OWN and name not in self.by_name and found and found.kind in MADE_KINDS:
                yield Difference(
                    f"remove {found.kind} {name}",
                    f"{name} is still there",
                    before=("link", "delete", "dev", name),
                )


def _made_otherwise(link: Link, found: LiveLink) -> Iterator[tuple[str, Command]]:
    """What kernel and networkd change in no link that is there, and how it is made as it was."""
    if link.kind == VLAN and (found.vlan_id, found.parent) != (link.vlan_id, link.parent):
        on = ("link", str(found.parent), "name", link.name)
        yield (
            f"id {found.vlan_id} on {found.parent}",
            ("link", "add", *on, "type", "vlan", "id", str(found.vlan_id)),
        )
    if link.kind == BOND and found.kind == BOND and found.mode != link.mode:
        yield (
            f"mode {found.mode}",
            ("link", "add", "name", link.name, "type", "bond", "mode", str(found.mode)),
        )


def former_routes(definition: Definition) -> list[tuple[str, str]]:
    found = [
        (network(str(one["to"])), router(one["via"]))
        for one in definition.options.get("routes") or []
        if isinstance(one, Mapping) and one.get("to") and one.get("via")
    ]
    return found + [
        ("default", router(definition.options[key])) for key in ("gateway4", "gateway6") if definition.options.get(key)
    ]


def plain(address: str) -> str:
    """As the kernel writes it."""
    found = as_interface(address)
    return str(found) if found else address


def network(to: str) -> str:
    if to in ("default", "0.0.0.0/0", "::/0"):
        return "default"
    try:
        found = ipaddress.ip_network(to, strict=False)
    except ValueError:
        return to
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def _described(link: Link) -> str:
    return {
        VLAN: f"{link.title} (id {link.vlan_id} on {link.parent})",
        BOND: f"{link.title} (mode {link.mode})",
    }.get(link.kind, link.title)


def _route(route: Route) -> str:
    return f"default route via {route.via}" if route.to == "default" else f"route to {route.to} via {route.via}"


def _delete(address: str, name: str) -> tuple[str, ...]:
    return ("address", "delete", address, "dev", name)


def _unroute(to: str, via: str, name: str) -> tuple[str, ...]:
    return ("route", "delete", to, "via", via, "dev", name)


def _tree(bridge: Link | LiveLink) -> tuple[bool, int]:
    """Without STP the kernel lets ports forward at once, whatever the delay; NetworkManager does not set it then."""
    return bridge.stp, bridge.forward_delay if bridge.stp else 0


def _switch(on: bool) -> str:
    return "on" if on else "off"
