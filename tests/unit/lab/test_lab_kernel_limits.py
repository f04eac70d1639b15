# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's limits are raised for the time labs are up, never lowered, and put back to what was found."""

from __future__ import annotations

import pytest
from kvmcloud_lab.kernel_limits import raise_limits, restore_limits


@pytest.fixture
def limit(tmp_path):
    return tmp_path / "max_user_instances"


def test_raised_once_and_put_back(limit, tmp_path):
    limit.write_text("128\n")
    raise_limits({limit: 8192}, tmp_path)
    raise_limits({limit: 8192}, tmp_path)  # a second lab
    assert limit.read_text() == "8192"
    restore_limits({limit: 8192}, tmp_path)
    assert limit.read_text() == "128"
    restore_limits({limit: 8192}, tmp_path)
    assert limit.read_text() == "128"


def test_a_higher_limit_is_left_alone(limit, tmp_path):
    limit.write_text("65536\n")
    raise_limits({limit: 8192}, tmp_path)
    restore_limits({limit: 8192}, tmp_path)
    assert limit.read_text() == "65536\n"


def test_what_somebody_set_meanwhile_stays(limit, tmp_path):
    limit.write_text("128\n")
    raise_limits({limit: 8192}, tmp_path)
    limit.write_text("10000\n")
    restore_limits({limit: 8192}, tmp_path)
    assert limit.read_text() == "10000\n"
