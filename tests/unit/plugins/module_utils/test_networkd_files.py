# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.networkd_files import matched

HOST = a.host(a.card("eth0"), a.card("eth1"))


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("Name=eth0", ["eth0"]),
        ("Name=eth*", ["eth0", "eth1"]),
        ("Name = eth[1-9] br0", ["eth1", "br0"]),
        ("Name=!eth0 br*", ["eth1"]),
        ("Name=eth0\nName=eth1", ["eth0", "eth1"]),
        ("Name=eth0\nName=\nName=eth1", ["eth1"]),
        ("Name=eth0 \\\n  eth1", ["eth0", "eth1"]),
        ("MACAddress=52:54:00:00:00:00", ["eth0"]),
        ("MACAddress=00:00:00:00:00:01 52-54-00-00-00-01", ["eth1"]),
        ("MACAddress=5254.0000.0000", ["eth0"]),
        ("Name=eth1\nMACAddress=52:54:00:00:00:00", []),
        ("Type=ether", []),
        ("#Name=eth0", []),
        ("[Network]\nName=eth0", []),
        ("", []),
    ],
)
def test_which_links_a_file_is_for(match, found):
    assert matched(f"[Match]\n{match}\n[Network]\nDHCP=yes\n", ["eth0", "eth1", "br0"], HOST) == found
