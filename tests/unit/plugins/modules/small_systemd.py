# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`systemctl` and `journalctl` for tests where no systemd runs: one unit, a real process, the states systemd gives it.

A unit is a folder of $SMALL_SYSTEMD with the file `command`, and maybe `stop_seconds`, the time that its daemon has to
end before it is killed. As with Type=notify, the unit is active once its process wrote the file `ready`; a process that
ends with another status than 0 leaves the unit in auto-restart. Commands that are not known end with status 1, so that
no call passes unseen.
"""

from __future__ import annotations

import contextlib
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
    write(ROOT / unit / "state.json", json.dumps(state))


def ended_with(pid: int, unit: str) -> int | None:
    """Exit status of the daemon, which its supervisor wrote down; None while it runs."""
    path = ROOT / unit / f"status.{pid}"
    return int(path.read_text()) if path.exists() else None


def active_state(unit: str, state: dict) -> tuple[str, str, int]:
    if not state["pid"]:
        return "inactive", "dead", 0
    status = ended_with(state["pid"], unit)
    if status is None and state.get("stopped"):
        return "deactivating", "stop-sigterm", 0
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
    job = 1 if state.get("job") else 0
    return (
        f"Id={unit}\nLoadState=loaded\nUnitFileState={'enabled' if state['enabled'] else 'disabled'}\n"
        f"ActiveState={active}\nSubState={sub}\n"
        f"Result={'exit-code' if status else 'success'}\nExecMainStatus={status}\n"
        f"InvocationID={state['invocation']}\nExecMainStartTimestampMonotonic={started}\nJob={job}\nAssertResult=yes\n"
    )


def stop(unit: str) -> None:
    """Signals as systemd sends them: a process that was frozen is woken to see that it shall end."""
    state = load(unit)
    if not state["pid"] or ended_with(state["pid"], unit) is not None:
        save(unit, {**state, "stopped": True})
        return
    save(unit, {**state, "stopped": True})
    with contextlib.suppress(ProcessLookupError):
        os.kill(state["pid"], signal.SIGTERM)
        os.kill(state["pid"], signal.SIGCONT)


def kill(unit: str) -> None:
    pid = load(unit)["pid"]
    if pid and ended_with(pid, unit) is None:
        os.kill(pid, signal.SIGKILL)
        wait_for_end(unit, 5)


def wait_for_end(unit: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while ended_with(load(unit)["pid"], unit) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def job(unit: str, *steps: str) -> None:
    """A job in the background, as with --no-block; one that comes later takes its place."""
    name = uuid.uuid4().hex
    save(unit, {**load(unit), "job": name})
    command = [sys.executable, "-S", __file__, "job", unit, name, *steps]
    subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_job(unit: str, name: str, *steps: str) -> None:
    limit = ROOT / unit / "stop_seconds"
    deadline = time.monotonic() + (float(limit.read_text()) if limit.exists() else 0.2)
    while "stop" in steps and load(unit)["pid"] and not wait_for_end(unit, 0.05):
        if load(unit).get("job") != name:
            return
        if time.monotonic() > deadline:
            kill(unit)
    if load(unit).get("job") == name:
        if "start" in steps:
            start(unit)
        save(unit, {**load(unit), "job": ""})


def start(unit: str) -> None:
    (ROOT / unit / "ready").unlink(missing_ok=True)
    invocation = uuid.uuid4().hex
    started = int(time.monotonic() * 1e6)
    command = [sys.executable, "-S", __file__, "supervise", unit, invocation]
    subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = ROOT / unit / f"pid.{invocation}"
    while not pid.exists():
        time.sleep(0.01)
    fresh = {"invocation": invocation, "pid": int(pid.read_text()), "started": started, "stopped": False}
    save(unit, {**load(unit), **fresh})


def write(path: Path, text: str) -> None:
    beside = path.with_suffix(f".{os.getpid()}.new")
    beside.write_text(text)
    beside.rename(path)


def supervise(unit: str, invocation: str) -> None:
    folder = ROOT / unit
    with (folder / f"journal.{invocation}").open("w") as journal:
        daemon = subprocess.Popen((folder / "command").read_text().split(), stdout=journal, stderr=journal)
    write(folder / f"pid.{invocation}", str(daemon.pid))
    write(folder / f"status.{daemon.pid}", str(abs(daemon.wait())))


def systemctl(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    verb, units = words[0], words[1:]
    if verb == "show":
        print("\n".join(show(unit) for unit in units))
        return 0
    if verb == "kill":
        assert words[1] == "KILL" and arguments[1] in ("--kill-who=main", "--kill-who=all"), arguments
        kill(words[2])
        return 0
    for unit in units:
        state = load(unit)
        if verb in ("enable", "disable"):
            save(unit, {**state, "enabled": verb == "enable"})
        elif verb == "start":
            start(unit)
        elif verb in ("restart", "stop"):
            stop(unit)
            job(unit, *(["stop", "start"] if verb == "restart" else ["stop"]))
            if "--no-block" not in arguments:
                while load(unit).get("job"):
                    time.sleep(0.02)
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
    if sys.argv[1] == "supervise":
        sys.exit(supervise(*sys.argv[2:]))
    if sys.argv[1] == "job":
        sys.exit(run_job(*sys.argv[2:]))
    program = systemctl if Path(sys.argv[0]).name == "systemctl" else journalctl
    sys.exit(program(sys.argv[1:]))
