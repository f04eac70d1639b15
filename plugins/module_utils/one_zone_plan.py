# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which front-end does what, in which order, so that all of them are one zone that never has two truths.

Pure: what each front-end said of itself goes in, ordered steps or the reason why none is safe come out. A server that
was not looked at may hold anything; wherever that matters the answer is a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone, ZoneServer, zone_from

EMPTY, SOLO, MEMBER = "empty", "solo", "member"


class ClusterError(Exception):
    """No step is safe; the text is a sentence."""


@dataclass(frozen=True)
class Look:
    """A front-end as it was found. `database`: none, half (a seed was cut off) or filled."""

    host: str
    endpoint: str
    server_id: int = -1  # of oned.conf
    running: bool = False
    database: str = "none"
    index: int = -1  # the newest record of its log, and the term that this was written in
    term: int = -1
    first_index: int = -1  # the oldest record
    zone: Zone | None = None  # by its own database; with the states that the servers tell, where its oned runs

    @property
    def kind(self) -> str:
        if self.database != "filled":
            return EMPTY
        servers = self.zone.servers if self.zone else ()
        alone = len(servers) < 2 and self.server_id == -1
        return SOLO if alone or not servers else MEMBER

    @property
    def log(self) -> tuple[int, int]:
        """The measure by which servers vote: the term of the newest record, then its number."""
        return self.term, self.index

    def entry(self, zone: Zone | None) -> ZoneServer | None:
        return zone.server(self.endpoint) if zone else None

    def runs_alone(self) -> bool:
        own = self.entry(self.zone)
        return self.running and own is not None and own.state == "solo"


def look_from(host: str, found: Mapping[str, Any]) -> Look:
    """What the module one_raft_info returned."""
    keys = ("endpoint", "server_id", "running", "database", "index", "term", "first_index")
    return Look(host=host, zone=zone_from(found["zone"]), **{key: found[key] for key in keys})


@dataclass(frozen=True)
class Step:
    host: str
    action: str  # found, join, enter
    reason: str
    source: str = ""  # join: the front-end whose database is taken
    add: bool = False  # join: the zone does not name this server yet
    id: int = -1  # by which the zone knows this server; -1: it is going to be told
    wait: bool = True  # whether the zone can and has to be whole again after this step


@dataclass
class ClusterPlan:
    steps: list[Step] = field(default_factory=list)
    leader: str = ""  # host; empty where the steps make one
    warnings: list[str] = field(default_factory=list)


def plan_cluster(
    declared: Sequence[tuple[str, str]],
    looks: Sequence[Look],
    due: Sequence[str] = (),
    discard: Sequence[str] = (),
) -> ClusterPlan:
    """`declared`: host and endpoint of all front-ends. `due`: hosts whose oned has to be started anew."""
    seen = {look.host: look for look in looks}
    unseen = [host for host, _endpoint in declared if host not in seen]
    kinds = {host: EMPTY if host in discard else look.kind for host, look in seen.items()}
    solo = [host for host in seen if kinds[host] == SOLO]
    members = [seen[host] for host in seen if kinds[host] == MEMBER]
    if len(solo) > 1 or (solo and members):
        raise ClusterError(_two_clouds([*solo, *(look.host for look in members)]))
    last = [host for host in seen if seen[host].kind != EMPTY]
    if last and set(last) <= set(discard):
        raise ClusterError(
            f"opennebula_ha_discard_database names {_listed(last)}, where the only database is that was found: nothing "
            "of the cloud would be left. Take the host out of it."
        )
    if not members:
        return _begin([host for host, _endpoint in declared], solo, unseen)
    return _continue(list(seen.values()), kinds, members, unseen, due)


def _two_clouds(hosts: Sequence[str]) -> str:
    return (
        f"{_listed(hosts)} have databases of OpenNebula that are not of one zone; a cloud can have one only, and "
        "nothing was changed. If what is in one of them is not needed, name its host in "
        "opennebula_ha_discard_database; it is then given the other's, and a copy of its own is kept."
    )


def _begin(declared: Sequence[str], solo: Sequence[str], unseen: Sequence[str]) -> ClusterPlan:
    """There is no zone of several servers yet."""
    if unseen:
        raise ClusterError(
            f"A new zone is made only when all front-ends take part in the run: {_listed(unseen)} may hold the cloud's "
            "database and was not looked at."
        )
    first = solo[0] if solo else declared[0]
    reason = "it has the cloud's database" if solo else "no front-end has a database yet"
    steps = [Step(first, "found", reason)]
    steps += [
        Step(host, "join", "it has no database yet", source=first, add=True) for host in declared if host != first
    ]
    return ClusterPlan(steps)


