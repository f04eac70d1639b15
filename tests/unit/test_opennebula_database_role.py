# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role opennebula_database does to a host, and when; played in check mode on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
MYSQL = {"opennebula_database_backend": "mysql", "opennebula_database_password": "kX9-ruhig-Blatt-41"}


def play(tmp_path: Path, task: dict[str, Any], **variables: Any) -> str:
    front = {"ansible_connection": "local", "ansible_host": "front1.cloud.example"}
    (tmp_path / "hosts.json").write_text(json.dumps({"opennebula_frontends": {"hosts": {"front1": front}}}))
    facts = {"gather_facts": True, "gather_subset": ["!all", "!min", "distribution"]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", **facts, "tasks": [task]}]))
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("ansible-playbook"), "--check", "-i", tmp_path / "hosts.json"),
            *(tmp_path / "play.yml", "-e", json.dumps({**MYSQL, **variables})),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    return " ".join(done.stdout.split())


ROLE = {"ansible.builtin.include_role": {"name": "kvmcloud.stack.opennebula_database"}}


def test_a_server_that_somebody_else_manages_is_left_alone(tmp_path: Path) -> None:
    said = play(tmp_path, ROLE, opennebula_database_manage=False)
    assert "this host the server that it has" in said and "failed=0" in said
    assert "Packages of the database server" not in said and "changed=0" in said


def test_front_ends_that_are_known_by_name_only_are_refused(tmp_path: Path) -> None:
    said = play(tmp_path, ROLE, opennebula_database_host="db.cloud.example")
    assert "no address is known of front1. Set host_network_address, or ansible_host, to an address there." in said
    assert "Packages of the database server" not in said
    said = play(tmp_path, ROLE, opennebula_database_host="db.cloud.example", host_network_address="192.0.2.10")
    assert "no address is known" not in said and "Packages of the database server" in said


def test_packages_are_only_announced_where_the_host_has_no_lists_yet(tmp_path: Path) -> None:
    said = play(tmp_path, ROLE, opennebula_repository_source={"changed": True})
    assert "Would be installed: packages of the database" in said and "mariadb-server" in said
    assert "failed=0" in said


def test_the_account_follows_a_configuration_that_was_accepted() -> None:
    """A password that is changed before is one that oned, with its former configuration, cannot log in with."""
    tasks = yaml.safe_load((CHECKOUT / "roles/opennebula_frontend/tasks/main.yml").read_text())
    names = [task["name"] for task in tasks]
    assert names.index("Configuration") < names.index("Database and account") < names.index("Services")
    assert "mysql_account" not in (CHECKOUT / "roles/opennebula_database/tasks/main.yml").read_text()
    assert "mysql_account" not in (CHECKOUT / "roles/opennebula_database/tasks/mysql.yml").read_text()
