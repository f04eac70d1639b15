# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts the plays of a playbook visit, in which order, as ansible-playbook itself tells. None is contacted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# The argument specs are looked at whatever tags are asked for, and that on the controller.
ASK_NO_HOST = ("--tags", "no_such_tag")


def output(tmp_path: Path, playbook: str, hosts: dict[str, dict], *arguments: str) -> str:
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"opennebula_nodes": {"hosts": hosts}}))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", inventory, CHECKOUT / f"playbooks/{playbook}.yml", *ASK_NO_HOST, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("PLAY RECAP")[0]


@pytest.mark.parametrize("declared", [True, False])
def test_disks_are_looked_at_where_they_are_declared(tmp_path, declared):
    disks = {"host_storage_datastore_disks": [{"datastore": "system", "devices": ["/dev/vdb"]}]}
    told = output(tmp_path, "preflight", {"a": {}, "b": disks if declared else {}})
    assert ("no hosts matched" in told) != declared
