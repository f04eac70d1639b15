# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes lack the front-end's present remotes (drivers and probes).

oned copies them to a node that it meets first, and never again by itself. What each node was given last is kept in a
record, so that a sync runs when a remote changed and at no other time.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource

# Monitored, being looked at, disabled: oned reaches them. The others are init, error and offline.
REACHED = ("1", "2", "4", "7")


class SyncPlan(NamedTuple):
    sync: list[Resource]  # to be given the remotes now
    waiting: list[str]  # lack them, and cannot be reached
    record: dict[str, Any]  # what holds once `sync` was done


def plan_sync(pool: Iterable[Resource], record: Mapping[str, Any] | None, digest: str) -> SyncPlan:
    """`record`: what a former run left, or None where there was none; `digest`: of the remotes as they are now."""
    pool = sorted(pool, key=lambda host: host.id)
    given: dict[str, str] = dict((record or {}).get("hosts", {}))
    unchanged = bool(record) and record is not None and record.get("digest") == digest
    newest = (record or {}).get("newest", -1)
    sync, waiting = [], []
    for host in pool:
        # Registered after the last look, with remotes that have not changed since: oned has copied them itself.
        if str(host.id) not in given and unchanged and host.id > newest:
            given[str(host.id)] = digest
        if given.get(str(host.id)) == digest:
            continue
        if host.fields.get("STATE") in REACHED:
            sync.append(host)
        else:
            waiting.append(host.name)
            given.setdefault(str(host.id), "")
    present = {str(host.id) for host in pool}
    hosts = {number: given[number] for number in given if number in present}
    hosts.update({str(host.id): digest for host in sync})
    return SyncPlan(sync, waiting, {"digest": digest, "newest": max([newest, *(h.id for h in pool)]), "hosts": hosts})
