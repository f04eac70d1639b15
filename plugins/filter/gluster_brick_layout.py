# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter gluster_brick_layout: declared volumes of GlusterFS with their bricks in the order that keeps copies apart."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_inventory import (
    InventoryError,
    volumes_with_bricks,
)

DOCUMENTATION = r"""
name: gluster_brick_layout
short_description: Bricks of GlusterFS volumes in the order that keeps copies on different hosts
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Turns the disks that volumes use on each host into bricks, in the order in which GlusterFS makes sets of them, so
    that no two parts of a set are on one host, nor in one failure domain where C(gluster_server_failure_domain) is set.
  - Arbiters are spread over the hosts evenly. Where the sizes of all disks are known, large ones are put together with
    large ones.
  - Bricks that are given in order are checked against the same rules.
  - Fails with all that is wrong, and names the layouts that are possible with these disks.
  - Volumes that exist keep their sets if they are given as O(present). What is declared now is then reached with few
    moves of data - a host that joins gives whole sets together with bricks that it takes over.
positional: hostvars, hosts
options:
  _input:
    description:
      - Volumes as C(gluster_volumes) declares them. Each has a C(name) and a form, which is one of C(replica) (with
        C(arbiter)), C(disperse) with C(redundancy), or none for files that are on one brick each.
      - C(disks) names entries of the hosts' C(gluster_bricks), by default all of them; C(arbiter_disks) those that
        are for arbiters, as many as come. C(hosts) names the hosts, by default all. C(bricks) replaces these three.
    type: list
    elements: dict
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  hosts:
    description: Hosts of the group C(gluster_servers).
    type: list
    elements: str
    required: true
  register:
    description: Variable in which the result of M(kvmcloud.stack.gluster_brick) was registered, for the sizes of disks.
    type: str
    default: gluster_server_bricks
  present:
    description:
      - Volumes that exist, as M(kvmcloud.stack.gluster_volume_info) returns them; to show what would be done.
        M(kvmcloud.stack.gluster_volume) plans the same by itself, from C(hosts).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: What volumes there will be
  ansible.builtin.debug:
    msg: "{{ gluster_volumes | kvmcloud.stack.gluster_brick_layout(hostvars, groups['gluster_servers']) }}"
  vars:
    gluster_volumes:
      - {name: vms, replica: 3, arbiter: 1, disks: [brick1, brick2], arbiter_disks: [small]}
"""

RETURN = r"""
_value:
  description:
    - The volumes with all that was declared of them but C(disks) and C(arbiter_disks). Those to be absent are as they
      were.
  type: list
  elements: dict
  contains:
    bricks:
      description: C(HOST:/DIRECTORY) in the order that C(gluster volume create) takes.
      type: list
      elements: str
    replica:
      description: Bricks of a set, with its arbiter; 1 for none, 0 with C(disperse). C(arbiter), C(disperse) and
        C(redundancy) are numbers too.
      type: int
    capacity_mb:
      description: What the files may take, in MiB; 0 where the size of a disk is not known.
      type: int
    survives:
      description: Sentences that say what may be lost.
      type: list
      elements: str
    hosts:
      description: The hosts with C(name), C(other_names), C(rack) and C(disks); none where bricks are declared.
      type: list
      elements: dict
    change:
      description:
        - For a volume that exists, C(steps) as phrases, C(moves), the number of bricks whose data is copied although
          their disk stays, and C(findings) about sets that are not safe as they are.
      type: dict
      returned: for volumes in O(present) whose bricks are not declared
"""


def gluster_brick_layout(
    volumes: Sequence[Mapping[str, Any]],
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    register: str = "gluster_server_bricks",
    present: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    try:
        return volumes_with_bricks(volumes, hostvars, hosts, register, present)
    except InventoryError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"gluster_brick_layout": gluster_brick_layout}
