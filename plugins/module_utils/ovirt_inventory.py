# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of oVirt, turned into what the modules take."""

from __future__ import annotations

from typing import Any, Mapping, Sequence


def ovirt_nfs_exports(domains: Sequence[Mapping[str, Any]], clients: Sequence[str]) -> list[dict[str, Any]]:
    """Domains of type NFS as nfs_exports takes them; clients of those that name none."""
    return [
        {"path": one["path"], "clients": list(one.get("clients") or clients)}
        for one in domains
        if one.get("storage_type", "NFS") == "NFS"
    ]
