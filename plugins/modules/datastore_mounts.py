#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: datastore_mounts
short_description: Put datastores of OpenNebula on network mounts and local disks
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Mounts network storage, or a local XFS on LVM that it makes and grows, at the directories of datastores, which are
    called by their ids.
  - Everything is looked at before anything is changed, and all that speaks against it is reported at once. A directory
    that holds files is not mounted over, a device that holds or belongs to anything is not formatted, and nothing is
    shrunk.
  - The directory below a mount is sealed first (of root, mode 0555, immutable). Where the mount is missing later,
    writing fails instead of filling the disk below.
  - A run that was killed at any step is taken up by the next one.
extends_documentation_fragment:
  - kvmcloud.stack.datastore_disks
  - ansible.builtin.action_common_attributes
options:
  datastores:
    description:
      - The datastores that there are, each with at least C(id) and C(name), as
        M(kvmcloud.stack.onedatastore_info) returns them.
    type: list
    elements: dict
    required: true
  location:
    description: Where the datastores are; C(DATASTORE_LOCATION) of oned.conf.
    type: path
    default: /var/lib/one/datastores
  mounts:
    description: Datastores on network storage.
    type: list
    elements: dict
    default: []
    suboptions:
      datastore:
        description: Name of the datastore.
        type: str
        required: true
      src:
        description:
          - What is mounted, as mount takes it, such as V(nfs1:/export/images). Needed unless O(mounts[].state=absent).
        type: str
      fstype:
        description: Type of the file system. V(nfs) lets client and server agree on the version.
        type: str
        choices: [nfs, nfs4, glusterfs, ceph]
        default: nfs
      opts:
        description:
          - Mount options, separated by commas. C(_netdev), C(nofail) and for NFS C(bg) are added, so that a host boots
            without its server, and NFS is mounted when the server is back.
          - A secret is refused here, since everybody can read C(/etc/fstab).
        type: str
        default: ""
      state:
        description:
          - V(mounted) mounts it now and at boot.
          - V(absent) unmounts it, takes it out of C(/etc/fstab) and opens the directory below.
        type: str
        choices: [mounted, absent]
        default: mounted
attributes:
  check_mode:
    support: full
    details:
      - A datastore, user or command that is not there yet is taken as one that an earlier task would have made.
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
---
- name: Ids of the datastores
  kvmcloud.stack.onedatastore_info:
  register: pool
  delegate_to: front1
  run_once: true

- name: Datastores have their storage
  kvmcloud.stack.datastore_mounts:
    datastores: "{{ pool.datastores }}"
    mounts:
      - datastore: images
        src: nfs1:/export/images
        opts: vers=4.2,noatime
    disks:
      - datastore: system
        devices: [/dev/disk/by-id/nvme-A, /dev/disk/by-id/nvme-B]
        volume_group: datastores
        logical_volume: system
        size: 100%
"""

RETURN = r"""
---
actions:
  description: What was done, or would be done in check mode, in order.
  returned: success, or failure after the first change
  type: list
  elements: dict
  contains:
    action:
      description: The step as a phrase.
      type: str
    command:
      description: The command with its arguments. C(write), C(seal), C(open) and C(own) are the module's own deeds.
      type: list
      elements: str
  sample:
    - action: mount nfs1:/export/images at /var/lib/one/datastores/100
      command: [timeout, --kill-after=5, "60", mount, -t, nfs, -o, "fg,retry=0", "nfs1:/export/images",
                /var/lib/one/datastores/100]
mounts:
  description: Where the declared datastores are mounted.
  returned: success
  type: list
  elements: dict
  contains:
    datastore:
      description: Name of the datastore.
      type: str
    path:
      description: Mount point.
      type: str
    source:
      description: What is mounted, as C(/etc/fstab) names it.
      type: str
    fstype:
      description: Type of the file system.
      type: str
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

