# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role opennebula_resources on the emulated OpenNebula (not the real one): a declaration of each kind but hosts."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator_replay import BY_TIER, Machine
from one_resources_emulated import COMMANDS

CHECKOUT = Path(__file__).resolve().parents[2]
PASSWORD = "kR7-lantern-oak"
CLOUD: dict[str, Any] = {
    "opennebula_clusters": [{"name": "edge"}],
    "opennebula_security_groups": [
        {"name": "web", "rules": [{"PROTOCOL": "TCP", "RULE_TYPE": "INBOUND", "RANGE": "80,443"}]}
    ],
    "opennebula_datastores": [
        {"name": "system", "id": 0, "template": {"LIMIT_MB": 500}},
        {"name": "fast", "clusters": ["edge"], "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "ssh"}},
    ],
    "opennebula_virtual_networks": [
        {
            "name": "dmz",
            "clusters": ["edge"],
            "security_groups": ["web"],
            "template": {"VN_MAD": "fw", "BRIDGE": "br0"},
            "address_ranges": [{"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": 5}],
        }
    ],
    "opennebula_hooks": [{"name": "h", "resource": "HOST", "resource_state": "ERROR", "command": "/bin/true"}],
    "opennebula_users": [{"name": "alice", "password": PASSWORD, "update_password": "always", "groups": ["oneadmin"]}],
    "opennebula_hosts": [],
}


@pytest.fixture(params=BY_TIER)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Runs the role with the declarations on a fresh front-end; returns what changed, and the whole output."""
    machine = Machine(request.param, tmp_path / "root")
    machine.prepare()
    machine.install(tmp_path / "programs", COMMANDS)
    assert machine.start(), "the emulated oned did not start"
    path = f"{tmp_path / 'programs'}:{machine.root / 'bin'}:{CHECKOUT / '.cache/venv/bin'}:{os.environ['PATH']}"
    playbook = tmp_path / "play.yml"
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": CLOUD}
    role = {"role": "kvmcloud.stack.opennebula_resources"}
    settings = {"environment": {**machine.environment(), "PATH": path}, "roles": [role]}
    playbook.write_text(yaml.safe_dump([{**play, **settings}]), encoding="utf-8")

    def run(*options: str) -> tuple[int, str]:
        done = subprocess.run(
            ["ansible-playbook", "-i", "localhost,", str(playbook), *options],
            cwd=CHECKOUT,
            env={**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        recap = re.search(r"changed=(\d+) .* failed=0", done.stdout)
        assert done.returncode == 0 and recap, done.stdout
        return int(recap.group(1)), done.stdout

    yield run
    machine.stop()


def test_every_kind_is_made_once_and_check_mode_knows_it_beforehand(play: Any) -> None:
    """The network names a group and a cluster that check mode has not made; the user's password is shown nowhere."""
    planned, said = play("--check", "--diff", "-vvv")
    assert planned == 6 and PASSWORD not in said
    assert "security group web does not exist yet" in said and "cluster edge does not exist yet" in said
    made, said = play("--diff", "-vvv")
    assert made == 6 and PASSWORD not in said
    again, _said = play()
    assert again == 0
    checked, _said = play("--check", "--diff")
    assert checked == 0
