#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_hosts_ready
short_description: Wait until hosts of oVirt are ready
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Waits until the engine has all of the named hosts up, or in maintenance. Hosts that are being installed are waited
    for together, as the engine installs them beside one another.
  - A host whose installation failed is told in the engine's own words, as soon as the others have ended;
    C(ovirt.ovirt.ovirt_host) would wait for a new one until its time is over.
  - Nothing is changed.
options:
  hosts:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  timeout:
    description: How long to wait, in seconds.
    type: int
    default: 1800
  poll:
    description: Seconds between two looks.
    type: float
    default: 3
requirements:
  - ovirt-engine-sdk-python >= 4.5
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.auth
  - kvmcloud.stack.ovirt.info
"""

EXAMPLES = r"""
---
- name: New hosts are ready
  kvmcloud.stack.ovirt_hosts_ready:
    auth: "{{ ovirt_auth }}"
    hosts: [host1, host2]
"""

RETURN = r"""
---
states:
  description: State of each host, by its name.
  returned: success
  type: dict
  sample: {host1: up}
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_host_states import judge, sentences
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_sdk import AUTH, engine_of

SPEC = {
    "auth": AUTH,
    "hosts": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 1800},
    "poll": {"type": "float", "default": 3},
}
EVENTS = 200  # that are looked at
SHOWN = 3  # that are told of one host
BAD = ("warning", "error", "alert")


def events_of(system, hosts):
    """What the engine complained of, by host."""
    found = {}
    for event in system.events_service().list(max=EVENTS):
        if event.host and event.severity and event.severity.value in BAD:
            found.setdefault(event.host.id, []).append(event.description)
    return {one.name: found.get(one.id, [])[:SHOWN] for one in hosts}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    names = module.params["hosts"]
    deadline = time.monotonic() + module.params["timeout"]
    with engine_of(module) as connection:
        system = connection.system_service()
        while True:
            hosts = [one for one in system.hosts_service().list() if one.name in names]
            states = {one.name: one.status.value for one in hosts}
            outcome = judge(names, states)
            if outcome.over or time.monotonic() > deadline:
                break
            time.sleep(module.params["poll"])
        told = sentences(outcome, states, events_of(system, hosts) if outcome.failed else {})
        if outcome.waiting:
            told.append(
                f"After {module.params['timeout']} s {', '.join(outcome.waiting)}. Look at the engine's events."
            )
        if told:
            module.fail_json(msg="\n".join(told))
    module.exit_json(changed=False, states=states)


if __name__ == "__main__":
    main()
