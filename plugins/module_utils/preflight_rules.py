# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules of the preflight, in the order in which their findings are told."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Rule
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_addons import ADDON_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_capacity import CAPACITY_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_datastores import DATASTORE_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_declared import DECLARED_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_drivers import DRIVER_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_gluster import GLUSTER_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ha import HA_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_hosts import HOST_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_isolation import ISOLATION_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_leases import LEASE_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_links import LINK_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_network import NETWORK_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ovirt import OVIRT_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_resources import RESOURCE_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_vnets import VNET_RULES

# Title for people, and the rules below it.
TOPICS: dict[str, tuple[Rule, ...]] = {
    "Hosts": HOST_RULES,
    "What hosts offer": CAPACITY_RULES,
    "Names and addresses": NETWORK_RULES,
    "Links of hosts": LINK_RULES,
    "The inventory": DECLARED_RULES,
    "Several front-ends": HA_RULES,
    "Declarations inside OpenNebula": (*RESOURCE_RULES, *DRIVER_RULES),
    "Datastores": DATASTORE_RULES,
    "Storage add-ons": ADDON_RULES,
    "Virtual networks": (*VNET_RULES, *LEASE_RULES),
    "oVirt": OVIRT_RULES,
    "Isolation of guests": ISOLATION_RULES,
    "GlusterFS": GLUSTER_RULES,
}
ALL_RULES: tuple[Rule, ...] = tuple(rule for rules in TOPICS.values() for rule in rules)
