# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter storage_addon_edits: what storage add-ons want of OpenNebula's configuration."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils import declared_addons
from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import ReleaseError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError


def storage_addon_edits(
    names: Sequence[str],
    release: str,
    settings: Mapping[str, Mapping[str, Any]],
    own_edits: Sequence[Mapping[str, Any]] = (),
) -> dict[str, list[dict[str, Any]]]:
    try:
        return declared_addons.storage_addon_edits(names, release, settings, own_edits)
    except (AddonError, ReleaseError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"storage_addon_edits": storage_addon_edits}
