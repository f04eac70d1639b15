#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onehost
short_description: Manage hosts (hypervisors) of OpenNebula
version_added: 0.1.0
description:
  - Registers, renames, changes and removes hosts, moves them between clusters, and enables or disables them.
  - Waits until oned monitors them, and fails with oned's own words for a host that it cannot monitor.
options:
  hosts:
    description:
      - The hosts, each with the options described here. One call reads the pool once, then makes only the changes.
      - Cannot be combined with options of a single host.
    type: list
    elements: dict
    suboptions: &host
      name:
        description:
          - Name of the host. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing host, instead of or together with its name. Given with O(name), it is renamed if need
            be.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int
      rename_from:
        description:
          - Former name. If it exists and O(name) does not, it is renamed; if both exist, that is an error.
        type: str

      im_mad:
        description:
          - Information driver. A new host gets V(kvm) if none is given.
        type: str
      vm_mad:
        description:
          - Virtualisation driver. A new host gets V(kvm) if none is given.
        type: str
      cluster:
        description:
          - Name or id of the cluster the host is to be in. A new host is in C(default) if none is given.
        type: str
      template:
        description:
          - Attributes of the host, such as C(RESERVED_CPU).
        type: raw

      awaits_storage:
        description:
          - Create the host disabled, with the attribute C(KVMCLOUD_AWAITS_STORAGE), so that no guest is put there
            before its storage is mounted. Who has mounted it enables it and purges the attribute, as the role
            P(kvmcloud.stack.host_storage#role) does.
          - A host that oned has reached already does not begin to wait, and one that is declared disabled or offline
            stays so.
        type: bool
        default: false
      purge:
        description:
          - Template attributes to remove from the host, if it has them. All others are kept.
        type: list
        elements: str

      state:
        description:
          - V(present) creates the host if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - V(enabled), V(disabled) and V(offline) also create it, and bring it into that state.
          - A host in error counts as enabled.
          - With V(present) a disabled or offline host stays so.
          - A host with VMs on it is not deleted.
        type: str
        choices: [present, absent, enabled, disabled, offline]
        default: present
  <<: *host
  wait:
    description:
      - Wait until the hosts are monitored; disabled and offline ones are not waited for.
      - A host found in error is told to try again first.
    type: bool
    default: true
  wait_timeout:
    description:
      - How long to wait for all hosts together, in seconds. If after 10 s the only ones that are not monitored are
        in error, the wait ends there.
    type: int
    default: 120
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: Every node is a host of the cloud
  kvmcloud.stack.onehost:
    hosts:
      - name: node1
      - name: node2
        im_mad: qemu
        vm_mad: qemu
        cluster: edge
        template:
          RESERVED_CPU: 100
    wait_timeout: 180

- name: No new VMs on node1
  kvmcloud.stack.onehost:
    name: node1
    state: disabled
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
    - action: create host node1
      command: [onehost, create, node1, "-i", kvm, "-v", kvm]
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_host import (
    HostPlanner,
    awaited,
    unmonitored,
    unseen_clusters,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import (
    COMMON_OPTIONS,
    ResourceModule,
    state_option,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import wait_until

OPTIONS = {
    **COMMON_OPTIONS,
    "im_mad": {"type": "str"},
    "vm_mad": {"type": "str"},
    "cluster": {"type": "str"},
    "awaits_storage": {"type": "bool", "default": False},
    **state_option("enabled", "disabled", "offline"),
}
CALL_OPTIONS = {"wait": {"type": "bool", "default": True}, "wait_timeout": {"type": "int", "default": 120}}
# A host that was just told to try again is in error still for the moment that the first connection takes.
ERROR_GRACE = 10


def main() -> None:
    resources = ResourceModule("hosts", OPTIONS, CALL_OPTIONS)
    wait = resources.params["wait"]
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(HostPlanner, declared)
        clusters = resources.cli.pool("onecluster") if unseen_clusters(declared, present) else []
        planner = HostPlanner(present, clusters, lenient=resources.check_mode, retry=wait)
        plan = planner.plan(declared)
        if not resources.check_mode:
            resources.apply(plan)
            if wait:
                names = awaited(declared, present) - planner.waiting
                wait_until(
                    read=lambda: resources.cli.pool("onehost"),
                    judge=lambda pool: unmonitored(pool, names),
                    wanted="every host to be monitored",
                    limit=resources.params["wait_timeout"],
                    first=None if plan.changed else present,
                    grace=ERROR_GRACE,
                )
    resources.finish(plan)


if __name__ == "__main__":
    main()
