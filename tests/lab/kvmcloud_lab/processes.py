# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that run on when the lab command has ended (package server, guests): found by pid file, proven by argv."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from kvmcloud_lab.programs import LabError


def running_pid(pid_file: Path, mark: str) -> int | None:
    """The process of a pid file, if it lives and `mark` stands in its argv: pids are used again."""
    try:
        pid = int(pid_file.read_text())
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return None
    return pid if any(mark in word for word in argv) else None


def end_process(pid_file: Path, mark: str) -> None:
    """At once: nothing in these processes is worth waiting for."""
    pid = running_pid(pid_file, mark)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while running_pid(pid_file, mark) is not None:
            if time.monotonic() > end:
                raise LabError(f"Process {pid} did not end although it was killed.")
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)
