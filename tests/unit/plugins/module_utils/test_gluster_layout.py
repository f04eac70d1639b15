# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import Counter

import pytest
from gluster_hosts import (
    ARBITER,
    DISPERSE3,
    DISPERSE6,
    DISTRIBUTE,
    FORMS,
    REPLICA2,
    REPLICA3,
    check_apart,
    host,
    hosts,
    inventories,
    shown,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_arbiters import spread
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout import LayoutError, check_order, layout
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Host, Layout, read_back


@pytest.mark.parametrize(
    ("declared", "form", "sets"),
    [
        pytest.param(hosts(1, 1, 1), REPLICA3, "h1b1+h2b1+h3b1", id="one set"),
        pytest.param(
            hosts(2, 2, 2, 2), REPLICA2, "h1b1+h2b1 h3b1+h4b1 h1b2+h2b2 h3b2+h4b2", id="the guide's order that is safe"
        ),
        pytest.param(hosts(2, 2, 2), REPLICA2, "h1b1+h2b1 h1b2+h3b1 h2b2+h3b2", id="a chain around three hosts"),
        pytest.param(hosts(2, 1), DISTRIBUTE, "h1b1 h1b2 h2b1", id="distribute"),
        pytest.param(hosts(3, 1, 1, 1), REPLICA2, "h1b1+h2b1 h1b2+h3b1 h1b3+h4b1", id="one host is in every set"),
        pytest.param(hosts(1, 1, 1), ARBITER, "h1b1+h2b1+h3b1*", id="the arbiter is the last"),
        pytest.param(
            hosts(3, 3, 3), ARBITER, "h1b1+h2b1+h3b1* h1b2+h3b2+h2b2* h2b3+h3b3+h1b3*", id="arbiters take turns"
        ),
        pytest.param(
            hosts(2, 2, 2, arbiters=1),
            ARBITER,
            "h1b1+h2b1+h3b1* h1b2+h3b1+h2b1* h2b2+h3b2+h1b1*",
            id="arbiters on disks that hold data of other sets",
        ),
        pytest.param(
            [*hosts(2, 2), host("tiny", 0, arbiters=1)],
            ARBITER,
            "h1b1+h2b1+tinyb1* h1b2+h2b2+tinyb1*",
            id="a host for arbiters only",
        ),
        pytest.param(
            [*hosts(3, 3), host("t", 0, arbiters=2)],
            ARBITER,
            "h1b1+h2b1+tb1* h1b2+h2b2+tb2* h1b3+h2b3+tb1*",
            id="a host's disks for arbiters take turns",
        ),
        pytest.param(
            [*hosts(1, 1, 1, 1), host("t", 0, arbiters=1), host("u", 0, arbiters=2)],
            ARBITER,
            "h1b1+h2b1+tb1* h3b1+h4b1+ub1*",
            id="the disks of one host are not those of another",
        ),
        pytest.param(
            [host("h1", 2), host("h2", 2), host("h3", 1, arbiters=1), host("h4", 1, arbiters=1)],
            ARBITER,
            "h1b1+h2b1+h3b1* h1b2+h3b1+h4b1* h2b2+h4b1+h3b1*",
            id="two hosts with arbiters never share a set's data",
        ),
        pytest.param(hosts(1, 1, 1, 1, 1, 1), DISPERSE6, "h1b1+h2b1+h3b1+h4b1+h5b1+h6b1", id="disperse"),
        pytest.param(
            hosts(1, 1, 1, 1, 1, 1, racks="AABBCC"),
            REPLICA3,
            "h1b1+h3b1+h5b1 h2b1+h4b1+h6b1",
            id="each rack has one copy",
        ),
        pytest.param(
            hosts(1, 1, 1, 1, 1, 1, racks="AABBCC"),
            DISPERSE6,
            "h1b1+h2b1+h3b1+h4b1+h5b1+h6b1",
            id="a rack may hold as many fragments as may be lost",
        ),
        pytest.param(
            [
                host("h1", 2, sizes=(10, 500)),
                host("h2", 2, sizes=(500, 10)),
                host("h3", 2, sizes=(10, 500)),
                host("h4", 2, sizes=(500, 10)),
            ],
            REPLICA2,
            "h1b2+h2b1 h3b2+h4b1 h1b1+h2b2 h3b1+h4b2",
            id="large disks with large ones",
        ),
        pytest.param(
            [host("h1", 1, sizes=(500,)), host("h2", 1, sizes=(10,)), host("h3", 1, sizes=(500,))],
            ARBITER,
            "h1b1+h3b1+h2b1*",
            id="the small disk is the arbiter's",
        ),
    ],
)
def test_layouts(declared, form, sets):
    found = layout(declared, form, "v")
    assert shown(found) == sets
    check_apart(found, racks=any(one.rack for one in declared))
    assert not check_order(found.order, form, "v", declared)


@pytest.mark.parametrize(
    ("declared", "form", "said", "nearest"),
    [
        pytest.param(
            hosts(2, 2, 2, 2),
            REPLICA3,
            "of 8 disks 2 would be left over",
            [
                "replica 3 with 2 sets when h3:/b2/v, h4:/b2/v are left out",
                "replica 2 with 4 sets of all 8 disks",
            ],
            id="left over",
        ),
        pytest.param(
            hosts(3, 3),
            REPLICA3,
            "needs 3 hosts, and there are 2",
            ["replica 2 with 3 sets of all 6 disks"],
            id="few hosts",
        ),
        pytest.param(
            hosts(4, 1, 1),
            REPLICA2,
            "6 disks make 3 sets of replica 2, and h1 has 4 disks: more than the 3 that keep the parts of every set in "
            "different hosts",
            ["replica 2 with 2 sets when h1:/b3/v, h1:/b4/v are left out"],
            id="one host has too many",
        ),
        pytest.param(
            hosts(1, 1, 1, 1, 1, 1, racks="AAAABC"),
            REPLICA3,
            "and A has 4 disks: more than the 2 that keep the parts of every set in different racks",
            [
                "replica 3 with 1 set when h2:/b1/v, h3:/b1/v, h4:/b1/v are left out",
                "replica 3 with 2 sets that survives the loss of a host, not of a rack",
            ],
            id="one rack has too many",
        ),
        pytest.param(
            hosts(2, 2, 1, 1, racks="AABC"),
            REPLICA3,
            "and A has 4 disks: more than the 2 that keep the parts of every set in different racks",
            ["replica 3 with 1 set when h1:/b2/v, h2:/b1/v, h2:/b2/v are left out"],
            id="a rack has too many, none of its hosts",
        ),
        pytest.param(
            hosts(3, 1, 2, 2, 2, 2, racks="AABBCC"),
            DISPERSE6,
            "and h1 has 3 disks: more than the 2 that keep the parts of every set in different hosts",
            ["disperse 6 redundancy 2 with 1 set when"],
            id="a host has too many, not its rack",
        ),
        pytest.param(
            hosts(1, 1, 1, racks="AAB"),
            REPLICA3,
            "needs 3 racks, and there are 2",
            ["replica 3 with 1 set that survives the loss of a host, not of a rack"],
            id="few racks",
        ),
        pytest.param(hosts(0, 0), REPLICA3, "none of its hosts has a disk for it", [], id="no disk"),
        pytest.param(hosts(1), REPLICA2, "needs 2 hosts, and there are 1", [], id="nothing is possible"),
        pytest.param(
            [host("h1", 1, "A"), host("h2", 1), host("h3", 1, "C")],
            REPLICA3,
            "h2 is in no failure domain, other hosts are",
            [],
            id="racks of some hosts only",
        ),
        pytest.param(
            [host("h1", 1, arbiters=1), host("h2", 1)],
            ARBITER,
            "all arbiters would be in h1, where h1 has data too",
            [],
            id="no second place for arbiters",
        ),
    ],
)
def test_what_cannot_be_built(declared, form, said, nearest):
    with pytest.raises(LayoutError) as failed:
        layout(declared, form, "v")
    assert str(failed.value).startswith("volume v: ") and said in str(failed.value)
    assert all(one.startswith(said) for one, said in zip(failed.value.nearest, nearest)), failed.value.nearest
    assert len(failed.value.nearest) >= len(nearest)
    assert bool(nearest) == bool(failed.value.nearest) == ("Possible is: " in str(failed.value))


# The two orders of the guide, which combines the bricks of four hosts in pairs.
ADJACENT = [f"host{h}:/brick{b}" for h in (1, 2, 3, 4) for b in (1, 2)]
SPREAD = [f"host{h}:/brick{b}" for b in (1, 2) for h in (1, 2, 3, 4)]


def test_the_order_of_the_guide_that_loses_data_is_refused_and_the_other_offered():
    (finding,) = check_order(ADJACENT, REPLICA2, "v")
    assert "set 1 has 2 of its 2 copies on host host1: host1:/brick1, host1:/brick2." in finding
    assert all(f"set {n} has" in finding for n in (1, 2, 3, 4))
    assert f"Safe is: {' '.join(SPREAD)}." in finding


def test_the_safe_order_of_the_guide():
    assert check_order(SPREAD, REPLICA2, "v") == []


@pytest.mark.parametrize(
    ("bricks", "form", "declared", "said"),
    [
        # 'Failed to create volume files', and a volume that comes to light when glusterd is started anew
        (["a:/x/v", "b:/x/v", "c:/x/v"], REPLICA2, (), "in sets of 2, and there are 3; add 1 or leave 1 out."),
        ([], REPLICA3, (), "in sets of 3, and there are 0; add 3."),
        (["a:data/x", "b:/x"], REPLICA2, (), "'a:data/x' is no brick"),
        (["a:/x", "/x"], REPLICA2, (), "'/x' is no brick"),
        (["a:/x", "a:/x"], DISTRIBUTE, (), "brick a:/x is given twice"),
        (["a:/x", "a:/x/"], DISTRIBUTE, (), "brick a:/x/ is given twice"),
        (["a:/x", "a:/x/y"], DISTRIBUTE, (), "a:/x/y and a:/x lie in one another"),
        (["a:/x", "a-storage:/y"], REPLICA2, [Host("a", "", (), ("a-storage",))], "2 of its 2 copies on host a"),
        (["a:/x", "a-storage:/x"], DISTRIBUTE, [Host("a", "", (), ("a-storage",))], "is given twice"),
        (
            ["h1:/x", "h2:/x"],
            REPLICA2,
            hosts(1, 1, racks="AA"),
            "2 of its 2 copies on rack A: h1:/x, h2:/x. Whoever is lost takes the set along. replica 2 needs 2 racks",
        ),
    ],
)
def test_orders_that_are_refused(bricks, form, declared, said):
    findings = check_order(bricks, form, "v", declared)
    assert any(said in finding for finding in findings), findings
    assert all(finding.startswith("volume v: ") for finding in findings)


def test_neighbours_that_only_look_nested():
    assert check_order(["a:/x", "a:/x2"], DISTRIBUTE, "v") == []


@pytest.mark.parametrize(
    ("bricks", "form", "declared", "survives"),
    [
        ("a:/x b:/x c:/x", REPLICA3, (), ["Any one host may be down", "Any 2 hosts may be lost for ever"]),
        ("a:/x b:/x", REPLICA2, (), ["at the risk of split-brain"]),
        ("a:/x b:/x c:/x", ARBITER, (), ["Any one host may be down: every file stays readable and writable."]),
        ("a:/x b:/x", DISTRIBUTE, (), ["No host may be lost"]),
        ("a:/x a:/y b:/x b:/y", REPLICA2, (), ["There is a host whose loss loses data."]),
        ("a:/x a:/y b:/x c:/x", REPLICA2, (), ["There is a host whose loss loses data."]),
        ("a:/x a:/y b:/x", REPLICA3, (), ["Any one host may be lost for ever"]),
        ("h1:/x h2:/x h3:/x h4:/x h5:/x h6:/x", DISPERSE6, (), ["Any 2 hosts may be down"]),
        (
            "h1:/x h2:/x h3:/x h4:/x h5:/x h6:/x",
            DISPERSE6,
            hosts(1, 1, 1, 1, 1, 1, racks="AABBCC"),
            ["Any 2 hosts may be down", "Any one rack may be down"],
        ),
        (
            "h1:/x h2:/x h3:/x",
            REPLICA3,
            hosts(1, 1, 1, racks="AAB"),
            [
                "Any one host may be down",
                "Any 2 hosts may be lost for ever",
                "Any one rack may be lost for ever",
            ],
        ),
        ("", REPLICA3, (), []),
    ],
)
def test_what_a_volume_survives(bricks, form, declared, survives):
    found = read_back(bricks.split(), form, declared).survives
    assert len(found) == len(survives), found
    assert all(said in sentence for said, sentence in zip(survives, found)), found


@pytest.mark.parametrize(
    ("declared", "form", "capacity"),
    [
        ([host("h1", 1, sizes=(10,)), host("h2", 1, sizes=(20,))], REPLICA2, 10),
        ([host("h1", 1, sizes=(10,)), host("h2", 1, sizes=(20,))], DISTRIBUTE, 30),
        (hosts(1, 1, 1, sizes=(100,)), DISPERSE3, 200),
        ([host("h1", 1, sizes=(90,)), host("h2", 1, sizes=(90,)), host("h3", 1, sizes=(5,))], ARBITER, 90),
        ([host("h1", 1, sizes=(10,)), host("h2", 1)], REPLICA2, 0),
        ([host("h1", 1, sizes=(10,)), host("h2", 1)], DISTRIBUTE, 0),
    ],
    ids=["the smaller counts", "all counts", "fragments", "not the arbiter", "not known", "of one not known"],
)
def test_capacity(declared, form, capacity):
    assert layout(declared, form, "v").capacity_mb == capacity


def test_a_volume_is_read_back_with_what_is_known_of_its_hosts():
    declared = [Host("gs1", "A", host("", 1, sizes=(7,)).disks, ("gs1-storage",)), host("gs2", 1, "B")]
    found = read_back(["gs1-storage:/b1/v", "gs2:/b1/v", "gs3:/b1/v"], ARBITER, declared)
    assert [(b.host, b.size_mb, b.rack, b.arbiter) for b in found.bricks] == [
        ("gs1", 7, "A", False),
        ("gs2", 0, "B", False),
        ("gs3", 0, "", True),
    ]


def test_an_ipv6_address_names_a_host():
    assert read_back(["fd00::1:/x"], DISTRIBUTE).order == ["fd00::1:/x"]


# -- properties ----------------------------------------------------------------------------------------------------


@settings(max_examples=2000, deadline=None)
@given(inventories(), st.sampled_from(FORMS))
def test_no_set_ever_has_two_copies_in_one_place(declared, form):
    racks = all(one.rack for one in declared)
    assume(racks or not any(one.rack for one in declared))
    disks = {f"{one.name}:{d.path}" for one in declared for d in one.disks}
    try:
        found = layout(declared, form, "v")
    except LayoutError as error:
        assert not _possible(declared, form), error
        return
    check_apart(found, racks)
    assert set(found.order) == disks, "every disk is used"
    assert layout(declared, form, "v") == found, "the same again"
    assert check_order(found.order, form, "v", declared) == []
    assert read_back(found.order, form, declared) == found
    if form.width > 1:
        assert not any("loses data" in sentence for sentence in found.survives)


def _possible(declared: list[Host], form: Form) -> bool:
    """Independently: dealt out round after round, by racks and hosts, equals never meet if that is possible at all."""
    disks = [(one.rack, one.name) for one in sorted(declared, key=lambda h: h.rack) for _disk in one.disks]
    if not disks or len(disks) % form.width:
        return False
    sets = len(disks) // form.width
    dealt = [disks[at::sets] for at in range(sets)]
    apart = all(len({name for _rack, name in members}) == len(members) for members in dealt)
    racks = any(one.rack for one in declared)
    most = max(max(Counter(rack for rack, _name in members).values()) for members in dealt)
    return apart and (not racks or most <= form.per_rack)


@settings(max_examples=300, deadline=None)
@given(inventories(), st.sampled_from(FORMS))
def test_what_is_offered_instead_can_be_built(declared, form):
    assume(all(one.rack for one in declared) or not any(one.rack for one in declared))
    try:
        layout(declared, form, "v")
    except LayoutError as error:
        for offer in error.nearest:
            words = offer.split()
            other = next(one for one in [*FORMS, Form(0, 0, 11, 3)] if offer.startswith(f"{one} with"))
            sets = int(words[len(str(other).split()) + 1])
            out = {word.strip(",") for word in words if ":/" in word}
            rest = [
                one._replace(
                    rack="" if "not of a rack" in offer else one.rack,
                    disks=tuple(d for d in one.disks if f"{one.name}:{d.path}" not in out),
                )
                for one in declared
            ]
            assert len(layout(rest, other, "v").sets) == sets, offer


@settings(max_examples=500, deadline=None)
@given(inventories(), st.booleans())
def test_arbiters_are_spread_as_evenly_as_their_sets_allow(declared, apart):
    assume(all(one.rack for one in declared) or not any(one.rack for one in declared))
    if apart:
        declared = [one._replace(disks=(*one.disks, *host("", 0, arbiters=1).disks)) for one in declared]
    try:
        found = layout(declared, ARBITER, "v")
    except LayoutError:
        return
    check_apart(found, all(one.rack for one in declared))
    load = Counter({one.name: 0 for one in declared})
    load.update(brick.host for brick in found.bricks if brick.arbiter)
    for members in found.sets:
        data = {brick.rack or brick.host for brick in members if not brick.arbiter}
        if apart:
            eligible = [one.name for one in declared if (one.rack or one.name) not in data]
        else:
            eligible = [brick.host for brick in members]
        assert load[members[-1].host] - min(load[name] for name in eligible) <= 1
    if apart and not any(one.rack for one in declared) and len({len(one.disks) for one in declared}) == 1:
        assert max(load.values()) - min(load.values()) <= 1, "hosts that are alike"


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True), max_size=12))
def test_spread_cannot_be_bettered(eligible):
    chosen = spread(eligible)
    assert all(host in hosts for host, hosts in zip(chosen, eligible))
    load = Counter(chosen)
    reachable = {name: {name} for name in "abcde"}
    for _round in range(5):
        for name, others in zip(chosen, eligible):
            for start in reachable:
                if name in reachable[start]:
                    reachable[start] |= set(others)
    for giver, takers in reachable.items():
        assert all(load[giver] - load[taker] <= 1 for taker in takers if load[giver])


def test_an_empty_layout_has_nothing():
    assert (Layout(REPLICA3, ()).capacity_mb, Layout(REPLICA3, ()).order) == (0, [])
