# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of an nftables table, and its text: tables that are replaced as a whole, in one transaction."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Any, Iterable

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Network

TABLE = "kvmcloud"
ACCEPT, DROP = "accept", "counter drop"


@dataclass(frozen=True)
class Rule:
    """One line. The comment of a drop says what is dropped; it is what counters and differences are told by."""

    match: str
    verdict: str
    comment: str = ""

    def text(self) -> str:
        said = f'comment "{self.comment}"' if self.comment else ""
        return " ".join(part for part in (self.match, self.verdict, said) if part)


@dataclass(frozen=True)
class Chain:
    name: str
    rules: tuple[Rule, ...]
    hook: str = ""  # of a base chain: "prerouting priority -350"

    def text(self) -> str:
        head = [f"type filter hook {self.hook}; policy accept;"] if self.hook else []
        lines = "".join(f"\t\t{line}\n" for line in [*head, *(rule.text() for rule in self.rules)])
        return f"\tchain {self.name} {{\n{lines}\t}}\n"


@dataclass(frozen=True)
class Set:
    name: str
    kind: str  # "type ipv4_addr"
    elements: tuple[str, ...]
    interval: bool = False

    def text(self) -> str:
        lines = [self.kind, *(["flags interval"] if self.interval else [])]
        if self.elements:
            lines.append(f"elements = {{ {', '.join(self.elements)} }}")
        return f"\tset {self.name} {{\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n"


@dataclass(frozen=True)
class Table:
    family: str
    sets: tuple[Set, ...] = ()
    chains: tuple[Chain, ...] = field(default_factory=tuple)

    def text(self) -> str:
        body = "".join(one.text() for one in self.sets) + "".join(one.text() for one in self.chains)
        return f"{removal(self.family)}table {self.family} {TABLE} {{\n{body}}}\n"

    @property
    def drops(self) -> list[tuple[str, Rule]]:
        return [(chain.name, rule) for chain in self.chains for rule in chain.rules if rule.verdict == DROP]

    def without(self, dropped: Rule) -> Table:
        """The same without one rule, for tests that ask what it is good for."""
        chains = (replace(one, rules=tuple(rule for rule in one.rules if rule != dropped)) for one in self.chains)
        return replace(self, chains=tuple(chains))


def removal(family: str) -> str:
    """Takes the table away whether it is there or not: what does not exist cannot be deleted."""
    return f"table {family} {TABLE}\ndelete table {family} {TABLE}\n"


# What a bridge keeps for itself, and in part passes on without any hook of its own packet filter: STP, LACP, LLDP.
RESERVED = "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00"


def drop(comment: str, match: str) -> Rule:
    return Rule(match, DROP, comment)


def accept(match: str) -> Rule:
    return Rule(match, ACCEPT)


def networks_set(name: str, version: int, networks: Iterable[Network]) -> Set:
    own: list[Any] = [network for network in networks if network.version == version]
    merged = ipaddress.collapse_addresses(own)  # intervals of a set must not overlap
    return Set(name, f"type ipv{version}_addr", tuple(str(network) for network in merged), interval=True)


def names_set(name: str, links: Iterable[str]) -> Set:
    return Set(name, "type ifname", tuple(f'"{link}"' for link in sorted(set(links))))


def macs_set(name: str, macs: Iterable[str]) -> Set:
    return Set(name, "type ether_addr", tuple(sorted(set(macs))))
