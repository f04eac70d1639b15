# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about several front-ends as one zone."""

from __future__ import annotations

import ipaddress
from typing import Any, Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_network import Address, addresses_of, as_address

# Variables that the rules read, with the defaults of the role opennebula_ha.
HA_VARIABLES: dict[str, Any] = {
    "opennebula_ha_floating_ip": "",
    "opennebula_ha_interface": "",
    "opennebula_ha_balancer": "",
    "opennebula_ha_server_address": "",
    "opennebula_ha_discard_database": [],
    "opennebula_database_host": "localhost",
}


def settings(host: Host) -> Mapping[str, Any]:
    return {
        **HA_VARIABLES,
        **{name: value for name, value in host.high_availability.items() if value is not None},
    }


def several(cloud: Cloud) -> list[Host]:
    """The front-ends that could be looked at, where there is more than one."""
    if len(cloud.host_names(FRONTENDS)) < 2:
        return []
    return [host for host, _probe in cloud.probed(FRONTENDS)]


def even_number_of_front_ends(cloud: Cloud) -> Iterator[Finding]:
    """An even number of front-ends survives no more failures than the odd one below it."""
    number = len(cloud.host_names(FRONTENDS))
    if number and number % 2 == 0:
        survived = (number - 1) // 2
        yield Finding(
            WHOLE_CLOUD,
            f"{FRONTENDS} has {number} hosts, which survive the loss of {survived}, as {number - 1} would.",
            "Use an odd number; three survive the loss of one, five of two.",
            WARNING,
        )


def address_of_the_leader(cloud: Cloud) -> Iterator[Finding]:
    """Clients do not know which front-end leads: one address has to follow it."""
    hosts = several(cloud)
    for host in hosts:
        own = settings(host)
        if bool(own["opennebula_ha_floating_ip"]) == bool(own["opennebula_ha_balancer"]):
            both = "both opennebula_ha_floating_ip and" if own["opennebula_ha_balancer"] else "neither"
            other = "opennebula_ha_balancer are set" if own["opennebula_ha_balancer"] else (
                "opennebula_ha_floating_ip nor opennebula_ha_balancer is set"
            )  # fmt: skip
            yield Finding(
                host.name,
                f"There are several front-ends, and {both} {other}.",
                "Set one of them: an address that follows the leader, or that of a load balancer before all.",
            )
    for variable in ("opennebula_ha_floating_ip", "opennebula_ha_balancer"):
        values = {str(settings(host)[variable]) for host in hosts}
        if len(values) > 1:
            listed = ", ".join(value or "nothing" for value in sorted(values))
            yield Finding(WHOLE_CLOUD, f"{variable} differs between front-ends ({listed}).", "Set it once for all.")


def floating_address(cloud: Cloud) -> Iterator[Finding]:
    """The floating address has to fit the interface of every front-end and be nobody else's."""
    for host in several(cloud):
        own, probe = settings(host), host.probe or {}
        text = str(own["opennebula_ha_floating_ip"])
        if not text:
            continue
        try:
            floating = ipaddress.ip_interface(text)
        except ValueError:
            floating = None
        if floating is None or "/" not in text:
            yield Finding(
                host.name,
                f"opennebula_ha_floating_ip is {text!r}, and no address with the length of its network.",
                "Write it as 10.0.0.10/24.",
            )
            continue
        link = probe["interfaces"].get(own["opennebula_ha_interface"])
        if link is None:
            yield Finding(
                host.name,
                f"opennebula_ha_interface is {own['opennebula_ha_interface'] or 'not set'}; this host has "
                f"{', '.join(sorted(set(probe['interfaces']) - {'lo'}))}.",
                "Name the interface that is in the network of the floating address; it may differ between hosts.",
            )
        elif not any(floating.ip in ipaddress.ip_interface(entry).network for entry in link["addresses"]):
            yield Finding(
                host.name,
                f"{own['opennebula_ha_interface']} has no address in the network of the floating address {text}.",
                "Choose a floating address of that network, or another interface.",
            )


