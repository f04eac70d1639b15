# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that cannot carry oVirt are refused before anything is done. Their facts are given: no such host is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]


def facts(distribution: str, version: str, family: str = "RedHat", architecture: str = "x86_64") -> dict[str, str]:
    return {
        "distribution": distribution,
        "distribution_version": version,
        "distribution_major_version": version.split(".")[0],
        "os_family": family,
        "architecture": architecture,
        "pkg_mgr": "dnf",
    }


def refused(tmp_path: Path, role: str, given: dict[str, str], **variables: Any) -> str:
    """What a run says that ends before it has changed anything."""
    known = [{"ansible.builtin.set_fact": {**given, "cacheable": True}}]
    include = {"ansible.builtin.include_role": {"name": f"kvmcloud.stack.{role}"}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables}
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump([{**play, "tasks": [*known, include]}]), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "--check", playbook],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "changed=0" in done.stdout, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    "given",
    [
        facts("CentOS", "8"),
        facts("AlmaLinux", "8.10"),
        facts("Debian", "12", family="Debian"),
        facts("AlmaLinux", "9.4", architecture="aarch64"),
    ],
    ids=lambda given: f"{given['distribution']} {given['distribution_version']} {given['architecture']}",
)
def test_packages_exist_for_el_9_and_10_only(tmp_path, given):
    said = refused(tmp_path, "ovirt_repository", given)
    assert "oVirt 4.5 is packaged for Enterprise Linux 9 and 10 on x86_64" in said
    assert f"{given['distribution']} {given['distribution_version']} on {given['architecture']}" in said


@pytest.mark.parametrize(
    ("given", "mode", "words"),
    [
        (facts("Debian", "12", family="Debian"), "virt", "this host has Debian 12"),
        (facts("AlmaLinux", "10.0"), "gluster", "Gluster is gone from oVirt on Enterprise Linux 10"),
    ],
)
def test_an_engine_is_on_el_and_gluster_on_el_9(tmp_path, given, mode, words):
    variables = {"ovirt_engine_fqdn": "engine.test", "ovirt_engine_admin_password": "x"}
    assert words in refused(tmp_path, "ovirt_engine", given, **variables, ovirt_engine_application_mode=mode)
