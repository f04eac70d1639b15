# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datastores: what oned ignores, overrides or takes too easily."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_datastore import (
    DatastorePlanner,
    deletes_system,
    unmeasured,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan

CLUSTERS = [Resource(0, "default"), Resource(100, "edge"), Resource(101, "core")]


def datastore(number: int = 100, kind: str = "0", **more: Any) -> Resource:
    fields = {"TYPE": kind, "STATE": more.pop("state", "0"), "TOTAL_MB": more.pop("total", "0")}
    template = {"DS_MAD": ["fs"], "TM_MAD": ["shared"], "DISK_TYPE": ["FILE"], **more.pop("template", {})}
    ids = {"CLUSTERS": more.pop("clusters", (0,)), "IMAGES": more.pop("images", ())}
    return Resource(number, more.pop("name", "images"), fields, ids, template, "640")


def plan(present: list[Resource], *wanted: dict[str, Any], lenient: bool = False) -> Plan:
    return DatastorePlanner(present, CLUSTERS, lenient).plan(wanted)


def commands(found: Plan) -> list[list[str]]:
    return [[str(part) for part in step.argv] for step in found.steps]


def sent(found: Plan) -> list[str]:
    return [part.text for step in found.steps for part in step.argv if isinstance(part, InputFile)]


@pytest.mark.parametrize(
    "stored, wanted, equal",
    [
        pytest.param({"DISK_TYPE": ["BLOCK"]}, {"DISK_TYPE": "block"}, True, id="oned upper-cases DISK_TYPE"),
        pytest.param({"DISK_TYPE": ["FILE"]}, {"DISK_TYPE": "block"}, False, id="another DISK_TYPE"),
        pytest.param(
            {"TYPE": ["system_ds"]}, {"TYPE": "IMAGE_DS"}, True, id="the TYPE element counts, not the template"
        ),
        pytest.param({}, {"TYPE": "image_ds"}, True, id="no TYPE stored means an image datastore"),
        pytest.param({"CLONE_TARGET": ["SYSTEM"]}, {"CLONE_TARGET": "SELF"}, True, id="CLONE_TARGET is overwritten"),
        pytest.param({"SHARED": ["YES"]}, {"SHARED": False}, True, id="SHARED is overwritten"),
        pytest.param({"ALLOW_ORPHANS": ["yes"]}, {"ALLOW_ORPHANS": "NO"}, True, id="ALLOW_ORPHANS is overwritten"),
        pytest.param({"SAFE_DIRS": ["/var/tmp"]}, {"SAFE_DIRS": "/srv"}, False, id="SAFE_DIRS is kept as given"),
        pytest.param({}, {"TM_MAD": "qcow2"}, False, id="TM_MAD can be changed by append"),
    ],
)
def test_comparison(stored: dict[str, Any], wanted: dict[str, Any], equal: bool) -> None:
    found = plan([datastore(template=stored)], {"name": "images", "template": wanted})
    assert (found.steps == []) is equal


@pytest.mark.parametrize(
    "name",
    ["ALLOW_ORPHANS", "CLONE_TARGET", "DS_MIGRATE", "LN_TARGET", "SHARED"]
    + ["DS_LIVE_MIGRATE", "DS_MIGRATE_SNAP", "PERSISTENT_SNAPSHOTS"],
)
def test_what_oned_overrides_is_warned_about_and_never_sent(name: str) -> None:
    found = plan([], {"name": "new", "template": {"DS_MAD": "fs", "TM_MAD": "ssh", name.lower(): "x"}})
    assert found.warnings == [f"datastore new: {name} is left out; oned always takes it from TM_MAD_CONF of oned.conf."]
    assert name not in sent(found)[0]


def test_a_system_datastore_has_no_ds_mad() -> None:
    template = {"TYPE": "SYSTEM_DS", "DS_MAD": "fs", "TM_MAD": "ssh"}
    found = plan([], {"name": "sys", "template": template})
    assert "DS_MAD" not in sent(found)[0]
    assert "DS_MAD is left out" in found.warnings[0]
    system = datastore(kind="1", name="sys", template={})
    assert plan([system], {"name": "sys", "template": {**template, "TM_MAD": "shared"}}).steps == []


