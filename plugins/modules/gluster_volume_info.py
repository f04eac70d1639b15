#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_volume_info
short_description: Volumes of GlusterFS with the state of each brick
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Returns the volumes with their bricks in order, their options, and what is being moved.
  - The state of a brick comes from the volumes, their status and the pool together, since the status leaves out bricks
    of hosts that are away.
options:
  name:
    description: Return the volumes of these names. A name that does not exist is not an error.
    type: list
    elements: str
extends_documentation_fragment:
  - kvmcloud.stack.gluster
  - kvmcloud.stack.gluster.info
"""

EXAMPLES = r"""
- name: All volumes
  kvmcloud.stack.gluster_volume_info:
  register: found

- name: No brick is down
  ansible.builtin.assert:
    that: found.volumes | map(attribute='bricks') | flatten | rejectattr('state', 'in', ['online', 'unknown']) |
      length == 0
"""

RETURN = r"""
volumes:
  description: The volumes by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the volume.
      type: str
    id:
      description: UUID of the volume.
      type: str
    status:
      description: V(created), V(started) or V(stopped).
      type: str
    type:
      description: Type in gluster's words.
      type: str
    replica:
      description: Bricks of a set that are copies, with the arbiter. C(arbiter), C(disperse) and C(redundancy) are
        numbers too.
      type: int
    bricks:
      description:
        - The bricks in order, each with C(name), C(host), C(path), C(host_uuid), C(arbiter), C(port) and C(state),
          which is V(online), V(offline), V(host away) or V(unknown) (the volume is not started).
      type: list
      elements: dict
    sets:
      description: The names of the bricks, set by set.
      type: list
      elements: list
    options:
      description: Options that were set, and those that gluster sets by itself.
      type: dict
    tasks:
      description: What is being moved, or waits to be committed, each with C(kind), C(id), C(status) and C(bricks).
      type: list
      elements: dict
    ghost:
      description: Whether it is what a creation that failed left behind, on some hosts only.
      type: bool
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_module import GlusterModule
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import describe


def main():
    call = GlusterModule({"name": {"type": "list", "elements": "str"}})
    names = call.params["name"]
    shown = []
    with call.sentences():
        pool = call.pool()
        found = [one for one in call.volumes() if names is None or one.name in names]
        status = call.status() if any(one.started for one in found) else {}
        shown = [describe(one, status.get(one.name), pool) for one in sorted(found, key=lambda one: one.name)]
    call.module.exit_json(changed=False, volumes=shown)


if __name__ == "__main__":
    main()
