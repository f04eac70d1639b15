#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_engine_config
short_description: Settings of the engine of oVirt that its pages do not show
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Sets values by C(engine-config), each compared before it is set, and restarts the engine once if any was changed.
  - A run that was killed between setting and restart is repaired by the next one, as the restart is noted first.
options:
  settings:
    description: The settings.
    type: list
    elements: dict
    required: true
    suboptions:
      key:
        description: Name of the setting, such as V(UserDefinedVMProperties). Secrets are refused.
        type: str
        required: true
      value:
        description: Its value.
        type: str
        required: true
      version:
        description: Compatibility version that it is for, such as V(4.7), or V(general).
        type: str
        default: general
  restart:
    description: Whether the engine is restarted when something was changed. Settings do not hold before.
    type: bool
    default: true
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.change
"""

EXAMPLES = r"""
---
- name: VMs may have a property that a hook of vdsm looks at
  kvmcloud.stack.ovirt_engine_config:
    settings:
      - key: UserDefinedVMProperties
        value: "macspoof=^(true|false)$"
        version: "4.7"
"""

RETURN = r"""
---
changes:
  description: The settings that were made, or would be made in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    key:
      description: Name of the setting.
      type: str
    version:
      description: Version that it is for.
      type: str
    before:
      description: Former value.
      type: str
    after:
      description: New value.
      type: str
restarted:
  description: Whether the engine was restarted, or would be in check mode.
  returned: success
  type: bool
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import make_directories
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_config import (
    different,
    faults_of,
    parse_values,
    set_command,
    wanted_settings,
)

RESTART_DUE = "/var/lib/kvmcloud.stack/engine-restart-is-due"
SPEC = {
    "settings": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "required": True},
            "version": {"type": "str", "default": "general"},
        },
    },
    "restart": {"type": "bool", "default": True},
}


def read(module, keys):
    """Values by version, by key; a key that engine-config does not know has none."""
    present = {}
    for key in sorted(keys):
        status, out, _err = module.run_command(["engine-config", "-g", key])
        present[key] = parse_values(key, out) if status == 0 else {}
    return present


def must(module, argv, what):
    status, out, err = module.run_command(argv)
    if status:
        module.fail_json(msg=f"Could not {what}: {(err or out).strip() or 'no reason was given'} (exit code {status}).")


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    wanted = wanted_settings(module.params["settings"])
    faults = faults_of(wanted)
    if faults:
        module.fail_json(msg="\n".join(faults))
    if not module.get_bin_path("engine-config"):
        module.fail_json(msg="There is no engine-config on this host; run it where the engine is set up.")
    present = read(module, {one.key for one in wanted})
    changes, faults = different(wanted, present)
    if faults:
        module.fail_json(msg="\n".join(faults))
    restart = module.params["restart"] and (bool(changes) or os.path.exists(RESTART_DUE))
    if not module.check_mode:
        if changes:
            make_directories(os.path.dirname(RESTART_DUE))
            with open(RESTART_DUE, "w", encoding="utf-8"):
                pass
        for one in changes:
            must(module, set_command(one), f"set {one.key}")
        if restart:
            must(module, ["systemctl", "restart", "ovirt-engine"], "restart the engine")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(RESTART_DUE)
    shown = [
        {"key": one.key, "version": one.version, "before": present[one.key][one.version], "after": one.value}
        for one in changes
    ]
    module.exit_json(changed=bool(changes) or restart, changes=shown, restarted=restart)


if __name__ == "__main__":
    main()