@pytest.mark.parametrize(
    "present, wanted, words",
    [
        pytest.param([], {"TYPE": "FOO"}, "TYPE must be one of", id="oned makes an image datastore of an unknown TYPE"),
        pytest.param([], {"TYPE": 0}, "TYPE must be one of", id="a number is an unknown TYPE"),
        pytest.param([datastore()], {"TYPE": "SYSTEM_DS"}, "Delete it and create it anew", id="a change of TYPE"),
        pytest.param([], {"TYPE": "SYSTEM_DS"}, "template needs TM_MAD", id="a system datastore needs TM_MAD only"),
        pytest.param([], {"DS_MAD": "ceph"}, "template needs TM_MAD", id="an image datastore needs both"),
        pytest.param([], {"TYPE": "BACKUP_DS"}, "template needs DS_MAD.", id="a backup datastore needs DS_MAD only"),
    ],
)
def test_templates_refused(present: list[Resource], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        plan(present, {"name": "images", "template": wanted})


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_comes_with_opennebula_is_never_deleted(number: int) -> None:
    """oned would delete datastore 0 without protest."""
    with pytest.raises(Refused, match="never deleted"):
        plan([datastore(number)], {"id": number, "state": "absent"})


def test_what_holds_images_is_not_deleted() -> None:
    with pytest.raises(Refused, match=r"12 image\(s\), ids 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"):
        plan([datastore(images=tuple(range(1, 13)))], {"name": "images", "state": "absent"})


def test_where_vms_have_their_disks_is_not_deleted() -> None:
    """oned counts the images of a datastore only, of which a system datastore has none."""
    system, delete = datastore(kind="1"), {"name": "images", "state": "absent"}
    machines = [Resource(7, "a", system_datastore=100), Resource(8, "b", system_datastore=0), Resource(9, "pending")]
    with pytest.raises(Refused, match=r"the disks of 1 VM\(s\), ids 7; terminate them"):
        DatastorePlanner([system], machines=machines).plan([delete])
    assert commands(DatastorePlanner([system], machines=machines[1:]).plan([delete])) == [
        ["onedatastore", "delete", "100"]
    ]


def test_vms_are_looked_at_only_when_a_system_datastore_goes() -> None:
    system, images = datastore(kind="1", name="sys"), datastore(101)
    assert deletes_system([{"name": "sys", "state": "absent"}], [system, images])
    assert deletes_system([{"id": 100, "state": "absent"}], [system, images])
    assert not deletes_system([{"name": "images", "state": "absent"}, {"name": "sys"}], [system, images])


@pytest.mark.parametrize(
    "kind, state, wanted, expected",
    [
        ("1", "0", "enabled", []),
        ("1", "1", "enabled", [["onedatastore", "enable", "100"]]),
        ("1", "0", "disabled", [["onedatastore", "disable", "100"]]),
        ("1", "1", "disabled", []),
        ("1", "1", "present", []),
    ],
)
def test_states(kind: str, state: str, wanted: str, expected: list[list[str]]) -> None:
    assert commands(plan([datastore(kind=kind, state=state)], {"name": "images", "state": wanted})) == expected


def test_only_system_datastores_have_states() -> None:
    with pytest.raises(Refused, match="only system datastores"):
        plan([datastore()], {"name": "images", "state": "disabled"})


@pytest.mark.parametrize(
    "clusters, wanted, expected",
    [
        pytest.param((0,), None, [], id="not given: where it is"),
        pytest.param((0,), ["default"], [], id="as it is"),
        pytest.param((0,), ["0"], [], id="by id"),
        pytest.param(
            (0,),
            ["edge"],
            [["onecluster", "adddatastore", "100", "7"], ["onecluster", "deldatastore", "0", "7"]],
            id="moved: added before it is taken out",
        ),
        pytest.param((0, 100), [], [["onecluster", "deldatastore", n, "7"] for n in ("0", "100")], id="in none"),
    ],
)
def test_clusters(clusters: tuple[int, ...], wanted: Any, expected: list[list[str]]) -> None:
    assert commands(plan([datastore(7, clusters=clusters)], {"name": "images", "clusters": wanted})) == expected


def test_a_new_datastore_is_created_in_its_first_cluster() -> None:
    """Otherwise it would be in cluster 0 for a moment, where VMs could be scheduled onto it."""
    template = {"DS_MAD": "fs", "TM_MAD": "ssh"}
    found = plan([], {"name": "new", "template": template, "clusters": ["edge", "core"], "permissions": "600"})
    assert commands(found) == [
        ["onedatastore", "create", "<file>", "-c", "100"],
        ["onecluster", "adddatastore", "101", "<id of new>"],
        ["onedatastore", "chmod", "<id of new>", "600"],
    ]


def test_a_cluster_that_is_named_twice_counts_once() -> None:
    """A difference would be shown where there is none."""
    found = plan([datastore()], {"name": "images", "clusters": ["default", "0"]})
    assert (found.steps, found.diff) == ([], [])
    found = plan([datastore(7)], {"name": "images", "clusters": ["default", "edge", "100"]})
    assert commands(found) == [["onecluster", "adddatastore", "100", "7"]]


def test_an_unknown_cluster_is_refused_and_assumed_in_check_mode_only() -> None:
    wanted = {"name": "images", "clusters": ["default", "west"]}
    with pytest.raises(Refused, match="there is no cluster west"):
        plan([datastore()], wanted)
    found = plan([datastore()], wanted, lenient=True)
    assert commands(found) == [["onecluster", "adddatastore", "west", "100"]]
    assert len(found.warnings) == 1


def test_a_new_image_datastore_is_waited_for_until_it_has_a_size() -> None:
    pool = [
        datastore(100, name="a"),
        datastore(101, name="b", total="10"),
        datastore(102, "1", name="c"),
        datastore(103),
    ]
    assert set(unmeasured(pool, [100, 101, 102])) == {"a"}


def test_another_driver_is_told_to_leave_attributes_of_the_former_one() -> None:
    """Appending TM_MAD keeps CLONE_TARGET_SSH and its like, which the new driver knows nothing of."""
    stored = {"TM_MAD": ["ceph"], "TM_MAD_SYSTEM": ["ssh"], "CLONE_TARGET_SSH": ["SYSTEM"], "CLONE_TARGET": ["SELF"]}
    present = datastore(template=stored)
    (warning,) = plan([present], {"name": present.name, "template": {"TM_MAD": "ssh"}}).warnings
    assert "of the driver ceph" in warning and "TM_MAD_SYSTEM, CLONE_TARGET_SSH;" in warning
    assert plan([present], {"name": present.name, "template": {"TM_MAD": "ceph"}}).warnings == []
    plain = datastore(template={"TM_MAD": ["shared"], "CLONE_TARGET": ["SYSTEM"]})
    assert plan([plain], {"name": plain.name, "template": {"TM_MAD": "ssh"}}).warnings == []


@pytest.mark.parametrize(
    "name, words",
    [
        ("ds_mad", "oned keeps it whatever an update says"),
        ("TM_MAD", "oned keeps it whatever an update says"),
        ("TYPE", "oned keeps it whatever an update says"),
        ("clone_target", "needs it, and does not renew it"),
        ("SHARED", "needs it, and does not renew it"),
    ],
)
def test_what_oned_keeps_or_needs_is_not_purged(name: str, words: str) -> None:
    present = datastore()
    with pytest.raises(Refused, match=words):
        plan([present], {"name": present.name, "purge": [name]})


NEW_SYSTEM = {"name": "vms", "awaits_storage": True, "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "shared"}}
MARKED = {"TYPE": ["SYSTEM_DS"], "KVMCLOUD_AWAITS_STORAGE": ["YES"]}


def test_a_new_system_datastore_takes_no_guest_before_its_storage_is_there() -> None:
    found = plan([], NEW_SYSTEM)
    assert [command[:2] for command in commands(found)] == [["onedatastore", "create"], ["onedatastore", "disable"]]
    assert 'KVMCLOUD_AWAITS_STORAGE = "YES"' in sent(found)[0]


def test_one_that_is_declared_disabled_stays_so() -> None:
    found = plan([], {**NEW_SYSTEM, "state": "disabled"})
    assert [command[1] for command in commands(found)] == ["create", "disable"]
    assert "KVMCLOUD_AWAITS_STORAGE" not in sent(found)[0]


@pytest.mark.parametrize("state", ["present", "enabled"])
def test_one_that_still_waits_is_left_disabled(state: str) -> None:
    waiting = datastore(kind="1", state="1", name="vms", template=MARKED)
    assert plan([waiting], {"name": "vms", "awaits_storage": True, "state": state}).steps == []


def test_one_whose_creation_was_cut_off_before_it_was_disabled_is_disabled() -> None:
    created = datastore(kind="1", state="0", name="vms", template=MARKED)
    found = plan([created], {"name": "vms", "awaits_storage": True})
    assert [command[1] for command in commands(found)] == ["disable"]


def test_who_has_mounted_the_storage_enables_it_and_takes_the_mark_away() -> None:
    waiting = datastore(kind="1", state="1", name="vms", template=MARKED)
    found = plan([waiting], {"name": "vms", "state": "enabled", "purge": ["KVMCLOUD_AWAITS_STORAGE"]})
    assert [command[1] for command in commands(found)] == ["enable", "update"], "killed in between, the mark is left"
    assert "KVMCLOUD_AWAITS_STORAGE" not in sent(found)[0]


def test_image_datastores_cannot_be_disabled_and_do_not_wait() -> None:
    found = plan([], {"name": "images", "awaits_storage": True, "template": {"DS_MAD": "fs", "TM_MAD": "shared"}})
    assert [command[1] for command in commands(found)] == ["create"]
    assert "KVMCLOUD_AWAITS_STORAGE" not in sent(found)[0]


def test_an_existing_datastore_does_not_begin_to_wait() -> None:
    assert plan([datastore(kind="1", name="vms")], {"name": "vms", "awaits_storage": True}).steps == []


DRIVER = {
    "LN_TARGET": "NONE",
    "CLONE_TARGET": "SELF",
    "SHARED": "YES",
    "DS_MIGRATE": "NO",
    "ALLOW_ORPHANS": "format",
    "TM_MAD_SYSTEM": "ssh",
    "LN_TARGET_SSH": "SYSTEM",
    "DRIVER": "raw",
}
AS_MADE = {
    "LN_TARGET": ["NONE"],
    "CLONE_TARGET": ["SELF"],
    "ALLOW_ORPHANS": ["FORMAT"],
    "TM_MAD_SYSTEM": ["ssh"],
    "LN_TARGET_SSH": ["SYSTEM"],
}
SYSTEM_AS_MADE = {"SHARED": ["YES"], "DS_MIGRATE": ["NO"], "ALLOW_ORPHANS": ["format"]}


@pytest.mark.parametrize(
    "kind, stored, driver, expected",
    [
        pytest.param("0", AS_MADE, DRIVER, None, id="as oned made it"),
        pytest.param("1", SYSTEM_AS_MADE, DRIVER, None, id="a system datastore as oned made it"),
        pytest.param("2", {}, DRIVER, None, id="one for files, into which oned copies nothing"),
        pytest.param("0", {**AS_MADE, "TM_MAD_SYSTEM": ["shared"]}, {}, None, id="no word of its driver"),
        pytest.param(
            "0",
            {**AS_MADE, "TM_MAD_SYSTEM": ["ssh,shared"], "CLONE_TARGET": ["SYSTEM"]},
            DRIVER,
            ["update", "100", 'CLONE_TARGET = "SELF"\nTM_MAD_SYSTEM = "ssh"\n', "-a"],
            id="what the former release had",
        ),
        pytest.param(
            "1",
            {**SYSTEM_AS_MADE, "SHARED": ["NO"]},
            DRIVER,
            ["update", "100", 'SHARED = "YES"\n', "-a"],
            id="what oned writes whatever a template says",
        ),
    ],
)
def test_an_existing_datastore_gets_what_its_driver_has(
    kind: str, stored: dict[str, Any], driver: dict[str, str], expected: list[str] | None
) -> None:
    found = plan([datastore(kind=kind, template=stored)], {"id": 100, "driver": driver})
    given = [
        [part.text if isinstance(part, InputFile) else str(part) for part in step.argv][1:] for step in found.steps
    ]
    assert given == ([expected] if expected else [])
    assert found.warnings == []


def test_what_the_driver_has_no_longer_is_taken_out_which_oned_does_not_do() -> None:
    stored = {**AS_MADE, "DISK_TYPE_SSH": ["FILE"], "MY_OWN": ["1"]}
    without = {**DRIVER, "TM_MAD_SYSTEM": ""}
    found = plan([datastore(template=stored)], {"id": 100, "driver": without})
    (step,) = found.steps
    assert "remove DISK_TYPE_SSH, LN_TARGET_SSH, TM_MAD_SYSTEM" in step.sentence
    (text,) = sent(found)
    assert "_SSH" not in text and "TM_MAD_SYSTEM" not in text
    assert 'MY_OWN = "1"' in text and 'LN_TARGET = "NONE"' in text
