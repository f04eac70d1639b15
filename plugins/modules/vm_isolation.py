#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vm_isolation
short_description: Keeps the guests of a node from storage and hypervisors
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Loads rules into the packet filter of a node that let its guests reach their gateway, the outside and one another,
    and neither the node itself nor anything in a protected network.
  - There are three tables of nftables, changed in one transaction. The first decides on the bridge, by ethertype, MAC,
    ARP and addresses, before the bridge learns anything; the others only drop, on whatever way packets and ARP come.
    Tables and chains of OpenNebula, libvirt, docker and firewalld stay as they are.
  - Installs a program, C(/usr/local/sbin/kvmcloud-isolation), and units that load the rules before the network comes up
    and again whenever something takes them away. libvirt does not start without them.
  - New rules are on trial until the controller confirms them over a new connection; otherwise the node takes them back
    by itself. A node that is restarted in between comes up with the former ones.
options:
  bridges:
    description: Bridges that guests are plugged into.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Of the bridge. It need not exist yet.
        type: str
        required: true
      uplinks:
        description: Its ports that lead outside - cards, bonds, VLAN devices. Every other port is a guest's.
        type: list
        elements: str
        default: []
      guest_networks:
        description: Networks of IPv4 and IPv6 whose addresses its guests have. Without one of IPv6, IPv6 is dropped.
        type: list
        elements: str
        required: true
      gateways:
        description: Addresses in them, or link-local IPv6 ones, that are those of routers. Guests may not use them.
        type: list
        elements: str
        default: []
      gateway_macs:
        description: MAC addresses of these routers. Guests send to them, and may not use them.
        type: list
        elements: str
        default: []
  protected_networks:
    description: Networks of hypervisors, storage and management.
    type: list
    elements: str
    default: []
  infrastructure_macs:
    description: MAC addresses of hosts. Guests neither use them nor send to them.
    type: list
    elements: str
    default: []
  infrastructure_link_locals:
    description: Link-local IPv6 addresses of hosts that are not made of their MAC addresses. Guests do not use them.
    type: list
    elements: str
    default: []
  partial:
    description:
      - Options whose lists are not complete, because not every host could be asked. To them is added what the node had
        in them before.
    type: list
    elements: str
    choices: [protected_networks, infrastructure_macs, infrastructure_link_locals]
    default: []
  silent_hosts:
    description:
      - Those hosts. Each run warns of them; a node without rules from a run in which they answered is left as it is.
    type: list
    elements: str
    default: []
  accept_partial:
    description: Whether such a node gets rules nevertheless, which do not keep guests from those hosts.
    type: bool
    default: false
  guest_mac_prefix:
    description: How MAC addresses of guests begin, as C(MAC_PREFIX) of C(oned.conf) says.
    type: str
    default: "02:00"
  local_services:
    description:
      - What guests reach on the node itself, as V(udp/67) for a DHCP server on it; at an address of the bridge that is
        in a guest network and among its O(bridges[].gateways).
    type: list
    elements: str
    default: []
  allowed_destinations:
    description: Single ports in protected networks that guests reach, as that of OneGate.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: Of the host.
        type: str
        required: true
      port:
        description: As V(tcp/5030).
        type: str
        required: true
  guest_multicast:
    description: Groups that guests may send to over an uplink. All other broadcasts but ARP and DHCP stay on the node.
    type: list
    elements: dict
    default: []
    suboptions:
      group:
        description: Its address.
        type: str
        required: true
      protocol:
        description: Its protocol, by name as V(vrrp) or by number.
        type: str
        required: true
  mode:
    description:
      - V(full) is all of the above.
      - V(guide) loads the three iptables rules of Vitastor's guide and nothing else. Most attacks go on working.
      - V(vlan) loads nothing, and fails where guests share a VLAN with hosts of protected networks.
    type: str
    choices: [full, guide, vlan]
    default: full
  confirm_timeout:
    description: Seconds after which the node takes back what was not confirmed, at least 5.
    type: int
    default: 60
  manage_service:
    description: Whether systemd units are installed. Without, rules are loaded once, and not after a boot.
    type: bool
    default: true
  state:
    description: V(absent) takes away rules, program, settings and units.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - kvmcloud.stack.armed_change
  - ansible.builtin.action_common_attributes
