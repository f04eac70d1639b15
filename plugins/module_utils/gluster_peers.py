# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the names of the hosts that shall be one pool to the steps: probe, wait, detach. Pure."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options, gluster_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Refused, Step


class Address(NamedTuple):
    """What a name is on this host."""

    addresses: tuple[str, ...] = ()  # none: it does not resolve
    own: bool = False  # one of them is an address of this host

    @property
    def loopback(self) -> bool:
        return any(address.startswith("127.") or address == "::1" for address in self.addresses)


class Wanted(NamedTuple):
    peers: Sequence[str]
    other_names: Mapping[str, Sequence[str]] = {}
    detached: Sequence[str] = ()
    tolerated: Sequence[str] = ()  # rejected peers whose cure goes on elsewhere
    pool_options: Mapping[str, str] = {}


class Known(NamedTuple):
    """What was read: the pool, the bricks on each host, what the names are here, and the options of the pool."""

    pool: Pool
    this_host: str  # how this host is called in messages
    own_names: frozenset[str] = frozenset()
    addresses: Mapping[str, Address] = {}
    bricks: Mapping[str, Sequence[str]] = {}  # by uuid of the host
    pool_options: Mapping[str, str] = {}
    lenient: bool = False  # check mode: /etc/hosts may be only planned


def unknown_names(wanted: Wanted, pool: Pool, own_names: frozenset[str]) -> list[str]:
    """The names that have to be resolved before they can be planned for; none in a pool as it is wanted."""
    # Of this host itself the other hosts keep the names.
    others = [name for peer, names in wanted.other_names.items() if peer.lower() not in own_names for name in names]
    return [n for n in dict.fromkeys([*wanted.peers, *others]) if pool.find(n) is None and n.lower() not in own_names]


