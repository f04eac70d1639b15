# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options are compared by what they mean, and declared in several ways at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import wanted_options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import parse_group


@pytest.mark.parametrize(
    ("wanted", "present", "same"),
    [
        ("on", "on", True),
        ("on", None, False),
        ("on", "enable", True),
        ("Yes", "true", True),
        ("off", "disable", True),
        ("on", "off", False),
        # 1 and 0 are numbers as often as they are booleans.
        ("1", "on", False),
        ("10", "10", True),
        ("10", "010", True),
        ("1GB", "1024MB", True),
        ("1GB", "1073741824", True),
        ("1GB", "1GiB", True),
        ("1GB", "1000MB", False),
        ("51%", "51%", True),
        ("51%", "51", False),
        ("granular", "full", False),
    ],
)
def test_same(wanted: str, present: str | None, same: bool) -> None:
    assert gluster_options.same("some.option", wanted, present) is same


def test_lists_of_clients_have_no_order() -> None:
    assert gluster_options.same("auth.allow", "10.0.0.1, 10.0.0.2", "10.0.0.2,10.0.0.1")
    assert not gluster_options.same("other.option", "a,b", "b,a")
    assert not gluster_options.same("auth.allow", "10.77.0.*", "10.77.0.*,gs2,gs3,gs4")


@pytest.mark.parametrize(("value", "text"), [(True, "on"), (False, "off"), (10, "10"), (" 51% ", "51%"), (0, "0")])
def test_text(value: Any, text: str) -> None:
    """YAML makes a boolean of an unquoted on."""
    assert gluster_options.text(value) == text


GROUPS = {"virt": {"a": "on", "b": "4"}, "nl-cache": {"b": "5", "c": "off"}}


@pytest.mark.parametrize(
    ("declared", "values", "reset"),
    [
        ({"group": ["virt"]}, {"a": "on", "b": "4"}, ()),
        ({"group": ["virt", "nl-cache"]}, {"a": "on", "b": "5", "c": "off"}, ()),
        # A single option has precedence, and may leave out one of the group.
        ({"group": ["virt"], "options": {"b": 9}}, {"a": "on", "b": "9"}, ()),
        ({"group": ["virt"], "options": {"b": None}}, {"a": "on"}, ("b",)),
        ({"owner": {"uid": 36, "gid": None}}, {"storage.owner-uid": "36"}, ()),
        ({"owner": {"uid": 0, "gid": 0}}, {"storage.owner-uid": "0", "storage.owner-gid": "0"}, ()),
    ],
)
def test_several_ways_become_one_table(declared: dict, values: dict, reset: tuple) -> None:
    assert wanted_options(declared, GROUPS) == (values, reset, ())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cluster.op-version": 100000}, "one of the whole pool"),
        ({"features.quota": True}, "declare quota instead"),
        ({"group": "virt"}, "declare group beside options"),
        ({"old.auth.allow": "x"}, "gluster itself writes it"),
        ({"user.kvmcloud-rebalance": "x"}, "gluster_volume itself writes it"),
        ({"a.b": ""}, "is no value"),
        # Accepted with success, and nothing serves NFS.
        ({"nfs.disable": False}, "has no NFS server of its own"),
        ({"nfs.disable": "no"}, "has no NFS server of its own"),
        ({"a.b": ["x"]}, "is no value"),
    ],
)
def test_what_is_no_option_of_a_volume(options: dict, said: str) -> None:
    (finding,) = wanted_options({"options": options}, {}).findings
    assert said in finding


def test_every_peer_is_let_in_once() -> None:
    assert gluster_options.allowed_with_peers("10.0.0.*,gs2", ["gs3", "gs2", "gs1"]) == "10.0.0.*,gs2,gs1,gs3"


def test_a_file_of_options() -> None:
    assert parse_group("# comment\nperformance.quick-read=off\n\nuser.x = a=b \n") == {
        "performance.quick-read": "off",
        "user.x": "a=b",
    }
