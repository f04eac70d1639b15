# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role opennebula_resources takes for each entry what its module takes, and says so in the module's words.

Its argument specs are written from the documentation of the modules:

    python tests/unit/test_declared_resources.py --write
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SPECS = CHECKOUT / "roles/opennebula_resources/meta/argument_specs.yml"
WIDTH = 150


def entry_options(variable: str, option: dict[str, Any]) -> dict[str, Any] | None:
    """The options of an entry of a variable, from the module that the variable's own description names."""
    named = re.search(r"O\(kvmcloud\.stack\.(\w+)#module:(\w+)\)", json.dumps(option["description"]))
    if not named:
        return None
    module = importlib.import_module(f"ansible_collections.kvmcloud.stack.plugins.modules.{named.group(1)}")
    documented = yaml.safe_load(module.DOCUMENTATION)["options"][named.group(2)]["suboptions"]
    return {name: of_the_role(variable, name, suboption, documented) for name, suboption in documented.items()}


def of_the_role(variable: str, name: str, suboption: dict[str, Any], siblings: dict[str, Any]) -> dict[str, Any]:
    """As in the module; of its description the first paragraph, with references that lead to the role's own options."""
    found = {key: suboption[key] for key in ("type", "elements", "choices", "default", "required") if key in suboption}
    if name == "password":
        found["no_log"] = True
    description = suboption["description"]
    first = " ".join((description if isinstance(description, str) else description[0]).split())
    for sibling in siblings:
        first = re.sub(rf"\bO\({sibling}\b", f"O({variable}[].{sibling}", first)
    return {**found, "description": first}


def specs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(SPECS.read_text())["argument_specs"]["main"]["options"]
    return found


@pytest.mark.parametrize("variable", sorted(specs()))
def test_entries_are_described_as_by_the_module(variable: str) -> None:
    option = specs()[variable]
    assert option.get("options") == entry_options(variable, option), "run this file with --write"


def test_every_kind_of_resource_is_described() -> None:
    defaults = yaml.safe_load((CHECKOUT / "roles/opennebula_resources/vars/main.yml").read_text())
    declared = {f"opennebula_{kind}" for kind in defaults["opennebula_resources_declared"]}
    assert declared == {variable for variable, option in specs().items() if "options" in option}


def test_preflight_judges_every_kind_of_resource() -> None:
    """By the options of its module first, then by its planner."""
    from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_resources import KINDS
    from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_resources import DECLARED_OPTIONS

    described = {variable: option for variable, option in specs().items() if "options" in option}
    assert {kind.variable for kind in KINDS} == set(DECLARED_OPTIONS) == set(described)
    for variable, options in DECLARED_OPTIONS.items():
        assert set(options) == set(described[variable]["options"]), variable


# -- writing ---------------------------------------------------------------------------------------------------------


def lines_of(options: dict[str, Any], indent: str) -> Iterator[str]:
    for name, option in options.items():
        yield f"{indent}{name}:"
        for key, value in option.items():
            if key == "description":
                yield from described(value, indent + "  ")
            elif isinstance(value, list):
                yield f"{indent}  {key}: [{', '.join(value)}]"
            else:
                yield f"{indent}  {key}: {json.dumps(value) if isinstance(value, bool) else value}"


def described(text: str, indent: str) -> Iterator[str]:
    plain = f"{indent}description: {text}"
    if len(plain) <= WIDTH and ": " not in text and " #" not in text:
        yield plain
        return
    yield f"{indent}description: >-"
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=indent + "  ", subsequent_indent=indent + "  ", break_on_hyphens=False
    )


def write() -> None:
    """Replaces the entry options of each variable and leaves every other line alone."""
    known = {variable: entry_options(variable, option) for variable, option in specs().items()}
    written: list[str] = []
    skipping = False
    variable = ""
    for line in SPECS.read_text().splitlines():
        if re.match(r" {0,6}\S", line):
            if known.get(variable):
                written += ["        options:", *lines_of(known[variable], "          ")]
            variable = line.strip().rstrip(":") if re.match(r" {6}\S", line) else ""
            skipping = False
        elif re.match(r" {8}\S", line):
            skipping = line == "        options:"
        if not skipping:
            written.append(line)
    if known.get(variable):
        written += ["        options:", *lines_of(known[variable], "          ")]
    SPECS.write_text("\n".join(written) + "\n")


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    sys.path.insert(0, str(CHECKOUT / ".cache/collections"))
    write()
