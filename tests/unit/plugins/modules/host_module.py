# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module's main() in this process and returns what it printed as its result."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args


class ModuleFailed(Exception):
    """fail_json was called; the text is its msg."""


def run_module(
    capsys: pytest.CaptureFixture[str], module: ModuleType, check: bool = False, **params: Any
) -> dict[str, Any]:
    capsys.readouterr()
    arguments = {**params, "_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    if result.get("failed"):
        raise ModuleFailed(result["msg"])
    return result
