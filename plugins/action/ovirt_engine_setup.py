# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of a run of engine-setup: to wait for its end, and to show what it prints meanwhile."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()
FIRST_PAUSE = 0.25  # seconds


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp  # no longer has any effect
        own = sorted({"phase", "place"} & set(self._task.args))
        if own:
            return {
                **result,
                "failed": True,
                "msg": f"{' and '.join(own)} are ovirt_engine_setup's own; leave them out.",
            }
        result.update(self._execute_module(task_vars=task_vars))
        if not result.pop("started", False) or result.get("failed"):
            return result
        return {**result, **self._ended(task_vars)}

    def _ended(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        seconds = float(self._task.args.get("timeout", 3600))
        longest = float(self._task.args.get("poll", 5))
        pause = min(longest, FIRST_PAUSE)
        deadline = time.monotonic() + seconds
        place, reason = 0, "it runs"
        while time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(longest, 2 * pause)  # what ends at once is told at once
            try:
                seen: dict[str, Any] = self._execute_module(
                    module_args={**self._task.args, "phase": "look", "place": place}, task_vars=task_vars
                )
            except AnsibleConnectionFailure as error:  # it goes on without us
                reason = str(error)
                continue
            for line in seen.pop("lines", []):
                display.display(f"{self._play_context.remote_addr}: {line}")
            if seen.pop("state", None) != "running":
                return seen
            place = seen["place"]
        return {
            "failed": True,
            "msg": f"engine-setup did not end within {seconds:g} s, and is left running ({reason}). Run again to look "
            "after it; its log is in /var/log/ovirt-engine/setup.",
        }
