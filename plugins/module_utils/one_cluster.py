# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to clusters: what belongs to them is named by kind and only ever added."""

from __future__ import annotations

from typing import Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_names import Names
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import (
    Declaration,
    Planner,
    View,
    template_view,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, NewId

# option of the module -> element of the cluster, sub-command of onecluster, command that lists the kind
MEMBERS = {
    "hosts": ("HOSTS", "addhost", "onehost"),
    "datastores": ("DATASTORES", "adddatastore", "onedatastore"),
    "vnets": ("VNETS", "addvnet", "onevnet"),
}
_FIRST_OWN_ID = 100


class ClusterPlanner(Planner):
    command = "onecluster"
    noun = "cluster"

    def __init__(
        self, present: Sequence[Resource], members: Mapping[str, Sequence[Resource]], lenient: bool = False
    ) -> None:
        super().__init__(present, lenient)
        remedy = "create it first, or name its cluster there."
        self.members = {option: Names(option[:-1], pool, lenient, remedy) for option, pool in members.items()}
        self.homes: dict[str, str] = {}  # of the hosts that this call names: a host is in one cluster only

    def create(self, declaration: Declaration, template: Template) -> None:
        name = declaration["name"]
        self.step(f"create cluster {name}", "onecluster", "create", name, creates=name)
        after = {"name": name, **template_view(template)}
        if template:
            text = InputFile(one_template.render(template))
            self.step(f"set {', '.join(template)} of cluster {name}", "onecluster", "update", NewId(name), text, "-a")
        self._add_members(declaration, NewId(name), None, after)
        self.show(name, {}, after)

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        before = self.view(found)
        after = dict(before)
        self.rename(declaration, found, after)
        self.update_template(declaration, template, found, after)
        self._add_members(declaration, str(found.id), found, after)
        self.show(found.name, before, after)

    def _add_members(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        label = self._named(declaration, target)
        for option, (element, verb, _command) in MEMBERS.items():
            have = found.ids.get(element, ()) if found else ()
            wanted = declaration.get(option)
            added = []
            for name, argument in self.resolve(label, self.members[option], wanted) if wanted else ():
                home = self.homes.setdefault(name, label) if option == "hosts" else label
                if home != label:
                    self.refuse(label, f"host {name} is to be in {home} as well; a host is in one cluster only.")
                if argument not in map(str, have):
                    self.step(f"add {name} to {label}", "onecluster", verb, target, argument)
                    added.append(name)
            if added:
                after[option] = ", ".join(sorted([*filter(None, after.get(option, "").split(", ")), *added]))

    def check_deletion(self, label: str, found: Resource) -> None:
        if found.id < _FIRST_OWN_ID:
            self.refuse(label, "it comes with OpenNebula and cannot be deleted.")
        content = [
            f"{len(found.ids[element])} {option}"
            for option, (element, _verb, _command) in MEMBERS.items()
            if found.ids.get(element)
        ]
        if content:
            self.refuse(label, f"it still has {', '.join(content)}; move them to another cluster first.")

    def view(self, found: Resource) -> View:
        lines = super().view(found)
        for option, (element, _verb, _command) in MEMBERS.items():
            names = self.members.get(option) or Names(option, ())
            lines[option] = ", ".join(sorted(names.name(number) for number in found.ids.get(element, ())))
        return lines
