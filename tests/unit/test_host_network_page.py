# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example in docs/host_network.md is what becomes of its six lines, and says what the well-known guide says."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import document_of, to_yaml
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links, faults
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveState

PAGE = Path(__file__).resolve().parents[2] / "docs/host_network.md"


def test_the_example():
    declared, written = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[:2]
    assert len(declared.splitlines()) == 6
    found = {name.replace("host_network_", ""): entries for name, entries in yaml.safe_load(declared).items()}
    links = declared_links(found)
    assert faults(links) == []
    assert to_yaml(document_of(links, LiveState(), "networkd", frozenset())) == written
