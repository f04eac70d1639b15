# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to datastores. oned accepts much that it then ignores or overrides; this says so beforehand."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_membership import MemberPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Declaration, View, template_view
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, NewId

TYPES = {"IMAGE_DS": "0", "SYSTEM_DS": "1", "FILE_DS": "2", "BACKUP_DS": "3"}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
STATES = {"0": "ready", "1": "disabled"}
_SYSTEM = TYPES["SYSTEM_DS"]
_BACKUP = TYPES["BACKUP_DS"]
# oned writes these from TM_MAD_CONF of oned.conf over whatever a template says, on create and on update.
OVERRIDDEN = frozenset({"ALLOW_ORPHANS", "CLONE_TARGET", "DS_MIGRATE", "LN_TARGET", "SHARED"})
# Release 7 does so with these as well; to older ones they mean nothing.
OVERRIDDEN |= frozenset({"DS_LIVE_MIGRATE", "DS_MIGRATE_SNAP", "PERSISTENT_SNAPSHOTS"})
# system, default and files come with OpenNebula; oned would delete them without a word.
_BUILT_IN = range(3)
_OF_A_DRIVER = ("CLONE_TARGET_", "LN_TARGET_", "DISK_TYPE_")
# Marks a system datastore that is disabled until its storage is mounted everywhere. It outlives the run that set it.
AWAITS_STORAGE = "KVMCLOUD_AWAITS_STORAGE"
# What oned copies of TM_MAD_CONF by the type of a datastore. Of an image datastore also, for each kind of system
# datastore that TM_MAD_SYSTEM names, the attributes that end with its name.
_COPIED = {
    _SYSTEM: ("SHARED", "DS_MIGRATE", "ALLOW_ORPHANS", "DS_LIVE_MIGRATE", "DS_MIGRATE_SNAP", "PERSISTENT_SNAPSHOTS"),
    TYPES["IMAGE_DS"]: ("LN_TARGET", "CLONE_TARGET", "TM_MAD_SYSTEM", "ALLOW_ORPHANS", "PERSISTENT_SNAPSHOTS"),
}
_ONLY_STORED = "oned stores it without any effect."


