# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives playbooks against lab hosts, as a user would, and looks at what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = str(CHECKOUT / "tests/lab/lab")
INVENTORY = str(CHECKOUT / "tests/live/inventory")
SSH_CONFIG = "/var/lib/kvmcloud-lab/labs/live/ssh/config"


@dataclass
class Run:
    rc: int
    output: str
    counts: dict = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The output without the line breaks that depend on how long its lines are."""
        return " ".join(self.output.split())

    @property
    def changed(self) -> int:
        return sum(self.counts["changed"].values())


def environment(counts: str) -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CHECKOUT / "tests/bench/callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "count_runs",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",  # which molecule sets
        "KVMCLOUD_COUNT_FILE": counts,
    }


def playbook(name: str, *arguments: str, inventory: str = INVENTORY) -> Run:
    """Runs a playbook to its end, whatever that is."""
    arguments = ("-e", f"cloud_report_directory={CHECKOUT}/.cache/live-report", *arguments)
    with tempfile.NamedTemporaryFile() as counts:
        done = subprocess.run(
            ["ansible-playbook", "-i", inventory, f"playbooks/{name}.yml", *arguments],
            cwd=CHECKOUT,
            env=environment(counts.name),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        text = Path(counts.name).read_text()
    return Run(done.returncode, done.stdout, json.loads(text) if text else {})


def converge(*arguments: str) -> Run:
    run = playbook("site", *arguments)
    assert run.rc == 0, run.output
    return run


def lab(*arguments: str) -> str:
    done = subprocess.run([LAB, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def on(host: str, command: str, check: bool = True) -> str:
    """Runs a shell command on a lab host, past Ansible."""
    done = subprocess.run(["ssh", "-F", SSH_CONFIG, host, command], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout
