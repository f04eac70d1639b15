# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of an isolation, to be varied by tests."""

from __future__ import annotations

from typing import Any

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Declaration, declared

ROUTER, STORAGE = "52:54:00:00:00:01", "52:54:00:00:00:02"


def bridge(name: str = "onebr0", **changed: Any) -> dict[str, Any]:
    usual = {"uplinks": ["eth0"], "guest_networks": ["10.0.3.0/24"], "gateways": ["10.0.3.1"], "gateway_macs": [ROUTER]}
    return {"name": name, **usual, **changed}


def given(*bridges: dict[str, Any], **changed: Any) -> dict[str, Any]:
    usual = {"protected_networks": ["10.0.2.0/24"], "infrastructure_macs": [STORAGE]}
    return {"bridges": list(bridges) or [bridge()], **usual, **changed}


def sound(*bridges: dict[str, Any], **changed: Any) -> Declaration:
    found, findings = declared(given(*bridges, **changed))
    assert findings == []
    return found
