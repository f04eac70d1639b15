#!/usr/bin/env python3
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`systemctl` and `journalctl` for tests where no systemd runs: one unit, a real process, the states systemd gives it.

A unit is a folder of $SMALL_SYSTEMD with the file `command`. As with Type=notify, the unit is active once its process
wrote the file `ready`; a process that ends with another status than 0 leaves the unit in auto-restart. Commands that are
not known end with status 1, so that no call passes unseen.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(os.environ["SMALL_SYSTEMD"])


def load(unit: str) -> dict:
    path = ROOT / unit / "state.json"
    return (
        json.loads(path.read_text()) if path.exists() else {"invocation": "", "pid": 0, "started": 0, "enabled": False}
    )


def save(unit: str, state: dict) -> None:
    (ROOT / unit / "state.json").write_text(json.dumps(state))


def ended_with(pid: int, unit: str) -> int | None:
    """Exit status of the process; it is nobody's child any more, so its wrapper wrote it down."""
    path = ROOT / unit / f"status.{pid}"
    return int(path.read_text()) if path.exists() and path.read_text() else None


def active_state(unit: str, state: dict) -> tuple[str, str, int]:
    if not state["pid"]:
        return "inactive", "dead", 0
    status = ended_with(state["pid"], unit)
    if status is None:
        ready = (ROOT / unit / "ready").exists()
        return ("active", "running", 0) if ready else ("activating", "start", 0)
    if state.get("stopped") or status == 0:
        return "inactive", "dead", status
    return "activating", "auto-restart", status


def show(unit: str) -> str:
    if not (ROOT / unit / "command").exists():
        return f"Id={unit}\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n"
    state = load(unit)
    active, sub, status = active_state(unit, state)
    started = state["started"] if active in ("active", "activating") else 0
    return (
        f"Id={unit}\nLoadState=loaded\nUnitFileState={'enabled' if state['enabled'] else 'disabled'}\n"
        f"ActiveState={active}\nSubState={sub}\n"
        f"Result={'exit-code' if status else 'success'}\nExecMainStatus={status}\n"
        f"InvocationID={state['invocation']}\nExecMainStartTimestampMonotonic={started}\nJob=0\nAssertResult=yes\n"
    )


def stop(unit: str, number: int) -> None:
    state = load(unit)
    state["stopped"] = True
    save(unit, state)
    if state["pid"] and ended_with(state["pid"], unit) is None:
        os.killpg(state["pid"], number)
        for _attempt in range(100):
            if ended_with(state["pid"], unit) is not None or not Path(f"/proc/{state['pid']}").exists():
                break
            time.sleep(0.02)


def start(unit: str) -> None:
    folder = ROOT / unit
    (folder / "ready").unlink(missing_ok=True)
    state = load(unit)
    invocation = uuid.uuid4().hex
    with (folder / f"journal.{invocation}").open("w") as journal:
        # the wrapper survives signals to its group and writes down how the daemon ended
        wrapper = (
            'trap "" TERM; sh -c "exec $1" & wait $!; s=$?; [ $s -gt 128 ] && s=$((s-128)); echo $s > "$2/status.$$"'
        )
        process = subprocess.Popen(
            ["sh", "-c", wrapper, "sh", (folder / "command").read_text().strip(), str(folder)],
            stdout=journal,
            stderr=journal,
            start_new_session=True,
        )
    state.update(invocation=invocation, pid=process.pid, started=int(time.monotonic() * 1e6), stopped=False)
    save(unit, state)


def systemctl(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    verb, units = words[0], words[1:]
    if verb == "show":
        print("\n".join(show(unit) for unit in units))
        return 0
    if verb == "kill":
        assert words[1] == "KILL"
        stop(words[2], signal.SIGKILL)
        return 0
    for unit in units:
        state = load(unit)
        if verb in ("enable", "disable"):
            save(unit, {**state, "enabled": verb == "enable"})
        elif verb in ("start", "restart"):
            stop(unit, signal.SIGKILL)
            start(unit)
        elif verb == "stop":
            # a daemon that ignores SIGTERM goes on, as long as systemd would let it
            stop(unit, signal.SIGKILL if (ROOT / unit / "ready").exists() else 0)
        elif verb != "reset-failed":
            print(f"Unknown command verb {verb}.", file=sys.stderr)
            return 1
    return 0


def journalctl(arguments: list[str]) -> int:
    (invocation,) = [word.partition("=")[2] for word in arguments if word.startswith("_SYSTEMD_INVOCATION_ID=")]
    for path in ROOT.glob(f"*/journal.{invocation}"):
        print(path.read_text(), end="")
    return 0


if __name__ == "__main__":
    program = systemctl if Path(sys.argv[0]).name == "systemctl" else journalctl
    sys.exit(program(sys.argv[1:]))
