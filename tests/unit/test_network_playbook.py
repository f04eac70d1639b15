# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the playbook `network` visits hosts, as ansible-playbook itself tells. No host is contacted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LINKS = {"host_network_bridges": [{"name": "br0"}]}
# The argument specs are looked at whatever tags are asked for, and that on the controller.
ASK_NO_HOST = ("--tags", "no_such_tag")


def visited(tmp_path: Path, hosts: dict[str, dict], *arguments: str) -> list[set[str]]:
    """The hosts of each play and batch."""
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", inventory, CHECKOUT / "playbooks/network.yml", *ASK_NO_HOST, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    plays = done.stdout.split("PLAY RECAP")[0].split("PLAY [")[1:]
    return [found for found in (set(re.findall(r"^ok: \[(\w+)\]", play, re.MULTILINE)) for play in plays) if found]


@pytest.mark.parametrize(
    ("hosts", "arguments", "batches"),
    [
        ({"a": {}, "b": {}}, (), [{"a", "b"}]),
        ({"a": {}, "b": LINKS, "c": LINKS, "d": LINKS}, (), [{"b"}, {"c", "d"}, {"a"}]),
        ({"a": {}, "b": LINKS, "c": LINKS}, ("--limit", "c"), [{"c"}]),
        ({"a": {}, "b": LINKS}, ("--limit", "a"), [{"a"}]),
    ],
    ids=["no links", "first one host, then the rest", "one of those with links", "one without"],
)
def test_hosts_with_links_come_first_one_and_then_the_rest(tmp_path, hosts, arguments, batches):
    assert visited(tmp_path, hosts, *arguments) == batches
