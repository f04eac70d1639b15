# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of the small pool, and what is done to their bricks; it watches that no data is lost by that."""

from __future__ import annotations

import uuid
from typing import Any

DEFAULTS = {"storage.fips-mode-rchecksum": "on", "transport.address-family": "inet", "nfs.disable": "on"}


class Refusal(Exception):
    def __init__(self, text: str, op_ret: int = -1, errno: int = 30800) -> None:
        super().__init__(text)
        self.op_ret, self.errno = op_ret, errno


def host_uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


class Volume:
    def __init__(
        self, name: str, replica: int, arbiter: int, disperse: int, redundancy: int, bricks: list[str]
    ) -> None:
        self.name, self.status = name, "Created"
        self.replica, self.arbiter, self.disperse, self.redundancy = replica, arbiter, disperse, redundancy
        self.bricks = bricks
        self.options = dict(DEFAULTS)
        self.incomplete: dict[str, int] = {}  # brick: readings until it is healed
        self.removal: tuple[str, ...] = ()
        self.moving = 0  # readings until the data is moved
        self.failures = 0  # of moving; they stay until the task is ended
        self.task = ""
        self.ended = "completed"  # how it ended, for the host that is asked
        self.limits: dict[str, tuple[int, str]] = {}

    @property
    def width(self) -> int:
        return self.disperse or self.replica

    @property
    def sets(self) -> list[list[str]]:
        return [self.bricks[at : at + self.width] for at in range(0, len(self.bricks), self.width)]


