# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of OpenNebula: from a declaration to canonical form, to text, and compared with what oned stored.

Canonical form is what oned itself keeps: names in upper case, every value a string, one list of values per name.
A value is a string or, for a vector attribute, a dictionary of strings.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Union
from xml.etree import ElementTree

Value = Union[str, Dict[str, str]]
Template = Dict[str, List[Value]]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# oned answers in XML 1.0 inside CDATA: these cannot come back as they went in.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\]\]>")
_SECRET = re.compile(r"PASS(WORD|WD|PHRASE|_|\Z)|SECRET|TOKEN|PRIVATE_KEY|ACCESS_KEY")
HIDDEN = "(hidden)"


class TemplateError(ValueError):
    """A declared template that oned could not store as it was meant; the text is a sentence."""


def is_secret(name: str) -> bool:
    return bool(_SECRET.search(name.upper()))


def secrets(declared: Any) -> set[str]:
    """The secret values of a declared template, at whatever depth they stand."""
    found: set[str] = set()
    for name, value in declared.items() if isinstance(declared, Mapping) else ():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, Mapping):
                found |= secrets(one)
            elif is_secret(str(name)) and one not in (None, ""):
                found.add(str(one))
    return found


def canonical(declared: Any) -> Template:
    """The declared dictionary in canonical form, or a TemplateError that names the attribute and the reason."""
    if not isinstance(declared, Mapping):
        kind = "text" if isinstance(declared, str) else type(declared).__name__
        raise TemplateError(
            f"a template is a dictionary of attributes, not {kind}; OpenNebula's own grammar is not read here."
        )
    template: Template = {}
    for raw_name, raw_value in declared.items():
        name = _checked_name(str(raw_name), "")
        if name in template:
            raise TemplateError(
                f"attribute {name} is given twice; names differ only by case, which oned does not keep."
            )
        values = list(raw_value) if isinstance(raw_value, (list, tuple)) else [raw_value]
        if not values:
            raise TemplateError(f"attribute {name} is an empty list; to remove an attribute name it in 'purge'.")
        template[name] = [_value(name, value) for value in values]
    return template


def _checked_name(name: str, vector: str) -> str:
    if not _NAME.match(name):
        place = f" in {vector}" if vector else ""
        raise TemplateError(f"'{name}'{place} is not an attribute name; letters, digits and '_' make one.")
    return name.upper()


def _value(name: str, value: Any) -> Value:
    if not isinstance(value, Mapping):
        return _scalar(name, value)
    if not value:
        raise TemplateError(f"attribute {name} is an empty dictionary; a vector attribute needs at least one entry.")
    vector: dict[str, str] = {}
    for raw_key, raw in value.items():
        key = _checked_name(str(raw_key), name)
        if key in vector:
            raise TemplateError(f"{name}/{key} is given twice; names differ only by case, which oned does not keep.")
        vector[key] = _scalar(f"{name}/{key}", raw)
    return vector


def _scalar(name: str, value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise TemplateError(f"{name} is nested too deeply; a template knows values and vectors of values, no more.")
    if isinstance(value, bool):
        return "YES" if value else "NO"  # what an unquoted yes of YAML means to OpenNebula
    text = "" if value is None else str(value)
    if _UNSTORABLE.search(text):
        raise TemplateError(f"the value of {name} holds a control character or ']]>'; oned could not give it back.")
    if text.endswith("\\") or '\\"' in text:
        # A backslash is kept as it is, except before a quote: there the grammar has no way to say both.
        raise TemplateError(
            f"the value of {name} has a backslash at its end or before a quote; the grammar cannot say it."
        )
    return text


def render(template: Template) -> str:
    """The template as text for 'create' and 'update'; always quoted, since quoted and unquoted are equal to oned."""
    lines = []
    for name, values in template.items():
        for value in values:
            if isinstance(value, dict):
                entries = ", ".join(f"{key} = {_quoted(text)}" for key, text in value.items())
                lines.append(f"{name} = [ {entries} ]")
            else:
                lines.append(f"{name} = {_quoted(value)}")
    return "".join(line + "\n" for line in lines)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def from_xml(element: ElementTree.Element) -> Template:
    """A TEMPLATE element of 'list -x' in canonical form."""
    template: Template = {}
    for child in element:
        value: Value = {entry.tag: entry.text or "" for entry in child} if len(child) else child.text or ""
        template.setdefault(child.tag, []).append(value)
    return template


def differences(wanted: Template, present: Template, caseless: frozenset[str] = frozenset()) -> Template:
    """The wanted attributes that oned does not have as wanted. Attributes nobody declared are nobody's business."""
    return {name: values for name, values in wanted.items() if not _same(name, values, present.get(name), caseless)}


def _same(name: str, wanted: list[Value], present: Any, caseless: frozenset[str]) -> bool:
    if present is None or len(wanted) != len(present):
        return False
    return all(_same_value(a, b, name in caseless) for a, b in zip(wanted, present))


def _same_value(wanted: Value, present: Value, caseless: bool) -> bool:
    if isinstance(wanted, dict) or isinstance(present, dict):
        if not (isinstance(wanted, dict) and isinstance(present, dict) and wanted.keys() == present.keys()):
            return False
        return all(_same_value(wanted[key], present[key], caseless) for key in wanted)
    if wanted == present:
        return True
    # oned upper-cases some booleans (REMOTE, SHARED) and reads all of them in any case.
    return wanted.upper() == present.upper() and (caseless or wanted.upper() in ("YES", "NO"))


def plain(template: Template) -> dict[str, Any]:
    """For people and playbooks: a single value stands alone, repeated ones are a list. Secrets are hidden."""
    shown = {name: [_hide(name, value) for value in values] for name, values in template.items()}
    return {name: values[0] if len(values) == 1 else values for name, values in shown.items()}


def readable(value: Any) -> str:
    """A value of 'plain' on one line."""
    if isinstance(value, list):
        return "; ".join(readable(one) for one in value)
    if isinstance(value, dict):
        return f"[ {', '.join(f'{key} = {text}' for key, text in value.items())} ]"
    return str(value)


def _hide(name: str, value: Value) -> Value:
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret(key) and text else text for key, text in value.items()}
    return HIDDEN if is_secret(name) and value else value
