# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with disks, few words each, and random inventories of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Disk, Host, Layout

REPLICA2, REPLICA3, ARBITER = Form(2), Form(3), Form(3, 1)
DISPERSE3, DISPERSE6 = Form(0, 0, 3, 1), Form(0, 0, 6, 2)
DISTRIBUTE = Form(1)
FORMS = (DISTRIBUTE, REPLICA2, REPLICA3, ARBITER, Form(4), DISPERSE3, DISPERSE6)


def disk(number: int, size: int = 0, arbiter: bool = False) -> Disk:
    return Disk(f"b{number}", f"/b{number}/v", size, arbiter)


def host(name: str, disks: int = 1, rack: str = "", sizes: tuple = (), arbiters: int = 0) -> Host:
    """`arbiters`: so many of the first disks take arbiters besides; of a host without others they are its disks."""
    found = [disk(n, sizes[n - 1] if sizes else 0) for n in range(1, disks + 1)]
    return Host(name, rack, (*found, *(disk(n, 0, True) for n in range(1, arbiters + 1))))


def hosts(*disks: int, racks: str = "", **more: Any) -> list[Host]:
    """hosts(2, 1): h1 with two disks and h2 with one; racks="AB" puts h1 into A and h2 into B."""
    return [host(f"h{n}", count, racks[n - 1] if racks else "", **more) for n, count in enumerate(disks, start=1)]


def shown(layout: Layout) -> str:
    """One word for each set: 'h1b1+h2b1+h3b1*', the star at the arbiter."""
    return " ".join(
        "+".join(f"{b.host}{b.path.split('/')[1]}{'*' if b.arbiter else ''}" for b in members)
        for members in layout.sets
    )


def check_apart(layout: Layout, racks: bool) -> None:
    """What must hold of every layout, whatever it was made from."""
    assert all(len(members) == layout.form.width for members in layout.sets)
    assert len(set(layout.order)) == len(layout.order), "a brick is in one set"
    for members in layout.sets:
        assert len({brick.host for brick in members}) == len(members), "two copies on one host"
        if racks:
            assert max(Counter(brick.rack for brick in members).values()) <= layout.form.per_rack, "too much in a rack"
        assert [b.arbiter for b in members] == [False] * layout.form.copies + [True] * layout.form.arbiter


@st.composite
def inventories(draw: Any, most: int = 8) -> list[Host]:
    """Hosts in any number with any number of disks, sometimes in racks, sometimes with sizes."""
    count = draw(st.integers(1, most))
    racks = draw(st.sampled_from(["", "AB", "ABC", "ABCDEFGH"]))
    sized = draw(st.booleans())
    found = []
    for n in range(1, count + 1):
        disks = draw(st.integers(0, 5))
        sizes = tuple(draw(st.sampled_from([10, 20, 500])) for _disk in range(disks)) if sized else ()
        found.append(host(f"h{n}", disks, draw(st.sampled_from(racks)) if racks else "", sizes))
    return found


@st.composite
def buildable(draw: Any, form: Form, most: int = 7, racks: bool = True) -> list[Host]:
    """Hosts whose disks make whole sets of the form: a set after the other is put on hosts, in any way that is safe."""
    names = [f"h{n}" for n in range(1, draw(st.integers(form.width, max(form.width, most))) + 1)]
    letters = draw(st.sampled_from(["ABCDEFGH", "ABCDEF"])) if racks and draw(st.booleans()) else ""
    rack = {name: draw(st.sampled_from(letters)) if letters else "" for name in names}
    disks: Counter[str] = Counter()
    for _set in range(draw(st.integers(1, 5))):
        members: list[str] = []
        for name in draw(st.permutations(names)):
            held = sum(rack[other] == rack[name] for other in members)
            if len(members) < form.width and (not letters or held < form.per_rack):
                members.append(name)
        if len(members) == form.width:
            disks.update(members)
    assume(disks)
    return [host(name, disks[name], rack[name]) for name in names if disks[name]]
