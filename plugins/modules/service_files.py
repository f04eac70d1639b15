#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service_files
short_description: A small service of its own, all its files and its systemd units, in one run
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Writes the files of a service that no package brings, makes systemd know them, and enables and starts its units.
  - With O(state=absent), stops and disables the units and removes the files again.
  - Each file is replaced atomically. What systemd has to do is decided by what it has in memory, so a run that was
    killed in between is repaired by the next one.
  - For a service with a configuration that may be wrong, M(kvmcloud.stack.guarded_service) goes back to the former one.
options:
  files:
    description: The files. All belong to root.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where it is. Its directory must exist or be one of O(directories).
        type: path
        required: true
      content:
        description: The whole of it. Needed unless O(state=absent).
        type: str
      mode:
        description: Its permissions, in octal digits.
        type: str
        default: "0644"
  directories:
    description:
      - Directories of these files alone. One that does not exist is made, with mode 0755.
      - With O(state=absent) they are removed when nothing is left in them.
    type: list
    elements: path
    default: []
  units:
    description: Names of the units to enable and start, with their suffix.
    type: list
    elements: str
    default: []
  state:
    description: Whether the service shall be there.
    type: str
    choices: [present, absent]
    default: present
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
- name: A program that runs when something is in its queue
  kvmcloud.stack.service_files:
    directories: [/usr/local/lib/example]
    files:
      - path: /usr/local/lib/example/example.py
        content: "{{ lookup('ansible.builtin.file', 'example.py', rstrip=false) }}"
        mode: "0755"
      - path: /etc/systemd/system/example.service
        content: "{{ lookup('ansible.builtin.file', 'example.service', rstrip=false) }}"
      - path: /etc/systemd/system/example.path
        content: "{{ lookup('ansible.builtin.file', 'example.path', rstrip=false) }}"
    units: [example.path]
"""

RETURN = r"""
files:
  description: Files that were written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/system/example.path]
systemctl:
  description: What systemctl was called with.
  returned: success
  type: list
  elements: list
  sample: [[daemon-reload], [enable, example.path], [start, example.path]]
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    make_directories,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.service_files import (
    PROPERTIES,
    parse_states,
    plan_absent,
    plan_present,
)

SPEC = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "mode": {"type": "str", "default": "0644"},
        },
    },
    "directories": {"type": "list", "elements": "path", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def wanted_files(module, present):
    files = []
    for file in module.params["files"]:
        if not present:
            files.append(ManagedFile(file["path"], None))
            continue
        if file["content"] is None:
            module.fail_json(msg=f"{file['path']} has no content; give it, or say state: absent.")
        try:
            mode = int(file["mode"], 8)
        except ValueError:
            module.fail_json(msg=f"The mode of {file['path']} is {file['mode']!r}; wanted octal digits such as 0644.")
        files.append(ManagedFile(file["path"], file["content"].encode(), mode, 0, 0))
    return files


def systemctl(module, *arguments):
    rc, stdout, stderr = module.run_command([module.get_bin_path("systemctl", required=True), *arguments])
    if rc != 0:
        module.fail_json(msg=f"'systemctl {' '.join(arguments)}' failed: {(stderr or stdout).strip()}")
    return stdout


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    present = params["state"] == "present"
    wanted = wanted_files(module, present)
    plan = plan_files(wanted, read_files(file.path for file in wanted))
    states = {}
    if params["units"]:
        properties = ",".join(PROPERTIES)
        states = parse_states(systemctl(module, "show", f"--property={properties}", "--", *params["units"]))
    steps = (plan_present if present else plan_absent)(params["units"], states, plan.changed_paths)
    # Only those that are left from a run that was killed; others go with their files.
    left = [] if present else [path for path in params["directories"] if os.path.isdir(path) and not os.listdir(path)]

    if not module.check_mode:
        for step in steps.before:
            systemctl(module, *step)
        if present:
            for path in params["directories"]:
                make_directories(path)
        apply_plan(module, plan)
        if not present:
            for path in params["directories"]:
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        for step in steps.after:
            systemctl(module, *step)
    module.exit_json(
        changed=bool(plan.changes or steps.all or left), files=plan.changed_paths, systemctl=steps.all, diff=plan.diff
    )


if __name__ == "__main__":
    main()
