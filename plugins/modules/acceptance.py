#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: acceptance
short_description: Whether what was built works, as a list of checks on the live host
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Runs typed checks on a host in one run and returns a result for each. A check that does not hold is a result, not a
    failure of the task; M(kvmcloud.stack.acceptance_report) makes table, JUnit XML and JSON of the results.
  - Nothing is changed. The check V(libvirt_domain) starts a transient guest without disk and network, and removes it.
options:
  checks:
    description: The checks, in the order in which they are run.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description:
          - V(unit_active), systemd unit O(checks[].unit) is active.
          - V(port_answers), TCP port O(checks[].port) of O(checks[].host) accepts a connection.
          - V(command_output), the output of O(checks[].argv) contains O(checks[].contains).
          - V(path), O(checks[].path) exists, with O(checks[].mode), O(checks[].owner), O(checks[].group) and
            O(checks[].kind) where they are given.
          - V(mounted), O(checks[].src) of type O(checks[].fstype) is mounted at O(checks[].path), answers, and belongs
            to O(checks[].owner) where that is given.
          - V(names_resolve), the names of O(checks[].names) resolve, to the given addresses.
          - V(links), the links of O(checks[].network) are there, with their ports, addresses and routes.
          - V(ssh_login), O(checks[].user) logs in to each of O(checks[].hosts) without being asked anything.
          - V(opennebula_api), the XML-RPC API at O(checks[].url) answers with O(checks[].release).
          - V(opennebula_hosts), every host of OpenNebula is monitored, O(checks[].expected) among them, and those of
            O(checks[].set_aside) are disabled or offline.
          - V(opennebula_datastores), every datastore of OpenNebula has a size, O(checks[].expected) among them.
          - V(opennebula_zone), the front-ends of the zone, O(checks[].expected) among them, have one leader and
            equal logs.
          - V(libvirt_domain), a guest of type O(checks[].domain_type) starts and stops.
          - V(vitastor_pools), the pools O(checks[].expected) of Vitastor, or all where none is named, can be read and
            written; O(checks[].path) is the configuration of the cluster, if it is not the vendor's default.
          - V(vitastor_status), all of etcd and all OSDs of a Vitastor cluster are up, and no data misses a copy.
          - V(ovirt_domain), there is a storage domain of oVirt at O(checks[].path), and nothing of it is damaged.
          - V(gluster_peers), this host sees all its peers in GlusterFS connected, O(checks[].expected) among them.
          - V(gluster_volumes), of the volumes O(checks[].expected) all bricks are online and nothing is left to heal.
          - V(gluster_files), a file written to a volume that is mounted at O(checks[].path) is read back; the result
            tells which bricks held it.
        type: str
        required: true
        choices:
          - unit_active
          - port_answers
          - command_output
          - path
          - mounted
          - names_resolve
          - links
          - ssh_login
          - opennebula_api
          - opennebula_hosts
          - opennebula_datastores
          - opennebula_zone
          - libvirt_domain
          - vitastor_pools
          - vitastor_status
          - ovirt_domain
          - gluster_peers
          - gluster_volumes
          - gluster_files
      name:
        description: What the check is called in the report. By default made from its type and options.
        type: str
      wait:
        description: For how long a check that does not hold is tried again, in seconds.
        type: int
        default: 0
      opennebula:
        description:
          - Whether the check says something about OpenNebula, and so is worth less on an emulated one.
          - The checks whose type begins with V(opennebula_) always do.
        type: bool
        default: false
      emulated:
        description:
          - Mark the result as one of an emulated OpenNebula. By default C(oned --version) tells, on hosts that have it.
        type: bool
      unit:
        description: Name of a systemd unit.
        type: str
      host:
        description: Name or address of a host.
        type: str
        default: 127.0.0.1
      port:
        description: TCP port.
        type: int
      argv:
        description: Command and arguments. No shell is used.
        type: list
        elements: str
      contains:
        description: Text that the output must contain.
        type: str
      path:
        description: A file or directory.
        type: path
      mode:
        description: Octal mode, for example V("0750").
        type: str
      owner:
        description: Owner.
        type: str
      group:
        description: Group.
        type: str
      kind:
        description: What it must be.
        type: str
        choices: [file, directory]
      src:
        description: What is mounted, as mount takes it, such as V(nfs1:/export/images) or V(/dev/group/volume).
        type: str
      fstype:
        description: Type of the file system. V(nfs) and V(nfs4) are the same here.
        type: str
      names:
        description: Names, each with the address that it must resolve to, or with null where any will do.
        type: dict
      network:
        description: Links by kind (V(ethernets) and so on), as M(kvmcloud.stack.netplan) takes them.
        type: dict
      user:
        description: User who logs in, or who talks to libvirt.
        type: str
        default: oneadmin
      hosts:
        description: Hosts to log in to.
        type: list
        elements: str
      url:
        description: Address of the XML-RPC API.
        type: str
        default: http://127.0.0.1:2633/RPC2
      auth_file:
        description: File with user and password for the API.
        type: path
        default: /var/lib/one/.one/one_auth
      release:
        description: Release that must answer. By default any.
        type: str
      expected:
        description: Names that must be there.
        type: list
        elements: str
        default: []
      set_aside:
        description: Hosts that are disabled or offline because they are to be, by name.
        type: list
        elements: str
        default: []
      domain_type:
        description: Type of the guest.
        type: str
        choices: [kvm, qemu]
        default: kvm
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - The checks V(libvirt_domain) and V(gluster_files) are skipped in check mode.
  diff_mode:
    support: none
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: The node works
  kvmcloud.stack.acceptance:
    checks:
      - type: unit_active
        unit: libvirtd.socket
      - type: libvirt_domain
        domain_type: "{{ opennebula_node_domain_type }}"
      - type: ssh_login
        hosts: "{{ groups['opennebula_frontends'] }}"
  register: acceptance