def addresses_together(cloud: Cloud) -> dict[Address, str]:
    """The addresses that the front-ends have together, with the variable that says so."""
    found = {}
    for host in several(cloud):
        for variable in ("opennebula_ha_floating_ip", "opennebula_ha_balancer"):
            address = as_address(str(settings(host)[variable]).split("/", maxsplit=1)[0])
            if address:
                found[address] = variable
    return found


def floating_address_of_another(cloud: Cloud) -> Iterator[Finding]:
    """The floating address belongs to a host for itself."""
    floating = {address for address, of in addresses_together(cloud).items() if of == "opennebula_ha_floating_ip"}
    for host in cloud.hosts:
        if as_address(host.address) in floating:
            yield Finding(
                host.name,
                f"The floating address {host.address} is the own address of {host.name}.",
                "Choose one that no host has; it moves between the front-ends.",
            )
        elif FRONTENDS not in host.groups and host.probe:
            for address in sorted(addresses_of(host.probe).keys() & floating, key=str):
                yield Finding(
                    host.name,
                    f"The floating address {address} is on this host, which is no front-end.",
                    "Choose an address that nobody has.",
                )


def server_endpoints(cloud: Cloud) -> Iterator[Finding]:
    """Two front-ends under one address would be one server of the zone."""
    holders: dict[str, list[str]] = {}
    for host in several(cloud):
        holders.setdefault(str(settings(host)["opennebula_ha_server_address"] or host.address), []).append(host.name)
    for address, names in holders.items():
        if len(names) > 1:
            yield Finding(
                ", ".join(names),
                f"These front-ends have one address as servers of the zone: {address}.",
                "Give each an opennebula_ha_server_address of its own.",
            )


def database_of_each(cloud: Cloud) -> Iterator[Finding]:
    """The front-ends replicate by themselves: each needs a database of its own, all of one kind."""
    hosts = several(cloud)
    backends = {host.database_backend for host in hosts}
    if len(backends) > 1:
        yield Finding(
            WHOLE_CLOUD,
            f"opennebula_database_backend differs between front-ends ({', '.join(sorted(backends))}).",
            "Set it once for all.",
        )
    for host in hosts:
        server = settings(host)["opennebula_database_host"]
        if host.database_backend == "mysql" and server != "localhost":
            yield Finding(
                host.name,
                f"The database is on {server}; front-ends that share one would each write all of it.",
                "Set opennebula_database_host to localhost: each front-end has a server of its own.",
            )


def discarded_databases(cloud: Cloud) -> Iterator[Finding]:
    """A database that may be replaced was named: meant for one run."""
    for host in several(cloud)[:1]:
        named = list(settings(host)["opennebula_ha_discard_database"])
        strangers = [name for name in named if name not in cloud.host_names(FRONTENDS)]
        if strangers:
            yield Finding(
                WHOLE_CLOUD,
                f"opennebula_ha_discard_database names {' and '.join(strangers)}, which {FRONTENDS} does not have.",
                "Name front-ends of the inventory.",
            )
        if len(named) >= len(cloud.host_names(FRONTENDS)):
            yield Finding(
                WHOLE_CLOUD,
                "opennebula_ha_discard_database names all front-ends: nothing of the cloud would be left.",
                "Leave out the one whose database counts.",
            )
        elif named:
            yield Finding(
                WHOLE_CLOUD,
                f"The database of {' and '.join(named)} is replaced in this run, a copy is kept.",
                "Take opennebula_ha_discard_database out of the inventory afterwards.",
                WARNING,
            )


HA_RULES: tuple[Rule, ...] = (
    Rule(even_number_of_front_ends),
    Rule(address_of_the_leader, acceptable=False),
    Rule(floating_address),
    Rule(floating_address_of_another, acceptable=False),
    Rule(server_endpoints, acceptable=False),
    Rule(database_of_each, acceptable=False),
    Rule(discarded_databases, acceptable=False),
)
