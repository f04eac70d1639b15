# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lossless editing of /etc/hosts: given names resolve to given addresses, every other line stays as it is."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, NamedTuple

# What the resolver and many programs take for granted; moving these names breaks the host.
RESERVED_NAMES = (
    "localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-allnodes",
    "ip6-allrouters",
)
NAME = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*$")


class HostsFileError(ValueError):
    """The entries contradict each other or cannot be written; the text is the sentence for the user."""


class Entry(NamedTuple):
    address: str
    names: tuple[str, ...]


class Line(NamedTuple):
    """One line: address and names where it is an entry, and the text it came from."""

    text: str
    address: str | None = None
    names: tuple[str, ...] = ()
    comment: str = ""


def check_entries(entries: list[dict[str, Any]], absent_names: list[str]) -> list[Entry]:
    """Entries with normal addresses, one per address, or all that is wrong with them in one sentence."""
    wrong: list[str] = []
    names_of: dict[str, list[str]] = {}
    address_of: dict[tuple[str, int], str] = {}
    for entry in entries:
        try:
            address = ipaddress.ip_address(str(entry["address"]).strip())
        except ValueError:
            wrong.append(f"{entry['address']!r} is no IP address")
            continue
        if not entry["names"]:
            wrong.append(f"{address} has no names")
        for name in entry["names"]:
            if not NAME.match(name):
                wrong.append(f"{name!r} (of {address}) is no host name")
            elif name.lower() in RESERVED_NAMES:
                wrong.append(f"{name} (of {address}) belongs to the loopback interface")
            elif name in absent_names:
                wrong.append(f"{name} (of {address}) is in absent_names too")
            else:
                former = address_of.setdefault((name.lower(), address.version), str(address))
                if former != str(address):
                    wrong.append(f"{name} has two addresses, {former} and {address}")
        names = names_of.setdefault(str(address), [])
        names.extend(name for name in entry["names"] if name not in names)
    if wrong:
        raise HostsFileError("Nothing was changed, because of the entries: " + "; ".join(wrong) + ".")
    return [Entry(address, tuple(names)) for address, names in names_of.items()]


def parse_line(text: str) -> Line:
    body, hash_sign, comment = text.partition("#")
    words = body.split()
    if len(words) < 2:
        return Line(text)
    try:
        # a scoped address like fe80::1%eth0 is compared without its scope, and kept as it is written
        address = str(ipaddress.ip_address(words[0].split("%")[0]))
    except ValueError:
        return Line(text)
    return Line(text, address, tuple(words[1:]), hash_sign + comment)


def edited(content: str, entries: list[Entry], absent_names: list[str], own_names: Iterable[str] = ()) -> str:
    """The content with the entries in it.

    A managed name stands on the line of its address only: also Debian's own-name line 127.0.1.1 loses it, since a node
    that resolves itself to a loopback address tells that address to others. Names that are not ours stay in place.
    `own_names` leave the loopback lines even where no entry gives them an address (a name server does).
    """
    final_newline = "" if content.endswith("\n") or not content else "\n"
    lines = [parse_line(text) for text in (content + final_newline).split("\n")[:-1]]
    managed = {name.lower() for entry in entries for name in entry.names} | {name.lower() for name in absent_names}
    own = {name.lower() for name in own_names if name.lower() not in RESERVED_NAMES}
    wanted = {entry.address: entry.names for entry in entries}
    placed: set[str] = set()
    result: list[str] = []
    for line in lines:
        if line.address is None:
            result.append(line.text)
            continue
        moved = managed | own if ipaddress.ip_address(line.address).is_loopback else managed
        foreign = tuple(name for name in line.names if name.lower() not in moved)
        ours: tuple[str, ...] = ()
        if line.address in wanted and line.address not in placed:
            ours = wanted[line.address]
            placed.add(line.address)
        names = ours + foreign
        if names == line.names:
            result.append(line.text)
        elif names:
            result.append(_rewritten(line, names))
        elif line.comment:
            result.append(line.comment)
    result += [f"{entry.address}\t{' '.join(entry.names)}" for entry in entries if entry.address not in placed]
    text = "".join(line + "\n" for line in result)
    return text[:-1] if final_newline and text == content + "\n" else text


def _rewritten(line: Line, names: tuple[str, ...]) -> str:
    """The line with other names; its address, the space behind it and its comment as they were."""
    head = re.sub(r"^(\s*\S+\s+).*$", r"\1", line.text, flags=re.DOTALL)
    tail = f" {line.comment}" if line.comment else ""
    return head + " ".join(names) + tail
