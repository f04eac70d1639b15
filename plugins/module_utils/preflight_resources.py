# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares inside OpenNebula, judged by the planners of the modules that will apply it."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_cluster import MEMBERS, ClusterPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_datastore import TYPES, DatastorePlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_hook import HookPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_host import HostPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Planner, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import FRESH_POOLS, Resource, parse_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_group import SecurityGroupPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import HIDDEN, secrets
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_user import UserPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_vnet import VnetPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ERROR,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Rule,
)

Entry = Mapping[str, Any]


class Kind(NamedTuple):
    variable: str
    command: str
    planner: Callable[[Sequence[Resource]], Planner]  # lenient: what it names may be made by the same run


KINDS: tuple[Kind, ...] = (
    Kind(
        "opennebula_clusters",
        "onecluster",
        lambda present: ClusterPlanner(present, dict.fromkeys(MEMBERS, ()), lenient=True),
    ),
    Kind("opennebula_datastores", "onedatastore", lambda present: DatastorePlanner(present, lenient=True)),
    Kind("opennebula_security_groups", "onesecgroup", lambda present: SecurityGroupPlanner(present, lenient=True)),
    Kind("opennebula_virtual_networks", "onevnet", lambda present: VnetPlanner(present, lenient=True)),
    Kind("opennebula_hooks", "onehook", lambda present: HookPlanner(present, lenient=True)),
    Kind("opennebula_users", "oneuser", lambda present: UserPlanner(present, lenient=True)),
    Kind("opennebula_hosts", "onehost", lambda present: HostPlanner(present, lenient=True)),
)
# Beyond any id that a planner could meet in a declaration.
_UNREAL_ID = 10**9


def declarations(cloud: Cloud) -> Iterator[Finding]:
    """A resource of OpenNebula or an edit of oned.conf is declared in a way that its module would refuse; only a
    warning where OpenNebula is installed already and would not refuse it for a resource that exists.
    """
    for variable, fault in cloud.declared.faults:
        yield Finding(WHOLE_CLOUD, fault, f"Correct {variable}; nothing of it would be applied.")
    for kind in KINDS:
        entries = cloud.declared.entries.get(kind.variable, [])
        fresh = parse_pool(FRESH_POOLS[kind.command])
        to_create = _refusals(kind, entries, fresh)
        to_update = _refusals(kind, entries, [*fresh, *_as_if_there(entries, fresh)]) if cloud.deployed else to_create
        for sentence in to_create:
            if sentence in to_update:
                remedy = f"Correct {kind.variable}; nothing of it would be applied."
                yield Finding(WHOLE_CLOUD, sentence, remedy, ERROR)
            else:
                yield Finding(
                    WHOLE_CLOUD, sentence, f"If it exists already, all is well; else correct {kind.variable}.", WARNING
                )


def _refusals(kind: Kind, entries: Sequence[Entry], present: Sequence[Resource]) -> list[str]:
    try:
        kind.planner(present).plan(entries)
    except Refused as refused:
        hidden = {secret for entry in entries for secret in secrets(entry)}
        return [_without(hidden, sentence) for sentence in refused.findings]
    return []


def _without(hidden: set[str], sentence: str) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        sentence = sentence.replace(secret, HIDDEN)
    return sentence


def _as_if_there(entries: Sequence[Entry], fresh: Sequence[Resource]) -> list[Resource]:
    """Every declared resource as one that exists and differs in nothing that could not be updated."""
    names, ids = {one.name for one in fresh}, {one.id for one in fresh}
    found: list[Resource] = []
    for number, entry in enumerate(entries, _UNREAL_ID):
        own_id = number if entry.get("id") is None else entry["id"]
        name = f"id {own_id}" if entry.get("name") is None else entry["name"]
        if name in names or own_id in ids:
            continue
        names.add(name)
        ids.add(own_id)
        given = entry.get("template")  # text is refused by the planner
        template = {str(key).upper(): value for key, value in given.items()} if isinstance(given, Mapping) else {}
        # Only datastores are told apart by it: an existing one may not become another.
        type_of_datastore = TYPES.get(str(template.get("TYPE")).upper(), TYPES["IMAGE_DS"])
        found.append(Resource(own_id, name, {"TYPE": type_of_datastore}))
    return found


RESOURCE_RULES: tuple[Rule, ...] = (Rule(declarations, acceptable=False),)
