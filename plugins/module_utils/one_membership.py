# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Membership in clusters, for the kinds that may be in several: datastores and virtual networks."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_names import Names
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Declaration, Planner, View
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument

# A new resource is in this cluster unless '-c' names another.
DEFAULT_CLUSTER = "0"


class MemberPlanner(Planner):
    """A kind whose 'clusters' option is the full list of its clusters."""

    member = ""  # as in the sub-commands of onecluster: add<member>, del<member>

    def __init__(self, present: Sequence[Resource], clusters: Sequence[Resource] = (), lenient: bool = False) -> None:
        super().__init__(present, lenient)
        self.clusters = Names("cluster", clusters, lenient)

    def creation_cluster(self, label: str, declaration: Declaration) -> tuple[tuple[str, ...], list[str]]:
        """The option for 'create', and the clusters the new resource will be in by it."""
        wanted = declaration.get("clusters")
        if not wanted:
            return (), [DEFAULT_CLUSTER]
        first = self.resolve(label, self.clusters, wanted[:1])[0].argument
        return ("-c", first), [first]

    def set_clusters(
        self, label: str, declaration: Declaration, target: Argument, present: Sequence[str], after: View
    ) -> None:
        wanted: list[str] | None = declaration.get("clusters")
        if wanted is None:
            return
        chosen = self.resolve(label, self.clusters, wanted)
        keep = {argument for _name, argument in chosen}
        for name, argument in chosen:
            if argument not in present:
                self.step(f"add {label} to cluster {name}", "onecluster", f"add{self.member}", argument, target)
        for number in present:
            if number not in keep:
                name = self.clusters.name(int(number))
                self.step(f"take {label} out of cluster {name}", "onecluster", f"del{self.member}", number, target)
        after["clusters"] = ", ".join(sorted(name for name, _argument in chosen))

    def view(self, found: Resource) -> View:
        names = sorted(self.clusters.name(number) for number in found.ids.get("CLUSTERS", ()))
        return {**super().view(found), "clusters": ", ".join(names)}
