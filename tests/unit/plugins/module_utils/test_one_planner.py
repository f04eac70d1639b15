# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all kinds of resources have in common, shown on datastores."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_datastore import DatastorePlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused, to_decrypt
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan

FIELDS = {"TYPE": "0", "STATE": "0", "UID": "0", "GID": "0", "UNAME": "oneadmin", "GNAME": "oneadmin"}
TEMPLATE = {"DS_MAD": ["fs"], "TM_MAD": ["ssh"], "CLONE_TARGET": ["SYSTEM"], "NOTE": ["old"]}


def datastore(number: int = 100, name: str = "images", **more: Any) -> Resource:
    values: dict[str, Any] = {"fields": FIELDS, "template": TEMPLATE, "permissions": "640", "ids": {"CLUSTERS": (0,)}}
    return Resource(number, name, **{**values, **more})


def plan(present: list[Resource], *wanted: dict[str, Any]) -> Plan:
    return DatastorePlanner(present).plan(wanted)


def commands(found: Plan) -> list[list[str]]:
    return [[str(part) for part in step.argv] for step in found.steps]


STEPS: list[Any] = [
    pytest.param({"name": "images"}, [], id="nothing given, nothing compared"),
    pytest.param({"name": "images", "permissions": "640"}, [], id="permissions as they are"),
    pytest.param({"name": "images", "permissions": "600"}, [["onedatastore", "chmod", "100", "600"]], id="chmod"),
    pytest.param({"name": "images", "owner": "oneadmin", "group": "0"}, [], id="owner by name, group by id"),
    pytest.param({"name": "images", "owner": "alice"}, [["onedatastore", "chown", "100", "alice"]], id="chown"),
    pytest.param({"name": "images", "group": "users"}, [["onedatastore", "chgrp", "100", "users"]], id="chgrp"),
    pytest.param(
        {"name": "images", "owner": "alice", "group": "users"},
        [["onedatastore", "chown", "100", "alice", "users"]],
        id="owner and group by one command",
    ),
    pytest.param({"id": 100, "name": "images"}, [], id="id and name of the same"),
    pytest.param({"id": 100, "name": "img"}, [["onedatastore", "rename", "100", "img"]], id="renamed by id"),
    pytest.param(
        {"name": "img", "rename_from": "images"}, [["onedatastore", "rename", "100", "img"]], id="renamed by its name"
    ),
    pytest.param({"name": "images", "rename_from": "gone"}, [], id="renamed before"),
    pytest.param({"name": "images", "state": "absent"}, [["onedatastore", "delete", "100"]], id="deleted by its id"),
    pytest.param({"name": "gone", "state": "absent"}, [], id="absent already"),
    pytest.param({"id": 999, "state": "absent"}, [], id="absent already, by id"),
    pytest.param(
        {"name": "images", "template": {"note": "new"}},
        [["onedatastore", "update", "100", "<file>", "-a"]],
        id="append",
    ),
    pytest.param({"name": "images", "template": {"note": "old"}}, [], id="the attribute is as wanted"),
    pytest.param(
        {"name": "images", "purge": ["note", "never_there"]},
        [["onedatastore", "update", "100", "<file>"]],
        id="append removes nothing, so a purge replaces",
    ),
    pytest.param({"name": "images", "purge": ["never_there"]}, [], id="purged already"),
]


@pytest.mark.parametrize("wanted, expected", STEPS)
def test_steps(wanted: dict[str, Any], expected: list[list[str]]) -> None:
    found = plan([datastore()], wanted)
    assert commands(found) == expected
    assert found.changed is bool(expected)
    assert bool(found.diff) is bool(expected)


def test_a_purge_sends_back_all_that_stays() -> None:
    """Replacing drops what is not sent: RESTRICTED_DIRS, DISK_TYPE and the like must go back with it."""
    found = plan([datastore()], {"name": "images", "purge": ["NOTE"], "template": {"LIMIT_MB": 5}})
    sent = next(part.text for part in found.steps[0].argv if isinstance(part, InputFile))
    assert sent == 'DS_MAD = "fs"\nTM_MAD = "ssh"\nCLONE_TARGET = "SYSTEM"\nLIMIT_MB = "5"\n'


REFUSALS: list[Any] = [
    pytest.param({"name": "12345"}, "digits only", id="a name of digits is taken for an id"),
    pytest.param({"name": ""}, "the name is empty", id="empty name"),
    pytest.param({"name": "a/b"}, "which oned does not allow", id="slash"),
    pytest.param(
        {"name": 'new"er', "rename_from": "images"}, "holds '\"', which oned does not", id="a quote on rename as well"
    ),
    pytest.param({"name": "n<&>x"}, "which oned does not allow", id="angle bracket"),
    pytest.param({"name": "x" * 129}, "128 at most", id="129 bytes"),
    pytest.param({"name": "--help"}, "as an option", id="a name that is an option"),
    pytest.param({"id": 7}, "ids are given by oned", id="an id cannot be chosen"),
    pytest.param(
        {"id": 100, "name": "old", "state": "absent"}, "100 is that of images", id="another than the one to delete"
    ),
    pytest.param({"id": 100, "name": "other"}, "datastore 101 has it", id="the new name is taken"),
    pytest.param({"name": "images", "rename_from": "other"}, "both it .id 100. and other", id="old and new both exist"),
    pytest.param(
        {"name": "new", "rename_from": "images", "state": "absent"}, "contradict", id="renamed and absent at once"
    ),
    pytest.param({"name": "images", "permissions": 416}, "quoted string", id="0640 of YAML is the number 416"),
    pytest.param({"name": "images", "permissions": "0600"}, "three octal digits", id="oned takes 060 of 0600"),
    pytest.param({"name": "images", "permissions": "999"}, "three octal digits", id="no octal digits"),
    pytest.param({"name": "images", "permissions": "7"}, "three octal digits", id="oned makes 700 of 7"),
    pytest.param({"name": "images", "permissions": "u+x"}, "three octal digits", id="symbolic"),
    pytest.param({"name": "images", "owner": "-v"}, "owner '-v' is not", id="an owner that is an option"),
    pytest.param({"name": "images", "template": {"NAME": "x"}}, "never renames", id="NAME in a template"),
    pytest.param({"name": "images", "template": {"UID": 5}}, "without any effect", id="UID only lands in the template"),
    pytest.param(
        {"name": "images", "template": {"NOTE": "x"}, "purge": ["note"]}, "both in .template. and in .purge.", id="both"
    ),
    pytest.param({"name": "new"}, "template needs DS_MAD and TM_MAD", id="too little to create it"),
]


