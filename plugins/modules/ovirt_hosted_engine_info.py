#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_hosted_engine_info
short_description: Status of the hosted engine of oVirt
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Tells what C(hosted-engine) knows of its hosts and of the engine's VM. A host that is no part of it, a deployment
    that failed half-way and a broker that is down are told apart, and no error.
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.info
seealso:
  - module: kvmcloud.stack.ovirt_hosted_engine
"""

EXAMPLES = r"""
---
- name: The hosted engine as it is
  kvmcloud.stack.ovirt_hosted_engine_info:
  register: hosted_engine
"""

RETURN = r"""
---
deployed:
  description: Whether this host is part of a hosted engine.
  returned: success
  type: bool
half_deployed:
  description: Whether a deployment failed half-way, and its local VM still lives.
  returned: success
  type: bool
broker:
  description: Whether the broker answered. If not, what is told of hosts may be old or missing.
  returned: success
  type: bool
global_maintenance:
  description: Whether the hosts leave the engine's VM alone.
  returned: success
  type: bool
healthy:
  description: Whether the engine's VM is up on a host, and the engine in it answers.
  returned: success
  type: bool
hosts:
  description: The hosts of the hosted engine.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Number of the host.
      type: str
    name:
      description: Name of the host.
      type: str
    score:
      description: How fit it is to run the engine's VM; 3400 is best, 0 is unfit.
      type: int
    vm:
      description: V(up) where the engine's VM is.
      type: str
    health:
      description: V(good) where the engine in it answers.
      type: str
    detail:
      description: State of the VM.
      type: str
    maintenance:
      description: Whether the host is in local maintenance.
      type: bool
    live:
      description: Whether what is told of it is recent.
      type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_host import read_status


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    status = read_status(module)
    told = {**status._asdict(), "hosts": [host._asdict() for host in status.hosts], "healthy": status.healthy}
    module.exit_json(changed=False, **told)


if __name__ == "__main__":
    main()
