# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of a host as the kernel has them: output of `ip -json` in, plain records out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.host_probe import GUEST_LINKS
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import MADE_KINDS, Link

# What the state is read with.
READ_LINKS = ("ip", "-json", "-details", "address", "show")
READ_ROUTES = (("ip", "-json", "route", "show"), ("ip", "-json", "-6", "route", "show"))


@dataclass(frozen=True)
class LiveLink:
    name: str
    kind: str  # as the kernel calls it; empty for a card
    mac: str = ""  # the card's own, whatever a bond made of it
    mtu: int = 0
    up: bool = False
    carrier: bool = False
    master: str | None = None
    parent: str | None = None
    vlan_id: int | None = None
    mode: str | None = None
    stp: bool = False
    forward_delay: int = 0  # seconds
    addresses: Mapping[str, bool] = field(default_factory=dict, hash=False)  # with length -> from DHCP or the like


@dataclass(frozen=True)
class LiveRoute:
    to: str
    via: str
    device: str
    metric: int | None = None


@dataclass(frozen=True)
class LiveState:
    links: Mapping[str, LiveLink] = field(default_factory=dict)
    routes: tuple[LiveRoute, ...] = ()

    def ports(self, name: str) -> list[str]:
        return sorted(link.name for link in self.links.values() if link.master == name)

    def guest_ports(self, name: str) -> list[str]:
        return [port for port in self.ports(name) if GUEST_LINKS.match(port)]

    def above(self, name: str) -> list[str]:
        """All that is made of this link: VLANs and the like on it, what it is a port of, and what is on those."""
        found: list[str] = []
        waiting = [name]
        while waiting:
            one = waiting.pop()
            upwards = {link.name for link in self.links.values() if link.parent == one and link.kind != "veth"}
            upwards |= {link.master for link in self.links.values() if link.name == one and link.master}
            waiting += sorted(upwards - {name, *found})
            found += sorted(upwards - {name, *found})
        return found

    def holder(self, address: str) -> str | None:
        """The link that has this address, with its length."""
        return next((link.name for link in self.links.values() if address in link.addresses), None)

    def found(self, link: Link) -> LiveLink | None:
        """What is there of a declared link; a card that is known by its MAC address may still have another name."""
        if not link.mac:
            return self.links.get(link.name)
        cards = (one for one in self.links.values() if one.mac.lower() == link.mac and one.kind not in MADE_KINDS)
        return next(cards, None)

    def names(self, links: Iterable[Link]) -> set[str]:
        """Those of declared links, and those which some of them still have."""
        pairs = [(link, self.found(link)) for link in links]
        return {link.name for link, _found in pairs} | {found.name for _link, found in pairs if found}


def parse_state(addresses: str, *routes: str) -> LiveState:
    links = {link.name: link for link in map(_link, json.loads(addresses or "[]")) if link.name}
    return LiveState(links, tuple(route for text in routes for route in _routes(text)))


def _link(entry: Mapping[str, Any]) -> LiveLink:
    info = entry.get("linkinfo", {})
    data = info.get("info_data") or {}
    flags = entry.get("flags", [])
    return LiveLink(
        entry.get("ifname", ""),
        info.get("info_kind", ""),
        mac=entry.get("permaddr") or entry.get("address", ""),
        mtu=entry.get("mtu", 0),
        up="UP" in flags,
        carrier="LOWER_UP" in flags,
        master=entry.get("master"),
        parent=entry.get("link"),
        vlan_id=data.get("id") if info.get("info_kind") == "vlan" else None,
        mode=data.get("mode") if info.get("info_kind") == "bond" else None,
        stp=bool(data.get("stp_state")),
        forward_delay=int(data.get("forward_delay", 0)) // 100,  # in hundredths
        addresses={
            f"{one['local']}/{one['prefixlen']}": bool(one.get("dynamic"))
            for one in entry.get("addr_info", [])
            # One that another host has already is not usable; one that is still being asked about is not yet.
            if one.get("scope") == "global" and not one.get("dadfailed") and not one.get("tentative")
        },
    )


def _routes(text: str) -> list[LiveRoute]:
    return [
        LiveRoute(entry["dst"], hop["gateway"], hop["dev"], entry.get("metric"))
        for entry in json.loads(text or "[]")
        for hop in entry.get("nexthops") or [entry]
        if hop.get("gateway") and hop.get("dev")
    ]
