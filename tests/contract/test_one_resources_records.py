# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planners make of resources exactly as the real oned of each release gave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from one_resources_replay import (
    RELEASES,
    Record,
    created_and_shown,
    parse_template,
    session,
    update_steps,
)

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_cluster import ClusterPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_datastore import DatastorePlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_hook import HookPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_host import HostPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Planner, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_group import SecurityGroupPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_user import UserPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_vnet import VnetPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan

HOOK_OPTIONS = {
    "TYPE": "type",
    "RESOURCE": "resource",
    "STATE": "resource_state",
    "LCM_STATE": "lcm_state",
    "ON": "on_state",
    "CALL": "call",
    "COMMAND": "command",
    "ARGUMENTS": "arguments",
    "ARGUMENTS_STDIN": "arguments_stdin",
    "REMOTE": "remote",
    "TIMEOUT": "timeout",
}
DRIVERS = {"IM_MAD": "im_mad", "VM_MAD": "vm_mad"}
# What the real oned takes, with rc 0, and this refuses: it becomes something else, or nothing, or an error later.
REFUSED = {
    ("datastore", "invalid TYPE"): "TYPE must be one of",
    ("datastore", "TYPE numeric"): "TYPE must be one of",
    ("datastore", "numeric name"): "digits only",
    ("datastore", "attempt to set internal attrs"): "without any effect",
    ("vnet", "bad ip"): "IP of an address range is no address",
    ("vnet", "no size"): "SIZE of an address range must be a number",
    ("vnet", "bad type"): "TYPE of an address range must be one of",
}


def planner(command: str, present: list[Resource]) -> Planner:
    if command == "onecluster":
        return ClusterPlanner(present, {})
    kinds: dict[str, Any] = {
        "onedatastore": DatastorePlanner,
        "onehook": HookPlanner,
        "onehost": HostPlanner,
        "onesecgroup": SecurityGroupPlanner,
        "oneuser": UserPlanner,
        "onevnet": VnetPlanner,
    }
    return kinds[command](present)


def declaration(command: str, template: str, **more: Any) -> dict[str, Any]:
    """The captured template as a user of the module would write it."""
    attributes: dict[str, Any] = {}
    options: dict[str, Any] = dict(more)
    named = HOOK_OPTIONS if command == "onehook" else DRIVERS if command == "onehost" else {}
    for name, values in parse_template(template).items():
        if name == "NAME":
            options["name"] = values[0]
        elif name == "AR":
            options["address_ranges"] = values
        elif name == "RULE":
            options["rules"] = values
        elif name in named:
            options[named[name]] = values[0]
        else:
            attributes[name] = values if len(values) > 1 else values[0]
    if options.get("on_state") not in (None, "CUSTOM"):
        # oned overwrites both states then; the module asks for one way of saying it.
        options.pop("resource_state", None)
        options.pop("lcm_state", None)
    return {**options, "template": attributes}


def creations() -> list[Any]:
    sessions = {
        "onedatastore": ("datastore", "cluster"),
        "onehook": ("hook", "hook2"),
        "onesecgroup": ("secgroup",),
        "onevnet": ("vnet", "vnet2", "secgroup"),
    }
    return [
        pytest.param(release, command, name, id=f"{release}-{name}-{command}")
        for release in RELEASES
        for command, names in sessions.items()
        for name in names
    ]


@pytest.mark.parametrize("release, command, name", creations())
def test_what_was_created_from_a_template_needs_nothing_more(
    contract_dir: Path, release: str, command: str, name: str
) -> None:
    """Upper-cased names, added attributes, resolved ON, prepended groups, ranges in a pool: no difference."""
    compared = 0
    for created, shown in created_and_shown(session(contract_dir, release, name), command):
        text = created.template or ""
        if text.lstrip().startswith("<"):
            continue  # the XML form, which the modules do not write
        wanted = declaration(command, text)
        resource = shown.resource()
        if (name, created.note) in REFUSED:
            continue
        plan = planner(command, [resource]).plan([wanted])
        assert plan.steps == [], f"{created.number} {created.note}: {plan.result()}"
        assert plan.diff == []
        compared += 1
    assert compared > 0


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name, note", REFUSED)
def test_what_oned_takes_and_does_not_do_is_refused(contract_dir: Path, release: str, name: str, note: str) -> None:
    created = next(one for one in session(contract_dir, release, name) if one.note == note and one.template)
    assert created.rc == 0
    command = f"one{name}"
    with pytest.raises(Refused, match=REFUSED[name, note]):
        planner(command, []).plan([declaration(command, created.template or "")])


