#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_export_domain
short_description: Make an export or ISO domain of oVirt on a directory
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Makes the tree, files and sealed metadata of an empty export or ISO domain (format V1), ready to be imported by an
    engine, and verifies one that is there.
  - Damage is reported and not repaired. Metadata that are there are never written again, because an engine that has
    attached the domain keeps its own state in them. A directory that holds anything else is refused.
  - What is of another owner than 36:36, which every host of oVirt works as, is given to it; files of images are only
    reported.
  - A run that was killed at any step is taken up by the next one.
  - Export and ISO domains are deprecated in oVirt 4.5. For new clouds import a data domain, and upload ISO images to a
    data domain.
options:
  path:
    description:
      - Directory of the export. It is made, if the directory above it is there.
    type: path
    required: true
  domain:
    description: What the domain is for.
    type: str
    choices: [export, iso]
    default: export
  uuid:
    description:
      - UUID of the domain. If it is left out, a new domain gets a new one, and the one domain that is there is meant.
    type: str
  description:
    description: Name that an engine gives it on import; at most 50 characters of ASCII.
    type: str
    default: Export
  remote_path:
    description:
      - How hosts of oVirt reach it, such as V(nfs1.example.org:/srv/export). It is part of the metadata.
    type: str
    required: true
  storage_type:
    description: Type of the storage, as the engine will import it.
    type: str
    choices: [NFS, POSIXFS, GLUSTERFS, LOCALFS]
    default: NFS
  mounted:
    description:
      - Whether O(path) must lie on a mount of its own, other than the root file system. V(true) refuses to write below
        a mount point whose mount is missing.
    type: bool
    default: false
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.change_with_diff
seealso:
  - module: kvmcloud.stack.ovirt_export_domain_info
  - module: kvmcloud.stack.nfs_exports
"""

EXAMPLES = r"""
---
- name: An export domain that an engine can import
  kvmcloud.stack.ovirt_export_domain:
    path: /srv/export
    remote_path: nfs1.example.org:/srv/export

- name: ISO domain on a GlusterFS volume that must be mounted
  kvmcloud.stack.ovirt_export_domain:
    path: /mnt/iso
    domain: iso
    description: ISO_DOMAIN
    remote_path: gs1.example.org:/iso
    storage_type: GLUSTERFS
    mounted: true
"""

RETURN = r"""
---
uuid:
  description: UUID of the domain. In check mode, of a domain that is not there yet, another one than it will get.
  returned: success
  type: str
  sample: 37e0e64b-5445-4bc3-8675-ceff4637e8e3
metadata:
  description: The metadata, with their checksum.
  returned: success
  type: dict
attached:
  description: Whether a data centre has attached the domain.
  returned: success
  type: bool
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
      description: The deed of the module with its arguments.
      type: list
      elements: str
damage:
  description: Every reason why the directory was refused; nothing was changed.
  returned: when the directory is refused
  type: list
  elements: str
"""

import os
import uuid

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_directory import DomainDirectory, read_found
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_plan import (
    Wanted,
    declaration_faults,
    plan_domain,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import CLASSES, TYPES
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError

SPEC = {
    "path": {"type": "path", "required": True},
    "domain": {"type": "str", "choices": list(CLASSES), "default": "export"},
    "uuid": {"type": "str"},
    "description": {"type": "str", "default": "Export"},
    "remote_path": {"type": "str", "required": True},
    "storage_type": {"type": "str", "choices": list(TYPES), "default": "NFS"},
    "mounted": {"type": "bool", "default": False},
}


def refuse(module, reasons):
    if reasons:
        module.fail_json(msg="\n".join(reasons), damage=reasons)


def on_root_file_system(path):
    """Of a path that is missing, the nearest directory above it that is there counts."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.stat(path).st_dev == os.stat("/").st_dev


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    given = {name: value for name, value in module.params.items() if name != "mounted"}
    given["path"] = os.path.normpath(given["path"])
    wanted = Wanted(**given)
    refuse(module, declaration_faults(wanted))
    if not os.path.isabs(wanted.path):
        refuse(module, [f"path {wanted.path}: it is absolute, with a '/' at its beginning."])
    if module.params["mounted"] and on_root_file_system(wanted.path):
        refuse(
            module, [f"{wanted.path} lies on the root file system; mount its storage first, or set mounted to false."]
        )
    try:
        found = read_found(wanted.path)
    except OSError as error:
        refuse(module, [f"{wanted.path} cannot be read: {error}."])
    if found.root is not None and found.root.kind != "directory":
        refuse(module, [f"{wanted.path} is no directory (a link is not followed); name the directory itself."])
    domain = plan_domain(wanted, found, str(uuid.uuid4()))
    refuse(module, domain.damage)
    steps = "".join(f"{step.sentence}\n" for step in domain.steps)
    diff = [{"before_header": wanted.path, "after_header": "steps", "before": "", "after": steps}] if steps else []
    plan = Plan(domain.steps, diff, domain.warnings)
    if not module.check_mode:
        try:
            plan.apply(DomainDirectory(module))
        except PlanError as error:
            module.fail_json(msg=str(error), changed=bool(error.done), actions=[step.shown() for step in error.done])
    for warning in plan.warnings:
        module.warn(warning)
    attached = bool(domain.metadata.get("POOL_UUID"))
    module.exit_json(uuid=domain.uuid, metadata=domain.metadata, attached=attached, **plan.result())


if __name__ == "__main__":
    main()
