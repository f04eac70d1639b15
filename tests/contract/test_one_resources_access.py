# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups, users and locks on the emulated OpenNebula (not the real one), by whole modules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from emulator_replay import Machine
from one_resources_emulated import a_module, becomes

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile

WEB = {"PROTOCOL": "TCP", "RULE_TYPE": "INBOUND", "RANGE": "80,443"}
SSH = {"PROTOCOL": "tcp", "RULE_TYPE": "inbound", "RANGE": 22, "IP": "192.0.2.0", "SIZE": 256}
OUT = {"PROTOCOL": "ALL", "RULE_TYPE": "OUTBOUND"}
PASSWORD, OTHER = "kR7-lantern-oak", "žluť'\"#$;kR7-lantern"


def group(run: Any, name: str) -> dict[str, Any]:
    (found,) = run("onesecgroup_info", name=[name])["security_groups"]
    return found


def user(run: Any, name: str) -> dict[str, Any]:
    (found,) = run("oneuser_info", name=[name])["users"]
    return found


def test_security_groups(run: Any) -> None:
    wanted = {"name": "web", "rules": [WEB, SSH], "template": {"DESCRIPTION": "d", "NOTE": 1}, "permissions": "644"}
    assert becomes(run, "onesecgroup", **wanted) == ["onesecgroup create", "onesecgroup chmod"]
    assert becomes(run, "onesecgroup", name="web", rules=[OUT, WEB]) == ["onesecgroup update"]
    assert {rule["PROTOCOL"] for rule in group(run, "web")["rules"]} == {"ALL", "TCP"}
    becomes(run, "onesecgroup", name="www", rename_from="web", rules=[], purge=["NOTE"], group="users")
    found = group(run, "www")
    assert found["rules"] == [] and found["template"] == {"DESCRIPTION": "d"} and found["group"] == "users"
    assert found["permissions"] == "644"
    becomes(run, "onesecgroup", name="www", state="absent")


def test_of_equal_rules_one_is_kept_and_the_second_run_is_content(run: Any) -> None:
    becomes(run, "onesecgroup", name="twice", rules=[WEB, OUT, WEB])
    assert len(group(run, "twice")["rules"]) == 2


def test_networks_have_exactly_the_groups_that_are_named(run: Any) -> None:
    run("onesecgroup", security_groups=[{"name": "front", "rules": [WEB]}, {"name": "back", "rules": [SSH]}])
    front, back = (group(run, name)["id"] for name in ("front", "back"))
    template = {"VN_MAD": "fw", "BRIDGE": "br0"}
    made = {"name": "dmz", "template": template, "security_groups": ["front"]}
    assert becomes(run, "onevnet", **made) == ["onevnet create", "onevnet update"]

    def groups() -> str:
        return run("onevnet_info", name=["dmz"])["vnets"][0]["template"]["SECURITY_GROUPS"]

    assert groups() == str(front), "without the default group, which lets everything through"
    becomes(run, "onevnet", name="dmz", security_groups=["back", "front", "default"])
    assert groups() == f"{back},{front},0"
    refused = run("onesecgroup", name="front", state="absent")
    assert "virtual network dmz" in refused["msg"] and "detach_from" in refused["msg"]
    gone = {"name": "front", "state": "absent", "detach_from": ["dmz"]}
    assert becomes(run, "onesecgroup", **gone) == ["onevnet update", "onesecgroup delete"]
    assert groups() == f"{back},0"


def test_the_default_group_is_changed_and_never_deleted(run: Any) -> None:
    assert "comes with OpenNebula" in run("onesecgroup", name="default", state="absent")["msg"]
    becomes(run, "onesecgroup", name="default", template={"NOTE": "ours"})
    becomes(run, "onesecgroup", name="default", purge=["NOTE"])


def test_users(run: Any) -> None:
    wanted = {"name": "alice", "password": PASSWORD, "group": "oneadmin", "groups": ["users"], "template": {"A": 1}}
    assert becomes(run, "oneuser", **wanted) == [
        "oneuser create",
        "oneuser update",
        "oneuser chgrp",
        "oneuser addgroup",
    ]
    found = user(run, "alice")
    assert (found["group"], found["members"]["groups"], found["state"]) == ("oneadmin", [0, 1], "enabled")
    assert becomes(run, "oneuser", name="alice", group="users") == ["oneuser chgrp"]
    assert user(run, "alice")["members"]["groups"] == [0, 1], "who was in the new group stays in the former one"
    assert becomes(run, "oneuser", name="alice", groups=[]) == ["oneuser delgroup"]
    becomes(run, "oneuser", name="alice", state="disabled", purge=["A"])
    becomes(run, "oneuser", name="alice", state="enabled")
    becomes(run, "oneuser", name="alice", state="absent")