def appends() -> list[Any]:
    names = {
        "onecluster": "cluster",
        "onedatastore": "datastore",
        "onehook": "hook",
        "onehost": "host",
        "onesecgroup": "secgroup",
        "oneuser": "zone_user",
        "onevnet": "vnet",
    }
    return [
        pytest.param(release, command, name, id=f"{release}-{command}")
        for release in RELEASES
        for command, name in names.items()
    ]


def only_update(plan: Plan) -> tuple[tuple[Any, ...], dict[str, Any]]:
    assert len(plan.steps) == 1, plan.result()
    argv = plan.steps[0].argv
    text = next(part.text for part in argv if isinstance(part, InputFile))
    return tuple(part for part in argv if not isinstance(part, InputFile)), parse_template(text)


# Captured appends that set what the modules refuse, leave alone or do by other means.
NOT_BY_APPEND = {
    "append NAME",
    "append change type",
    "append AR",
    "append TYPE change",
    "append RESOURCE change",
    "append empty",
    "restore",
}


@pytest.mark.parametrize("release, command, name", appends())
def test_the_plan_sends_the_append_that_was_captured_and_is_then_content(
    contract_dir: Path, release: str, command: str, name: str
) -> None:
    compared = 0
    for before, update, after in update_steps(session(contract_dir, release, name), command):
        wanted = declaration(command, update.template or "", id=before.resource().id)
        if update.note in NOT_BY_APPEND or "NAME" in parse_template(update.template or ""):
            continue
        plan = planner(command, [before.resource()]).plan([wanted])
        present = before.resource().template
        expected = {
            key: values for key, values in parse_template(update.template or "").items() if present.get(key) != values
        }
        if expected:
            argv, sent = only_update(plan)
            assert argv == (command, "update", str(before.resource().id), "-a")
            assert sent == expected, f"{update.number} {update.note}"
        else:
            assert plan.steps == []
        again = planner(command, [after.resource()]).plan([wanted])
        assert again.steps == [], f"{update.number} {update.note}: {again.result()}"
        compared += 1
    assert compared > 0


def find(records: list[Record], *argv: str) -> Record:
    return next(one for one in records if one.argv == argv)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "name, command, named",
    [
        ("hook", "onehook", "0"),
        ("host", "onehost", "host2"),
        ("vnet", "onevnet", "b11"),
        ("cluster", "onecluster", "cl1"),
        ("secgroup", "onesecgroup", "sg5"),
        ("zone_user", "oneuser", "oneadmin"),
    ],
)
def test_one_list_says_all_that_a_show_says(
    contract_dir: Path, release: str, name: str, command: str, named: str
) -> None:
    """So that one read of the pool is enough: what planning looks at is the same in both."""
    records = session(contract_dir, release, name)
    shown = find(records, command, "show", "-x", named).resource()
    pools = [one.pool() for one in records if one.argv == (command, "list", "-x")]
    same = [one for pool in pools for one in pool if one.id == shown.id and one.template == shown.template]
    assert same, "no captured list shows this resource with the template that its show has"
    in_list = same[0]
    assert in_list.name == shown.name
    assert in_list.permissions == shown.permissions
    assert in_list.ids.get("CLUSTERS") == shown.ids.get("CLUSTERS")
    for own, other in zip(in_list.address_ranges, shown.address_ranges):
        assert own.items() <= other.items()
    assert len(in_list.address_ranges) == len(shown.address_ranges)


@pytest.mark.parametrize("release", RELEASES)
def test_an_empty_pool_is_an_empty_element(contract_dir: Path, release: str) -> None:
    for name, command in (("hook", "onehook"), ("host", "onehost"), ("vnet", "onevnet")):
        assert find(session(contract_dir, release, name), command, "list", "-x").pool() == []


@pytest.mark.parametrize("release", RELEASES)
def test_permissions_are_read_as_chmod_takes_them(contract_dir: Path, release: str) -> None:
    records = session(contract_dir, release, "datastore")
    position = next(i for i, one in enumerate(records) if one.argv == ("onedatastore", "chmod", "100", "640"))
    assert records[position + 1].resource().permissions == "640"
    wrong = next(i for i, one in enumerate(records) if one.argv == ("onedatastore", "chmod", "100", "0600"))
    assert records[wrong + 1].resource().permissions == "060", "only the first three digits count"


