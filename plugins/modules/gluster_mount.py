#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_mount
short_description: Volumes of GlusterFS, mounted by FUSE now and at boot
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Mounts volumes and writes them into C(/etc/fstab). The first server gives the description of the volume; the others
    are asked for it when that one is away (C(backup-volfile-servers)). Data goes to all servers, whichever it was.
  - A mount waits for the network, and on a server for glusterd. A host whose servers are all away boots without it.
  - The directory below the mount is sealed (of root, mode 0555, immutable) before anything is mounted over it, so that
    nothing is written beside a mount that is missing.
  - Everything is looked at before anything is changed. A mount in use is never taken away, or mounted anew, because its
    options or servers changed; these hold from the next mount on.
options:
  mounts:
    description: The mounts. One that is no longer declared is left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      volume:
        description: Name of the volume, or V(NAME/DIRECTORY) for a directory of it.
        type: str
        required: true
      path:
        description: Mount point.
        type: path
        required: true
      servers:
        description:
          - Servers of the pool, by names that resolve here. The bricks of the volume must resolve here as well. Needed
            unless the mount shall be absent.
        type: list
        elements: str
        default: []
      opts:
        description: Mount options, separated by commas. Those of boot, network and further servers are added.
        type: str
        default: ""
      state:
        description: V(absent) unmounts it and takes it out of C(/etc/fstab).
        type: str
        choices: [mounted, absent]
        default: mounted
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
- name: The volume is mounted
  kvmcloud.stack.gluster_mount:
    mounts:
      - volume: vms
        path: /srv/vms
        servers: [gs1, gs2, gs3]
"""

RETURN = r"""
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
      description: The command with its arguments. C(write), C(seal) and C(open) are the module's own deeds.
      type: list
      elements: str
mounts:
  description: The mounts that are wanted.
  returned: success
  type: list
  elements: dict
  contains:
    volume:
      description: The volume.
      type: str
    path:
      description: Mount point.
      type: str
    source:
      description: What is mounted, as C(/etc/fstab) names it.
      type: str
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import FSTAB, unmounted
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_mounts import (
    check_declarations,
    plan_mounts,
    wanted_mounts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_host import StorageHost

SPEC = {
    "mounts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "volume": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "servers": {"type": "list", "elements": "str", "default": []},
            "opts": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["mounted", "absent"], "default": "mounted"},
        },
    },
}


def refuse(module, findings):
    if findings:
        module.fail_json(msg="\n".join(findings), findings=findings)


def plan_all(module, host, declared):
    refuse(module, check_declarations(declared))
    present = host.present([one["path"] for one in declared], "/", host.mounts())
    plan = plan_mounts(declared, present, module.check_mode)
    refuse(module, plan.findings)
    diff = []
    if plan.fstab != present.fstab:
        diff.append({"before_header": FSTAB, "after_header": FSTAB, "before": present.fstab, "after": plan.fstab})
    if plan.steps:
        steps = "".join(f"{step.sentence}\n" for step in plan.steps)
        diff.append({"before_header": "mounts", "after_header": "steps", "before": "", "after": steps})
    return Plan(plan.steps, diff, plan.warnings)


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = StorageHost(module)
    declared = [{**one, "path": one["path"].rstrip("/") or "/"} for one in module.params["mounts"]]
    plan = plan_all(module, host, declared)
    wanted = wanted_mounts(declared)
    if not module.check_mode:
        try:
            plan.apply(host)
        except PlanError as error:
            module.fail_json(msg=str(error), changed=bool(error.done), actions=[step.shown() for step in error.done])
        missing = unmounted(wanted, host.mounts())
        if missing:
            module.fail_json(
                msg=f"Nothing is mounted at {', '.join(missing)}, although mount reported no error. See the logs in "
                "/var/log/glusterfs.",
                changed=plan.changed,
            )
    for warning in [*plan.warnings, *host.warnings]:
        module.warn(warning)
    module.exit_json(mounts=[{"volume": w.name, "path": w.path, "source": w.source} for w in wanted], **plan.result())


if __name__ == "__main__":
    main()
