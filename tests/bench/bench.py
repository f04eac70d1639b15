#!/usr/bin/env python3
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What site.yml costs on lab hosts: first deployment and converged re-run of 1 front-end + N nodes.

Wall and CPU time depend on the machine and its load: they are also given in pinged tasks (one `ping` over all hosts of
the same lab, measured before, between and after the runs). Barriers and module executions depend on the playbooks
alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = CHECKOUT / "tests" / "lab" / "lab"
RESULTS = CHECKOUT / ".cache" / "bench"
# Medians, because other loads of a machine come and go.
PINGS, CONVERGED_RUNS = 20, 3

PEER_LACKS = ("opennebula_clusters", "opennebula_node_cluster", "opennebula_hooks")

# The floor model: seconds of controller CPU of a module run, a controller-only action and a skip; of a start; of one
# module run on the path of one host.
FLOOR_MODULE, FLOOR_ACTION, FLOOR_SKIP, FLOOR_START, FLOOR_PATH = 0.049, 0.017, 0.011, 0.6, 0.25


def inventory_of(nodes: int) -> Path:
    """The lab's inventory with N nodes and no storage hosts, as a lab of its own."""
    folder = RESULTS / f"inventory-{nodes}"
    (folder / "group_vars" / "all").mkdir(parents=True, exist_ok=True)
    lab = CHECKOUT / "inventories" / "lab" / "group_vars" / "all"
    (folder / "group_vars" / "all" / "lab.yml").write_text((lab / "lab.yml").read_text())
    cloud = features_of_the_peer(yaml.safe_load((lab / "cloud.yml").read_text()))
    own = {"lab_name": "bench", "lab_networks": {"management": "10.213.64.0/24"}}
    (folder / "group_vars" / "all" / "own.yml").write_text(yaml.safe_dump({**cloud, **own}))
    hosts = {
        "opennebula_frontends": {"hosts": {"front1": {"ansible_host": "10.213.64.11"}}},
        "opennebula_nodes": {
            "hosts": {f"node{n}": {"ansible_host": f"10.213.64.{100 + n}"} for n in range(1, nodes + 1)},
            "vars": {"lab_image": "bookworm-kvm"},
        },
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return folder


def features_of_the_peer(cloud: dict) -> dict:
    """Hosts, datastores and networks. It has no clusters, no hooks of the user and no automatic start of VMs."""
    kept = {name: value for name, value in cloud.items() if name not in PEER_LACKS}
    for kind in ("opennebula_datastores", "opennebula_virtual_networks"):
        kept[kind] = [{key: value for key, value in one.items() if key != "clusters"} for one in kept[kind]]
    return kept


def timed(argv: list[str], **environment: str) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds of the whole controller-side process tree, output."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        argv, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def ping_unit(inventory: Path) -> float:
    """Wall seconds of one pinged task over all hosts: a playbook of PINGS of them less one of none."""
    playbook = RESULTS / "ping.yml"

    def run(count: int) -> float:
        tasks = [{"ansible.builtin.ping": None} for _ in range(count)] or [{"ansible.builtin.meta": "noop"}]
        playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        return timed(["ansible-playbook", "-i", str(inventory), str(playbook)])[0]

    run(1)  # opens the connections
    return (run(PINGS) - run(0)) / PINGS


def site(inventory: Path, name: str) -> dict:
    counts = RESULTS / f"{name}.counts.json"
    wall, cpu, output = timed(
        ["ansible-playbook", "-i", str(inventory), "playbooks/site.yml"],
        ANSIBLE_CALLBACK_PLUGINS=str(CHECKOUT / "tests/bench/callback_plugins"),
        ANSIBLE_CALLBACKS_ENABLED="count_runs,ansible.posix.profile_tasks,ansible.posix.profile_roles",
        KVMCLOUD_COUNT_FILE=str(counts),
    )
    (RESULTS / f"{name}.log").write_text(output)
    slowest = re.findall(r"^(\S.*?) -+ +([0-9.]+)s$", output, re.M)[:10]
    return {"wall": wall, "controller_cpu": cpu, "slowest": slowest, **json.loads(counts.read_text())}


def floor(run: dict) -> float:
    """What this run has to cost at least: the controller's CPU on its cores, or the longest path of one host."""
    modules = [host["total"] for host in run["modules"].values()]
    skipped = run["evaluations"] - run["controller_only"] - sum(modules)
    cpu = sum(modules) * FLOOR_MODULE + run["controller_only"] * FLOOR_ACTION + max(skipped, 0) * FLOOR_SKIP
    return FLOOR_START + max(cpu / (os.cpu_count() or 1), max(modules) * FLOOR_PATH)


def measure(nodes: int) -> dict:
    inventory = inventory_of(nodes)
    timed([str(LAB), "down", "-i", str(inventory)])
    up, _, _ = timed([str(LAB), "up", "-i", str(inventory)])
    try:
        units = [ping_unit(inventory)]
        first = site(inventory, f"first-{nodes}")
        units.append(ping_unit(inventory))
        converged = [site(inventory, f"converged-{nodes}") for _ in range(CONVERGED_RUNS)]
        units.append(ping_unit(inventory))
    finally:
        timed([str(LAB), "down", "-i", str(inventory)])
    middle = sorted(converged, key=lambda run: run["wall"])[CONVERGED_RUNS // 2]
    return {"nodes": nodes, "lab_up": up, "pinged_task": statistics.median(units), "first": first, "converged": middle}


def row(result: dict, name: str) -> str:
    run = result[name]
    front, nodes = run["modules"]["front1"]["total"], [h["total"] for n, h in run["modules"].items() if n != "front1"]
    return (
        f"{result['nodes']:>5}  {name:<10} {run['wall']:>7.1f} {run['controller_cpu']:>7.1f} "
        f"{run['wall'] / result['pinged_task']:>7.0f} {floor(run):>7.1f} {run['barriers']:>8} "
        f"{run['barriers_skipped_everywhere']:>7} {front:>9} {max(nodes):>8} {sum(run['changed'].values()):>8}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("nodes", nargs="*", type=int, default=[2, 8, 24], help="numbers of nodes (2 8 24)")
    wanted = arguments.parse_args().nodes
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = []
    for nodes in wanted:
        results.append(measure(nodes))
        (RESULTS / "bench.json").write_text(json.dumps(results, indent=1))
    print("nodes  run         wall s   cpu s   pings floor s barriers skipped front-end max node  changed")
    for result in results:
        print(row(result, "first"), row(result, "converged"), sep="\n")
    for result in results:
        print("lab up of 1+{nodes} hosts: {lab_up:.1f} s; one pinged task: {pinged_task:.3f} s".format(**result))
    print(f"slowest, converged, {results[-1]['nodes']} nodes:")
    for name, seconds in results[-1]["converged"]["slowest"]:
        print(f"  {seconds:>7} s  {name}")
    print(f"figures: {RESULTS / 'bench.json'}")


if __name__ == "__main__":
    main()
