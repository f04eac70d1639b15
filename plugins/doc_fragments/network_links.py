# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the links of a host are declared."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  ethernets:
    description: Network cards. A card that is only a port of a bond or bridge need not be declared.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the card.
        type: str
        required: true
      mac:
        description: MAC address by which the card is known; it gets O(ethernets[].name), whatever it was called before.
        type: str
      addresses: &addresses
        description: Addresses of the host on this link, each with the length of its network, such as V(10.0.0.1/16).
        type: list
        elements: str
        default: []
      dhcp4: &dhcp4
        description: Whether an IPv4 address is asked for by DHCP.
        type: bool
        default: false
      dhcp6: &dhcp6
        description: Whether an IPv6 address is asked for by DHCP.
        type: bool
        default: false
      gateways: &gateways
        description: Routers of the default routes, at most one of IPv4 and one of IPv6.
        type: list
        elements: str
        default: []
      routes: &routes
        description: Further routes.
        type: list
        elements: dict
        default: []
        suboptions:
          to:
            description: Network that it leads to, or V(default).
            type: str
            required: true
          via:
            description: Address of the router.
            type: str
            required: true
          metric:
            description: Of several routes to one network, the one with the smallest metric is taken.
            type: int
          on_link:
            description: The router is reached directly, although it is in none of the networks of the link.
            type: bool
            default: false
      name_servers: &name_servers
        description: Addresses of name servers. On networkd they are used where systemd-resolved runs.
        type: list
        elements: str
        default: []
      search_domains: &search_domains
        description: Domains in which short names are looked up.
        type: list
        elements: str
        default: []
      mtu: &mtu
        description: Largest packet, in bytes; not larger than that of what the link is made of.
        type: int
      optional: &optional
        description: Neither the boot nor the confirmation of a change waits for an address to come by DHCP.
        type: bool
        default: false
      ipv6: &ipv6
        description: Whether the host speaks IPv6 there. By default it does where it has addresses or DHCP.
        type: bool
      extra: &extra
        description: >-
          Further keys of netplan for this link, as they are. Nothing secret, as modules log what they are given.
        type: dict
        default: {}
  bonds:
    description: Several cards as one.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the bond.
        type: str
        required: true
      interfaces:
        description: Cards that it is made of.
        type: list
        elements: str
        required: true
      mode:
        description: How frames are spread over the cards.
        type: str
        choices: [balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb]
        default: active-backup
      addresses: *addresses
      dhcp4: *dhcp4
      dhcp6: *dhcp6
      gateways: *gateways
      routes: *routes
      name_servers: *name_servers
      search_domains: *search_domains
      mtu: *mtu
      optional: *optional
      ipv6: *ipv6
      extra: *extra
  vlans:
    description: Tagged networks on another link.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the VLAN.
        type: str
        required: true
      id:
        description: Number of the VLAN, 1 to 4094.
        type: int
        required: true
      link:
        description: Link that carries it.
        type: str
        required: true
      addresses: *addresses
      dhcp4: *dhcp4
      dhcp6: *dhcp6
      gateways: *gateways
      routes: *routes
      name_servers: *name_servers
      search_domains: *search_domains
      mtu: *mtu
      optional: *optional
      ipv6: *ipv6
      extra: *extra
  bridges:
    description: Switches for guests, and for the host itself where they have addresses.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the bridge.
        type: str
        required: true
      interfaces:
        description: Ports that lead out. Those of guests come and go by themselves.
        type: list
        elements: str
        default: []
      stp:
        description: Whether the bridge takes part in the spanning tree protocol.
        type: bool
        default: false
      forward_delay:
        description: Seconds before a new port forwards; with O(bridges[].stp) 2 to 30.
        type: int
        default: 0
      lldp:
        description: Whether networkd listens to the switches behind a bridge without addresses.
        type: bool
        default: false
      addresses: *addresses
      dhcp4: *dhcp4
      dhcp6: *dhcp6
      gateways: *gateways
      routes: *routes
      name_servers: *name_servers
      search_domains: *search_domains
      mtu: *mtu
      optional: *optional
      ipv6: *ipv6
      extra: *extra
"""
