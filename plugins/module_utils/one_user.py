# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to users: a password that only its hash can be compared with, one primary group and others."""

from __future__ import annotations

import hashlib
from typing import Any, Sequence

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
from ansible_collections.kvmcloud.stack.plugins.module_utils.secret_strength import weakness

CORE = "core"
# oned checks what these log in with against what it keeps for the user; others ask a service of their own.
_KEEP_A_SECRET = (CORE, "ssh", "x509")
_ONEADMIN, _SERVERADMIN = 0, 1
# The group 'users', in which oneadmin's new users are until told otherwise.
_FIRST_GROUP = "1"
_VERBS = {"enabled": "enable", "disabled": "disable"}
_HIDDEN, _OTHER = "(hidden)", "(hidden, another value)"


class UserPlanner(Planner):
    command = "oneuser"
    noun = "user"
    reserved = {"TOKEN_PASSWORD": "oned makes it; the tokens of OneGate depend on it."}
    permanent = {"TOKEN_PASSWORD": "the tokens of OneGate depend on it."}
    encrypted = frozenset({"SSH_PASSPHRASE", "SSH_PRIVATE_KEY"})

    def __init__(
        self, present: Sequence[Resource], groups: Sequence[Resource] | None = None, lenient: bool = False
    ) -> None:
        super().__init__(present, lenient)
        # Nothing of this collection makes groups: one that the pool does not have is missing in check mode as well.
        self.groups = Names("group", groups or (), groups is None, "create it with 'onegroup create' first.")
        self.leave_resources: set[int] = set()

    # -- refusals ----------------------------------------------------------------------------------------------------

    def find(self, declaration: Declaration) -> Resource | None:
        found = super().find(declaration)
        if found and declaration.get("leave_resources"):
            self.leave_resources.add(found.id)
        return found

    def check_name(self, label: str, name: str) -> None:
        super().check_name(label, name)
        if " " in name:
            self.refuse(label, "the name of a user holds no spaces.")

    def check(self, label: str, declaration: Declaration, template: Template, found: Resource | None) -> None:
        name, password = declaration.get("name"), declaration.get("password")
        if found and name is not None and found.name != name:
            self.refuse(label, f"user {found.id} is named {found.name}, and oned cannot rename users.")
        driver = self._driver(declaration, found)
        if not driver or driver.startswith("-"):
            self.refuse(label, f"auth_driver {driver!r} is not the name of a driver.")
        if found and found.id in (_ONEADMIN, _SERVERADMIN):
            self._check_built_in(label, declaration, found)
        if password is not None:
            self._check_password(label, password, driver, name or (found.name if found else ""))
        elif driver in _KEEP_A_SECRET and (not found or _driver_of(found) != driver):
            which = "it does not exist, and to create it" if not found else f"its auth_driver becomes {driver}, and it"
            self.refuse(label, f"{which} needs a password.")

    def _check_built_in(self, label: str, declaration: Declaration, found: Resource) -> None:
        if declaration.get("password") is not None:
            how = (
                "the module oneadmin_password sets it in oned and in the auth file together."
                if found.id == _ONEADMIN
                else "it is in the auth files of the services, which would be locked out."
            )
            self.refuse(label, f"its password is not for this module: {how}")
        if declaration.get("state") == "disabled" or self._driver(declaration, found) != _driver_of(found):
            self.refuse(label, "OpenNebula itself logs in with it; it is neither disabled nor given another driver.")
        group = declaration.get("group")
        if group is not None and group not in (found.fields.get("GNAME"), found.fields.get("GID")):
            self.refuse(label, "it stays in its primary group, which gives it its rights.")

    def _check_password(self, label: str, password: str, driver: str, name: str) -> None:
        # The commands read the first line of a file, and oned takes no white space in what it keeps for any driver.
        if not password or any(sign.isspace() for sign in password):
            self.refuse(label, "its password is empty or holds white space, which oned does not take.")
        reason = weakness(password, name) if driver == CORE else None
        if reason:
            self.refuse(label, f"its password {reason}. Choose a long random one.")

    def check_deletion(self, label: str, found: Resource) -> None:
        if found.id in (_ONEADMIN, _SERVERADMIN):
            self.refuse(label, "it comes with OpenNebula, which cannot work without it, and is never deleted here.")
        owned = ", ".join(f"{count} {what}" for what, count in sorted(found.usage.items()) if count)
        if owned and found.id not in self.leave_resources:
            self.refuse(
                label,
                f"it owns {owned}, which oned would leave without an owner; give them to somebody else first, or say "
                "'leave_resources: true'.",
            )

    # -- steps -------------------------------------------------------------------------------------------------------

    def create(self, declaration: Declaration, template: Template) -> None:
        name, driver = declaration["name"], self._driver(declaration, None)
        # A driver that keeps no secret still has the place of one; '-' is what stands there by convention.
        secret = InputFile((declaration.get("password") or "-") + "\n")
        option = () if driver == CORE else ("--driver", driver)
        self.step(f"create user {name}", "oneuser", "create", name, secret, "-r", *option, creates=name)
        after = {"name": name, "auth_driver": driver, "password": _HIDDEN, "group": "users"}
        if template:
            text = InputFile(one_template.render(template))
            self.step(f"set {', '.join(template)} of user {name}", "oneuser", "update", NewId(name), text, "-a")
            after.update(template_view(template))
        self._set_groups(declaration, NewId(name), None, after)
        self._set_state(declaration, NewId(name), None, after)
        self.show(name, {}, after)

    def update(self, declaration: Declaration, template: Template, found: Resource) -> None:
        before = self.view(found)
        after = dict(before)
        self._set_authentication(declaration, found, after)
        self.update_template(declaration, template, found, after)
        self._set_groups(declaration, str(found.id), found, after)
        self._set_state(declaration, str(found.id), found, after)
        self.show(found.name, before, after)

    def _set_authentication(self, declaration: Declaration, found: Resource, after: View) -> None:
        driver, password = self._driver(declaration, found), declaration.get("password")
        named = self._named(declaration, str(found.id))
        secret = (InputFile(password + "\n"), "-r") if password is not None else ()
        if driver != _driver_of(found):
            self.step(f"set auth driver {driver} of {named}", "oneuser", "chauth", str(found.id), driver, *secret)
            after["auth_driver"] = driver
        elif (
            password is not None
            and declaration.get("update_password") == "always"
            and stored(password, driver) != found.fields.get("PASSWORD")
        ):
            self.step(f"set the password of {named}", "oneuser", "passwd", str(found.id), *secret)
        else:
            return
        if password is not None:
            after["password"] = _OTHER

    def _set_groups(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        """The primary group first: a user leaves the former one by that, unless it was in the new one already."""
        label = self._named(declaration, target)
        primary = found.fields.get("GID", "") if found else _FIRST_GROUP
        present = [str(number) for number in found.ids.get("GROUPS", ())] if found else [primary]
        if declaration.get("group") is not None:
            (wanted,) = self.resolve(label, self.groups, [declaration["group"]])
            if wanted.argument != primary:
                self.step(
                    f"make {wanted.name} the primary group of {label}", "oneuser", "chgrp", target, wanted.argument
                )
                if wanted.argument not in present:
                    present = [number for number in present if number != primary] + [wanted.argument]
                primary, after["group"] = wanted.argument, wanted.name
        if declaration.get("groups") is None:
            return
        chosen = self.resolve(label, self.groups, declaration["groups"])
        keep = {primary, *(one.argument for one in chosen)}
        for one in chosen:
            if one.argument not in present:
                self.step(f"add {label} to group {one.name}", "oneuser", "addgroup", target, one.argument)
        for number in present:
            if number not in keep:
                name = self._group_name(number)
                self.step(f"take {label} out of group {name}", "oneuser", "delgroup", target, number)
        after["groups"] = ", ".join(sorted(self._group_name(number) for number in keep - {primary}))

    def _set_state(self, declaration: Declaration, target: Argument, found: Resource | None, after: View) -> None:
        wanted = declaration.get("state")
        present = _state(found) if found else "enabled"
        if wanted in _VERBS and wanted != present:
            self.step(f"{_VERBS[wanted]} {self._named(declaration, target)}", "oneuser", _VERBS[wanted], target)
            after["state"] = wanted

    # -- what is and what shall be -----------------------------------------------------------------------------------

    @staticmethod
    def _driver(declaration: Declaration, found: Resource | None) -> str:
        wanted: str | None = declaration.get("auth_driver")
        if wanted is None:
            return _driver_of(found) if found else CORE
        return wanted

    def _group_name(self, number: str) -> str:
        return self.groups.name(int(number)) if number.isdigit() else number

    def view(self, found: Resource) -> View:
        secondary = [str(number) for number in found.ids.get("GROUPS", ()) if str(number) != found.fields.get("GID")]
        return {
            **super().view(found),
            "auth_driver": _driver_of(found),
            "password": _HIDDEN,
            "group": found.fields.get("GNAME", ""),
            "groups": ", ".join(sorted(self._group_name(number) for number in secondary)),
            "state": _state(found),
        }


def _state(found: Resource) -> str:
    return "disabled" if found.fields.get("ENABLED") == "0" else "enabled"


def _driver_of(found: Resource) -> str:
    return found.fields.get("AUTH_DRIVER", CORE)


def described(found: Resource) -> dict[str, Any]:
    """What the list of users tells beside what all resources have."""
    return {"auth_driver": _driver_of(found), "group": found.fields.get("GNAME", ""), "state": _state(found)}


def names_groups(declarations: Sequence[Declaration]) -> bool:
    """Whether the pool of groups is needed to know what the declarations mean."""
    return any(item.get("group") is not None or item.get("groups") is not None for item in declarations)


def stored(password: str, driver: str) -> str:
    """What oned keeps of a password and shows in the pool: a hash where it checks it itself, else the text."""
    return hashlib.sha256(password.encode("utf-8")).hexdigest() if driver == CORE else password
