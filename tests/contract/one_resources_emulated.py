# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole modules run against an emulated front-end: the fixtures for it, and what holds of every declaration."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from emulator_replay import BY_TIER, Machine

MODULES = "ansible_collections.kvmcloud.stack.plugins.modules"
COMMANDS = (
    *("onecluster", "onedatastore", "onegroup", "onehook", "onehost", "onesecgroup", "onevm", "onevnet", "oneuser"),
)


class Ended(Exception):
    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        super().__init__(str(result))


@pytest.fixture(scope="module", params=BY_TIER)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An emulated front-end whose oned runs for all tests of a release; each test uses names of its own."""
    root = tmp_path_factory.mktemp(f"one-{request.param}")
    made = Machine(request.param, root / "root")
    made.prepare()
    made.install(root / "programs", COMMANDS)
    assert made.start(), "the emulated oned did not start"
    yield made
    made.stop()


@pytest.fixture
def run(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def ended(_module: AnsibleModule, **result: Any) -> None:
        raise Ended(result)

    monkeypatch.setattr(AnsibleModule, "exit_json", ended)
    monkeypatch.setattr(AnsibleModule, "fail_json", ended)
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{machine.root.parent / 'programs'}:{machine.root / 'bin'}:{os.environ['PATH']}")

    def of(module: str, /, **params: Any) -> dict[str, Any]:
        arguments = {**params, "_ansible_remote_tmp": str(tmp_path / "tmp")}
        loaded = importlib.import_module(f"{MODULES}.{module}")
        with patch_module_args(arguments), pytest.raises(Ended) as caught:
            loaded.main()
        return caught.value.result

    return of


def becomes(run: Any, module: str, **params: Any) -> list[str]:
    """Check mode tells of a change and makes none, the run makes it, and a second run has nothing to do."""
    planned = run(module, **params, _ansible_check_mode=True)
    assert planned.get("changed") is True, planned
    done = run(module, **params)
    assert done.get("changed") is True and "msg" not in done, done
    assert done["actions"] == planned["actions"]
    again = run(module, **params)
    assert again.get("changed") is False, again
    return [" ".join(action["command"][:2]) for action in done["actions"]]


def a_module(tmp_path: Path) -> AnsibleModule:
    """For calling a command as a person would, beside the modules."""
    with patch_module_args({"_ansible_remote_tmp": str(tmp_path / "tmp")}):
        return AnsibleModule({})
