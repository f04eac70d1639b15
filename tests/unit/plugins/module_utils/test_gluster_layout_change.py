# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from gluster_hosts import (
    ARBITER,
    DISPERSE3,
    DISTRIBUTE,
    FORMS,
    REPLICA2,
    REPLICA3,
    buildable,
    check_apart,
    disk,
    host,
    hosts,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout import LayoutError, layout
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout_change import Change, change
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Brick, Layout, read_back

FOUR = hosts(2, 2, 2, 2)


def without(declared, *names):
    return [one for one in declared if one.name not in names]


@pytest.mark.parametrize(
    ("before", "after", "form", "steps", "moves"),
    [
        pytest.param(FOUR, FOUR, REPLICA2, [], 0, id="as declared"),
        pytest.param(FOUR, FOUR[::-1], REPLICA2, [], 0, id="the order of the inventory means nothing to what is there"),
        pytest.param(
            FOUR,
            hosts(2, 2, 2, 2, 2, 2),
            REPLICA2,
            ["add the set h5:/b1/v, h6:/b1/v", "add the set h5:/b2/v, h6:/b2/v"],
            0,
            id="two hosts make sets of their own",
        ),
        pytest.param(
            FOUR,
            hosts(2, 2, 2, 2, 2),
            REPLICA2,
            ["replace h1:/b1/v by h5:/b2/v", "add the set h1:/b1/v.2, h5:/b1/v"],
            1,
            id="one host takes one brick over",
        ),
        pytest.param(
            FOUR,
            [*without(FOUR, "h2"), host("h9", 2)],
            REPLICA2,
            ["replace h2:/b1/v by h9:/b1/v", "replace h2:/b2/v by h9:/b2/v"],
            0,
            id="a dead host is replaced by another",
        ),
        pytest.param(
            FOUR,
            without(FOUR, "h3", "h4"),
            REPLICA2,
            ["remove the set h3:/b1/v, h4:/b1/v", "remove the set h3:/b2/v, h4:/b2/v"],
            0,
            id="the sets of hosts that leave",
        ),
        pytest.param(
            FOUR,
            without(FOUR, "h4"),
            REPLICA2,
            [
                "remove the set h3:/b2/v, h4:/b2/v",
                "replace h1:/b1/v by h3:/b2/v.2",
                "replace h4:/b1/v by h1:/b1/v.2",
            ],
            1,
            id="one host leaves: a set goes, and its other disk cannot join the set of its own host",
        ),
        pytest.param(
            hosts(1, 1), hosts(1, 1, 1), DISTRIBUTE, ["add the set h3:/b1/v"], 0, id="distribute grows by any disk"
        ),
        pytest.param(
            hosts(1, 1, 1),
            [host("h1", 1), host("h2", 1), host("h4", 1)],
            ARBITER,
            ["replace h3:/b1/v by h4:/b1/v"],
            0,
            id="what replaces an arbiter is one",
        ),
        pytest.param(
            hosts(1, 1, 1, racks="ABC"),
            hosts(1, 1, 1, 1, 1, 1, racks="ABCAAB"),
            REPLICA3,
            None,
            0,
            id="a rack that would hold two copies",
        ),
        pytest.param(
            [*hosts(1, 1), host("t", 0, arbiters=1)],
            [*hosts(1, 1), host("u", 0, arbiters=1)],
            ARBITER,
            ["replace t:/b1/v-arbiter1 by u:/b1/v-arbiter1"],
            0,
            id="another host for arbiters",
        ),
        pytest.param(
            [*hosts(1, 1), host("t", 0, arbiters=1)],
            [*hosts(2, 2), host("t", 0, arbiters=1)],
            ARBITER,
            ["add the set h1:/b2/v, h2:/b2/v, t:/b1/v-arbiter2"],
            0,
            id="the next arbiter has its own directory",
        ),
    ],
)
def test_changes(before, after, form, steps, moves):
    present = layout(before, form, "v")
    if steps is None:
        with pytest.raises(LayoutError, match="volume v: 6 disks make 2 sets of replica 3, and A has 3 disks"):
            change(present, after, form, "v")
        return
    found = change(present, after, form, "v")
    assert found.sentences == steps
    assert found.moves == moves
    assert bool(found) == bool(steps)
    assert found.findings == []


