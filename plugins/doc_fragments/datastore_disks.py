# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of datastores, for the module that makes them and the one that judges them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  disks:
    description:
      - Datastores on local disks. They are mounted by UUID, now and at boot.
      - A file system that is no longer declared is left alone; there is no way to remove one here.
    type: list
    elements: dict
    default: []
    suboptions:
      datastore:
        description: Name of the datastore.
        type: str
        required: true
      devices:
        description:
          - Disks of the volume group. One that is not part of it joins it, if it is empty; names below
            C(/dev/disk/by-id) stay the same when disks are replugged.
          - Several entries may share a volume group; the devices of all of them are its disks.
        type: list
        elements: path
        required: true
      volume_group:
        description: Name of the LVM volume group. One that exists must have one of O(disks[].devices) in it.
        type: str
        required: true
      logical_volume:
        description: Name of the logical volume.
        type: str
        required: true
      size:
        description:
          - Size of the volume, such as V(500g) (k, m, g, t, p; powers of 1024), or a share of the group, such as
            V(100%).
          - A share takes at most what is free. More than before extends volume and file system while they are in use;
            less is refused.
        type: str
        default: 100%
      fstype:
        description: File system.
        type: str
        choices: [xfs]
        default: xfs
      wipe_signatures:
        description:
          - What may be destroyed on O(disks[].devices), each as C(TYPE:IDENTITY), for example
            V(xfs:0e6a4b4e-6d0b-4a35-9c8e-3a2f4a8c4d11). The refusal to use a device names what to write here.
          - The identity is that of the data and not of the disk, so that what is forgotten here never destroys anything
            else later. What is mounted or part of a volume group, RAID or the like is not wiped in any case.
        type: list
        elements: str
        default: []
"""