@pytest.mark.parametrize("release", RELEASES)
def test_a_network_in_error_is_told_by_its_state_though_its_creation_said_0(contract_dir: Path, release: str) -> None:
    records = session(contract_dir, release, "vnet")
    created = next(one for one in records if one.note == "bad ip")
    assert created.rc == 0
    pool = next(one.pool() for one in records if one.argv == ("onevnet", "list", "-x") and len(one.pool()) > 5)
    broken = {one.name: one for one in pool}["b7"]
    assert broken.fields["STATE"] == "5"
    assert "Wrong or empty IP attribute" in broken.error()


@pytest.mark.parametrize("release", RELEASES)
def test_a_hook_whose_resource_was_updated_is_made_anew(contract_dir: Path, release: str) -> None:
    """The pool still lists it; it shows by its RESOURCE, and no update may be sent to it."""
    records = session(contract_dir, release, "hook2")
    corrupt = next(one.pool()[0] for one in records if "corrupt" in one.stdout and one.argv[1:] == ("list", "-x"))
    wanted = {"name": "corrupt", "resource": "VM", "on_state": "RUNNING", "command": "x"}
    plan = HookPlanner([corrupt]).plan([wanted])
    assert [step.argv[1] for step in plan.steps] == ["delete", "create"]


@pytest.mark.parametrize("release", RELEASES)
def test_rules_that_oned_refuses_are_refused_before(contract_dir: Path, release: str) -> None:
    refused = [
        one
        for one in session(contract_dir, release, "secgroup")
        if one.argv[:2] == ("onesecgroup", "create") and "Wrong " in one.stderr
    ]
    assert len(refused) == 2
    for record in refused:
        attribute = record.stderr.split("Wrong ")[1].split()[0]
        with pytest.raises(Refused, match=f"rule 1: {attribute} must be one of"):
            planner("onesecgroup", []).plan([declaration("onesecgroup", record.template or "")])


@pytest.mark.parametrize("release", RELEASES)
def test_a_group_is_seen_in_the_network_that_oned_would_let_it_be_deleted_from(
    contract_dir: Path, release: str
) -> None:
    """The real one said rc 0 to this deletion; the network kept the id of a group that is gone."""
    records = session(contract_dir, release, "secgroup")
    group = find(records, "onesecgroup", "show", "-x", "sg1").resource()
    network = find(records, "onevnet", "show", "-x", "sgnet").resource()
    assert next(one for one in records if one.note == "in use by vnet").rc == 0
    with pytest.raises(Refused, match=f"virtual network sgnet .id {network.id}. uses it"):
        SecurityGroupPlanner([group], [network]).plan([{"name": "sg1", "state": "absent"}])
    plan = SecurityGroupPlanner([group], [network]).plan([{"name": "sg1", "state": "absent", "detach_from": ["sgnet"]}])
    assert [step.argv[:3] for step in plan.steps] == [
        ("onevnet", "update", str(network.id)),
        ("onesecgroup", "delete", "100"),
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_the_default_group_added_at_creation_is_seen_where_the_groups_are_given_by_name(
    contract_dir: Path, release: str
) -> None:
    """The template of the capture asked for 100 alone and got 0,100, which lets everything through."""
    records = session(contract_dir, release, "secgroup")
    groups = [find(records, "onesecgroup", "show", "-x", "sg1").resource(), Resource(0, "default")]
    network = find(records, "onevnet", "show", "-x", "sgnet").resource()
    plan = VnetPlanner([network], groups=groups).plan([{"name": "sgnet", "security_groups": ["sg1"]}])
    assert only_update(plan)[1] == {"SECURITY_GROUPS": ["100"]}
    both = [{"name": "sgnet", "security_groups": ["sg1", "default"]}]
    assert VnetPlanner([network], groups=groups).plan(both).steps == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "password, driver, verbs",
    [("alicepass", None, []), ("kR7-lantern-oak", None, ["passwd"]), ("kR7lantern", "ssh", ["chauth"])],
)
def test_a_password_is_known_by_its_hash_in_the_pool(
    contract_dir: Path, release: str, password: str, driver: str | None, verbs: list[str]
) -> None:
    alice = find(session(contract_dir, release, "zone_user"), "oneuser", "show", "-x", "alice").resource()
    wanted = {"name": "alice", "password": password, "auth_driver": driver, "update_password": "always"}
    assert [step.argv[1] for step in UserPlanner([alice]).plan([wanted]).steps] == verbs
