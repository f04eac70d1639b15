# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address ranges of virtual networks: checked before oned sees them, and told apart by content, never by AR_ID.

oned accepts a bad range with rc 0 and leaves a network in state ERROR, and it adds the same range twice if asked twice.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template

AddressRange = Dict[str, str]

TYPES = ("ETHER", "IP4", "IP4_6", "IP4_6_STATIC", "IP6", "IP6_STATIC")
_NEEDED = {
    "IP4": ("IP",),
    "IP4_6": ("IP",),
    "IP4_6_STATIC": ("IP", "IP6", "PREFIX_LENGTH"),
    "IP6_STATIC": ("IP6", "PREFIX_LENGTH"),
}
# What makes a range this range. Anything else (SIZE, attributes of the user) can be updated in place.
_IDENTITY = ("TYPE", "IP", "IP6", "MAC", "GLOBAL_PREFIX", "ULA_PREFIX", "PREFIX_LENGTH")
# oned keeps these for itself; they are no part of a declaration.
_OWN = frozenset({"AR_ID", "IP_END", "IP6_END", "IP6_GLOBAL", "IP6_GLOBAL_END", "IP6_ULA", "IP6_ULA_END", "LEASES"})
_OWN |= frozenset({"MAC_END", "NEXT_INDEX", "PARENT_NETWORK_AR_ID", "USED_LEASES"})
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")


class Change(NamedTuple):
    """A wanted range and what has to happen: 'add' it, or 'update' the present one."""

    wanted: AddressRange
    present: AddressRange | None


class Comparison(NamedTuple):
    changes: list[Change]
    surplus: list[AddressRange]


def canonical(declared: Mapping[str, Any]) -> AddressRange:
    """The declared range with its names in upper case; a TemplateError says what is wrong with it."""
    template = one_template.canonical({"AR": dict(declared)})
    found = template["AR"][0]
    if not isinstance(found, dict):
        raise one_template.TemplateError("an address range must be a dictionary.")
    _check(found)
    return found


def _check(found: AddressRange) -> None:
    own = sorted(_OWN & found.keys())
    if own:
        _fail(f"{', '.join(own)} of an address range is given by oned; ranges are told apart by their content.")
    kind = found.get("TYPE", "").upper()
    if kind not in TYPES:
        _fail(f"TYPE of an address range must be one of {', '.join(TYPES)}, not {found.get('TYPE')!r}.")
    size = found.get("SIZE", "")
    if not size.isdecimal() or int(size) < 1:
        _fail(f"SIZE of an address range must be a number of addresses, not {found.get('SIZE')!r}.")
    missing = [name for name in _NEEDED.get(kind, ()) if name not in found]
    if missing:
        _fail(f"an address range of TYPE {kind} needs {' and '.join(missing)}.")
    for name, version in (("IP", 4), ("IP6", 6), ("GLOBAL_PREFIX", 6), ("ULA_PREFIX", 6)):
        if name in found:
            _check_address(name, found[name], version, int(size))
    if "MAC" in found and not _MAC.match(found["MAC"].lower()):
        _fail(f"MAC of an address range must look like 02:00:c0:00:02:0a, not {found['MAC']!r}.")


def _check_address(name: str, text: str, version: int, size: int) -> None:
    try:
        first = ipaddress.ip_address(text)
        last = first + (size - 1) if name in ("IP", "IP6") else first
    except ValueError:
        _fail(f"{name} of an address range is no address, or {size} addresses do not fit after it: {text!r}.")
    if first.version != version or last.version != version:
        _fail(f"{name} of an address range must be an IPv{version} address, not {text!r}.")


def _fail(sentence: str) -> None:
    raise one_template.TemplateError(sentence)


def compare(wanted: Sequence[AddressRange], present: Sequence[AddressRange]) -> Comparison:
    """Pair each wanted range with a present one: exact pairs first, so that equal ranges stay where they are."""
    free = list(present)
    partners: dict[int, AddressRange] = {}
    for fits in (_equal, _same_range):
        for position, one in enumerate(wanted):
            match = None if position in partners else next((other for other in free if fits(one, other)), None)
            if match is not None:
                partners[position] = match
                free.remove(match)
    changes = [
        Change(one, partners.get(position))
        for position, one in enumerate(wanted)
        if position not in partners or not _equal(one, partners[position])
    ]
    return Comparison(changes, free)


def _equal(wanted: AddressRange, present: AddressRange) -> bool:
    return all(_plain(name, text) == _plain(name, present.get(name, "")) for name, text in wanted.items())


def _same_range(wanted: AddressRange, present: AddressRange) -> bool:
    named = [name for name in _IDENTITY if name in wanted]
    return all(_plain(name, wanted[name]) == _plain(name, present.get(name, "")) for name in named)


def _plain(name: str, text: str) -> str:
    if name in ("IP", "IP6", "GLOBAL_PREFIX", "ULA_PREFIX"):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            return text
    return text.upper() if name in ("TYPE", "MAC", "SHARED") else text


def updated(wanted: AddressRange, present: AddressRange) -> AddressRange:
    """The whole range for 'updatear', which replaces what the range had."""
    kept = {name: text for name, text in present.items() if name not in _OWN - {"AR_ID"}}
    return {**kept, **{name: text for name, text in wanted.items() if name not in _IDENTITY}}


def describe(found: AddressRange) -> str:
    """Short, for sentences: IP4 192.0.2.10 (20 addresses)."""
    start = found.get("IP") or found.get("IP6") or found.get("GLOBAL_PREFIX") or found.get("MAC") or ""
    return f"{found.get('TYPE', '').upper()} {start}".strip() + f" ({found.get('SIZE', '?')} addresses)"
