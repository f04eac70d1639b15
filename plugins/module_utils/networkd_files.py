# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which links a file of systemd-networkd is for, as far as it tells that by names and MAC addresses. Pure."""

from __future__ import annotations

import fnmatch
import re
from typing import Iterator, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveState


def matched(text: str, names: Sequence[str], live: LiveState) -> list[str]:
    """Of these links, those that the section [Match] of a .network file is about."""
    patterns = list(_words(text, "Name"))
    macs = {_digits(word) for word in _words(text, "MACAddress") if word}
    if not (patterns or macs):
        return []
    return [name for name in names if _by_name(name, patterns) and _by_mac(name, macs, live)]


def _words(text: str, key: str) -> Iterator[str]:
    """Of all lines of this key in [Match]; an empty one takes back those before it."""
    section = ""
    found: list[str] = []
    for line in (one.strip() for one in re.sub(r"\\\n", " ", text).splitlines()):
        if line.startswith("["):
            section = line
        name, equals, value = line.partition("=")
        if equals and section == "[Match]" and name.strip() == key:
            found = [*found, *value.split()] if value.strip() else []
    return iter(found)


def _by_name(name: str, patterns: Sequence[str]) -> bool:
    """A leading '!' turns the meaning of the whole list round."""
    turned = bool(patterns) and patterns[0].startswith("!")
    plain = [one[1:] if turned and not position else one for position, one in enumerate(patterns)]
    return not patterns or any(fnmatch.fnmatchcase(name, one) for one in plain) != turned


def _by_mac(name: str, macs: set[str], live: LiveState) -> bool:
    found = live.links.get(name)
    return not macs or (found is not None and _digits(found.mac) in macs)


def _digits(mac: str) -> str:
    return re.sub(r"[^0-9a-f]", "", mac.lower())
