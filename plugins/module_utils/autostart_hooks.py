# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two hooks that call the program of the role opennebula_autostart, which decides."""

from __future__ import annotations

from typing import Any

PROGRAM = "/usr/local/lib/opennebula-autostart/opennebula_autostart.py"
# Under these names many a cloud has them already, made by hand: such a one is taken over.
STATES = {
    "autostart_vm_on_node_restart": {"resource_state": "POWEROFF", "lcm_state": "LCM_INIT"},
    "autostart_vm_on_cluster_restart": {"resource_state": "ACTIVE", "lcm_state": "UNKNOWN"},
}


def autostart_hooks(enabled: bool) -> list[dict[str, Any]]:
    """As the module onehook takes them; where the autostart is switched off they are to be absent."""
    common = {
        "resource": "VM",
        "command": PROGRAM,
        "arguments": "$TEMPLATE",
        "arguments_stdin": True,
        "state": "present" if enabled else "absent",
    }
    return [{"name": name, **states, **common} for name, states in STATES.items()]
