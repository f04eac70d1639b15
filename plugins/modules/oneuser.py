#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: oneuser
short_description: Manage users of OpenNebula
version_added: 0.1.0
description:
  - Creates, changes and deletes users, with their password, way to log in, groups and attributes.
  - Whether a password has to be set is seen from the hash in the pool of users; nobody logs in for that.
  - The password of C(oneadmin) is the business of M(kvmcloud.stack.oneadmin_password).
options:
  users:
    description:
      - The users, each with the options described here. One call reads the pool once, then makes only the changes.
      - Cannot be combined with options of a single user.
    type: list
    elements: dict
    suboptions: &user
      name:
        description:
          - Name of the user, without spaces. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing user, instead of or together with its name. Users cannot be renamed.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int

      password:
        description:
          - The password, without white space; for another O(auth_driver) than C(core), what that driver compares with,
            such as a public key.
          - A new user needs one, unless its driver asks a service of its own (LDAP, SAML).
          - With the driver C(core), one that looks like a default or a placeholder is refused.
        type: str
      update_password:
        description:
          - V(on_create) sets the password of new users only. V(always) sets it whenever it differs from the user's.
          - When O(auth_driver) changes, the password is set in any case.
        type: str
        choices: [on_create, always]
        default: on_create
      auth_driver:
        description:
          - How the user logs in, such as C(core), C(ssh), C(x509), C(ldap). A new user gets C(core) if none is given.
        type: str

      group:
        description:
          - Name or id of the primary group, which must exist. A new user is in C(users) if none is given.
        type: str
      groups:
        description:
          - Names or ids of all secondary groups; the user is taken out of others. An empty list means none.
          - If not given, secondary groups stay as they are.
        type: list
        elements: str
      template:
        description:
          - Attributes of the user, such as C(SSH_PUBLIC_KEY).
        type: raw

      purge:
        description:
          - Template attributes to remove from the user, if it has them. All others are kept.
        type: list
        elements: str

      leave_resources:
        description:
          - With O(state=absent), delete the user although VMs or images belong to it. They stay and belong to a user
            that is gone.
          - oned counts VMs and images only; networks, templates and other things of the user are not looked for.
        type: bool
        default: false

      state:
        description:
          - V(present) creates the user if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - V(enabled) and V(disabled) also create it; a disabled user cannot log in.
          - With V(present) a disabled user stays so.
          - C(oneadmin) and C(serveradmin) are neither deleted nor disabled.
        type: str
        choices: [present, absent, enabled, disabled]
        default: present
  <<: *user
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
notes:
  - Drivers other than C(core) are not proven beyond the change from and to C(ssh); oned keeps groups of users of LDAP
    and SAML itself and refuses O(group) and O(groups) for them unless C(DRIVER_MANAGED_GROUPS) of oned.conf is C(NO).
seealso:
  - module: kvmcloud.stack.oneadmin_password
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: An operator and a user whose password follows the vault
  kvmcloud.stack.oneuser:
    users:
      - name: alice
        password: "{{ vault_alice_password }}"
        group: oneadmin
      - name: bob
        password: "{{ vault_bob_password }}"
        update_password: always
        groups: [oneadmin]
        template:
          SSH_PUBLIC_KEY: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample bob

- name: Nobody logs in as carol
  kvmcloud.stack.oneuser:
    name: carol
    password: "{{ vault_carol_password }}"
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
    - action: create user alice
      command: [oneuser, create, alice, "<file>", "-r"]
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import (
    COMMON_OPTIONS,
    ResourceModule,
    state_option,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_user import UserPlanner, names_groups

OPTIONS = {
    **{option: spec for option, spec in COMMON_OPTIONS.items() if option != "rename_from"},
    "password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
    "auth_driver": {"type": "str"},
    "group": {"type": "str"},
    "groups": {"type": "list", "elements": "str"},
    "leave_resources": {"type": "bool", "default": False},
    **state_option("enabled", "disabled"),
}


def main() -> None:
    resources = ResourceModule("users", OPTIONS, {})
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(UserPlanner, declared)
        groups = resources.cli.pool("onegroup") if names_groups(declared) else None
        plan = UserPlanner(present, groups, lenient=resources.check_mode).plan(declared)
        if not resources.check_mode:
            resources.apply(plan)
    resources.finish(plan)


if __name__ == "__main__":
    main()