"""

RETURN = r"""
epoch:
  description: Seconds since 1970 by the host's clock, before the checks.
  returned: always
  type: float
checks:
  description: One result per check.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What was checked.
      type: str
    type:
      description: Type of the check.
      type: str
    ok:
      description: Whether it holds.
      type: bool
    skipped:
      description: Whether it was not run.
      type: bool
    detail:
      description: What was seen.
      type: str
    emulated:
      description: Whether it was run on an emulated OpenNebula, and so proves nothing about OpenNebula.
      type: bool
    seconds:
      description: How long it took.
      type: float
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import acceptance
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance import Verdict
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_checks import Host, is_emulated, judged

SPEC = {
    "checks": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "type": {"type": "str", "required": True, "choices": list(acceptance.NEEDS)},
            "name": {"type": "str"},
            "wait": {"type": "int", "default": 0},
            "opennebula": {"type": "bool", "default": False},
            "emulated": {"type": "bool"},
            "unit": {"type": "str"},
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int"},
            "argv": {"type": "list", "elements": "str"},
            "contains": {"type": "str"},
            "path": {"type": "path"},
            "mode": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "kind": {"type": "str", "choices": ["file", "directory"]},
            "src": {"type": "str"},
            "fstype": {"type": "str"},
            "names": {"type": "dict"},
            "network": {"type": "dict"},
            "user": {"type": "str", "default": "oneadmin"},
            "hosts": {"type": "list", "elements": "str"},
            "url": {"type": "str", "default": "http://127.0.0.1:2633/RPC2"},
            "auth_file": {"type": "path", "default": "/var/lib/one/.one/one_auth"},
            "release": {"type": "str"},
            "expected": {"type": "list", "elements": "str", "default": []},
            "set_aside": {"type": "list", "elements": "str", "default": []},
            "domain_type": {"type": "str", "choices": ["kvm", "qemu"], "default": "kvm"},
        },
    },
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    checks = module.params["checks"]
    try:
        for check in checks:
            acceptance.require(check)
    except acceptance.CheckError as error:
        module.fail_json(msg=str(error))
    epoch = time.time()
    host = Host(module)
    emulated = is_emulated(module)
    results = []
    for check in checks:
        of_opennebula = check["opennebula"] or check["type"] in acceptance.OF_OPENNEBULA
        skipped = module.check_mode and check["type"] in acceptance.MAKING
        began = time.monotonic()
        verdict = Verdict(True, "not run in check mode") if skipped else judged(host, check)
        while not verdict.ok and time.monotonic() - began < check["wait"]:
            time.sleep(1)
            verdict = judged(host, check)
        results.append(
            {
                "name": acceptance.title(check),
                "type": check["type"],
                "ok": verdict.ok,
                "skipped": skipped,
                "detail": verdict.detail,
                "emulated": of_opennebula and emulated if check["emulated"] is None else check["emulated"],
                "seconds": round(time.monotonic() - began, 3),
            }
        )
    module.exit_json(changed=False, checks=results, epoch=epoch)


if __name__ == "__main__":
    main()
