# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter preflight_findings: all that speaks against a deployment."""

from __future__ import annotations

import ipaddress
import itertools
from dataclasses import asdict, replace
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import address_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import VARIABLES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    NODES,
    Cloud,
    Finding,
    Limits,
    findings,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_acceptance import accept
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_gluster import SERVERS
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import ALL_RULES
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_gluster import gluster_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_hosts import host_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_isolation import NOT_DECLARED, isolations_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_resources import (
    ONED_EDITS,
    declared_by,
    node_hosts,
)
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.host_variables import (
    dictionaries,
    list_of,
    value_of,
    worked_out,
)

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
  - What is declared inside OpenNebula is taken from the variables of the first front-end, as the role
    P(kvmcloud.stack.opennebula_resources#role) does.
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
  minimum_datastore_mb:
    description: Least free space of a node for guests of local system datastores, in MiB.
    type: int
    default: 0
  roomy_datastore_mb:
    description: Free space of a node for guests of local system datastores below which there is a warning, in MiB.
    type: int
    default: 0
  upgrade:
    description: Whether the packages of OpenNebula are about to become those of the declared release.
    type: bool
    default: false
  accepted:
    description:
      - Rules whose findings do not end the run, by name, or by name and host.
      - A rule that does not exist, or that cannot be accepted, is an error.
    type: list
    elements: raw
    default: []
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
      description: V(error), V(warning) or V(accepted).
      type: str
    rule:
      description: Name of the rule that found it.
      type: str
    crash:
      description: Whether the rule itself failed.
      type: bool
    sentence:
      description: All of it in one line.
      type: str
"""


def merged(found: list[Finding]) -> list[Finding]:
    """The same finding about several hosts is told once."""
    hosts: dict[Finding, list[str]] = {}
    for finding in found:
        hosts.setdefault(replace(finding, host=""), []).append(finding.host)
    return [replace(finding, host=", ".join(names)) for finding, names in hosts.items()]


def groups_by_host(groups: Mapping[str, list[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for group, members in groups.items():
        for member in members:
            found.setdefault(member, set()).add(group)
    return found


def protected_networks(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = [text for host in hosts for text in list_of(hostvars[host], "vm_isolation_protected_networks").entries]
    return list(dict.fromkeys(map(str, found)))


def vitastor_networks(groups: Mapping[str, list[str]], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Of OSDs, and the addresses of etcd and monitors. What is no address says nothing."""
    found = []
    for host in groups.get("vitastor_servers") or []:
        settings = value_of(hostvars[host], "vitastor_cluster_settings", {}) or {}
        own = value_of(hostvars[host], "vitastor_cluster_osd_network", "")
        found += [own, settings.get("osd_cluster_network", ""), address_of(host, hostvars[host])]
    return [text for text in dict.fromkeys(map(str, found)) if is_network(text)]


def is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return False


def addon_settings(
    variables: Mapping[str, Any], groups: Mapping[str, list[str]], hostvars: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What the role opennebula_frontend takes of the storage add-ons."""
    types = [str(value_of(hostvars[host], "opennebula_node_domain_type", "kvm")) for host in groups.get(NODES) or []]
    settings: dict[str, dict[str, Any]] = {}
    for addon, names in VARIABLES.items():
        settings[addon] = {"domain_types": list(dict.fromkeys(["kvm", *types]))}
        for setting, variable in names.items():
            value = value_of(variables, variable)
            if value is not None:
                settings[addon][setting] = worked_out(value)
    return settings


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
    minimum_datastore_mb: int = 0,
    roomy_datastore_mb: int = 0,
    upgrade: bool = False,
    accepted: Any = (),
) -> list[dict[str, Any]]:
    # Each look into hostvars works out what a host has anew.
    names = dict.fromkeys(itertools.chain(hosts, *groups.values()))
    hostvars = {name: hostvars[name] for name in names if name in hostvars}
    looked_at = [host for host in hosts if value_of(hostvars[host], register) is not None]
    member_of = groups_by_host(groups)
    isolations = isolations_of(looked_at, groups, hostvars, register)
    # Whose variables the role has that applies what is declared.
    speaker: Mapping[str, Any] = hostvars[next(iter(groups.get(FRONTENDS) or looked_at))] if looked_at else {}
    cloud = Cloud(
        hosts=[
            host_of(host, member_of.get(host, set()), hostvars[host], register, isolations.get(host, NOT_DECLARED))
            for host in looked_at
        ],
        groups=groups,
        started=float(started),
        finished=float(finished),
        limits=Limits(
            float(clock_skew),
            {group: int(value) for group, value in (minimum_memory_mb or {}).items()},
            {group: {path: int(v) for path, v in paths.items()} for group, paths in (minimum_disk_mb or {}).items()},
            int(minimum_datastore_mb),
            int(roomy_datastore_mb),
        ),
        upgrade=bool(upgrade),
        declared=declared_by(speaker, node_hosts(groups.get(NODES) or [], hostvars)),
        oned_edits=dictionaries(speaker, ONED_EDITS),
        storage_addons=[str(name) for name in list_of(speaker, "opennebula_storage_addons").entries],
        addon_settings=addon_settings(speaker, groups, hostvars),
        protected_networks=protected_networks(looked_at, hostvars),
        vitastor_networks=vitastor_networks(groups, hostvars),
        datastore_location=str(value_of(speaker, "host_storage_datastore_location", "/var/lib/one/datastores")),
        gluster=gluster_of(looked_at, hostvars, groups.get(SERVERS) or []),
    )
    found = merged(accept(findings(cloud, ALL_RULES), accepted, ALL_RULES, hosts))
    return [{**asdict(f), "sentence": f.sentence} for f in found]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"preflight_findings": preflight_findings}