class PeerPlanner:
    def __init__(self, wanted: Wanted, known: Known) -> None:
        self.wanted = wanted
        self.known = known
        self.findings: list[str] = []
        self.steps: list[Step] = []
        self.warnings: list[str] = []

    def plan(self) -> Plan:
        self._check_names()
        self._check_conditions()
        added = [name for name in dict.fromkeys(self.wanted.peers) if self._is_new(name)]
        for name in added:
            self._step(f"probe {name}", "gluster", "peer", "probe", name)
        if added:
            self._await(added)
        more = [(p, n) for p, names in self.wanted.other_names.items() for n in names if self._lacks(p, n)]
        for peer, name in more:
            self._step(f"make {name} another name of {peer}", "gluster", "peer", "probe", name)
        if more:
            pairs = tuple(f"{peer}={name}" for peer, name in more)
            self._step(f"see that {_listed([n for _p, n in more])} became no peer of its own", "await", "names", *pairs)
        gone = [name for name in dict.fromkeys(self.wanted.detached) if self._is_there(name)]
        for name in gone:
            self._step(f"detach {name}", "gluster", "peer", "detach", name)
        for name in set(self.wanted.detached) - set(gone):
            self.warnings.append(f"peer {name}: it is not in the pool. It has left already, or has another name there.")
        self._set_options()
        if self.findings:
            raise Refused(self.findings)
        return Plan(self.steps, self._diff(added, more, gone), self.warnings)

    # -- what speaks against it --------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        for name in sorted(set(self.wanted.peers) & set(self.wanted.detached)):
            self.findings.append(f"peer {name}: it is both in peers and in detached; keep one of the two.")
        for name in sorted(set(self.wanted.other_names) - set(self.wanted.peers)):
            self.findings.append(f"peer {name}: it has other_names and is not in peers.")
        for name in unknown_names(self.wanted, self.known.pool, self.known.own_names):
            address = self.known.addresses.get(name, Address())
            if not address.addresses:
                # In check mode the lines of /etc/hosts may themselves be only planned.
                (self.warnings if self.known.lenient else self.findings).append(
                    f"peer {name}: the name does not resolve on {self.known.this_host}; add it to DNS or /etc/hosts."
                )
            elif address.loopback:
                self.findings.append(
                    f"peer {name}: the name is {', '.join(address.addresses)} on {self.known.this_host}, so that "
                    "gluster would take this host itself for it. Correct /etc/hosts: a name of the pool must lead to "
                    "an address that the other hosts reach. (If it is this host itself: give the name as server_name.)"
                )
        for name in self.wanted.detached:
            peer = self.known.pool.find(name)
            bricks = self.known.bricks.get(peer.uuid, ()) if peer else ()
            if name.lower() in self.known.own_names:
                self.findings.append(f"peer {name}: it is this host itself; detach it from another host of the pool.")
            elif bricks:
                self.findings.append(
                    f"peer {name}: it has the bricks {', '.join(bricks)}. Replace them or take them out of their "
                    "volumes first (gluster_volume), then detach the host."
                )

    def _check_conditions(self) -> None:
        for peer in self.known.pool.peers:
            if peer.condition != gluster_pool.REJECTED or any(name in self.wanted.detached for name in peer.names):
                continue
            sentence = gluster_pool.cure(peer.name, self.known.this_host)
            if any(name in self.wanted.tolerated for name in peer.names):
                self.warnings.append(sentence)
            else:
                self.findings.append(sentence)
        away = [p for p in self.known.pool.peers if p.condition == gluster_pool.DISCONNECTED]
        for peer in away:
            if not any(name in self.wanted.detached for name in peer.names):
                self.warnings.append(
                    f"peer {peer.name} is in the cluster and not connected: the host or its glusterd is down, or TCP "
                    "port 24007 is closed."
                )

    # -- what is missing ---------------------------------------------------------------------------------------------

    def _is_own(self, name: str) -> bool:
        return name.lower() in self.known.own_names or self.known.addresses.get(name, Address()).own

    def _is_new(self, name: str) -> bool:
        return self.known.pool.find(name) is None and not self._is_own(name)

    def _is_there(self, name: str) -> bool:
        return self.known.pool.find(name) is not None

    def _lacks(self, peer: str, name: str) -> bool:
        """Of this host itself the others keep the names; it cannot probe itself for them."""
        if self._is_own(peer):
            return False
        found, other = self.known.pool.find(peer), self.known.pool.find(name)
        if other is not None and other is not found:
            self.findings.append(f"peer {peer}: {name} is a name of peer {other.name}; one of the two is wrong.")
        return other is None

    def _await(self, added: Sequence[str]) -> None:
        self._step(
            f"wait until {_listed(added)} {'are' if len(added) > 1 else 'is'} in the cluster", "await", "peers", *added
        )

    def _set_options(self) -> None:
        away = [peer.name for peer in self.known.pool.peers if peer.condition != gluster_pool.CONNECTED]
        for name, value in self.wanted.pool_options.items():
            if self.known.pool_options.get(name) == value:
                continue
            if name == OP_VERSION and away:
                self.warnings.append(
                    f"{name} stays {self.known.pool_options.get(name)} and is not raised to {value} while "
                    f"{', '.join(away)} is away: it cannot be lowered again, and a host that is too old would be out."
                )
            else:
                self._step(f"set {name} of the pool to {value}", "gluster", "volume", "set", "all", name, value)

    def _step(self, sentence: str, *argv: str) -> None:
        self.steps.append(Step(sentence, argv))

    def _diff(self, added: Sequence[str], more: Sequence[tuple[str, str]], gone: Sequence[str]) -> list[dict[str, str]]:
        if not self.steps:
            return []
        out = [peer for name in gone for peer in [self.known.pool.find(name)] if peer]
        before = [", ".join(peer.names) for peer in self.known.pool.peers]
        after = [", ".join(peer.names) for peer in self.known.pool.peers if peer not in out] + list(added)
        after += [f"{peer}, {name}" for peer, name in more]
        options = self.wanted.pool_options
        before += [f"{name}: {self.known.pool_options.get(name, '')}" for name in options]
        after += [f"{name}: {value}" for name, value in options.items()]
        return [
            {
                "before_header": "trusted pool",
                "after_header": "trusted pool",
                "before": "".join(f"{line}\n" for line in before),
                "after": "".join(f"{line}\n" for line in after),
            }
        ]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


