# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to happen to the bricks of a volume so that they become the declared ones: add, replace, remove. Pure.

A set (the copies of the same files) stays where it is and as it is; the order of sets means nothing to the data.
Where disks are declared instead of bricks, gluster_layout_change finds the change; here it becomes the same record.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_layout_change
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout import LayoutError
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Host, read_back

BrickSet = Tuple[str, ...]


class Change(NamedTuple):
    added: tuple[str, ...] = ()  # whole sets, in order
    removed: tuple[str, ...] = ()  # whole sets
    replaced: tuple[tuple[str, str], ...] = ()  # old, new
    raised: tuple[str, ...] = ()  # one or more for each set, in the order of the sets
    lowered: tuple[str, ...] = ()  # of each set
    findings: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()  # bricks that leave, of which the disk gets another brick

    @property
    def leaving(self) -> list[str]:
        """The bricks that are no longer part of the volume afterwards."""
        return [*self.removed, *self.lowered, *(old for old, _new in self.replaced)]

    @property
    def coming(self) -> list[str]:
        return [*self.added, *self.raised, *(new for _old, new in self.replaced)]


def sets_of(bricks: Sequence[str], width: int) -> list[BrickSet]:
    return [tuple(bricks[at : at + width]) for at in range(0, len(bricks), width)]


def difference(present: Sequence[str], had: Form, wanted: Sequence[str], form: Form) -> Change:
    if had != form:
        return _other_form(sets_of(present, had.width), had, sets_of(wanted, form.width), form)
    old, new = sets_of(present, form.width), sets_of(wanted, form.width)
    old, new = [one for one in old if not _among(one, new, form)], [one for one in new if not _among(one, old, form)]
    pairs, old, new = _paired(old, new, form)
    replaced = [pair for before, after in pairs for pair in _replacements(before, after, form)]
    change = Change(
        added=tuple(brick for one in new for brick in one),
        removed=tuple(brick for one in old for brick in one),
        replaced=tuple(replaced),
    )
    moved = [brick for brick in change.coming if brick in set(present)]
    if moved:
        return Change(
            findings=(
                f"{', '.join(moved)} would change place within the volume. A brick holds the files of its set, and "
                "cannot move to another one or become an arbiter. Keep the bricks of each set together.",
            )
        )
    return change


def planned(
    present: Mapping[str, str], had: Form, hosts: Sequence[Host], form: Form, volume: str, left: Sequence[str] = ()
) -> Change:
    """From the disks that are declared. `present` has each brick by its name with the declared name of its host."""
    try:
        found = gluster_layout_change.change(read_back(list(present), had, hosts), hosts, form, volume, left)
    except LayoutError as error:
        return Change(findings=(str(error).replace(f"volume {volume}: ", "", 1),))
    return Change(
        added=tuple(str(brick) for one in found.add for brick in one),
        removed=tuple(present[str(brick)] for one in found.remove for brick in one),
        replaced=tuple((present[str(old)], str(new)) for old, new in found.replace),
        raised=tuple(map(str, found.widen)),
        lowered=tuple(present[str(brick)] for brick in found.narrow),
        findings=tuple(finding.replace(f"volume {volume}: ", "", 1) for finding in found.findings),
        outdated=tuple(present[str(brick)] for brick in found.outdated),
    )


def _key(one: BrickSet, form: Form) -> tuple[frozenset[str], BrickSet]:
    """The order within a set means nothing, but for the arbiter, which is the last."""
    copies = one[: form.copies] if form.arbiter else one
    return frozenset(copies), one[len(copies) :]


def _among(one: BrickSet, sets: Sequence[BrickSet], form: Form) -> bool:
    return any(_key(one, form) == _key(other, form) for other in sets)


def _paired(
    old: list[BrickSet], new: list[BrickSet], form: Form
) -> tuple[list[tuple[BrickSet, BrickSet]], list[BrickSet], list[BrickSet]]:
    """Sets of which data stays, with what they shall become; those that have most in common first."""
    pairs: list[tuple[BrickSet, BrickSet]] = []

    def common(pair: tuple[BrickSet, BrickSet]) -> int:
        return len(_key(pair[0], form)[0] & _key(pair[1], form)[0])

    order = {one: at for at, one in enumerate(old)}
    candidates = [(before, after) for before in old for after in new if common((before, after))]
    for before, after in sorted(candidates, key=common, reverse=True):
        if before in old and after in new:
            pairs.append((before, after))
            old, new = [one for one in old if one != before], [one for one in new if one != after]
    return sorted(pairs, key=lambda pair: order[pair[0]]), old, new


def _replacements(before: BrickSet, after: BrickSet, form: Form) -> list[tuple[str, str]]:
    (had, had_arbiter), (wants, wants_arbiter) = _key(before, form), _key(after, form)
    gone = [brick for brick in before if brick in had - wants]
    come = [brick for brick in after if brick in wants - had]
    arbiters = [(a, b) for a, b in zip(had_arbiter, wants_arbiter) if a != b]
    return [*zip(gone, come), *arbiters]


# -- another number of copies ----------------------------------------------------------------------------------------


def _other_form(old: list[BrickSet], had: Form, new: list[BrickSet], form: Form) -> Change:
    reason = _impossible(had, form)
    if reason:
        return Change(findings=(reason,))
    rising = form.width > had.width
    extra: list[str] = []
    for before in old:
        after = next((one for one in new if _nested(before, one, rising)), None)
        if after is None or len(old) != len(new):
            return Change(findings=(_not_alone(before, had, form),))
        large, small = (after, before) if rising else (before, after)
        if (form.arbiter or had.arbiter) and large[-1] in small:
            return Change(
                findings=(
                    f"{large[-1]} is the last of its set, which is the place of the arbiter; the brick that comes or "
                    "leaves must be the arbiter, for it holds no data.",
                )
            )
        extra += [brick for brick in large if brick not in small]
    return Change(raised=tuple(extra)) if rising else Change(lowered=tuple(extra))


def _nested(before: BrickSet, after: BrickSet, rising: bool) -> bool:
    return set(before) <= set(after) if rising else set(after) <= set(before)


def _impossible(had: Form, form: Form) -> str:
    if had.disperse or form.disperse:
        return (
            f"it is {had} and cannot become {form}: the form of a disperse volume is for ever. Make a new volume and "
            "copy the files over a mount."
        )
    if had.arbiter and form != Form(2):
        return f"it is {had} and cannot become {form} in one step; take the arbiters away first (replica: 2)."
    if form.arbiter and had != Form(2):
        return f"it is {had} and cannot become {form} in one step; change it to replica: 2 first."
    return ""


def _not_alone(one: BrickSet, had: Form, form: Form) -> str:
    return (
        f"from {had} to {form} every set keeps its bricks and "
        f"{'gets more' if form.width > had.width else 'gives some away'}; that is not so for {' '.join(one)}. Change "
        "the number of copies alone, and other bricks in a run of their own."
    )
