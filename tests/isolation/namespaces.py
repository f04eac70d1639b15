# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces of the bench: nothing in them has a way out, and they end with the process that holds them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import time
from typing import Iterator

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
NEEDED = ("ip", "nft", "iptables", "unshare", "nsenter")


def lacking() -> str:
    """Why there can be no bench here, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [one for one in NEEDED if shutil.which(one) is None]
    return f"these programs are missing: {', '.join(missing)}" if missing else ""


class Namespace:
    def __init__(self, name: str) -> None:
        self.name = name
        own = os.readlink("/proc/self/ns/net")
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.pid = self._holder.pid
        while os.readlink(f"/proc/{self.pid}/ns/net") == own:
            time.sleep(0.002)
        self._descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)

    def close(self) -> None:
        os.close(self._descriptor)
        self._holder.kill()
        self._holder.wait()

    def ask(self, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = ["nsenter", f"--net=/proc/{self.pid}/ns/net", *argv]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def do(self, *argv: str, text: str = "") -> str:
        done = self.ask(*argv, text=text)
        assert done.returncode == 0, f"{self.name}: {' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def links(self, *commands: str) -> None:
        """Commands of ip, all in one process."""
        self.do("ip", "-batch", "-", text="\n".join(commands) + "\n")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that are made meanwhile are this namespace's, also later."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _enter(self._descriptor)
            yield
        finally:
            _enter(home)
            os.close(home)

    def setting(self, path: str, value: str) -> None:
        with self.inside(), open(f"/proc/sys/net/{path}", "w", encoding="ascii") as stream:
            stream.write(value)


def _enter(descriptor: int) -> None:
    if LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
