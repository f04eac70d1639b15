# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that turn what the inventory says of its hosts into what the modules take."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    autostart_hooks,
    cloud_inventory,
    guest_networks,
    isolation_defaults,
)


class FilterModule:
    def filters(self) -> dict:
        return {
            "autostart_hooks": autostart_hooks.autostart_hooks,
            "datastore_mount_checks": cloud_inventory.datastore_mount_checks,
            "datastores_with_storage": cloud_inventory.datastores_with_storage,
            "declared_names": cloud_inventory.declared_names,
            "declaration_passes": cloud_inventory.declaration_passes,
            "host_addresses": cloud_inventory.host_addresses,
            "host_entries": cloud_inventory.host_entries,
            "hosts_that_declare": cloud_inventory.hosts_that_declare,
            "hosts_with_storage": cloud_inventory.hosts_with_storage,
            "need_open_vswitch": guest_networks.need_open_vswitch,
            "opennebula_node_hosts": cloud_inventory.opennebula_node_hosts,
            "ssh_identities": cloud_inventory.ssh_identities,
            "vm_isolation_defaults": isolation_defaults.vm_isolation_defaults,
            "vm_isolation_known_hosts": isolation_defaults.vm_isolation_known_hosts,
            "vm_isolation_targets": isolation_defaults.vm_isolation_targets,
            "vm_isolation_to_ask": isolation_defaults.vm_isolation_to_ask,
            "vm_isolation_used": isolation_defaults.vm_isolation_used,
            "with_edits": cloud_inventory.with_edits,
            "with_spoofing_filters": guest_networks.with_spoofing_filters,
        }
