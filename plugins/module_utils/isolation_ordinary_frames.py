# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What most frames are: IPv4 between guests, and between them and their gateways, to which none of the drops applies.

Such a frame passes by one rule that is made of comparisons; whatever is not of that form is asked drop by drop, and
counted by what is wrong with it. A look into a set costs more than the drops themselves, as between two frames its
memory has left the caches.

nft makes one comparison of two that stand in one rule and whose fields lie side by side. For `!=` with both that is
another one (nft 1.0.6), and with the type of the frame in it older kernels no longer see a tag that a card has taken
off. So the type has a rule of its own, and none has two such `!=`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import (
    Declaration,
    Network,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import Chain, Rule, accept
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_scope import Scope, guest_mac

FEW = 4  # more comparisons than that cost more than the look into the set


def ordinary_from_guests(declaration: Declaration, scope: Scope) -> Chain:
    gateways = [str(one) for one in scope.gateways if one.version == 4]
    packet = [
        "ip hdrlength 5",
        *_none_of("ip saddr", gateways, scope.name("gateways4")),
        _within("ip saddr", scope),
        *_outside_of("ip daddr", declaration.protected),
        "ip daddr < 224.0.0.0",
        "th sport != 67",
    ]
    sender = guest_mac("ether saddr", declaration.mac_prefix, "==")
    passes = [_all(sender, peer, *packet) for peer in _peers("ether daddr", declaration, scope.gateway_macs)]
    asked = Rule("", f"goto {scope.name('from_guests')}")
    rules = _but_for_others(declaration, asked, passes if scope.has(4) else [])
    return Chain(scope.name("ordinary_from_guests"), rules)


def ordinary_to_guests(declaration: Declaration, scopes: Iterable[Scope]) -> Chain:
    gateway_macs = sorted({mac for scope in scopes for mac in scope.gateway_macs})
    packet = [*_outside_of("ip saddr", declaration.protected), "ip protocol != icmp"]
    target = guest_mac("ether daddr", declaration.mac_prefix, "==")
    passes = [_all(target, peer, *packet) for peer in _peers("ether saddr", declaration, gateway_macs)]
    asked = Rule("", "goto to_guests")
    return Chain("ordinary_to_guests", _but_for_others(declaration, asked, passes))


def ordinary_through(declaration: Declaration) -> list[Rule]:
    """In the second layer, which sees as well what only crosses a bridge, where iptables is to filter that."""
    conditions = _outside_of("ip daddr", declaration.protected)
    return [Rule(" ".join(conditions), "return")] if conditions else []


def _all(*conditions: str) -> Rule:
    return accept(" ".join(conditions))


def _peers(field: str, declaration: Declaration, gateway_macs: list[str]) -> list[str]:
    """A guest, or a gateway: so that it is no host without a look at them all."""
    return [guest_mac(field, declaration.mac_prefix, "=="), *(f"{field} {mac}" for mac in gateway_macs[:FEW])]


def _but_for_others(declaration: Declaration, asked: Rule, passes: list[Rule]) -> tuple[Rule, ...]:
    """Those of another type, tags with them, and those of hosts and routers whose MAC addresses begin as guests' do."""
    alike = sorted(mac for mac in declaration.claimed_macs if mac.startswith(f"{declaration.mac_prefix}:"))
    named = alike if len(alike) <= FEW else ["@claimed_macs"]
    others = ["ether type != ip", *(f"{field} {mac}" for mac in named for field in ("ether saddr", "ether daddr"))]
    return (*(replace(asked, match=match) for match in others), *passes, asked)


def _none_of(field: str, elements: list[str], name: str) -> list[str]:
    """name: of the set that has them."""
    return [f"{field} != {one}" for one in elements] if len(elements) <= FEW else [f"{field} != @{name}"]


def _outside_of(field: str, protected: Iterable[Network]) -> list[str]:
    own = [one for one in protected if one.version == 4]
    # With a mask that covers all of it nft might compare without one, side by side with another field.
    if len(own) <= FEW and all(one.prefixlen < 32 for one in own):
        return [_masked(field, one, "!=") for one in own]
    return [f"{field} != @protected4"]


def _within(field: str, scope: Scope) -> str:
    own = [one for one in scope.networks if one.version == 4]
    return _masked(field, own[0], "==") if len(own) == 1 else f"{field} @{scope.name('networks4')}"


def _masked(field: str, network: Network, operator: str) -> str:
    """With its mask in full: what is then read has the size of a register, which is quicker than three bytes."""
    return f"{field} & {network.netmask} {operator} {network.network_address}"
