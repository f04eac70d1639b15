#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_brick
short_description: Prepare disks for bricks of GlusterFS, and reset directories that were bricks
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Makes an XFS on each disk, on LVM if asked, and mounts it by UUID, now and at boot, before glusterd starts.
  - A brick is a directory below the mount point, so that a disk that is not mounted is noticed. The directory under
    the mount is sealed (of root, mode 0555, immutable), so that neither GlusterFS nor anybody else writes to the disk
    below.
  - Everything is looked at before anything is changed, and all that speaks against it is reported at once. A device
    that holds or belongs to anything is not formatted, a directory that holds files is not mounted over, and nothing
    is shrunk.
  - A disk or volume that has grown is used in full while bricks are served from it.
  - A run that was killed at any step is taken up by the next one. A disk without LVM that is being formatted is noted
    in C(/etc/fstab), with the option C(x-kvmcloud.formatting), which mount ignores.
options:
  bricks:
    description:
      - Disks for bricks. One that is no longer declared is left alone; there is no way to remove one here.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the disk in the inventory, such as V(brick1).
        type: str
        required: true
      device:
        description:
          - The disk. Names below C(/dev/disk/by-id) stay the same when disks are replugged.
          - Without it, O(bricks[].mount) must be a mount point already, of a local file system other than the root.
        type: path
      mount:
        description: Mount point. By default C(/bricks/NAME).
        type: path
      lvm:
        description: Puts the file system on a logical volume.
        type: dict
        suboptions:
          volume_group:
            description: Name of the volume group. One that exists must have one of the disks in it.
            type: str
            required: true
          logical_volume:
            description: Name of the logical volume. By default the name of the brick.
            type: str
          size:
            description:
              - Size of the volume, such as V(500g) (k, m, g, t, p; powers of 1024), or a share of the group, such as
                V(100%). More than before extends volume and file system while they are in use; less is refused.
            type: str
            default: 100%
          more_devices:
            description: Further disks of the volume group.
            type: list
            elements: path
            default: []
      inode_size:
        description:
          - Bytes of an inode, for a file system that is made. GlusterFS keeps its marks there, and 256 are too
            few for them.
        type: int
        choices: [512, 1024, 2048]
        default: 512
      opts:
        description:
          - Mount options, separated by commas. C(nofail) is added, so that a host boots without the disk, and
            C(x-systemd.before=glusterd.service).
        type: str
        default: noatime
      wipe_signatures:
        description:
          - What may be destroyed on the disks, each as C(TYPE:IDENTITY), for example
            V(xfs:0e6a4b4e-6d0b-4a35-9c8e-3a2f4a8c4d11). The refusal to use a device names what to write here.
          - The identity is that of the data and not of the disk, so that what is forgotten here never destroys anything
            else later. What is mounted or part of a volume group, RAID or the like is not wiped in any case.
        type: list
        elements: str
        default: []
      keep:
        description:
          - The XFS on O(bricks[].device) that shall be used with all its files, as C(xfs:UUID); such as that of a host
            whose system disk was made anew. What C(/etc/fstab) mounts at O(bricks[].mount) needs no such word.
        type: str
        default: ""
      directories:
        description:
          - Directories below the mount point. GlusterFS makes the directory of a brick itself, but none above it, and
            sets its owner from options of the volume.
          - That of a brick of a volume is not made again where it is gone, as on a new disk, because gluster would take
            an empty directory for a whole brick. The playbook C(gluster_replace_brick) has it filled.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path from the mount point on, such as V(cloud/vms).
            type: str
            required: true
          owner:
            description: User, by name or number. By default left as it is; root for a new one.
            type: str
          group:
            description: Group, by name or number.
            type: str
          mode:
            description: Mode as an octal number in quotes, such as V("0755").
            type: str
  reset:
    description:
      - Directories that were bricks and shall be free for another volume; each is named with its full path.
      - Takes away C(.glusterfs) and the marks of the directory itself (extended attributes C(trusted.gfid),
        C(trusted.glusterfs.*) and C(trusted.afr.*)). Files stay, and are told.
      - Refused while glusterd knows the directory as a brick, by whichever path, a process serves it, or a directory
        above it has marks.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
