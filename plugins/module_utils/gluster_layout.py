# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of bricks in which no set has two copies in one place, or why there is none and what there is instead.

A set of replica 3 is three neighbours in the order of bricks: the order decides what a host takes with it. Pure.
"""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_arbiters import spread
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import USUAL, Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import (
    Brick,
    BrickError,
    Disk,
    Host,
    Layout,
    known_names,
    read_back,
    shared_places,
    split,
)


class LayoutError(ValueError):
    """It cannot be done. The text says why, `nearest` what could be built instead."""

    def __init__(self, reason: str, nearest: Sequence[str] = ()) -> None:
        self.nearest = list(nearest)
        super().__init__(f"{reason} Possible is: {'; or '.join(nearest)}." if nearest else reason)


class Places(NamedTuple):
    """Which bricks must not meet in a set: never two of a host, and of a group of hosts no more than the limit."""

    group: Mapping[str, str]  # by host
    limit: int = 1


def layout(hosts: Sequence[Host], form: Form, volume: str) -> Layout:
    """Every disk gets a brick. Hosts that are alike are taken in the order of the inventory."""
    places = places_of(hosts, form, volume)
    apart = arbiters_apart(hosts, form)
    width = form.copies if apart else form.width
    free = {host.name: [disk for disk in host.disks if not disk.arbiter] for host in hosts}
    sets = number_of_sets(hosts, form, volume, places)
    by_name = {host.name: host for host in hosts}
    chosen = [
        [data_brick(by_name[name], disk) for name, disk in members] for members in pick_sets(free, places, width, sets)
    ]
    return Layout(form, with_arbiters(chosen, hosts, form, volume, places))


# -- where bricks may go -------------------------------------------------------------------------------------------


def arbiters_apart(hosts: Iterable[Host], form: Form) -> bool:
    """Disks are set aside for arbiters; otherwise one of the bricks of each set becomes its arbiter."""
    return bool(form.arbiter) and any(disk.arbiter for host in hosts for disk in host.disks)


def places_of(hosts: Sequence[Host], form: Form, volume: str) -> Places:
    without = [host.name for host in hosts if not host.rack]
    if without and len(without) < len(hosts):
        raise LayoutError(
            f"volume {volume}: {', '.join(without)} {'is' if len(without) == 1 else 'are'} in no failure domain, other "
            "hosts are. Set gluster_server_failure_domain for all of them, or for none."
        )
    group = {host.name: host.rack or host.name for host in hosts}
    if not arbiters_apart(hosts, form):
        return Places(group, form.per_rack if not without else 1)
    witnesses = dict.fromkeys(group[host.name] for host in hosts if any(disk.arbiter for disk in host.disks))
    if len(witnesses) == 2:
        # A set with data in both would have no place left for its arbiter.
        both = " and ".join(witnesses)
        group = {name: both if place in witnesses else place for name, place in group.items()}
    return Places(group)


def number_of_sets(hosts: Sequence[Host], form: Form, volume: str, places: Places) -> int:
    """Or a sentence why the disks do not make whole sets."""
    free = {host.name: [disk for disk in host.disks if not disk.arbiter] for host in hosts}
    counts = {name: len(disks) for name, disks in free.items()}
    total, apart = sum(counts.values()), arbiters_apart(hosts, form)
    width = form.copies if apart else form.width
    where = "racks" if any(host.rack for host in hosts) else "hosts"
    if not total:
        raise LayoutError(f"volume {volume}: none of its hosts has a disk for it.")
    if apart:
        _check_witnesses(hosts, volume)
    if not total % width and most_sets(counts, places, width) == total // width:
        return total // width

    groups = {places.group[name] for name, count in counts.items() if count}
    needed = -(-width // places.limit)
    sets = total // width
    if len(groups) < needed:
        reason = f"{form} needs {needed} {where}, and there are {len(groups)}."
    elif total % width:
        reason = f"{form} takes disks in sets of {width}, and of {total} disks {total % width} would be left over."
    else:
        name, held, most, where = _too_many(counts, places, sets, where)
        reason = (
            f"{total} disks make {sets} {'set' if sets == 1 else 'sets'} of {form}, and {name} has {held} disks: "
            f"more than the {most} that keep the parts of every set in different {where}."
        )
    raise LayoutError(f"volume {volume}: {reason}", nearest(hosts, form, places))


def _check_witnesses(hosts: Sequence[Host], volume: str) -> None:
    groups = {host.rack or host.name for host in hosts if any(disk.arbiter for disk in host.disks)}
    alone = [
        host.name for host in hosts if groups == {host.rack or host.name} and not all(d.arbiter for d in host.disks)
    ]
    if alone:
        raise LayoutError(
            f"volume {volume}: all arbiters would be in {next(iter(groups))}, where {', '.join(alone)} has data too; "
            "the arbiter of a set must be elsewhere than its data. Set disks aside for arbiters in a second place too."
        )


def _too_many(counts: Mapping[str, int], places: Places, sets: int, where: str) -> tuple[str, int, int, str]:
    worst = max(counts, key=lambda name: counts[name])
    if counts[worst] > sets:
        return worst, counts[worst], sets, "hosts"
    of_group: dict[str, int] = {}
    for name, count in counts.items():
        of_group[places.group[name]] = of_group.get(places.group[name], 0) + count
    group = max(of_group, key=lambda name: of_group[name])
    return group, of_group[group], sets * places.limit, where


def most_sets(counts: Mapping[str, int], places: Places, width: int) -> int:
    """The largest number of whole sets that these numbers of disks can make."""
    for sets in range(sum(counts.values()) // width, 0, -1):
        usable: dict[str, int] = {}
        for name, count in counts.items():
            usable[places.group[name]] = usable.get(places.group[name], 0) + min(count, sets)
        if sum(min(count, places.limit * sets) for count in usable.values()) >= width * sets:
            return sets
    return 0


# -- choosing ------------------------------------------------------------------------------------------------------


def pick_sets(
    free: Mapping[str, Sequence[Disk]], places: Places, width: int, sets: int
) -> list[list[tuple[str, Disk]]]:
    """All disks in that many sets. It never gets stuck: who must be in a set, lest too much be left, goes first."""
    left = {name: list(disks) for name, disks in free.items()}
    if all(disk.size_mb for disks in left.values() for disk in disks):
        # Of a set the smallest counts: large ones go with large ones.
        left = {name: sorted(disks, key=lambda disk: -disk.size_mb) for name, disks in left.items()}
    position = {name: at for at, name in enumerate(left)}
    found = []
    for remaining in range(sets, 0, -1):
        members = _pick_hosts(left, places, width, remaining)
        found.append([(name, left[name].pop(0)) for name in sorted(members, key=lambda one: position[one])])
    return found


def _pick_hosts(left: Mapping[str, Sequence[Disk]], places: Places, width: int, remaining: int) -> list[str]:
    ranked = sorted(
        (name for name, disks in left.items() if disks),
        key=lambda name: (-len(left[name]), -left[name][0].size_mb),
    )
    of_group: dict[str, int] = {}
    for name in ranked:
        of_group[places.group[name]] = of_group.get(places.group[name], 0) + len(left[name])
    chosen = [name for name in ranked if len(left[name]) == remaining]
    taken = {group: sum(places.group[name] == group for name in chosen) for group in of_group}
    must = {group: count - places.limit * (remaining - 1) for group, count in of_group.items()}
    for pressing in (True, False):
        for name in ranked:
            group = places.group[name]
            limit = must[group] if pressing else places.limit
            if name not in chosen and taken[group] < limit and len(chosen) < width:
                chosen.append(name)
                taken[group] += 1
    return chosen


def data_brick(host: Host, disk: Disk) -> Brick:
    return Brick(host.name, disk.path, disk.size_mb, host.rack)


def with_arbiters(
    sets: Sequence[Sequence[Brick]],
    hosts: Sequence[Host],
    form: Form,
    volume: str,
    places: Places,
    present: Iterable[Brick] = (),
) -> tuple[tuple[Brick, ...], ...]:
    """Each set with its arbiter, last. `present` are bricks of other sets, whose arbiters count too."""
    if not form.arbiter:
        return tuple(tuple(members) for members in sets)
    load: dict[str, int] = {}
    used: set[tuple[str, str]] = set()
    for brick in present:
        used.add((brick.host, brick.path))
        if brick.arbiter:
            load[brick.host] = load.get(brick.host, 0) + 1
    if not arbiters_apart(hosts, form):
        # Small ones first, for an arbiter needs little room; of equals the last, where gluster puts it too.
        eligible = [[one.host for one in sorted(members, key=lambda one: -one.size_mb)][::-1] for members in sets]
        chosen = spread(eligible, load)
        return tuple(
            (*(b for b in members if b.host != name), *(b._replace(arbiter=True) for b in members if b.host == name))
            for members, name in zip(sets, chosen)
        )
    witnesses = {host.name: host for host in hosts if any(disk.arbiter for disk in host.disks)}
    names = spread([witnesses_of(members, witnesses.values(), volume) for members in sets], load)
    return tuple((*members, arbiter_brick(witnesses[name], used)) for members, name in zip(sets, names))


def witnesses_of(members: Sequence[Brick], witnesses: Iterable[Host], volume: str) -> list[str]:
    """Hosts that may have the arbiter of these data bricks."""
    taken = {brick.rack or brick.host for brick in members}
    found = [host.name for host in witnesses if (host.rack or host.name) not in taken]
    if not found:
        raise LayoutError(
            f"volume {volume}: the set {', '.join(map(str, members))} has data wherever disks are set aside for "
            "arbiters; set one aside in a third place."
        )
    return found


def arbiter_brick(host: Host, used: set[tuple[str, str]]) -> Brick:
    """On the least used of the disks that the host sets aside; a directory of its own for each."""

    def held(disk: Disk) -> int:
        return sum(name == host.name and path.startswith(f"{disk.path}-arbiter") for name, path in used)

    disk = min((disk for disk in host.disks if disk.arbiter), key=held)
    number = 1
    while (host.name, f"{disk.path}-arbiter{number}") in used:
        number += 1
    used.add((host.name, f"{disk.path}-arbiter{number}"))
    return Brick(host.name, f"{disk.path}-arbiter{number}", 0, host.rack, True)


# -- what is possible instead --------------------------------------------------------------------------------------


def nearest(hosts: Sequence[Host], form: Form, places: Places) -> list[str]:
    """Layouts that can be built, the likest first."""
    free = {host.name: [disk for disk in host.disks if not disk.arbiter] for host in hosts}
    counts = {name: len(disks) for name, disks in free.items()}
    total, apart = sum(counts.values()), arbiters_apart(hosts, form)
    width = form.copies if apart else form.width
    found = []
    sets = most_sets(counts, places, width)
    if sets:
        out = _left_out(free, places, width, sets)
        found.append(f"{form} with {_sets(sets)} when {', '.join(out)} {'is' if len(out) == 1 else 'are'} left out")
    bare = Places({name: name for name in counts})
    if any(host.rack for host in hosts) and not total % width and most_sets(counts, bare, width) == total // width:
        found.append(f"{form} with {_sets(total // width)} that survives the loss of a host, not of a rack")
    for other in USUAL:
        if other != form and not apart and not total % other.width:
            spots = Places(places.group, other.per_rack if any(host.rack for host in hosts) else 1)
            if most_sets(counts, spots, other.width) == total // other.width:
                found.append(f"{other} with {_sets(total // other.width)} of all {total} disks")
    return found


def _sets(count: int) -> str:
    return f"{count} set" if count == 1 else f"{count} sets"


def _left_out(free: Mapping[str, Sequence[Disk]], places: Places, width: int, sets: int) -> list[str]:
    """The fewest disks without which the others make that many sets."""
    keep = {name: min(len(disks), sets) for name, disks in free.items()}

    def of_group(group: str) -> int:
        return sum(count for name, count in keep.items() if places.group[name] == group)

    for group in dict.fromkeys(places.group.values()):
        while of_group(group) > places.limit * sets:
            keep[max((n for n in reversed(list(keep)) if places.group[n] == group), key=lambda name: keep[name])] -= 1
    while sum(keep.values()) > width * sets:
        keep[max(reversed(list(keep)), key=lambda name: keep[name])] -= 1
    return [f"{name}:{disk.path}" for name, disks in free.items() for disk in disks[keep[name] :]]


# -- an order that was given ---------------------------------------------------------------------------------------


def check_order(bricks: Sequence[str], form: Form, volume: str, hosts: Sequence[Host] = ()) -> list[str]:
    """Findings about bricks in the order in which `volume create` would get them."""
    findings: list[str] = []
    seen: set[tuple[str, str]] = set()
    known = known_names(hosts)
    for text in bricks:
        try:
            name, path = split(text)
        except BrickError as error:
            findings.append(f"volume {volume}: {error}")
            continue
        place = (known.get(name, Host(name)).name, path)
        for other in sorted(one for host, one in seen if host == place[0]):
            if other == path:
                findings.append(f"volume {volume}: brick {text} is given twice.")
            elif other.startswith(f"{path}/") or path.startswith(f"{other}/"):
                findings.append(f"volume {volume}: {text} and {place[0]}:{other} lie in one another.")
        seen.add(place)
    if findings:
        return findings
    over = len(bricks) % form.width
    if over or not bricks:
        # GlusterFS would fail and leave a volume behind that comes to light when glusterd is started anew.
        return [
            f"volume {volume}: {form} takes bricks in sets of {form.width}, and there are {len(bricks)}; "
            f"add {form.width - over}" + (f" or leave {over} out." if over else ".")
        ]
    picture = read_back(bricks, form, hosts)
    shared = shared_places(picture)
    if not shared:
        return []
    return [
        f"volume {volume}: in this order {' '.join(shared)} Whoever is lost takes the set along. {_safe_order(picture)}"
    ]


def _safe_order(picture: Layout) -> str:
    """The same bricks in another order. Which of them are small, to be arbiters, is not known; all are alike."""
    disks: dict[str, list[Disk]] = {}
    racks = {brick.host: brick.rack for brick in picture.bricks}
    for brick in picture.bricks:
        disks.setdefault(brick.host, []).append(Disk(brick.path, brick.path, brick.size_mb))
    hosts = [Host(name, racks[name], tuple(held)) for name, held in disks.items()]
    try:
        return f"Safe is: {' '.join(layout(hosts, picture.form, '').order)}."
    except LayoutError as error:
        return str(error).partition(": ")[2]
