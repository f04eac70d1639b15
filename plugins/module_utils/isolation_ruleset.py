# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is to be loaded for a declaration: by nft in one transaction, in mode guide by iptables-restore in one."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import Surroundings, bridge_table
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import FULL, GUIDE, Declaration
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_guide_rules import expected_lines, guide_rules
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import quieten
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ip_rules import arp_table, ip_table
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import Table, removal

FAMILIES = ("bridge", "inet", "arp")


@dataclass(frozen=True)
class Ruleset:
    tables: tuple[Table, ...] = ()
    iptables: tuple[str, ...] | None = None  # rules of the guide; None: no chains of ours
    quiet: tuple[str, ...] = ()  # bridges that shall not learn from frames to reserved groups

    @property
    def nft(self) -> str:
        """One transaction; what is not wanted of our tables goes with it."""
        wanted = {table.family: table.text() for table in self.tables}
        return "".join(wanted.get(family) or removal(family) for family in FAMILIES)

    @property
    def text(self) -> str:
        lines = [] if self.iptables is None else ["", "# iptables", *expected_lines(self.iptables)]
        lines += [f"# {' '.join(quieten(name, True))}" for name in self.quiet]
        return self.nft + "\n".join(lines) + "\n" * bool(lines)


NOTHING = Ruleset()


def ruleset(declaration: Declaration, around: Surroundings) -> Ruleset:
    if declaration.mode == FULL:
        names = tuple(bridge.name for bridge in declaration.bridges)
        return Ruleset((bridge_table(declaration, around), ip_table(declaration), arp_table()), quiet=names)
    if declaration.mode == GUIDE:
        return Ruleset(iptables=tuple(guide_rules(declaration)))
    return NOTHING
