#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: datastore_disks_info
short_description: Whether local disks could hold datastores of OpenNebula as declared
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Judges the disks of datastores as M(kvmcloud.stack.datastore_mounts) would, and changes nothing.
  - Needs nothing on the host that is not part of every installation; without LVM there are no volume groups.
extends_documentation_fragment:
  - kvmcloud.stack.datastore_disks
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
---
- name: Disks are as declared
  kvmcloud.stack.datastore_disks_info:
    disks: "{{ host_storage_datastore_disks }}"
  register: disks
  failed_when: disks.findings | length > 0
"""

RETURN = r"""
findings:
  description: What speaks against it, as sentences.
  returned: success
  type: list
  elements: str
  sample: ["datastore images: there is no block device /dev/sdz on this host."]
steps:
  description: What would be done to disks, volume groups and volumes, in words.
  returned: success
  type: list
  elements: str
  sample: [create volume group datastores with /dev/sdb]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import DISKS, DiskPlanner, disks_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_host import StorageHost

SPEC = {"disks": DISKS}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = StorageHost(module, lenient=True)
    mounts = host.mounts()
    present = host.disks(*disks_of(module.params["disks"]), mounts)
    mounted = {mount.number for mount in mounts}
    plan = DiskPlanner(present, mounted=mounted.__contains__, new_uuid=lambda: "<new>").plan(module.params["disks"])
    module.exit_json(changed=False, findings=plan.findings, steps=[step.sentence for step in plan.steps])


if __name__ == "__main__":
    main()
