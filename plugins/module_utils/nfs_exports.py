# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports of the kernel's NFS server: lines of a file in /etc/exports.d, and what the server really exports."""

from __future__ import annotations

import ipaddress
import re
from types import MappingProxyType
from typing import Mapping, NamedTuple, Sequence

# The server's own table: path, tab, client(options). It writes out every default, so ours are a part of them.
_EXPORTED = re.compile(r"^(\S+)\t(\S+)\(([^)]*)\)$")


class Export(NamedTuple):
    path: str
    clients: tuple[str, ...]
    options: tuple[str, ...]


def declaration_faults(exports: Sequence[Export]) -> list[str]:
    faults: list[str] = []
    seen: set[str] = set()
    for export in exports:
        faults += [
            f"{export.path}: client {client!r} has a blank, bracket, quote or '#' in it, or is empty."
            for client in export.clients
            if not client or re.search(r"[\s()#\"\\]", client)
        ]
        faults += [
            f"{export.path}: {option!r} is no option of exports(5); give one per entry of the list."
            for option in export.options
            if not re.fullmatch(r"[a-z_]+(=[\w.,:@/-]+)?", option)
        ]
        if not export.path.startswith("/"):
            faults.append(f"{export.path!r}: the path of an export begins with '/'.")
        if not export.clients:
            faults.append(f"{export.path}: no clients are named; '*' stands for all.")
        if export.path in seen:
            faults.append(f"{export.path} is declared twice; put the clients into one entry.")
        seen.add(export.path)
    return faults


def _escaped(path: str) -> str:
    """As exports(5) and the table write blanks and the like: three octal digits."""
    return re.sub(r"[\s\"#\\]", lambda match: f"\\{ord(match.group()):03o}", path)


def file_text(exports: Sequence[Export]) -> str:
    lines = [
        f"{_escaped(export.path)} " + " ".join(f"{client}({','.join(export.options)})" for client in export.clients)
        for export in exports
    ]
    return "# Written by kvmcloud.stack.nfs_exports; the next run takes back what is changed here.\n" + "".join(
        f"{line}\n" for line in lines
    )


def parse_table(text: str) -> dict[tuple[str, str], set[str]]:
    """Options by path and client, from /var/lib/nfs/etab."""
    table: dict[tuple[str, str], set[str]] = {}
    for line in text.splitlines():
        match = _EXPORTED.match(line)
        if match:
            table[match.group(1), match.group(2)] = set(match.group(3).split(","))
    return table


def host_names(exports: Sequence[Export]) -> set[str]:
    """Clients that are single hosts, by name: the table has the official name of each."""
    return {one for export in exports for one in export.clients if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", one)}


def _network(client: str) -> object:
    """Networks and addresses can be written in many ways; anything else is taken as it is written."""
    try:
        return ipaddress.ip_network(client, strict=False)
    except ValueError:
        return client


def not_exported(
    exports: Sequence[Export],
    table: Mapping[tuple[str, str], set[str]],
    official: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Declared exports that the server does not have, or has with other options, in words. official: names by alias."""
    exported = {(path, _network(client)): options for (path, client), options in table.items()}
    missing = []
    for export in exports:
        for client in export.clients:
            options = exported.get((_escaped(export.path), _network(official.get(client, client))))
            if options is None:
                missing.append(f"{export.path} for {client}")
            elif set(export.options) - options:
                absent = ", ".join(sorted(set(export.options) - options))
                missing.append(f"{export.path} for {client} with {absent}")
    return missing
