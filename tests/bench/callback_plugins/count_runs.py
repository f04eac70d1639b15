# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what a run costs: task barriers, and module executions per host and role.

Those of this collection are counted by name, too. These figures depend on the playbooks alone, not on the machine, so
a budget can be held against them.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: count_runs
    type: aggregate
    short_description: Count task barriers and module executions
    description:
      - Prints, at the end of a play run, how many task barriers it had and how many modules ran on each host.
    options:
      file:
        description: Where the figures are written as JSON; nothing is written when it is empty.
        default: ""
        env: [{name: KVMCLOUD_COUNT_FILE}]
"""

# What never leaves the controller.
ON_CONTROLLER = {
    "add_host", "assert", "debug", "fail", "group_by", "include_role", "include_tasks", "include_vars",
    "import_role", "import_tasks", "meta", "pause", "set_fact", "set_stats", "validate_argument_spec",
}  # fmt: skip
# Of what is counted by name.
OWN = "kvmcloud.stack."
# Action plugins that send a stat before their module.
TWO_MODULES = {"copy", "template", "assemble"}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "count_runs"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.tasks = {}  # uuid -> [outcomes]
        self.modules = defaultdict(Counter)  # host -> role -> module executions
        self.actions = defaultdict(Counter)  # module of this collection -> host -> executions
        self.evaluations = 0
        self.controller_only = 0

    def _barrier(self, task, *_args, **_kwargs) -> None:
        self.tasks.setdefault(task._uuid, [])

    v2_playbook_on_task_start = _barrier
    v2_playbook_on_handler_task_start = _barrier

    def _ran(self, result) -> None:
        """One module execution, or the item of a loop."""
        action = result.task.action.rpartition(".")[2]
        if action in ON_CONTROLLER:
            return
        role = result.task._role.get_name() if result.task._role else "(play)"
        self.modules[result.host.get_name()][role.rpartition(".")[2]] += 2 if action in TWO_MODULES else 1
        if result.task.action.startswith(OWN):
            self.actions[action][result.host.get_name()] += 1

    def _done(self, result, outcome: str) -> None:
        self.evaluations += 1
        self.tasks.setdefault(result.task._uuid, []).append(outcome)
        if outcome == "skipped":
            return
        if result.task.action.rpartition(".")[2] in ON_CONTROLLER:
            self.controller_only += 1
        if not result.task.loop:
            self._ran(result)

    def v2_runner_on_ok(self, result) -> None:
        self._done(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        self._done(result, "failed")

    def v2_runner_on_unreachable(self, result) -> None:
        self._done(result, "unreachable")

    def v2_runner_on_skipped(self, result) -> None:
        self._done(result, "skipped")

    def v2_runner_item_on_ok(self, result) -> None:
        self._ran(result)

    def v2_runner_item_on_failed(self, result) -> None:
        self._ran(result)

    def v2_playbook_on_stats(self, stats) -> None:
        figures = {
            "barriers": len(self.tasks),
            "barriers_skipped_everywhere": sum(1 for seen in self.tasks.values() if seen and set(seen) == {"skipped"}),
            "evaluations": self.evaluations,
            "controller_only": self.controller_only,
            "modules": {host: {"total": sum(roles.values()), **roles} for host, roles in sorted(self.modules.items())},
            "actions": {action: dict(sorted(hosts.items())) for action, hosts in sorted(self.actions.items())},
            "changed": {host: stats.summarize(host)["changed"] for host in sorted(stats.processed)},
            "failed": {
                host: stats.summarize(host)["failures"] + stats.summarize(host)["unreachable"]
                for host in sorted(stats.processed)
            },
        }
        self._display.display(
            "COUNTED: {barriers} task barriers ({barriers_skipped_everywhere} skipped on every host); ".format(
                **figures
            )
            + "module executions: "
            + (", ".join(f"{host} {roles['total']}" for host, roles in figures["modules"].items()) or "none")
        )
        path = self.get_option("file") or os.environ.get("KVMCLOUD_COUNT_FILE")
        if path:
            with open(path, "w", encoding="utf-8") as stream:
                json.dump(figures, stream, indent=1)
