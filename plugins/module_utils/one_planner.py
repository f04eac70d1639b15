# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declarations and one pool to a plan: what all kinds of resources have in common.

Nothing is read or changed here. Every refusal is collected, so that one run reports all of them, before any change.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_names, one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_names import Named, Names, NoSuchName
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, NewId, Plan, Refused, Step

Declaration = Mapping[str, Any]
View = Dict[str, str]

LOCK_STATES = ("locked", "unlocked")
_OCTAL = re.compile(r"[0-7]{3}\Z")


class Planner:
    """One kind of resource. Subclasses say what is particular to it."""

    command = ""  # the command of the kind: onehost
    noun = ""  # the word for one of it: host
    # Keys that mean nothing, or harm, in the template of this kind, each with the reason.
    reserved: Mapping[str, str] = {}
    # Attributes that no purge removes, each with the reason.
    permanent: Mapping[str, str] = {}
    # Attributes that oned stores in another case than it was given.
    caseless: frozenset[str] = frozenset()
    # Attributes that a pool shows encrypted (*_ENCRYPTED_ATTR of oned.conf).
    encrypted: frozenset[str] = frozenset()

    def __init__(self, present: Sequence[Resource], lenient: bool = False) -> None:
        self.present = list(present)
        self.by_id = {resource.id: resource for resource in present}
        self.by_name: dict[str, list[Resource]] = {}
        for resource in present:
            self.by_name.setdefault(resource.name, []).append(resource)
        # In check mode what another task of the run would have created is not there yet.
        self.lenient = lenient
        self.result = Plan()

    # -- the frame ---------------------------------------------------------------------------------------------------

    def plan(self, declarations: Sequence[Declaration]) -> Plan:
        findings: list[str] = []
        taken: dict[Any, str] = {}
        for declaration in declarations:
            try:
                self._plan_one(declaration, taken)
            except Refused as refused:
                findings += refused.findings
        if findings:
            raise Refused(findings)
        return self.result

    def _plan_one(self, declaration: Declaration, taken: dict[Any, str]) -> None:
        label = self.label(declaration)
        found = self.find(declaration)
        name = declaration.get("name")
        keys: list[Any] = [found.id] if found else []
        if name is not None and not (found and found.name == name):
            keys.append(name)  # which it is to be given, and nothing else
        for key in keys:
            if key in taken:
                self.refuse(label, f"it is declared twice, as {taken[key]} and here; keep one of the two.")
            taken[key] = label
        if declaration.get("state") == "absent":
            if found:
                self.delete(found)
            return
        template = self._checked(label, declaration, found)
        before = len(self.result.steps)
        if found:
            self.update(declaration, template, found)
        else:
            self.create(declaration, template)
        self._settle_lock(label, declaration, found, before)

    def _settle_lock(self, label: str, declaration: Declaration, found: Resource | None, first: int) -> None:
        """Lock or unlock as declared, around the steps from the first on: even oneadmin changes nothing locked."""
        steps = self.result.steps
        wanted, locked, changes = declaration.get("state"), bool(found and found.locked), len(steps) > first
        number, name = (str(found.id), found.name) if found else ("", declaration["name"])
        if locked and changes and wanted not in LOCK_STATES:
            self.refuse(label, f"it is locked and would change; '{self.command} unlock {number}' allows that.")
        if locked and (wanted == "unlocked" or (wanted == "locked" and changes)):
            steps.insert(first, Step(f"unlock {self.noun} {name}", (self.command, "unlock", number)))
        if wanted == "locked" and (changes or not locked):
            made = next((step.creates for step in steps[first:] if step.creates), None)
            self.step(f"lock {label}", self.command, "lock", NewId(made) if made else number)
        if wanted in LOCK_STATES:
            self.show(name, {"locked": str(locked)}, {"locked": str(wanted == "locked")})

    def _checked(self, label: str, declaration: Declaration, found: Resource | None) -> Template:
        """The wanted template, once nothing is left to refuse; what two checks found is told together."""
        findings: list[str] = []
        template: Template = {}
        try:
            self.check_common(label, declaration, found)
        except Refused as refused:
            findings += refused.findings
        try:
            template = self.wanted_template(label, declaration, found)
            self.check(label, declaration, template, found)
        except Refused as refused:
            findings += refused.findings
        if findings:
            raise Refused(findings)
        return template

    def label(self, declaration: Declaration) -> str:
        name, number = declaration.get("name"), declaration.get("id")
        return f"{self.noun} {name}" if name is not None else f"{self.noun} with id {number}"

    def refuse(self, label: str, reason: str) -> None:
        raise Refused([f"{label}: {reason}"])

    # -- who is meant ------------------------------------------------------------------------------------------------

    def find(self, declaration: Declaration) -> Resource | None:
        name, number, old = declaration.get("name"), declaration.get("id"), declaration.get("rename_from")
        label = self.label(declaration)
        if name is not None:
            self.check_name(label, name)
        if old is not None and declaration.get("state") == "absent":
            self.refuse(label, "rename_from and state absent contradict each other.")
        if number is not None:
            found = self.by_id.get(number)
            if found is None and declaration.get("state") != "absent":
                self.refuse(label, f"no {self.noun} has the id {number}; ids are given by oned and cannot be chosen.")
            if found and name not in (None, found.name) and declaration.get("state") == "absent":
                self.refuse(label, f"id {number} is that of {found.name}; give the id alone, or the name it has.")
            other = [one.id for one in self.by_name.get(name or "", []) if one.id != number]
            if found and found.name != name and other:
                self.refuse(label, f"{self.noun} {number} cannot take this name; {self.noun} {other[0]} has it.")
            return found
        named = self._only(label, name)
        renamed = self._only(label, old)
        if named and renamed and named.id != renamed.id:
            self.refuse(
                label, f"both it (id {named.id}) and {old} (id {renamed.id}) exist, so {old} cannot be renamed."
            )
        return named or renamed

    def _only(self, label: str, name: str | None) -> Resource | None:
        """Networks of different owners may share a name; which of them is meant is not for this to guess."""
        found = self.by_name.get(name, []) if name is not None else []
        if len(found) > 1:
            numbers = ", ".join(str(one.id) for one in found)
            self.refuse(label, f"{len(found)} of them are named {name}, with the ids {numbers}; give the id as well.")
        return found[0] if found else None

    def check_name(self, label: str, name: str) -> None:
        reason = one_names.unusable(name)
        if reason:
            self.refuse(label, reason)

    def resolve(self, label: str, names: Names, wanted: Sequence[str]) -> list[Named]:
        """Those of another pool that a declaration names, each once; refused if one does not exist."""
        found: list[Named] = []
        for name in wanted:
            try:
                found.append(names.find(name))
            except NoSuchName as error:
                raise Refused([f"{label}: {error}"]) from error
            if name in names.missing:
                self.warn(label, f"{names.noun} {name} does not exist yet; check mode takes it as created before this.")
        return list(dict.fromkeys(found))

    # -- what is wanted ----------------------------------------------------------------------------------------------

    def check_common(self, label: str, declaration: Declaration, found: Resource | None) -> None:
        permissions = declaration.get("permissions")
        if permissions is not None and not (isinstance(permissions, str) and _OCTAL.match(permissions)):
            self.refuse(
                label,
                f'permissions must be a quoted string of exactly three octal digits like "640", not {permissions!r}; '
                "the command takes other forms without protest and sets something else.",
            )
        for option in ("owner", "group"):
            value = declaration.get(option)
            if value is not None and (not value or value.startswith("-")):
                self.refuse(label, f"{option} {value!r} is not the name or id of a user or group.")

    def wanted_template(self, label: str, declaration: Declaration, found: Resource | None) -> Template:
        try:
            template = one_template.canonical(declaration.get("template") or {})
        except one_template.TemplateError as error:
            raise Refused([f"{label}: {error}"]) from error
        for name in template:
            if name == "NAME":
                self.refuse(label, "NAME in a template never renames; give the name as 'name'.")
            if name in self.reserved:
                self.refuse(label, f"{name} does not belong into the template: {self.reserved[name]}")
        for name in (name.upper() for name in declaration.get("purge") or []):
            if name in template:
                self.refuse(label, f"{name} is both in 'template' and in 'purge'.")
            if name in self.permanent:
                self.refuse(label, f"{name} cannot be purged: {self.permanent[name]}")
        return template

    def check(self, label: str, declaration: Declaration, template: Template, found: Resource | None) -> None:
        """Refuse what is particular to the kind; may also take out of the template what oned overrides."""

    # -- steps -------------------------------------------------------------------------------------------------------

    def step(self, sentence: str, *argv: Argument, creates: str | None = None) -> None:
        self.result.steps.append(Step(sentence, argv, creates))

    def warn(self, label: str, text: str) -> None:
        warning = f"{label}: {text}"
        if warning not in self.result.warnings:
            self.result.warnings.append(warning)

    def create(self, declaration: Declaration, template: Template) -> None:
        raise NotImplementedError

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        raise NotImplementedError

    def check_deletion(self, label: str, found: Resource) -> None:
        """Refuse to delete what is in use or belongs to OpenNebula itself."""

    def delete(self, found: Resource) -> None:
        label = f"{self.noun} {found.name}"
        self.check_deletion(label, found)
        if found.locked:
            self.refuse(label, f"it is locked; '{self.command} unlock {found.id}' allows its deletion.")
        self.step(f"delete {label} (id {found.id})", self.command, "delete", str(found.id))
        self.show(found.name, self.view(found), {})

    def rename(self, declaration: Declaration, found: Resource, after: View) -> None:
        name = declaration.get("name")
        if name is not None and name != found.name:
            self.step(f"rename {self.noun} {found.name} to {name}", self.command, "rename", str(found.id), name)
            after["name"] = name

    def update_template(self, declaration: Declaration, wanted: Template, found: Resource, after: View) -> None:
        """Append what differs. A purge needs the whole template in one replacement, for append removes nothing."""
        changed = one_template.differences(wanted, found.template, self.caseless)
        purged = sorted({name.upper() for name in declaration.get("purge") or []} & set(found.template))
        label = self._named(declaration, str(found.id))
        if purged:
            # ERROR is what oned said when the pool was read; sent back, it would outlive its cause.
            kept = {name: values for name, values in found.template.items() if name not in {*purged, "ERROR"}}
            text = InputFile(one_template.render({**kept, **changed}))
            also = f" and set {', '.join(changed)}" if changed else ""
            self.step(f"remove {', '.join(purged)}{also} of {label}", self.command, "update", str(found.id), text)
        elif changed:
            text = InputFile(one_template.render(changed))
            self.step(f"set {', '.join(changed)} of {label}", self.command, "update", str(found.id), text, "-a")
        for name in purged:
            del after[f"template/{name}"]
        after.update(template_view(changed))
        for name in changed:
            if one_template.is_secret(name):
                after[f"template/{name}"] = "(hidden, another value)"

    def set_permissions(self, declaration: Declaration, target: Argument, present: str | None, after: View) -> None:
        wanted = declaration.get("permissions")
        if wanted is not None and wanted != present:
            sentence = f"set the permissions of {self._named(declaration, target)} to {wanted}"
            self.step(sentence, self.command, "chmod", target, wanted)
            after["permissions"] = wanted

    def set_owner(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        fields = found.fields if found else {}
        owner = self._other(declaration.get("owner"), fields.get("UNAME"), fields.get("UID"))
        group = self._other(declaration.get("group"), fields.get("GNAME"), fields.get("GID"))
        named = self._named(declaration, target)
        if owner:
            extra = (group,) if group else ()
            both = f"{owner}:{group}" if group else owner
            self.step(f"give {named} to {both}", self.command, "chown", target, owner, *extra)
        elif group:
            self.step(f"give {named} to group {group}", self.command, "chgrp", target, group)
        after.update({key: value for key, value in (("owner", owner), ("group", group)) if value})

    @staticmethod
    def _other(wanted: str | None, name: str | None, number: str | None) -> str | None:
        return None if wanted is None or wanted == (number if wanted.isdigit() else name) else wanted

    def _named(self, declaration: Declaration, target: Argument) -> str:
        if isinstance(target, NewId):
            return f"{self.noun} {target.of}"
        return f"{self.noun} {declaration.get('name') or self.by_id[int(str(target))].name}"

    # -- what diff shows ---------------------------------------------------------------------------------------------

    def view(self, found: Resource) -> View:
        """The resource as lines of 'what: value'; subclasses add their own lines."""
        lines = {"name": found.name}
        if found.permissions is not None:
            lines["permissions"] = found.permissions
        for line, element in (("owner", "UNAME"), ("group", "GNAME")):
            if found.fields.get(element):
                lines[line] = found.fields[element]
        return {**lines, **template_view(found.template)}

    def show(self, name: str, before: View, after: View) -> None:
        if before == after:
            return
        header = f"{self.noun} {name}"
        self.result.diff.append(
            {"before_header": header, "after_header": header, "before": view_text(before), "after": view_text(after)}
        )


def template_view(template: Template) -> View:
    return {f"template/{name}": one_template.readable(value) for name, value in one_template.plain(template).items()}


def view_text(view: View) -> str:
    return "".join(f"{what}: {value}\n" for what, value in sorted(view.items()))


def to_decrypt(encrypted: frozenset[str], declarations: Sequence[Declaration], present: Sequence[Resource]) -> set[int]:
    """The ids of the resources whose encrypted attributes are to be compared, or sent back whole because of a purge."""
    holders = [resource for resource in present if encrypted & set(resource.template)]
    chosen = set()
    for item in declarations:
        declared = {str(name).upper() for name in item.get("template") or {}}
        if item.get("purge") or encrypted & declared:
            meant = (item.get("name"), item.get("rename_from"))
            chosen |= {one.id for one in holders if one.id == item.get("id") or one.name in meant}
    return chosen
