# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody is at work behind a TCP port of this host.

The kernel accepts connections for a daemon that is frozen. Only an answer proves life, and any answer does: an error
page, or the end of the connection.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.guarded_service import ANSWERS, CLOSED, SILENT
from ansible_collections.kvmcloud.stack.plugins.module_utils.host_probe import sockets

CONNECT_SECONDS = 1.0
LEAST_SECONDS = 0.1  # 0 would mean: do not wait at all


def listening_addresses(port: int) -> Iterator[str]:
    """Where the port is open, as addresses to connect to."""
    for protocol in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open("/proc/net/" + protocol, encoding="ascii") as stream:
            for entry in sockets(stream.read(), protocol):
                if entry["port"] == port:
                    yield {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(entry["address"], entry["address"])


def look_at(port: int, http_path: str | None = None, seconds: float = CONNECT_SECONDS) -> str:
    """ANSWERS, SILENT or CLOSED. Without a path of HTTP to ask for, a connection is all that is wanted."""
    found = CLOSED
    for address in listening_addresses(port):
        try:
            if _answers(address, port, http_path, seconds):
                return ANSWERS
        except socket.timeout:
            found = SILENT if http_path else found
        except OSError:
            continue
    return found


def _answers(address: str, port: int, http_path: str | None, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    with socket.create_connection((address, port), seconds if http_path else CONNECT_SECONDS) as connection:
        if http_path:
            connection.settimeout(max(deadline - time.monotonic(), LEAST_SECONDS))
            connection.sendall(f"GET {http_path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            connection.recv(1)
        return True
