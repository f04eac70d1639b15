# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from namespaces import Namespace, lacking  # noqa: E402  (found through the line above)

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_archive import archive  # noqa: E402


def pytest_collection_modifyitems(items):
    why = lacking()
    for item in items:
        if why and Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def program_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "kvmcloud-isolation"
    path.write_bytes(archive())
    path.chmod(0o755)
    return path


class SmallNode:
    """A bridge with an uplink in a namespace of its own, and the program with files of its own."""

    def __init__(self, program, root):
        self.program, self.root = program, root
        self.space = Namespace("node")
        self.space.links(
            "link add onebr0 type bridge", "link add eth0 type veth peer name out0", "link set eth0 master onebr0"
        )

    def declared(self, **changed):
        bridge = {"name": "onebr0", "uplinks": ["eth0"], "guest_networks": ["10.0.3.0/24"], "gateways": ["10.0.3.1"]}
        usual = {"bridges": [bridge], "protected_networks": ["10.0.2.0/24"]}
        path = self.root / f"declared-{len(list(self.root.iterdir()))}.json"
        path.write_text(json.dumps({**usual, **changed}))
        return ("--declaration", str(path))

    def ask(self, *arguments):
        return self.space.ask(str(self.program), "--root", str(self.root), *arguments)

    def do(self, *arguments):
        done = self.ask(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *arguments):
        command = ["nsenter", f"--net=/proc/{self.space.pid}/ns/net", str(self.program), "--root", str(self.root)]
        return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)

    @property
    def protected(self):
        """The elements that the kernel has."""
        told = self.space.ask("nft", "list", "set", "bridge", "kvmcloud", "protected4").stdout
        return told.partition("elements = { ")[2].partition(" }")[0]

    @property
    def rules(self):
        return self.space.do("nft", "list", "ruleset")


@pytest.fixture
def node(program_file, tmp_path):
    made = SmallNode(program_file, tmp_path)
    yield made
    made.space.close()
