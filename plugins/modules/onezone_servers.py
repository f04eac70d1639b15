#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: onezone_servers
short_description: Servers of an OpenNebula zone, and the zone's endpoint
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Adds and deletes the servers that replicate one another in a zone (C(onezone server-add), C(server-del)).
  - A server is added only when the zone has a majority with it, because a zone without one takes no more changes, not
    even the deletion of the server that is one too many.
  - Servers that are not named are left alone. A server cannot be moved to another endpoint; it is deleted and added.
options:
  zone:
    description: Identifier of the zone.
    type: int
    default: 0
  servers:
    description: The servers.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the server in the zone.
        type: str
        required: true
      endpoint:
        description: Where the other servers reach it, such as V(http://10.0.0.11:2633/RPC2). Required with C(present).
        type: str
      state:
        description: Whether the zone has it.
        type: str
        choices: [present, absent]
        default: present
  endpoint:
    description: Endpoint of the zone, where clients reach whichever server leads. It is left as it is without this.
    type: str
  api_timeout:
    description: How long oned may take to answer one call, in seconds.
    type: int
    default: 30
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - Where oned is still to come the zone is taken as one without servers.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
notes:
  - Runs on a front-end as root or oneadmin, best on the leader.
"""

EXAMPLES = r"""
- name: The zone knows front2, and clients ask the floating address
  kvmcloud.stack.onezone_servers:
    endpoint: http://10.0.0.10:2633/RPC2
    servers:
      - name: front2
        endpoint: http://10.0.0.12:2633/RPC2
  register: zone

- name: A dead server is taken out
  kvmcloud.stack.onezone_servers:
    servers:
      - name: front3
        state: absent
"""

RETURN = r"""
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
      description: The command.
      type: list
      elements: str
ids:
  description: Identifier of each server by its name; a server that check mode would add is not in it.
  returned: success
  type: dict
  sample: {front1: 0, front2: 1}
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone, ZoneError, parse_zone
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_servers import ServersError, plan_servers
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import PlanError, RunnerError

SEEN_WITHIN = 15  # a follower shows what the leader took with a heartbeat's delay


def read(module, cli):
    try:
        return parse_zone(cli.run(["onezone", "show", "-x", str(module.params["zone"])]))
    except OneError as error:
        if module.check_mode and (error.kind == one_errors.UNREACHABLE or not cli.installed("onezone")):
            return Zone(module.params["zone"], "http://localhost:2633/RPC2")
        raise


def read_until(module, cli, wanted):
    """The zone as it is once the servers that were just added are in it."""
    deadline = time.monotonic() + SEEN_WITHIN
    while True:
        zone = read(module, cli)
        missing = [server["name"] for server in wanted if zone.server(server["endpoint"]) is None]
        if not missing:
            return zone
        if time.monotonic() > deadline:
            module.fail_json(msg=f"oned took {' and '.join(missing)} and does not show it in its zone.")
        time.sleep(0.5)


def ids_of(zone, wanted):
    """By the names of the zone, and by the names given here where the zone has others for the same endpoint."""
    ids = {server.name: server.id for server in zone.servers}
    for server in wanted:
        present = zone.server(server["endpoint"])
        if present is not None:
            ids[server["name"]] = present.id
    return ids


def main():
    module = AnsibleModule(
        argument_spec={
            "zone": {"type": "int", "default": 0},
            "servers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "endpoint": {"type": "str"},
                    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                },
                "required_if": [("state", "present", ("endpoint",))],
            },
            "endpoint": {"type": "str"},
            "api_timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    cli = OneCommand(module)
    wanted = [server for server in module.params["servers"] if server["state"] == "present"]
    try:
        zone = read(module, cli)
        plan = plan_servers(module.params["servers"], zone, module.params["endpoint"])
        if plan.changed and not module.check_mode:
            plan.apply(cli)
            zone = read_until(module, cli, wanted)
    except (ServersError, ZoneError, PlanError, RunnerError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**plan.result(), ids=ids_of(zone, wanted))


if __name__ == "__main__":
    main()
