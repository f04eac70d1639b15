# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation of the modules are calls that the modules accept."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.kvmcloud.stack.plugins.doc_fragments.opennebula import ModuleDocFragment

MODULES = "ansible_collections.kvmcloud.stack.plugins.modules"
NAMES = [
    "oneadmin_password",
    *(
        f"{kind}{info}"
        for kind in ("onecluster", "onedatastore", "onehook", "onehost", "onesecgroup", "oneuser", "onevnet")
        for info in ("", "_info")
    ),
]


class Captured(Exception):
    pass


def specification(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def capture(_self: AnsibleModule, argument_spec: dict[str, Any], **rules: Any) -> None:
        found.update({"argument_spec": argument_spec, **rules})
        raise Captured

    monkeypatch.setattr(AnsibleModule, "__init__", capture)
    with pytest.raises(Captured):
        importlib.import_module(f"{MODULES}.{name}").main()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = specification(name, monkeypatch)
    assert found["supports_check_mode"] is True
    rules = {key: found.get(key) for key in ("mutually_exclusive", "required_one_of")}
    validator = ArgumentSpecValidator(found["argument_spec"], **rules)
    examples = yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").EXAMPLES)
    assert examples
    for task in examples:
        assert task["name"]
        result = validator.validate(task[f"kvmcloud.stack.{name}"] or {})
        assert result.error_messages == [], task["name"]


@pytest.mark.parametrize("name", NAMES)
def test_documentation_and_arguments_name_the_same_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = specification(name, monkeypatch)["argument_spec"]
    documented = yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").DOCUMENTATION)
    common = {}
    if "kvmcloud.stack.opennebula" in documented.get("extends_documentation_fragment", []):
        common = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert_same({**common, **documented["options"]}, spec, name)


def assert_same(options: dict[str, Any], spec: dict[str, Any], where: str) -> None:
    assert set(options) == set(spec), where
    for option, documented in options.items():
        declared = spec[option]
        for key in ("type", "default", "choices", "elements"):
            assert documented.get(key) == declared.get(key), f"{where}/{option}/{key}"
        assert bool(documented.get("required")) == bool(declared.get("required")), f"{where}/{option}"
        if "options" in declared:
            assert_same(documented["suboptions"], declared["options"], f"{where}/{option}")


@pytest.mark.parametrize("name", NAMES)
def test_the_returned_values_are_documented(name: str) -> None:
    documented = yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").RETURN)
    assert all(value["description"] and value["returned"] and value["type"] for value in documented.values())
