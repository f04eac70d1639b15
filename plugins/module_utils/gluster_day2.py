# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks for a running pool need to know: who agreed to what, and who may be stopped now. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form, form_from_counts
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import left_bricks, same
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import place_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import ONLINE, Brick

Volume = Mapping[str, Any]


class ConsentError(ValueError):
    """The text is the sentence for the user."""


# -- consent ---------------------------------------------------------------------------------------------------------


def gluster_consent(
    volumes: Sequence[Volume],
    layout: Sequence[Volume],
    present: Sequence[Volume],
    peers: Sequence[Mapping[str, Any]] = (),
    hosts: Iterable[str] = (),
    bricks: Iterable[str] = (),
    moves: bool = False,
    declared_hosts: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """The declared volumes, with leave for the bricks of these hosts, and for these bricks, to go or to be filled anew.

    A brick whose place is still declared is filled anew there; one whose place is not may leave. With `moves`, bricks
    on disks that stay declared may be moved as well. What is declared no more and not named has no leave.

    A name that nobody knows is refused: of a host that has left already, the inventory knows, or a volume that it had
    a brick of.
    """
    _check_names(present, peers, list(map(str, hosts)), list(map(str, bricks)), set(map(str, declared_hosts)))
    gone = {alias for host in hosts for alias in _names(str(host), peers)}
    named = {str(brick) for brick in bricks}
    places = {one["name"]: _places(one) for one in layout}
    there = {one["name"]: [Brick(str(brick["name"])) for brick in one["bricks"]] for one in present}
    found = []
    for volume in volumes:
        leave = list(volume.get("confirm_remove") or ())
        rebuilt = list(volume.get("rebuilt_bricks") or ())
        for brick in there.get(volume.get("name", ""), ()):
            aliases = _names(brick.host, peers)
            own = places.get(volume["name"], set())
            declared = any((alias, place_of(alias, brick.path, own)[0]) in own for alias in aliases)
            if aliases & gone or named & {f"{alias}:{brick.path}" for alias in aliases}:
                (rebuilt if declared else leave).append(brick.name)
            elif moves and declared:
                leave.append(brick.name)
        more = {"confirm_remove": leave, "rebuilt_bricks": rebuilt}
        found.append({**volume, **{key: list(dict.fromkeys(names)) for key, names in more.items() if names}})
    return found


def _check_names(
    present: Sequence[Volume],
    peers: Sequence[Mapping[str, Any]],
    hosts: Sequence[str],
    bricks: Sequence[str],
    declared_hosts: set[str],
) -> None:
    had = [Brick(str(brick["name"])) for one in present for brick in one["bricks"]]
    had += [Brick(name) for one in present for name in left_bricks(one.get("options") or {})]
    pool = {name for peer in peers for name in peer["names"]} | {brick.host for brick in had}
    unknown = [host for host in hosts if host not in pool | declared_hosts]
    places = {(alias, brick.path) for brick in had for alias in _names(brick.host, peers)}
    unknown += [name for name in bricks if (Brick(name).host, Brick(name).path) not in places]
    if unknown:
        raise ConsentError(
            f"{', '.join(unknown)}: neither the pool nor the inventory knows of it. Is it called so? Peers are "
            f"{', '.join(sorted(str(peer['name']) for peer in peers))}. If it has left already, nothing is to be done."
        )


def _names(host: str, peers: Sequence[Mapping[str, Any]]) -> set[str]:
    """The host by every name the pool has for it."""
    found = {host}
    for peer in peers:
        if host in peer["names"]:
            found.update(peer["names"])
    return found


def _places(volume: Volume) -> set[tuple[str, str]]:
    found = {(Brick(str(name)).host, Brick(str(name)).path) for name in volume.get("bricks") or ()}
    for host in volume.get("hosts") or ():
        if isinstance(host, Mapping):
            names = (host["name"], *host.get("other_names", ()))
            found.update((name, disk["path"]) for name in names for disk in host.get("disks", ()))
    return found


# -- stopping one host -----------------------------------------------------------------------------------------------


class View(NamedTuple):
    """What one host says, as gluster_peer_info returns it."""

    host: str
    said: Mapping[str, Any]


def gluster_stop_findings(
    volumes: Sequence[Volume],
    heal: Sequence[Volume],
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    register: str = "gluster_day2_view",
    accept_outage: Iterable[str] = (),
) -> list[str]:
    """All that speaks against stopping these hosts one after another. Volumes in `accept_outage` may be cut."""
    views = [View(host, hostvars[host].get(register) or {}) for host in hosts]
    started = [volume for volume in volumes if volume.get("status") == "started"]
    cut = frozenset(accept_outage)
    findings = [finding for view in views for finding in _view(view)]
    findings += gluster_pool.differences({view.host: view.said.get("definitions") or {} for view in views})
    for volume in started:
        findings += _moving(volume)
    for volume in heal:
        if not volume["healed"]:
            findings.append(_unhealed(volume))
    for view in views:
        for volume in started:
            if volume["name"] not in cut:
                findings += _lost_with(view, volume)
    return list(dict.fromkeys(findings))


def _view(view: View) -> list[str]:
    if not view.said.get("uuid"):
        return [f"{view.host}: it did not say how it sees the pool; look whether its glusterd runs."]
    if view.said.get("in_flight"):
        return [f"{view.host}: a probe is under way; run again when it has ended."]
    return [
        f"{view.host}: it sees peer {peer['name']} as {peer['condition']}. Bring that back first."
        for peer in view.said.get("peers") or ()
        if peer["condition"] != gluster_pool.CONNECTED
    ]


def _moving(volume: Volume) -> list[str]:
    found = [
        f"volume {volume['name']}: brick {brick['name']} is {brick['state']}. Bring it back first."
        for brick in volume["bricks"]
        if brick["state"] != ONLINE
    ]
    return found + [
        f"volume {volume['name']}: {task['kind']} is in progress; run again when it has ended."
        for task in volume.get("tasks") or ()
        if task["status"] == "in progress"
    ]


def _unhealed(volume: Volume) -> str:
    left = sum(brick.get("total") or 0 for brick in volume["bricks"])
    split = sum(brick.get("split_brain") or 0 for brick in volume["bricks"])
    away = [brick["name"] for brick in volume["bricks"] if brick.get("total") is None]
    parts = [f"{left} entries are to be healed"] if left else []
    parts += [f"{split} of them are in split-brain, which needs a decision (playbook gluster_heal)"] if split else []
    parts += [f"{', '.join(away)} did not answer"] if away else []
    return f"volume {volume['name']}: {'; '.join(parts) or 'it is not healed'}."


def _lost_with(view: View, volume: Volume) -> list[str]:
    """What would be out of reach, or read-only, while this host is down."""
    uuid, name = view.said.get("uuid"), volume["name"]
    form = form_from_counts(*(int(volume.get(key) or 0) for key in ("replica", "arbiter", "disperse", "redundancy")))
    bricks = volume["bricks"]
    findings = []
    for at in range(0, len(bricks), form.width):
        one = bricks[at : at + form.width]
        gone = [index for index, brick in enumerate(one) if brick.get("host_uuid") == uuid]
        if gone and not _goes_on(form, gone, volume.get("options") or {}):
            listed = ", ".join(one[index]["name"] for index in gone)
            findings.append(
                f"{view.host}: without it volume {name} ({form}) loses {listed}, and so access to files, or quorum. "
                f"If that may be for a while: gluster_accept_outage: [{name}]."
            )
    if same("", (volume.get("options") or {}).get("cluster.server-quorum-type", "none"), "server"):
        total = len(view.said.get("peers") or ()) + 1
        needed = _server_quorum(total, (volume.get("options") or {}).get("cluster.server-quorum-ratio", ""))
        if total - 1 < needed:
            findings.append(
                f"{view.host}: without it {total - 1} of {total} hosts are left, and the server quorum of {name} needs "
                f"{needed}; all of its bricks would be stopped."
            )
    return findings


def _goes_on(form: Form, gone: Sequence[int], options: Mapping[str, str]) -> bool:
    if form.disperse or form.replica > 2:
        if not form.disperse and options.get("cluster.quorum-type") == "fixed":
            return form.replica - len(gone) >= int(options.get("cluster.quorum-count") or 1)
        return len(gone) <= form.writable
    if form.replica < 2 or len(gone) > 1:
        return False
    if options.get("cluster.quorum-type") == "fixed":
        return int(options.get("cluster.quorum-count") or 1) <= 1
    # Half of them are enough if the first one is among them.
    return options.get("cluster.quorum-type", "none") != "auto" or gone != [0]


def _server_quorum(total: int, ratio: str) -> int:
    share = float(ratio.rstrip("%") or 0) if ratio else 0.0
    if not share:
        return total // 2 + 1
    needed = total * share / 100
    return int(needed) + (needed > int(needed))