requirements:
  - nftables, and for mode V(guide) iptables
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the rules and the units.
"""

EXAMPLES = r"""
---
- name: Guests on onebr0 reach neither hypervisors nor storage, but OneGate
  kvmcloud.stack.vm_isolation:
    bridges:
      - name: onebr0
        uplinks: [eth0]
        guest_networks: [10.0.3.0/24]
        gateways: [10.0.3.1]
        gateway_macs: ["52:54:00:12:34:56"]
    protected_networks: [10.0.2.0/24]
    infrastructure_macs: ["52:54:00:00:00:02", "52:54:00:00:00:03"]
    allowed_destinations:
      - {address: 10.0.2.10, port: tcp/5030}

- name: Nothing of it any more
  kvmcloud.stack.vm_isolation:
    state: absent
"""

RETURN = r"""
---
actions:
  description: What becomes, or became, of the node, in order.
  returned: success
  type: list
  elements: str
  sample: [load the rules of mode full, write /etc/systemd/system/kvmcloud-isolation.service]
differences:
  description: How the rules that were loaded differed from those that were kept.
  returned: success
  type: list
  elements: str
remarks:
  description: What does not hinder, and should be known; these are warnings as well when something changes.
  returned: success
  type: list
  elements: str
confirmed_after:
  description: Seconds from the start of the trial to its confirmation.
  returned: when a change was confirmed
  type: float