---
- name: Disks are ready for bricks
  kvmcloud.stack.gluster_brick:
    bricks:
      - name: brick1
        device: /dev/disk/by-id/nvme-A
      - name: brick2
        device: /dev/disk/by-id/nvme-B
        lvm: {volume_group: gluster, size: 2500g}
      - name: small
        mount: /srv/small
  register: gluster_server_bricks

- name: The brick of a volume that was deleted may be used again
  kvmcloud.stack.gluster_brick:
    reset: [/bricks/brick1/old]
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
      description:
        - The command with its arguments. C(write), C(seal), C(directory) and C(reset) are the module's own deeds.
      type: list
      elements: str
  sample:
    - action: make an XFS in /dev/disk/by-id/nvme-A
      command: [mkfs.xfs, -q, -f, -i, size=512, -m, uuid=0e6a4b4e-6d0b-4a35-9c8e-3a2f4a8c4d11, /dev/disk/by-id/nvme-A]
bricks:
  description: The declared disks.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name in the inventory.
      type: str
    mount:
      description: Mount point.
      type: str
    source:
      description: What is mounted, as C(/etc/fstab) names it; empty for a mount that is not made here.
      type: str
    size_mb:
      description: Size of the file system in MiB; 0 while it is not mounted, in check mode.
      type: int
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

import grp
import os
import pwd
import re
import uuid

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import FSTAB, unmounted
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_directories import (
    above,
    plan_directories,
    plan_reset,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_host import BrickHost
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_plan import (
    BrickDisks,
    Found,
    check_declarations,
    lvm_entry,
    plan_mounts,
    wanted_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_inventory import default_mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError

SPEC = {
    "bricks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "device": {"type": "path"},
            "mount": {"type": "path"},
            "lvm": {
                "type": "dict",
                "options": {
                    "volume_group": {"type": "str", "required": True},
                    "logical_volume": {"type": "str"},
                    "size": {"type": "str", "default": "100%"},
                    "more_devices": {"type": "list", "elements": "path", "default": []},
                },
            },
            "inode_size": {"type": "int", "choices": [512, 1024, 2048], "default": 512},
            "opts": {"type": "str", "default": "noatime"},
            "wipe_signatures": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "str", "default": ""},
            "directories": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "str", "required": True},
                    "owner": {"type": "str"},
                    "group": {"type": "str"},
                    "mode": {"type": "str"},
                },
            },
        },
    },
    "reset": {"type": "list", "elements": "path", "default": []},
}
MIB = 1024**2


def identity(name, find, kind):
    """The number of a user or group, and a finding where there is none."""
    if name is None or re.fullmatch(r"\d+", name):
        return None if name is None else int(name), []
    try:
        return find(name)[2], []
    except KeyError:
        return None, [f"there is no {kind} {name} on this host."]


def declared_bricks(params):
    """The entries with their defaults, owners and modes as numbers, and what is wrong with these."""
    bricks, findings = [], []
    for given in params["bricks"]:
        directories = []
        for one in given["directories"]:
            uid, no_user = identity(one["owner"], pwd.getpwnam, "user")
            gid, no_group = identity(one["group"], grp.getgrnam, "group")
            wrong = [*no_user, *no_group]
            mode = one["mode"]
            if mode is not None and not re.fullmatch(r"[0-7]{3,4}", mode):
                wrong.append(f"mode {mode!r} is no octal number; write it in quotes, such as '0755'.")
                mode = None
            findings += [f"brick {given['name']}: directory {one['path']}: {reason}" for reason in wrong]
            directories.append(
                {"path": one["path"], "uid": uid, "gid": gid, "mode": None if mode is None else int(mode, 8)}
            )
        mount = (given["mount"] or default_mount(given["name"])).rstrip("/")
        bricks.append({**given, "mount": mount, "directories": directories})
    return bricks, [*findings, *check_declarations(bricks)]


