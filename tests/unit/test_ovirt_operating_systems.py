# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that cannot carry oVirt are refused before anything is done. Their facts are given: no such host is needed."""

from __future__ import annotations

import json
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


# Each on a host of its own, all of one run. Name: role, facts, variables, and what is said.
ENGINE = {"ovirt_engine_fqdn": "engine.test", "ovirt_engine_admin_password": "x"}
HOSTED = {
    **dict.fromkeys(["he_fqdn", "he_bridge_if", "he_gateway", "he_appliance_password", "he_admin_password"], "x"),
    "he_domain_type": "glusterfs",
}
NO_PACKAGES = "oVirt 4.5 is packaged for Enterprise Linux 9 and 10 on x86_64; this host has {} {} on {}"
HOSTS: dict[str, tuple[str, dict[str, str], dict[str, Any], str]] = {
    "centos8": ("ovirt_repository", facts("CentOS", "8"), {}, NO_PACKAGES.format("CentOS", "8", "x86_64")),
    "alma8": ("ovirt_repository", facts("AlmaLinux", "8.10"), {}, NO_PACKAGES.format("AlmaLinux", "8.10", "x86_64")),
    "debian": (
        "ovirt_repository",
        facts("Debian", "12", family="Debian"),
        {},
        NO_PACKAGES.format("Debian", "12", "x86_64"),
    ),
    "arm": (
        "ovirt_repository",
        facts("AlmaLinux", "9.4", architecture="aarch64"),
        {},
        NO_PACKAGES.format("AlmaLinux", "9.4", "aarch64"),
    ),
    "debian_engine": ("ovirt_engine", facts("Debian", "12", family="Debian"), ENGINE, "this host has Debian 12"),
    "gluster_engine_10": (
        "ovirt_engine",
        facts("AlmaLinux", "10.0"),
        {**ENGINE, "ovirt_engine_application_mode": "gluster"},
        "Gluster is gone from oVirt on Enterprise Linux 10",
    ),
    "gluster_hosted_engine_10": (
        "ovirt_hosted_engine",
        facts("AlmaLinux", "10.0"),
        HOSTED,
        "GlusterFS is gone from oVirt on Enterprise Linux 10",
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each host says of a run in check mode that ends before it has changed anything."""
    folder = tmp_path_factory.mktemp("hosts")
    hosts = {
        name: {"role": f"kvmcloud.stack.{role}", "given": given, "ansible_connection": "local", **variables}
        for name, (role, given, variables, _words) in HOSTS.items()
    }
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
    tasks = [
        {"ansible.builtin.set_fact": {**{key: f"{{{{ given.{key} }}}}" for key in facts("", "")}, "cacheable": True}},
        {"ansible.builtin.include_role": {"name": "{{ role }}"}},
    ]
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, "--check", playbook],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    told: dict[str, str] = dict.fromkeys(HOSTS, "")
    result = json.loads(done.stdout[done.stdout.index("{") :])
    for task in result["plays"][0]["tasks"]:
        for name, one in task["hosts"].items():
            told[name] += str(one.get("msg", "")) if one.get("failed") else ""
    assert all(one["failures"] == 1 and one["changed"] == 0 for one in result["stats"].values()), done.stdout
    return told


@pytest.mark.parametrize("name", HOSTS)
def test_what_cannot_carry_ovirt_is_refused_in_a_sentence(said: dict[str, str], name: str) -> None:
    assert HOSTS[name][3] in said[name]
