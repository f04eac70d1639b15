# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of Samba: what pdbedit says of them, and the steps to what is declared; passwords are compared by hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.nt_hash import nt_hash
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Argument, InputFile, Plan, Refused, Step

# smbpasswd reads lines of at most 255 bytes, and a terminal's input cannot hold what ends one.
LONGEST_PASSWORD = 255
NOLOGIN = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")


@dataclass(frozen=True)
class StandardInput(InputFile):
    """What the command reads; never shown."""

    def __str__(self) -> str:
        return "< (hidden)"


class Account(NamedTuple):
    name: str
    hash: str
    flags: str

    @property
    def disabled(self) -> bool:
        return "D" in self.flags


def parse_accounts(listing: str) -> dict[str, Account]:
    """Output of `pdbedit --list --smbpasswd-style`, by lower-case name: to SMB, Anna and anna are one."""
    found = {}
    for line in listing.splitlines():
        fields = line.split(":")
        # User, uid, the hash of LAN Manager that nobody uses, the NT hash, [flags], time of the last change.
        if len(fields) >= 6 and fields[1].isdigit() and fields[4].startswith("["):
            found[fields[0].lower()] = Account(fields[0], fields[3].upper(), fields[4].strip("[] "))
    return found


def refused(wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    """What cannot be, as sentences without a password in them."""
    findings = []
    names = [str(one["name"]) for one in wanted]
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            findings.append(f"User {name} is declared twice; SMB does not tell capital letters from small ones.")
        seen.add(name.lower())
        if not name or name.startswith("-") or any(letter in ':/\\"' or letter.isspace() for letter in name):
            findings.append(f"{name!r} is no name of a user.")
    for one in wanted:
        if one.get("state") == "absent":
            continue
        password = one.get("password") or ""
        if not password:
            findings.append(f"User {one['name']} has no password. Give one, or say state: absent.")
        elif any(letter in password for letter in "\n\r\0"):
            findings.append(
                f"The password of {one['name']} has a line break or a zero in it, which smbpasswd cannot read."
            )
        elif len(password.encode()) > LONGEST_PASSWORD:
            findings.append(f"The password of {one['name']} is longer than {LONGEST_PASSWORD} bytes.")
    return findings


def plan_users(
    wanted: Sequence[Mapping[str, Any]],
    present: Mapping[str, Account],
    system_users: Sequence[str],
    system_groups: Sequence[str],
) -> Plan:
    """The steps; of users of the system, only those that Samba needs and nobody has made."""
    findings = refused(wanted)
    if findings:
        raise Refused(findings)
    plan = Plan()
    before, after = [], []
    for one in wanted:
        name, account = one["name"], present.get(one["name"].lower())
        if one.get("state") == "absent":
            if account:
                plan.steps.append(Step(f"remove user {account.name} from Samba", ("smbpasswd", "-x", account.name)))
                before.append(account.name)
            continue
        if name not in system_users and not account:
            plan.steps.append(_system_user(name, name in system_groups))
        typed = StandardInput(f"{one['password']}\n" * 2)
        if not account:
            plan.steps.append(_smbpasswd(f"add user {name} to Samba", "-a", name, typed))
            after.append(name)
        elif one.get("update_password") != "on_create" and account.hash != nt_hash(one["password"]):
            plan.steps.append(_smbpasswd(f"change the password of {account.name}", account.name, typed))
            before.append(f"{account.name}, another password")
            after.append(f"{account.name}, the declared password")
        if account and account.disabled:
            plan.warnings.append(
                f"User {account.name} is disabled in Samba, and is left so. To let it in: smbpasswd -e {account.name}."
            )
    if plan.steps:
        plan.diff.append(
            {name: "".join(f"{line}\n" for line in lines) for name, lines in (("before", before), ("after", after))}
        )
    return plan


def _smbpasswd(sentence: str, *arguments: Argument) -> Step:
    return Step(sentence, ("smbpasswd", "-s", *arguments))


def _system_user(name: str, has_group: bool) -> Step:
    group = ("--gid", name) if has_group else ()
    return Step(f"make the system's user {name}, without a shell", ("useradd", "--system", *NOLOGIN, *group, name))


def not_as_declared(wanted: Sequence[Mapping[str, Any]], present: Mapping[str, Account]) -> list[str]:
    """What is still wrong after all steps, as sentences."""
    wrong = []
    for one in wanted:
        account = present.get(one["name"].lower())
        if one.get("state") == "absent":
            if account:
                wrong.append(f"Samba still knows {one['name']}.")
        elif not account:
            wrong.append(f"Samba does not know {one['name']}.")
        elif one.get("update_password") != "on_create" and account.hash != nt_hash(one["password"]):
            wrong.append(f"Samba has another password of {one['name']} than the declared one.")
    return wrong
