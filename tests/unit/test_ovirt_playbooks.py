# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks that are run for one deed do not end well where there is nobody to do it on. No host is contacted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("playbook", "inventory", "words"),
    [
        ("ovirt_backup", "all", "so nothing would be saved"),
        ("ovirt_backup", "ovirt_hosted_engine_hosts", "The VM of a hosted engine belongs to the latter"),
        ("ovirt_upgrade", "ovirt_hosted_engine_hosts", "so no engine would be upgraded"),
        ("ovirt_restore", "all", "so nothing would be restored"),
        ("ovirt_hosted_engine_day2", "ovirt_engines", "so nothing would be done"),
    ],
)
def test_nothing_done_is_told(tmp_path: Path, playbook: str, inventory: str, words: str) -> None:
    (tmp_path / "hosts").write_text(f"[{inventory}]\nnowhere.invalid\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts", f"playbooks/{playbook}.yml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0 and words in said, said
    assert "nowhere.invalid" not in said, "a host was contacted"
