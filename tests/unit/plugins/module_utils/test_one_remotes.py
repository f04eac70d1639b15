# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_remotes import plan_sync


def host(number, state="2"):
    return Resource(id=number, name=f"node{number}", fields={"STATE": state})


def record(digest, newest, **hosts):
    return {"digest": digest, "newest": newest, "hosts": {number.lstrip("n"): given for number, given in hosts.items()}}


@pytest.mark.parametrize(
    ("pool", "former", "synced", "waiting"),
    [
        ([], None, [], []),
        ([host(0), host(1)], None, ["node0", "node1"], []),
        ([host(0)], record("now", 0, n0="now"), [], []),
        ([host(1), host(0)], record("old", 1, n0="old", n1="old"), ["node0", "node1"], []),
        ([host(0), host(1)], record("now", 0, n0="now"), [], []),
        ([host(0), host(1)], record("old", 0, n0="old"), ["node0", "node1"], []),
        ([host(0), host(1, "3")], record("old", 1, n0="old", n1="old"), ["node0"], ["node1"]),
        ([host(0), host(1, "8")], record("old", 1, n0="old", n1="old"), ["node0"], ["node1"]),
        ([host(0, "4")], record("old", 0, n0="old"), ["node0"], []),
        ([host(0), host(1)], record("now", 1, n0="now", n1="old"), ["node1"], []),
        ([host(1)], record("now", 1, n0="now", n1="now"), [], []),
    ],
    ids=[
        "bare cloud",
        "cloud that was there before us: nothing is known",
        "nothing changed",
        "a remote changed",
        "a node was added: oned copied them itself",
        "a node was added after the remotes changed, before this look",
        "a node in error waits",
        "an offline node waits",
        "a disabled node is reached",
        "a node that was away is made up for",
        "a node was removed",
    ],
)
def test_who_is_given_the_remotes(pool, former, synced, waiting):
    plan = plan_sync(pool, former, "now")
    assert [one.name for one in plan.sync] == synced
    assert plan.waiting == waiting


def test_the_plan_of_what_was_done_is_empty_but_for_those_away():
    pool = [host(0), host(1, "3"), host(2)]
    first = plan_sync(pool, record("old", 2, n0="old", n1="old", n2="old"), "now")
    again = plan_sync(pool, first.record, "now")
    assert again.sync == [] and again.waiting == ["node1"]
    back = plan_sync([host(0), host(1), host(2)], again.record, "now")
    assert [one.name for one in back.sync] == ["node1"]


def test_a_node_in_error_at_the_first_look_is_not_taken_for_new_later():
    first = plan_sync([host(0, "3")], None, "now")
    assert [one.name for one in plan_sync([host(0)], first.record, "now").sync] == ["node0"]
