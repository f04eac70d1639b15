#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onesecgroup_info
short_description: List security groups of OpenNebula
version_added: 0.1.0
description:
  - Returns the security groups of OpenNebula, all or those of given names and ids, by one read of the pool.
options:
  name:
    description:
      - Return the security groups of these names. A name that does not exist is not an error.
    type: list
    elements: str
  id:
    description:
      - Return the security groups of these ids, in addition to those given by O(name).
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
- name: All security groups
  kvmcloud.stack.onesecgroup_info:
  register: found

- name: One of them
  kvmcloud.stack.onesecgroup_info:
    name: web
"""

RETURN = r"""
---
security_groups:
  description: The security groups, by ascending id.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the security group.
      type: int
    name:
      description: Name of the security group.
      type: str
    template:
      description:
        - Attributes of the security group; a repeated attribute is a list, a vector attribute a dictionary. Secrets
          are hidden.
      type: dict
    locked:
      description: Whether it is locked.
      type: bool
    rules:
      description: Its rules as oned has them.
      type: list
      elements: dict
    permissions:
      description: Rights of owner, group and others as three octal digits.
      type: str
    owner:
      description: Name of the user it belongs to.
      type: str
    group:
      description: Name of the group it belongs to.
      type: str
    members:
      description: Ids of what belongs to it, by kind, such as C(updated_vms).
      type: dict
    fields:
      description: Its other elements as oned has them, with names in lower case.
      type: dict
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import run_info
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_group import present_rules


def main() -> None:
    run_info("onesecgroup", "security_groups", {}, more=lambda found: {"rules": present_rules(found)})


if __name__ == "__main__":
    main()
