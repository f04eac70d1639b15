# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of a pool of glusterds as the modules ask, in memory: it refuses and answers as the captured one does.

It is there to run plans to their end, and to cut them off anywhere. What it says of success and failure is held against
the captures by the contract tests; that the real one does the same is for the tests on lab hosts.
"""

from __future__ import annotations

import uuid
from typing import Any
from xml.sax.saxutils import escape

DEFAULTS = {"storage.fips-mode-rchecksum": "on", "transport.address-family": "inet", "nfs.disable": "on"}


class Killed(Exception):
    """The run ends here, as by kill -9: right after a command has had its effect."""


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
        self.task = ""
        self.limits: dict[str, tuple[int, str]] = {}

    @property
    def width(self) -> int:
        return self.disperse or self.replica

    @property
    def sets(self) -> list[list[str]]:
        return [self.bricks[at : at + self.width] for at in range(0, len(self.bricks), self.width)]


class SmallGluster:
    def __init__(self, host: str = "gs1", peers: tuple[str, ...] = ("gs2", "gs3", "gs4")) -> None:
        self.host = host
        self.peers: dict[str, dict[str, Any]] = {}
        for name in peers:
            self.join(name)
        self.resolves = {host, *peers, "gs5", "gs6"}
        self.volumes: dict[str, Volume] = {}
        self.marks: dict[str, str] = {}  # bricks that bear the mark of a volume
        self.offline: set[str] = set()
        self.pool_options = {"cluster.op-version": "90000", "cluster.max-op-version": "100000"}
        self.log: list[tuple[str, ...]] = []
        self.kill_after: int | None = None  # changes
        self.busy = 0  # so many calls are turned away
        self.in_flight = 0  # so many lists of peers are empty
        self.failures_of_moving = 0
        self.split_brain: dict[str, str] = {}  # path: gfid

    # -- the command -------------------------------------------------------------------------------------------------

    def run_command(self, argv: list[str], **_more: Any) -> tuple[int, str, str]:
        assert "--mode=script" in argv, argv
        words = argv[argv.index("--mode=script") + 1 :]
        xml = words[0] == "--xml"
        words = words[1:] if xml else words
        try:
            body, changes = self.answer(tuple(words))
        except Refusal as refusal:
            if not xml:
                return 1, "", str(refusal)
            return 0, _xml(f"<opErrstr>{escape(str(refusal))}</opErrstr>", refusal.op_ret, refusal.errno), ""
        if changes:
            self.log.append(tuple(words))
            if self.kill_after is not None and len(self.log) >= self.kill_after:
                raise Killed(" ".join(words))
        return (0, _xml(body), "") if xml else (0, body, "")

    def answer(self, words: tuple[str, ...]) -> tuple[str, bool]:
        """What the XML holds, and whether anything was changed."""
        if words == ("pool", "list"):
            return self.pool_list(), False
        if words[0] == "volume" and words[1] in ("info", "status", "get"):
            return getattr(self, words[1])(*words[2:]), False
        if words[0] == "volume" and words[1] == "heal" and "info" in words[3:]:
            return self.heal_info(self.volume(words[2]), *words[4:]), False
        if words[-1] == "status":
            return self.progress(self.volume(words[2])), False
        if words[:2] == ("volume", "quota") and words[3:] == ("list",):
            return self.quota_list(self.volume(words[2])), False
        if self.busy:
            self.busy -= 1
            raise Refusal(f"Another transaction is in progress for {words[2]}. Please try again after some time.")
        verb = words[1].replace("-", "_")
        getattr(self, f"{words[0]}_{verb}")(*words[2:])
        return "<output>success</output>", True

    # -- peers -------------------------------------------------------------------------------------------------------

    def join(self, name: str) -> None:
        self.peers[name] = {"names": [name], "connected": 1, "state": 3, "text": "Peer in Cluster"}

    def pool_list(self) -> str:
        if self.in_flight:
            self.in_flight -= 1
            raise InFlight
        nodes = ""
        for name, peer in self.peers.items():
            names = "".join(f"<hostname>{one}</hostname>" for one in peer["names"])
            nodes += (
                f"<peer><uuid>{host_uuid(name)}</uuid><hostname>{name}</hostname><hostnames>{names}</hostnames>"
                f"<connected>{peer['connected']}</connected><state>{peer['state']}</state>"
                f"<stateStr>{peer['text']}</stateStr></peer>"
            )
        own = f"<peer><uuid>{host_uuid(self.host)}</uuid><hostname>localhost</hostname><connected>1</connected></peer>"
        return f"<peerStatus>{nodes}{own}</peerStatus>"

    def peer_probe(self, name: str) -> None:
        primary = name.partition("-")[0]  # gs2-storage is another name of gs2
        if primary not in self.resolves:
            raise Refusal("Probe returned with Transport endpoint is not connected", errno=107)
        if primary in self.peers:
            if name not in self.peers[primary]["names"]:
                self.peers[primary]["names"].append(name)
        else:
            self.join(name)
            self.in_flight = 2

    def peer_detach(self, name: str) -> None:
        if name not in self.peers:
            raise Refusal(f"{name} is not part of cluster", errno=2)
        if any(brick.startswith(f"{name}:") for volume in self.volumes.values() for brick in volume.bricks):
            raise Refusal(f"Peer {name} hosts one or more bricks. If the peer is in not recoverable state", 1, 3)
        del self.peers[name]

    # -- volumes -----------------------------------------------------------------------------------------------------

    def volume(self, name: str) -> Volume:
        if name not in self.volumes:
            raise Refusal(f"Volume {name} does not exist")
        return self.volumes[name]

    def volume_create(self, name: str, *words: str) -> None:
        if name in self.volumes:
            raise Refusal(f"Volume {name} already exists", errno=0)
        numbers = {"replica": 1, "arbiter": 0, "disperse": 0, "redundancy": 0}
        rest = list(words)
        while rest and rest[0] in numbers:
            numbers[rest[0]], rest = int(rest[1]), rest[2:]
        self._check_new(rest)
        volume = Volume(name, bricks=rest, **numbers)
        self.marks.update(dict.fromkeys(rest, name))
        if len(rest) % volume.width:
            raise AssertionError("a ghost: the modules must never ask for this")
        self._check_spread(volume.sets if volume.width > 1 else [])
        self.volumes[name] = volume

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

    def volume_start(self, name: str) -> None:
        volume = self.volume(name)
        if volume.status == "Started":
            raise Refusal(f"Volume {name} already started")
        volume.status = "Started"

    def volume_stop(self, name: str) -> None:
        volume = self.volume(name)
        if volume.status != "Started":
            raise Refusal(f"Volume {name} is not in the started state")
        volume.status = "Stopped"

    def volume_delete(self, name: str) -> None:
        if self.volume(name).status == "Started":
            raise Refusal(f"Volume {name} has been started.Volume needs to be stopped before deletion.")
        if not all(peer["connected"] for peer in self.peers.values()):
            raise Refusal("Some of the peers are down")
        del self.volumes[name]

    def volume_set(self, name: str, *pairs: str) -> None:
        values = dict(zip(pairs[::2], pairs[1::2]))
        if name == "all":
            self.pool_options.update(values)
            return
        volume = self.volume(name)
        for key in values:
            if key.startswith("no."):
                raise Refusal(f"option : {key} does not exist\nDid you mean nfs.drc-size or ...rpc-statd?")
        volume.options.update(values)

    def volume_reset(self, name: str, key: str) -> None:
        self.volume(name).options.pop(key, None)

    def volume_quota(self, name: str, verb: str, *words: str) -> None:
        volume = self.volume(name)
        if volume.status != "Started":
            raise Refusal(f"Volume {name} is not started")
        if verb == "enable":
            volume.options["features.quota"] = "on"
        elif verb == "disable":
            volume.options.pop("features.quota")
            volume.limits = {}
        elif verb == "limit-usage":
            if words[0] == "/nosuch":
                raise Refusal("Failed to get trusted.gfid attribute on path /nosuch. Reason : No such file", -2)
            volume.limits[words[0]] = (int(words[1]), words[2])
        else:
            del volume.limits[words[0]]

    def quota_list(self, volume: Volume) -> str:
        if not volume.limits:
            raise Refusal(f"No quota configured on volume {volume.name}", errno=0)
        limits = "".join(
            f"<limit><path>{path}</path><hard_limit>{hard}</hard_limit>"
            f"<soft_limit_percent>{soft}</soft_limit_percent></limit>"
            for path, (hard, soft) in volume.limits.items()
        )
        return f"<volQuota>{limits}</volQuota>"

    def get(self, name: str, key: str) -> str:
        value = self.pool_options[key] if name == "all" else self.volume(name).options[key]
        return f"<volGetopts><Opt><Option>{key}</Option><Value>{value}</Value></Opt></volGetopts>"

    # -- bricks ------------------------------------------------------------------------------------------------------

    def _rewrite_allow(self, volume: Volume) -> None:
        """As the real one does on each host in another way, unless all peers are in the list."""
        allow = volume.options.get("auth.allow")
        missing = [name for name in self.peers if allow and name not in allow]
        if missing:
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
        self._check_new([new])
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
                raise Refusal(f"A remove-brick task on volume {name} is not yet committed.")
            self._idle(volume)
            if len(bricks) % volume.width:
                raise Refusal(
                    f"Remove brick incorrect brick count of {len(bricks)} for replica {volume.width}", errno=0
                )
            volume.removal, volume.moving, volume.task = bricks, 2, "Remove brick"
            self._rewrite_allow(volume)
        else:
            assert words[-1] == "commit", "force would lose the data"
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
        volume.moving, volume.task = 2, "Rebalance"

    def progress(self, volume: Volume) -> str:
        if not volume.task:
            raise Refusal(f"rebalance not started for volume {volume.name}.")
        status = "in progress" if volume.moving else "completed"
        hosts = sorted({b.partition(":")[0] for b in volume.removal or volume.bricks})
        nodes = "".join(
            f"<node><nodeName>{host}</nodeName><id>{host_uuid(host)}</id><files>1</files>"
            f"<failures>{self.failures_of_moving}</failures><skipped>0</skipped><statusStr>{status}</statusStr></node>"
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

    # -- info and status ---------------------------------------------------------------------------------------------

    def info(self, name: str = "") -> str:
        shown = [self.volume(name)] if name else [self.volumes[one] for one in sorted(self.volumes)]
        return f"<volInfo><volumes>{''.join(self._info(one) for one in shown)}</volumes></volInfo>"

    def _info(self, volume: Volume) -> str:
        arbiters = {one[-1] for one in volume.sets} if volume.arbiter else set()
        bricks = "".join(
            f'<brick uuid="x">{b}<name>{b}</name><hostUuid>{host_uuid(b.partition(":")[0])}</hostUuid>'
            f"<isArbiter>{int(b in arbiters)}</isArbiter></brick>"
            for b in volume.bricks
        )
        options = "".join(
            f"<option><name>{key}</name><value>{escape(value)}</value></option>"
            for key, value in volume.options.items()
        )
        counts = "".join(
            f"<{kind}Count>{getattr(volume, kind)}</{kind}Count>"
            for kind in ("replica", "arbiter", "disperse", "redundancy")
        )
        return (
            f"<volume><name>{volume.name}</name><id>{host_uuid(volume.name)}</id><statusStr>{volume.status}</statusStr>"
            f"{counts}<bricks>{bricks}</bricks><options>{options}</options></volume>"
        )

    def status(self, name: str) -> str:
        if name != "all" and self.volume(name).status != "Started":
            raise Refusal(f"Volume {name} is not started")
        shown = [one for one in self.volumes.values() if one.status == "Started" and name in ("all", one.name)]
        return f"<volStatus><volumes>{''.join(self._status(one) for one in shown)}</volumes></volStatus>"

    def _status(self, volume: Volume) -> str:
        nodes = ""
        for brick in volume.bricks:
            host, _colon, path = brick.partition(":")
            if host != self.host and not self.peers.get(host, {}).get("connected"):
                continue  # as if it were no brick of the volume
            online = int(brick not in self.offline)
            nodes += f"<node><hostname>{host}</hostname><path>{path}</path><status>{online}</status></node>"
        task = ""
        if volume.task:
            bricks = "".join(f"<brick>{brick}</brick>" for brick in volume.removal)
            status = "in progress" if volume.moving else "completed"
            task = f"<task><type>{volume.task}</type><statusStr>{status}</statusStr><params>{bricks}</params></task>"
        return f"<volume><volName>{volume.name}</volName>{nodes}<tasks>{task}</tasks></volume>"


class InFlight(Refusal):
    def __init__(self) -> None:
        super().__init__("", -22, 0)

    def __str__(self) -> str:
        return ""


def _xml(body: str, op_ret: int = 0, errno: int = 0) -> str:
    extra = "<peerStatus/>" if op_ret == -22 else ""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f"<cliOutput><opRet>{op_ret}</opRet><opErrno>{errno}</opErrno>{body}{extra}</cliOutput>\n"
    )
