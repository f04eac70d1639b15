# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a GlusterFS volume: how many bricks make a set, how many of them hold data, how many may be lost."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple


class FormError(ValueError):
    """The text is the sentence for the user."""


class Form(NamedTuple):
    """replica counts an arbiter in, as `volume info` does: replica 3 arbiter 1 is two copies and an arbiter."""

    replica: int = 1
    arbiter: int = 0
    disperse: int = 0
    redundancy: int = 0

    @property
    def width(self) -> int:
        """Bricks of a set."""
        return self.disperse or self.replica

    @property
    def copies(self) -> int:
        """Bricks of a set that hold data."""
        return self.width - self.arbiter

    @property
    def shares(self) -> int:
        """How many bricks' worth of files a set takes."""
        return self.disperse - self.redundancy if self.disperse else 1

    @property
    def spare(self) -> int:
        """Bricks of a set that may be lost while every file of it is still there, once."""
        return self.redundancy if self.disperse else self.copies - 1

    @property
    def writable(self) -> int:
        """Bricks of a set that may be lost while it still takes writes, safe from split-brain."""
        return self.redundancy if self.disperse else (self.replica - 1) // 2

    @property
    def per_rack(self) -> int:
        """Bricks of a set that one rack may hold, so that its loss is survived. Fragments are no copies."""
        return self.redundancy if self.disperse else 1

    def __str__(self) -> str:
        if self.disperse:
            return f"disperse {self.disperse} redundancy {self.redundancy}"
        if self.replica == 1:
            return "distribute"
        return f"replica {self.replica}" + (f" arbiter {self.arbiter}" if self.arbiter else "")


# Offered where another form is impossible. Two powers of two of data are what disperse is fast with.
USUAL = (Form(3), Form(3, 1), Form(0, 0, 3, 1), Form(0, 0, 6, 2), Form(0, 0, 11, 3), Form(2))


def form_of(volume: Mapping[str, Any]) -> Form:
    """Of a declared volume. Refuses what GlusterFS no longer has, what it answers with its usage, and replica 2."""
    name = volume.get("name", "")

    def refuse(reason: str) -> FormError:
        return FormError(f"volume {name}: {reason}")

    def number(option: str) -> int:
        value = volume.get(option)
        try:
            count = int(value) if value not in (None, "") else 0
        except (TypeError, ValueError):
            count = -1
        if count < 0 or isinstance(value, (bool, float)):
            raise refuse(f"{option} is {value!r}; write a whole number.")
        return count

    if volume.get("stripe"):
        raise refuse(
            "stripe is gone from GlusterFS since release 6. Large files are cut into pieces by sharding today: leave "
            "out stripe and set options: {features.shard: 'on'} (group: virt sets it, for disks of guests). Decide "
            "before the first file is stored; it cannot be switched off again."
        )
    replica, arbiter = number("replica"), number("arbiter")
    disperse, redundancy = number("disperse"), number("redundancy")
    if disperse and replica:
        raise refuse(f"replica {replica} and disperse {disperse} exclude each other; choose one.")
    if redundancy and not disperse:
        raise refuse(f"redundancy {redundancy} needs disperse, the number of bricks in a set; such as disperse: 6.")
    if disperse:
        if arbiter:
            raise refuse("an arbiter is part of a replica; disperse has redundancy instead.")
        if not redundancy:
            raise refuse(
                f"disperse {disperse} needs redundancy, the number of bricks of a set that may be lost; "
                "such as {disperse: 6, redundancy: 2}."
            )
        if 2 * redundancy >= disperse:
            raise refuse(f"redundancy {redundancy} must be less than half of disperse {disperse}.")
        return Form(0, 0, disperse, redundancy)
    if arbiter:
        # GlusterFS takes 'replica 2 arbiter 1' for the same, and shows it as this.
        if arbiter != 1 or replica not in (2, 3):
            raise refuse(f"replica {replica} arbiter {arbiter} does not exist; it is {{replica: 3, arbiter: 1}}.")
        return Form(3, 1)
    if replica == 2 and not volume.get("accept_split_brain_risk"):
        raise refuse(
            "replica 2 is prone to split-brain: when the two hosts lose sight of each other, both copies are changed "
            "and none is right. Use {replica: 3}, or {replica: 3, arbiter: 1} whose third brick is small; or accept "
            "it: accept_split_brain_risk: true."
        )
    return Form(replica or 1)


def form_from_counts(replica: int, arbiter: int, disperse: int, redundancy: int) -> Form:
    """Of a volume as `volume info` counts it."""
    return Form(0, 0, disperse, redundancy) if disperse else Form(max(1, replica), arbiter)
