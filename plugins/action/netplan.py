# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of a change of a host's network: to come back over a new connection and say that it works."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

RETURN_SECONDS = 120  # for the rollback to end, or the host to boot, after the time of the trial is over
PAUSE_SECONDS = 0.5


class ActionModule(ActionBase):
    subject = "netplan"
    cut_off = "The host does not answer since a new network was tried on it."
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp  # no longer has any effect
        own = sorted({"phase", "trial"} & set(self._task.args))
        if own:
            return {
                **result,
                "failed": True,
                "msg": f"{' and '.join(own)} of {self.subject} are its own; leave them out.",
            }
        result.update(self._execute_module(task_vars=task_vars))
        package = result.pop("install", None)
        if package is not None:
            installed = self._installed(package, task_vars)
            if installed.get("failed"):
                return {**result, **installed}
            result.update(self._execute_module(task_vars=task_vars), changed=True)
        trial = result.pop("trial", None)
        if trial is None or result.get("failed"):
            return result
        answer = self._confirmed(trial, task_vars)
        if answer.get("failed"):
            undone = {} if answer.get("changed") else {"changed": False, "diff": []}
            return {**result, **answer, **undone}
        result.update({name: answer[name] for name in ("backups", "confirmed_after") if name in answer})
        return result

    def _installed(self, package: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        name, arguments = package["module"], package["arguments"]
        answer: dict[str, Any] = self._execute_module(module_name=name, module_args=arguments, task_vars=task_vars)
        if answer.get("failed"):
            said = answer.get("msg") or answer
            return {"failed": True, "msg": f"netplan is missing and cannot be installed: {said}. {package['source']}"}
        return answer

    def _confirmed(self, trial: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """The answer of the host to the confirmation, or why there is none."""
        deadline = time.monotonic() + trial["start_seconds"] + trial["seconds"] + RETURN_SECONDS
        self._give_up_early(trial["seconds"])
        time.sleep(trial["start_seconds"])
        phase, reason = "look", "it was not asked yet"
        while time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
            answer = self._ask(phase, trial, task_vars)
            state = answer.pop("state", None)
            if state in ("confirmed", "ended"):
                self._reset()  # what follows shall not inherit our impatience
                return answer
            # Only a connection that is made after all was seen to be there went through the new network for sure.
            phase = "confirm" if state == "settled" else "look"
            reason = str(answer.get("msg") or state or answer)
            display.vv(f"{self.subject}: {phase} next, after: {reason}", host=self._task_host())
        return {
            "failed": True,
            "unreachable": True,
            "msg": f"{self.cut_off} It was to take that back by itself "
            f"after {trial['seconds']} s; look at its console. Last heard: {reason}",
        }

    def _ask(self, phase: str, trial: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = {**self._task.args, "phase": phase, "trial": {name: trial[name] for name in ("id", "boot")}}
        try:
            self._reset()
            answer: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
        except AnsibleError as error:
            return {"msg": str(error)}
        return answer

    def _reset(self) -> None:
        self._connection.reset()

    def _give_up_early(self, seconds: int) -> None:
        """A connection that is cut shall end before the host takes back what cut it, and leave time for another."""
        if self._connection.transport in ("ssh", "ansible.builtin.ssh"):
            given = self._connection.get_option("ssh_extra_args") or ""
            keepalive = f"-o ServerAliveInterval={max(1, seconds // 12)} -o ServerAliveCountMax=2"
            self._connection.set_option("ssh_extra_args", f"{given} {keepalive}".strip())

    def _task_host(self) -> str:
        return str(self._play_context.remote_addr)