# -- the cure of a rejected peer, on that peer itself ----------------------------------------------------------------

STATE_FOLDER = "/var/lib/glusterd"
# What makes the host the one it is in the pool, and what the package brought.
KEPT = ("glusterd.info", "groups", "hooks")


class CureState(NamedTuple):
    """How far a cure has come. A run that was killed in it is taken up where it ended."""

    pool: Pool | None  # None: glusterd does not run
    holds_definitions: bool  # there are volumes or peers on the disk


def plan_cure(state: CureState, source: str, peers: Sequence[str] = ()) -> Plan:
    """Put the definitions of this host aside, take those of the pool from `source`, come back as the same host.

    To be repeated until nothing is left to do: where glusterd is found stopped, its peers are only seen once it runs.
    """
    stop = Step("stop glusterd, and with it the bricks of this host", ("systemctl", "stop", "glusterd"))
    aside = Step(f"put what is in {STATE_FOLDER} aside, but {', '.join(KEPT)}", ("put-aside", STATE_FOLDER))
    start = Step("start glusterd", ("systemctl", "start", "glusterd"))
    settled = Step("wait until the peers have answered", ("await", "settled"))
    probe = Step(f"probe {source}", ("gluster", "peer", "probe", source))
    accepted = Step(f"wait until {source} has sent its definitions", ("await", "accepted", source))
    restart = Step("restart glusterd", ("systemctl", "restart", "glusterd"))
    joined = Step(f"wait until {source} is in the cluster", ("await", "peers", source))
    join = [probe, accepted, restart, joined]

    pool = state.pool
    if pool is None:
        # It may have been stopped for another reason, and be no rejected peer at all: look before anything goes.
        steps = [start, settled] if state.holds_definitions else [start, *join]
    elif any(peer.condition == gluster_pool.REJECTED for peer in pool.peers):
        steps = [stop, aside, start, *join]
    elif not pool.peers:
        steps = join
    elif any(peer.condition == gluster_pool.JOINING for peer in pool.peers) or _misses(pool, peers):
        steps = [restart, joined]
    else:
        return Plan()
    header = "peers of this host"
    before = "" if pool is None else "".join(f"{line}\n" for line in gluster_pool.described(pool))
    diff = {"before_header": header, "after_header": header, "before": before, "after": f"those of {source}\n"}
    return Plan(steps, [diff])


def _misses(pool: Pool, peers: Sequence[str]) -> bool:
    """One that was probed knows the prober alone until it is restarted."""
    return len(pool.peers) == 1 and len(peers) > 2 and any(pool.find(name) is None for name in peers)


# -- options of the pool ---------------------------------------------------------------------------------------------

OP_VERSION = "cluster.op-version"


def pool_option(key: str, declared: str, present: str, highest: str) -> tuple[str, str]:
    """What the option shall be, and what speaks against it. `highest` is what all hosts of the pool can do."""
    if key != OP_VERSION:
        # As with volumes: on and enable are one.
        return (present if gluster_options.same(key, declared, present) else declared), ""
    wanted = highest if declared == "max" else declared
    if not wanted.isdigit():
        return present, f"{key} is a number or 'max', not {wanted!r}."
    if int(wanted) < int(present or 0):
        return present, f"{key} is {present} and cannot be lowered to {wanted}."
    if highest.isdigit() and int(wanted) > int(highest):
        return present, f"{key} cannot be {wanted}: not every host of the pool can do more than {highest}."
    return wanted, ""
