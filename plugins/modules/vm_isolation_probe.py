#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vm_isolation_probe
short_description: Tries on the live node whether its guests are isolated
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Plugs two throw-away guests into each bridge - network namespaces with a card, as a VM has one - and sends from
    there what a guest must not get through, and what it must. What arrives is seen on the node, on its uplinks and at
    the second guest, whatever program filters there, so that it tells the truth about other firewalls as well.
  - Harmless. No address of a live host is claimed; claims by ARP go to the second throw-away guest alone. Addresses are
    free ones of the guest network, after nobody answered for them.
  - Nothing stays. A run that is killed leaves two ports for at most three minutes.
options:
  bridges:
    description: As those of M(kvmcloud.stack.vm_isolation).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Of the bridge.
        type: str
        required: true
      uplinks:
        description: Its ports that lead outside.
        type: list
        elements: str
        default: []
      guest_networks:
        description: Networks whose addresses its guests have.
        type: list
        elements: str
        required: true
      gateways:
        description: Addresses in them that are those of routers.
        type: list
        elements: str
        default: []
      gateway_macs:
        description: MAC addresses of these routers.
        type: list
        elements: str
        default: []
  protected_networks:
    description: Networks of hypervisors, storage and management.
    type: list
    elements: str
    required: true
  guest_mac_prefix:
    description: How MAC addresses of guests begin.
    type: str
    default: "02:00"
  local_services:
    description: As those of M(kvmcloud.stack.vm_isolation). They are no leaks, and have to be reached.
    type: list
    elements: str
    default: []
  allowed_destinations:
    description: As those of M(kvmcloud.stack.vm_isolation). They are no leaks, and have to be reached.
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
  targets:
    description: Hosts in protected networks.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: Of the host.
        type: str
        required: true
      ports:
        description: TCP ports that are tried.
        type: list
        elements: int
        default: []
      mac:
        description: MAC address by which it can be reached from a guest bridge, if it is in the same segment.
        type: str
        default: ""
  used:
    description: Addresses that guests have or may get, as V(10.0.3.7) or V(10.0.3.100-10.0.3.149).
    type: list
    elements: str
    default: []
  skip:
    description: Free addresses to leave to other nodes, which are tried at the same time.
    type: int
    default: 0
requirements:
  - iproute2, and unshare of util-linux
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is tried in check mode.
  diff_mode:
    support: none
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
---
- name: Guests reach neither hypervisors nor storage
  kvmcloud.stack.vm_isolation_probe:
    bridges:
      - {name: onebr0, uplinks: [eth0], guest_networks: [10.0.3.0/24], gateways: [10.0.3.1]}
    protected_networks: [10.0.2.0/24]
    targets:
      - {address: 10.0.2.21, ports: [22, 5666]}
    used: [10.0.3.100-10.0.3.149]
  register: isolation

- name: Nothing leaks, and nothing is cut
  kvmcloud.stack.acceptance_report:
    register: isolation
    directory: "{{ playbook_dir }}/isolation-report"
  run_once: true
"""

RETURN = r"""
---
checks:
  description: One result per probe, in the form of M(kvmcloud.stack.acceptance).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The bridge, and what was tried; C(stopped) what must not arrive, C(kept) what must.
      type: str
    type:
      description: Always V(isolation).
      type: str
    ok:
      description: Whether it was stopped, or kept.
      type: bool
    skipped:
      description: Whether it was not tried.
      type: bool
    detail:
      description: What was seen.
      type: str
    emulated:
      description: Always V(false).
      type: bool
    seconds:
      description: How long it took.
      type: float
epoch:
  description: Seconds since 1970 by the node's clock.
  returned: success
  type: float
"""

import json
import socket
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import READ_LINKS, parse_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import Target
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probing import (
    PORTS,
    BridgeProbe,
    ProbeError,
    Task,
)

TEXTS = {"type": "list", "elements": "str", "default": []}
SPEC = {
    "bridges": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "uplinks": TEXTS,
            "guest_networks": {"type": "list", "elements": "str", "required": True},
            "gateways": TEXTS,
            "gateway_macs": TEXTS,
        },
    },
    "protected_networks": {"type": "list", "elements": "str", "required": True},
    "guest_mac_prefix": {"type": "str", "default": "02:00"},
    "local_services": TEXTS,
    "allowed_destinations": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"address": {"type": "str", "required": True}, "port": {"type": "str", "required": True}},
    },
    "targets": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "address": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "default": []},
            "mac": {"type": "str", "default": ""},
        },
    },
    "used": TEXTS,
    "skip": {"type": "int", "default": 0},
}
LOCK = "\0kvmcloud-isolation-probe"  # the name of a socket that has no file: the kernel forgets it with its process


def run(module):
    declaration, findings = declared(module.params)
    if findings:
        module.fail_json(msg=" ".join(findings), findings=findings)
    for port in PORTS:  # of a run that was killed
        module.run_command(["ip", "link", "del", port])
    returncode, out, err = module.run_command(list(READ_LINKS))
    if returncode:
        module.fail_json(msg=f"{' '.join(READ_LINKS)} failed: {err.strip()}")
    targets = [Target(one["address"], one["ports"], one["mac"]) for one in module.params["targets"]]
    macs = {one["ifname"]: one.get("address", "") for one in json.loads(out) if one.get("ifname")}
    task = Task(declaration, parse_links(out), macs, targets, module.params["used"], module.params["skip"])
    return [check for bridge in declaration.bridges for check in BridgeProbe(task, bridge).results()]


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    epoch = time.time()
    if module.check_mode:
        module.exit_json(changed=False, checks=[], epoch=epoch)
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind(LOCK)
        except OSError:
            module.fail_json(
                msg="Another run tries the isolation of this node at this moment; wait for it, then run again."
            )
        try:
            module.exit_json(changed=False, checks=run(module), epoch=epoch)
        except (OSError, ProbeError) as error:
            module.fail_json(msg=f"The isolation could not be tried: {error}")


if __name__ == "__main__":
    main()
