# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server replicates its zone: one look at it in, what to do next out."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone, ZoneServer

PROBE = "REPLICATION_PROBE"


class Sight(NamedTuple):
    """What the server itself shows. `written`: the zone took the probe. `seen`: the probe that the server shows."""

    zone: Zone | None
    own: ZoneServer | None
    written: bool
    seen: str
    problem: str = ""

    @property
    def leader(self) -> ZoneServer | None:
        return self.zone.leader() if self.zone else None


class Verdict(NamedTuple):
    outcome: str  # wait, write, proven
    why: str = ""


def verdict(sight: Sight, target: int, value: str) -> Verdict:
    """`target`: how far the leader's log went when it was first seen. `value`: what was or will be written."""
    if sight.zone is None:
        return Verdict("wait", sight.problem or "oned does not answer.")
    if sight.own is None:
        return Verdict("wait", "its own database does not name it as a server of the zone.")
    leader, own = sight.leader, sight.own
    if leader is None:
        states = ", ".join(f"{server.name}: {server.state}" for server in sight.zone.servers)
        return Verdict("wait", f"nobody leads ({states}).")
    if own.state not in ("leader", "follower"):
        return Verdict("wait", f"it is {own.state}, and {leader.name} leads.")
    if own.term != leader.term:
        return Verdict("wait", f"it is in term {own.term}, and {leader.name} leads in term {leader.term}.")
    if own.index < target:
        return Verdict(
            "wait",
            f"its log stays at record {own.index}, and that of {leader.name} was at {target} already. Two servers that "
            "have different passwords of oneadmin, or databases of different origin, look like this.",
        )
    if not sight.written:
        refused = f" The last try: {sight.problem}" if sight.problem else ""
        return Verdict("write", f"{leader.name} takes no change.{refused}")
    if sight.seen != value:
        return Verdict("wait", f"what was written through {leader.name} does not arrive here.")
    return Verdict("proven")