findings:
  description: Every reason why the declaration was refused, before anything was changed.
  returned: when the declaration is refused
  type: list
  elements: str
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_change import IsolationChange, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_node import IsolationError
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_service import (
    FOLDER,
    LOAD,
    UNITS,
    WATCH,
    gently,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import apply_plan, make_directories
from ansible_collections.kvmcloud.stack.plugins.module_utils.service_files import (
    PROPERTIES,
    Steps,
    parse_states,
    plan_absent,
    plan_present,
)

TEXTS = {"type": "list", "elements": "str", "default": []}
BRIDGE = {
    "name": {"type": "str", "required": True},
    "uplinks": TEXTS,
    "guest_networks": {"type": "list", "elements": "str", "required": True},
    "gateways": TEXTS,
    "gateway_macs": TEXTS,
}
DESTINATION = {"address": {"type": "str", "required": True}, "port": {"type": "str", "required": True}}
GROUP = {"group": {"type": "str", "required": True}, "protocol": {"type": "str", "required": True}}
SPEC = {
    "bridges": {"type": "list", "elements": "dict", "default": [], "options": BRIDGE},
    "protected_networks": TEXTS,
    "infrastructure_macs": TEXTS,
    "infrastructure_link_locals": TEXTS,
    "partial": {**TEXTS, "choices": ["protected_networks", "infrastructure_macs", "infrastructure_link_locals"]},
    "silent_hosts": TEXTS,
    "accept_partial": {"type": "bool", "default": False},
    "guest_mac_prefix": {"type": "str", "default": "02:00"},
    "local_services": TEXTS,
    "allowed_destinations": {"type": "list", "elements": "dict", "default": [], "options": DESTINATION},
    "guest_multicast": {"type": "list", "elements": "dict", "default": [], "options": GROUP},
    "mode": {"type": "str", "choices": ["full", "guide", "vlan"], "default": "full"},
    "confirm_timeout": {"type": "int", "default": 60},
    "manage_service": {"type": "bool", "default": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "phase": {"type": "str", "choices": ["begin", "look", "confirm"], "default": "begin"},
    "trial": {"type": "dict", "default": {}},
}


def systemctl(module, *arguments):
    returncode, out, err = module.run_command(["systemctl", *arguments])
    if returncode:
        raise IsolationError(f"systemctl {' '.join(arguments)} failed: {(err or out).strip()}")
    return out


def unit_steps(module, files, present, rewritten=False):
    """What systemd has to do about the units, by what it has in memory; rewritten: the program is another one."""
    if module.get_bin_path("systemctl") is None or not os.path.isdir("/run/systemd/system"):
        return Steps([], [])
    states = parse_states(systemctl(module, "show", f"--property={','.join(PROPERTIES)}", "--", *UNITS))
    changed = files.changed_paths
    if any(os.path.dirname(path).startswith(FOLDER) for path in changed):
        changed = [*changed, f"{FOLDER}/{LOAD}"]  # a drop-in of another unit has to be read as well
    if rewritten:
        changed = [*changed, f"{FOLDER}/{WATCH}"]
    return gently((plan_present if present else plan_absent)(UNITS, states, changed))


def keep_units(module, change, rewritten):
    """Files and units as they shall be; the rules themselves are loaded by now."""
    files = change.unit_files()
    steps = unit_steps(module, files, True, rewritten)
    for file in files.changes:
        make_directories(os.path.dirname(file.path))
    apply_plan(module, files)
    for step in steps.after:
        systemctl(module, *step)


def take_away(module, change):
    files = change.unit_files()
    steps = unit_steps(module, files, present=False)
    # libvirt would be stopped with a unit that it requires, so that goes first.
    drop_ins = [file for file in files.changes if file.path.endswith(".conf")]
    apply_plan(module, files._replace(changes=drop_ins))
    for file in drop_ins:
        with contextlib.suppress(OSError):  # others may have something there
            os.rmdir(os.path.dirname(file.path))
    if drop_ins and steps.all:
        systemctl(module, "daemon-reload")
    for step in steps.before:
        systemctl(module, *step)
    apply_plan(module, files)
    change.remove()
    for step in steps.after:
        systemctl(module, *step)


def begin(module, change):
    if module.params["confirm_timeout"] < 5:
        raise IsolationError(
            f"confirm_timeout is {module.params['confirm_timeout']}; wanted are at least 5 seconds, in which the "
            "controller can come back. Nothing was changed."
        )
    present = module.params["state"] == "present"
    planned = change.plan()
    files = change.unit_files()
    rewritten = present and change.rewrites_program
    steps = unit_steps(module, files, present, rewritten)
    actions = [*planned.actions, *(f"write {path}" if present else f"remove {path}" for path in files.changed_paths)]
    actions += [f"systemctl {' '.join(step)}" for step in steps.all]
    result = {
        "changed": bool(actions),
        "actions": actions,
        "differences": planned.differences,
        "remarks": planned.remarks,
        "diff": [*planned.diff, *files.diff],
    }
    for remark in planned.warnings if not actions else planned.remarks:
        module.warn(remark)
    if module.check_mode or not actions:
        return result
    if not present:
        take_away(module, change)
        return result
    if planned.loads:
        return {**result, "trial": change.begin(module.params["confirm_timeout"])}
    change.keep()
    keep_units(module, change, rewritten)
    return result


def look(module, change):
    """How far the trial has come."""
    return change.look(module.params["trial"]["id"])


def confirm(module, change):
    """The controller came over a connection that it made after the rules were loaded."""
    rewritten = change.rewrites_program
    after = change.confirm(module.params["trial"]["id"])
    keep_units(module, change, rewritten)
    return {"state": "confirmed", "confirmed_after": after}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    phase = {"begin": begin, "look": look, "confirm": confirm}[module.params["phase"]]
    try:
        module.exit_json(**{"changed": False, **phase(module, IsolationChange(module.params, module.check_mode))})
    except Refused as refusal:
        module.fail_json(msg=str(refusal), findings=refusal.findings)
    except IsolationError as error:
        module.fail_json(msg=str(error), state="ended")


if __name__ == "__main__":
    main()
