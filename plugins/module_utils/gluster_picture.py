# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bricks of a volume are, set by set, as read or as planned: what it holds, and what it survives."""

from __future__ import annotations

from typing import Callable, Container, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form


class Disk(NamedTuple):
    """Room for one brick, or, set aside for arbiters, for any number of these: they hold names and no data."""

    name: str
    path: str  # of the brick, below the mount point
    size_mb: int = 0  # 0: not known
    arbiter: bool = False


class Host(NamedTuple):
    name: str  # as the trusted pool knows it
    rack: str = ""
    disks: tuple[Disk, ...] = ()
    other_names: tuple[str, ...] = ()


class Brick(NamedTuple):
    host: str
    path: str
    size_mb: int = 0
    rack: str = ""
    arbiter: bool = False
    number: int = 1  # how many bricks of the volume have been at this place, with this one

    def __str__(self) -> str:
        """A directory that was a brick never becomes one again: it holds files that belong to another set now."""
        return f"{self.host}:{self.path}" + (f".{self.number}" if self.number > 1 else "")


class BrickError(ValueError):
    """The text is the sentence for the user."""


class Layout(NamedTuple):
    form: Form
    sets: tuple[tuple[Brick, ...], ...]

    @property
    def bricks(self) -> list[Brick]:
        return [brick for members in self.sets for brick in members]

    @property
    def order(self) -> list[str]:
        """As `volume create` takes them: the sets one after the other, the arbiter last in each."""
        return [str(brick) for brick in self.bricks]

    @property
    def capacity_mb(self) -> int:
        """What the files may take; 0 where a size is not known."""
        smallest = [min(brick.size_mb for brick in members if not brick.arbiter) for members in self.sets]
        return sum(smallest) * self.form.shares if smallest and all(smallest) else 0

    @property
    def survives(self) -> list[str]:
        """In sentences, what may be lost."""
        if not self.sets:
            return []
        kinds: list[tuple[str, Callable[[Brick], str]]] = [("host", lambda brick: brick.host)]
        if all(brick.rack for brick in self.bricks):
            kinds.append(("rack", lambda brick: brick.rack))
        return [sentence for kind, key in kinds for sentence in self._losses(kind, key)]

    def _losses(self, kind: str, key: Callable[[Brick], str]) -> list[str]:
        if self.form.width == 1:
            return [f"No {kind} may be lost: the files on its bricks are nowhere else."]
        data = [[key(brick) for brick in members if not brick.arbiter] for members in self.sets]
        served = _bearable([[key(brick) for brick in members] for members in self.sets], self.form.writable)
        kept = _bearable(data, self.form.spare)
        found = []
        if served:
            found.append(f"Any {_number(served, kind)} may be down: every file stays readable and writable.")
        elif kept and self.form.replica == 2:
            found.append(
                f"Any one {kind} may be down: the copy that is left goes on alone, at the risk of split-brain."
            )
        if kept > served and self.form.replica != 2:
            found.append(f"Any {_number(kept, kind)} may be lost for ever: no data is lost with it.")
        if not kept:
            found.append(f"There is a {kind} whose loss loses data.")
        return found


def _bearable(sets: Iterable[Sequence[str]], spare: int) -> int:
    """How many places, whichever, every set can do without."""
    least = -1
    for members in sets:
        lost = borne = 0
        for held in sorted((members.count(place) for place in set(members)), reverse=True):
            lost += held
            if lost > spare:
                break
            borne += 1
        least = borne if least < 0 else min(least, borne)
    return max(0, least)


def _number(count: int, kind: str) -> str:
    return f"one {kind}" if count == 1 else f"{count} {kind}s"


def split(text: str) -> tuple[str, str]:
    """HOST:/PATH."""
    host, colon, path = text.partition(":/")
    if not host or not colon or not path or path != path.strip() or "," in host:
        raise BrickError(f"{text!r} is no brick; write HOST:/DIRECTORY, such as gs1:/bricks/brick1/vms.")
    return host, "/" + path.strip("/")


def place_of(host: str, path: str, places: Container[tuple[str, str]]) -> tuple[str, int]:
    """The declared place that the directory is at, and its number there. No volume has a dot in its name."""
    place, _dot, number = path.rpartition(".")
    if (host, path) not in places and number.isdigit() and (host, place) in places:
        return place, int(number)
    return path, 1


def known_names(hosts: Iterable[Host]) -> dict[str, Host]:
    return {name: host for host in hosts for name in (host.name, *host.other_names)}


def read_back(bricks: Sequence[str], form: Form, hosts: Sequence[Host] = ()) -> Layout:
    """The picture of bricks in gluster's order. What is declared of their hosts and disks is filled in."""
    known = known_names(hosts)
    sizes = {(host.name, disk.path): disk.size_mb for host in hosts for disk in host.disks if not disk.arbiter}
    found = []
    for position, text in enumerate(bricks):
        name, directory = split(text)
        host = known.get(name, Host(name))
        path, number = place_of(host.name, directory, sizes)
        arbiter = position % form.width >= form.copies
        found.append(Brick(host.name, path, sizes.get((host.name, path), 0), host.rack, arbiter, number))
    width = form.width
    return Layout(form, tuple(tuple(found[at : at + width]) for at in range(0, len(found), width)))


def shared_places(layout: Layout) -> list[str]:
    """Sets of which one host, or one rack, holds more than may be lost at once."""
    findings = []
    for number, members in enumerate(layout.sets, start=1):
        for kind, limit, places in (
            ("host", 1, _by(members, lambda brick: brick.host)),
            ("rack", layout.form.per_rack, _by(members, lambda brick: brick.rack)),
        ):
            for place, held in places.items():
                if place and len(held) > limit:
                    what = "fragments" if layout.form.disperse else "copies"
                    findings.append(
                        f"set {number} has {len(held)} of its {layout.form.width} {what} on {kind} {place}: "
                        f"{', '.join(map(str, held))}."
                    )
    return findings


def _by(members: Iterable[Brick], key: Callable[[Brick], str]) -> Mapping[str, list[Brick]]:
    found: dict[str, list[Brick]] = {}
    for brick in members:
        found.setdefault(key(brick), []).append(brick)
    return found
