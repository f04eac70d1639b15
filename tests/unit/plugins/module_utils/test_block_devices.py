# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import (
    Device,
    device,
    parse_lsblk,
    parse_wipefs,
    signature,
)


def node(name: str, kind: str = "disk", children=(), mountpoint: str | None = None, **more) -> dict:
    shown = {"name": f"/dev/{name}", "kname": f"/dev/{name}", "type": kind, "size": 1000, "ro": False}
    return {**shown, "ptuuid": None, "mountpoint": mountpoint, "children": list(children), **more}


@pytest.mark.parametrize(
    ("found", "uses", "partitions"),
    [
        pytest.param(node("sdb"), [], [], id="an idle disk"),
        pytest.param(node("sdb", mountpoint="/srv"), ["/dev/sdb is mounted at /srv"], [], id="mounted itself"),
        pytest.param(node("sdb", mountpoint="[SWAP]"), ["/dev/sdb is used as swap"], [], id="swap"),
        pytest.param(
            node("sda", children=[node("sda1", "part", mountpoint="/boot"), node("sda2", "part")]),
            ["/dev/sda1 is mounted at /boot"],
            ["/dev/sda1", "/dev/sda2"],
            id="a partition is mounted",
        ),
        pytest.param(
            node("sda", children=[node("sda1", "part", [node("sda5", "part", mountpoint="/bsd")])]),
            ["/dev/sda5 is mounted at /bsd"],
            ["/dev/sda5", "/dev/sda1"],
            id="a partition has partitions: innermost first",
        ),
        pytest.param(
            node("sda", children=[node("sda1", "part", [node("dm-0", "lvm", mountpoint="/")])]),
            ["/dev/sda1 is below /dev/dm-0 (lvm)"],
            ["/dev/sda1"],
            id="a partition carries a volume",
        ),
        pytest.param(
            node("sdb", children=[node("md0", "raid1")]), ["/dev/sdb is below /dev/md0 (raid1)"], [], id="in a RAID"
        ),
        pytest.param(
            node("sdb", children=[node("dm-1", "mpath")]), ["/dev/sdb is below /dev/dm-1 (mpath)"], [], id="one path"
        ),
        pytest.param(
            node("sdb", children=[node("dm-2", "crypt", mountpoint="/s")]),
            ["/dev/sdb is below /dev/dm-2 (crypt)"],
            [],
            id="opened LUKS",
        ),
    ],
)
def test_who_uses_a_device(found, uses, partitions):
    assert device(found, []) == Device(found["kname"], 1000, False, tuple(uses), (), tuple(partitions))


@pytest.mark.parametrize(("shown", "read_only"), [(True, True), ("1", True), (False, False), ("0", False)])
def test_older_releases_print_numbers_as_text(shown, read_only):
    found = device(node("sr0", ro=shown, size="1000"), [])
    assert (found.read_only, found.size) == (read_only, 1000)


def test_a_device_below_others_is_found_by_its_kernel_name():
    tree = json.dumps({"blockdevices": [node("sda", children=[node("sda1", "part", [node("dm-0", "lvm")])])]})
    assert set(parse_lsblk(tree)) == {"/dev/sda", "/dev/sda1", "/dev/dm-0"}


def test_wipefs_says_nothing_about_an_empty_device():
    assert parse_wipefs("") == []
    assert parse_wipefs('{"signatures": [{"type": "xfs"}]}') == [{"type": "xfs"}]


@pytest.mark.parametrize(
    ("found", "table", "text"),
    [
        ({"type": "xfs", "uuid": "1-2"}, None, "xfs:1-2"),
        ({"type": "gpt", "uuid": None}, "aa-bb", "gpt:aa-bb"),
        ({"type": "PMBR", "uuid": None}, "aa-bb", "PMBR:aa-bb"),
        ({"type": "zfs_member", "uuid": None}, "aa-bb", "zfs_member:d1ge57"),
        ({"type": "dos", "uuid": None}, None, "dos:d1ge57"),
    ],
    ids=["its UUID", "that of the table", "of its protection too", "what is written there", "an old table without id"],
)
def test_a_signature_has_an_identity_that_dies_with_the_data(found, table, text):
    assert signature(found, table, "d1ge57") == text


def test_gpt_has_two_copies_and_one_name():
    assert device(node("sdb"), ["gpt:a", "PMBR:a", "gpt:a"]).signatures == ("gpt:a", "PMBR:a")
