#!/usr/bin/env python3
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What links of hosts cost: module executions, `netplan apply`s, and seconds from a change to its confirmation.

    tests/bench/host_links.py [--json]

The playbook `network` changes one lab host step by step, each step twice: the second run finds nothing to do. Counts
depend on the playbook alone. Seconds are those of the host's own clock, from the start of the trial until the
controller confirmed it over a new connection; the run as a whole is given beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = CHECKOUT / "tests" / "lab" / "lab"
RESULTS = CHECKOUT / ".cache" / "bench"
NAME, SUBNET, ADDRESS = "links", "10.213.66.0/24", "10.213.66.11"
MOST_MODULES, MOST_SECONDS = 4, 15.0

GUESTS = {"name": "brg", "interfaces": ["eth1"]}
OWN = {"name": "br0", "interfaces": ["eth0"], "addresses": [f"{ADDRESS}/24"]}
# What is declared, step by step.
STEPS: dict[str, dict[str, Any]] = {
    "bridge on a second card": {"bridges": [GUESTS]},
    "own address onto a bridge": {"bridges": [GUESTS, OWN]},
    "an address more, a route": {
        "bridges": [
            GUESTS,
            {
                **OWN,
                "addresses": [*OWN["addresses"], "10.99.0.1/24"],
                "routes": [{"to": "10.98.0.0/16", "via": "10.99.0.2"}],
            },
        ]
    },
    "a bridge less": {"bridges": [OWN]},
}


class Cost(NamedTuple):
    modules: int
    changed: bool
    applies: int
    confirmed_after: float | None  # seconds, of a change
    wall: float


def inventory() -> Path:
    """A lab of its own: one host with a spare card."""
    folder = RESULTS / "inventory-links"
    (folder / "group_vars" / "all").mkdir(parents=True, exist_ok=True)
    lab = CHECKOUT / "inventories" / "lab" / "group_vars" / "all" / "lab.yml"
    (folder / "group_vars" / "all" / "lab.yml").write_text(lab.read_text())
    own = {"lab_name": NAME, "lab_networks": {"management": SUBNET, "guests": None}, "lab_opennebula": "none"}
    (folder / "group_vars" / "all" / "own.yml").write_text(yaml.safe_dump(own))
    nics = [{"name": "eth1", "network": "guests"}]
    hosts = {"all": {"hosts": {"host1": {"ansible_host": ADDRESS, "lab_nics": nics}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return folder


def done(argv: list[str], **environment: str) -> str:
    run = subprocess.run(
        argv, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if run.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{run.stdout[-4000:]}\n{run.stderr[-4000:]}")
    return run.stdout


def applies(folder: Path) -> int:
    """How often the host was told to apply, as its journal has it: the trials that systemd started."""
    journal = done([str(LAB), "ssh", "-i", str(folder), "host1", "journalctl --no-pager --output=cat"])
    return sum("Started" in line and "-apply.service" in line for line in journal.splitlines())


def cost(folder: Path, declared: dict[str, Any]) -> Cost:
    before, counts, began = applies(folder), RESULTS / "links.counts.json", time.monotonic()
    variables = {f"host_network_{kind}": links for kind, links in declared.items()}
    output = done(
        ["ansible-playbook", "-i", str(folder), "playbooks/network.yml", "-e", json.dumps(variables)],
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
        ANSIBLE_CALLBACK_PLUGINS=str(CHECKOUT / "tests/bench/callback_plugins"),
        ANSIBLE_CALLBACKS_ENABLED="count_runs",
        KVMCLOUD_COUNT_FILE=str(counts),
    )
    wall, counted = time.monotonic() - began, json.loads(counts.read_text())
    (after,) = confirmations(output) or [None]
    return Cost(
        counted["modules"]["host1"]["total"],
        counted["changed"]["host1"] > 0,
        applies(folder) - before,
        after,
        round(wall, 1),
    )


def confirmations(output: str) -> list[float]:
    plays = json.loads(output[output.index("{") : output.rindex("}") + 1])["plays"]
    results = [result for play in plays for task in play["tasks"] for result in task["hosts"].values()]
    return [result["confirmed_after"] for result in results if "confirmed_after" in result]


def measure() -> list[dict[str, Any]]:
    folder = inventory()
    done([str(LAB), "down", "-i", str(folder)])
    done([str(LAB), "up", "-i", str(folder)])
    try:
        cost(folder, {})  # the host's name and its names of others
        return [
            {"step": step, "change": cost(folder, links)._asdict(), "converged": cost(folder, links)._asdict()}
            for step, links in STEPS.items()
        ]
    finally:
        done([str(LAB), "down", "-i", str(folder)])


def over(results: list[dict[str, Any]]) -> list[str]:
    """Every figure that is over its limit, as a sentence."""
    found = []
    for result in results:
        for run, most in (("change", 1), ("converged", 0)):
            one, where = result[run], f"{result['step']}, {run}"
            if one["modules"] > MOST_MODULES:
                found.append(f"{where}: {one['modules']} module executions, limit {MOST_MODULES}")
            if one["applies"] != most or one["changed"] != bool(most):
                found.append(f"{where}: {one['applies']} applies, changed: {one['changed']}; expected {most}")
        after = result["change"]["confirmed_after"]
        if after is None or after > MOST_SECONDS:
            found.append(f"{result['step']}: confirmed after {after} s, limit {MOST_SECONDS} s")
    return found


def show(results: list[dict[str, Any]]) -> None:
    print("links                      run        modules applies  confirmed s  wall s")
    for result in results:
        for run in ("change", "converged"):
            one = result[run]
            after = "-" if one["confirmed_after"] is None else f"{one['confirmed_after']:.1f}"
            counts = f"{one['modules']:>7} {one['applies']:>7}"
            print(f"{result['step']:<26} {run:<10} {counts} {after:>12} {one['wall']:>7.1f}")
    print(f"figures: {RESULTS / 'host_links.json'}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of links of hosts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = measure()
    (RESULTS / "host_links.json").write_text(json.dumps(results, indent=1))
    if arguments.json:
        print(json.dumps(results))
    else:
        show(results)
    sys.exit("\n".join(over(results)) or None)


if __name__ == "__main__":
    main()
