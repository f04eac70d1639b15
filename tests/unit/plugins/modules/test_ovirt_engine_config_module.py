# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of engine-config. engine-config and systemctl here are doubles that keep settings in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_config import parse_values
from ansible_collections.kvmcloud.stack.plugins.modules import ovirt_engine_config

DOUBLE = Path(__file__).resolve().parents[3] / "doubles/ovirt/engine-config"
SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >> {folder}/calls
[ ! -e {folder}/broken ] || {{ echo "Job failed" >&2; exit 1; }}
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: Any) -> Path:
    programs = {
        "engine-config": DOUBLE.read_text().replace("/var/lib/ovirt-double", str(tmp_path)),
        "systemctl": SYSTEMCTL.format(folder=tmp_path),
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ovirt_engine_config, "RESTART_DUE", str(tmp_path / "due/restart"))
    return tmp_path


def calls(engine: Path) -> list[str]:
    text = (engine / "calls").read_text().splitlines() if (engine / "calls").exists() else []
    return [line for line in text if " -g " not in line]


WANTED = [
    {"key": "UserDefinedVMProperties", "value": "macspoof=^(true|false)$", "version": "4.7"},
    {"key": "VdsRefreshRate", "value": "5"},
]


def test_set_and_restarted_once(capsys: Any, engine: Path) -> None:
    planned = run_module(capsys, ovirt_engine_config, check=True, settings=WANTED)
    assert planned["restarted"] and not calls(engine)
    made = run_module(capsys, ovirt_engine_config, settings=WANTED)
    assert made["changes"] == planned["changes"] and [one["before"] for one in made["changes"]] == ["", "3"]
    assert calls(engine) == [
        "engine-config -s UserDefinedVMProperties=macspoof=^(true|false)$ --cver=4.7",
        "engine-config -s VdsRefreshRate=5 --cver=general",
        "systemctl restart ovirt-engine",
    ]
    assert not run_module(capsys, ovirt_engine_config, settings=WANTED)["changed"]


def test_a_restart_that_failed_is_repeated(capsys: Any, engine: Path) -> None:
    (engine / "broken").touch()
    with pytest.raises(ModuleFailed, match="Could not restart the engine: Job failed"):
        run_module(capsys, ovirt_engine_config, settings=WANTED)
    (engine / "broken").unlink()
    result = run_module(capsys, ovirt_engine_config, settings=WANTED)
    assert result["changes"] == [] and result["restarted"]
    assert not run_module(capsys, ovirt_engine_config, settings=WANTED)["changed"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            [{"key": "VdsRefreshRat", "value": "5"}],
            "VdsRefreshRat has no value for version general; .* knows it for none",
        ),
        ([{"key": "VdsRefreshRate", "value": "5", "version": "4.7"}], "knows it for general"),
        ([{"key": "LdapPassword", "value": "x"}], "would be seen in the list of processes"),
        ([{"key": "A b", "value": "x"}], "is no key of engine-config"),
        ([{"key": "A", "value": "x\ny"}], "line break"),
        ([WANTED[1], WANTED[1]], "is declared twice"),
    ],
)
def test_what_is_refused(capsys: Any, engine: Path, settings: list, words: str) -> None:
    with pytest.raises(ModuleFailed, match=words):
        run_module(capsys, ovirt_engine_config, settings=settings)
    assert not calls(engine)


def test_values_with_colons_and_blanks():
    assert parse_values("A", "A: x: y version: 4 version: 4.7\nAB: z version: general\n") == {"4.7": "x: y version: 4"}
