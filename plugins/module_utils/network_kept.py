# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a change of links must not lose: `netplan apply` sets up anew every link that its daemon looks after,
declared or not, and may drop what others put there, such as the floating address of front-ends.
"""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.host_probe import GUEST_LINKS
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import Link
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import (
    Surroundings,
    deleted,
    given_up,
    plain,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink, LiveState


class Held(NamedTuple):
    device: str
    address: str  # with length; empty for a lease, whichever it is
    described: bool = False  # by a file of netplan: no other host may have it


def of_the_host(live: LiveState) -> Iterator[LiveLink]:
    return (link for link in live.links.values() if link.name != "lo" and not GUEST_LINKS.match(link.name))


def described(name: str, *told: Any) -> set[str]:
    """Addresses that files give to a link."""
    return {plain(text) for one in told if name in one for text in one[name].texts("addresses")}


def kept(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[Held]:
    """What is put back after the change, if it is lost by it."""
    left = around.left or {}
    names = {found.name: link.name for link, found in ((link, live.found(link)) for link in links) if found}
    gone = {(link.name, address) for link, address, _leased in given_up(links, live, around)}
    declared = {ip(plain(text)) for link in links for text in link.addresses}
    doomed = set(deleted(links, live, around)) - {link.name for link in links}
    return [
        Held(names.get(link.name, link.name), address, address in described(link.name, left))
        for link in of_the_host(live)
        for address, leased in link.addresses.items()
        if not leased
        and link.name not in doomed
        and ip(address) not in declared
        and (names.get(link.name), address) not in gone
    ]


def held(links: Sequence[Link], live: LiveState, around: Surroundings) -> list[Held]:
    """What undeclared links must not have lost, or the change is not confirmed."""
    names, left = live.names(links) | set(around.former), around.left or {}
    found = []
    for link in (one for one in of_the_host(live) if one.name not in names):
        for address, leased in link.addresses.items():
            if leased and "." in address:
                found.append(Held(link.name, ""))
            elif not leased and (address in described(link.name, left) or ip(address) == around.control):
                found.append(Held(link.name, address))
    return found


def lost(what: Sequence[Held], live: LiveState) -> Iterator[str]:
    for device, address, _described in what:
        present = live.links[device].addresses if device in live.links else {}
        if address and address not in present:
            yield f"{address} is gone from {device}, which is not declared"
        if not address and not any(leased and "." in one for one, leased in present.items()):
            yield f"{device}, which is not declared, has lost its lease"


def saved_state(live: LiveState, names: set[str], around: Surroundings) -> dict[str, Any]:
    """What the rollback sees to that it returns: links that a trial touches, and addresses of all links that no file
    gives back.
    """
    links, told = {}, (around.former, around.left or {})
    for link in (live.links[name] for name in sorted(names & set(live.links))):
        bridge = ["stp_state", str(int(link.stp)), "forward_delay", str(100 * link.forward_delay)]
        files = described(link.name, *told)
        links[link.name] = {
            "up": link.up,
            "master": link.master,
            "mtu": link.mtu,
            "bridge": bridge if link.kind == "bridge" else [],
            "addresses": [one for one, leased in link.addresses.items() if ("." in one if leased else one in files)],
        }
    foreign = [
        Held(link.name, address)
        for link in of_the_host(live)
        for address, leased in link.addresses.items()
        if not leased and address not in described(link.name, *told)
    ]
    routes = [(one.to, one.via, one.device) for one in live.routes if one.device in links]
    return {"links": links, "routes": routes, "foreign": foreign}


def ip(address: str) -> str:
    return address.split("/")[0]
