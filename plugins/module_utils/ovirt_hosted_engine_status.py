# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosted-engine tells of itself, and what follows from it. No I/O."""

from __future__ import annotations

import ast
import json
from typing import Any, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step

BEST_SCORE = 3400
HALF_DEPLOYED = 2  # exit code of --vm-status when the local VM of a deployment that failed still lives


class HostStatus(NamedTuple):
    id: str
    name: str
    score: int
    vm: str  # up, down or unknown
    health: str  # good, bad or unknown
    detail: str
    maintenance: bool
    live: bool  # whether what is told of it is recent


class Status(NamedTuple):
    """broker: whether the daemon that knows the other hosts answered."""

    deployed: bool
    half_deployed: bool = False
    broker: bool = True
    global_maintenance: bool = False
    hosts: tuple[HostStatus, ...] = ()

    @property
    def vm_host(self) -> HostStatus | None:
        """The host on which the engine's VM is up; what is told of a host is of no use once it is old."""
        return next((host for host in self.hosts if host.vm == "up" and host.live), None)

    @property
    def healthy(self) -> bool:
        host = self.vm_host
        return host is not None and host.health == "good" and host.detail.lower() == "up"


def parse_status(deployed: bool, exit_code: int, output: str) -> Status:
    """From --check-deployed and --vm-status --json. Without its broker it prints a dict of Python, and ends with 1."""
    if exit_code == HALF_DEPLOYED:
        return Status(deployed, half_deployed=True, broker=False)
    if not deployed:
        return Status(False, broker=False)
    table, is_json = _table(output)
    hosts = [_host(number, one) for number, one in table.items() if isinstance(one, dict)]
    return Status(
        True,
        broker=is_json and exit_code == 0,
        global_maintenance=table.get("global_maintenance") is True,
        hosts=tuple(sorted(hosts, key=lambda host: host.id)),
    )


def _table(output: str) -> tuple[dict[str, Any], bool]:
    text = output.strip()
    try:
        found = json.loads(text)
        return (found, True) if isinstance(found, dict) else ({}, False)
    except ValueError:
        pass
    begin = text.find("{")
    try:
        found = ast.literal_eval(text[begin:]) if begin >= 0 else {}
    except (ValueError, SyntaxError):
        found = {}
    return (found if isinstance(found, dict) else {}), False


def _host(number: Any, told: Mapping[str, Any]) -> HostStatus:
    engine = told.get("engine-status") or {}
    if isinstance(engine, str):  # a text with JSON in it, as older releases have it
        try:
            engine = json.loads(engine)
        except ValueError:
            engine = {}
    engine = engine if isinstance(engine, dict) else {}
    return HostStatus(
        str(told.get("host-id", number)),
        str(told.get("hostname", "")),
        int(told.get("score") or 0),
        str(engine.get("vm", "unknown")).lower(),
        str(engine.get("health", "unknown")).lower(),
        str(engine.get("detail", "unknown")),
        bool(told.get("maintenance")),
        bool(told.get("live-data")),
    )


class Day2(NamedTuple):
    steps: list[Step]
    refusal: str = ""


def plan_day2(status: Status, own_id: str | None, maintenance: str | None, vm: str | None) -> Day2:
    """What is to be done so that maintenance and the engine's VM are as wanted, or why nothing is done."""
    if status.half_deployed:
        return Day2(
            [],
            "A deployment of the hosted engine failed half-way on this host: its local VM still lives. Clean up with "
            "ovirt-hosted-engine-cleanup, empty the storage, and deploy again.",
        )
    if not status.deployed:
        return Day2([], "The hosted engine is not deployed on this host. Run it on one that is part of it.")
    if not status.broker:
        return Day2(
            [],
            "The broker of the hosted engine does not answer on this host, so nobody knows what the other hosts do. "
            "Look at: systemctl status ovirt-ha-broker ovirt-ha-agent, and at whether the storage is mounted.",
        )
    steps: list[Step] = []
    own = next((host for host in status.hosts if host.id == own_id), None)
    if maintenance == "local" and own and not own.maintenance and status.vm_host == own:
        return Day2([], f"The engine's VM runs on {own.name}; migrate it to another host before its local maintenance.")
    if maintenance == "global" and not status.global_maintenance:
        steps.append(_mode("global"))
    if maintenance == "local" and not (own and own.maintenance):
        steps.append(_mode("local"))
    if maintenance == "none" and (status.global_maintenance or (own and own.maintenance)):
        steps.append(_mode("none"))
    if vm == "started" and status.vm_host is None:
        steps.append(Step("start the engine's VM", ("hosted-engine", "--vm-start")))
    return Day2(steps)


def _mode(mode: str) -> Step:
    words = {"none": "end the maintenance"}.get(mode, f"begin the {mode} maintenance")
    return Step(words, ("hosted-engine", "--set-maintenance", f"--mode={mode}"))


def reached(status: Status, own_id: str | None, maintenance: str | None, vm: str | None) -> bool:
    """Whether all is as wanted, the engine inside its VM included."""
    own = next((host for host in status.hosts if host.id == own_id), None)
    kept = {
        None: True,
        "global": status.global_maintenance,
        "local": bool(own and own.maintenance),
        "none": not status.global_maintenance and not (own and own.maintenance),
    }[maintenance]
    return kept and (vm is None or status.healthy)
