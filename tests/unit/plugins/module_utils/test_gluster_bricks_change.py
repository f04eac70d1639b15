# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bricks that are there to those that are declared: cases by table, and random ones by what comes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_bricks_change import Change, difference, sets_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form

ONE, TWO, THREE, ARBITER, DISPERSE = Form(1), Form(2), Form(3), Form(3, 1), Form(0, 0, 3, 1)


@pytest.mark.parametrize(
    ("form", "present", "wanted", "change"),
    [
        (TWO, "a b", "a b", Change()),
        # The order of sets, and that within a set, mean nothing to the data.
        (TWO, "a b c d", "d c a b", Change()),
        (TWO, "a b", "a b c d", Change(added=("c", "d"))),
        (TWO, "a b", "c d a b", Change(added=("c", "d"))),
        (TWO, "a b c d", "c d", Change(removed=("a", "b"))),
        (TWO, "a b c d", "a e c d", Change(replaced=(("b", "e"),))),
        (TWO, "a b c d", "a e d f", Change(replaced=(("b", "e"), ("c", "f")))),
        # Nothing of a set stays: its data goes to other sets, for nobody could copy it.
        (TWO, "a b c d", "a b e f", Change(added=("e", "f"), removed=("c", "d"))),
        (THREE, "a b c", "d e c", Change(replaced=(("a", "d"), ("b", "e")))),
        # The pair with most in common is the same set.
        (THREE, "a b c d e f", "a x y d e z", Change(replaced=(("b", "x"), ("c", "y"), ("f", "z")))),
        (DISPERSE, "a b c", "a b x", Change(replaced=(("c", "x"),))),
        # Without copies there is nothing to replace from.
        (ONE, "a b", "a c", Change(added=("c",), removed=("b",))),
        # An arbiter is replaced by an arbiter.
        (ARBITER, "a b z", "a b y", Change(replaced=(("z", "y"),))),
        (ARBITER, "a b z", "b a z", Change()),
    ],
)
def test_same_form(form: Form, present: str, wanted: str, change: Change) -> None:
    assert difference(present.split(), form, wanted.split(), form) == change


@pytest.mark.parametrize(
    ("form", "present", "wanted"),
    [
        (TWO, "a b c d", "a c b d"),
        # The arbiter holds no data: of this set nothing would be left.
        (ARBITER, "a b z", "a z b"),
        (ARBITER, "a b z", "c d z"),
    ],
)
def test_a_brick_cannot_take_its_files_to_another_place(form: Form, present: str, wanted: str) -> None:
    (finding,) = difference(present.split(), form, wanted.split(), form).findings
    assert "would change place within the volume" in finding


@pytest.mark.parametrize(
    ("had", "present", "form", "wanted", "change"),
    [
        (TWO, "a b c d", THREE, "a b x c d y", Change(raised=("x", "y"))),
        # In the order of the sets that are there, as the command takes them.
        (TWO, "a b c d", THREE, "c d y a b x", Change(raised=("x", "y"))),
        (ONE, "a b", TWO, "a x b y", Change(raised=("x", "y"))),
        (TWO, "a b", Form(4), "a b x y", Change(raised=("x", "y"))),
        (TWO, "a b", ARBITER, "a b z", Change(raised=("z",))),
        (THREE, "a b c d e f", TWO, "a c d e", Change(lowered=("b", "f"))),
        (ARBITER, "a b z", TWO, "a b", Change(lowered=("z",))),
        (TWO, "a b", ONE, "b", Change(lowered=("a",))),
    ],
)
def test_another_number_of_copies(had: Form, present: str, form: Form, wanted: str, change: Change) -> None:
    assert difference(present.split(), had, wanted.split(), form) == change


@pytest.mark.parametrize(
    ("had", "present", "form", "wanted", "said"),
    [
        (TWO, "a b", DISPERSE, "a b c", "for ever"),
        (DISPERSE, "a b c", THREE, "a b c", "for ever"),
        (THREE, "a b c", ARBITER, "a b c", "change it to replica: 2 first"),
        (ARBITER, "a b z", THREE, "a b c", "take the arbiters away first"),
        (ONE, "a", ARBITER, "a b z", "change it to replica: 2 first"),
        (TWO, "a b", ARBITER, "a z b", "the place of the arbiter"),
        (ARBITER, "a b z", TWO, "a z", "the place of the arbiter"),
        (TWO, "a b c d", THREE, "a b x", "Change the number of copies alone"),
        (TWO, "a b", THREE, "a x y", "Change the number of copies alone"),
        (TWO, "a b", THREE, "a b x c d y", "Change the number of copies alone"),
    ],
)
def test_what_cannot_be(had: Form, present: str, form: Form, wanted: str, said: str) -> None:
    (finding,) = difference(present.split(), had, wanted.split(), form).findings
    assert said in finding


@st.composite
def changes(draw: st.DrawFn) -> tuple[Form, list[str], list[str]]:
    """Sets of which some bricks are new, some sets are gone, some have come, in any order."""
    form = draw(st.sampled_from([ONE, TWO, THREE, ARBITER, DISPERSE]))
    names = iter(f"b{n}" for n in range(1000))
    present = [[next(names) for _brick in range(form.width)] for _set in range(draw(st.integers(1, 4)))]
    wanted = []
    for one in present:
        fate = draw(st.sampled_from(["stays", "goes", "changes"]))
        if fate == "stays":
            wanted.append(list(one))
        elif fate == "changes":
            wanted.append([draw(st.sampled_from([brick, next(names)])) for brick in one])
    wanted += [[next(names) for _brick in range(form.width)] for _set in range(draw(st.integers(0, 2)))]
    order = draw(st.permutations(wanted))
    return form, [b for one in present for b in one], [b for one in order for b in one]


@given(changes())
def test_what_comes_of_it_is_what_was_declared(case: tuple[Form, list[str], list[str]]) -> None:
    form, present, wanted = case
    change = difference(present, form, wanted, form)
    if change.findings:
        return
    new = dict(change.replaced)
    assert len(new) == len(change.replaced) == len(set(new.values()))
    after = [[new.get(brick, brick) for brick in one] for one in sets_of(present, form.width)]
    after = [one for one in after if not set(one) & set(change.removed)] + [
        list(one) for one in sets_of(change.added, form.width)
    ]
    key = form.copies if form.arbiter else form.width
    assert sorted((sorted(one[:key]), one[key:]) for one in after) == sorted(
        (sorted(one[:key]), list(one[key:])) for one in sets_of(wanted, form.width)
    )
    assert difference(wanted, form, wanted, form) == Change()
    assert not set(change.coming) & set(present), "nothing that holds data is filled anew"
