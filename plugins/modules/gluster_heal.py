#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_heal
short_description: Have a GlusterFS volume healed, wait for it, resolve split-brain
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Triggers the healing of a volume, waits until nothing is left to heal, or decides which copy of files in split-brain
    is kept.
options:
  volume:
    description: Name of the volume.
    type: str
    required: true
  action:
    description:
      - V(wait) waits until every brick is reached and nothing is left to heal, and changes nothing. It ends early if
        all that is left is in split-brain, which never heals by itself.
      - V(trigger) has the self-heal daemon begin now instead of within its ten minutes, if there is anything to heal.
      - V(full) has every file looked at, which is for disks that came back empty. It always counts as a change.
      - V(resolve) ends the split-brain of files by O(policy). The copies that are not chosen are lost.
    type: str
    choices: [wait, trigger, full, resolve]
    default: wait
  policy:
    description:
      - Which copy is kept, with O(action=resolve). There is no default.
      - V(source-brick) keeps that on O(source_brick). It is the only one for metadata (owner, mode) that differ.
      - V(bigger-file) keeps the bigger one.
      - V(latest-mtime) keeps the one that was written last. With C(features.ctime) on, as it is by default, gluster
        takes all copies for equally old, so that this is refused.
    type: str
    choices: [source-brick, bigger-file, latest-mtime]
  source_brick:
    description: The brick whose copies are kept, as V(HOST:/DIRECTORY).
    type: str
  files:
    description:
      - The files as paths within the volume, or as V(gfid:UUID) where no brick knows the path. Those that are not in
        split-brain are left alone.
      - Of two files that were made under one name on both sides, gluster lists the directory. Name the file.
    type: list
    elements: str
    default: []
  all_files:
    description: Resolve all files, instead of O(files). Only with V(source-brick).
    type: bool
    default: false
  timeout:
    description: For how long O(action=wait) waits, in seconds.
    type: int
    default: 3600
extends_documentation_fragment:
  - kvmcloud.stack.gluster
  - kvmcloud.stack.gluster.change
"""

EXAMPLES = r"""
- name: The copies are complete
  kvmcloud.stack.gluster_heal:
    volume: vms
    timeout: 600

- name: The copy on gs1 is the right one
  kvmcloud.stack.gluster_heal:
    volume: vms
    action: resolve
    policy: source-brick
    source_brick: gs1:/bricks/b1/vms
    files: [/100/disk.0]
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in order.
  returned: success, or failure after the first change
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
split_brain:
  description: Paths of what is in split-brain afterwards, or C(gfid:UUID) where no brick knows the path.
  returned: success with O(action=resolve)
  type: list
  elements: str
findings:
  description: Every reason why the call was refused, before anything was changed.
  returned: when the call is refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_heal
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_module import GlusterModule
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Refused, Step

SPEC = {
    "volume": {"type": "str", "required": True},
    "action": {"type": "str", "choices": ["wait", "trigger", "full", "resolve"], "default": "wait"},
    "policy": {"type": "str", "choices": list(gluster_heal.POLICIES)},
    "source_brick": {"type": "str"},
    "files": {"type": "list", "elements": "str", "default": []},
    "all_files": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 3600},
}


def healable(call):
    """The volume, if there is anything in it that could be healed."""
    name = call.params["volume"]
    found = next((volume for volume in call.volumes() if volume.name == name), None)
    if call.params["action"] == "resolve":
        gluster_heal.check_resolution(found, call.params)
    elif found is None and not call.bare:
        raise Refused([f"volume {name}: there is no such volume."])
    elif found is not None and found.form.width == 1:
        raise Refused([f"volume {name}: it only distributes, so that there is nothing to heal."])
    elif found is not None and not found.started:
        raise Refused([f"volume {name}: it is not started."])
    return found


def plan_trigger(call):
    name, action = call.params["volume"], call.params["action"]
    if action == "full":
        return Plan([Step(f"have all files of volume {name} looked at", ("gluster", "volume", "heal", name, "full"))])
    if action == "trigger" and gluster_heal.unhealed(call.steps.heal(name)):
        return Plan([Step(f"have volume {name} healed now", ("gluster", "volume", "heal", name))])
    return Plan()


def resolve(call):
    name = call.params["volume"]
    split = call.steps.heal(name, "split-brain")
    away = [brick.name for brick in split if not brick.connected]
    if away and gluster_heal.entries(split):
        raise Refused(
            [f"volume {name}: {', '.join(away)} is not reached; both copies must be there to choose of them."]
        )
    plan = Plan(gluster_heal.plan_resolution(call.params, split))
    if plan.changed and not call.check_mode:
        plan.apply(call.steps)
        split = call.steps.heal(name, "split-brain")
        # The command ends with 0 even if single files could not be resolved.
        left = gluster_heal.unresolved(call.params, split)
        if left:
            reason = f"volume {name}: {', '.join(left)} is in split-brain still, although no command failed."
            call.module.fail_json(msg=reason, changed=True, actions=plan.result()["actions"])
    return plan, [entry.path or f"gfid:{entry.gfid}" for entry in gluster_heal.entries(split)]


def main():
    call = GlusterModule(SPEC)
    call.steps.data_timeout = call.params["timeout"]
    plan, more = Plan(), {}
    with call.sentences():
        found = healable(call)
        if found is None:
            call.finish(plan)
        if call.params["action"] == "resolve":
            plan, more["split_brain"] = resolve(call)
        elif call.params["action"] == "wait":
            if not call.check_mode:
                call.steps.healed(found.name)
        else:
            plan = plan_trigger(call)
            if not call.check_mode:
                plan.apply(call.steps)
    call.finish(plan, **more)


if __name__ == "__main__":
    main()
