# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of a pool of glusterds as the modules ask, in memory: it refuses and answers as the captured one does.

It is there to run plans to their end, and to cut them off anywhere. What it says of success and failure is held against
the captures by the contract tests; that the real one does the same is for the tests on lab hosts.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from small_gluster_bricks import BrickCommands, Refusal, Volume, host_uuid


class Killed(Exception):
    """The run ends here, as by kill -9: right after a command has had its effect."""


class SmallGluster(BrickCommands):
    def __init__(self, host: str = "gs1", peers: tuple[str, ...] = ("gs2", "gs3", "gs4")) -> None:
        self.host = host
        self.peers: dict[str, dict[str, Any]] = {}
        for name in peers:
            self.join(name)
        self.known_as = [host]
        self.resolves = {host, *peers, "gs5", "gs6"}
        self.volumes: dict[str, Volume] = {}
        self.marks: dict[str, str] = {}  # bricks that bear the mark of a volume
        self.offline: set[str] = set()
        self.unread: set[str] = set()  # bricks that were not there when the glusterd of their host was started
        self.broken: set[str] = set()  # bricks that do not come when they are started
        self.pool_options = {"cluster.op-version": "90000", "cluster.max-op-version": "100000"}
        self.log: list[tuple[str, ...]] = []
        self.warnings: list[str] = []  # of the modules
        self.kill_after: int | None = None  # changes
        self.busy = 0  # so many calls are turned away
        self.in_flight = 0  # so many lists of peers are empty
        self.failures_of_moving = 0
        self.split: set[str] = set()  # volumes of which the hosts have different definitions
        self.split_brain: dict[str, str] = {}  # path: gfid

    # -- the command -------------------------------------------------------------------------------------------------

    def run_command(self, argv: list[str], **_more: Any) -> tuple[int, str, str]:
        assert "--mode=script" in argv, argv
        remote = [word.partition("=")[2] for word in argv if word.startswith("--remote-host=")]
        words = argv[argv.index("--mode=script") + 1 :]
        xml = words[0] == "--xml"
        words = words[1:] if xml else words
        try:
            body, changes = (self.asked_at(remote[0]), False) if remote else self.answer(tuple(words))
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

    def asked_at(self, host: str) -> str:
        """The pool as another host sees it, which knows this one by what it was probed by."""
        names = "".join(f"<hostname>{name}</hostname>" for name in self.known_as)
        return (
            f"<peerStatus><peer><uuid>{host_uuid(self.host)}</uuid><hostname>{self.known_as[0]}</hostname>"
            f"<hostnames>{names}</hostnames><connected>1</connected><state>3</state>"
            f"</peer><peer><uuid>{host_uuid(host)}</uuid><hostname>localhost</hostname></peer></peerStatus>"
        )

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

    def volume_start(self, name: str, force: str = "") -> None:
        volume = self.volume(name)
        if force:
            self.offline -= set(volume.bricks) - self.broken
        elif volume.status == "Started":
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
        if key.startswith("user."):
            raise Refusal(f"Option {key} does not exist\nDid you mean cluster.data-self-heal?")
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
            status = "in progress" if volume.moving else volume.ended
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
