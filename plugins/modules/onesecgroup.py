#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onesecgroup
short_description: Manage security groups of OpenNebula
version_added: 0.1.0
description:
  - Creates, renames, changes and deletes security groups, with their rules, permissions and owner.
  - Rules are replaced as a whole, and only if they differ; their order does not matter, nor does the case of protocol
    and direction.
  - oned brings changed rules to the VMs that use the group by itself.
options:
  security_groups:
    description:
      - The security groups, each with the options described here. One call reads the pool once, then makes only the
        changes.
      - Cannot be combined with options of a single security group.
    type: list
    elements: dict
    suboptions: &security_group
      name:
        description:
          - Name of the security group. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing security group, instead of or together with its name. Given with O(name), it is renamed
            if need be.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int
      rename_from:
        description:
          - Former name. If it exists and O(name) does not, it is renamed; if both exist, that is an error.
        type: str

      rules:
        description:
          - All rules of the group, each a dictionary with C(PROTOCOL) (C(TCP), C(UDP), C(ICMP), C(ICMPV6), C(IPSEC) or
            C(ALL)) and C(RULE_TYPE) (C(INBOUND) or C(OUTBOUND)).
          - Further keys are C(RANGE) (ports of TCP and UDP such as V("22,80:90"), 15 at most, a span counted as two),
            C(ICMP_TYPE), C(ICMPV6_TYPE), and where to or from - C(IP) with C(SIZE), the number of addresses, or
            C(NETWORK_ID), the id of a virtual network. Any other key is refused.
          - If not given, the rules stay as they are; an empty list takes all of them away.
        type: list
        elements: dict
      template:
        description:
          - Further attributes of the security group, such as C(DESCRIPTION).
        type: raw

      purge:
        description:
          - Template attributes to remove from the security group, if it has them. All others are kept.
        type: list
        elements: str

      detach_from:
        description:
          - With O(state=absent), names or ids of the virtual networks that the group is taken out of before it is
            deleted.
          - A group that another network uses is not deleted, and neither is one that is the only group of a network.
        type: list
        elements: str

      permissions:
        description:
          - Rights of owner, group and others as a quoted string of exactly three octal digits, such as V("640").
          - Use is 4, manage is 2, admin is 1. Any other form is refused, for the command would silently set
            something else.
        type: raw
      owner:
        description:
          - Name or id of the user it belongs to.
        type: str
      group:
        description:
          - Name or id of the group it belongs to.
        type: str

      state:
        description:
          - V(present) creates the security group if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - A group that VMs use, and the group C(default), are not deleted.
        type: str
        choices: [present, absent]
        default: present
  <<: *security_group
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
notes:
  - Of the rules that oned refuses, a wrong C(PROTOCOL) and C(RULE_TYPE) were captured from the real programs; the
    other checks of this module follow OpenNebula's documentation and are not proven, and neither is C(IPSEC).
seealso:
  - module: kvmcloud.stack.onevnet
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: What web servers are reached by
  kvmcloud.stack.onesecgroup:
    security_groups:
      - name: web
        rules:
          - PROTOCOL: TCP
            RULE_TYPE: INBOUND
            RANGE: "80,443"
          - PROTOCOL: TCP
            RULE_TYPE: INBOUND
            RANGE: "22"
            IP: 192.0.2.0
            SIZE: 256
          - PROTOCOL: ALL
            RULE_TYPE: OUTBOUND
        permissions: "644"

- name: No group of the former name
  kvmcloud.stack.onesecgroup:
    name: http
    state: absent
    detach_from: [guests]
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
    - action: create security group web
      command: [onesecgroup, create, "<file>"]
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import (
    COMMON_OPTIONS,
    OWNER_OPTIONS,
    ResourceModule,
    state_option,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_group import SecurityGroupPlanner, deletes

OPTIONS = {
    **COMMON_OPTIONS,
    "rules": {"type": "list", "elements": "dict"},
    "detach_from": {"type": "list", "elements": "str"},
    **OWNER_OPTIONS,
    **state_option(),
}


def main() -> None:
    resources = ResourceModule("security_groups", OPTIONS, {})
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(SecurityGroupPlanner, declared)
        networks = resources.cli.pool("onevnet") if deletes(declared, present) else []
        plan = SecurityGroupPlanner(present, networks, lenient=resources.check_mode).plan(declared)
        if not resources.check_mode:
            resources.apply(plan)
    resources.finish(plan)


if __name__ == "__main__":
    main()
