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
  - What C(vitastor-disk) would do is asked first, what it has made is counted after, for its status is 0.
    A partition that a run left which was killed gets its OSD.
  - OSDs of the disks that do not run are started.
options:
  disks:
    description: Whole disks, best by a name that does not change, such as C(/dev/disk/by-id/...).
    type: list
    elements: path
    required: true
  arguments:
    description:
      - Further options of C(vitastor-disk prepare), such as V(--hybrid) or V(--osd_per_disk), V(2).
      - With V(--hybrid) those of the disks that are SSDs get the journals and metadata of the others.
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
started:
  description: Units of OSDs that did not run and were started, or would be.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import (
    ClusterError,
    check_prepared,
    osd_number,
    osds_to_make,
    parse_disk,
    refuse_foreign,
)

SPEC = {
    "disks": {"type": "list", "elements": "path", "required": True},
    "arguments": {"type": "list", "elements": "str", "default": []},
}
LSBLK = ["lsblk", "-J", "-o", "PATH,TYPE,FSTYPE,PARTTYPE,MOUNTPOINT"]


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = reconciled(module)
    except ClusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(result["prepared"] or result["started"]), **result)


def reconciled(module):
    arguments = module.params["arguments"]
    disks = [parse_disk(disk, module.run_command([*LSBLK, disk])[1]) for disk in module.params["disks"]]
    refuse_foreign(disks)
    # On a bare host in check mode the program is itself only planned.
    if not module.get_bin_path("vitastor-disk", required=not module.check_mode):
        return {"prepared": [disk.path for disk in disks], "osds": [], "started": []}
    hybrid = "--hybrid" in arguments
    paths = list(dict.fromkeys(disk.path for disk in disks))
    prepare = ["vitastor-disk", "prepare", "--json", *arguments]
    wanted = osds_to_make(run(module, [*prepare, "--dry-run", *paths])[0], disks, hybrid)
    osds = []
    if wanted and not module.check_mode:
        # Those that have their OSD are passed over; the fast ones among them are needed for the journals of new ones.
        osds = check_prepared(*run(module, [*prepare, *(paths if hybrid else wanted)]), sum(wanted.values()))
    return {"prepared": list(wanted), "osds": osds, "started": started(module, disks)}


def started(module, disks):
    """Units of OSDs that were there before this run, and did not run."""
    read = [module.run_command(["vitastor-disk", "read-sb", part])[1] for disk in disks for part in disk.parts]
    numbers = sorted({number for number in map(osd_number, read) if number})
    units = [f"vitastor-osd@{number}" for number in numbers]
    down = [unit for unit in units if module.run_command(["systemctl", "is-active", "--quiet", unit])[0] != 0]
    if down and not module.check_mode:
        run(module, ["systemctl", "enable", "--now", *down])
    return down


def run(module, argv):
    rc, out, err = module.run_command(argv)
    if rc != 0:
        raise ClusterError(f"'{' '.join(argv)}' failed: {(err or out).strip() or rc}")
    return out, err


if __name__ == "__main__":
    main()
