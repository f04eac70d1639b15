#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vitastor_osds
short_description: Disks of a host are OSDs of a Vitastor cluster
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Prepares the named disks that are empty. One that holds anything but an OSD ends the module before any disk is
    touched; no disk is ever wiped.
  - What C(vitastor-disk) would do is asked first, and its list of errors is read after, for its status is 0 either way.
options:
  disks:
    description: Whole disks, best by a name that does not change, such as C(/dev/disk/by-id/...).
    type: list
    elements: path
    required: true
  arguments:
    description: Further options of C(vitastor-disk prepare), such as V(--hybrid) or V(--osd_per_disk), V(2).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
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
- name: Two disks are OSDs
  kvmcloud.stack.vitastor_osds:
    disks: [/dev/disk/by-id/virtio-osd1, /dev/disk/by-id/virtio-osd2]
"""

RETURN = r"""
prepared:
  description: Disks that were prepared, or would be.
  returned: success
  type: list
  elements: str
osds:
  description: Numbers of the OSDs that were made.
  returned: success
  type: list
  elements: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import (
    ClusterError,
    check_dry_run,
    check_prepared,
    disks_to_prepare,
    parse_disk,
)

SPEC = {
    "disks": {"type": "list", "elements": "path", "required": True},
    "arguments": {"type": "list", "elements": "str", "default": []},
}
LSBLK = ["lsblk", "-J", "-o", "PATH,TYPE,FSTYPE,PARTTYPE,MOUNTPOINT"]


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    arguments, osds = module.params["arguments"], []
    try:
        found = [parse_disk(disk, module.run_command([*LSBLK, disk])[1]) for disk in module.params["disks"]]
        devices = disks_to_prepare(found)
        if devices:
            prepare = ["vitastor-disk", "prepare", "--json", *arguments]
            # On a bare host in check mode the program is itself only planned.
            if module.get_bin_path("vitastor-disk", required=not module.check_mode):
                check_dry_run(run(module, [*prepare, "--dry-run", *devices]), devices)
            if not module.check_mode:
                osds = check_prepared(run(module, [*prepare, *devices]))
    except ClusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(devices), prepared=devices, osds=osds)


def run(module, argv):
    rc, out, err = module.run_command(argv)
    if rc != 0:
        raise ClusterError(f"'{' '.join(argv)}' failed: {(err or out).strip() or rc}")
    return out


if __name__ == "__main__":
    main()
