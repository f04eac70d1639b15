# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of the tests' own, beside any other, and a look at this machine before and after it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = CHECKOUT / "tests/lab/lab"
NAME = "selftest"
COMMON = {
    "lab_name": NAME,
    "lab_opennebula": "emulated",
    "lab_networks": {"management": "10.213.201.0/24", "storage": "10.213.202.0/24", "guests": None},
}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.live)


class LabUnderTest:
    def __init__(self, directory: Path, name: str = NAME, prefix: str = "kvl", **environment: str) -> None:
        self.inventory = directory / "hosts.yml"
        self.name, self.prefix = name, prefix
        self.environment = {**os.environ, **environment}

    def write(self, hosts: dict, **common: object) -> None:
        variables = {**COMMON, "lab_name": self.name, **common}
        self.inventory.write_text(yaml.safe_dump({"all": {"vars": variables, "hosts": hosts}}))

    def __call__(self, command: str, *arguments: str, rc: int = 0) -> str:
        inventory = [] if command == "purge" else ["-i", self.inventory]
        argv = [LAB, command, *inventory, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, env=self.environment, check=False)
        assert done.returncode == rc, f"lab {command} {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def on(self, host: str, command: str, rc: int = 0) -> str:
        return self("ssh", host, command, rc=rc)

    def begin_up(self) -> subprocess.Popen:
        return subprocess.Popen([LAB, "up", "-i", self.inventory], env=self.environment, start_new_session=True)

    def state(self) -> dict:
        return json.loads((self._root() / "labs" / self.name / "lab.json").read_text())

    def remains(self) -> dict[str, list[str]]:
        """What of the lab is in the kernel and on disk."""
        mine, root = f"{self.prefix}-{self.name}", self._root()
        links = json.loads(subprocess.check_output(["ip", "-json", "link"]))
        loops = subprocess.check_output(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], text=True)
        argvs = [argv_of(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
        found = {
            "links": [link["ifname"] for link in links if link["ifname"].startswith(mine)],
            "namespaces": [path.name for path in Path("/run/netns").glob(f"{mine}*")],
            "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{mine}")],
            "loops": [file for file in loops.splitlines() if f"{root}/labs/{self.name}/" in file],
            "processes": [argv for argv in argvs if mine in argv or f"{root}/labs/{self.name}" in argv],
            "state": [str(path) for path in (root / "labs").glob(self.name)],
        }
        return {kind: names for kind, names in found.items() if names}

    def _root(self) -> Path:
        world = self.environment.get("KVMCLOUD_LAB_WORLD", "")
        return Path(f"/var/lib/kvmcloud-lab{world and '-'}{world}")


def argv_of(cmdline: Path) -> str:
    try:
        return cmdline.read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def users_world() -> dict[str, str]:
    """What the lab must not touch: firewall, and the podman of whoever calls it."""
    commands = {
        "containers": ["podman", "ps", "--all", "--quiet"],
        "images": ["podman", "images", "--quiet"],
        "networks": ["podman", "network", "ls", "--quiet"],
        "nftables": ["nft", "list", "ruleset"],
        "iptables": ["iptables-save"],
        "routes": ["ip", "route", "show", "default"],
        "forwarding": ["cat", "/proc/sys/net/ipv4/ip_forward"],
    }
    present = {name: argv for name, argv in commands.items() if shutil.which(argv[0])}
    return {
        name: subprocess.run(argv, capture_output=True, text=True, check=False).stdout for name, argv in present.items()
    }


@pytest.fixture
def fresh_lab(tmp_path):
    """Not up; taken down afterwards whatever happened."""
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    lab = LabUnderTest(tmp_path)
    yield lab
    lab("down")


def end_at_once(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