import pwd
import uuid

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import DISKS, DiskPlanner, disks_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import (
    FSTAB,
    NETWORK,
    MountPlanner,
    Owner,
    check_declarations,
    datastore_paths,
    unmounted,
    wanted_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_host import StorageHost

SPEC = {
    "datastores": {"type": "list", "elements": "dict", "required": True},
    "location": {"type": "path", "default": "/var/lib/one/datastores"},
    "mounts": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "datastore": {"type": "str", "required": True},
            "src": {"type": "str"},
            "fstype": {"type": "str", "choices": list(NETWORK), "default": "nfs"},
            "opts": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["mounted", "absent"], "default": "mounted"},
        },
    },
    "disks": DISKS,
}
# Of OpenNebula's packages; only check mode, before they are installed, has to take it on trust.
ONEADMIN = Owner(9869, 9869)


def oneadmin(lenient):
    """The user as the host knows him, and a finding where it does not."""
    try:
        account = pwd.getpwnam("oneadmin")
    except KeyError:
        missing = "the user oneadmin does not exist on this host; install the packages of OpenNebula first."
        return ONEADMIN, [] if lenient else [missing]
    return Owner(account.pw_uid, account.pw_gid), []


def refuse(module, findings):
    if findings:
        module.fail_json(msg="\n".join(findings), findings=findings)


def plan_all(module, host):
    """Reads, and plans from what was read: disks first, then the mounts of these disks and of the network."""
    mounts, disks, location = module.params["mounts"], module.params["disks"], module.params["location"]
    findings, warnings = check_declarations(mounts, disks)
    refuse(module, findings)
    absent = [entry["datastore"] for entry in mounts if entry["state"] == "absent"]
    declared = [entry["datastore"] for entry in [*mounts, *disks] if entry["datastore"] not in absent]
    owner, findings = oneadmin(lenient=module.check_mode or not declared)
    paths, not_found = datastore_paths(declared, module.params["datastores"], location, module.check_mode)
    # One that does not exist has no directory; it was deleted, and its mount was taken away before or by hand.
    unwanted, _gone = datastore_paths(absent, module.params["datastores"], location, False)

    present_mounts = host.mounts()
    present_disks = host.disks(*disks_of(disks), present_mounts)
    present = host.present([*paths.values(), *unwanted.values()], location, present_mounts)

    mounted_numbers = {mount.number for mount in present_mounts}
    disk_plan = DiskPlanner(
        present_disks,
        mounted=mounted_numbers.__contains__,
        new_uuid=lambda: "<new>" if module.check_mode else str(uuid.uuid4()),
    ).plan(disks)
    wanted = wanted_mounts(mounts, paths, disk_plan, disks)
    planner = MountPlanner(present, location, owner, lenient=module.check_mode)
    plan = planner.plan(disk_plan.steps, wanted, list(unwanted.values()))
    refuse(module, [*findings, *not_found, *disk_plan.findings, *plan.findings])
    diff = []
    if plan.fstab != present.fstab:
        diff.append({"before_header": FSTAB, "after_header": FSTAB, "before": present.fstab, "after": plan.fstab})
    if plan.steps:
        steps = "".join(f"{step.sentence}\n" for step in plan.steps)
        diff.append({"before_header": "storage", "after_header": "steps", "before": "", "after": steps})
    return Plan(plan.steps, diff, [*warnings, *disk_plan.warnings, *plan.warnings]), wanted


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = StorageHost(module)
    plan, wanted = plan_all(module, host)
    if not module.check_mode:
        try:
            plan.apply(host)
        except PlanError as error:
            module.fail_json(msg=str(error), changed=bool(error.done), actions=[step.shown() for step in error.done])
        missing = unmounted(wanted, host.mounts())
        if missing:
            module.fail_json(
                msg=f"Nothing is mounted at {', '.join(missing)}, although mount reported no error. See journalctl -b.",
                changed=plan.changed,
            )
    for warning in [*plan.warnings, *host.warnings]:
        module.warn(warning)
    shown = [{"datastore": w.name, "path": w.path, "source": w.source, "fstype": w.fstype} for w in wanted]
    module.exit_json(mounts=shown, **plan.result())


if __name__ == "__main__":
    main()
