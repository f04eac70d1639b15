# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer files of engine-setup: read as otopi reads them, judged more strictly than otopi does, and written.

otopi passes over keys that it does not know, takes every bool but f, F, false and False for true, and ends with a
message about lists when a key is there twice. So all of this is found here, before anything runs.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES, Key

SECTION = "environment:default"
SECTIONS = (SECTION, "environment:init", "environment:override", "environment:enforce")
MODE, ENABLE = "OVESETUP_CONFIG/applicationMode", "OVESETUP_ENGINE_CORE/enable"
ENGINE_FQDN, HOST_FQDN = "OVESETUP_ENGINE_CONFIG/fqdn", "OVESETUP_CONFIG/fqdn"
ADMIN_PASSWORD = "OVESETUP_CONFIG/adminPassword"
UPDATE_FIREWALL, FIREWALL_MANAGER = "OVESETUP_CONFIG/updateFirewall", "OVESETUP_CONFIG/firewallManager"
# Databases: where their keys stand, and the key that lets setup make them on this host.
DATABASES = {
    "OVESETUP_DB": "OVESETUP_PROVISIONING/postgresProvisioningEnabled",
    "OVESETUP_DWH_DB": "OVESETUP_DWH_PROVISIONING/postgresProvisioningEnabled",
    "OVESETUP_KEYCLOAK_DB": "OVESETUP_KEYCLOAK_PROVISIONING/postgresProvisioningEnabled",
}
HEAP = ("OVESETUP_CONFIG/engineHeapMin", "OVESETUP_CONFIG/engineHeapMax")
_TYPES: dict[str, Any] = {"bool": bool, "int": int, "str": str}
_FALSE = ("f", "F", "false", "False")


class Answer(NamedTuple):
    """One line of a file, or one entry of a declaration. source tells where it stands, for sentences."""

    key: str
    value: Any
    source: str


# -- reading -----------------------------------------------------------------------------------------------------------


def parse_text(text: str, source: str) -> tuple[list[Answer], list[str]]:
    """The answers of a file, and what is wrong with its form. Values are what otopi makes of them, type by type."""
    answers: list[Answer] = []
    faults: list[str] = []
    section = None
    seen: set[str] = set()
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        where = f"{source}, line {number}"
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if line[0].isspace():
            faults.append(
                f"{where}: the line begins with a blank, so it continues the value above it. Take the blank away."
            )
        elif line.startswith("["):
            section = line.strip()[1:-1]
            if section not in SECTIONS or not line.strip().endswith("]"):
                faults.append(
                    f"{where}: the section is {line.strip()}; otopi reads {', '.join(SECTIONS)}, in brackets."
                )
            elif section in seen:
                faults.append(
                    f"{where}: [{section}] is there twice, and otopi reads such a file in part; make one of both."
                )
            seen.add(section)
        elif section is None:
            faults.append(f"{where}: it stands before the first section; begin the file with [{SECTION}].")
        else:
            answer, fault = _parse_line(line, where)
            answers += [answer] if answer else []
            faults += [fault] if fault else []
    return answers, faults


def _parse_line(line: str, where: str) -> tuple[Answer | None, str | None]:
    key, equals, rest = (part.strip() for part in line.partition("="))
    kind, colon, value = rest.partition(":")
    if not equals or not colon or kind not in ("none", *_TYPES):
        return None, f"{where}: {key}: an answer is written KEY=type:value, with a type of none, bool, int or str."
    # A value is not quoted here: it may be a password that was given a wrong type.
    if kind == "bool":
        if value not in ("True", "true", *_FALSE):
            return (
                None,
                f"{where}: {key}: a bool is true to otopi unless it is {', '.join(_FALSE)}. Write True or False.",
            )
        return Answer(key, value not in _FALSE, where), None
    if kind == "int":
        if not re.fullmatch(r"-?\d+", value):
            return None, f"{where}: {key}: the value is no number."
        return Answer(key, int(value), where), None
    return Answer(key, None if kind == "none" else value, where), None


# -- judging -----------------------------------------------------------------------------------------------------------


def faults_of(answers: Sequence[Answer], release: str) -> list[str]:
    """All that is wrong with the answers of one run of engine-setup, whatever files they stand in."""
    known = RELEASES[release]
    faults = [*_twice(answers)]
    for answer in answers:
        fault = _fault(answer, known, release)
        if fault:
            faults.append(fault)
    return faults if faults else [*_missing({one.key: one.value for one in answers})]


def _twice(answers: Iterable[Answer]) -> Iterable[str]:
    first: dict[str, Answer] = {}
    for answer in answers:
        other = first.setdefault(answer.key, answer)
        if other is not answer:
            yield f"{answer.key} is in {other.source} and in {answer.source}; it is answered once."


