# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of all hosts of the play as one report: on the terminal, and in files on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_report import (
    FORMS,
    Window,
    counts,
    rows_of,
    summary,
)

OPTIONS = {
    "register": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "name": {"type": "str", "default": "report"},
    "started": {"type": "float"},
    "finished": {"type": "float"},
    "clock_skew": {"type": "float", "default": 2.0},
}


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp  # no longer has any effect
        known = task_vars or {}
        _checked, given = self.validate_argument_spec(OPTIONS, required_together=[("started", "finished")])
        hostvars, register = known["hostvars"], given["register"]
        window = None if given["started"] is None else Window(given["started"], given["finished"], given["clock_skew"])
        found = {
            host: hostvars[host][register] for host in known["ansible_play_hosts_all"] if register in hostvars[host]
        }
        if not found:
            raise AnsibleActionFail(f"No host of the play has the variable {register}: nothing was checked.")
        rows = rows_of(found, window)
        directory = Path(given["directory"])
        if not self._task.check_mode:
            try:
                directory.mkdir(parents=True, exist_ok=True)
                for suffix, form in FORMS.items():
                    (directory / f"{given['name']}.{suffix}").write_text(form(rows), encoding="utf-8")
            except OSError as error:
                raise AnsibleActionFail(f"The report cannot be written: {error}.") from error
        number = counts(rows)
        return {
            **result,
            "_ansible_verbose_always": True,  # the table is what people wait for
            "changed": False,
            "failed": number["failed"] > 0,
            "counts": number,
            "report": FORMS["txt"](rows).splitlines(),
            "msg": f"{number['failed']} of {number['total']} checks failed; see above and {directory}."
            if number["failed"]
            else summary(rows),
        }
