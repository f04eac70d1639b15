# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import cloud  # noqa: E402  (found through the line above)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.live)


def renew():
    cloud.lab("down", "-i", cloud.INVENTORY)
    cloud.lab("up", "-i", cloud.INVENTORY)


@pytest.fixture(scope="session")
def lab_hosts():
    """Bare lab hosts for this session; removed at its end, whatever happened."""
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    renew()
    yield
    cloud.lab("down", "-i", cloud.INVENTORY)


@pytest.fixture(scope="module")
def bare(lab_hosts):
    """Hosts on which nothing was deployed yet."""
    renew()


@pytest.fixture(scope="module")
def converged(lab_hosts):
    """Hosts with the whole cloud on them."""
    return cloud.converge()
