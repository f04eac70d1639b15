# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory wants of each host, and what the host told of itself."""

from __future__ import annotations

import contextlib
from typing import Any, Mapping

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_gateway
from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import address_of, names_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import ERROR, FRONTENDS, NODES, Host
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ha import HA_VARIABLES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ovirt import (
    OVIRT_GROUPS,
    OVIRT_SECRETS,
    OVIRT_VARIABLES,
)
from ansible_collections.kvmcloud.stack.plugins.modules import netplan
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_gluster import GATEWAY
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_isolation import Isolation
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.host_variables import (
    dictionaries,
    list_of,
    one_line,
    value_of,
    worked_out,
)
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.module_options import as_modules_take


def secrets_of(groups: set[str], variables: Mapping[str, Any]) -> dict[str, str | None]:
    """The secrets that this host's roles will use."""
    names: list[str] = []
    if FRONTENDS in groups:
        names.append("opennebula_oneadmin_password")
        if value_of(variables, "opennebula_database_backend", "sqlite") == "mysql":
            names.append("opennebula_database_password")
    enterprise = value_of(variables, "opennebula_repository_edition", "community") == "enterprise"
    if enterprise and groups & {FRONTENDS, NODES}:
        names += ["opennebula_repository_username", "opennebula_repository_password"]
    names += [name for group, secrets_of_it in OVIRT_SECRETS.items() if group in groups for name in secrets_of_it]
    values = {name: value_of(variables, name) for name in names}
    return {name: None if value is None else str(value) for name, value in values.items()}


def network_of(variables: Mapping[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The declared links of a host by kind, as the module netplan takes them, and what it would refuse."""
    network: dict[str, list[dict[str, Any]]] = {}
    faults: list[str] = []
    for kind, options in netplan.OPTIONS.items():
        name = f"host_network_{kind}"
        found = list_of(variables, name)
        network[kind], refused = as_modules_take(found.entries, options, name)
        faults += [found.fault] if found.fault else refused
    return network, faults


def ovirt_of(groups: set[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """What is set of the engine's variables, on hosts of oVirt; what cannot be worked out counts as not set."""
    found: dict[str, Any] = {}
    for name in OVIRT_VARIABLES if groups & OVIRT_GROUPS else ():
        with contextlib.suppress(Exception):  # templating raises as it likes, which differs between releases of Ansible
            found[name] = worked_out(value_of(variables, name))
    return found


def disk_findings(result: Mapping[str, Any]) -> list[str]:
    """What the module datastore_disks_info found, or why it could not look; {} where it was not asked."""
    if not result or result.get("unreachable"):
        return []  # the latter is told of the host itself
    return [str(one) for one in result.get("findings", [result.get("msg")])]


def brick_findings(result: Mapping[str, Any]) -> list[str]:
    """What gluster_brick, in check mode, has against the disks of a host; {} where it was not asked."""
    if not result or result.get("unreachable") or "bricks" in result:
        return []
    return [str(one) for one in result.get("findings") or [result.get("msg")]]


def addon_findings(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the module storage_addon_info found, or why it could not look; {} where it was not asked."""
    if not result or result.get("unreachable"):
        return []
    if "findings" in result:
        return [{str(key): str(value) for key, value in one.items()} for one in result["findings"]]
    what = f"What the storage add-ons need of it could not be looked at: {one_line(result.get('msg'))}"
    return [{"what": what.rstrip(".") + ".", "remedy": "Correct that, then run again.", "severity": ERROR}]


def host_of(name: str, member_of: set[str], variables: Mapping[str, Any], register: str, isolation: Isolation) -> Host:
    result = value_of(variables, register, {})
    required = ["opennebula_release", "opennebula_repository_key_fingerprint"] if member_of & {FRONTENDS, NODES} else []
    release = value_of(variables, "opennebula_release")
    network, network_faults = network_of(variables)
    known = {key: value_of(variables, key) for key in ("host_network_address", "ansible_host", "host_network_hostname")}
    return Host(
        name=name,
        groups=member_of,
        address=address_of(name, known),
        address_declared=bool(known["host_network_address"]),
        names=names_of(name, known),
        # `-e name=false` on the command line is the text "false"
        manages_hosts_file=boolean(value_of(variables, "host_network_manage_hosts_file", True)),
        release=None if release is None else str(release),
        domain_type=str(value_of(variables, "opennebula_node_domain_type", "kvm")),
        database_backend=str(value_of(variables, "opennebula_database_backend", "sqlite")),
        secrets=secrets_of(member_of, variables),
        required={variable: value_of(variables, variable) for variable in required},
        network=network,
        network_faults=network_faults,
        isolation=isolation.options,
        isolation_faults=list(isolation.faults),
        datastore_mounts=dictionaries(variables, "host_storage_datastore_mounts"),
        datastore_disks=dictionaries(variables, "host_storage_datastore_disks"),
        disk_findings=disk_findings(value_of(variables, "preflight_disks", {})),
        brick_findings=brick_findings(value_of(variables, "preflight_bricks", {})),
        addon_findings=addon_findings(value_of(variables, "preflight_addons", {})),
        gluster_mounts=dictionaries(variables, "gluster_client_mounts"),
        gluster_gateway=gluster_gateway.volumes_given(*(dictionaries(variables, name) for name in GATEWAY[:2])),
        probe=result.get("probe"),
        unreachable=str(result.get("msg") or "") or None,
        high_availability={variable: value_of(variables, variable) for variable in HA_VARIABLES},
        ovirt=ovirt_of(member_of, variables),
    )
