# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of GlusterFS does around its plan: reads, sentences, and the result."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Iterable, Iterator

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import Gluster
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Definition, Pool, parse_definition
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_steps import GlusterSteps
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import (
    Status,
    Volume,
    parse_group,
    parse_status,
    parse_volumes,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError, Refused, RunnerError

STATE_FOLDER = "/var/lib/glusterd"

CALL_OPTIONS: dict[str, Any] = {
    "command_timeout": {"type": "int", "default": 180},
    "busy_timeout": {"type": "int", "default": 60},
}


class GlusterModule:
    def __init__(self, spec: dict[str, Any], **rules: Any) -> None:
        self.module = AnsibleModule(argument_spec={**spec, **CALL_OPTIONS}, supports_check_mode=True, **rules)
        self.params: dict[str, Any] = self.module.params
        self.check_mode: bool = self.module.check_mode
        self.cli = Gluster(self.module)
        self.steps = GlusterSteps(
            self.cli,
            peer_timeout=self.params.get("timeout") or 60,
            data_timeout=self.params.get("data_timeout") or 3600,
        )

    @property
    def bare(self) -> bool:
        """Check mode before the packages are there: everything is yet to come."""
        return self.check_mode and not self.cli.installed

    def pool(self) -> Pool:
        if self.bare:
            self.module.warn(
                "Check mode: gluster is not installed yet; this reports what a run on a new pool would do."
            )
            return Pool("")
        found = self.steps.pool()
        if found is None:
            self.steps.settled()  # a probe that another run began
            found = self.steps.pool()
        if found is None:
            raise RunnerError("glusterd does not say who its peers are: a probe does not end. Look for a frozen peer.")
        return found

    def volumes(self) -> list[Volume]:
        return [] if self.bare else parse_volumes(self.cli.tree("volume", "info"))

    def status(self) -> dict[str, Status]:
        return {} if self.bare else parse_status(self.cli.tree("volume", "status", "all"))

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Ends the module with the sentence of whatever went wrong."""
        try:
            yield
        except Refused as refused:
            self.module.fail_json(msg=str(refused), findings=refused.findings)
        except PlanError as error:
            done = [step.shown() for step in error.done]
            self.module.fail_json(msg=str(error), changed=bool(done), actions=done)
        except RunnerError as error:
            self.module.fail_json(msg=str(error))

    def finish(self, plan: Plan, **more: Any) -> None:
        for warning in plan.warnings:
            self.module.warn(warning)
        self.module.exit_json(**plan.result(), **more)


def definitions(folder: str = STATE_FOLDER) -> dict[str, Definition]:
    """The volumes as the disk of this host has them; glusterd compares these with those of its peers when it starts."""
    found = {}
    volumes = os.path.join(folder, "vols")
    for name in sorted(os.listdir(volumes)) if os.path.isdir(volumes) else []:
        texts = [_text(os.path.join(volumes, name, file)) for file in ("cksum", "info")]
        if any(texts):
            found[name] = parse_definition(*texts)
    return found


def option_groups(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Those that are there, of what 'volume set V group NAME' would read."""
    paths = {name: os.path.join(STATE_FOLDER, "groups", os.path.basename(name)) for name in names}
    return {name: parse_group(_text(path)) for name, path in paths.items() if os.path.isfile(path)}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