class DatastorePlanner(MemberPlanner):
    command = "onedatastore"
    noun = "datastore"
    member = "datastore"
    reserved = dict.fromkeys(("BASE_PATH", "GID", "GNAME", "ID", "STATE", "UID", "UNAME"), _ONLY_STORED)
    permanent = {
        **dict.fromkeys(("DS_MAD", "TM_MAD", "TYPE"), "oned keeps it whatever an update says."),
        **dict.fromkeys(OVERRIDDEN, "oned gave it by the driver, needs it, and does not renew it."),
    }
    # oned upper-cases DISK_TYPE and takes TYPE in any case.
    caseless = frozenset({"DISK_TYPE", "TYPE"})
    encrypted = frozenset({"NETAPP_PASS", "PUREFA_API_TOKEN", "RESTIC_PASSWORD"})

    def __init__(
        self,
        present: Sequence[Resource],
        clusters: Sequence[Resource] = (),
        lenient: bool = False,
        machines: Sequence[Resource] = (),
    ) -> None:
        super().__init__(present, clusters, lenient)
        self.machines = machines

    def check(self, label: str, declaration: Declaration, template: Template, found: Resource | None) -> None:
        kind = self._type(label, template, found)
        for name in sorted(OVERRIDDEN & template.keys()):
            self.warn(label, f"{name} is left out; oned always takes it from TM_MAD_CONF of oned.conf.")
            del template[name]
        if kind == _SYSTEM and "DS_MAD" in template:
            self.warn(label, "DS_MAD is left out; a system datastore has none.")
            del template["DS_MAD"]
        if kind != _SYSTEM and declaration.get("state") in ("enabled", "disabled"):
            self.refuse(label, "only system datastores can be enabled or disabled.")
        former = found.template.get("TM_MAD") if found else None
        if found and former and template.get("TM_MAD", former) != former:
            stale = [name for name in found.template if name == "TM_MAD_SYSTEM" or name.startswith(_OF_A_DRIVER)]
            if stale:
                self.warn(
                    label,
                    f"oned keeps attributes of the driver {former[0]} that the new one may not have: "
                    f"{', '.join(stale)}; name them in 'purge' if it has none.",
                )
        if not found:
            needed = {_SYSTEM: ["TM_MAD"], _BACKUP: ["DS_MAD"]}.get(kind, ["DS_MAD", "TM_MAD"])
            missing = [name for name in needed if name not in template]
            if missing:
                self.refuse(label, f"it does not exist, and to create it the template needs {' and '.join(missing)}.")

    def _type(self, label: str, template: Template, found: Resource | None) -> str:
        given = template.get("TYPE")
        if given is None:
            return found.fields["TYPE"] if found else TYPES["IMAGE_DS"]
        number = TYPES.get(str(given[0]).upper())
        if number is None:
            # oned would make an image datastore of it, silently.
            self.refuse(label, f"TYPE must be one of {', '.join(sorted(TYPES))}, not {given[0]!r}.")
        if found and found.fields["TYPE"] != number:
            self.refuse(
                label,
                f"it is a {TYPE_NAMES.get(found.fields['TYPE'], 'datastore')} and should be a {given[0]}; oned would "
                "take the update and keep attributes of the former type. Delete it and create it anew.",
            )
        if found:
            del template["TYPE"]  # proven equal; the stored text may be missing or in another case
        return str(number)

    def create(self, declaration: Declaration, template: Template) -> None:
        name = declaration["name"]
        label = f"datastore {name}"
        option, clusters = self.creation_cluster(label, declaration)
        if declaration.get("awaits_storage") and self._type(label, template, None) == _SYSTEM:
            # Guests that the scheduler puts there before the mount would be hidden by it. One that is declared disabled
            # stays so afterwards, and needs no mark.
            if declaration.get("state") != "disabled":
                template = {**template, AWAITS_STORAGE: ["YES"]}
            declaration = {**declaration, "state": "disabled"}
        text = InputFile(one_template.render({"NAME": [name], **template}))
        self.step(f"create {label}", "onedatastore", "create", text, *option, creates=name)
        after = {"name": name, **template_view(template)}
        self._set_state(declaration, NewId(name), None, after)
        self._properties(declaration, NewId(name), None, clusters, after)
        self.show(name, {}, after)

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        before = self.view(found)
        after = dict(before)
        self.rename(declaration, found, after)
        # Before the template: a run that is killed in between leaves the mark, and with it something to go on from.
        self._set_state(declaration, str(found.id), found, after)
        renewed, stale = of_the_driver(declaration.get("driver") or {}, found)
        purge = [*(declaration.get("purge") or []), *stale]
        self.update_template({**declaration, "purge": purge}, {**template, **renewed}, found, after)
        clusters = [str(number) for number in found.ids.get("CLUSTERS", ())]
        self._properties(declaration, str(found.id), found, clusters, after)
        self.show(found.name, before, after)

    def _properties(
        self,
        declaration: Declaration,
        target: Argument,
        found: Resource | None,
        clusters: Sequence[str],
        after: View,
    ) -> None:
        label = self._named(declaration, target)
        self.set_clusters(label, declaration, target, clusters, after)
        self.set_permissions(declaration, target, found.permissions if found else None, after)
        self.set_owner(declaration, target, found, after)

    def _set_state(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        label = self._named(declaration, target)
        present = STATES.get(found.fields.get("STATE", ""), "ready") if found else "ready"
        awaits = found is not None and AWAITS_STORAGE in found.template and declaration.get("awaits_storage")
        wanted = "disabled" if awaits else declaration.get("state")
        if wanted == "enabled" and present == "disabled":
            self.step(f"enable {label}", "onedatastore", "enable", target)
            after["state"] = "ready"
        if wanted == "disabled" and present != "disabled":
            self.step(f"disable {label}", "onedatastore", "disable", target)
            after["state"] = "disabled"

    def check_deletion(self, label: str, found: Resource) -> None:
        if found.id in _BUILT_IN:
            self.refuse(label, f"it is datastore {found.id}, which comes with OpenNebula and is never deleted here.")
        images = found.ids.get("IMAGES", ())
        if images:
            self.refuse(label, f"it holds {len(images)} image(s), ids {_first(images)}; delete or move them first.")
        # oned counts images only, and would leave these VMs with disks that no command can reach.
        machines = [one.id for one in self.machines if one.system_datastore == found.id]
        if machines:
            where = f"the disks of {len(machines)} VM(s), ids {_first(machines)}"
            self.refuse(label, f"it holds {where}; terminate them or migrate them to another datastore first.")

    def view(self, found: Resource) -> View:
        return {**super().view(found), "state": STATES.get(found.fields.get("STATE", ""), "unknown")}


def of_the_driver(driver: Mapping[str, Any], found: Resource) -> tuple[Template, list[str]]:
    """What a datastore has to get, and to lose, to be as one that is made with this TM_MAD_CONF. oned copies it when a
    datastore is made or updated, and takes nothing out that a driver has no longer.
    """
    settings = {str(name).upper(): str(value) for name, value in driver.items()}
    copied = [name for name in _COPIED.get(found.fields["TYPE"], ()) if settings.get(name)]
    stale: list[str] = []
    if settings and found.fields["TYPE"] == TYPES["IMAGE_DS"]:
        systems = [name.strip().upper() for name in settings.get("TM_MAD_SYSTEM", "").split(",") if name.strip()]
        by_system = [prefix + system for system in systems for prefix in _OF_A_DRIVER]
        copied += [name for name in by_system if settings.get(name)]
        stale = [
            name
            for name in found.template
            if name not in copied and (name == "TM_MAD_SYSTEM" or name.startswith(_OF_A_DRIVER))
        ]
    renewed = {
        name: [settings[name]]
        for name in copied
        if [str(value).upper() for value in found.template.get(name, ())] != [settings[name].upper()]
    }
    return renewed, stale


def _first(ids: Sequence[int], limit: int = 10) -> str:
    more = f" and {len(ids) - limit} more" if len(ids) > limit else ""
    return ", ".join(str(number) for number in ids[:limit]) + more


def deletes_system(declarations: Sequence[Declaration], present: Sequence[Resource]) -> bool:
    """Whether a system datastore that exists is to go, so that the VMs have to be looked at as well."""
    absent = [item for item in declarations if item.get("state") == "absent"]
    system = [one for one in present if one.fields.get("TYPE") == _SYSTEM]
    return any(one.name == item.get("name") or one.id == item.get("id") for item in absent for one in system)


def unmeasured(pool: Sequence[Resource], ids: Sequence[int]) -> dict[str, str]:
    """Of the datastores with these ids, those that were not measured yet. A system datastore may never be."""
    return {
        resource.name: "not measured yet"
        for resource in pool
        if resource.id in ids and resource.fields.get("TYPE") != _SYSTEM and resource.fields.get("TOTAL_MB", "0") == "0"
    }
