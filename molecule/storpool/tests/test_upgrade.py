# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenNebula is upgraded by the playbook that does it; its packages put their own files back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
REMOTES = "/var/lib/one/remotes"
testinfra_hosts = ["front1"]
pytestmark = pytest.mark.full


def playbook(name: str) -> str:
    done = subprocess.run(
        ["ansible-playbook", "-i", "molecule/storpool/inventory", name],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_upgrade_of_opennebula_is_patched_again(host):
    """The package has put its own file back; the record says what belongs in it."""
    playbook("molecule/shared/newer_packages.yml")
    assert "upgrade opennebula:all" in host.file("/var/log/dpkg.log").content_string
    assert host.file("/run/oned-before-packages").content_string.split()[-1] == "inactive", "stopped before"
    assert "a double of the vendor's patch" in host.file(f"{REMOTES}/vmm/kvm/attach_disk").content_string
    assert "vmm/00-attach_disk.patch" in host.file("/var/lib/kvmcloud.stack/storpool-patches.json").content_string
    assert host.service("opennebula").is_running
    recap = playbook("playbooks/site.yml").partition("PLAY RECAP")[2]
    assert recap.count("changed=0 ") == recap.count("changed=") > 0, recap
