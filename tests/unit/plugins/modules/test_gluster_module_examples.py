# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the modules that run the gluster command: their options and their examples are real ones."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from test_one_module_examples import MODULES, assert_same, specification

from ansible_collections.kvmcloud.stack.plugins.doc_fragments.gluster import ModuleDocFragment

NAMES = [
    "gluster_peer",
    "gluster_peer_info",
    "gluster_volume",
    "gluster_volume_info",
    "gluster_heal",
    "gluster_heal_info",
]


def documentation(name: str, part: str) -> Any:
    return yaml.safe_load(getattr(importlib.import_module(f"{MODULES}.{name}"), part))


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = specification(name, monkeypatch)
    assert found["supports_check_mode"] is True
    tasks = [task for task in documentation(name, "EXAMPLES") if f"kvmcloud.stack.{name}" in task]
    assert tasks
    for task in tasks:
        result = ArgumentSpecValidator(found["argument_spec"]).validate(task[f"kvmcloud.stack.{name}"] or {})
        assert task["name"] and result.error_messages == [], task["name"]


@pytest.mark.parametrize("name", NAMES)
def test_documentation_and_arguments_name_the_same_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = specification(name, monkeypatch)["argument_spec"]
    common = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert_same({**common, **documentation(name, "DOCUMENTATION")["options"]}, spec, name)


@pytest.mark.parametrize("name", NAMES)
def test_the_returned_values_are_documented(name: str) -> None:
    for value in documentation(name, "RETURN").values():
        assert value["description"] and value["returned"] and value["type"]


def test_the_layout_filter_gives_what_the_module_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.kvmcloud.stack.plugins.filter.gluster_brick_layout import gluster_brick_layout

    disks = [{"name": "b1", "device": "/dev/sdb"}, {"name": "b2", "device": "/dev/sdc"}]
    hostvars = {name: {"gluster_bricks": disks} for name in ("gs1", "gs2", "gs3")}
    declared = [
        {"name": "vms", "replica": 3, "arbiter": 1, "group": "virt", "options": {"a.b": True}, "state": "started"}
    ]
    volumes = gluster_brick_layout(declared, hostvars, list(hostvars))
    spec = specification("gluster_volume", monkeypatch)["argument_spec"]
    result = ArgumentSpecValidator(spec).validate({"volumes": volumes})
    assert result.error_messages == [] and len(result.validated_parameters["volumes"][0]["bricks"]) == 6
