# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users: passwords compared by their hash, groups in the right order, and the two that OpenNebula needs itself."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_user import UserPlanner, described, names_groups
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan

PASSWORD = "kR7-lantern-oak"
GROUPS = [Resource(0, "oneadmin"), Resource(1, "users"), Resource(100, "ops"), Resource(101, "audit")]


def user(number: int = 2, name: str = "alice", password: str = PASSWORD, **more: Any) -> Resource:
    fields = {
        "GID": "1",
        "GNAME": "users",
        "PASSWORD": hashlib.sha256(password.encode()).hexdigest(),
        "AUTH_DRIVER": "core",
        "ENABLED": "1",
        **more.pop("fields", {}),
    }
    template = {"TOKEN_PASSWORD": ["abc"], "NOTE": ["old"]}
    return Resource(number, name, fields, {"GROUPS": more.pop("groups", (1,))}, template, **more)


def plan(present: list[Resource], *wanted: dict[str, Any], **more: Any) -> Plan:
    return UserPlanner(present, GROUPS, **more).plan(wanted)


def commands(found: Plan) -> list[list[str]]:
    return [[str(part) for part in step.argv] for step in found.steps]


def sent(found: Plan) -> list[str]:
    return [part.text for step in found.steps for part in step.argv if isinstance(part, InputFile)]


CREATE = ["oneuser", "create", "alice", "<file>", "-r"]
NEW: list[Any] = [
    pytest.param({}, [CREATE], id="with a password"),
    pytest.param({"auth_driver": "ssh"}, [[*CREATE, "--driver", "ssh"]], id="another driver"),
    pytest.param(
        {"group": "ops", "groups": ["users", "audit"]},
        [
            CREATE,
            ["oneuser", "chgrp", "<id of alice>", "100"],
            ["oneuser", "addgroup", "<id of alice>", "1"],
            ["oneuser", "addgroup", "<id of alice>", "101"],
        ],
        id="a new primary group takes the place of 'users', which is added again",
    ),
    pytest.param({"group": "users", "groups": []}, [CREATE], id="in 'users' it is anyhow"),
    pytest.param(
        {"template": {"A": 1}}, [CREATE, ["oneuser", "update", "<id of alice>", "<file>", "-a"]], id="template"
    ),
    pytest.param({"state": "disabled"}, [CREATE, ["oneuser", "disable", "<id of alice>"]], id="disabled"),
    pytest.param({"state": "enabled"}, [CREATE], id="enabled from the start"),
]


@pytest.mark.parametrize("wanted, expected", NEW)
def test_new_users(wanted: dict[str, Any], expected: list[list[str]]) -> None:
    found = plan([], {"name": "alice", "password": PASSWORD, **wanted})
    assert commands(found) == expected
    assert PASSWORD not in str(found.result())
    assert sent(found)[0] == PASSWORD + "\n"


def test_a_driver_that_asks_a_service_needs_no_password() -> None:
    assert sent(plan([], {"name": "alice", "auth_driver": "ldap"})) == ["-\n"]


PRESENT: list[Any] = [
    pytest.param({}, {}, [], id="nothing asked"),
    pytest.param({}, {"password": "an-Other-one7"}, [], id="the password counts at creation only"),
    pytest.param({}, {"password": PASSWORD, "update_password": "always"}, [], id="its hash is the one in the pool"),
    pytest.param(
        {},
        {"password": "an-Other-one7", "update_password": "always"},
        [["oneuser", "passwd", "2", "<file>", "-r"]],
        id="its hash is another",
    ),
    pytest.param(
        {},
        {"auth_driver": "ssh", "password": "pubLic/Key=="},
        [["oneuser", "chauth", "2", "ssh", "<file>", "-r"]],
        id="another driver takes the password along",
    ),
    pytest.param({}, {"auth_driver": "ldap"}, [["oneuser", "chauth", "2", "ldap"]], id="a driver without a password"),
    pytest.param(
        {"fields": {"AUTH_DRIVER": "ssh", "PASSWORD": "pubLic/Key=="}},
        {"password": "pubLic/Key==", "update_password": "always"},
        [],
        id="a driver that keeps the text itself",
    ),
    pytest.param({}, {"state": "disabled"}, [["oneuser", "disable", "2"]], id="disabled"),
    pytest.param({"fields": {"ENABLED": "0"}}, {"state": "disabled"}, [], id="disabled already"),
    pytest.param({"fields": {"ENABLED": "0"}}, {"state": "present"}, [], id="present leaves it disabled"),
    pytest.param({"fields": {"ENABLED": "0"}}, {"state": "enabled"}, [["oneuser", "enable", "2"]], id="enabled"),
    pytest.param({}, {"template": {"note": "new"}}, [["oneuser", "update", "2", "<file>", "-a"]], id="template"),
    pytest.param({}, {"state": "absent"}, [["oneuser", "delete", "2"]], id="deleted"),
    pytest.param({}, {"group": "users"}, [], id="primary group as it is"),
    pytest.param({}, {"group": "1"}, [], id="primary group by id"),
    pytest.param({}, {"group": "ops", "groups": None}, [["oneuser", "chgrp", "2", "100"]], id="another primary group"),
    pytest.param(
        {"groups": (1, 100)},
        {"group": "ops", "groups": []},
        [["oneuser", "chgrp", "2", "100"], ["oneuser", "delgroup", "2", "1"]],
        id="who was in the new primary group already stays in the former one until taken out",
    ),
    pytest.param(
        {"groups": (1, 100)},
        {"groups": ["audit"]},
        [["oneuser", "addgroup", "2", "101"], ["oneuser", "delgroup", "2", "100"]],
        id="secondary groups are the full list",
    ),
    pytest.param({"groups": (1, 100)}, {"groups": ["ops", "users"]}, [], id="the primary one among them"),
    pytest.param({"groups": (1, 100)}, {"groups": None}, [], id="groups not given, not compared"),
]


