#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_scheduling_policy
short_description: Custom scheduling policies of oVirt
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Creates, changes and removes scheduling policies of an engine, with their filters, weights and load balancing. A
    cluster gets one by C(ovirt.ovirt.ovirt_cluster).
  - Policies of oVirt itself are locked, and refused. Everything that is wrong is told before anything is changed.
options:
  policies:
    description: The policies. What is left out of one is left as it is; an empty list or dictionary takes all away.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the policy.
        type: str
        required: true
      description:
        description: What it is for.
        type: str
      properties:
        description: Values by property, such as C(HighUtilization).
        type: dict
      filters:
        description: Names of the filter units, such as V(Memory).
        type: list
        elements: str
      weights:
        description: Factors by name of the weight unit.
        type: dict
      balance:
        description: Name of the unit that balances the load; empty for none.
        type: str
      state:
        description: Whether it shall be there.
        type: str
        choices: [present, absent]
        default: present
requirements:
  - ovirt-engine-sdk-python >= 4.5
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.auth
  - kvmcloud.stack.ovirt.change
"""

EXAMPLES = r"""
---
- name: VMs are spread over hosts that are not full
  kvmcloud.stack.ovirt_scheduling_policy:
    auth: "{{ ovirt_auth }}"
    policies:
      - name: spread
        description: Hosts are loaded to 70 % at most
        properties: {HighUtilization: 70, CpuOverCommitDurationMinutes: 5}
        filters: [Memory, CPU, Network]
        weights: {OptimalForEvenDistributionCpu: 2}
        balance: OptimalForEvenDistribution
"""

RETURN = r"""
---
actions:
  description: What was done, or would be done in check mode, in order.
  returned: success
  type: list
  elements: str
  sample: [create the scheduling policy spread]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_scheduling import (
    BALANCE,
    FILTER,
    WEIGHT,
    Policy,
    faults_of,
    normal_properties,
    plan,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_sdk import AUTH, engine_of

try:
    import ovirtsdk4
    from ovirtsdk4 import types
except ImportError:
    pass  # told when a connection is made

SPEC = {
    "auth": AUTH,
    "policies": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "description": {"type": "str"},
            "properties": {"type": "dict"},
            "filters": {"type": "list", "elements": "str"},
            "weights": {"type": "dict"},
            "balance": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
}


class Engine:
    """Policies and units of an engine, through its SDK."""

    def __init__(self, connection):
        system = connection.system_service()
        self.policies = system.scheduling_policies_service()
        self.units = {(unit.type.value, unit.name): unit.id for unit in system.scheduling_policy_units_service().list()}
        self.names = {identity: name for (_type, name), identity in self.units.items()}
        self.clusters = {}
        for cluster in system.clusters_service().list():
            if cluster.scheduling_policy:
                self.clusters.setdefault(cluster.scheduling_policy.id, []).append(cluster.name)

    def _name(self, entry):
        return self.names.get(entry.scheduling_policy_unit.id if entry.scheduling_policy_unit else entry.id, entry.id)

    def read(self, names):
        """Only those that are declared: each costs three requests."""
        return {one.name: self._read(one) for one in self.policies.list() if one.name in names}

    def _read(self, one):
        service = self.policies.policy_service(one.id)
        return Policy(
            one.name,
            one.id,
            one.description or "",
            bool(one.locked),
            tuple(self.clusters.get(one.id, [])),
            {entry.name: entry.value for entry in one.properties or []},
            frozenset(self._name(entry) for entry in service.filters_service().list()),
            {self._name(entry): int(entry.factor or 1) for entry in service.weights_service().list()},
            next((self._name(entry) for entry in service.balances_service().list()), ""),
        )

    def apply(self, deed, wanted, present):
        if deed.kind == "create":
            present[deed.policy] = Policy(deed.policy, self.policies.add(self._body(wanted)).id)
            return
        service = self.policies.policy_service(present[deed.policy].id)
        if deed.kind == "update":
            service.update(self._body(wanted))
        elif deed.kind == "remove":
            service.remove()
        else:
            self._apply_unit(service, deed)

    def _body(self, wanted):
        given = wanted["properties"]
        entries = [types.Property(name=key, value=value) for key, value in normal_properties(given).items()]
        return types.SchedulingPolicy(
            name=wanted["name"], description=wanted["description"], properties=None if given is None else entries
        )

    def _apply_unit(self, service, deed):
        entries, make, find = {
            FILTER: (service.filters_service(), types.Filter, "filter_service"),
            WEIGHT: (service.weights_service(), types.Weight, "weight_service"),
            BALANCE: (service.balances_service(), types.Balance, "balance_service"),
        }[deed.unit_type]
        if deed.kind == "remove unit":
            entry = next(entry for entry in entries.list() if self._name(entry) == deed.unit)
            getattr(entries, find)(entry.id).remove()
            return
        unit = types.SchedulingPolicyUnit(id=self.units[deed.unit_type, deed.unit])
        more = {"factor": deed.factor} if deed.unit_type == WEIGHT else {}
        entries.add(make(scheduling_policy_unit=unit, **more))


def run(module, connection):
    wanted = {one["name"]: one for one in module.params["policies"]}
    engine = Engine(connection)
    units = {}
    for kind, name in engine.units:
        units.setdefault(kind, set()).add(name)
    present = engine.read(wanted)
    faults = faults_of(module.params["policies"], units)
    deeds, refusals = plan(module.params["policies"], present)
    if faults or refusals:
        module.fail_json(msg="\n".join(faults + refusals))
    done = []
    for deed in [] if module.check_mode else deeds:
        try:
            engine.apply(deed, wanted[deed.policy], present)
        except ovirtsdk4.Error as error:
            module.fail_json(
                msg=f"Could not {deed.sentence}: {error} Done before it: {'; '.join(done) or 'nothing'}.",
                changed=bool(done),
            )
        done.append(deed.sentence)
    module.exit_json(changed=bool(deeds), actions=[deed.sentence for deed in deeds])


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    with engine_of(module) as connection:
        run(module, connection)


if __name__ == "__main__":
    main()