def refuse(module, findings):
    if findings:
        module.fail_json(msg="\n".join(findings), findings=findings)


def plan_all(module, host):
    """Reads, and plans from what was read: disks first, then their mounts, then what lies below these."""
    bricks, findings = declared_bricks(module.params)
    refuse(module, findings)
    reset = module.params["reset"]
    mounts = host.mounts()
    devices = [name for brick in bricks if brick["device"] for name in (brick["device"], *more_devices(brick))]
    entries = [lvm_entry(brick) for brick in bricks if brick["lvm"]]
    disks = host.disks(devices, [f"{entry['volume_group']}/{entry['logical_volume']}" for entry in entries], mounts)
    points = [brick["mount"] for brick in bricks]
    present = host.present(points, "/", mounts)
    plain = [disks.devices[brick["device"]] for brick in bricks if brick["device"] and not brick["lvm"]]
    found = Found(
        mounts,
        present.fstab,
        host.xfs_sizes(plain, mounts),
        host.sources(present.fstab, points, plain),
    )
    numbers = {mount.number for mount in mounts}
    planner = BrickDisks(
        disks,
        found,
        mounted=numbers.__contains__,
        new_uuid=lambda: "<new>" if module.check_mode else str(uuid.uuid4()),
    )
    disk_plan = planner.plan_bricks(bricks)
    plan = plan_mounts(bricks, disk_plan, present, module.check_mode)
    if not module.check_mode and any(step.argv[0] == "mkfs.xfs" for step in plan.steps):
        findings += [] if module.get_bin_path("mkfs.xfs") else ["mkfs.xfs is not installed; install xfsprogs."]

    mounted = [path for path in points if found.at(path)]
    paths = [f"{brick['mount']}/{one['path']}" for brick in bricks for one in brick["directories"]]
    here = [path for path in paths if any(path.startswith(f"{mount}/") for mount in mounted)]
    there = host.directories(here)
    lost = [path for path in here if there[path] is None and host.is_lost(path)]
    directories = [step for step in plan_directories(bricks, there, mounted) if step.argv[1] not in lost]
    known, running = (host.known_bricks(), host.running_bricks()) if reset else ({}, [])
    awaited = [path for path in points if path not in mounted]
    looked_at = [one for path in reset for one in (*above(path), path.rstrip("/"))]
    wheres = host.wheres([*(path.rstrip("/") for path in reset), *known, *running])
    resets = plan_reset(reset, host.bricks(looked_at), known, running, awaited, wheres)
    refuse(module, [*findings, *disk_plan.findings, *plan.findings, *resets.findings])

    steps = [*plan.steps, *directories, *resets.steps]
    diff = []
    if plan.fstab != present.fstab:
        diff.append({"before_header": FSTAB, "after_header": FSTAB, "before": present.fstab, "after": plan.fstab})
    if steps:
        sentences = "".join(f"{step.sentence}\n" for step in steps)
        diff.append({"before_header": "bricks", "after_header": "steps", "before": "", "after": sentences})
    warnings = [*disk_plan.warnings, *plan.warnings, *resets.warnings]
    return Plan(steps, diff, warnings), bricks, wanted_mounts(bricks, disk_plan)


def more_devices(brick):
    return brick["lvm"]["more_devices"] if brick["lvm"] else []


def shown_bricks(bricks, wanted, mounts):
    sources = {one.name: one.source for one in wanted}
    there = {mount.path for mount in mounts if mount.fstype != "autofs"}
    shown = []
    for brick in bricks:
        size = 0
        if brick["mount"] in there:
            state = os.statvfs(brick["mount"])
            size = state.f_blocks * state.f_frsize // MIB
        name = brick["name"]
        shown.append({"name": name, "mount": brick["mount"], "source": sources.get(name, ""), "size_mb": size})
    return shown


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = BrickHost(module)
    plan, bricks, wanted = plan_all(module, host)
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
    module.exit_json(bricks=shown_bricks(bricks, wanted, host.mounts()), **plan.result())


if __name__ == "__main__":
    main()
