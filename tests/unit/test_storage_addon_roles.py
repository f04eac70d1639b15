# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of storage add-ons refuse before they touch a host; run in check mode, to be safe."""

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


def run(tmp_path: Path, role: str, part: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    tasks = [{"ansible.builtin.include_role": {"name": f"kvmcloud.stack.{role}", "tasks_from": part}}]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    (tmp_path / "hosts").write_text("[opennebula_frontends]\nlocalhost\n")
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [program, "-i", tmp_path / "hosts", "--check", "-e", json.dumps(variables), tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )


@pytest.mark.parametrize(
    "role, part, variables, sentence",
    [
        ("vitastor_opennebula", "node.yml", {}, "Vitastor knows no authentication: a guest on localhost"),
        (
            "storpool_opennebula",
            "archive.yml",
            {"storpool_opennebula_version": "26.04.0", "storpool_opennebula_source": "/src/addon-storpool-24.09.1.zip"},
            "is 26.04.0, and the archive is addon-storpool-24.09.1.zip",
        ),
    ],
)
def test_it_ends_at_its_first_task(tmp_path, role, part, variables, sentence) -> None:
    done = run(tmp_path, role, part, **variables)
    assert done.returncode != 0 and sentence in " ".join(done.stdout.split()), done.stdout + done.stderr
    assert "changed=0" in done.stdout and "failed=1" in done.stdout


def test_what_is_reserved_is_not_known_on_a_bare_host(tmp_path: Path) -> None:
    """There is no oneadmin and no reserved.sh yet; check mode goes on to the end."""
    done = run(tmp_path, "storpool_opennebula", "reserved.yml")
    assert done.returncode == 0 and "failed=0" in done.stdout and "changed=0" in done.stdout, done.stdout


@pytest.mark.parametrize("installed, sources, ends", [(True, False, True), (True, True, False), (False, False, False)])
def test_an_add_on_whose_files_nobody_knows_does_not_go_by_half(tmp_path, installed, sources, ends) -> None:
    (tmp_path / "record").mkdir()
    if installed:
        (tmp_path / "record/install-7.2.sh").touch()
    if sources:
        (tmp_path / "src/tm/storpool").mkdir(parents=True)
    given = {
        "storpool_opennebula_record": str(tmp_path / "record"),
        "storpool_opennebula_folder": str(tmp_path / "src"),
    }
    done = run(tmp_path, "storpool_opennebula", "sources_left.yml", **given)
    said = " ".join(done.stdout.split())
    assert ("by which its files are known" in said) == ends and ("failed=1" in said) == ends, said


def test_root_runs_nothing_that_oneadmin_can_write() -> None:
    tasks = yaml.safe_load((CHECKOUT / "roles/storpool_opennebula/tasks/reserved.yml").read_text())
    (argv,) = [task["ansible.builtin.command"]["argv"] for task in tasks if "ansible.builtin.command" in task]
    assert argv == ["runuser", "-u", "oneadmin", "--", "/var/tmp/one/reserved.sh"]


def test_a_clash_is_an_error_of_the_front_end(tmp_path: Path) -> None:
    """The filter's sentence reaches the user."""
    message = "{{ names | kvmcloud.stack.storage_addon_edits('6.10', given) }}"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "names": ["vitastor", "storpool"],
            "given": {
                "vitastor": {"memory_snapshots": True, "corrections": []},
                "storpool": {"version": "26.04.0", "overrides": ["deploy", "save", "restore"]},
            },
        },
        "tasks": [{"ansible.builtin.debug": {"msg": message}}],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", "localhost,", tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "the storage add-on vitastor wants save.vitastor, the storage add-on storpool wants tmsave" in said


@pytest.mark.parametrize(
    "variables, checks",
    [
        ({"opennebula_storage_addons": ["vitastor", "storpool"]}, "vitastor_pools command_output unit_active"),
        ({"opennebula_storage_addons": ["storpool"]}, "command_output unit_active"),
        ({"opennebula_storage_addons": ["storpool"], "storpool_opennebula_state": "absent"}, ""),
        ({"opennebula_storage_addons": ["vitastor"], "storpool_opennebula_state": "absent"}, "vitastor_pools"),
        ({}, ""),
    ],
)
def test_what_verify_asks_of_a_node(tmp_path: Path, variables: dict[str, Any], checks: str) -> None:
    message = "asked: {{ cloud_report_addon_checks | map(attribute='type') | join(' ') }}."
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(CHECKOUT / "roles/cloud_report/vars/main.yml")],
        "vars": variables,
        "tasks": [{"ansible.builtin.debug": {"msg": message}}],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0 and f"asked: {checks}." in done.stdout, done.stdout + done.stderr
