#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: one_replication
short_description: Wait until this front-end replicates its zone, and prove it
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Waits until the zone has a leader, this server leads or follows it in the same term, and its log has reached the
    leader's.
  - Then writes a value through the zone, as an attribute C(REPLICATION_PROBE) of the zone, and waits until this very
    server shows it. A database that opens, or a state called follower, proves nothing of the kind.
options:
  endpoint:
    description: Endpoint under which the zone knows this server.
    type: str
    required: true
  local_endpoint:
    description: Endpoint of the oned on this very host.
    type: str
    default: http://localhost:2633/RPC2
  timeout:
    description: Time limit of it all, in seconds. oned begins its first election 15 s after its start.
    type: int
    default: 120
  api_timeout:
    description: How long oned may take to answer one call, in seconds.
    type: int
    default: 15
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Does nothing in check mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    platforms: posix
    support: full
notes:
  - Runs on a front-end as root or oneadmin.
  - The probe is not counted as a change. It writes, so it belongs behind a change and not into every run.
"""

EXAMPLES = r"""
- name: This front-end replicates
  kvmcloud.stack.one_replication:
    endpoint: http://10.0.0.12:2633/RPC2
"""

RETURN = r"""
role:
  description: V(leader) or V(follower).
  returned: success, not in check mode
  type: str
leader:
  description: Name of the server that leads.
  returned: success, not in check mode
  type: str
index:
  description: Newest record of this server's log when the probe was seen.
  returned: success, not in check mode
  type: int
"""

import time
import uuid

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_replication import PROBE, Sight, verdict
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import ZoneError, parse_zone
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile

LOOK_SECONDS = 1.0


class Server:
    """This front-end's own oned, asked at its own endpoint."""

    def __init__(self, module):
        self.endpoint = module.params["endpoint"]
        self.environment = {"ONE_XMLRPC": module.params["local_endpoint"]}
        self.cli = OneCommand(module)
        self.value = f"{int(time.time())}-{uuid.uuid4().hex[:12]}"
        self.written = False
        self.refused = ""

    def look(self):
        try:
            zone = parse_zone(self.cli.run(["onezone", "show", "-x", "0"], self.environment))
        except OneError as error:
            if error.kind in (one_errors.UNREACHABLE, one_errors.TIMEOUT):
                return Sight(None, None, self.written, "", str(error))
            raise
        return Sight(zone, zone.server(self.endpoint), self.written, zone.template.get(PROBE, ""), self.refused)

    def write(self):
        """What a follower or a leader that still settles refuses now, it takes in a moment."""
        content = InputFile(f'{PROBE} = "{self.value}"\n')
        try:
            self.cli.change(["onezone", "update", "0", content, "--append"], self.environment)
            self.written, self.refused = True, ""
        except OneError as error:
            if error.kind == one_errors.AUTHENTICATION:
                raise
            self.refused = str(error)


def main():
    module = AnsibleModule(
        argument_spec={
            "endpoint": {"type": "str", "required": True},
            "local_endpoint": {"type": "str", "default": "http://localhost:2633/RPC2"},
            "timeout": {"type": "int", "default": 120},
            "api_timeout": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False)
    server, deadline, target = Server(module), time.monotonic() + module.params["timeout"], -1
    while True:
        try:
            sight = server.look()
            if target < 0 and sight.leader is not None:
                target = sight.leader.index
            found = verdict(sight, target, server.value)
            if found.outcome == "write":
                server.write()
        except (OneError, ZoneError) as problem:
            module.fail_json(msg=f"Whether this front-end replicates cannot be told: {problem}")
        if found.outcome == "proven":
            module.exit_json(changed=False, role=sight.own.state, leader=sight.leader.name, index=sight.own.index)
        if time.monotonic() > deadline:
            module.fail_json(
                msg=f"This front-end does not replicate its zone within {module.params['timeout']} s: {found.why} See "
                "/var/log/one/oned.log here and on the leader."
            )
        if found.outcome == "wait" or server.refused:
            time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