@pytest.mark.parametrize(
    ("before", "had", "after", "form", "steps"),
    [
        (hosts(1), DISTRIBUTE, hosts(1, 1), REPLICA2, ["keep one copy more: h2:/b1/v"]),
        (hosts(1, 1), REPLICA2, hosts(1, 1, 1), REPLICA3, ["keep one copy more: h3:/b1/v"]),
        (
            hosts(2, 2),
            REPLICA2,
            hosts(2, 2, 2),
            ARBITER,
            ["keep one copy more: h3:/b1/v, h3:/b2/v"],
        ),
        (
            hosts(1, 1),
            REPLICA2,
            [*hosts(1, 1), host("t", 0, arbiters=1)],
            ARBITER,
            ["keep one copy more: t:/b1/v-arbiter1"],
        ),
        (hosts(1, 1, 1), REPLICA3, hosts(1, 1), REPLICA2, ["keep one copy less: without h3:/b1/v"]),
        (hosts(1, 1, 1), REPLICA3, without(hosts(1, 1, 1), "h1"), REPLICA2, ["keep one copy less: without h1:/b1/v"]),
        (hosts(1, 1, 1), ARBITER, hosts(1, 1), REPLICA2, ["keep one copy less: without h3:/b1/v"]),
    ],
    ids=["1 to 2", "2 to 3", "2 to arbiter", "2 to arbiter apart", "3 to 2", "3 to 2, one is gone", "arbiter to 2"],
)
def test_the_replica_count_changes(before, had, after, form, steps):
    found = change(layout(before, had, "v"), after, form, "v")
    assert found.sentences == steps
    check_apart(found.layout, racks=False)


@pytest.mark.parametrize(
    ("had", "form", "said"),
    [
        (REPLICA3, DISPERSE3, "it is replica 3 and cannot become disperse 3 redundancy 1"),
        (REPLICA3, ARBITER, "it is replica 3 and cannot become replica 3 arbiter 1"),
        (ARBITER, REPLICA3, "cannot become replica 3"),
        (DISTRIBUTE, REPLICA3, "its replica count changes by one at a time"),
    ],
)
def test_forms_that_do_not_become_one_another(had, form, said):
    with pytest.raises(LayoutError, match=said):
        change(layout(hosts(1, 1, 1), had, "v"), hosts(1, 1, 1), form, "v")


def test_a_set_that_was_forced_together_is_told_and_left():
    # 'Multiple bricks of a replicate volume are present on the same server' - created with force all the same
    declared = hosts(2, 2)
    present = read_back(["h1:/b1/v", "h1:/b2/v", "h2:/b1/v", "h2:/b2/v"], REPLICA2, declared)
    found = change(present, declared, REPLICA2, "v")
    assert not found
    assert "volume v: set 1 has 2 of its 2 copies on host h1: h1:/b1/v, h1:/b2/v." in found.findings


def test_a_disk_is_replaced_by_one_of_its_own_host_first():
    present = layout(hosts(1, 1), REPLICA2, "v")
    other = host("h1")._replace(disks=(disk(9),))
    after = [host("h3", 2), host("h4", 2), other, host("h2")]
    assert change(present, after, REPLICA2, "v").replace == [(present.bricks[0], Brick("h1", "/b9/v"))]


def test_new_sets_put_large_disks_with_large_ones():
    first = [host("h1", 1, sizes=(10,)), host("h2", 1, sizes=(10,))]
    joined = [host("h3", 2, sizes=(10, 500)), host("h4", 2, sizes=(500, 10))]
    found = change(layout(first, REPLICA2, "v"), [*first, *joined], REPLICA2, "v")
    assert [[brick.size_mb for brick in members] for members in found.add] == [[500, 500], [10, 10]]


def test_what_replaces_a_brick_is_in_another_rack_than_the_rest_of_its_set():
    racks = {"h1": "A", "h2": "B", "h3": "A", "h4": "B", "h5": "A", "h6": "B"}
    before = [host(name, 1, racks[name]) for name in ("h1", "h2", "h3", "h4")]
    present = read_back(["h1:/b1/v", "h2:/b1/v", "h3:/b1/v", "h4:/b1/v"], REPLICA2, before)
    after = [host(name, 1, racks[name]) for name in ("h5", "h6", "h1", "h4")]
    found = change(present, after, REPLICA2, "v")
    assert found.sentences == ["replace h2:/b1/v by h6:/b1/v", "replace h3:/b1/v by h5:/b1/v"]


