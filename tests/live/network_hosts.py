# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts whose links are changed over real SSH: runs of the role, and what the hosts are like before and after."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import cloud

LINKS_ALONE = "../tests/live/host_network_only"
TRIAL = "/run/kvmcloud-netplan"
KINDS = ("ethernets", "bonds", "vlans", "bridges")
# Seconds after which an unconfirmed change is taken back: long enough for a container on a busy machine.
SOON = 25
# What a host saw of a network that it took back is not seen by anybody else.
EVIDENCE = f"cat {TRIAL}.last/{{applied,looked,found}}; journalctl --unit=systemd-networkd --unit=NetworkManager -n 60"
FILES = """
cd /etc
grep -r . netplan systemd/network modules-load.d sysctl.d NetworkManager/system-connections 2> /dev/null
stat -c '%n %a %i' netplan/* NetworkManager/system-connections/* 2> /dev/null
true
"""


def variables(declared: dict, more: dict) -> str:
    """As extra variables, what is declared by host; what the inventory declares counts no more."""
    found = {f"host_network_{kind}": f"{{{{ declared[inventory_hostname].{kind} | default([]) }}}}" for kind in KINDS}
    return json.dumps({"declared": declared, **found, **more})


@dataclass(frozen=True)
class NetworkHosts:
    inventory: str
    lab: str

    def on(self, host: str, command: str, check: bool = True) -> str:
        done = subprocess.run([*self._ssh, host, command], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def ssh_config(self) -> str:
        return f"/var/lib/kvmcloud-lab/labs/{self.lab}/ssh/config"

    @property
    def _ssh(self) -> list[str]:
        return ["ssh", "-F", self.ssh_config, "-o", "ConnectTimeout=60", "-o", "ServerAliveInterval=10"]

    def wait_for(self, host: str, command: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while subprocess.run([*self._ssh, host, command], capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, f"on {host} it did not come to: {command}"
            time.sleep(0.3)

    def power_loss(self, host: str) -> None:
        cloud.lab("kill", "-i", self.inventory, host)
        cloud.lab("start", "-i", self.inventory, host)
        self.wait_for(host, "true")

    # -- runs --------------------------------------------------------------------------------------------------------

    def declared_by_inventory(self, *hosts: str, playbook: str = "network") -> cloud.Run:
        return cloud.playbook(playbook, "--limit", ",".join(hosts), "--diff", inventory=self.inventory)

    def links(self, declared: dict, *arguments: str, playbook: str = LINKS_ALONE, **more) -> cloud.Run:
        """What is declared here, by host, in place of what the inventory declares."""
        arguments = ("--limit", ",".join(declared), "--diff", "-e", variables(declared, more), *arguments)
        return cloud.playbook(playbook, *arguments, inventory=self.inventory)

    def converge(self, declared: dict, **more) -> cloud.Run:
        """Twice: the second run changes nothing and costs little."""
        run = self.links(declared, **more)
        assert run.rc == 0, run.output + "\n".join(self.on(host, EVIDENCE, check=False) for host in declared)
        again = self.links(declared, **more)
        assert again.rc == 0 and again.changed == 0, again.output
        assert all(one["host_network"] <= 4 for one in again.counts["modules"].values()), again.counts
        return run

    def begun(self, declared: dict, seconds: int) -> subprocess.Popen:
        """A run that goes on beside the test."""
        return subprocess.Popen(
            ["ansible-playbook", "-i", self.inventory, f"playbooks/{LINKS_ALONE}.yml", "--limit", ",".join(declared)]
            + ["-e", variables(declared, {"host_network_confirm_timeout": seconds})],
            cwd=cloud.CHECKOUT,
            env=cloud.environment("/dev/null"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    # -- what a host is like -----------------------------------------------------------------------------------------

    def state(self, host: str) -> dict:
        """Files with their texts, and links with masters and addresses, as they must be after a rollback."""
        found = json.loads(self.on(host, "ip -json -details address show"))
        kept = {
            link["ifname"]: {
                "up": "UP" in link["flags"],
                "master": link.get("master"),
                "mtu": link["mtu"],
                "addresses": sorted(one["local"] for one in link["addr_info"] if one["scope"] == "global"),
            }
            for link in found
        }
        return {
            "files": self.on(host, FILES),
            "links": kept,
            "routes": self.on(host, "ip route show | sort"),
            "run": self.on(host, "find /run/netplan -type f", check=False),
        }

    def addresses(self, host: str, link: str) -> list[str]:
        found = json.loads(self.on(host, f"ip -json address show dev {link}"))[0]["addr_info"]
        return [f"{one['local']}/{one['prefixlen']}" for one in found if one["scope"] == "global"]

    def ports(self, host: str, bridge: str) -> set[str]:
        return {one["ifname"] for one in json.loads(self.on(host, f"ip -json link show master {bridge}"))}


def output_of(run: subprocess.Popen) -> str:
    text, _none = run.communicate(timeout=600)
    return " ".join(text.split())


def said_of(host: str, run: cloud.Run) -> str:
    """Why the run failed on this host, on one line."""
    parts = run.output.split("PLAY RECAP")[0].split("[ERROR]: ")
    about = [part for part in parts[1:] if f"fatal: [{host}]" in part]
    assert about, run.output
    return " ".join(about[0].split())


def signalled(pid: int, number: signal.Signals) -> None:
    """A process and all below it: the workers of Ansible are sessions of their own."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(pid, number)
    for child in below:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            signalled(int(child), number)
