#!/usr/bin/env python3
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pool of GlusterFS costs on lab hosts: four bare hosts to a mounted volume, and eight volumes that are there.

The first is the playbook as users run it. Of the second, the run of the whole playbook is told, and how much of it the
modules for bricks, peers and volumes take. How often modules run is held against tests/bench/budget.yml; seconds depend
on the machine and its load, and are told beside what they should be.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from pathlib import Path

import yaml
from bench import CHECKOUT, CONVERGED_RUNS, LAB, RESULTS, ping_unit, timed
from budget import exceeded

BARE_SECONDS, CONVERGED_SECONDS = 60, 5
SERVERS, CLIENTS = [f"gs{n}" for n in range(1, 5)], ["client1"]
FORMS = (
    {"replica": 3, "hosts": ["gs1", "gs2", "gs3"]},
    {"replica": 3, "arbiter": 1, "hosts": ["gs2", "gs3", "gs4"]},
    {"replica": 2, "accept_split_brain_risk": True},
    {"disperse": 3, "redundancy": 1, "hosts": ["gs1", "gs2", "gs3"]},
)


def inventory() -> Path:
    folder = RESULTS / "inventory-gluster"
    (folder / "group_vars" / "all").mkdir(parents=True, exist_ok=True)
    lab = CHECKOUT / "inventories" / "lab" / "group_vars" / "all" / "lab.yml"
    (folder / "group_vars" / "all" / "lab.yml").write_text(lab.read_text())
    own = {"lab_name": "benchglu", "lab_opennebula": "none", "lab_networks": {"management": "10.213.127.0/24"}}
    (folder / "group_vars" / "all" / "own.yml").write_text(yaml.safe_dump(own))
    disks = ["brick1", "brick2"]
    servers = {
        "hosts": {name: {"ansible_host": f"10.213.127.{11 + at}"} for at, name in enumerate(SERVERS)},
        "vars": {
            "lab_disks": [{"name": disk, "size": "1G"} for disk in disks],
            "gluster_bricks": [{"name": disk, "device": f"/dev/disk/by-id/virtio-{disk}"} for disk in disks],
        },
    }
    clients = {"hosts": {"client1": {"ansible_host": "10.213.127.21"}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"gluster_servers": servers, "clients": clients}))
    return folder


def declare(folder: Path, volumes: list[dict]) -> None:
    mounts = [{"volume": "pairs", "path": "/srv/pairs"}]
    (folder / "group_vars" / "gluster_servers.yml").write_text(yaml.safe_dump({"gluster_volumes": volumes}))
    (folder / "group_vars" / "clients.yml").write_text(yaml.safe_dump({"gluster_client_mounts": mounts}))


def run(folder: Path, name: str) -> dict:
    counts = RESULTS / f"gluster-{name}.counts.json"
    wall, cpu, output = timed(
        ["ansible-playbook", "-i", str(folder), "playbooks/gluster.yml"],
        ANSIBLE_CALLBACK_PLUGINS=str(CHECKOUT / "tests/bench/callback_plugins"),
        ANSIBLE_CALLBACKS_ENABLED="count_runs,ansible.posix.profile_tasks",
        KVMCLOUD_COUNT_FILE=str(counts),
    )
    (RESULTS / f"gluster-{name}.log").write_text(output)
    tasks = dict(re.findall(r"^(\S.*?) -+ +([0-9.]+)s$", output, re.M))
    own = ("Disks are ready", "All servers are one pool", "The first server has its name", "Volumes of the pool")
    inner = sum(float(seconds) for task, seconds in tasks.items() if any(one in task for one in own))
    return {"wall": wall, "controller_cpu": cpu, "modules_wall": inner, **json.loads(counts.read_text())}


def main() -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    folder = inventory()
    pairs = {"name": "pairs", "replica": 2, "accept_split_brain_risk": True, "disks": ["brick1"]}
    declare(folder, [pairs])
    timed([str(LAB), "down", "-i", str(folder)])
    timed([str(LAB), "up", "-i", str(folder)])
    try:
        unit = ping_unit(folder)
        bare = run(folder, "bare")
        more = [{"name": f"v{n}", "disks": ["brick2"], **FORMS[n % len(FORMS)]} for n in range(7)]
        declare(folder, [pairs, *more])
        run(folder, "eight")
        time.sleep(5)
        converged = sorted((run(folder, "converged") for _ in range(CONVERGED_RUNS)), key=lambda one: one["wall"])
        unit = statistics.mean((unit, ping_unit(folder)))
    finally:
        timed([str(LAB), "down", "-i", str(folder)])
    middle = converged[CONVERGED_RUNS // 2]
    (RESULTS / "gluster.json").write_text(
        json.dumps({"pinged_task": unit, "bare": bare, "converged": middle}, indent=1)
    )
    print(f"one pinged task: {unit:.3f} s")
    print(row("four bare hosts to a mounted 2 x 2 volume", bare, unit, BARE_SECONDS, bare["wall"]))
    print(row("converged, 8 volumes", middle, unit, CONVERGED_SECONDS, middle["modules_wall"]))
    print(f"  {middle['barriers']} barriers, {sum(middle['changed'].values())} changed")
    for host, modules in sorted(middle["modules"].items()):
        print(f"  {host}: {modules}")
    groups = {"gluster_servers": SERVERS, "gluster_clients": CLIENTS}
    over = exceeded(middle, "gluster_pool", groups)
    over += [f"{host} is changed by a converged run" for host, changed in middle["changed"].items() if changed]
    sys.exit("\n".join(over))


def row(name: str, run: dict, unit: float, wanted: float, seconds: float) -> str:
    return (
        f"{name}: {run['wall']:.1f} s ({run['wall'] / unit:.0f} pinged tasks), of which bricks, peers and volumes "
        f"{run['modules_wall']:.1f} s; wanted {wanted} s: {'kept' if seconds <= wanted else 'NOT KEPT'}"
    )


if __name__ == "__main__":
    main()
