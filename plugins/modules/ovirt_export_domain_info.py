#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_export_domain_info
short_description: Look at the storage domains of oVirt in a directory
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Returns every export or ISO domain below a directory, with its metadata and all that is damaged. Nothing is changed,
    and no damage lets the module fail.
options:
  path:
    description: Directory of the export.
    type: path
    required: true
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.info
seealso:
  - module: kvmcloud.stack.ovirt_export_domain
"""

EXAMPLES = r"""
---
- name: The domains of an export
  kvmcloud.stack.ovirt_export_domain_info:
    path: /srv/export
  register: export

- name: None is damaged
  ansible.builtin.assert:
    that: export.domains | map(attribute='damage') | flatten | length == 0
"""

RETURN = r"""
---
domains:
  description: The domains that are there.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: UUID of the domain, which is the name of its directory.
      type: str
    domain:
      description: V(export), V(iso), or the CLASS of its metadata where it is neither.
      type: str
    attached:
      description: Whether a data centre has attached it.
      type: bool
    metadata:
      description: Its metadata as vdsm reads them.
      type: dict
    images:
      description: Number of entries among its images.
      type: int
    damage:
      description: All that vdsm would refuse, and what is not owned by 36:36, in sentences.
      type: list
      elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_directory import read_found
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_plan import inspect_domain
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import CLASSES, parse_metadata


def shown(path, uuid, tree):
    metadata = parse_metadata(tree.metadata or "")
    kinds = {value: key for key, value in CLASSES.items()}
    return {
        "uuid": uuid,
        "domain": kinds.get(metadata.get("CLASS"), metadata.get("CLASS", "")),
        "attached": bool(metadata.get("POOL_UUID")),
        "metadata": metadata,
        "images": len(tree.images),
        "damage": inspect_domain(f"{path}/{uuid}", uuid, tree),
    }


def main():
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    path = os.path.normpath(module.params["path"])
    try:
        found = read_found(path)
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be read: {error}.")
    module.exit_json(changed=False, domains=[shown(path, uuid, tree) for uuid, tree in sorted(found.trees.items())])


if __name__ == "__main__":
    main()
