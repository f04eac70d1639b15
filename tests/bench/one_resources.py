#!/usr/bin/env python3
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to register many resources and to check them again: commands per module call, and seconds.

    tests/bench/one_resources.py [--release 7.4.0] [--json]

Runs the modules as Ansible does, a process each, against the emulated OpenNebula in a temporary directory. The number
of commands depends on the modules alone and is what counts: the first read, one per change, nothing else. Seconds
are those of the modules and of this machine; a real command needs 0.2 to 0.3 s where an emulated one needs 0.05.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "contract"))

from emulator_replay import Machine  # noqa: E402  (found through the line above)

RESULTS = CHECKOUT / ".cache" / "bench"
MODULE = "ansible_collections.kvmcloud.stack.plugins.modules"
CONVERGED_SECONDS = 3.0


class Kind(NamedTuple):
    module: str
    plural: str
    count: int  # as in a cloud of some size

    def declared(self, count: int) -> list[dict[str, Any]]:
        return [{"name": f"bench-{number}", **self.entry(number)} for number in range(count)]

    def entry(self, number: int) -> dict[str, Any]:
        if self.module == "onehost":
            return {"template": {}}
        if self.module == "onedatastore":
            return {"template": {"TYPE": "IMAGE_DS", "DS_MAD": "fs", "TM_MAD": "ssh", "NOTE": f"note {number}"}}
        address = {"TYPE": "IP4", "IP": f"10.{number // 250}.{number % 250}.10", "SIZE": 200}
        return {
            "template": {"VN_MAD": "802.1Q", "PHYDEV": "eth1", "VLAN_ID": number + 2, "DNS": "192.0.2.53"},
            "address_ranges": [address],
        }


KINDS = (Kind("onehost", "hosts", 100), Kind("onedatastore", "datastores", 50), Kind("onevnet", "vnets", 200))


class Cost(NamedTuple):
    changes: int
    reads: int
    writes: int
    seconds: float


class Front:
    """An emulated front-end whose commands keep a record of their calls."""

    def __init__(self, release: str, folder: Path) -> None:
        self.machine = Machine(release, folder / "root")
        self.machine.prepare()
        self.log = folder / "calls"
        self.machine.install(folder / "programs", ("onecluster", *(kind.module for kind in KINDS)), self.log)
        if not self.machine.start():
            sys.exit("the emulated oned did not start")
        path = f"{folder / 'programs'}:{self.machine.root / 'bin'}:{os.environ['PATH']}"
        python = f"{CHECKOUT / '.cache' / 'collections'}"
        self.environment = {**os.environ, **self.machine.environment(), "PATH": path, "PYTHONPATH": python}

    def call(self, kind: Kind, declared: list[dict[str, Any]]) -> Cost:
        """One run of the module. Nothing is waited for: how long oned takes is not the module's cost."""
        self.log.write_text("")
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {kind.plural: declared, "wait": False}})
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", f"{MODULE}.{kind.module}"],
            input=arguments,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - begin
        try:
            result = json.loads(done.stdout)
        except ValueError:
            sys.exit(f"{kind.module} gave no result: {done.stdout[-1000:]} {done.stderr[-1000:]}")
        if result.get("failed"):
            sys.exit(f"{kind.module}: {result['msg'][:1000]}")
        calls = [line.split() for line in self.log.read_text().splitlines()]
        reads = sum(words[1] in ("list", "show") for words in calls)
        return Cost(len(result["actions"]), reads, len(calls) - reads, seconds)


def measure(release: str, share: float = 1.0) -> list[dict[str, Any]]:
    """The costs of each kind, of this share of its number: made, checked again, and after one change by hand."""
    with tempfile.TemporaryDirectory(prefix="one-resources-") as folder:
        front = Front(release, Path(folder))
        try:
            return [costs(front, kind, max(2, int(kind.count * share))) for kind in KINDS]
        finally:
            front.machine.stop()


def costs(front: Front, kind: Kind, count: int) -> dict[str, Any]:
    declared = kind.declared(count)
    found: dict[str, Any] = {"module": kind.module, "count": count}
    found["first"] = front.call(kind, declared)._asdict()
    found["converged"] = front.call(kind, declared)._asdict()
    different = {**declared[-1], "template": {**declared[-1]["template"], "NOTE": "by hand"}}
    found["one change"] = front.call(kind, [*declared[:-1], different])._asdict()
    return found


def wasted(results: list[dict[str, Any]]) -> list[str]:
    """Every call that ran other commands than one read of the pool and one for each change, as a sentence."""
    expected = {"first": lambda count: count, "converged": lambda _count: 0, "one change": lambda _count: 1}
    over = []
    for result in results:
        for run, changes in expected.items():
            cost, wanted = result[run], changes(result["count"])
            where = f"{result['module']}, {result['count']} declared, {run}"
            if cost["changes"] != wanted or cost["writes"] != wanted:
                over.append(f"{where}: {cost['writes']} commands for {cost['changes']} changes, expected {wanted}")
            if cost["reads"] != 1:
                over.append(f"{where}: {cost['reads']} reads, expected 1")
    return over


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of the modules for resources of OpenNebula")
    parser.add_argument("--release", default="7.4.0", help="of the emulated OpenNebula")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    results = measure(arguments.release)
    report = {"opennebula": f"{arguments.release} (emulated)", "results": results}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "one_resources.json").write_text(json.dumps(report, indent=1))
    if arguments.json:
        print(json.dumps(report))
    else:
        show(report)
    sys.exit("\n".join(wasted(results)) or None)


def show(report: dict[str, Any]) -> None:
    print(f"OpenNebula {report['opennebula']}")
    print("module       declared  run         reads  writes  seconds")
    for result in report["results"]:
        for run in ("first", "converged", "one change"):
            cost = result[run]
            over = "  over 3 s" if run == "converged" and cost["seconds"] > CONVERGED_SECONDS else ""
            print(
                f"{result['module']:<12} {result['count']:>8}  {run:<10} {cost['reads']:>6} {cost['writes']:>7} "
                f"{cost['seconds']:>8.2f}{over}"
            )
    print(f"figures: {RESULTS / 'one_resources.json'}")


if __name__ == "__main__":
    main()
