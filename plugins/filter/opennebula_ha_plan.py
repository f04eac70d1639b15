# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter opennebula_ha_plan: what makes the front-ends one zone, in order, from what each of them said."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_plan import ClusterError, look_from, plan_cluster

DOCUMENTATION = r"""
name: opennebula_ha_plan
short_description: Steps that make several OpenNebula front-ends one zone
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Compares what M(kvmcloud.stack.one_raft_info) found on the front-ends and names the steps, in the order in which
    they are safe - found a zone, join it, enter it with the database that is there, start anew (followers first, the
    leader last).
  - Fails with a sentence where no step is safe, such as two databases that are not of one zone, or a majority that
    nobody has and a server that was not looked at.
positional: hostvars
options:
  _input:
    description: Names of all front-ends, in the order of the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  look:
    description: Variable in which the result of M(kvmcloud.stack.one_raft_info) was registered.
    type: str
    default: opennebula_ha_look
  due:
    description:
      - Variable in which the result of M(kvmcloud.stack.guarded_service), run in check mode for oned alone, was
        registered. It says whether oned has to be started anew.
    type: str
    default: opennebula_frontend_due
  discard:
    description: Front-ends whose own database may be replaced.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: What has to be done
  ansible.builtin.set_fact:
    plan: "{{ groups['opennebula_frontends'] | kvmcloud.stack.opennebula_ha_plan(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    steps:
      description:
        - Steps in order, each with C(host), C(action) (V(found), V(join) or V(enter)), C(reason), C(source) (whose
          database is taken), C(add) (the zone does not name it yet) and C(wait) (it has to replicate after it).
      type: list
      elements: dict
    leader:
      description: Front-end that leads now; empty where none does.
      type: str
    warnings:
      description: Sentences to show.
      type: list
      elements: str
"""


def opennebula_ha_plan(
    hosts: Sequence[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    look: str = "opennebula_ha_look",
    due: str = "opennebula_frontend_due",
    discard: Sequence[str] = (),
) -> dict[str, Any]:
    looks = [look_from(host, hostvars[host][look]["look"]) for host in hosts if "look" in hostvars[host].get(look, {})]
    anew = [host for host in hosts if hostvars[host].get(due, {}).get("changed")]
    endpoints = {one.host: one.endpoint for one in looks}
    try:
        plan = plan_cluster([(host, endpoints.get(host, "")) for host in hosts], looks, anew, discard)
    except ClusterError as problem:
        raise AnsibleFilterError(str(problem)) from problem
    warnings = [*plan.warnings, *_differing_files(hosts, hostvars, look)]
    return {"steps": [asdict(step) for step in plan.steps], "leader": plan.leader, "warnings": warnings}


def _differing_files(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], look: str) -> list[str]:
    """Users are signed out, and services refused, when the next leader has other credentials than this one."""
    digests: dict[str, dict[str, list[str]]] = {}
    for host in hosts:
        for name, digest in hostvars[host].get(look, {}).get("look", {}).get("shared", {}).items():
            digests.setdefault(name, {}).setdefault(digest, []).append(host)
    return [
        f"/var/lib/one/.one/{name} is not the same on all front-ends ({'; '.join(' '.join(h) for h in by.values())}). "
        "Copy the leader's to the others and restart what reads it."
        for name, by in sorted(digests.items())
        if len(by) > 1
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"opennebula_ha_plan": opennebula_ha_plan}
