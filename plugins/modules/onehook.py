#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onehook
short_description: Manage hooks of OpenNebula
version_added: 0.1.0
description:
  - Creates, renames, changes and deletes hooks on states of resources and on API calls.
  - A hook whose type, resource or call differs is deleted and created anew, for oned would keep a hook that works no
    more.
options:
  hooks:
    description:
      - The hooks, each with the options described here. One call reads the pool once, then makes only the changes.
      - Cannot be combined with options of a single hook.
    type: list
    elements: dict
    suboptions: &hook
      name:
        description:
          - Name of the hook. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing hook, instead of or together with its name. Given with O(name), it is renamed if need
            be.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int
      rename_from:
        description:
          - Former name. If it exists and O(name) does not, it is renamed; if both exist, that is an error.
        type: str

      type:
        description:
          - V(state) runs on a change of state of a resource, V(api) on a call of the API. A new hook is V(state) if
            not given.
        type: str
        choices: [state, api]
      resource:
        description:
          - The kind of resource whose states a hook of type V(state) follows. V(IMAGE) is known since release 6.0.
        type: str
        choices: [VM, HOST, IMAGE]
      on_state:
        description:
          - The state of a VM by one word (ON of OpenNebula). oned resolves it into O(resource_state) and
            O(lcm_state) and forgets it.
          - V(CUSTOM) means the two states given here, and so does leaving it out.
        type: str
        choices: [CUSTOM, DONE, PROLOG, RUNNING, SHUTDOWN, STOP, UNKNOWN]
      resource_state:
        description:
          - The state of the resource (STATE of OpenNebula, such as V(POWEROFF) of a VM or V(ERROR) of a host), in
            any case.
        type: str
      lcm_state:
        description:
          - The state within the life cycle of a VM (LCM_STATE of OpenNebula), in any case.
        type: str
      call:
        description:
          - The call that a hook of type V(api) follows, such as V(one.vm.allocate).
        type: str
      command:
        description:
          - The program, absolute or relative to C(/var/lib/one/remotes/hooks). oned does not check that it exists.
          - It is not put there by this module; it has to be on every front-end, or with O(remote=true) on every host.
        type: str
      arguments:
        description:
          - Its arguments. C($TEMPLATE) stands for the base64 XML of the resource, C($API) for that of the call.
        type: str
      arguments_stdin:
        description:
          - Give the arguments by standard input, for those too long for a command line.
        type: bool
      remote:
        description:
          - Run it on the host concerned, not on the front-end. A new hook runs on the front-end if not given.
        type: bool
      timeout:
        description:
          - How long it may run, in seconds.
        type: int
      template:
        description:
          - Further attributes of the hook.
        type: raw

      purge:
        description:
          - Template attributes to remove from the hook, if it has them. All others are kept.
        type: list
        elements: str

      state:
        description:
          - V(present) creates the hook if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - V(locked) and V(unlocked) also create it, and lock or unlock it. A locked hook that is to change is unlocked
            for the time of the change.
          - With V(present) a locked hook that would change is an error, and a locked hook is not deleted.
        type: str
        choices: [present, absent, locked, unlocked]
        default: present
  <<: *hook
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: The program that decides about VMs that went down with their host
  kvmcloud.stack.onehook:
    hooks:
      - name: autostart_poweroff
        resource: VM
        resource_state: POWEROFF
        lcm_state: LCM_INIT
        command: /usr/local/bin/autostart
        arguments: $TEMPLATE
        arguments_stdin: true
      - name: autostart_unknown
        resource: VM
        on_state: UNKNOWN
        command: /usr/local/bin/autostart
        arguments: $TEMPLATE
        arguments_stdin: true

- name: No hook of the former name
  kvmcloud.stack.onehook:
    name: autostart_powered_off
    state: absent
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
    - action: create hook autostart_poweroff
      command: [onehook, create, "<file>"]
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_hook import ON, HookPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import (
    COMMON_OPTIONS,
    ResourceModule,
    state_option,
)

OPTIONS = {
    **COMMON_OPTIONS,
    "type": {"type": "str", "choices": ["state", "api"]},
    "resource": {"type": "str", "choices": ["VM", "HOST", "IMAGE"]},
    "on_state": {"type": "str", "choices": ["CUSTOM", *sorted(ON)]},
    "resource_state": {"type": "str"},
    "lcm_state": {"type": "str"},
    "call": {"type": "str"},
    "command": {"type": "str"},
    "arguments": {"type": "str"},
    "arguments_stdin": {"type": "bool"},
    "remote": {"type": "bool"},
    "timeout": {"type": "int"},
    **state_option("locked", "unlocked"),
}


def main() -> None:
    resources = ResourceModule("hooks", OPTIONS, {})
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(HookPlanner, declared)
        plan = HookPlanner(present, lenient=resources.check_mode).plan(declared)
        if not resources.check_mode:
            resources.apply(plan)
    resources.finish(plan)


if __name__ == "__main__":
    main()
