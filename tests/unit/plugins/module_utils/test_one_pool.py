# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools: what cannot be read is said in a sentence."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import (
    FRESH_POOLS,
    PoolError,
    parse_member,
    parse_pool,
)


@pytest.mark.parametrize("text", ["", "not xml", "<HOST_POOL><HOST>"])
def test_what_is_no_xml(text: str) -> None:
    with pytest.raises(PoolError, match="expected XML"):
        parse_pool(text)


def test_what_is_no_pool() -> None:
    with pytest.raises(PoolError, match="expected a pool .* found the element <HOST>"):
        parse_pool("<HOST><ID>1</ID></HOST>")


def test_members_of_other_names_are_no_resources() -> None:
    """A pool of users carries a QUOTAS element beside each USER."""
    pool = parse_pool("<USER_POOL><USER><ID>0</ID><NAME>a</NAME></USER><QUOTAS><ID>0</ID></QUOTAS></USER_POOL>")
    assert [one.name for one in pool] == ["a"]


def test_an_attribute_named_id_is_no_id() -> None:
    """oned stores it as any other, and every user may write one into the own template."""
    (user,) = parse_pool(
        "<USER_POOL><USER><ID>2</ID><GROUPS><ID>1</ID></GROUPS><TEMPLATE><ID>room 5</ID></TEMPLATE></USER></USER_POOL>"
    )
    assert user.ids == {"GROUPS": (1,)} and user.template == {"ID": ["room 5"]}


def test_the_log_of_a_hook_is_no_part_of_it() -> None:
    """It grows with each run; 'show' has it and 'list' has not."""
    plain = "<HOOK><ID>0</ID><NAME>h</NAME><TYPE>api</TYPE><TEMPLATE><COMMAND>x</COMMAND></TEMPLATE>{}</HOOK>"
    ran = parse_member(
        plain.format("<HOOKLOG><HOOK_EXECUTION_RECORD><HOOK_ID>0</HOOK_ID></HOOK_EXECUTION_RECORD></HOOKLOG>")
    )
    never = parse_member(plain.format("<HOOKLOG/>"))
    assert (ran.template, ran.name) == (never.template, never.name)


def test_a_fresh_opennebula_has_what_it_comes_with() -> None:
    pools = {command: parse_pool(text) for command, text in FRESH_POOLS.items()}
    assert {command: [(one.id, one.name) for one in pool] for command, pool in pools.items()} == {
        "onecluster": [(0, "default")],
        "onedatastore": [(2, "files"), (1, "default"), (0, "system")],
        "onegroup": [(1, "users"), (0, "oneadmin")],
        "onehook": [],
        "onehost": [],
        "onesecgroup": [(0, "default")],
        "oneuser": [(1, "serveradmin"), (0, "oneadmin")],
        "onevm": [],
        "onevnet": [],
    }


def test_the_disks_of_a_vm_are_in_the_datastore_of_its_last_record() -> None:
    history = "<HISTORY_RECORDS>{}</HISTORY_RECORDS>"
    records = "".join(f"<HISTORY><SEQ>{seq}</SEQ><DS_ID>{where}</DS_ID></HISTORY>" for seq, where in ((0, 0), (1, 104)))
    vms = "".join(f"<VM><ID>1</ID>{history.format(text)}</VM>" for text in (records, ""))
    assert [one.system_datastore for one in parse_pool(f"<VM_POOL>{vms}</VM_POOL>")] == [104, -1]


def test_what_belongs_to_a_user_is_counted_beside_it() -> None:
    """The counts follow each user in an element of their own; quotas on some clusters count once more."""
    (alice, bob) = parse_pool(
        "<USER_POOL><USER><ID>3</ID><NAME>alice</NAME></USER>"
        "<QUOTAS><ID>3</ID><DATASTORE_QUOTA><DATASTORE><ID>1</ID><IMAGES>-1</IMAGES><IMAGES_USED>2</IMAGES_USED></DATASTORE>"
        "<DATASTORE><ID>100</ID><IMAGES_USED>3</IMAGES_USED></DATASTORE></DATASTORE_QUOTA><VM_QUOTA>"
        "<VM><VMS>-1</VMS><VMS_USED>4</VMS_USED></VM><VM><CLUSTER_IDS>0</CLUSTER_IDS><VMS_USED>1</VMS_USED></VM>"
        "</VM_QUOTA></QUOTAS><USER><ID>2</ID><NAME>bob</NAME></USER><QUOTAS><ID>2</ID><VM_QUOTA/></QUOTAS></USER_POOL>"
    )
    assert alice.usage == {"VM(s)": 4, "image(s)": 5}
    assert bob.usage == {"VM(s)": 0, "image(s)": 0}
