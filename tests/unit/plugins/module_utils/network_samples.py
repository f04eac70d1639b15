# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of links and states of hosts, short enough to be read in a table."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink, LiveRoute, LiveState

CARD_MAC = "52:54:00:00:00:0"


def ethernet(name, **options):
    return ("ethernets", {"name": name, **options})


def bond(name, *interfaces, **options):
    return ("bonds", {"name": name, "interfaces": list(interfaces), **options})


def vlan(name, number, link, **options):
    return ("vlans", {"name": name, "id": number, "link": link, **options})


def bridge(name, *interfaces, **options):
    return ("bridges", {"name": name, "interfaces": list(interfaces), **options})


def params(*declared):
    """As the module gets them."""
    found = {"ethernets": [], "bonds": [], "vlans": [], "bridges": []}
    for section, entry in declared:
        found[section].append(entry)
    return found


def card(name, *addresses, **values):
    values = {"mac": CARD_MAC + name[-1], "mtu": 1500, "up": True, "carrier": True, **values}
    return LiveLink(name, "", addresses=dict.fromkeys(addresses, False), **values)


def live_bridge(name, *addresses, **values):
    values = {"mac": "02:00:00:00:00:01", "mtu": 1500, "up": True, "carrier": True, **values}
    return LiveLink(name, "bridge", addresses=dict.fromkeys(addresses, False), **values)


def host(*links, routes=()):
    return LiveState({link.name: link for link in links}, tuple(LiveRoute(*route) for route in routes))
