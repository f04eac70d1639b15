# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seals and leases of storage domains against golden vectors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import (
    FREE_LEASE,
    checksum,
    parse_metadata,
    sealed_text,
)


def test_golden_vectors(contract_dir: Path) -> None:
    golden = json.loads((contract_dir / "ovirt/sd-vectors.json").read_text())
    assert len(golden["vectors"]) == 4
    for vector in golden["vectors"]:
        assert checksum(vector["metadata"]) == vector["sha"], vector["name"]
        assert parse_metadata(sealed_text(vector["metadata"]))["_SHA_CKSUM"] == vector["sha"], vector["name"]
    lease = golden["leases"]
    assert (len(FREE_LEASE), hashlib.sha256(FREE_LEASE).hexdigest()) == (lease["size"], lease["sha256"])
    assert FREE_LEASE.startswith(lease["head"].encode())
