# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long command that goes on without the connection that began it: started apart, looked at, and taken up again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from typing import Any, NamedTuple, Sequence

# Of the shell that waits for the command, and that notes its status only when its output is complete.
_SHELL = 'folder=$1; shift; "$@" > "$folder/output" 2>&1; echo $? > "$folder/status.new"; '
_SHELL += 'mv "$folder/status.new" "$folder/status"'


class Look(NamedTuple):
    state: str  # none, running, ended or lost
    status: int | None = None
    output: str = ""  # from the place that was asked for
    place: int = 0  # in bytes, where the next look goes on


class DetachedCommand:
    """One command at a time; what is kept of it lies in a folder that only root can read."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def start(self, argv: Sequence[str]) -> None:
        """The status goes to where the next look finds it, whoever looks. Raises OSError."""
        self.forget()
        os.makedirs(self.folder, mode=0o700)
        os.chmod(self.folder, 0o700)
        process = subprocess.Popen(
            ["/bin/sh", "-c", _SHELL, "sh", self.folder, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
            cwd="/",
        )
        mark = {"pid": process.pid, "started": _start_of(process.pid), "argv": list(argv)}
        with open(f"{self.folder}/process.new", "w", encoding="utf-8") as stream:
            json.dump(mark, stream)
        os.replace(f"{self.folder}/process.new", f"{self.folder}/process")

    def look(self, place: int = 0) -> Look:
        mark = self._mark()
        if mark is None:
            return Look("none")
        running = mark["started"] is not None and _start_of(mark["pid"]) == mark["started"]
        status = self._read("status").strip()  # after the look at the process, which notes it before it ends
        content = b""
        with contextlib.suppress(FileNotFoundError), open(f"{self.folder}/output", "rb") as stream:
            stream.seek(place)
            content = stream.read()
        if running and not status:
            content = content[: content.rfind(b"\n") + 1]  # the rest of a line comes later
        state = "ended" if status else "running" if running else "lost"
        output = content.decode("utf-8", "replace")
        return Look(state, int(status) if status else None, output, place + len(content))

    def forget(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    def _mark(self) -> dict[str, Any] | None:
        text = self._read("process")
        return json.loads(text) if text else None

    def _read(self, name: str) -> str:
        try:
            with open(f"{self.folder}/{name}", encoding="utf-8") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""


def _start_of(pid: int) -> str | None:
    """When the process began, in ticks since boot: tells it from another that has its number. None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else fields[19]
