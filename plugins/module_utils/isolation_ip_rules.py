# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second layer: what comes to the node, or through it, over other ways than its guests' ports.

A guest of another node reaches this one through routers, on any card. The chains only drop, in a table of their own:
whatever they let pass meets the chains of OpenNebula, libvirt, docker and firewalld as if these were not there.
"""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_bridge_rules import (
    LINK_LOCAL,
    NEIGHBOURS,
    destinations_set,
    guest_mac,
    protected_chains,
    services_set,
    unless_allowed,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Declaration
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ordinary_frames import ordinary_through
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import (
    RESERVED,
    Chain,
    Table,
    accept,
    drop,
    macs_set,
    names_set,
    networks_set,
)

FIRST = "priority -10"  # before the filters of others, whose accept would not bind us and whose drop does not hurt


def arp_table() -> Table:
    """No host sends ARP to these groups; by such a guest fills the node's table until it finds nobody any more."""
    return Table(
        "arp", chains=(Chain("input", (drop("ARP in a frame to a reserved group", RESERVED),), f"input {FIRST}"),)
    )


def ip_table(declaration: Declaration) -> Table:
    guests, protected = declaration.guest_networks, declaration.protected
    sets = (
        names_set("bridges", [bridge.name for bridge in declaration.bridges]),
        macs_set("claimed_macs", declaration.claimed_macs),
        services_set(declaration),
        *(destinations_set(declaration, version) for version in (4, 6)),
        *(networks_set(f"guests{version}", version, guests) for version in (4, 6)),
        *(networks_set(f"protected{version}", version, protected) for version in (4, 6)),
    )
    services = [
        accept("iifname @bridges meta l4proto . th dport @local_services"),
        accept(f"iifname @bridges icmpv6 type {NEIGHBOURS}"),
    ]
    # A bridge has such an address whether anybody wanted one or not, and a MAC address that others may not know of.
    a_guests = f"{guest_mac('ether saddr', declaration.mac_prefix, '==')} ether saddr != @claimed_macs"
    to_node = (
        # No host sends IP to these groups. Such a frame comes to the node past its bridge, as if its port were a card.
        # The kernel routes none of them: they are to a group.
        drop("IP in a frame to a reserved group", RESERVED),
        *(services if declaration.local_services else []),
        drop("a guest's address to the node", "ip saddr @guests4"),
        drop("a guest's IPv6 address to the node", "ip6 saddr @guests6"),
        drop("a guest's link-local address to the node", f"iifname @bridges ip6 saddr {LINK_LOCAL} {a_guests}"),
    )
    said = {4: "a guest's address to a protected network", 6: "a guest's IPv6 address to a protected network"}
    # Most packets go to no protected network, so that is asked first.
    through = (
        *ordinary_through(declaration),
        unless_allowed(declaration, 4, "ip daddr @protected4 ip saddr @guests4", said[4]),
        unless_allowed(declaration, 6, "ip6 daddr @protected6 ip6 saddr @guests6", said[6]),
    )
    chains = (
        *protected_chains(declaration, said),
        Chain("input", to_node, f"input {FIRST}"),
        Chain("forward", through, f"forward {FIRST}"),
    )
    return Table("inet", sets, chains)
