# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bricks that a volume has to those of the hosts and disks declared now, moving as little data as possible.

Bricks that may stay keep set and position. A new disk goes into a set of new disks; where that would put two copies on
one host, it takes the place of a brick of an old set, and the disk that is freed so goes into the new set. The brick
there has a new directory, for the old one keeps its files.
"""

from __future__ import annotations

from collections import deque
from typing import Iterable, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_arbiters import spread
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_layout import (
    LayoutError,
    Places,
    arbiter_brick,
    arbiters_apart,
    data_brick,
    most_sets,
    number_of_sets,
    pick_sets,
    places_of,
    with_arbiters,
    witnesses_of,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import (
    Brick,
    Disk,
    Host,
    Layout,
    read_back,
    shared_places,
)

Sets = list  # of lists of bricks; None is a place yet to be filled
Place = tuple  # number of a set, position in it


class Change(NamedTuple):
    """In the order in which it is done: remove, narrow, replace, widen, add. Then rebalance, if sets came."""

    layout: Layout  # as it will be
    remove: list[tuple[Brick, ...]]  # whole sets, whose files go to the others
    narrow: list[Brick]  # one of each set: the replica count falls
    replace: list[tuple[Brick, Brick]]
    widen: list[Brick]  # one for each set: the replica count rises
    add: list[tuple[Brick, ...]]  # whole sets
    findings: list[str]  # what is wrong with the sets that stay

    @property
    def moves(self) -> int:
        """Bricks whose data is copied although their disk stays."""
        stay = {(brick.host, brick.path) for brick in self.layout.bricks}
        return sum((old.host, old.path) in stay for old, _new in self.replace)

    def __bool__(self) -> bool:
        return any((self.remove, self.narrow, self.replace, self.widen, self.add))

    @property
    def outdated(self) -> list[Brick]:
        """Bricks that leave a disk on which another brick comes: their files stay there, and take room."""
        gone = [*(old for old, _new in self.replace), *self.narrow, *(brick for one in self.remove for brick in one)]
        here = {(brick.host, brick.path) for brick in self.layout.bricks}
        return [brick for brick in gone if (brick.host, brick.path) in here]

    @property
    def sentences(self) -> list[str]:
        return [
            *(f"remove the set {', '.join(map(str, members))}" for members in self.remove),
            *([f"keep one copy less: without {', '.join(map(str, self.narrow))}"] if self.narrow else []),
            *(f"replace {old} by {new}" for old, new in self.replace),
            *([f"keep one copy more: {', '.join(map(str, self.widen))}"] if self.widen else []),
            *(f"add the set {', '.join(map(str, members))}" for members in self.add),
        ]


def change(present: Layout, hosts: Sequence[Host], form: Form, volume: str, left: Sequence[str] = ()) -> Change:
    """`left`: bricks that were part of the volume once."""
    if form != present.form:
        _check_forms(present.form, form, volume)
    return _Changer(present, hosts, form, volume, left).change()


def _check_forms(present: Form, form: Form, volume: str) -> None:
    if present.disperse or form.disperse or (present.arbiter != form.arbiter and present.copies != form.copies):
        raise LayoutError(
            f"volume {volume}: it is {present} and cannot become {form}. Make another volume and copy the files, or "
            "declare what it is."
        )
    if abs(present.width - form.width) > 1:
        raise LayoutError(
            f"volume {volume}: it is {present}; its replica count changes by one at a time, not to {form}."
        )


class _Changer:
    def __init__(self, present: Layout, hosts: Sequence[Host], form: Form, volume: str, left: Sequence[str]) -> None:
        self.present = present
        self.hosts = {host.name: host for host in hosts}
        self.form = form
        self.volume = volume
        self.apart = arbiters_apart(hosts, form)
        self.width = form.copies if self.apart else form.width  # places of a set that disks are chosen for
        self.places: Places = places_of(hosts, form, volume)
        self.wanted_sets = number_of_sets(hosts, form, volume, self.places)
        self.disks = {(host.name, d.path): data_brick(host, d) for host in hosts for d in host.disks if not d.arbiter}
        self.former = read_back(left, Form(), hosts).bricks
        self.numbers: dict[tuple[str, str], int] = {}  # of the last brick at each place
        for brick in (*present.bricks, *self.former):
            place = (brick.host, brick.path)
            self.numbers[place] = max(brick.number, self.numbers.get(place, 0))
        self.stays: set[Brick] = set()  # moving these is what costs

    def change(self) -> Change:
        remove, kept = self._split()
        narrow = [brick for members in kept for brick in self._narrowed(members)]
        sets: Sets = [[self._still(brick) for brick in members[: self.width]] for members in kept]
        for members in sets:
            members += [None] * (self.width - len(members))
        self.stays = {brick for members in sets for brick in members if brick}
        self._fill(sets, kept)
        new = self._new_sets(sets, self.wanted_sets - len(kept))

        arbiters = self._arbiters(sets, kept)
        finals = [
            tuple(self._numbered(before, (*self._flagged(members), *extra)))
            for before, members, extra in zip(kept, sets, arbiters)
        ]
        elsewhere = [brick for members in (*finals, *present_tuple((*remove, self.former))) for brick in members]
        added = with_arbiters(new, list(self.hosts.values()), self.form, self.volume, self.places, elsewhere)
        added = tuple(tuple(self._numbered((), members)) for members in added)

        pairs = [
            (old, new) for before, after in zip(kept, finals) for old, new in zip(before, after) if _differ(old, new)
        ]
        widen = [after[len(before)] for before, after in zip(kept, finals) if len(after) > len(before)]
        layout = Layout(self.form, (*finals, *added))
        findings = [f"volume {self.volume}: {finding}" for finding in shared_places(layout)]
        return Change(layout, remove, narrow, pairs, widen, list(added), findings)

    # -- what stays --------------------------------------------------------------------------------------------------

    def _split(self) -> tuple[list[tuple[Brick, ...]], list[list[Brick]]]:
        """Sets that go: those of which the most is gone, of equals the last."""
        excess = max(0, len(self.present.sets) - self.wanted_sets)
        numbers = range(len(self.present.sets))
        gone = {
            n: sum(self._still(brick) is None for brick in self.present.sets[n] if not brick.arbiter) for n in numbers
        }
        going = set(sorted(numbers, key=lambda n: (-gone[n], -n))[:excess])
        remove = [self.present.sets[n] for n in numbers if n in going]
        return remove, [list(self.present.sets[n]) for n in numbers if n not in going]

    def _narrowed(self, members: list[Brick]) -> list[Brick]:
        """Takes out what is one too many: a brick that is gone, or the last."""
        if len(members) <= self.form.width:
            return []
        out = next((brick for brick in members if self._still(brick) is None), members[-1])
        members.remove(out)
        return [out]

    def _still(self, brick: Brick) -> Brick | None:
        found = self.disks.get((brick.host, brick.path))
        return found and found._replace(arbiter=brick.arbiter, number=brick.number)

    def _numbered(self, before: Sequence[Brick], after: Iterable[Brick]) -> Iterable[Brick]:
        """What comes where a brick has been gets the next directory there."""
        for position, brick in enumerate(after):
            stays = position < len(before) and not _differ(before[position], brick)
            yield brick if stays else brick._replace(number=self.numbers.get((brick.host, brick.path), 0) + 1)

    def _flagged(self, members: Iterable[Brick]) -> Iterable[Brick]:
        """What replaces an arbiter is one."""
        return (brick._replace(arbiter=position >= self.form.copies) for position, brick in enumerate(members))

    def _arbiters(self, sets: Sets, kept: Sequence[Sequence[Brick]]) -> list[tuple[Brick, ...]]:
        """Of sets that stay, where disks are set aside for arbiters."""
        if not self.apart:
            return [()] * len(sets)
        witnesses = {host.name: host for host in self.hosts.values() if any(disk.arbiter for disk in host.disks)}
        eligible = [witnesses_of(members, witnesses.values(), self.volume) for members in sets]
        found: list[Brick | None] = []
        for before, names in zip(kept, eligible):
            brick = next((one for one in before if one.arbiter), None)
            at = witnesses.get(brick.host) if brick and brick.host in names else None
            own = [f"{disk.path}-arbiter" for disk in at.disks if disk.arbiter] if at else []
            found.append(brick if brick and any(brick.path.startswith(path) for path in own) else None)
        load: dict[str, int] = {}
        for brick in found:
            if brick:
                load[brick.host] = load.get(brick.host, 0) + 1
        chosen = iter(spread([names for names, brick in zip(eligible, found) if not brick], load))
        used = set(self.numbers)
        return [(brick or arbiter_brick(witnesses[next(chosen)], used),) for brick in found]

    # -- what comes --------------------------------------------------------------------------------------------------

    def _free(self, sets: Sets) -> dict[str, list[Disk]]:
        used = {(brick.host, brick.path) for members in sets for brick in members if brick}
        return {
            name: [disk for disk in host.disks if not disk.arbiter and (name, disk.path) not in used]
            for name, host in self.hosts.items()
        }

    def _fill(self, sets: Sets, kept: Sequence[Sequence[Brick]]) -> None:
        for number, members in enumerate(sets):
            for position, brick in enumerate(members):
                if brick is None:
                    before = kept[number][position].host if position < len(kept[number]) else ""
                    self._place(sets, (number, position), before)

    def _new_sets(self, sets: Sets, count: int) -> Sets:
        free = self._free(sets)
        if most_sets({name: len(disks) for name, disks in free.items()}, self.places, self.width) == count:
            picked = pick_sets(free, self.places, self.width, count)
            return [[data_brick(self.hosts[name], disk) for name, disk in members] for members in picked]
        rank = {name: at for at, name in enumerate(self.hosts)}
        first = len(sets)
        sets += [[None] * self.width for _set in range(count)]
        for number in range(first, first + count):
            for position in range(self.width):
                self._place(sets, (number, position))
        new = [sorted(members, key=lambda brick: rank[brick.host]) for members in sets[first:]]
        del sets[first:]
        return new

    def _place(self, sets: Sets, start: Place, before: str = "") -> None:
        """Fill a place with a free disk, or by the shortest chain of bricks that move up, at whose end is one."""
        free = self._free(sets)
        came: dict[Place, tuple[Place, Brick] | None] = {start: None}
        queue = deque([start])
        while queue:
            place = queue.popleft()
            number, position = place
            others = [brick for at, brick in enumerate(sets[number]) if brick and at != position]
            hosts = [name for name, disks in free.items() if disks and self._fits(name, others)]
            if hosts:
                # The same host if it is one, or else that with the most.
                name = min(hosts, key=lambda one: (one != before, -len(free[one])))
                brick = data_brick(self.hosts[name], free[name][0])
                step = came[place]
                while step:
                    sets[place[0]][place[1]] = brick
                    place, brick = step
                    step = came[place]
                sets[place[0]][place[1]] = brick
                return
            on_the_way = self._sets_of(place, came)
            for other, members in enumerate(sets):
                for at, brick in enumerate(members):
                    if brick and (other, at) not in came and other not in on_the_way and self._fits(brick.host, others):
                        came[(other, at)] = (place, brick)
                        # What is only planned moves for nothing.
                        (queue.append if brick in self.stays else queue.appendleft)((other, at))
        raise LayoutError(
            f"volume {self.volume}: from the bricks that it has, no way was found to {self.wanted_sets} sets of "
            f"{self.form} on these disks. Add or remove hosts in whole sets."
        )

    def _fits(self, host: str, others: Sequence[Brick]) -> bool:
        if any(brick.host == host for brick in others):
            return False
        group = self.places.group
        return sum(group.get(brick.host) == group[host] for brick in others) < self.places.limit

    @staticmethod
    def _sets_of(place: Place, came: dict[Place, tuple[Place, Brick] | None]) -> set[int]:
        found = {place[0]}
        step = came[place]
        while step:
            found.add(step[0][0])
            step = came[step[0]]
        return found


def present_tuple(sets: Iterable[tuple[Brick, ...]]) -> list[tuple[Brick, ...]]:
    """Bricks of sets that go: their directories are taken, their arbiters no longer count."""
    return [tuple(brick._replace(arbiter=False) for brick in members) for members in sets]


def _differ(old: Brick, new: Brick) -> bool:
    return (old.host, old.path) != (new.host, new.path)