def test_a_user_logs_in_with_the_password_it_was_given(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(run, "oneuser", name="bob", password=PASSWORD)
    assert run("oneuser", name="bob", password=OTHER)["changed"] is False, "it counts at creation only"
    cli = OneCommand(a_module(tmp_path))

    def logs_in(password: str) -> bool:
        auth = tmp_path / "auth"
        auth.write_text(f"bob:{password}\n", encoding="utf-8")
        monkeypatch.setenv("ONE_AUTH", str(auth))
        try:
            cli.run(["oneuser", "show", "-x"])
        except OneError as error:
            assert "does not accept" in str(error)
            return False
        finally:
            monkeypatch.delenv("ONE_AUTH")
        return True

    assert logs_in(PASSWORD) and not logs_in(OTHER)
    always = {"name": "bob", "password": OTHER, "update_password": "always"}
    assert becomes(run, "oneuser", **always) == ["oneuser passwd"]
    assert logs_in(OTHER) and not logs_in(PASSWORD)
    run("oneuser", name="bob", state="disabled")
    assert not logs_in(OTHER)


def test_a_password_travels_in_a_file_and_is_shown_nowhere(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    run_command = OneCommand.run
    monkeypatch.setattr(
        OneCommand, "run", lambda self, argv, *more: asked.append(argv) or run_command(self, argv, *more)
    )
    result = run("oneuser", users=[{"name": "carol", "password": PASSWORD}], _ansible_diff=True)
    assert result["changed"] is True and result["actions"][0]["command"][3:] == ["<file>", "-r"]
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    for secret in (PASSWORD, digest):
        assert secret not in str(result) + str(asked) + str(run("oneuser_info"))


def test_how_a_user_logs_in_changes_with_its_password(run: Any) -> None:
    becomes(run, "oneuser", name="dora", password=PASSWORD)
    assert becomes(run, "oneuser", name="dora", auth_driver="ssh", password="pubLic/Key==") == ["oneuser chauth"]
    assert user(run, "dora")["auth_driver"] == "ssh"
    assert "needs a password" in run("oneuser", name="dora", auth_driver="core")["msg"]
    becomes(run, "oneuser", name="dora", auth_driver="core", password=PASSWORD)


def test_those_that_opennebula_needs_are_left_alone(run: Any) -> None:
    result = run(
        "oneuser",
        users=[
            {"name": "oneadmin", "password": PASSWORD},
            {"name": "serveradmin", "state": "absent"},
        ],
    )
    assert len(result["findings"]) == 2 and "oneadmin_password" in result["msg"]


def test_locks(run: Any, machine: Machine) -> None:
    net = {"name": "locked", "template": {"VN_MAD": "bridge", "BRIDGE": "br0"}}
    assert becomes(run, "onevnet", **net, state="locked") == ["onevnet create", "onevnet lock"]
    assert run("onevnet", **net)["changed"] is False
    assert "onevnet unlock" in run("onevnet", name="locked", permissions="644")["msg"]
    changed = becomes(run, "onevnet", name="locked", permissions="644", state="locked")
    assert changed == ["onevnet unlock", "onevnet chmod", "onevnet lock"]
    assert run("onevnet_info", name=["locked"])["vnets"][0]["locked"] is True
    assert "locked" in run("onevnet", name="locked", state="absent")["msg"]
    becomes(run, "onevnet", name="locked", state="unlocked")
    becomes(run, "onevnet", name="locked", state="absent")
    hook = {"name": "held", "resource": "HOST", "resource_state": "ERROR", "command": "/x"}
    becomes(run, "onehook", **hook, state="locked")
    anew = {**hook, "resource": "VM", "lcm_state": "LCM_INIT", "resource_state": "POWEROFF"}
    assert becomes(run, "onehook", **anew, state="locked") == [
        "onehook unlock",
        "onehook delete",
        "onehook create",
        "onehook lock",
    ]


@pytest.mark.parametrize("sign", list("&|:\\\";/'#{}$<>"))
def test_a_name_that_is_refused_here_is_refused_by_oned(run: Any, tmp_path: Path, sign: str) -> None:
    """Both on creation and on rename; check mode must not promise what oned then refuses."""
    name = f"a{sign}b"
    assert "does not allow" in run("onecluster", name=name, _ansible_check_mode=True)["msg"]
    cli = OneCommand(a_module(tmp_path))
    for argv in (["onecluster", "create", name], ["onecluster", "rename", "0", name]):
        with pytest.raises(Exception, match="is not allowed"):
            cli.run(argv)


def test_a_network_that_cannot_be_deleted_is_told_though_the_command_says_0(run: Any, tmp_path: Path) -> None:
    """A replacement without VN_MAD empties it in 6.10 (7.4 refuses); the deletion then ends in the state ERROR."""
    becomes(run, "onevnet", name="stuck", template={"VN_MAD": "bridge", "BRIDGE": "br0"})
    cli = OneCommand(a_module(tmp_path))
    try:
        cli.change(["onevnet", "update", "stuck", InputFile('BRIDGE = "br0"\n')])
    except OneError as refused:
        assert "VN_MAD" in str(refused)
        becomes(run, "onevnet", name="stuck", state="absent")
        return
    result = run("onevnet", name="stuck", state="absent")
    assert "every deleted one to be gone" in result["msg"] and result["changed"] is True, result