def _continue(
    looks: Sequence[Look], kinds: dict[str, str], members: Sequence[Look], unseen: Sequence[str], due: Sequence[str]
) -> ClusterPlan:
    _one_zone(members)
    leading = leading_front_end(members)
    source = leading or max(members, key=lambda look: look.log)
    zone = source.zone
    if zone is None:
        raise AssertionError("a member has a zone")
    whole = leading is not None and _followed(leading) >= zone.majority()
    # Databases that only a seed brings back. Only a leader that a majority follows is sure to know all they know.
    lost = [look for look in members if whole and _beyond_repair(look, source)]
    holders = [look for look in members if look not in lost]
    if len(holders) < zone.majority():
        _all_seen(zone, looks, holders)

    plan = ClusterPlan(leader=leading.host if leading else "")
    down = [look for look in holders if _out_of_order(look, zone)]
    up = len(holders) - len(down)
    for look in down:
        up += 1
        reason = "it does not run as a server of the zone" if look.running else "its oned does not run"
        plan.steps.append(Step(look.host, "enter", reason, id=_id(look, zone), wait=up >= zone.majority()))
    joining = [look for look in looks if kinds[look.host] == EMPTY or look in lost]
    for look in sorted(joining, key=lambda look: look.entry(zone) is None):  # those the zone waits for come first
        up += 1
        reason = "its database cannot be continued" if look in lost else "it has no database of this zone"
        add = look.entry(zone) is None
        plan.steps.append(
            Step(look.host, "join", reason, source=source.host, add=add, wait=add or up >= zone.majority())
        )
    stepped = {step.host for step in plan.steps}
    again = [look for look in holders if look.host in due and look.host not in stepped]
    for look in sorted(again, key=lambda look: look is leading):  # the leader last
        plan.steps.append(Step(look.host, "enter", "its configuration is newer than its oned", id=look.server_id))
    if leading is None and not plan.steps:
        raise ClusterError(
            f"The servers of the zone run ({_listed([look.host for look in holders])}) and none of them leads. Look at "
            "'onezone show 0' and at /var/log/one/oned.log of each; most often they do not reach one another at their "
            "endpoints, or have different passwords of oneadmin."
        )
    if plan.steps and unseen:
        plan.warnings.append(f"{_listed(unseen)} took no part in this run; the zone has that much less in reserve.")
    return plan


def _one_zone(members: Sequence[Look]) -> None:
    """Databases are of one zone when they name a server in common, by id and endpoint; and nobody strayed from it."""
    best = max(members, key=lambda look: look.log)
    known = _servers(best)
    for look in members:
        if not known & _servers(look):
            raise ClusterError(_two_clouds([best.host, look.host]))
        # Alone, or led by now: the leader sends its records to whoever answers at the endpoint of a server of the zone.
        if look.server_id == -1 and look.running:
            raise ClusterError(
                f"oned of {look.host} runs alone (SERVER_ID is -1) on a database of a zone with "
                f"{len(look.zone.servers if look.zone else ())} servers; what it changed by itself is in no log. Stop "
                "it, and name the host in opennebula_ha_discard_database to give it the zone's database again. If it "
                "runs as a server of the zone and only oned.conf has lost the id, write it there again."
            )


def _servers(look: Look) -> set[tuple[int, str]]:
    return {(server.id, server.endpoint) for server in look.zone.servers} if look.zone else set()


def leading_front_end(members: Sequence[Look]) -> Look | None:
    entries = [look.zone.leader() for look in members if look.running and look.zone]
    newest = max((entry for entry in entries if entry), key=lambda entry: entry.term, default=None)
    if newest is None:
        return None
    found = next((look for look in members if look.endpoint == newest.endpoint), None)
    if found is None:
        raise ClusterError(
            f"The leader of the zone is {newest.name} ({newest.endpoint}), which takes no part in this run. Run with "
            "all front-ends, or let another lead by stopping the service opennebula there."
        )
    return found


def _followed(leading: Look) -> int:
    """Servers of the leader's term, itself included."""
    own = leading.entry(leading.zone)
    servers = leading.zone.servers if leading.zone else ()
    return sum(1 for server in servers if server.state in ("leader", "follower") and own and server.term == own.term)


def _beyond_repair(look: Look, source: Look) -> bool:
    """The records that it lacks are purged where they would come from, or it was taken out of the zone."""
    return look.index + 1 < source.first_index or look.entry(source.zone) is None


def _id(look: Look, zone: Zone) -> int:
    entry = look.entry(zone)
    return look.server_id if entry is None else entry.id


def _out_of_order(look: Look, zone: Zone) -> bool:
    return not look.running or look.runs_alone() or _id(look, zone) != look.server_id


def _all_seen(zone: Zone, looks: Sequence[Look], holders: Sequence[Look]) -> None:
    """Without a majority, only the certainty that the others hold nothing allows to go on."""
    here = {look.endpoint for look in looks}
    hidden = [server.name for server in zone.servers if server.endpoint not in here]
    if hidden:
        raise ClusterError(
            f"Only {len(holders)} of the zone's {len(zone.servers)} servers "
            f"({_listed([look.host for look in holders])}) have its database, which is no majority, and "
            f"{_listed(hidden)} took no part in this run and may know more. Bring it back, or take it out of the "
            "zone knowingly (docs/high_availability.md)."
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