def _fault(answer: Answer, known: Mapping[str, Key], release: str) -> str | None:
    key = known.get(answer.key)
    where = f"{answer.source}: {answer.key}"
    if key is None:
        near = difflib.get_close_matches(answer.key.lower(), {name.lower() for name in known}, 1, 0.8)
        meant = next((f" Is {name} meant?" for name in known if near and name.lower() == near[0]), "")
        return f"{where}: oVirt {release} knows no such answer, and engine-setup would pass over it in silence.{meant}"
    value = answer.value
    if value is None:
        return None
    if not isinstance(value, _TYPES[key.type]) or (isinstance(value, bool) and key.type != "bool"):
        hint = " Write it in quotes." if key.type == "str" else ""
        shown = "of another type" if key.secret else f"{value!r}"
        if key.type == "bool":
            hint = " Give true or false; 'no' as text is true to otopi."
        return f"{where}: its type is {key.type}, and the value is {shown}.{hint}"
    if isinstance(value, str):
        reason = text_fault(value)
        if reason:
            return f"{where}: the value {reason}."
    if key.values and value not in key.values:
        hint = " setup finds that out late, after it has made the database." if answer.key == MODE else ""
        case = " in small letters" if isinstance(value, str) and value.lower() in key.values else ""
        return f"{where}: {value!r} is none of {', '.join(key.values)}{case}.{hint}"
    if answer.key in (HOST_FQDN, ENGINE_FQDN):
        return _fqdn_fault(where, str(value))
    if answer.key in HEAP and not re.fullmatch(r"[1-9]\d*[MG]", str(value)):
        return f"{where}: {value!r} is no size such as 4096M."
    return None


def text_fault(value: str) -> str | None:
    """Why a text does not survive the file; the reason does not quote it, since it may be a password."""
    if any(ord(char) < 32 or char in "\x7f\x85\u2028\u2029" for char in value):
        return "has a line break or another control character in it, which ends or changes it in the file"
    if value != value.rstrip():
        return "ends with a blank, which is lost in the file"
    return None


def _fqdn_fault(where: str, name: str) -> str | None:
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if not re.fullmatch(rf"({label}\.)+{label}", name) or re.fullmatch(r"[\d.]+", name):
        return f"{where}: {name!r} is no fully qualified name such as engine.example.org."
    if name.lower().split(".")[0] == "localhost" or name.lower().endswith((".localhost", ".localdomain")):
        return f"{where}: {name!r} names every host itself; give the name by which others reach the engine."
    return None


def _missing(value: Mapping[str, Any]) -> Iterable[str]:
    """What setup would ask although it must not, or would answer in another way than was meant."""
    if value.get(ENABLE) is None:
        yield f"{ENABLE} is missing; setup of 4.5.7 takes No for it, and then sets up no engine. Give true or false."
    elif value[ENABLE]:
        for key in (ENGINE_FQDN, HOST_FQDN, ADMIN_PASSWORD):
            if not value.get(key):
                yield f"{key} is missing; the question has no default, so setup would wait for ever or end. Give it."
    if value.get(UPDATE_FIREWALL) and not value.get(FIREWALL_MANAGER):
        yield f"{FIREWALL_MANAGER} is missing, and {UPDATE_FIREWALL} is true; setup may ask for it. Give firewalld."
    for database, provisioned in DATABASES.items():
        given = {name: value.get(f"{database}/{name}") for name in ("host", "user", "database", "password")}
        host = given["host"]
        if host not in (None, "localhost", "127.0.0.1") and value.get(provisioned) is not False:
            yield f"{database}/host is {host}, but {provisioned} is not false; setup would take localhost instead."
        absent = [f"{database}/{name}" for name, one in given.items() if not one]
        if value.get(provisioned) is False and absent:
            yield f"{provisioned} is false, so others make the database, and {', '.join(absent)} must be given."


# -- writing -----------------------------------------------------------------------------------------------------------


def declared(answers: Mapping[str, Any], source: str) -> list[Answer]:
    return [Answer(key, value, source) for key, value in answers.items()]


def misplaced(answers: Mapping[str, Any], secrets: Mapping[str, Any], release: str) -> list[str]:
    """Secrets where everybody could read them, and what is no secret among them."""
    known = RELEASES[release]
    return [
        *(f"{key} is a secret; give it in secrets." for key in answers if key in known and known[key].secret),
        *(f"{key} is no secret; give it in answers." for key in secrets if key in known and not known[key].secret),
    ]


def file_text(answers: Mapping[str, Any]) -> str:
    lines = [f"{key}={_written(answers[key])}\n" for key in sorted(answers)]
    return f"# Written by kvmcloud.stack.ovirt_answer_file.\n[{SECTION}]\n" + "".join(lines)


def _written(value: Any) -> str:
    return "none:None" if value is None else f"{type(value).__name__}:{value}"
