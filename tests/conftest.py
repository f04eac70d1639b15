# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ansible_collections.kvmcloud.stack, and knows where the captures may be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".cache" / "collections"

link = COLLECTIONS / "ansible_collections" / "kvmcloud" / "stack"
if not link.exists():
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(CHECKOUT)
sys.path.insert(0, str(COLLECTIONS))
# oVirt's SDK, where tests/ovirt-sdk has put it; before a module of the collection looks for it.
sys.path.append(str(CHECKOUT / ".cache" / "ovirt-sdk"))


@pytest.fixture(scope="session")
def contract_dir() -> Path:
    """The captured output of the real programs; a checkout without it skips the tests that read it."""
    folder = CHECKOUT.parent / "shared" / "contract"
    if not folder.is_dir():
        pytest.skip("the captures of the real programs are not beside this checkout (../shared/contract)")
    return folder
