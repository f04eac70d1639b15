# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to virtual networks: address ranges, security groups, and errors that look like success."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_address_range, one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_membership import MemberPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_names import Names
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import (
    Declaration,
    Refused,
    View,
    template_view,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, NewId

STATES = {"0": "init", "1": "ready", "2": "being created", "3": "being deleted", "4": "done", "5": "error"}
# Not a command of OpenNebula: between a deletion and a creation of one name, which oned refuses as long as it is taken.
WAIT = "wait-for-deletion"
_READY = "1"
_ERROR = "5"
_DEFAULT_GROUP = "0"
# oned turns these into elements of the network and drops them from the template.
_AUTOMATIC = {
    "AUTOMATIC_OUTER_VLAN_ID": "OUTER_VLAN_ID_AUTOMATIC",
    "AUTOMATIC_VLAN_ID": "VLAN_ID_AUTOMATIC",
}
# Without one of each oned creates no network of the driver: seen with 802.1Q, documented for the others.
_VLAN = ("VLAN_ID", "AUTOMATIC_VLAN_ID")
_NEEDED_BY_DRIVER: dict[str, tuple[tuple[str, ...], ...]] = {
    "802.1Q": (("PHYDEV",), _VLAN),
    "vxlan": (("PHYDEV",), _VLAN),
    "ovswitch_vxlan": (("OUTER_VLAN_ID", "AUTOMATIC_OUTER_VLAN_ID"),),
    "dummy": (("BRIDGE",),),
}


class VnetPlanner(MemberPlanner):
    command = "onevnet"
    noun = "virtual network"
    member = "vnet"
    reserved = {
        "AR": "give the ranges as 'address_ranges'; in an update oned would only store it.",
        "ERROR": "oned writes it.",
    }
    permanent = {
        "SECURITY_GROUPS": "without any security group it filters nothing; name one, if need be 'default'.",
        "VN_MAD": "without its driver a network can be neither used nor deleted.",
    }

    def __init__(
        self,
        present: Sequence[Resource],
        clusters: Sequence[Resource] = (),
        lenient: bool = False,
        groups: Sequence[Resource] = (),
    ) -> None:
        super().__init__(present, clusters, lenient)
        self.groups = Names("security group", groups, lenient)

    def check(self, label: str, declaration: Declaration, template: Template, found: Resource | None) -> None:
        for number, declared in enumerate(declaration.get("address_ranges") or [], 1):
            try:
                one_address_range.canonical(declared)
            except one_template.TemplateError as error:
                raise Refused([f"{label}: address range {number}: {error}"]) from error
        if declaration.get("security_groups") == []:
            self.refuse(label, "without any security group it filters nothing; name one, if need be 'default'.")
        if declaration.get("security_groups") and "SECURITY_GROUPS" in template:
            self.refuse(label, "'security_groups' and SECURITY_GROUPS in the template are two ways to say one thing.")
        if "VN_MAD" not in template and (not found or self._unusable(found)):
            reason = "it is in state ERROR, and to create it anew" if found else "it does not exist, and to create it"
            self.refuse(label, f"{reason} the template needs VN_MAD.")
        driver = str(template.get("VN_MAD", [""])[0])
        if not found or self._unusable(found):
            for names in _NEEDED_BY_DRIVER.get(driver, ()):
                if not any(_given(template, name) for name in names):
                    self.refuse(label, f"the driver {driver} needs {' or '.join(names)}.")

    def create(self, declaration: Declaration, template: Template) -> None:
        name = declaration["name"]
        label = f"virtual network {name}"
        option, clusters = self.creation_cluster(label, declaration)
        ranges = _ranges(declaration)
        groups = self._declared_groups(label, declaration)
        template = {**template, **groups}
        whole: Template = {"NAME": [name], **template}
        if ranges:
            whole["AR"] = [*ranges]
        text = InputFile(one_template.render(whole))
        self.step(f"create {label}", "onevnet", "create", text, *option, creates=name)
        after = {"name": name, **template_view(template)}
        if groups and _DEFAULT_GROUP not in _numbers(str(groups["SECURITY_GROUPS"][0])):
            # It lets everything through, which makes all other groups of the network pointless.
            alone = InputFile(one_template.render(groups))
            sentence = f"take security group default, which oned adds, out of {label}"
            self.step(sentence, "onevnet", "update", NewId(name), alone, "-a")
        after["address_ranges"] = "; ".join(map(one_address_range.describe, ranges))
        self._properties(declaration, NewId(name), None, clusters, after)
        self.show(name, {}, after)

    @staticmethod
    def _unusable(found: Resource) -> bool:
        """In error and never used: the remains of a creation that failed, which no update repairs."""
        return found.fields.get("STATE") == _ERROR and found.fields.get("USED_LEASES", "0") in ("", "0")

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        label = f"virtual network {found.name}"
        if found.fields.get("STATE") == _ERROR:
            if not self._unusable(found):
                self.refuse(label, f"it is in state ERROR with leases in use: {found.error()} Repair it by hand.")
            self.warn(label, f"it is in state ERROR and unused, so it is made anew: {found.error()}")
            self._give_driver(label, template, found)
            self.step(f"delete {label} (id {found.id})", "onevnet", "delete", str(found.id))
            self.step(f"wait until {label} is gone", WAIT, "onevnet", str(found.id))
            self.create({"name": found.name, **{k: v for k, v in declaration.items() if v is not None}}, template)
            return
        before = self.view(found)
        after = dict(before)
        self.rename(declaration, found, after)
        wanted = {**self._comparable(label, template, found), **self._declared_groups(label, declaration, found)}
        self.update_template(declaration, wanted, found, after)
        self._set_ranges(declaration, found, after)
        clusters = [str(number) for number in found.ids.get("CLUSTERS", ())]
        self._properties(declaration, str(found.id), found, clusters, after)
        self.show(found.name, before, after)

    def _give_driver(self, label: str, template: Template, found: Resource) -> None:
        """Up to release 6.10 a replaced template can leave a network without driver, which oned then cannot delete."""
        if found.fields.get("VN_MAD") == "":
            driver = InputFile(one_template.render({"VN_MAD": template["VN_MAD"]}))
            self.step(f"give {label} a driver, to delete it", "onevnet", "update", str(found.id), driver, "-a")

    def _comparable(self, label: str, template: Template, found: Resource) -> Template:
        """The template without what oned holds in another form and has as wanted."""
        wanted = dict(template)
        for name, element in _AUTOMATIC.items():
            if name in wanted:
                asked = str(wanted.pop(name)[0]).upper() == "YES"
                if asked != (found.fields.get(element) == "1"):
                    self.warn(label, f"{name} counts at creation only; delete the network to change it.")
        groups = wanted.get("SECURITY_GROUPS")
        if groups and self._same_groups(str(groups[0]), str(found.template.get("SECURITY_GROUPS", [""])[0])):
            del wanted["SECURITY_GROUPS"]
        return wanted

    def _declared_groups(self, label: str, declaration: Declaration, found: Resource | None = None) -> Template:
        """SECURITY_GROUPS with exactly the groups of the option; nothing if the network has these already."""
        if declaration.get("security_groups") is None:
            return {}
        chosen = [one.argument for one in self.resolve(label, self.groups, declaration["security_groups"])]
        present = str(found.template.get("SECURITY_GROUPS", [""])[0]) if found else ""
        return {} if set(chosen) == _numbers(present) else {"SECURITY_GROUPS": [",".join(chosen)]}

    @staticmethod
    def _same_groups(wanted: str, present: str) -> bool:
        """oned puts the default group in front of the list it is given at creation."""
        asked, have = _numbers(wanted), _numbers(present)
        return asked == have or asked | {_DEFAULT_GROUP} == have

    def _set_ranges(self, declaration: Declaration, found: Resource, after: View) -> None:
        if declaration.get("address_ranges") is None:
            return
        target = str(found.id)
        label = self._named(declaration, target)
        ranges = _ranges(declaration)
        comparison = one_address_range.compare(ranges, found.address_ranges)
        for wanted, present in comparison.changes:
            text = one_address_range.describe(wanted)
            if present is None:
                new = InputFile(one_template.render({"AR": [wanted]}))
                self.step(f"add address range {text} to {label}", "onevnet", "addar", target, new)
            else:
                whole = InputFile(one_template.render({"AR": [one_address_range.updated(wanted, present)]}))
                number = present["AR_ID"]
                self.step(f"update address range {text} of {label}", "onevnet", "updatear", target, number, whole)
        surplus = comparison.surplus if declaration.get("purge_address_ranges") else []
        for one in surplus:
            text = one_address_range.describe(one)
            if one.get("USED_LEASES", "0") not in ("", "0"):
                self.refuse(label, f"{one['USED_LEASES']} addresses of the range {text} are in use; free them first.")
            self.step(f"remove address range {text} from {label}", "onevnet", "rmar", target, one["AR_ID"])
        if comparison.changes or surplus:
            kept = [*ranges, *(one for one in comparison.surplus if one not in surplus)]
            after["address_ranges"] = "; ".join(sorted(map(one_address_range.describe, kept)))

    def _properties(
        self,
        declaration: Declaration,
        target: Argument,
        found: Resource | None,
        clusters: Sequence[str],
        after: View,
    ) -> None:
        self.set_clusters(self._named(declaration, target), declaration, target, clusters, after)
        self.set_permissions(declaration, target, found.permissions if found else None, after)
        self.set_owner(declaration, target, found, after)

    def check_deletion(self, label: str, found: Resource) -> None:
        used = found.fields.get("USED_LEASES", "0")
        if used not in ("", "0"):
            self.refuse(label, f"{used} of its addresses are in use; detach the VMs and reservations first.")

    def view(self, found: Resource) -> View:
        ranges = "; ".join(sorted(map(one_address_range.describe, found.address_ranges)))
        state = STATES.get(found.fields.get("STATE", ""), "unknown")
        return {**super().view(found), "address_ranges": ranges, "state": state}


def _ranges(declaration: Declaration) -> list[one_address_range.AddressRange]:
    return [one_address_range.canonical(declared) for declared in declaration.get("address_ranges") or []]


def _given(template: Template, name: str) -> bool:
    value = str(template.get(name, [""])[0])
    return value.upper() == "YES" if name.startswith("AUTOMATIC_") else bool(value)


def _numbers(groups: str) -> set[str]:
    return {number.strip() for number in groups.split(",") if number.strip()}


def unready(
    pool: Sequence[Resource], created: Sequence[int], deleted: Sequence[int] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Of the networks with these ids: those oned still works on, and those it gave up with its text."""
    pending: dict[str, str] = {}
    failed: dict[str, str] = {}
    for network in pool:
        # The first releases that this supports know no states of networks: what exists is ready.
        state = network.fields.get("STATE", _READY)
        if network.id not in (*created, *deleted) or (state == _READY and network.id in created):
            continue
        if state == _ERROR:
            failed[network.name] = network.error() or "oned gives no reason; see /var/log/one/oned.log"
        else:
            pending[network.name] = STATES.get(state, f"in state {state}")
    return pending, failed
