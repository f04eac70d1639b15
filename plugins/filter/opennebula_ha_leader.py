# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter opennebula_ha_leader: the front-end that leads the zone."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_plan import leading_front_end, look_from

DOCUMENTATION = r"""
name: opennebula_ha_leader
short_description: The front-end that leads the zone
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - The host that led when the front-ends were last looked at with M(kvmcloud.stack.one_raft_info).
  - Fails where none leads, because the address and the services of the leader would go astray.
positional: hostvars
options:
  _input:
    description: Names of all front-ends, in the order of the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  look:
    description: Variable in which the result of M(kvmcloud.stack.one_raft_info) was registered.
    type: str
    default: opennebula_ha_look
  plan:
    description: Variable that holds the plan.
    type: str
    default: opennebula_ha_plan
  planned:
    description:
      - In check mode of a cloud to be, nobody leads. With V(true) it is then the host of the first step of
        P(kvmcloud.stack.opennebula_ha_plan#filter), else the first.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Only on the leader
  ansible.builtin.command: onezone show 0
  when: inventory_hostname == groups['opennebula_frontends'] | kvmcloud.stack.opennebula_ha_leader(hostvars)
"""

RETURN = r"""
_value:
  description: Name of the host.
  type: str
"""


def opennebula_ha_leader(
    hosts: Sequence[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    look: str = "opennebula_ha_look",
    plan: str = "opennebula_ha_plan",
    planned: bool = False,
) -> str:
    """The front-end that leads by the newest look; in check mode, the one that is going to."""
    looks = [look_from(host, hostvars[host][look]["look"]) for host in hosts if "look" in hostvars[host].get(look, {})]
    leading = leading_front_end(looks)
    if leading is not None:
        return leading.host
    if not planned:
        raise AnsibleFilterError("By the newest look no front-end leads; see 'onezone show 0', and run again.")
    steps = next((hostvars[host][plan]["steps"] for host in hosts if plan in hostvars[host]), [])
    return next((step["host"] for step in steps), hosts[0])


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"opennebula_ha_leader": opennebula_ha_leader}
