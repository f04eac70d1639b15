# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

import pytest
import testinfra

SCENARIO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SCENARIO.parents[1] / "tests" / name) for name in ("live", "bench")]

from network_hosts import NetworkHosts  # noqa: E402  (found through the line above)


@pytest.fixture(scope="session")
def lab() -> NetworkHosts:
    return NetworkHosts(str(SCENARIO / "inventory"), "network")


@pytest.fixture
def seen(lab):
    """A host by its name, as testinfra sees it."""
    return lambda name: testinfra.get_host(f"ssh://{name}", ssh_config=lab.ssh_config)


def pytest_collection_modifyitems(items):
    """What the converged hosts are like is looked at before other tests change them."""
    items.sort(key=lambda item: item.path.name != "test_declared_links.py")
