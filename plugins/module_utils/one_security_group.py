# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to security groups: rules that are replaced as a whole, and networks that name the group."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_security_rule, one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import (
    Declaration,
    Planner,
    Refused,
    View,
    template_view,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, NewId

_DEFAULT = 0
# oned keeps the VMs of a group in these, by how far a change of its rules has come to them.
_VMS = ("UPDATED_VMS", "OUTDATED_VMS", "UPDATING_VMS", "ERROR_VMS")
_OWN_OPTION = "give the rules as 'rules'."


class SecurityGroupPlanner(Planner):
    command = "onesecgroup"
    noun = "security group"
    reserved = {"RULE": _OWN_OPTION}
    permanent = {"RULE": _OWN_OPTION}

    def __init__(self, present: Sequence[Resource], networks: Sequence[Resource] = (), lenient: bool = False) -> None:
        super().__init__(present, lenient)
        self.networks = list(networks)
        # What the steps so far leave to each network: a call may delete several of its groups.
        self.left = {network.id: group_ids(network) for network in networks}
        self.detach_from: dict[int, list[str]] = {}

    def find(self, declaration: Declaration) -> Resource | None:
        found = super().find(declaration)
        if found:
            self.detach_from[found.id] = declaration.get("detach_from") or []
        return found

    def check(self, label: str, declaration: Declaration, template: Template, found: Resource | None) -> None:
        for number, declared in enumerate(declaration.get("rules") or [], 1):
            try:
                one_security_rule.canonical(declared)
            except one_template.TemplateError as error:
                raise Refused([f"{label}: rule {number}: {error}"]) from error

    def create(self, declaration: Declaration, template: Template) -> None:
        name = declaration["name"]
        rules = _rules(declaration)
        if rules:
            template = {**template, "RULE": [*rules]}
        else:
            self.warn(f"security group {name}", "it has no rules, so it lets nothing in or out.")
        text = InputFile(one_template.render({"NAME": [name], **template}))
        self.step(f"create security group {name}", "onesecgroup", "create", text, creates=name)
        after = {"name": name, **template_view(template)}
        self._properties(declaration, NewId(name), None, after)
        self.show(name, {}, after)

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        before = self.view(found)
        after = dict(before)
        self.rename(declaration, found, after)
        self._update_content(declaration, template, found, after)
        self._properties(declaration, str(found.id), found, after)
        self.show(found.name, before, after)

    def _update_content(self, declaration: Declaration, template: Template, found: Resource, after: View) -> None:
        """Append replaces all rules by those it brings, but cannot take the last one away: that is a replacement."""
        if declaration.get("rules") is None or one_security_rule.same(_rules(declaration), present_rules(found)):
            self.update_template(declaration, template, found, after)
            return
        rules = _rules(declaration)
        if rules:
            self.update_template(declaration, {**template, "RULE": [*rules]}, found, after)
        else:
            purge = [*(declaration.get("purge") or []), "RULE"]
            self.update_template({**declaration, "purge": purge}, template, found, after)

    def _properties(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        self.set_permissions(declaration, target, found.permissions if found else None, after)
        self.set_owner(declaration, target, found, after)

    def check_deletion(self, label: str, found: Resource) -> None:
        if found.id == _DEFAULT:
            self.refuse(label, "it comes with OpenNebula, new networks get it, and oned does not delete it.")
        machines = sorted({number for element in _VMS for number in found.ids.get(element, ())})
        if machines:
            self.refuse(label, f"{len(machines)} VM(s) use it; detach their NICs from it first.")
        allowed = self.detach_from.get(found.id, [])
        for network in self.networks:
            if str(found.id) in self.left[network.id]:
                self._detach(label, found, network, network.name in allowed or str(network.id) in allowed)

    def _detach(self, label: str, found: Resource, network: Resource, allowed: bool) -> None:
        """oned would delete the group all the same and leave its id with the network."""
        where = f"virtual network {network.name} (id {network.id})"
        kept = [number for number in self.left[network.id] if number != str(found.id)]
        if not allowed:
            self.refuse(label, f"{where} uses it; take it out of that network, or name the network in 'detach_from'.")
        if not kept:
            self.refuse(label, f"it is the only security group of {where}, which would filter nothing without it.")
        if network.locked:
            self.refuse(label, f"{where} uses it and is locked; 'onevnet unlock {network.id}' allows a change.")
        self.left[network.id] = kept
        text = InputFile(one_template.render({"SECURITY_GROUPS": [",".join(kept)]}))
        self.step(f"take {label} out of {where}", "onevnet", "update", str(network.id), text, "-a")


def _rules(declaration: Declaration) -> list[one_security_rule.Rule]:
    return [one_security_rule.canonical(declared) for declared in declaration.get("rules") or []]


def present_rules(found: Resource) -> list[one_security_rule.Rule]:
    return [rule for rule in found.template.get("RULE", []) if isinstance(rule, dict)]


def group_ids(network: Resource) -> list[str]:
    """The ids of the security groups of a virtual network."""
    listed = network.template.get("SECURITY_GROUPS", [""])[0]
    return [number.strip() for number in str(listed).split(",") if number.strip()]


def deletes(declarations: Sequence[Declaration], present: Sequence[Resource]) -> bool:
    """Whether a group that exists is to go, so that the networks have to be looked at as well."""
    absent = [item for item in declarations if item.get("state") == "absent"]
    return any(one.name == item.get("name") or one.id == item.get("id") for item in absent for one in present)
