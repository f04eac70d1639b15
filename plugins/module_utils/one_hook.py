# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to hooks: oned stores them in another form than it takes, and one update ruins them for good."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import (
    Declaration,
    Planner,
    View,
    template_view,
    view_text,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import Template
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile

# ON is never stored: oned resolves it into the two states that it names.
ON: dict[str, tuple[str, str]] = {
    "DONE": ("DONE", "LCM_INIT"),
    "PROLOG": ("ACTIVE", "PROLOG"),
    "RUNNING": ("ACTIVE", "RUNNING"),
    "SHUTDOWN": ("ACTIVE", "EPILOG"),
    "STOP": ("STOPPED", "LCM_INIT"),
    "UNKNOWN": ("ACTIVE", "UNKNOWN"),
}
_OPTIONS = {
    "command": "COMMAND",
    "arguments": "ARGUMENTS",
    "arguments_stdin": "ARGUMENTS_STDIN",
    "remote": "REMOTE",
    "timeout": "TIMEOUT",
    "call": "CALL",
    "resource": "RESOURCE",
}
_OWN_OPTIONS = (*_OPTIONS.values(), "LCM_STATE", "ON", "STATE", "TYPE")
# A change of these by update is stored and leaves a hook that cannot be loaded, updated or deleted any more, or is
# stored without effect.
_IMMUTABLE = ("RESOURCE", "CALL")


class HookPlanner(Planner):
    command = "onehook"
    noun = "hook"
    reserved = dict.fromkeys(_OWN_OPTIONS, "it has an option of its own.")
    permanent = dict.fromkeys(
        ("CALL", "COMMAND", "LCM_STATE", "RESOURCE", "STATE"), "the hook could not run without it."
    )
    # States are stored in upper case whatever the case they were given in.
    caseless = frozenset({"LCM_STATE", "STATE"})

    def check_common(self, label: str, declaration: Declaration, found: Resource | None) -> None:
        super().check_common(label, declaration, found)
        kind = self._type(declaration, found)
        missing = [name for name in self._needed(kind, declaration) if declaration.get(name) is None]
        if missing and not found:
            self.refuse(label, f"it does not exist, and to create it these are missing: {', '.join(missing)}.")
        state, lcm_state, on = (declaration.get(name) for name in ("resource_state", "lcm_state", "on_state"))
        if on not in (None, "CUSTOM") and (state or lcm_state):
            self.refuse(
                label, f"'on_state: {on}' sets both states; leave out resource_state and lcm_state, or say CUSTOM."
            )
        if declaration.get("resource") not in (None, "VM") and (on or lcm_state):
            self.refuse(label, "'on_state' and 'lcm_state' are known to hooks of VMs only.")
        if kind == "api" and (state or lcm_state or on or declaration.get("resource")):
            self.refuse(label, "a hook of type api has a call and no resource or states.")
        if kind == "state" and declaration.get("call"):
            self.refuse(label, "a hook of type state has a resource and states, and no call.")

    @staticmethod
    def _type(declaration: Declaration, found: Resource | None) -> str:
        stored = found.fields.get("TYPE", "") if found else ""
        return (declaration.get("type") or stored or "state").lower()

    @staticmethod
    def _needed(kind: str, declaration: Declaration) -> tuple[str, ...]:
        if kind == "api":
            return ("command", "call")
        if declaration.get("on_state") not in (None, "CUSTOM"):
            return ("command", "resource")
        if declaration.get("resource") == "VM":
            return ("command", "resource", "resource_state", "lcm_state")
        return ("command", "resource", "resource_state")

    def wanted_template(self, label: str, declaration: Declaration, found: Resource | None) -> Template:
        template = super().wanted_template(label, declaration, found)
        given = {name: declaration[option] for option, name in _OPTIONS.items() if declaration.get(option) is not None}
        states = ON.get(declaration.get("on_state") or "") or (
            declaration.get("resource_state"),
            declaration.get("lcm_state"),
        )
        given.update({name: text for name, text in zip(("STATE", "LCM_STATE"), states) if text is not None})
        try:
            return {**one_template.canonical(given), **template}
        except one_template.TemplateError as error:
            self.refuse(label, str(error))
            raise

    def create(self, declaration: Declaration, template: Template) -> None:
        name = declaration["name"]
        kind = self._type(declaration, None)
        whole: Template = {"NAME": [name], "TYPE": [kind], **template}
        if template.get("RESOURCE") == ["VM"]:
            whole["ON"] = ["CUSTOM"]  # what makes oned take the two states as they are
        # 'onehook create' takes a file only, in every release.
        text = InputFile(one_template.render(whole))
        self.step(f"create hook {name}", "onehook", "create", text, creates=name)
        self.show(name, {}, {"name": name, "type": kind, **template_view(template)})

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        # A missing REMOTE means NO; a hook that was once updated by replacement has none.
        stored: Template = {"REMOTE": ["NO"], **found.template}
        reasons = [name for name in _IMMUTABLE if name in template and template[name] != stored.get(name)]
        if self._type(declaration, None if declaration.get("type") else found) != found.fields.get("TYPE"):
            reasons.append("TYPE")
        if reasons:
            self._replace(declaration, template, found, reasons)
            return
        before = self.view(found)
        after = dict(before)
        self.rename(declaration, found, after)
        wanted = template if "REMOTE" in found.template else one_template.differences(template, stored, self.caseless)
        self.update_template(declaration, wanted, found, after)
        self.show(found.name, before, after)

    def _replace(self, declaration: Declaration, template: Template, found: Resource, reasons: list[str]) -> None:
        """Delete and create, with the whole of what a hook needs: nothing of the old one is carried over."""
        label = self.label(declaration)
        name = declaration.get("name") or found.name
        kind = self._type(declaration, found)
        missing = [option for option in self._needed(kind, declaration) if declaration.get(option) is None]
        if missing:
            self.refuse(
                label,
                f"its {' and '.join(reasons)} differ, which only a new hook can have; to create it anew "
                f"these are missing: {', '.join(missing)}.",
            )
        sentence = f"delete hook {found.name} (id {found.id}), whose {' and '.join(reasons)} cannot be updated"
        self.step(sentence, "onehook", "delete", str(found.id))
        self.create({**declaration, "name": name, "type": kind}, template)
        self.result.diff[-1]["before"] = view_text(self.view(found))

    def view(self, found: Resource) -> View:
        return {**super().view(found), "type": found.fields.get("TYPE", "")}
