# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies below the mount points of bricks: directories as declared, and what former volumes have left in them.

GlusterFS marks the directory of a brick and takes none that is marked, nor one below it. The marks stay when a brick is
removed, a volume deleted, or the creation of one has failed. Pure.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step

INNER = ".glusterfs"
# The marks of a brick itself: of the volume it was part of, of its place in it, and of changes that others miss.
MARKS = ("trusted.gfid", "trusted.glusterfs.", "trusted.afr.")


class Directory(NamedTuple):
    uid: int
    gid: int
    mode: int


class Brick(NamedTuple):
    """A directory that may be, or have been, a brick."""

    kind: str = ""  # "directory", "link" or "file"; empty: there is nothing
    attributes: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()

    @property
    def marks(self) -> list[str]:
        own = [name for name in self.attributes if name == MARKS[0] or name.startswith(MARKS[1:])]
        return [*own, *(name for name in self.entries if name == INNER)]

    @property
    def files(self) -> list[str]:
        return [name for name in self.entries if not name.startswith(INNER)]


class Where(NamedTuple):
    """Of a path, where it leads: links and bind mounts give one directory several."""

    real: str
    inodes: Sequence[tuple[int, int] | None] = (None,)  # its own, then those of the directories that it lies in

    def meets(self, other: Where) -> bool:
        """It is the other one, or one of the two lies in the other."""
        texts = self.real == other.real or _lies_in(self.real, other.real) or _lies_in(other.real, self.real)
        ours, theirs = self.inodes[0], other.inodes[0]
        return texts or (ours is not None and ours in other.inodes) or (theirs is not None and theirs in self.inodes)


def _lies_in(path: str, other: str) -> bool:
    return path.startswith(f"{other}/")


class KnownBrick(NamedTuple):
    """As glusterd keeps it in vols/VOLUME/bricks."""

    volume: str
    path: str
    server: str = ""  # its UUID; empty: not told


def parse_brick(volume: str, text: str) -> KnownBrick:
    values = _values(text)
    return KnownBrick(volume, values.get("path", "").rstrip("/"), values.get("uuid", ""))


def parse_own_uuid(text: str) -> str:
    """Of glusterd.info, which does not exist before glusterd has been used."""
    return _values(text).get("UUID", "")


def _values(text: str) -> dict[str, str]:
    return {
        key.strip(): value.strip()
        for key, equals, value in (line.partition("=") for line in text.splitlines())
        if equals
    }


def local_bricks(known: Sequence[KnownBrick], own_uuid: str) -> dict[str, str]:
    """Path to volume. Every server keeps the bricks of all; one whose server is not told may be ours."""
    return {one.path: one.volume for one in known if one.path and (not one.server or one.server == own_uuid)}


def brick_process(command_line: str) -> str:
    """The directory that a process serves as a brick, of /proc/PID/cmdline; empty if it does not."""
    words = command_line.split("\0")
    if "glusterfsd" not in words[0] or "--brick-name" not in words[:-1]:
        return ""
    return words[words.index("--brick-name") + 1].rstrip("/")


# -- directories -----------------------------------------------------------------------------------------------------


def plan_directories(
    bricks: Sequence[Mapping[str, Any]], present: Mapping[str, Directory | None], mounted: Sequence[str]
) -> list[Step]:
    """`present` are those below mount points that are mounted. Owner and mode are ids, or None: as it is."""
    steps = []
    for brick in bricks:
        for one in brick["directories"]:
            path = f"{brick['mount']}/{one['path']}"
            found = present.get(path)
            wanted = (one["uid"], one["gid"], one["mode"])
            if found and all(value in (None, now) for value, now in zip(wanted, found)):
                continue
            words = "see to" if brick["mount"] not in mounted else "change" if found else "make"
            shown = ["-" if value is None else str(value) for value in wanted[:2]]
            shown.append("-" if one["mode"] is None else f"{one['mode']:04o}")
            steps.append(Step(f"{words} the directory {path}", ("directory", path, brick["mount"], *shown)))
    return steps


# -- reset -----------------------------------------------------------------------------------------------------------


class ResetPlan(NamedTuple):
    steps: list[Step]
    findings: list[str]
    warnings: list[str]


def plan_reset(
    paths: Sequence[str],
    present: Mapping[str, Brick],
    known: Mapping[str, str],
    running: Sequence[str],
    awaited: Sequence[str],
    wheres: Mapping[str, Where],
) -> ResetPlan:
    """`present`: these directories and those above. `known`: bricks of glusterd on this host, path to volume.

    `awaited`: mount points that are yet to be mounted.
    """
    steps, findings, warnings = [], [], []
    for given in dict.fromkeys(paths):
        path = given.rstrip("/")
        found = present.get(path, Brick())
        reason = _refusal(path, found, known, running, wheres) or _marked_above(path, present)
        if reason:
            findings.append(f"reset {given}: {reason}")
        elif any(path.startswith(f"{mount}/") for mount in awaited):
            steps.append(Step(f"see that {path} has no marks of a former volume", ("reset", path)))
        elif found.marks:
            steps.append(Step(f"reset the brick {path} ({', '.join(found.marks)})", ("reset", path)))
        if not reason and found.files:
            shown = ", ".join(found.files[:5]) + (" and more" if len(found.files) > 5 else "")
            warnings.append(
                f"{path} still holds {shown}. They stay, with the marks of the former volume; another volume would "
                "show them, or trip over them. Move them away before the directory becomes a brick again."
            )
    return ResetPlan(steps, findings, warnings)


def _refusal(
    path: str, found: Brick, known: Mapping[str, str], running: Sequence[str], wheres: Mapping[str, Where]
) -> str:
    if not path.startswith("/") or path.count("/") < 2 or {"", ".", ".."} & set(path[1:].split("/")):
        return "this is no directory of a brick; name it from the root on, such as /bricks/brick1/vms."
    if found.kind not in ("", "directory"):
        return f"it is a {found.kind} and no directory."
    for other, volume in sorted(known.items()):
        if wheres[path].meets(wheres[other]):
            return (
                f"{'it' if other == path else other} is a brick of volume {volume}. Remove it from the volume, or "
                f"delete the volume, first. (If only some hosts know {volume}, it is a ghost.)"
            )
    for other in sorted(running):
        if wheres[path].meets(wheres[other]):
            return f"a glusterfsd process serves {other}. Stop the volume, or that process, first."
    return ""


def above(path: str) -> list[str]:
    """The directories that it lies in, but for the root."""
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:length]) for length in range(1, len(parts))]


def _marked_above(path: str, present: Mapping[str, Brick]) -> str:
    """GlusterFS would say that a parent directory is already part of a volume."""
    for other in above(path):
        if present.get(other, Brick()).marks:
            return f"{other}, in which it lies, has the marks of a brick; reset that, or use another directory."
    return ""
