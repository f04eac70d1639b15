# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the steps of a plan: commands of gluster, and the waits between them, each of which has an end."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_errors, gluster_heal, gluster_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import Gluster, GlusterError
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_heal import BrickHeal
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Peer, Pool, parse_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import (
    HOST_AWAY,
    ONLINE,
    Progress,
    Status,
    Volume,
    brick_state,
    parse_progress,
    parse_status,
    parse_volumes,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import Judgement, NotSettled, wait_until
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError

# A replaced fragment is looked for by the self-heal daemon, which counts nothing before it has found something.
QUIET_READINGS = 3


class GlusterSteps:
    def __init__(
        self,
        cli: Gluster,
        peer_timeout: float = 60,
        online_timeout: float = 60,
        data_timeout: float = 3600,
        deeds: Mapping[str, Callable[..., None]] | None = None,
    ) -> None:
        self.cli = cli
        self.peer_timeout = peer_timeout
        self.online_timeout = online_timeout
        self.data_timeout = data_timeout
        self.deeds = dict(deeds or {})  # what else a step may begin with

    def change(self, argv: Sequence[str]) -> str:
        if argv[0] in self.deeds:
            self.deeds[argv[0]](*argv[1:])
            return ""
        if argv[0] == "gluster":
            return self.cli.change(argv)
        waits: dict[str, Callable[..., None]] = {
            "peers": self.peers,
            "accepted": self.accepted,
            "settled": self.settled,
            "names": self.names,
            "online": self.online,
            "healed": self.healed,
            "rebalance": self.rebalanced,
            "removal": self.removed,
        }
        waits[argv[1]](*argv[2:])
        return ""

    def new_id(self, output: str) -> str:
        raise NotImplementedError("nothing of gluster is given a number")

    # -- reads -------------------------------------------------------------------------------------------------------

    def pool(self, starting: bool = False) -> Pool | None:
        """None while a probe is under way; or, where glusterd is starting, as long as it does not answer."""
        answer = self.cli.ask("pool", "list")
        if answer.kind == gluster_errors.IN_FLIGHT or (starting and answer.kind == gluster_errors.UNREACHABLE):
            return None
        if not answer.ok or answer.tree is None:
            raise GlusterError(answer, "gluster pool list")
        return parse_pool(answer.tree)

    def called(self, pool: Pool, peer: Peer) -> list[str]:
        """How a peer calls this host, which its own list has as localhost only."""
        answer = self.cli.ask("pool", "list", at=peer.name)
        if not answer.ok or answer.tree is None:
            raise GlusterError(answer, f"gluster --remote-host={peer.name} pool list")
        return [name for one in parse_pool(answer.tree).peers if one.uuid == pool.uuid for name in one.names]

    def _starting(self) -> Pool | None:
        return self.pool(starting=True)

    def volume(self, name: str) -> Volume:
        return parse_volumes(self.cli.tree("volume", "info", name))[0]

    def status(self, name: str) -> Status | None:
        return parse_status(self.cli.tree("volume", "status", name)).get(name)

    def heal(self, name: str, *kind: str) -> list[BrickHeal]:
        return gluster_heal.parse_heal(self.cli.tree("volume", "heal", name, "info", *kind))

    # -- waits for peers ---------------------------------------------------------------------------------------------

    def peers(self, *names: str) -> None:
        self._wait_pool(names, f"{', '.join(names)} in the cluster", (gluster_pool.CONNECTED,))

    def accepted(self, *names: str) -> None:
        """'Accepted peer request' is as far as it gets until glusterd is restarted."""
        wanted = (gluster_pool.CONNECTED, gluster_pool.JOINING)
        self._wait_pool(names, f"the definitions of {', '.join(names)}", wanted)

    def settled(self) -> None:
        """Whatever it is that the peers answer."""

        def judge(pool: Pool | None) -> Judgement:
            if pool is None:
                return {"glusterd": "starting"}, {}
            return {peer.name: peer.condition for peer in pool.peers if peer.condition == gluster_pool.JOINING}, {}

        self._wait(self._starting, judge, "every peer to have answered", self.peer_timeout, 1)

    def _wait_pool(self, names: Sequence[str], wanted: str, conditions: Sequence[str]) -> None:
        def judge(pool: Pool | None) -> Judgement:
            if pool is None:
                return dict.fromkeys(
                    names, "in flight: a peer is being probed and does not answer, it may be frozen"
                ), {}
            pending, failed = {}, {}
            for name in names:
                peer = pool.find(name)
                condition = peer.condition if peer else "absent"
                if condition == gluster_pool.REJECTED:
                    failed[name] = gluster_pool.cure(name, "this host")
                elif condition not in conditions:
                    pending[name] = condition + (f" ({peer.state_text})" if peer and peer.state_text else "")
            return pending, failed

        self._wait(self._starting, judge, wanted, self.peer_timeout, 0.5)

    def names(self, *pairs: str) -> None:
        def judge(pool: Pool | None) -> Judgement:
            if pool is None:
                return dict.fromkeys(pairs, "in flight"), {}
            failed = {}
            for peer, _equals, name in (pair.partition("=") for pair in pairs):
                found, other = pool.find(peer), pool.find(name)
                if other is None or found is not other:
                    failed[name] = (
                        f"it is a name of {other.name if other else 'no peer'}; does it lead to {peer}? A peer that "
                        f"came by mistake is taken out by 'gluster peer detach {name}'"
                    )
            return {}, failed

        self._wait(self.pool, judge, "further names of peers", self.peer_timeout, 0.5)

    # -- waits for bricks and data -----------------------------------------------------------------------------------

    def online(self, name: str, *bricks: str) -> None:
        """All that can be, or those that are named."""
        volume = self.volume(name)
        peers = self.pool()

        def judge(status: Status | None) -> Judgement:
            found = {brick.name: brick_state(brick, volume, status, peers) for brick in volume.bricks}
            states = {one: found.get(one, "no brick of the volume") for one in bricks or found}
            # A host that is away is known to be, and was no reason not to start.
            enough = (ONLINE,) if bricks else (ONLINE, HOST_AWAY)
            return {brick: state for brick, state in states.items() if state not in enough}, {}

        self._wait(lambda: self.status(name), judge, f"the bricks of volume {name} online", self.online_timeout, 1)

    def healed(self, name: str, *only: str) -> None:
        """All bricks of the volume, or those that are named."""
        # Of fragments gluster knows no split-brain, and does not answer.
        disperse = self.volume(name).form.disperse
        quiet = QUIET_READINGS if disperse else 1
        readings = 0

        def judge(found: list[BrickHeal]) -> Judgement:
            nonlocal readings
            bricks = [brick for brick in found if not only or brick.name in only]
            pending = gluster_heal.unhealed(bricks)
            readings = 0 if pending else readings + 1
            if not pending:
                return ({name: "looked at"} if readings < quiet else {}), {}
            asked = not disperse and all(brick.connected for brick in bricks)
            if asked and gluster_heal.only_split_brain(bricks, self.heal(name, "split-brain")):
                return {}, {
                    brick: f"{why}, all in split-brain, which never heals by itself" for brick, why in pending.items()
                }
            return pending, {}

        self._wait(lambda: self.heal(name), judge, f"nothing to heal in volume {name}", self.data_timeout, 2)

    def rebalanced(self, name: str) -> None:
        def read() -> list[Progress]:
            return parse_progress(self.cli.tree("volume", "rebalance", name, "status"))

        self._wait(read, lambda found: judge_progress(found, None), f"volume {name} rebalanced", self.data_timeout, 2)

    def removed(self, name: str, *bricks: str) -> None:
        """Every host that has one of the bricks must have moved all of its files: the commit forgets the rest."""
        hosts = {brick.host_uuid for brick in self.volume(name).bricks if brick.name in bricks}

        def read() -> list[Progress]:
            return parse_progress(self.cli.tree("volume", "remove-brick", name, *bricks, "status"))

        def judge(found: list[Progress]) -> Judgement:
            return judge_progress(found, hosts)

        try:
            self._wait(read, judge, f"the data of {', '.join(bricks)} moved", self.data_timeout, 2)
        except RunnerError as error:
            raise RunnerError(
                f"{error} The bricks are still part of the volume and nothing is lost. When the cause is gone run "
                f"again; or take the bricks back: gluster volume remove-brick {name} {' '.join(bricks)} stop."
            ) from error

    def _wait(
        self,
        read: Callable[[], object],
        judge: Callable[..., Judgement],
        wanted: str,
        limit: float,
        interval: float,
    ) -> None:
        try:
            wait_until(read, judge, wanted, limit, interval=interval, clock=self.cli.clock, sleep=self.cli.sleep)
        except NotSettled as error:
            raise RunnerError(str(error)) from error


def judge_progress(found: Sequence[Progress], hosts: set[str] | None) -> Judgement:
    """Of a rebalance (hosts: None), or of a removal from these hosts, of which no file may be left behind."""
    pending: dict[str, str] = {} if found else {"the task": "not begun"}
    failed: dict[str, str] = {}
    for one in found:
        if one.status in ("in progress", "not started"):
            pending[one.host] = f"{one.status}, {one.files} files moved"
        elif one.status not in ("completed", "fix-layout completed"):
            failed[one.host] = one.status
        elif one.failures or (hosts is not None and one.skipped):
            failed[one.host] = (
                f"{one.failures} files could not be moved and {one.skipped} were skipped; see "
                "/var/log/glusterfs/VOLUME-rebalance.log there (often a brick is full, or a file is open)"
            )
    for uuid in sorted((hosts or set()) - {one.host_uuid for one in found}):
        pending[uuid] = "without an answer"
    return pending, failed
