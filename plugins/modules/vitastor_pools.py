#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vitastor_pools
short_description: Pools of a Vitastor cluster are as declared
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Makes pools and changes what can be changed of them. Pools that are not named are left alone, and none is removed.
  - Runs on a host that reaches the cluster.
options:
  pools:
    description: The pools. What an entry does not say is left to Vitastor's default, or as it is.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      pg_size:
        description: How many copies there are. Needed for a new pool without O(pools[].ec).
        type: int
      ec:
        description: Erasure coding as data and parity chunks, such as V(4+2).
        type: str
      pg_count:
        description: How many placement groups there are. Needed for a new pool.
        type: int
      pg_minsize:
        description: How many copies must be up for the pool to work.
        type: int
      failure_domain:
        description: What no two copies share, V(host), V(osd) or a level of the placement tree.
        type: str
      osd_tags:
        description: Only OSDs with all of these tags, separated by commas.
        type: str
      block_size:
        description: Size of its blocks. Fixed for the life of the pool.
        type: str
      immediate_commit:
        description: What its OSDs must be able to do. Fixed for the life of the pool.
        type: str
        choices: [all, small, none]
  config_path:
    description: The cluster's configuration.
    type: path
    default: /etc/vitastor/vitastor.conf
  wait:
    description:
      - How long a new pool is tried again while there are too few OSDs, in seconds. OSDs that were just made tell what
        they are only after a while.
    type: int
    default: 60
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Two copies on different hosts
  kvmcloud.stack.vitastor_pools:
    pools:
      - {name: one, pg_size: 2, pg_count: 64, failure_domain: host}
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  returned: success
  type: list
  elements: dict
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import PlanError, RunnerError
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import (
    TOO_FEW,
    ClusterError,
    explained,
    plan_pools,
)

POOL = {
    "name": {"type": "str", "required": True},
    "pg_size": {"type": "int"},
    "ec": {"type": "str"},
    "pg_count": {"type": "int"},
    "pg_minsize": {"type": "int"},
    "failure_domain": {"type": "str"},
    "osd_tags": {"type": "str"},
    "block_size": {"type": "str"},
    "immediate_commit": {"type": "str", "choices": ["all", "small", "none"]},
}
SPEC = {
    "pools": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": POOL,
        "mutually_exclusive": [("pg_size", "ec")],
    },
    "config_path": {"type": "path", "default": "/etc/vitastor/vitastor.conf"},
    "wait": {"type": "int", "default": 60},
}
PAUSE = 5


class VitastorCli:
    def __init__(self, module):
        self.module = module
        self.until = time.monotonic() + module.params["wait"]

    def change(self, argv):
        command = [argv[0], "--config_path", self.module.params["config_path"], *argv[1:]]
        rc, out, err = self.module.run_command(command)
        while rc != 0 and TOO_FEW in err + out and time.monotonic() < self.until:
            time.sleep(PAUSE)
            rc, out, err = self.module.run_command(command)
        if rc != 0:
            raise RunnerError(explained((err or out).strip() or f"vitastor-cli ended with {rc}."))
        return out

    def new_id(self, output):
        raise RunnerError("vitastor-cli gives no ids.")


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    cli = VitastorCli(module)
    try:
        plan = plan_pools(module.params["pools"], cli.change(["vitastor-cli", "ls-pools", "--json"]))
        if not module.check_mode:
            plan.apply(cli)
    except (ClusterError, PlanError, RunnerError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**plan.result())


if __name__ == "__main__":
    main()
