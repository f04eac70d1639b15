# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What storage add-ons want of OpenNebula's configuration, all of them together, as edits of one_config.

An action of the KVM driver has one script: of two add-ons that want the same one, one has to stand back or the run is
refused, with both named. What an add-on could have and does not have (any more) is taken out; nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

ONED_CONF = "/etc/one/oned.conf"
VMM_EXECRC = "/etc/one/vmm_exec/vmm_execrc"
DOMAIN_TYPES = ("kvm", "qemu")

Edits = list[dict[str, Any]]


class AddonError(ValueError):
    """The add-ons cannot be had so; the text is the sentence for the user."""


@dataclass(frozen=True)
class Wants:
    """What one add-on has in oned.conf and vmm_execrc. With present False, all of it goes."""

    name: str  # of the driver, and of the add-on in opennebula_storage_addons
    transfer: Mapping[str, str]  # its TM_MAD_CONF
    datastore: Mapping[str, str]  # its DS_MAD_CONF
    scripts: Mapping[str, str]  # by action of the KVM driver
    owned_scripts: Mapping[str, Sequence[str]]  # all that it ever puts there, so that what it had can be taken out
    present: bool = True
    domain_types: tuple[str, ...] = ("kvm",)  # VM_MADs that run its disks
    inherited: tuple[str, ...] = ()
    restricted: tuple[str, ...] = ()
    owned_restricted: tuple[str, ...] = ()


def addon_edits(addons: Iterable[Wants], own_edits: Iterable[Mapping[str, Any]] = ()) -> dict[str, Edits]:
    """The edits of both files by path; what goes before what comes, so that an action can change its owner."""
    addons = list(addons)
    refuse_clashes(addons, own_edits)
    goes: dict[str, Edits] = {ONED_CONF: [], VMM_EXECRC: []}
    comes: dict[str, Edits] = {ONED_CONF: [], VMM_EXECRC: []}
    for addon in addons:
        goes[ONED_CONF] += _goes(addon)
        goes[VMM_EXECRC] += _live_snapshots(addon, present=False)
        comes[ONED_CONF] += _comes(addon)
        comes[VMM_EXECRC] += _live_snapshots(addon, present=True)
    return {path: goes[path] + comes[path] for path in (ONED_CONF, VMM_EXECRC) if goes[path] or comes[path]}


def refuse_clashes(addons: Iterable[Wants], own_edits: Iterable[Mapping[str, Any]]) -> None:
    """An action that two want with different scripts: two add-ons, or an add-on and the inventory's own edits."""
    present = [addon for addon in addons if addon.present]
    wanted = [
        (f"the storage add-on {addon.name}", driver, action, script)
        for addon in present
        for driver in addon.domain_types
        for action, script in addon.scripts.items()
    ]
    wanted += [("opennebula_frontend_oned_edits", *entry) for entry in _own_scripts(own_edits)]
    owners: dict[tuple[str, str], tuple[str, str]] = {}
    wrong = []
    for owner, driver, action, script in wanted:
        key = (driver.lower(), action.upper())
        former_owner, former = owners.setdefault(key, (owner, script))
        if former != script:
            wrong.append(
                f"the action {action} of VM_MAD {driver} has one script: {former_owner} wants {former}, "
                f"{owner} wants {script}"
            )
    if wrong:
        raise AddonError(f"oned.conf cannot serve both: {'; '.join(wrong)}. Switch one of them off.")


def _own_scripts(edits: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """(VM_MAD, action, script) of the inventory's own edits of a driver's -l."""
    found = []
    for edit in edits:
        line = edit.get("command_line") or {}
        if edit.get("state") == "absent" or str(edit.get("attribute", "")).upper() != "VM_MAD":
            continue
        driver = {str(key).upper(): value for key, value in (edit.get("where") or {}).items()}.get("NAME", "kvm")
        if line.get("option") == "-l":
            found += [(str(driver), str(action), str(script)) for action, script in (line.get("entries") or {}).items()]
    return found


def _script(driver: str, action: str, script: str, present: bool) -> dict[str, Any]:
    return _edit(
        {
            "attribute": "VM_MAD",
            "where": {"NAME": driver},
            "key": "ARGUMENTS",
            "command_line": {"option": "-l", "entries": {action: script}},
        },
        present,
    )


def _drivers(addon: Wants, present: bool) -> Edits:
    places = (("TM_MAD", "-d"), ("DATASTORE_MAD", "-d"), ("DATASTORE_MAD", "-s"))
    return [
        _edit(
            {"attribute": name, "key": "ARGUMENTS", "command_line": {"option": option, "members": [addon.name]}},
            present,
        )
        for name, option in places
    ]


def _goes(addon: Wants) -> Edits:
    """Scripts and attributes that it does not want (any more); all, when it goes as a whole."""
    edits = [
        _script(driver, action, script, present=False)
        for driver in DOMAIN_TYPES
        for action, scripts in addon.owned_scripts.items()
        for script in scripts
        if not (addon.present and driver in addon.domain_types and addon.scripts.get(action) == script)
    ]
    kept = addon.restricted if addon.present else ()
    edits += [_item("VM_RESTRICTED_ATTR", name, False) for name in addon.owned_restricted if name not in kept]
    if not addon.present:
        edits += _drivers(addon, present=False)
        edits += [_item("INHERIT_DATASTORE_ATTR", name, False) for name in addon.inherited]
        edits += [
            _edit({"attribute": attribute, "where": {"NAME": addon.name}}, present=False)
            for attribute in ("TM_MAD_CONF", "DS_MAD_CONF")
        ]
    return edits


def _comes(addon: Wants) -> Edits:
    if not addon.present:
        return []
    edits = [
        _script(driver, action, script, present=True)
        for driver in addon.domain_types
        for action, script in addon.scripts.items()
    ]
    edits += _drivers(addon, present=True)
    edits += [_item("INHERIT_DATASTORE_ATTR", name, True) for name in addon.inherited]
    edits += [_item("VM_RESTRICTED_ATTR", name, True) for name in addon.restricted]
    for attribute, values in (("TM_MAD_CONF", addon.transfer), ("DS_MAD_CONF", addon.datastore)):
        # The entry is the add-on's as a whole: a key of another release of it would keep its meaning.
        edits.append({"attribute": attribute, "where": {"NAME": addon.name}, "values": dict(values), "merge": False})
    return edits


def _live_snapshots(addon: Wants, present: bool) -> Edits:
    """kvm-<driver> in LIVE_DISK_SNAPSHOTS; one edit, so that a list that is left as it was is not rewritten."""
    members = [
        f"{driver}-{addon.name}"
        for driver in DOMAIN_TYPES
        if (addon.present and driver in addon.domain_types) == present
    ]
    return [_edit({"attribute": "LIVE_DISK_SNAPSHOTS", "members": members}, present)] if members else []


def _item(attribute: str, item: str, present: bool) -> dict[str, Any]:
    return _edit({"attribute": attribute, "item": item}, present)


def _edit(edit: dict[str, Any], present: bool) -> dict[str, Any]:
    return edit if present else {**edit, "state": "absent"}
