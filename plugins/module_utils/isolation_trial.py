# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on trial: loaded, and taken back by the node itself when nobody confirms them in time.

What is on trial - declaration and program - lies below /run; what is kept is not touched before the confirmation. So a
rollback loads what is kept by the program that is kept, and a node that is restarted in between comes up with that.
Whether a trial is confirmed or rolled back is decided by one rename of the file `armed`, which only one can win.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Declaration
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_node import (
    IsolationError,
    Node,
    as_json,
    boot_id,
    read,
    write,
)

ARMED, CONFIRMING, ROLLING_BACK = "armed", "confirming", "rolling-back"
OVERDUE_SECONDS = 10  # after which the timer is taken for dead
LOCK_SECONDS = 30
UNIT = "kvmcloud-isolation-rollback-"


@dataclass(frozen=True)
class Record:
    id: str
    boot: str
    seconds: int
    deadline: float  # on the clock since boot
    clock: float

    @property
    def left(self) -> float:
        return max(0.0, self.deadline - now())


def now() -> float:
    """Seconds since boot: no clock that is set meanwhile can lengthen or shorten a trial."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Trials:
    def __init__(self, node: Node, program: Callable[[], bytes]) -> None:
        """program: the bytes of the one that is on trial with its rules."""
        self.node, self.program = node, program
        self.directory = os.path.join(node.run_directory, "trial")
        self.last = os.path.join(node.run_directory, "last-trial")
        # Tests, with files of their own, are in a network namespace of their own, which systemd would leave.
        self.timers = node.root == "/" and os.path.isdir("/run/systemd/system")

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def record(self, directory: str | None = None) -> Record | None:
        text = read(os.path.join(directory or self.directory, "trial.json"))
        found: dict[str, Any] = json.loads(text) if text else {}
        return Record(**found) if found else None

    @property
    def is_open(self) -> bool:
        return os.path.exists(self.path(ARMED))

    def refuse_second(self) -> None:
        record = self.record()
        if record is not None:
            began = time.strftime("%H:%M:%S", time.localtime(record.clock))
            raise IsolationError(
                f"Rules that were loaded at {began} are on trial; they are confirmed or rolled back within "
                f"{record.left:.0f} s. Nothing was changed by this run; wait for the other one, then run again."
            )

    def begin(self, declaration_text: str, declaration: Declaration, seconds: int) -> Record:
        """Arm the rollback, then load. A node that cannot arm it loads nothing."""
        wanted = self.node.wanted(declaration)
        self.node.validate(wanted)
        record = Record(uuid.uuid4().hex[:12], boot_id(), seconds, now() + seconds, time.time())
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory, mode=0o700)
        try:
            write(self.path("declaration.json"), declaration_text)
            write(self.path("program"), self.program())
            write(self.path(ARMED), "")
            self._arm(record)
            write(self.path("trial.json"), as_json(record.__dict__))
            self.node.load(wanted)
        except Exception:
            self._disarm(record)
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return record

    def confirm(self, name: str | None = None) -> Record:
        record = self.asked_for(name)
        if not self._decide(CONFIRMING):
            raise IsolationError(self.rolled_back(record))
        write(self.node.program, read_bytes(self.path("program")), 0o755)
        write(self.node.settings, read(self.path("declaration.json")) or "", 0o644)
        self._disarm(record)
        self._end()
        return record

    def rollback(self, name: str | None = None) -> Record | None:
        """What is kept is loaded again; where nothing is kept, nothing stays."""
        record = self.record()
        if record is None or (name and record.id != name) or not self._decide(ROLLING_BACK):
            return None
        # By the former program, if there is one: the new one may be what is wrong.
        command = [sys.executable, self.node.program, "--root", self.node.root, "apply", "--held"]
        former = os.path.exists(self.node.settings) and os.path.exists(self.node.program)
        if not former or subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
            self.node.load(self.node.wanted(self._kept()))
        self._disarm(record)
        self._end()
        return record

    def end_overdue(self) -> None:
        """Ends a trial that nobody else will end: whoever should have was killed."""
        record = self.record()
        if record is None or now() < record.deadline + OVERDUE_SECONDS:
            return
        if os.path.exists(self.path(CONFIRMING)):
            self.confirm()
        else:
            self.rollback()

    def rolled_back(self, record: Record) -> str:
        return (
            f"The new rules were rolled back: nobody confirmed them over a new connection within {record.seconds} s, "
            "so they had most likely cut the controller off. The former ones are loaded."
        )

    def was_confirmed(self, name: str) -> bool:
        """Whether the answer to its confirmation was all that got lost."""
        record = self.record(self.last)
        return record is not None and record.id == name and os.path.exists(os.path.join(self.last, CONFIRMING))

    def _kept(self) -> Declaration | None:
        """Of settings that cannot be read no rules were made; and a trial has to end."""
        with contextlib.suppress(IsolationError):
            return self.node.declaration()
        return None

    # -- parts -------------------------------------------------------------------------------------------------------

    def asked_for(self, name: str | None) -> Record:
        record = self.record()
        if record is not None and name in (None, record.id):
            return record
        last = self.record(self.last)
        lost = os.path.exists(os.path.join(self.last, ROLLING_BACK))
        if last is not None and lost and name in (None, last.id):
            raise IsolationError(self.rolled_back(last))
        raise IsolationError(
            "No such trial is under way; the node has the rules that were confirmed last. It may have been restarted."
        )

    def _decide(self, verdict: str) -> bool:
        try:
            os.rename(self.path(ARMED), self.path(verdict))
        except FileNotFoundError:
            return os.path.exists(self.path(verdict))  # a former attempt at the same, which was cut off
        return True

    def _end(self) -> None:
        shutil.rmtree(self.last, ignore_errors=True)
        os.rename(self.directory, self.last)

    def _arm(self, record: Record) -> None:
        command = [sys.executable, self.path("program"), "--root", self.node.root, "rollback", "--id", record.id]
        if self.timers:
            timer = [
                "systemd-run",
                "--quiet",
                "--collect",
                f"--unit={UNIT}{record.id}",
                f"--on-active={record.seconds}",
            ]
            timer += ["--timer-property=AccuracySec=100ms", "--property=Restart=on-failure", "--property=RestartSec=2"]
            self.node.do([*timer, *command])
        else:
            subprocess.Popen(
                [*command, "--after", str(record.seconds)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )

    def _disarm(self, record: Record) -> None:
        """Where no systemd runs, the process that waits finds its trial gone and ends."""
        if self.timers:
            with contextlib.suppress(IsolationError):
                self.node.ask(["systemctl", "stop", f"{UNIT}{record.id}.timer"])


def read_bytes(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
