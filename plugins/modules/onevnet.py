#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onevnet
short_description: Manage virtual networks of OpenNebula
version_added: 0.1.0
description:
  - Creates, renames, changes and deletes virtual networks, with their address ranges, clusters, permissions and
    owner.
  - oned reports success for a network that it could not create or delete; this module then fails with the text that
    oned leaves.
options:
  vnets:
    description:
      - The virtual networks, each with the options described here. One call reads the pool once, then makes only the
        changes.
      - Cannot be combined with options of a single virtual network.
    type: list
    elements: dict
    suboptions: &virtual_network
      name:
        description:
          - Name of the virtual network. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing virtual network, instead of or together with its name. Given with O(name), it is
            renamed if need be.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int
      rename_from:
        description:
          - Former name. If it exists and O(name) does not, it is renamed; if both exist, that is an error.
        type: str

      template:
        description:
          - Attributes of the network. A new one needs C(VN_MAD).
          - The list of ids in C(SECURITY_GROUPS) is equal to one with the default group 0 added, which oned puts in
            front at creation. O(security_groups) says exactly which groups there are.
          - C(AUTOMATIC_VLAN_ID) counts at creation only.
        type: raw

      purge:
        description:
          - Template attributes to remove from the virtual network, if it has them. All others are kept.
        type: list
        elements: str

      address_ranges:
        description:
          - Address ranges, each a dictionary with C(TYPE) (C(IP4), C(IP6), C(IP6_STATIC), C(IP4_6), C(IP4_6_STATIC)
            or C(ETHER)), C(SIZE) (number of addresses), the first address (C(IP), C(IP6), C(MAC)), and your own
            attributes.
          - C(IP6_STATIC) and C(IP4_6_STATIC) also need C(PREFIX_LENGTH); C(IP6) and C(IP4_6) may have
            C(GLOBAL_PREFIX) and C(ULA_PREFIX).
          - They are told apart by type and first address. If C(SIZE) or attributes differ, a range is updated in
            place.
          - Ranges of the network that are not listed stay, unless O(purge_address_ranges=true).
        type: list
        elements: dict
      purge_address_ranges:
        description:
          - Remove the ranges that are not listed in O(address_ranges). oned refuses one with addresses in use.
        type: bool
        default: false
      security_groups:
        description:
          - Names or ids of all security groups of the network; others are taken away.
          - This includes the group C(default), which lets everything through and which oned adds to every new network.
        type: list
        elements: str
      clusters:
        description:
          - Names or ids of all clusters the network is to be in; it is taken out of others. An empty list means none.
          - If not given, a new network is in C(default) and an existing one stays where it is.
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
          - V(present) creates the virtual network if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - V(locked) and V(unlocked) also create it, and lock or unlock it. A locked network that is to change is
            unlocked for the time of the change; no VM can be started in it.
          - With V(present) a locked network that would change is an error.
          - A network with addresses in use, and a locked one, is not deleted.
          - With V(present), a network that is in state error and has no address in use is deleted and created again. If
            it has lost its driver, it is given one before, for oned cannot delete it without.
        type: str
        choices: [present, absent, locked, unlocked]
        default: present
  <<: *virtual_network
  wait:
    description:
      - Wait until the networks that this call created are ready and those that it deleted are gone, and fail if oned
        could not do it.
    type: bool
    default: true
  wait_timeout:
    description:
      - How long to wait for all of them together, in seconds.
    type: int
    default: 30
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: The network of the guests
  kvmcloud.stack.onevnet:
    vnets:
      - name: guests
        template:
          VN_MAD: fw
          BRIDGE: br0
          NETWORK_ADDRESS: 192.0.2.0
          NETWORK_MASK: 255.255.255.0
          GATEWAY: 192.0.2.1
          DNS: 192.0.2.53
          FILTER_IP_SPOOFING: true
          FILTER_MAC_SPOOFING: true
        address_ranges:
          - TYPE: IP4
            IP: 192.0.2.10
            SIZE: 100
        security_groups: [web]
        permissions: "644"
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
      description: The command with its arguments. C(wait-for-deletion) is the module's own deed.
      type: list
      elements: str
  sample:
    - action: create virtual network guests
      command: [onevnet, create, "<file>"]
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
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_vnet import WAIT, VnetPlanner, unready
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import NotSettled, wait_until
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError

OPTIONS = {
    **COMMON_OPTIONS,
    "address_ranges": {"type": "list", "elements": "dict"},
    "purge_address_ranges": {"type": "bool", "default": False},
    "security_groups": {"type": "list", "elements": "str"},
    "clusters": {"type": "list", "elements": "str"},
    **OWNER_OPTIONS,
    **state_option("locked", "unlocked"),
}
# For a moment after a change a network may still be in the state it had before.
ERROR_GRACE = 1
CALL_OPTIONS = {"wait": {"type": "bool", "default": True}, "wait_timeout": {"type": "int", "default": 30}}


class Runner:
    """Runs OpenNebula's commands, and waits where the plan says so: oned deletes in the background."""

    def __init__(self, cli, limit):
        self.cli, self.limit, self.new_id = cli, limit, cli.new_id

    def change(self, argv):
        if argv[0] != WAIT:
            return self.cli.change(argv)
        try:
            wait_until(
                read=lambda: self.cli.pool("onevnet"),
                judge=lambda pool: unready(pool, [], [int(argv[2])]),
                wanted="it to be gone",
                limit=self.limit,
                grace=ERROR_GRACE,
                interval=0.2,
            )
        except NotSettled as error:
            raise RunnerError(str(error)) from error
        return ""


def main() -> None:
    resources = ResourceModule("vnets", OPTIONS, CALL_OPTIONS)
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(VnetPlanner, declared)
        clusters = resources.cli.pool("onecluster") if any(item.get("clusters") for item in declared) else []
        groups = resources.cli.pool("onesecgroup") if any(item.get("security_groups") for item in declared) else []
        plan = VnetPlanner(present, clusters, resources.check_mode, groups).plan(declared)
        if not resources.check_mode:
            created = resources.apply(plan, Runner(resources.cli, resources.params["wait_timeout"]))
            deleted = [int(str(step.argv[2])) for step in plan.steps if step.argv[:2] == ("onevnet", "delete")]
            if (created or deleted) and resources.params["wait"]:
                wait_until(
                    read=lambda: resources.cli.pool("onevnet"),
                    judge=lambda pool: unready(pool, created, deleted),
                    wanted="every new network to be ready and every deleted one to be gone",
                    limit=resources.params["wait_timeout"],
                    grace=ERROR_GRACE,
                    interval=0.5,
                )
    resources.finish(plan)


if __name__ == "__main__":
    main()