class BrickCommands:
    """Of SmallGluster, which has the pool around it."""

    host: str
    peers: dict[str, dict[str, Any]]
    marks: dict[str, str]
    offline: set[str]
    failures_of_moving: int
    known_as: list[str]
    split: set[str]
    split_brain: dict[str, str]

    def volume(self, name: str) -> Volume:
        raise NotImplementedError

    def _check_new(self, bricks: Any) -> None:
        for brick in bricks:
            host = brick.partition(":")[0]
            if host != self.host and host not in self.peers:
                raise Refusal(f"Failed to find host {host}")
            if host != self.host and not self.peers[host]["connected"]:
                raise Refusal(f"Host {host} not connected")
            if brick in self.marks:
                path = brick.partition(":")[2]
                where = "" if host == self.host else f"Staging failed on {host}. Error: "
                raise Refusal(f"{where}{path} is already part of a volume")
            self.marks[brick] = "?"

    def _check_spread(self, sets: list[list[str]]) -> None:
        for one in sets:
            if len({brick.partition(":")[0] for brick in one}) < len(one):
                raise Refusal("Multiple bricks of a replicate volume are present on the same server.")

    # -- bricks ------------------------------------------------------------------------------------------------------

    def _rewrite_allow(self, volume: Volume) -> None:
        """As the real one does on each host in another way, unless all peers are in the list."""
        allow = volume.options.get("auth.allow")
        missing = [name for name in self.peers if allow and name not in allow.split(",")]
        if allow and self.known_as[0] not in allow.split(","):
            # This host does not write itself there; its peers do.
            self.split.add(volume.name)
        if missing:
            self.split.add(volume.name)
            volume.options["old.auth.allow"] = str(allow)
            volume.options["auth.allow"] = ",".join([str(allow), *missing])

    def _idle(self, volume: Volume) -> None:
        if volume.removal or (volume.task and volume.moving):
            raise Refusal(f"Volume name {volume.name} rebalance is in progress. Please retry after completion")

    def volume_add_brick(self, name: str, *words: str) -> None:
        volume, rest = self.volume(name), list(words)
        self._idle(volume)
        replica, arbiter = volume.replica, volume.arbiter
        while rest and rest[0] in ("replica", "arbiter"):
            replica, arbiter = (int(rest[1]), arbiter) if rest[0] == "replica" else (replica, int(rest[1]))
            rest = rest[2:]
        if replica == volume.replica and len(rest) % volume.width:
            raise Refusal(f"Incorrect number of bricks supplied {len(rest)} with count {volume.width}", errno=0)
        self._check_new(rest)
        self._rewrite_allow(volume)
        self.marks.update(dict.fromkeys(rest, name))
        if replica != volume.replica:
            old, each = volume.sets, replica - volume.replica
            assert len(rest) == each * len(old)
            volume.replica, volume.arbiter = replica, arbiter
            new = [one + rest[at * each : (at + 1) * each] for at, one in enumerate(old)]
            volume.bricks = [brick for one in new for brick in one]
            volume.incomplete.update(dict.fromkeys(rest, 2))
        else:
            volume.bricks += rest
        self._check_spread(volume.sets if volume.width > 1 else [])

    def volume_replace_brick(self, name: str, old: str, new: str, *words: str) -> None:
        assert words == ("commit", "force")
        volume = self.volume(name)
        self._idle(volume)
        if volume.width == 1:
            raise Refusal("replace-brick is not permitted on distribute only volumes.")
        if old != new:
            self._check_new([new])
        elif old not in self.unread:
            raise Refusal(f"Brick: {new} not available. Brick may be containing or be contained by an existing brick.")
        self.unread.discard(old)
        self._rewrite_allow(volume)
        (members,) = [one for one in volume.sets if old in one]
        self._must_stay(volume, [brick for brick in members if brick != old])
        self.marks[new] = name
        volume.bricks = [new if brick == old else brick for brick in volume.bricks]
        volume.incomplete[new] = 2
        volume.incomplete.pop(old, None)
        self.offline.discard(old)

    def _must_stay(self, volume: Volume, members: list[str]) -> None:
        """The one rule of it all: never is the last complete copy taken away."""
        whole = [brick for brick in members if brick not in volume.incomplete and brick not in self.offline]
        if volume.arbiter:
            arbiters = {one[-1] for one in volume.sets}
            whole = [brick for brick in whole if brick not in arbiters]
        needed = volume.disperse - volume.redundancy if volume.disperse else 1
        assert len(whole) >= needed, f"data of {volume.name} is lost: {members}"

    def volume_reset_brick(self, name: str, brick: str, *words: str) -> None:
        volume = self.volume(name)
        if words == ("start",):
            self.offline.add(brick)
            return
        assert words == (brick, "commit", "force")
        if brick in self.unread:
            raise Refusal(
                f"Pre Validation failed on {brick.partition(':')[0]}. When destination brick is new, please use "
                "gluster volume replace-brick <volname> <src-brick> <dst-brick> commit force"
            )
        (members,) = [one for one in volume.sets if brick in one]
        self._must_stay(volume, [other for other in members if other != brick])
        self.offline.discard(brick)
        volume.incomplete[brick] = 2

    def volume_remove_brick(self, name: str, *words: str) -> None:
        volume = self.volume(name)
        bricks = tuple(word for word in words if ":/" in word)
        missing = [brick for brick in bricks if brick not in volume.bricks]
        if missing:
            raise Refusal(f"Incorrect brick {missing[0]} for volume {name}", errno=0)
        if words[0] == "replica":
            assert words[-1] == "force"
            replica = int(words[1])
            for one in volume.sets:
                self._must_stay(volume, [brick for brick in one if brick not in bricks])
            volume.arbiter = 0 if volume.arbiter and replica == 2 else volume.arbiter
            volume.bricks = [brick for brick in volume.bricks if brick not in bricks]
            volume.replica = replica
        elif words[-1] == "start":
            if volume.removal:
                raise Refusal(
                    f"An earlier remove-brick task exists for volume {name}. Either commit it or stop it before "
                    "starting a new task."
                )
            self._idle(volume)
            if len(bricks) % volume.width:
                raise Refusal(
                    f"Remove brick incorrect brick count of {len(bricks)} for replica {volume.width}", errno=0
                )
            volume.removal, volume.moving, volume.task = bricks, 2, "Remove brick"
            volume.failures = self.failures_of_moving
            self._rewrite_allow(volume)
        elif words[-1] == "stop":
            if volume.removal != bricks:
                raise Refusal(f"remove-brick not started for volume {name}.")
            volume.removal, volume.moving, volume.task = (), 0, ""
        else:
            assert words[-1] == "commit", "force would lose the data"
            assert not volume.failures, "files would stay behind"
            if volume.removal != bricks:
                raise Refusal(f"Brick {bricks[0]} is not decommissioned. Use start or force option")
            if volume.moving:
                raise Refusal("use 'force' option as migration is in progress")
            volume.bricks = [brick for brick in volume.bricks if brick not in bricks]
            volume.removal, volume.task = (), ""

    def volume_rebalance(self, name: str, verb: str) -> None:
        volume = self.volume(name)
        assert verb == "start"
        if volume.removal:
            raise Refusal(f"A remove-brick task on volume {name} is not yet committed.")
        if len(volume.sets) < 2:
            raise Refusal(f"Volume {name} is not a distribute volume or contains only 1 brick.")
        volume.moving, volume.task, volume.failures = 2, "Rebalance", 0

    def progress(self, volume: Volume) -> str:
        if not volume.task:
            raise Refusal(f"rebalance not started for volume {volume.name}.")
        status = "in progress" if volume.moving else volume.ended
        hosts = sorted({b.partition(":")[0] for b in volume.removal or volume.bricks})
        nodes = "".join(
            f"<node><nodeName>{host}</nodeName><id>{host_uuid(host)}</id><files>1</files>"
            f"<failures>{volume.failures}</failures><skipped>0</skipped><statusStr>{status}</statusStr></node>"
            for host in hosts
        )
        volume.moving = max(0, volume.moving - 1)
        tag = "volRemoveBrick" if volume.removal else "volRebalance"
        return f"<{tag}><nodeCount>9</nodeCount>{nodes}</{tag}>"

    # -- heal --------------------------------------------------------------------------------------------------------

    def volume_heal(self, name: str, *words: str) -> None:
        volume = self.volume(name)
        if words[:1] == ("granular-entry-heal",):
            volume.options["cluster.granular-entry-heal"] = words[1]
        elif words[:1] == ("split-brain",):
            path = words[-1]
            if path not in self.split_brain:
                raise Refusal(f"Healing {path} failed: File not in split-brain.")
            del self.split_brain[path]

    def heal_info(self, volume: Volume, kind: str = "") -> str:
        if kind == "split-brain" and volume.disperse:
            raise Refusal(
                f"This command is supported for only volumes of replicate type. Volume {volume.name} is not of type "
                "replicate"
            )
        nodes = ""
        for brick in volume.bricks:
            files = "".join(f'<file gfid="{gfid}">{path}</file>' for path, gfid in self.split_brain.items())
            count = len(self.split_brain)
            if kind != "split-brain" and brick in volume.incomplete:
                count += 5
                volume.incomplete[brick] -= 1
                if not volume.incomplete[brick]:
                    del volume.incomplete[brick]
            (members,) = [one for one in volume.sets if brick in one]
            if kind != "split-brain" and self.offline.intersection(members):
                count += 7  # for the one that is down; it stays so
            if brick in self.offline:
                status, text = "Transport endpoint is not connected", "-"
            else:
                status, text = "Connected", str(count)
            entries = (
                f"<totalNumberOfEntries>{text}</totalNumberOfEntries>"
                if kind == "summary"
                else (f"{files}<numberOfEntries>{text}</numberOfEntries>")
            )
            nodes += f"<brick><name>{brick}</name>{entries}<status>{status}</status></brick>"
        return f"<healInfo><bricks>{nodes}</bricks></healInfo>"
