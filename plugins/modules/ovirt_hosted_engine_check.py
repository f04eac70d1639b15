#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_hosted_engine_check
short_description: What speaks against a deployment of the hosted engine of oVirt
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Judges the variables of the official role C(ovirt.ovirt.hosted_engine_setup) and the host that it would run on,
    before it runs for an hour and stops half-way - memory, space, firewall, device and names, CPU, owner and emptiness
    of the storage. Everything is told at once.
  - Shared storage is mounted read-only for a moment, in mounts of its own.
options:
  variables:
    description: The he_* variables, without those that are secret, whose names end with C(_password).
    type: dict
    required: true
  secrets:
    description: The secret ones. What is told quotes the others only.
    type: dict
    default: {}
  host:
    description: Whether the host is looked at as well, or the variables only.
    type: bool
    default: true
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.info
"""

EXAMPLES = r"""
---
- name: The hosted engine can be deployed here
  kvmcloud.stack.ovirt_hosted_engine_check:
    variables: {he_fqdn: engine.example.org, he_bridge_if: eth0, he_domain_type: nfs}
    secrets: {he_admin_password: "{{ vault_he_admin_password }}"}
"""

RETURN = r"""
---
findings:
  description: All that speaks against it.
  returned: failure
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_host import read_probe
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_requirements import (
    requirement_findings,
    variable_faults,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_variables import (
    SECRETS,
    VARIABLES,
)

MISPLACED = "{0} is a secret; give it in 'secrets', since what is in 'variables' is logged."
SPEC = {
    "variables": {"type": "dict", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "host": {"type": "bool", "default": True},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    given = {**module.params["variables"], **module.params["secrets"]}
    findings = [MISPLACED.format(name) for name in SECRETS if name in module.params["variables"]]
    findings += variable_faults(given, VARIABLES)
    if not findings and module.params["host"]:
        findings = requirement_findings(read_probe(module, given), given)
    if findings:
        module.fail_json(msg="\n".join(findings), findings=findings)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
