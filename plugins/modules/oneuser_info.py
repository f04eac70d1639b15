#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: oneuser_info
short_description: List users of OpenNebula
version_added: 0.1.0
description:
  - Returns the users of OpenNebula, all or those of given names and ids, by one read of the pool.
options:
  name:
    description:
      - Return the users of these names. A name that does not exist is not an error.
    type: list
    elements: str
  id:
    description:
      - Return the users of these ids, in addition to those given by O(name).
    type: list
    elements: int
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.info
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: All users
  kvmcloud.stack.oneuser_info:
  register: found

- name: One of them
  kvmcloud.stack.oneuser_info:
    name: alice
"""

RETURN = r"""
---
users:
  description: The users, by ascending id.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the user.
      type: int
    name:
      description: Name of the user.
      type: str
    template:
      description:
        - Attributes of the user; a repeated attribute is a list, a vector attribute a dictionary. Secrets
          are hidden.
      type: dict
    locked:
      description: Whether it is locked.
      type: bool
    state:
      description: V(enabled) or V(disabled).
      type: str
    auth_driver:
      description: How the user logs in, such as V(core).
      type: str
    group:
      description: Name of the primary group.
      type: str
    members:
      description: Ids of what belongs to it, by kind, such as C(groups).
      type: dict
    fields:
      description: Its other elements as oned has them, with names in lower case. Passwords are left out.
      type: dict
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import run_info
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_user import described


def main() -> None:
    run_info("oneuser", "users", {}, more=described)


if __name__ == "__main__":
    main()
