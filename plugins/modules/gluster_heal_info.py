#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_heal_info
short_description: What GlusterFS volumes have to heal, and what is in split-brain
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Returns for each brick how many entries it knows of that are to be healed, and how many of these are in split-brain.
  - A brick that is not reached has no counts. That is not zero, and the volume is not healed then, whatever the others
    say.
  - Volumes that only distribute, and those that are not started, have nothing to heal and are left out.
options:
  volume:
    description: Names of the volumes; by default all of them. One that does not exist is an error.
    type: list
    elements: str
  entries:
    description: Return the files as well, which is a second question to each volume that has any.
    type: bool
    default: true
extends_documentation_fragment:
  - kvmcloud.stack.gluster
  - kvmcloud.stack.gluster.info
"""

EXAMPLES = r"""
- name: What is to be healed
  kvmcloud.stack.gluster_heal_info:
  register: found

- name: All is complete
  ansible.builtin.assert:
    that: found.volumes | rejectattr('healed') | length == 0
"""

RETURN = r"""
volumes:
  description: The volumes that have copies or fragments, and are started.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the volume.
      type: str
    healed:
      description: Whether every brick was reached and nothing is to be healed.
      type: bool
    bricks:
      description:
        - The bricks with C(name), C(connected), C(status), and as numbers or null C(total), C(pending), C(split_brain)
          and C(healing).
      type: list
      elements: dict
    entries:
      description: What is to be healed, each once, with C(gfid), C(path) (empty if no brick knows it) and
        C(split_brain).
      type: list
      elements: dict
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_heal
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_module import GlusterModule
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Refused

SPEC = {
    "volume": {"type": "list", "elements": "str"},
    "entries": {"type": "bool", "default": True},
}


def shown(call, volume):
    """Counts come from the summary, which has no files; the files from the two lists, one of which has all of them."""
    name = volume.name
    bricks = call.steps.heal(name, "summary")
    found = []
    if call.params["entries"] and any(brick.total != 0 for brick in bricks):
        # Of fragments gluster knows no split-brain, and does not answer.
        torn = [] if volume.form.disperse else gluster_heal.entries(call.steps.heal(name, "split-brain"))
        split = {entry.gfid for entry in torn}
        left = gluster_heal.entries(call.steps.heal(name))
        found = [{"gfid": one.gfid, "path": one.path, "split_brain": one.gfid in split} for one in left]
    plain = [{key: value for key, value in brick._asdict().items() if key != "entries"} for brick in bricks]
    return {"name": name, "healed": not gluster_heal.unhealed(bricks), "bricks": plain, "entries": found}


def main():
    call = GlusterModule(SPEC)
    asked = call.params["volume"]
    found = []
    with call.sentences():
        volumes = {volume.name: volume for volume in call.volumes()}
        missing = [name for name in asked or [] if name not in volumes]
        if missing:
            raise Refused([f"volume {name}: there is no such volume." for name in missing])
        chosen = [volumes[name] for name in (sorted(volumes) if asked is None else asked)]
        found = [shown(call, one) for one in chosen if one.started and one.form.width > 1]
    call.module.exit_json(changed=False, volumes=found)


if __name__ == "__main__":
    main()
