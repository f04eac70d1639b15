# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of answers against the keys that were read from the sources of the release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES

# Of other programs (rename, cleanup), or written by setup for itself.
LEFT_OUT = ("OSETUP_RENAME/", "OVESETUP_REMOVE/", "OVESETUP_DWH_REMOVE/", "OVESETUP_KEYCLOAK_REMOVE/")
OWN_OF_SETUP = {"OVESETUP_CORE/remove"}
# 'iptables' is in setup's list, but there is no such manager on EL 9 and later, and setup then asks.
NARROWER = {"OVESETUP_CONFIG/firewallManager"}


@pytest.fixture(scope="module")
def captured(contract_dir: Path) -> dict:
    return json.loads((contract_dir / "ovirt/answer-keys.json").read_text())


def test_each_key_is_that_of_the_release(captured: dict) -> None:
    known = {one["key"]: one for one in captured["keys"] if one["in_4_5_7"]}
    ours = {name: key for name, key in RELEASES["4.5.7"].items() if not name.startswith("QUESTION/")}
    assert set(ours) <= set(known)
    for name, key in ours.items():
        assert (key.type, key.secret) == (known[name]["type"], known[name]["secret"]), name
        if name in NARROWER:
            assert set(key.values) < set(known[name]["allowed"])
        else:
            assert list(key.values) == known[name].get("allowed", []), name


def test_no_documented_answer_is_missing(captured: dict) -> None:
    documented = {
        one["key"]
        for one in captured["keys"]
        if one["in_4_5_7"] and one["level"].startswith("documented") and not one["key"].startswith(LEFT_OUT)
    }
    assert documented - OWN_OF_SETUP <= set(RELEASES["4.5.7"])


def test_questions_are_asked_by_setup(captured: dict) -> None:
    asked = {one.get("name") for one in captured["questions"]}
    for name in RELEASES["4.5.7"]:
        if name.startswith("QUESTION/"):
            assert name.split("/")[2] in asked
