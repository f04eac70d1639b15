# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters about servers and gateways of GlusterFS in the inventory."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_gateway, gluster_servers


class FilterModule:
    def filters(self) -> dict:
        return {
            "gluster_server_names": gluster_servers.gluster_server_names,
            "gluster_other_names": gluster_servers.gluster_other_names,
            "gluster_gateway_checks": gluster_gateway.gluster_gateway_checks,
            "gluster_gateway_findings": gluster_gateway.gluster_gateway_findings,
        }
