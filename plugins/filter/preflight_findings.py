# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter preflight_findings: all that speaks against a deployment."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Mapping

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from jinja2 import Undefined

from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import address_of, names_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    HOST_RULES,
    NODES,
    Cloud,
    Finding,
    Host,
    Limits,
    findings,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_declared import DECLARED_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_network import NETWORK_RULES

DOCUMENTATION = r"""
name: preflight_findings
short_description: All that speaks against a deployment, as sentences
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Compares the inventory with one probe per host and returns every finding of every rule at once.
  - Secrets are judged, and named by their variables; their values are in no finding.
  - A host whose probe variable does not exist was left out of this run and is not looked at.
positional: hostvars, groups
options:
  _input:
    description: Names of the hosts of the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  groups:
    description: Ansible's C(groups).
    type: dict
    required: true
  register:
    description: Variable in which the result of M(kvmcloud.stack.host_probe) was registered on each host.
    type: str
    default: preflight_probe
  started:
    description: The controller's clock before the probes, in seconds since 1970.
    type: float
    required: true
  finished:
    description: The controller's clock after the probes.
    type: float
    required: true
  clock_skew:
    description: Largest difference of clocks that is no finding, in seconds.
    type: float
    default: 2
  minimum_memory_mb:
    description: Least memory by group, in MiB.
    type: dict
    default: {}
  minimum_disk_mb:
    description: Least free space by group and path, in MiB.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Nothing speaks against the deployment
  ansible.builtin.assert:
    that: preflight_errors | length == 0
    fail_msg: "{{ preflight_errors | map(attribute='sentence') | join('\n') }}"
  vars:
    preflight_errors: >-
      {{ groups['all'] | kvmcloud.stack.preflight_findings(hostvars, groups, started=preflight_started,
      finished=preflight_finished) | selectattr('severity', 'eq', 'error') }}
"""

RETURN = r"""
_value:
  description: Findings, errors first.
  type: list
  elements: dict
  contains:
    host:
      description: Host or hosts concerned, V(all) for the cloud as a whole.
      type: str
    what:
      description: What was found, as a sentence.
      type: str
    remedy:
      description: What to do about it.
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
    sentence:
      description: All of it in one line.
      type: str
"""


def value_of(variables: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """A variable, or the default where it is not set or is made from one that is not (a vault that is not there)."""
    try:
        value = variables[name]
    except (KeyError, AnsibleError):
        return default
    # ansible-core 2.19 hands out a marker for what cannot be resolved, where older releases raise
    return default if value is None or isinstance(value, Undefined) else value


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
    values = {name: value_of(variables, name) for name in names}
    return {name: None if value is None else str(value) for name, value in values.items()}


def host_of(name: str, groups: Mapping[str, list[str]], variables: Mapping[str, Any], register: str) -> Host:
    member_of = {group for group, members in groups.items() if name in members}
    result = value_of(variables, register, {})
    required = ["opennebula_release", "opennebula_repository_key_fingerprint"] if member_of & {FRONTENDS, NODES} else []
    release = value_of(variables, "opennebula_release")
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
        probe=result.get("probe"),
        unreachable=str(result.get("msg") or "") or None,
    )


def declared_once(hosts: list[str], hostvars: Mapping[str, Mapping[str, Any]], variable: str) -> list[dict[str, Any]]:
    """What the hosts declare under a variable, each name once."""
    entries: dict[str, dict[str, Any]] = {}
    for host in hosts:
        for entry in value_of(hostvars[host], variable, []):
            entries.setdefault(str(entry.get("name")), entry)
    return list(entries.values())


def merged(found: list[Finding]) -> list[Finding]:
    """The same finding about several hosts is told once."""
    hosts: dict[Finding, list[str]] = {}
    for finding in found:
        hosts.setdefault(replace(finding, host=""), []).append(finding.host)
    return [replace(finding, host=", ".join(names)) for finding, names in hosts.items()]


def preflight_findings(
    hosts: list[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, list[str]],
    register: str = "preflight_probe",
    started: float = 0.0,
    finished: float = 0.0,
    clock_skew: float = 2.0,
    minimum_memory_mb: Mapping[str, Any] | None = None,
    minimum_disk_mb: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, str]]:
    looked_at = [host for host in hosts if value_of(hostvars[host], register) is not None]
    networks: dict[str, dict[str, Any]] = {}
    for host in looked_at:
        for network in value_of(hostvars[host], "opennebula_virtual_networks", []):
            networks.setdefault(str(network.get("name") or network.get("id")), network)
    cloud = Cloud(
        hosts=[host_of(host, groups, hostvars[host], register) for host in looked_at],
        groups=groups,
        started=float(started),
        finished=float(finished),
        limits=Limits(
            float(clock_skew),
            {group: int(value) for group, value in (minimum_memory_mb or {}).items()},
            {group: {path: int(v) for path, v in paths.items()} for group, paths in (minimum_disk_mb or {}).items()},
        ),
        virtual_networks=list(networks.values()),
        clusters=declared_once(looked_at, hostvars, "opennebula_clusters"),
        declared=[
            *(("network", network) for network in networks.values()),
            *(("datastore", entry) for entry in declared_once(looked_at, hostvars, "opennebula_datastores")),
            *(
                ("node", {"name": host, "cluster": value_of(hostvars[host], "opennebula_node_cluster")})
                for host in looked_at
                if host in (groups.get(NODES) or [])
            ),
        ],
    )
    found = merged(findings(cloud, (*HOST_RULES, *NETWORK_RULES, *DECLARED_RULES)))
    return [{**asdict(f), "sentence": f.sentence} for f in found]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"preflight_findings": preflight_findings}
