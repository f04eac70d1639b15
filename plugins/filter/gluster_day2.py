# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the playbooks that change a pool of GlusterFS in use."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_day2


def gluster_consent(*given: Any, **named: Any) -> list[dict[str, Any]]:
    try:
        return gluster_day2.gluster_consent(*given, **named)
    except gluster_day2.ConsentError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict:
        return {
            "gluster_consent": gluster_consent,
            "gluster_stop_findings": gluster_day2.gluster_stop_findings,
        }
