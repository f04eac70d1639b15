#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_hosted_engine
short_description: Maintenance and start of the hosted engine of oVirt
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Brings maintenance and the engine's VM to what is wanted, and waits until it is so. The status is asked first, so
    that a VM that is up is not started, which C(hosted-engine) would call an error.
  - It does not deploy. Run it on a host that is part of the hosted engine.
options:
  maintenance:
    description:
      - V(global) lets all hosts leave the engine's VM alone, as an upgrade of the engine needs it. V(local) is that of
        this host alone; it is refused while the VM runs here. Each ends the other, and V(none) both.
    type: str
    choices: [global, local, none]
  vm:
    description: V(started) starts the engine's VM if it is up on no host, and waits for the engine in it.
    type: str
    choices: [started]
  timeout:
    description: How long to wait, in seconds.
    type: int
    default: 900
  poll:
    description: Seconds between two looks.
    type: float
    default: 5
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.change
seealso:
  - module: kvmcloud.stack.ovirt_hosted_engine_info
"""

EXAMPLES = r"""
---
- name: No host touches the engine's VM while the engine is upgraded
  kvmcloud.stack.ovirt_hosted_engine:
    maintenance: global

- name: The engine runs
  kvmcloud.stack.ovirt_hosted_engine:
    maintenance: none
    vm: started
"""

RETURN = r"""
---
actions:
  description: What was done, or would be done in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The step as a phrase.
      type: str
    command:
      description: The command with its arguments.
      type: list
      elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_host import (
    ANSWER_SECONDS,
    BOUNDED,
    TIMED_OUT,
    own_id,
    read_status,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_status import plan_day2, reached
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError, RunnerError

SPEC = {
    "maintenance": {"type": "str", "choices": ["global", "local", "none"]},
    "vm": {"type": "str", "choices": ["started"]},
    "timeout": {"type": "int", "default": 900},
    "poll": {"type": "float", "default": 5},
}
ALREADY_THERE = "VM exists and its status is"  # up, or on its way: another host may have been quicker


class Program:
    """Runs the steps of a plan."""

    def __init__(self, module):
        self.module = module

    def change(self, argv):
        status, out, err = self.module.run_command([*BOUNDED, *(str(argument) for argument in argv)])
        if status in TIMED_OUT:
            raise RunnerError(f"hosted-engine did not answer within {ANSWER_SECONDS} s; is its storage there?")
        if status and ALREADY_THERE not in out + err:
            raise RunnerError(f"hosted-engine says: {(err or out).strip() or 'nothing'} (exit code {status}).")
        return out

    def new_id(self, output):
        raise RunnerError(f"hosted-engine gives no ids: {output}")


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    wanted = (own_id(), module.params["maintenance"], module.params["vm"])
    status = read_status(module)
    day2 = plan_day2(status, *wanted)
    if day2.refusal:
        module.fail_json(msg=day2.refusal)
    plan = Plan(day2.steps)
    if not module.check_mode:
        try:
            plan.apply(Program(module))
        except PlanError as error:
            module.fail_json(msg=str(error), changed=bool(error.done))
        status = read_status(module) if plan.changed else status
        deadline = time.monotonic() + module.params["timeout"]
        while not reached(status, *wanted):
            if time.monotonic() > deadline:
                seen = "; ".join(f"{host.name}: VM {host.vm}, engine {host.health}" for host in status.hosts)
                module.fail_json(
                    msg=f"It was not reached within {module.params['timeout']} s. Last seen: {seen or 'nothing'}, "
                    f"global maintenance {status.global_maintenance}. Look at: hosted-engine --vm-status",
                    changed=plan.changed,
                )
            time.sleep(module.params["poll"])
            status = read_status(module)
    module.exit_json(changed=plan.changed, actions=[step.shown() for step in plan.steps])


if __name__ == "__main__":
    main()
