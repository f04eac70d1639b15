# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vendor's installer says among all that a package manager prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

VARIABLES = Path(__file__).resolve().parents[3] / "roles/vitastor_opennebula/vars/main.yml"
PATTERN = yaml.safe_load(VARIABLES.read_text(encoding="utf-8"))["vitastor_opennebula_words"]


@pytest.mark.parametrize(
    "said",
    [
        "OK: Vitastor OpenNebula patches successfully applied",
        "OK: Vitastor OpenNebula patches are already applied",
        "OK, Vitastor OpenNebula patches are already applied",
        "ERROR: Failed to patch file /etc/one/vmm_exec/vmm_execrc, please apply the patch vmm_execrc.diff manually",
        "/etc/one/vmm_exec/vmm_execrc does not exist, OpenNebula is not installed",
    ],
)
def test_its_words_are_found(said: str) -> None:
    printed = f"Setting up vitastor-opennebula (3.0.13) ...\n{said}\nProcessing triggers for libc-bin ...\n"
    assert re.findall(PATTERN, printed) == [said]


def test_nothing_else_is() -> None:
    printed = "Get:1 OK\nSetting up jq ...\nE: ERROR: not at the begin of a line\n0 upgraded, 1 newly installed\n"
    assert re.findall(PATTERN, printed) == []
