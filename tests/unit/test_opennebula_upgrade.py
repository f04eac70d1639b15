# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the playbook opennebula_upgrade, and what it refuses before it looks at any host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
TASKS = CHECKOUT / "roles/opennebula_frontend/tasks"


def play(tmp_path: Path, frontends: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    hosts = {name: {"ansible_connection": "local"} for name in frontends}
    (tmp_path / "hosts.json").write_text(json.dumps({"opennebula_frontends": {"hosts": hosts}}))
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [program, "-i", tmp_path / "hosts.json", CHECKOUT / "playbooks/opennebula_upgrade.yml", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )


def test_a_zone_of_several_is_refused_before_anything(tmp_path: Path) -> None:
    done = play(tmp_path, ["front1", "front2"])
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "opennebula_upgrade upgrades one front-end, and there are 2." in said
    assert said.count("TASK [") == 1 and "changed=0" in said


def test_the_order_of_the_guide(tmp_path: Path) -> None:
    """Stop, OpenNebula, add-on, configuration, start; and all is looked at before the stop."""
    listed = play(tmp_path, ["front1"], "--list-tasks").stdout
    steps = [
        "One front-end",
        "Nothing speaks against it",
        "Sources of StorPool's add-on, where it is declared",
        "OpenNebula stops, and its packages follow",
        "Packages of the node follow",
        "Add-on\t",
        "opennebula_frontend : Configuration is as declared",
        "opennebula_frontend : Services run with the configuration on disk",
        "opennebula_resources : Nodes have the present drivers",
        "Datastores of add-ons have what oned.conf says of their drivers",
    ]
    places = [listed.find(step) for step in steps]
    assert -1 not in places and places == sorted(places), dict(zip(steps, places))


def names(file: str) -> list[str]:
    return [task["name"] for task in yaml.safe_load((TASKS / file).read_text())]


def test_packages_come_while_nothing_runs_and_the_database_while_oned_is_down() -> None:
    assert names("upgrade_packages.yml") == ["All services stop", "Packages"]
    tasks = yaml.safe_load((TASKS / "upgrade.yml").read_text())
    database = tasks[-1]
    # Whoever was killed after the packages goes on here: not what this run did decides, but that oned is down.
    assert database["when"] == "opennebula_frontend_oned_runs.rc != 0"
    argv = database["ansible.builtin.command"]["argv"]
    assert argv == ["runuser", "-u", "oneadmin", "--", "onedb", "upgrade", "-v"], (
        "files of the database stay oneadmin's"
    )
