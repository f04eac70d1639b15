#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vitastor_placement
short_description: A server of Vitastor has its place in the placement tree
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Puts this host, by the name that its OSDs tell, below a node of the placement tree, such as its rack, and the nodes
    above it into the tree. Nodes that are not named stay as they are.
  - The tree is a key of etcd, to which it talks as C(vitastor-cli) does. Data moves when a place changes.
options:
  nodes:
    description: Nodes above hosts by name, each with its C(level) and, but for the outermost, its C(parent).
    type: dict
    required: true
  parent:
    description: The node that this host is below.
    type: str
    required: true
  config_path:
    description: The cluster's configuration, which says where etcd is.
    type: path
    default: /etc/vitastor/vitastor.conf
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
- name: This server stands in the first rack
  kvmcloud.stack.vitastor_placement:
    nodes:
      r1: {level: rack}
    parent: r1
"""

RETURN = r"""
tree:
  description: The placement tree as it is now, or would be.
  returned: success
  type: dict
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import fetch_url

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import ClusterError
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_placement import (
    answered,
    asking,
    endpoints,
    key_of,
    putting,
    with_host,
)

SPEC = {
    "nodes": {"type": "dict", "required": True},
    "parent": {"type": "str", "required": True},
    "config_path": {"type": "path", "default": "/etc/vitastor/vitastor.conf"},
}
ATTEMPTS = 20  # all servers of a cluster may do this at once


class Etcd:
    def __init__(self, module, addresses):
        self.module, self.addresses = module, addresses

    def transaction(self, request):
        """The first member that answers."""
        wrong = []
        for url in self.addresses:
            headers = {"Content-Type": "application/json"}
            response, info = fetch_url(
                self.module, url, data=json.dumps(request), headers=headers, method="POST", timeout=10, use_proxy=False
            )
            if info["status"] == 200:
                return json.loads(response.read())
            wrong.append(f"{url}: {info['msg']}")
        raise ClusterError(f"etcd of Vitastor does not answer: {'; '.join(wrong) or 'no etcd_address is configured'}.")


def reconciled(module):
    try:
        with open(module.params["config_path"]) as stream:
            config = stream.read()
        etcd, key = Etcd(module, endpoints(config)), key_of(config)
    except (OSError, ValueError) as error:
        raise ClusterError(f"{module.params['config_path']} cannot be read: {error}.") from error
    for _attempt in range(ATTEMPTS):
        found, revision = answered(etcd.transaction(asking(key)))
        tree = with_host(found, module.params["nodes"], os.uname().nodename, module.params["parent"])
        if tree == found or module.check_mode or etcd.transaction(putting(key, tree, revision)).get("succeeded"):
            return found, tree
    raise ClusterError("The placement tree was changed by others again and again; run this once more.")


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        found, tree = reconciled(module)
    except ClusterError as error:
        module.fail_json(msg=str(error))
    shown = [json.dumps(one, indent=1, sort_keys=True) + "\n" for one in (found, tree)]
    module.exit_json(changed=tree != found, tree=tree, diff={"before": shown[0], "after": shown[1]})


if __name__ == "__main__":
    main()
