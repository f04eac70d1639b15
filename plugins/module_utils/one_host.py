# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to hosts: drivers, one cluster, and a state that oned finds out for itself."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import (
    Declaration,
    Planner,
    View,
    template_view,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, NewId

STATES = {
    "0": "init",
    "1": "monitored, being looked at",
    "2": "monitored",
    "3": "error",
    "4": "disabled",
    "5": "monitoring after an error",
    "6": "monitoring for the first time",
    "7": "monitoring while disabled",
    "8": "offline",
}
_MONITORED = ("1", "2")
_ERROR = "3"
_SET_ASIDE = {"4": "disabled", "7": "disabled", "8": "offline"}
_VERBS = {"enabled": "enable", "disabled": "disable", "offline": "offline"}
_NEEDED = "oned needs it to reach the host."
# What release 7 takes as the name of a new host. Older ones take more, and reach nothing by it.
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]\Z")
# Marks a host that is disabled until its storage is mounted. It outlives the run that set it.
AWAITS_STORAGE = "KVMCLOUD_AWAITS_STORAGE"
# oned learns it when it first reaches a host; one without it has never had a guest.
_SEEN = "HYPERVISOR"
_OWN_OPTION = "give it by the option of the same name."


class HostPlanner(Planner):
    command = "onehost"
    noun = "host"
    reserved = {"CLUSTER": _OWN_OPTION, "ERROR": "oned writes it.", "IM_MAD": _OWN_OPTION, "VM_MAD": _OWN_OPTION}
    permanent = {"IM_MAD": _NEEDED, "VM_MAD": _NEEDED}
    encrypted = frozenset(
        {"AZ_CLIENT", "AZ_SECRET", "AZ_SUB", "AZ_TENANT", "EC2_ACCESS", "EC2_SECRET"}
        | {"NSX_PASSWORD", "ONE_PASSWORD", "VCENTER_PASSWORD"}
    )

    def __init__(
        self,
        present: Sequence[Resource],
        clusters: Sequence[Resource] = (),
        lenient: bool = False,
        retry: bool = False,
    ) -> None:
        super().__init__(present, lenient)
        self.clusters = _seen_clusters(present) | {cluster.name for cluster in clusters}
        self.clusters |= {str(cluster.id) for cluster in clusters}
        # A caller that will wait wants a failed host to be tried again now, not when oned next comes round.
        self.retry = retry
        self.waiting: set[str] = set()  # names of those that are disabled until their storage is mounted

    def check(self, label: str, declaration: Declaration, template: Template, found: Resource | None) -> None:
        name = declaration.get("name")
        if name is not None and not found and not _HOST_NAME.match(name):
            self.refuse(
                label,
                "the name of a new host is its address or a host name: 2 to 63 letters, digits, '.', '-' and '_', the "
                "first and last of them a letter or digit.",
            )
        cluster = declaration.get("cluster")
        if cluster is not None and (not cluster or cluster.startswith("-")):
            self.refuse(label, f"cluster {cluster!r} is not the name or id of a cluster.")
        if cluster is not None and cluster not in self.clusters:
            if not self.lenient:
                self.refuse(label, f"there is no cluster {cluster}; declare it as a cluster first.")
            self.warn(label, f"cluster {cluster} does not exist yet; check mode takes it as created before this.")
        for option in ("im_mad", "vm_mad"):
            driver = declaration.get(option)
            if driver is not None and (not driver or driver.startswith("-")):
                self.refuse(label, f"{option} {driver!r} is not the name of a driver.")

    def create(self, declaration: Declaration, template: Template) -> None:
        name = declaration["name"]
        im_mad, vm_mad = declaration.get("im_mad") or "kvm", declaration.get("vm_mad") or "kvm"
        cluster = declaration.get("cluster")
        option: tuple[str, ...] = ("-c", cluster) if cluster else ()
        declaration, template = self._awaiting(declaration, template, None)
        self.step(f"create host {name}", "onehost", "create", name, "-i", im_mad, "-v", vm_mad, *option, creates=name)
        drivers: Template = {"IM_MAD": [im_mad], "VM_MAD": [vm_mad]}
        after = {"name": name, "cluster": cluster or "default", **template_view(drivers)}
        if template:
            text = InputFile(one_template.render(template))
            self.step(f"set {', '.join(template)} of host {name}", "onehost", "update", NewId(name), text, "-a")
            after.update(template_view(template))
        self._set_state(declaration, NewId(name), None, after)
        self.show(name, {}, after)

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        before = self.view(found)
        after = dict(before)
        declaration, template = self._awaiting(declaration, template, found)
        drivers = {
            element: [declaration[option]]
            for option, element in (("im_mad", "IM_MAD"), ("vm_mad", "VM_MAD"))
            if declaration.get(option) is not None
        }
        self.rename(declaration, found, after)
        # A run that is killed leaves the mark, and with it something to go on from: set first and taken away last.
        enables = declaration.get("state") == "enabled"
        if enables:
            self._set_state(declaration, str(found.id), found, after)
        self.update_template(declaration, {**template, **drivers}, found, after)
        cluster = declaration.get("cluster")
        if cluster is not None and cluster not in (found.fields.get("CLUSTER"), found.fields.get("CLUSTER_ID")):
            sentence = f"move {self._named(declaration, str(found.id))} to cluster {cluster}"
            self.step(sentence, "onecluster", "addhost", cluster, str(found.id))
            after["cluster"] = cluster
        if not enables:
            self._set_state(declaration, str(found.id), found, after)
        self.show(found.name, before, after)

    def _awaiting(
        self, declaration: Declaration, template: Template, found: Resource | None
    ) -> tuple[Declaration, Template]:
        """As disabled and marked, if it waits for its storage: guests would be put below the mounts that are to come.

        A host that oned has seen does not begin to wait; one that a person has set aside has no mark, and stays so.
        """
        aside = found is not None and found.fields.get("STATE") in _SET_ASIDE
        fresh = found is None or (_SEEN not in found.template and not aside)
        marked = found is not None and AWAITS_STORAGE in found.template
        wanted = declaration.get("awaits_storage") and declaration.get("state") not in ("disabled", "offline")
        if not wanted or not (fresh or marked):
            return declaration, template
        self.waiting.add(declaration.get("name") or self.by_id[declaration["id"]].name)
        return {**declaration, "state": "disabled"}, {**template, AWAITS_STORAGE: ["YES"]}

    def _set_state(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        wanted = declaration.get("state") or "present"
        number = found.fields.get("STATE", "") if found else ""
        # A host in error is enabled: 'enable' sends it straight back to error.
        present = _SET_ASIDE.get(number, "enabled")
        label = self._named(declaration, target)
        if wanted in _VERBS and wanted != present:
            self.step(f"{_VERBS[wanted]} {label}", "onehost", _VERBS[wanted], target)
            after["state"] = "init" if wanted == "enabled" else wanted
        elif wanted in ("present", "enabled") and number == _ERROR and self.retry:
            self.step(f"try {label} again, which is in error", "onehost", "enable", target)
            after["state"] = "init"

    def check_deletion(self, label: str, found: Resource) -> None:
        machines = found.ids.get("VMS", ())
        if machines:
            self.refuse(label, f"{len(machines)} VM(s) are on it; migrate or delete them first.")

    def view(self, found: Resource) -> View:
        state = STATES.get(found.fields.get("STATE", ""), "unknown")
        return {**super().view(found), "cluster": found.fields.get("CLUSTER", ""), "state": state}


def _seen_clusters(present: Sequence[Resource]) -> set[str]:
    """Clusters that need no look at their own pool to be known, by name and id."""
    seen = {host.fields.get(element, "") for host in present for element in ("CLUSTER", "CLUSTER_ID")}
    return seen | {"default", "0"}


def unseen_clusters(declarations: Sequence[Declaration], present: Sequence[Resource]) -> set[str]:
    """Declared clusters that only their own pool can tell; none on a converged cloud."""
    return {item["cluster"] for item in declarations if item.get("cluster")} - _seen_clusters(present)


def awaited(declarations: Sequence[Declaration], present: Sequence[Resource]) -> set[str]:
    """The names of the hosts that should be monitored in the end: all but those to be away or set aside."""
    names = {host.id: host.name for host in present}
    aside = {host.name for host in present if host.fields.get("STATE") in _SET_ASIDE}
    chosen = set()
    for item in declarations:
        former = {item.get("name"), item.get("rename_from"), names.get(item.get("id", -1))}
        state = item.get("state") or "present"
        if state == "enabled" or (state == "present" and not former & aside):
            chosen.add(item.get("name") or names[item["id"]])
    return chosen


def _reason(host: Resource) -> str:
    """What oned says; it says nothing of the most frequent reason, a host that its SSH does not reach."""
    said = host.error().rstrip(": .")
    if said and not said.endswith(f"({host.id})"):
        return host.error()
    # oned's words end with the host, where the reason should begin
    hint = f"'runuser -u oneadmin -- ssh {host.name} true' on the front-end, and see /var/log/one/monitor.log"
    return f"{said + '; ' if said else ''}OpenNebula gives no reason. Most often its SSH fails; try {hint}"


def unmonitored(pool: Sequence[Resource], names: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Of the named hosts: those not monitored yet with their state, and those in error with what oned says."""
    pending: dict[str, str] = {}
    failed: dict[str, str] = {}
    for host in pool:
        state = host.fields.get("STATE", "")
        if host.name not in names or state in _MONITORED:
            continue
        if state == _ERROR:
            failed[host.name] = _reason(host)
        else:
            drivers = f"IM_MAD {host.fields.get('IM_MAD')}, VM_MAD {host.fields.get('VM_MAD')}"
            pending[host.name] = f"{STATES.get(state, 'in state ' + state)} ({drivers})"
    return pending, failed
