# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every role: its variables are documented, and documented as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (CHECKOUT / "roles").iterdir())


def load(role: str, file: str) -> dict:
    path = CHECKOUT / "roles" / role / file
    return yaml.safe_load(path.read_text()) or {} if path.exists() else {}


def options(role: str) -> dict:
    return load(role, "meta/argument_specs.yml")["argument_specs"]["main"].get("options", {})


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_specs(role):
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    actual = load(role, "defaults/main.yml")
    required = [name for name, option in options(role).items() if option.get("required")]
    # A required variable may have an empty default, so that preflight can name it in a sentence.
    assert {name: value for name, value in actual.items() if name not in required} == documented


@pytest.mark.parametrize("role", ROLES)
def test_passwords_are_kept_out_of_the_log(role):
    for name, option in options(role).items():
        if name.endswith(("_password", "_secret", "_token")):
            assert option.get("no_log") is True, name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_page_and_a_place_in_the_budget_or_the_verification(role):
    assert (CHECKOUT / "roles" / role / "README.md").exists()
    budget = yaml.safe_load((CHECKOUT / "tests/bench/budget.yml").read_text())["default"]["roles"]
    assert role in budget or role == "cloud_report"