def test_two_fragments_that_a_rack_may_hold_are_on_two_hosts_of_it():
    racks = {"h1": "A", "h2": "A", "h8": "A", "h3": "B", "h4": "B", "h5": "C", "h6": "C"}
    rest = ["h3", "h4", "h5", "h6"]
    sets = [
        ["h1:/b1/v", "h2:/b1/v", *(f"{n}:/b1/v" for n in rest)],
        ["h8:/b1/v", "h2:/b2/v", *(f"{n}:/b2/v" for n in rest)],
    ]
    # A disk of h2 is gone, and h1, which is in the same set, has a new one.
    after = [host("h1", 2, "A"), host("h2", 0, "A")._replace(disks=(disk(2),)), host("h8", 1, "A")]
    after += [host(name, 2, racks[name]) for name in rest]
    form = Form(0, 0, 6, 2)
    found = change(read_back([*sets[0], *sets[1]], form, after), after, form, "v")
    check_apart(found.layout, racks=True)
    assert found.sentences == ["replace h2:/b1/v by h8:/b1/v.2", "replace h8:/b1/v by h1:/b2/v"]


def test_a_new_arbiter_goes_where_there_are_few():
    present = layout([*hosts(2, 2), host("t", 0, arbiters=1), host("u", 0, arbiters=1)], ARBITER, "v")
    found = change(present, [*hosts(2, 2), host("t", 0, arbiters=1), host("w", 0, arbiters=1)], ARBITER, "v")
    assert found.sentences == ["replace u:/b1/v-arbiter1 by w:/b1/v-arbiter1"]


@pytest.mark.parametrize(
    ("left", "came"),
    [
        ([], "h3:/b1/v"),
        (["h3:/b1/v"], "h3:/b1/v.2"),
        (["h3-storage:/b1/v", "h3:/b1/v.2", "h2:/b1/v.7"], "h3:/b1/v.3"),
        (["h3:/b1/v.2"], "h3:/b1/v.3"),
        (["h3:/b1/other", "h9:/b1/v"], "h3:/b1/v"),
    ],
)
def test_a_directory_that_was_a_brick_is_never_one_again(left, came):
    """Its files are those of another set, or old ones; gluster itself says 'already part of a volume'."""
    after = [*hosts(1, 1), host("h3")._replace(other_names=("h3-storage",))]
    found = change(layout(hosts(1, 1), REPLICA2, "v"), after, REPLICA3, "v", left)
    assert found.sentences == [f"keep one copy more: {came}"]
    again = read_back(found.layout.order, REPLICA3, after)
    assert again == found.layout and not change(again, after, REPLICA3, "v", left)


def test_an_arbiter_has_a_new_directory_too():
    declared = [*hosts(1, 1), host("t", 0, arbiters=1)]
    found = change(layout(hosts(1, 1), REPLICA2, "v"), declared, ARBITER, "v", ["t:/b1/v-arbiter1"])
    assert found.sentences == ["keep one copy more: t:/b1/v-arbiter2"]


