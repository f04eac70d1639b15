#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onecluster
short_description: Manage clusters of OpenNebula
version_added: 0.1.0
description:
  - Creates, renames, changes and deletes clusters, and adds hosts, datastores and virtual networks to them.
options:
  clusters:
    description:
      - The clusters, each with the options described here. One call reads the pool once, then makes only the changes.
      - Cannot be combined with options of a single cluster.
    type: list
    elements: dict
    suboptions: &cluster
      name:
        description:
          - Name of the cluster. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing cluster, instead of or together with its name. Given with O(name), it is renamed if
            need be.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int
      rename_from:
        description:
          - Former name. If it exists and O(name) does not, it is renamed; if both exist, that is an error.
        type: str

      template:
        description:
          - Attributes of the cluster.
        type: raw

      purge:
        description:
          - Template attributes to remove from the cluster, if it has them. All others are kept.
        type: list
        elements: str

      hosts:
        description:
          - Names or ids of existing hosts that are to be in the cluster. A host leaves its former cluster. Hosts not
            named here stay as they are.
          - Where both are made together, name the cluster at the host, as O(kvmcloud.stack.onehost#module:cluster).
        type: list
        elements: str
      datastores:
        description:
          - Names or ids of existing datastores that are to be in the cluster. Datastores not named here stay as they
            are.
          - Where both are made together, name the cluster at the datastore, as
            O(kvmcloud.stack.onedatastore#module:clusters).
        type: list
        elements: str
      vnets:
        description:
          - Names or ids of existing virtual networks that are to be in the cluster. Networks not named here stay as
            they are.
          - Where both are made together, name the cluster at the network, as O(kvmcloud.stack.onevnet#module:clusters).
        type: list
        elements: str

      state:
        description:
          - V(present) creates the cluster if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - A cluster that still has members, and the cluster C(default), are not deleted.
        type: str
        choices: [present, absent]
        default: present
  <<: *cluster
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: Two clusters, one with attributes
  kvmcloud.stack.onecluster:
    clusters:
      - name: edge
        template:
          RESERVED_MEM: 1048576
        hosts: [node3, node4]
      - name: core

- name: A cluster under a new name
  kvmcloud.stack.onecluster:
    name: north
    rename_from: edge
"""

RETURN = r"""
---
actions:
  description: What was done, or would be done in check mode, in order. Secrets travel in files and do not appear.
  returned: success, or failure after the first change
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
  sample:
    - action: create cluster edge
      command: [onecluster, create, edge]
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_cluster import MEMBERS, ClusterPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import (
    COMMON_OPTIONS,
    ResourceModule,
    state_option,
)

OPTIONS = {
    **COMMON_OPTIONS,
    "hosts": {"type": "list", "elements": "str"},
    "datastores": {"type": "list", "elements": "str"},
    "vnets": {"type": "list", "elements": "str"},
    **state_option(),
}


def main() -> None:
    resources = ResourceModule("clusters", OPTIONS, {})
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(ClusterPlanner, declared)
        members = {
            option: resources.cli.pool(command)
            for option, (_element, _verb, command) in MEMBERS.items()
            if any(item.get(option) for item in declared)
        }
        plan = ClusterPlanner(present, members, lenient=resources.check_mode).plan(declared)
        if not resources.check_mode:
            resources.apply(plan)
    resources.finish(plan)


if __name__ == "__main__":
    main()
