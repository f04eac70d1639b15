# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of a change of rules: to come back over a new connection, as after a change of the network."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.action import netplan


class ActionModule(netplan.ActionModule):
    subject = "vm_isolation"
    cut_off = "The host does not answer since new rules for its guests were loaded on it."
