#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: smb_users
short_description: Users that Samba knows, and their passwords
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Adds users to Samba, changes passwords that differ, and takes users out. All in one run.
  - Whether a password differs is told by its NT hash, which is compared with the one that C(pdbedit) prints. Passwords
    are given to C(smbpasswd) on its standard input, so that no list of processes shows them.
  - Samba needs a user of the system of the same name. One that is missing is made, without a shell; one that is there
    is left as it is, since it may be a person.
  - Users that are not named are left alone.
options:
  users:
    description: The users.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the user. To SMB, capital letters are no different from small ones.
        type: str
        required: true
      password:
        description: The password. Needed unless O(users[].state=absent).
        type: str
      update_password:
        description: V(on_create) leaves the password of a user whom Samba knows already, who may have changed it.
        type: str
        choices: [always, on_create]
        default: always
      state:
        description: With V(absent), Samba forgets the user; the user of the system stays.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - Before Samba is installed, every user is one that it does not know.
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Anna and Ben have access, Carl no longer
  kvmcloud.stack.smb_users:
    users:
      - name: anna
        password: "{{ vault_anna_smb_password }}"
      - name: ben
        password: "{{ vault_ben_first_smb_password }}"
        update_password: on_create
      - name: carl
        state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in order. Passwords are not in it.
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
findings:
  description: Every reason why the declaration was refused, before anything was changed.
  returned: when the declaration is refused
  type: list
  elements: str
"""

import grp
import pwd

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import PlanError, Refused, RunnerError
from ansible_collections.kvmcloud.stack.plugins.module_utils.smb_users import (
    StandardInput,
    not_as_declared,
    parse_accounts,
    plan_users,
)

USER = {
    "name": {"type": "str", "required": True},
    "password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
SPEC = {"users": {"type": "list", "elements": "dict", "required": True, "options": USER}}


class Samba:
    def __init__(self, module):
        self.module = module

    def accounts(self):
        if self.module.check_mode and not self.module.get_bin_path("pdbedit"):
            return {}
        return parse_accounts(self.run(["pdbedit", "--list", "--smbpasswd-style"]))

    def change(self, argv):
        typed = "".join(part.text for part in argv if isinstance(part, StandardInput))
        return self.run([part for part in argv if not isinstance(part, StandardInput)], typed)

    def run(self, argv, typed=""):
        path = self.module.get_bin_path(argv[0])
        if not path:
            raise RunnerError(f"the command '{argv[0]}' is not installed on this host. Install Samba before.")
        rc, stdout, stderr = self.module.run_command([path, *argv[1:]], data=typed, binary_data=True)
        if rc:
            raise RunnerError(
                f"{argv[0]} says: {' '.join((stderr or stdout).split()) or f'nothing, and ends with {rc}'}."
            )
        return stdout


def known_to_the_system(names):
    """Those that are users, and those that are groups; asked one by one, since a directory may hold very many."""
    users, groups = [], []
    for name in names:
        for known, ask in ((users, pwd.getpwnam), (groups, grp.getgrnam)):
            try:
                ask(name)
            except KeyError:
                continue
            known.append(name)
    return users, groups


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    samba, wanted = Samba(module), module.params["users"]
    try:
        plan = plan_users(wanted, samba.accounts(), *known_to_the_system([one["name"] for one in wanted]))
        if plan.changed and not module.check_mode:
            plan.apply(samba)
            wrong = not_as_declared(wanted, samba.accounts())
            if wrong:
                module.fail_json(msg="\n".join(wrong), changed=True, actions=plan.result()["actions"])
    except Refused as error:
        module.fail_json(msg=str(error), findings=error.findings)
    except PlanError as error:
        done = [step.shown() for step in error.done]
        module.fail_json(msg=str(error), changed=bool(done), actions=done)
    except RunnerError as error:
        module.fail_json(msg=str(error))
    for warning in plan.warnings:
        module.warn(warning)
    module.exit_json(**plan.result())


if __name__ == "__main__":
    main()
