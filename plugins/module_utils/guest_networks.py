# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which virtual networks share addresses with hypervisors, what keeps their guests from posing as one, and which need
Open vSwitch.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable, Mapping, Union

from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import HostVars, address_of

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

FILTERS = ("FILTER_IP_SPOOFING", "FILTER_MAC_SPOOFING")
OPEN_VSWITCH = ("ovswitch", "ovswitch_vxlan")
# The drivers that act on the filters; `bridge` and `dummy` store the attributes and let everything pass.
FILTERING_DRIVERS = frozenset({"fw", "802.1q", "vxlan", *OPEN_VSWITCH})
# Where a range comes without a mask: the network it is most likely a part of.
_ASSUMED_PREFIX = {4: 24, 6: 64}


def _upper(mapping: Any) -> dict[str, Any]:
    if not isinstance(mapping, Mapping):
        return {}  # none, or a slip that is told elsewhere
    return {str(key).upper(): value for key, value in mapping.items()}


def _network(address: Any, mask: Any) -> Network | None:
    try:
        given = ipaddress.ip_address(str(address))
    except ValueError:
        return None  # an address that is none is another rule's finding
    try:
        return ipaddress.ip_network(f"{given}/{str(mask).lstrip('/')}", strict=False)
    except ValueError:  # no mask, or one that is none: it must not hide who is near
        return ipaddress.ip_network(f"{given}/{_ASSUMED_PREFIX[given.version]}", strict=False)


def _beyond(network: Network | None, address: Any, size: Any) -> list[Network | None]:
    """What a range that is larger than the network of its first address covers as well."""
    try:
        first = ipaddress.ip_address(str(address))
        last = first + (int(size) - 1)
    except (TypeError, ValueError):
        return []
    if network is None or int(size) < 1 or last in network:
        return []
    return [*ipaddress.summarize_address_range(first, last), _network(last, network.prefixlen)]  # type: ignore[type-var]


def networks_of(virtual_network: Mapping[str, Any]) -> list[Network]:
    """The networks whose addresses its guests get: as its template says, else as its ranges do."""
    template = _upper(virtual_network.get("template"))
    mask = template.get("NETWORK_MASK")
    found = [_network(template.get("NETWORK_ADDRESS"), mask)]
    for entry in virtual_network.get("address_ranges") or []:
        own = _upper(entry)
        near = _network(own.get("NETWORK_ADDRESS") or own.get("IP"), own.get("NETWORK_MASK", mask))
        found += [
            near,
            *_beyond(near, own.get("IP"), own.get("SIZE")),
            _network(own.get("IP6"), own.get("PREFIX_LENGTH")),
            _network(own.get("GLOBAL_PREFIX"), None),
            _network(own.get("ULA_PREFIX"), None),
        ]
    return [network for network in found if network is not None]


def reaches(virtual_network: Mapping[str, Any], addresses: Iterable[str], protected: Iterable[str]) -> bool:
    """Whether guests of the network are neighbours of a host, or of something in a protected network."""
    near: list[Network] = []
    for text in (*addresses, *protected):
        try:
            near.append(ipaddress.ip_network(str(text), strict=False))
        except ValueError:
            continue  # a host that is known by name only
    return any(
        own.version == other.version and own.overlaps(other) for own in networks_of(virtual_network) for other in near
    )


def _filters_for(virtual_network: Mapping[str, Any]) -> Iterable[str]:
    """A range of MAC addresses only gives guests no address that the IP filter could let through."""
    for entry in virtual_network.get("address_ranges") or []:
        own = _upper(entry)
        if not any(own.get(key) for key in ("IP", "IP6", "GLOBAL_PREFIX", "ULA_PREFIX")):
            return FILTERS[1:]
    return FILTERS


def _driver(virtual_network: Mapping[str, Any]) -> str:
    return str(_upper(virtual_network.get("template")).get("VN_MAD", "")).lower()


def with_filters(
    virtual_networks: Iterable[Mapping[str, Any]], addresses: Iterable[str], protected: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """The declarations, with both filters where guests reach hypervisors and nothing else is declared.

    A network without addresses reaches nothing that is known here, and is left as it is.
    """
    addresses, protected = list(addresses), list(protected)
    result = []
    for declared in virtual_networks:
        network = dict(declared)
        wanted = network.get("state") != "absent" and _driver(network) in FILTERING_DRIVERS
        if wanted and reaches(network, addresses, protected):
            template = network["template"]
            given = _upper(template)
            network["template"] = {**{name: "YES" for name in _filters_for(network) if name not in given}, **template}
        result.append(network)
    return result


def with_spoofing_filters(
    virtual_networks: Iterable[Mapping[str, Any]],
    hosts: Iterable[str],
    hostvars: HostVars,
    protected: Iterable[str] = (),
) -> list[dict[str, Any]]:
    return with_filters(virtual_networks, [address_of(host, hostvars[host]) for host in hosts], protected)


def unfiltered(
    virtual_networks: Iterable[Mapping[str, Any]], addresses: Iterable[str], protected: Iterable[str] = ()
) -> list[str]:
    """Names of the networks whose guests reach hypervisors and whose driver filters nothing."""
    addresses, protected = list(addresses), list(protected)
    return [
        str(network.get("name") or network.get("id"))
        for network in virtual_networks
        if network.get("state") != "absent"
        and _driver(network) not in FILTERING_DRIVERS | {""}
        and reaches(network, addresses, protected)
    ]


def need_open_vswitch(virtual_networks: Iterable[Mapping[str, Any]], cluster: str) -> bool:
    """Whether guests on nodes of this cluster may be plugged into Open vSwitch.

    A network that names no cluster may be put into any by another declaration, and which cluster has an ID only oned
    knows: both count.
    """
    return any(
        network.get("state") != "absent"
        and _driver(network) in OPEN_VSWITCH
        and any(name == str(cluster) or name.isdigit() for name in map(str, network.get("clusters") or [cluster]))
        for network in virtual_networks
    )