def applied(present: Layout, found: Change, left=()) -> set[frozenset[str]]:
    """The sets as the steps make them, one after the other; gluster refuses what is refused here."""
    sets = [list(map(str, members)) for members in present.sets]
    was = {*map(str, present.bricks), *left}
    for members in found.remove:
        sets.remove(list(map(str, members)))
    for brick in found.narrow:
        next(members for members in sets if str(brick) in members).remove(str(brick))
    for old, new in found.replace:
        assert str(new) not in was, f"{new} holds files"
        members = next(members for members in sets if str(old) in members)
        members[members.index(str(old))] = str(new)
    for members, brick in zip(sets, found.widen):
        assert str(brick) not in was
        members.append(str(brick))
    for members in found.add:
        assert not was & set(map(str, members))
        sets.append(list(map(str, members)))
    return {frozenset(members) for members in sets}


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(FORMS), st.data())
def test_any_inventory_becomes_any_other(form, data):
    before, after = data.draw(buildable(form)), data.draw(buildable(form))
    # Racks are as they are declared now.
    present = read_back(layout(before, form, "v").order, form, after)
    found = change(present, after, form, "v")
    if not found.findings:
        check_apart(found.layout, all(one.rack for one in after))
    assert applied(present, found) == {frozenset(map(str, members)) for members in found.layout.sets}
    assert {(brick.host, brick.path) for brick in found.layout.bricks} == {
        (one.name, d.path) for one in after for d in one.disks
    }
    again = change(read_back(found.layout.order, form, after), after, form, "v")
    assert not again, again.sentences
    # And back again.
    left = sorted({*map(str, present.bricks)} - {*found.layout.order})
    there = read_back(found.layout.order, form, [*before, *after])
    applied(there, change(there, before, form, "v", left), left)
    came = {str(new) for _old, new in found.replace} | {str(b) for members in found.add for b in members}
    positions = {str(brick): at for at, brick in enumerate(present.bricks)}
    stay = [name for name in found.layout.order if name in positions and name not in came]
    assert stay == sorted(stay, key=lambda name: positions[name]), "sets are never reordered"


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(FORMS), st.integers(1, 3), st.data())
def test_a_host_that_joins_moves_as_little_as_possible(form, sets, data):
    before = data.draw(buildable(form, racks=False))
    present = layout(before, form, "v")
    assume(len(present.sets) >= sets * (form.width - 1))
    found = change(present, [*before, host("new", sets * form.width)], form, "v")
    # The new sets can have one disk of the host each; each of the others takes the place of one brick.
    moves = sets * (form.width - 1)
    assert (len(found.add), found.moves, len(found.replace), found.remove) == (sets, moves, moves, [])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FORMS), st.data())
def test_whole_sets_that_join_move_nothing(form, data):
    before = data.draw(buildable(form, racks=False))
    joined = [host(f"new{n}", 2) for n in range(form.width)]
    found = change(layout(before, form, "v"), [*before, *joined], form, "v")
    assert (len(found.add), found.replace, found.remove) == (2, [], [])


@settings(max_examples=300, deadline=None)
@given(st.integers(3, 6), st.integers(1, 4), st.integers(1, 2), st.data())
def test_arbiters_apart_follow(count, disks, lost, data):
    declared = [host(f"h{n}", disks, arbiters=1) for n in range(1, count + 1)]
    assume(not count * disks % 2 and not lost * disks % 2 and count - lost >= 3)
    present = layout(declared, ARBITER, "v")
    gone = data.draw(st.permutations([one.name for one in declared]))[:lost]
    after = without(declared, *gone)
    found = change(present, after, ARBITER, "v")
    check_apart(found.layout, racks=False)
    assert applied(present, found) == {frozenset(map(str, members)) for members in found.layout.sets}
    assert not any(brick.host in gone for brick in found.layout.bricks)
    assert not change(found.layout, after, ARBITER, "v")


def test_a_set_that_has_data_wherever_arbiters_may_be():
    """New volumes keep these hosts apart; one that exists may not have."""
    present = layout(hosts(1, 1, 1, 1), REPLICA2, "v")
    after = [host("h1", 1, arbiters=1), host("h2", 1, arbiters=1), *hosts(1, 1, 1, 1)[2:]]
    with pytest.raises(
        LayoutError, match="the set h1:/b1/v, h2:/b1/v has data wherever disks are set aside for arbiters"
    ):
        change(present, after, ARBITER, "v")


@pytest.mark.parametrize("apart", [True, False], ids=["on disks of their own", "on disks like others"])
def test_arbiters_of_new_sets_go_where_there_are_few(apart):
    arbiters = [host(name, 0, arbiters=1) for name in ("t", "u")] if apart else []
    first = [*hosts(1, 1), arbiters[0]] if apart else hosts(1, 1, 1)
    after = [*hosts(2, 2), *arbiters] if apart else hosts(2, 2, 2)
    present = layout(first, ARBITER, "v")
    ((*_data, arbiter),) = change(present, after, ARBITER, "v").add
    assert arbiter.arbiter and arbiter.host == ("u" if apart else "h2")


def test_replica_four_is_a_form_like_others():
    assert change(layout(hosts(1, 1, 1), REPLICA3, "v"), hosts(1, 1, 1, 1), Form(4), "v").widen[0].host == "h4"
