# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of storage add-ons; what they refuse is a sentence."""

from __future__ import annotations

from functools import wraps
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    declared_addons,
    storpool_install,
    vitastor_cluster,
    vitastor_install,
    vitastor_placement,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import ReleaseError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError


def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def filter_of_it(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except (AddonError, ReleaseError, vitastor_cluster.ClusterError) as error:
            raise AnsibleFilterError(str(error)) from error

    return filter_of_it


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "storage_addon_datastores": refusing(declared_addons.storage_addon_datastores),
            "storage_addon_edits": refusing(declared_addons.storage_addon_edits),
            "storpool_hooks": refusing(storpool_install.storpool_hooks),
            "storpool_install": refusing(storpool_install.storpool_install),
            "storpool_reserved": refusing(storpool_install.reserved_template),
            "vitastor_members": vitastor_cluster.vitastor_members,
            "vitastor_placement": refusing(vitastor_placement.vitastor_placement),
            "vitastor_install": refusing(vitastor_install.vitastor_install),
        }
