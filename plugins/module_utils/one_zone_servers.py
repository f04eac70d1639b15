# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers a zone gains and loses, and its endpoint: wanted and present in, a plan or a refusal out."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone, ZoneServer
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, Plan, Step


class ServersError(Exception):
    """The servers cannot be as wanted; the text is a sentence."""


def plan_servers(wanted: Sequence[Mapping[str, Any]], zone: Zone, endpoint: str | None = None) -> Plan:
    plan = Plan()
    for server in wanted:
        present = _present(server, zone)
        if server["state"] == "absent":
            if present is not None:
                plan.steps.append(_delete(present, zone))
        elif present is None:
            _can_wait_for_another(server["name"], zone, sum(1 for step in plan.steps if "server-add" in step.argv))
            plan.steps.append(_add(server, zone))
    if endpoint and endpoint != zone.endpoint:
        content = f'ENDPOINT = "{endpoint}"\n'
        argv = ("onezone", "update", str(zone.id), InputFile(content), "--append")
        plan.steps.append(Step(f"give zone {zone.id} the endpoint {endpoint}", argv))
    if plan.steps:
        after = [step.sentence for step in plan.steps]
        plan.diff.append({"before": _shown(zone), "after": _shown(zone) + "".join(f"{line}\n" for line in after)})
    return plan


def _present(server: Mapping[str, Any], zone: Zone) -> ZoneServer | None:
    named = next((one for one in zone.servers if one.name == server["name"]), None)
    if server["state"] == "absent":
        return named
    placed = zone.server(server["endpoint"])
    if placed is None and named is not None:
        raise ServersError(
            f"The zone has {named.name} at {named.endpoint}, wanted is {server['endpoint']}. A server cannot be moved: "
            "take the former out first (opennebula_ha_removed_servers), then run again."
        )
    return placed


def _can_wait_for_another(name: str, zone: Zone, already: int) -> None:
    """A zone takes no change any more when the servers that answer are no majority; one too many makes it so."""
    if not zone.servers and not already:
        return
    answering = sum(1 for server in zone.servers if server.state in ("leader", "follower"))
    if already or answering < zone.majority():
        missing = [server.name for server in zone.servers if server.state not in ("leader", "follower")]
        raise ServersError(
            f"{name} cannot be added now: {answering} of the zone's {len(zone.servers)} servers answer"
            + (f", {' and '.join(missing)} {'does' if len(missing) == 1 else 'do'} not" if missing else "")
            + ". Servers are added one at a time, to a zone that has a majority with the new one. Bring the others "
            "back, or take a dead one out (opennebula_ha_removed_servers)."
        )


def _add(server: Mapping[str, Any], zone: Zone) -> Step:
    argv = ("onezone", "server-add", str(zone.id), "--name", server["name"], "--rpc", server["endpoint"])
    return Step(f"add server {server['name']} ({server['endpoint']}) to zone {zone.id}", argv)


def _delete(server: ZoneServer, zone: Zone) -> Step:
    if server.state == "leader":
        raise ServersError(
            f"{server.name} leads the zone. Stop its service opennebula first, so that another leads, then run again."
        )
    argv = ("onezone", "server-del", str(zone.id), str(server.id))
    return Step(f"delete server {server.name} ({server.endpoint}) from zone {zone.id}", argv)


def _shown(zone: Zone) -> str:
    return f"endpoint {zone.endpoint}\n" + "".join(f"server {s.id}: {s.name} {s.endpoint}\n" for s in zone.servers)
