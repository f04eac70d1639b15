# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter kvm_defaults: defaults of KVM guests as edits of OpenNebula's files."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils.kvm_defaults import DefaultsError, kvm_files

DOCUMENTATION = r"""
name: kvm_defaults
short_description: Defaults of KVM guests as edits of the files that hold them
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Turns defaults of guests into edits of C(vmm_exec_kvm.conf), for guests as they start, and of C(kvmrc), for what is
    attached to guests that run.
  - Refuses native I/O together with a cache mode that uses the page cache, with which libvirt starts no guest.
options:
  _input:
    description:
      - Any of C(guest_agent), C(virtio_scsi_queues), C(disk_driver), C(disk_cache), C(disk_io), C(disk_discard) and
        C(nic_model). What is missing or empty is left as it is in the files.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Disks of guests go past the page cache
  kvmcloud.stack.one_config:
    files: "{{ {'disk_cache': 'none', 'disk_io': 'native'} | kvmcloud.stack.kvm_defaults }}"
"""

RETURN = r"""
_value:
  description: Files with their edits, as M(kvmcloud.stack.one_config) takes them.
  type: list
  elements: dict
"""


def kvm_defaults(defaults: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return kvm_files(defaults)
    except DefaultsError as error:
        raise AnsibleFilterError(f"Defaults of KVM guests: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"kvm_defaults": kvm_defaults}
