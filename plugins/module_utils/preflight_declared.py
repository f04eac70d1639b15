# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares, held against itself: slips that would end a run half-way."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    NODES,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import label_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.secret_strength import weakness

FINGERPRINT = "opennebula_repository_key_fingerprint"
BACKENDS = ("sqlite", "mysql")
# What an entry of each variable is called.
KINDS = {
    "user": "opennebula_users",
    "security group": "opennebula_security_groups",
    "datastore": "opennebula_datastores",
    "network": "opennebula_virtual_networks",
    "hook": "opennebula_hooks",
    "host": "opennebula_hosts",
}
# What is named, the options that name it, the variable that declares it, and what comes with OpenNebula.
NAMED: tuple[tuple[str, tuple[str, ...], str, frozenset[str]], ...] = (
    ("cluster", ("cluster", "clusters"), "opennebula_clusters", frozenset({"default"})),
    ("security group", ("security_groups",), "opennebula_security_groups", frozenset({"default"})),
    ("user", ("owner",), "opennebula_users", frozenset({"oneadmin", "serveradmin"})),
    ("group", ("group", "groups"), "", frozenset({"oneadmin", "users"})),
)


def fingerprint_is_whole(cloud: Cloud) -> Iterator[Finding]:
    """opennebula_repository_key_fingerprint is no whole fingerprint."""
    found = {str(host.required[FINGERPRINT]) for host in cloud.hosts if host.required.get(FINGERPRINT)}
    for value in sorted(found):
        digits = re.sub(r"[\s:]|^0x", "", value)
        if not re.fullmatch(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", digits):
            yield Finding(
                WHOLE_CLOUD,
                f"{FINGERPRINT} is {value!r}; a whole fingerprint has 40 (or 64) hexadecimal digits.",
                "Copy it from where OpenNebula publishes it; a short key id can be forged.",
            )


def database_is_known(cloud: Cloud) -> Iterator[Finding]:
    """opennebula_database_backend is neither sqlite nor mysql."""
    for backend in sorted({host.database_backend for host in cloud.hosts if host.database_backend not in BACKENDS}):
        yield Finding(
            WHOLE_CLOUD,
            f"opennebula_database_backend is {backend!r}; wanted {' or '.join(BACKENDS)}.",
            "MariaDB is mysql, as in oned.conf.",
        )


def port_of_oned(cloud: Cloud) -> Iterator[Finding]:
    """opennebula_frontend_oned_edits moves oned to another port than 2633."""
    for edit in cloud.oned_edits:
        if str(edit.get("attribute")).upper() == "PORT" and str(edit.get("value", 2633)) != "2633":
            yield Finding(
                WHOLE_CLOUD,
                f"opennebula_frontend_oned_edits makes PORT of oned.conf {edit.get('value')}, and OpenNebula's own "
                "commands, which this collection works with, ask oned on 2633.",
                "Take the edit out; who may reach the port is a matter of LISTEN_ADDRESS or a firewall.",
            )


def names_are_declared(cloud: Cloud) -> Iterator[Finding]:
    """A cluster, security group, user or group is named that the inventory does not declare; it may have been made by
    hand.
    """
    for noun, options, variable, built_in in NAMED:
        known = built_in | {str(entry.get("name")) for entry in cloud.declared.wanted(variable)}
        wanted: dict[str, list[str]] = {}
        for kind, of in KINDS.items():
            for entry in cloud.declared.wanted(of):
                for name in dict.fromkeys(_named_by(entry, options)):
                    if name not in known and not name.isdigit():
                        wanted.setdefault(name, []).append(f"{kind} {label_of(entry)}")
        for name, users in wanted.items():
            yield Finding(
                WHOLE_CLOUD,
                f"The {noun} {name} is named by {', '.join(users)}, and "
                f"{variable + ' does not declare it' if variable else 'groups are not made by this collection'}.",
                f"Correct the name{', or declare it' if variable else ''}; if it was made by hand, all is well.",
                WARNING,
            )


def _named_by(entry: Mapping[str, Any], options: Sequence[str]) -> Iterator[str]:
    for option in options:
        value = entry.get(option)
        yield from map(str, value if isinstance(value, list) else [value] if value is not None else [])


def secrets(cloud: Cloud) -> Iterator[Finding]:
    """A password is not set, or is one that everybody knows. Its value is never told."""
    faults: dict[tuple[str, str], list[str]] = {}
    for host in cloud.hosts:
        for variable, value in host.secrets.items():
            blanks = variable.startswith(("ovirt_", "he_"))  # one at its end is told by the rules of oVirt
            fault = "is not set" if value is None else weakness(value, blanks=blanks)
            if fault:
                faults.setdefault((variable, fault), []).append(host.name)
    for (variable, fault), hosts in faults.items():
        yield Finding(
            ", ".join(hosts),
            f"{variable} {fault}.",
            "Choose a real one and keep it in an encrypted file: ansible-vault encrypt.",
        )


def required_values(cloud: Cloud) -> Iterator[Finding]:
    """A variable without a default is not set."""
    missing: dict[str, list[str]] = {}
    for host in cloud.hosts:
        for variable, value in host.required.items():
            if not str(value or "").strip():
                missing.setdefault(variable, []).append(host.name)
    for variable, hosts in missing.items():
        yield Finding(
            ", ".join(hosts), f"{variable} is not set.", "Set it in the inventory; it has no default on purpose."
        )


# (group that has hosts, groups of which one must have hosts, what the group needs)
NEEDED_GROUPS = (
    (NODES, (FRONTENDS,), "nodes without a front-end that runs guests on them"),
    ("gluster_clients", ("gluster_servers",), "clients without servers whose volumes they mount"),
    ("gluster_gateways", ("gluster_servers",), "gateways without servers whose volumes they export"),
    ("ovirt_hosts", ("ovirt_engines", "ovirt_hosted_engine_hosts"), "oVirt hosts without an engine that manages them"),
)


def groups_together(cloud: Cloud) -> Iterator[Finding]:
    """A group of the inventory has hosts and another one, which it cannot do without, has none."""
    for group, alternatives, what in NEEDED_GROUPS:
        if cloud.host_names(group) and not any(map(cloud.host_names, alternatives)):
            yield Finding(
                WHOLE_CLOUD,
                f"{group} has hosts and {' and '.join(alternatives)} has none: {what}.",
                f"Put a host into {alternatives[0]}, or empty {group}.",
            )
    if cloud.host_names(FRONTENDS) and not cloud.host_names(NODES):
        yield Finding(
            WHOLE_CLOUD,
            f"{NODES} has no hosts: the cloud has a front-end, but nothing that runs guests.",
            f"Put hosts into {NODES}; the front-end itself may be one.",
            WARNING,
        )


DECLARED_RULES: tuple[Rule, ...] = (
    Rule(groups_together),
    Rule(required_values, acceptable=False),
    Rule(secrets, acceptable=False),
    Rule(fingerprint_is_whole, acceptable=False),
    Rule(database_is_known, acceptable=False),
    Rule(port_of_oned, acceptable=False),
    Rule(names_are_declared),
)