@pytest.mark.parametrize("wanted, words", REFUSALS)
def test_refusals(wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan([datastore(), datastore(101, "other")], wanted)


def test_all_refusals_come_together() -> None:
    with pytest.raises(Refused) as caught:
        plan(
            [datastore()], {"name": "1"}, {"name": "images", "permissions": "9", "template": {"TYPE": "FOO"}}, {"id": 7}
        )
    assert len(caught.value.findings) == 4
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize(
    "wanted",
    [
        [{"name": "images"}, {"name": "images"}],
        [{"name": "images"}, {"id": 100}],
        [{"name": "img", "rename_from": "images"}, {"name": "images", "state": "absent"}],
        [{"name": "new", "template": {"DS_MAD": "fs", "TM_MAD": "ssh"}}] * 2,
        [{"id": 100, "name": "new"}, {"id": 101, "name": "new"}],
        [{"id": 100, "name": "new"}, {"name": "new", "template": {"DS_MAD": "fs", "TM_MAD": "ssh"}}],
        [{"id": 101, "name": "new"}, {"name": "new", "rename_from": "images"}],
    ],
)
def test_declared_twice_is_refused(wanted: list[dict[str, Any]]) -> None:
    with pytest.raises(Refused, match="declared twice"):
        plan([datastore(), datastore(101, "other")], *wanted)


def test_a_name_that_several_have_is_not_guessed() -> None:
    """Users may give their networks the same name."""
    both = [datastore(101), datastore(100)]
    with pytest.raises(Refused, match="2 of them are named images, with the ids 101, 100"):
        plan(both, {"name": "images", "permissions": "600"})
    assert commands(plan(both, {"id": 100, "name": "images", "permissions": "600"})) == [
        ["onedatastore", "chmod", "100", "600"]
    ]


def test_names_are_case_sensitive() -> None:
    found = plan([datastore()], {"name": "IMAGES", "template": {"DS_MAD": "fs", "TM_MAD": "ssh"}})
    assert found.steps[0].argv[1] == "create"


def test_what_is_locked_is_left_alone_and_refused_when_it_would_change() -> None:
    """Even oneadmin cannot change it: 'HOOK is locked'."""
    locked = datastore(locked=True)
    assert plan([locked], {"name": "images", "permissions": "640"}).steps == []
    with pytest.raises(Refused, match="onedatastore unlock 100"):
        plan([locked], {"name": "images", "permissions": "600"})
    with pytest.raises(Refused, match="onedatastore unlock 100"):
        plan([locked], {"name": "images", "state": "absent"})


def test_the_diff_shows_before_and_after_and_no_secret() -> None:
    template = {"RESTIC_PASSWORD": "s3cr3t-word", "NOTE": "new"}
    found = plan([datastore()], {"name": "images", "template": template, "permissions": "600"})
    (diff,) = found.diff
    assert diff["before_header"] == "datastore images"
    assert "template/NOTE: old\n" in diff["before"] and "template/NOTE: new\n" in diff["after"]
    assert "permissions: 640\n" in diff["before"] and "permissions: 600\n" in diff["after"]
    assert "s3cr3t-word" not in str(found.result())


def test_a_changed_secret_shows_as_changed() -> None:
    present = datastore(template={**TEMPLATE, "CEPH_SECRET": ["one"]})
    found = plan([present], {"name": "images", "template": {"CEPH_SECRET": "two"}})
    assert found.diff[0]["before"] != found.diff[0]["after"]


def test_only_what_holds_a_secret_in_question_is_read_again() -> None:
    """A pool shows RESTIC_PASSWORD encrypted: to compare it, or to send it back whole, it must be in the clear."""
    secret = datastore(100, "backup", template={**TEMPLATE, "RESTIC_PASSWORD": ["gAAAA"]})
    other = datastore(101, "images")
    encrypted = DatastorePlanner.encrypted
    compared = [{"name": "backup", "template": {"restic_password": "x"}}]
    assert to_decrypt(encrypted, compared, [secret, other]) == {100}
    assert to_decrypt(encrypted, [{"id": 100, "purge": ["NOTE"]}], [secret, other]) == {100}
    assert to_decrypt(encrypted, [{"name": "backup", "template": {"NOTE": "x"}}], [secret, other]) == set()
    assert to_decrypt(encrypted, [{"name": "images", "purge": ["NOTE"]}], [secret, other]) == set()
