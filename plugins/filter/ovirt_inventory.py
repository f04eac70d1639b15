# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that turn what the inventory says of oVirt into what the modules take."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils import ovirt_engine_variables, ovirt_inventory


class FilterModule:
    def filters(self) -> dict:
        return {
            "ovirt_awaited_hosts": ovirt_inventory.ovirt_awaited_hosts,
            "ovirt_engine_answers": ovirt_engine_variables.ovirt_engine_answers,
            "ovirt_hosted_engine_split": ovirt_inventory.ovirt_hosted_engine_split,
            "ovirt_moved_hosts": ovirt_inventory.ovirt_moved_hosts,
            "ovirt_nfs_exports": ovirt_inventory.ovirt_nfs_exports,
            "ovirt_notifier_text": ovirt_inventory.ovirt_notifier_text,
        }
