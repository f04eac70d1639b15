# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three iptables rules of Vitastor's guide, for those who want exactly these, in chains of their own.

They are loaded by `iptables-restore --noflush`, which leaves all other chains as they are, in one transaction.
"""

from __future__ import annotations

from typing import Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Declaration

CHAINS = {"INPUT": "KVMCLOUD-INPUT", "FORWARD": "KVMCLOUD-FORWARD"}
LEAVES_OPEN = (
    "vm_isolation_mode is guide: a guest still reaches every address of its own node with its own address, and storage "
    "over IPv6, with VLAN tags, broadcasts and other protocols; it can take ARP and MAC addresses of hosts; guests of "
    "other nodes reach this node. The mode full closes these."
)


def guide_rules(declaration: Declaration) -> list[str]:
    """Lines of `iptables -S`, in its own spelling. The guide's second rule, for several networks: back or drop."""
    lines = []
    for bridge in declaration.bridges:
        lines += [f"-A {CHAINS['INPUT']} -m physdev --physdev-in {uplink} -j ACCEPT" for uplink in bridge.uplinks]
        own = [network for network in bridge.networks if network.version == 4]
        lines += [f"-A {CHAINS['INPUT']} -s {network} -i {bridge.name} -j RETURN" for network in own]
        lines.append(f"-A {CHAINS['INPUT']} -i {bridge.name} -j DROP")
    guests = [network for network in declaration.guest_networks if network.version == 4]
    protected = [network for network in declaration.protected if network.version == 4]
    lines += [f"-A {CHAINS['FORWARD']} -s {guest} -d {one} -j DROP" for guest in guests for one in protected]
    return lines


def restore_text(rules: Iterable[str], present: Mapping[str, int]) -> str:
    """present: how often each built-in chain jumps into ours. In the end once: at INPUT's end, at FORWARD's head."""
    lines = ["*filter", *(f":{own} - [0:0]" for own in CHAINS.values())]
    lines += _without_jumps(present)
    lines += [f"-A INPUT -j {CHAINS['INPUT']}", f"-I FORWARD 1 -j {CHAINS['FORWARD']}", *rules, "COMMIT"]
    return "\n".join(lines) + "\n"


def removal_text(present: Mapping[str, int], chains: Iterable[str]) -> str:
    """Without jumps and chains; nothing where there is none of them."""
    own = [name for name in CHAINS.values() if name in set(chains)]
    lines = [*_without_jumps(present), *(f"-F {name}" for name in own), *(f"-X {name}" for name in own)]
    return "\n".join(["*filter", *lines, "COMMIT"]) + "\n" if lines else ""


def _without_jumps(present: Mapping[str, int]) -> list[str]:
    return [f"-D {chain} -j {own}" for chain, own in CHAINS.items() for _each in range(present.get(chain, 0))]


def own_lines(listed: str) -> list[str]:
    """Of `iptables -S`: what is ours, jumps included."""
    return [line for line in listed.splitlines() if any(own in line.split() for own in CHAINS.values())]


def jumps(listed: str) -> dict[str, int]:
    found = listed.splitlines()
    return {chain: found.count(f"-A {chain} -j {own}") for chain, own in CHAINS.items()}


def chains_of(listed: str) -> list[str]:
    return [line.split()[1] for line in listed.splitlines() if line.startswith("-N ")]


def expected_lines(rules: Iterable[str]) -> list[str]:
    """What `own_lines` finds when all is as it shall be."""
    return [
        *(f"-N {own}" for own in CHAINS.values()),
        *(f"-A {chain} -j {own}" for chain, own in CHAINS.items()),
        *rules,
    ]
