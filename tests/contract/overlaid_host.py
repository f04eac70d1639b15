# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is this machine with copies of some of its directories on top, so that a play may write there: with its
mounts, and programs of doubles before all others in its PATH. It is no container: all else is the machine's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Sequence

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]


class OverlaidHost:
    def __init__(self, folder: Path, programs: Path, directories: Sequence[str] = ("/etc", "/run", "/var/lib")) -> None:
        self.folder, self.programs = folder, programs
        self.told: list[str] = []
        self.others: dict[str, dict[str, Any]] = {}  # that are in the same groups, and their variables
        mounts = ""
        for name in directories:
            flat = name.strip("/").replace("/", "-")
            upper, work = folder / "upper" / flat, folder / "work" / flat
            upper.mkdir(parents=True)
            work.mkdir(parents=True)
            mounts += f"mount -t overlay overlay -o lowerdir={name},upperdir={upper},workdir={work} {name}\n"
        # The mounts are there as long as this lives, also for what outlives one run.
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"set -e\n{mounts}echo ready\nread end\n"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.keeper.stdout
        if self.keeper.stdout.readline() != "ready\n":
            pytest.skip("this machine has no overlay file system")

    def end(self) -> None:
        self.keeper.communicate()

    def path(self, name: str) -> Path:
        """A file as the host sees it."""
        return Path(f"/proc/{self.keeper.pid}/root{name}")

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def play(
        self, role: str, tasks: str, options: Sequence[str], groups: Sequence[str] = (), **play: Any
    ) -> tuple[int, str]:
        """The number of changes, -1 if it failed, and all that was printed. groups: that the host is in."""
        include = {"ansible.builtin.include_role": {"name": f"kvmcloud.stack.{role}", "tasks_from": tasks}}
        whole = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [include], **play}
        playbook = self.folder / "play.yml"
        playbook.write_text(yaml.safe_dump([whole]), encoding="utf-8")
        inventory = self.folder / "hosts.yml"
        member = {"hosts": {"localhost": {}, **self.others}}
        inventory.write_text(yaml.safe_dump({"all": {**member, "children": dict.fromkeys(groups, member)}}))
        path = f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        enter = ["nsenter", "--mount", f"--target={self.keeper.pid}", f"--wd={CHECKOUT}"]
        done = subprocess.run(
            [*enter, "ansible-playbook", "-i", inventory, playbook, "-vvv", *options],
            env={**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.told.append(done.stdout)
        recap = re.search(r"changed=(\d+) .* failed=0", done.stdout)
        return (int(recap.group(1)) if recap and done.returncode == 0 else -1), done.stdout
