# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a name of the pool is on this host: the pool lists this host itself as localhost only."""

from __future__ import annotations

import contextlib
import socket
from typing import Iterable

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_peers import Address


def own_names(*declared: str | None) -> frozenset[str]:
    full = socket.gethostname().lower()
    return frozenset({full, full.partition(".")[0], "localhost", *(name.lower() for name in declared if name)})


def resolved(names: Iterable[str]) -> dict[str, Address]:
    return {name: _address(name) for name in names}


def _address(name: str) -> Address:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Address()
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    return Address(addresses, any(_is_own(address) for address in addresses))


def _is_own(address: str) -> bool:
    """As glusterd finds it out: a socket can be bound to the address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