@pytest.mark.parametrize("present, wanted, expected", PRESENT)
def test_present_users(present: dict[str, Any], wanted: dict[str, Any], expected: list[list[str]]) -> None:
    found = plan([user(**present)], {"name": "alice", **wanted})
    assert commands(found) == expected
    assert bool(found.diff) is bool(expected)
    if "password" in wanted:
        assert wanted["password"] not in str(found.result())


def test_a_purge_keeps_the_secret_of_onegate() -> None:
    found = plan([user()], {"name": "alice", "purge": ["NOTE"]})
    assert sent(found) == ['TOKEN_PASSWORD = "abc"\n']
    assert "abc" not in str(found.result())


ONEADMIN = {"fields": {"GID": "0", "GNAME": "oneadmin"}, "groups": (0,)}
SERVER = {"fields": {"GID": "0", "GNAME": "oneadmin", "AUTH_DRIVER": "server_cipher"}, "groups": (0,)}


@pytest.mark.parametrize(
    "present, wanted, words",
    [
        pytest.param([], {}, "to create it needs a password", id="a new one without a password"),
        pytest.param([], {"auth_driver": "ssh"}, "needs a password", id="nor with ssh"),
        pytest.param([], {"password": ""}, "empty or holds white space", id="empty password"),
        pytest.param([], {"password": "kR7 lantern"}, "empty or holds white space", id="a space, which oned refuses"),
        pytest.param([], {"password": "kR7-lantern\n"}, "empty or holds white space", id="a line end"),
        pytest.param([], {"password": "opennebula"}, "looks like a default", id="default password"),
        pytest.param([], {"password": "x", "auth_driver": "-x"}, "not the name of a driver", id="driver"),
        pytest.param([], {"password": PASSWORD, "group": "nosuch"}, "there is no group nosuch", id="group"),
        pytest.param([], {"password": PASSWORD, "groups": ["nosuch"]}, "there is no group nosuch", id="groups"),
        pytest.param([], {"name": "a b", "password": PASSWORD}, "no spaces", id="name"),
        pytest.param([user()], {"id": 2, "name": "bob"}, "cannot rename users", id="no rename"),
        pytest.param(
            [user(fields={"AUTH_DRIVER": "ssh"})], {"auth_driver": "core"}, "becomes core, and it needs", id="to core"
        ),
        pytest.param([user()], {"template": {"TOKEN_PASSWORD": "x"}}, "tokens of OneGate", id="token password"),
        pytest.param([user()], {"purge": ["token_password"]}, "tokens of OneGate", id="nor purged"),
        pytest.param(
            [user(usage={"VM(s)": 2, "image(s)": 0})], {"state": "absent"}, "it owns 2 VM.s., which oned", id="owner"
        ),
        pytest.param([user(0, **ONEADMIN)], {"state": "absent"}, "never deleted", id="oneadmin"),
        pytest.param([user(1, **SERVER)], {"state": "absent"}, "never deleted", id="serveradmin"),
        pytest.param([user(0, **ONEADMIN)], {"password": PASSWORD}, "module oneadmin_password", id="its password"),
        pytest.param([user(1, **SERVER)], {"password": PASSWORD}, "auth files of the services", id="server's"),
        pytest.param([user(0, **ONEADMIN)], {"state": "disabled"}, "neither disabled nor", id="oneadmin disabled"),
        pytest.param([user(1, **SERVER)], {"auth_driver": "core"}, "neither disabled nor", id="another driver"),
        pytest.param([user(0, **ONEADMIN)], {"group": "users"}, "stays in its primary group", id="its group"),
    ],
)
def test_refusals(present: list[Resource], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan(present, {"name": "alice", **wanted})


def test_a_user_with_vms_is_deleted_when_asked_for() -> None:
    found = plan([user(usage={"VM(s)": 2})], {"name": "alice", "state": "absent", "leave_resources": True})
    assert commands(found) == [["oneuser", "delete", "2"]]


def test_oneadmin_may_be_given_attributes_and_groups() -> None:
    found = plan([user(0, "oneadmin", **ONEADMIN)], {"name": "oneadmin", "group": "oneadmin", "groups": ["ops"]})
    assert commands(found) == [["oneuser", "addgroup", "0", "100"]]


def test_groups_are_read_only_when_named() -> None:
    assert names_groups([{"groups": []}]) and names_groups([{"group": "x"}])
    assert not names_groups([{"name": "alice", "group": None, "groups": None}])


def test_the_list_of_users_says_how_they_log_in() -> None:
    assert described(user(fields={"ENABLED": "0"})) == {"auth_driver": "core", "group": "users", "state": "disabled"}


def test_a_group_that_is_missing_is_missing_in_check_mode_too_for_no_task_makes_one() -> None:
    with pytest.raises(Refused, match="there is no group nosuch; create it with 'onegroup create' first"):
        plan([user()], {"name": "alice", "groups": ["nosuch"]}, lenient=True)
    unread = UserPlanner([user()], lenient=True).plan([{"name": "alice", "groups": ["ops"]}])
    assert commands(unread) == [["oneuser", "addgroup", "2", "ops"]], "without the pool nothing is known to be missing"
