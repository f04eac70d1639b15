# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
import testinfra

SCENARIO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SCENARIO.parents[1] / "tests" / name) for name in ("live", "bench", "contract")]
STATE = Path("/var/lib/kvmcloud-lab/labs/ovirt")


@pytest.fixture(scope="session")
def password() -> str:
    """As the inventory puts it together."""
    return "p%s 'w\"d#;= " + (STATE / "ovirt_password").read_text().strip()


@pytest.fixture
def seen():
    """A host by its name, as testinfra sees it."""
    return lambda name: testinfra.get_host(f"ssh://{name}", ssh_config=str(STATE / "ssh/config"))


@pytest.fixture
def traces(password):
    """Where a host has kept the administrator's password: files, and what its journal and its processes say."""

    def find(host) -> str:
        pattern = shlex.quote(password.split()[-1])  # its random part; how the rest is quoted does not matter
        files = f"grep -rlF --exclude-dir=proc -- {pattern} /etc /var /run /root /tmp /opt /usr/share 2> /dev/null"
        journal = f"journalctl --no-pager | grep -F -- {pattern} | grep -v 'grep -'"
        return host.run(f"{files}; {journal}").stdout

    return find


def pytest_collection_modifyitems(items):
    """What the converged hosts are like is looked at before other tests change them."""
    items.sort(key=lambda item: item.path.name == "test_day_2.py")
