# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of systemd: the states of units, starts that do not block, and an end for a daemon that hangs."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterable

from ansible_collections.kvmcloud.stack.plugins.module_utils.guarded_service import (
    SHOWN,
    ServiceError,
    UnitState,
    parse_states,
)

KILL_SECONDS = 10
LOOK_SECONDS = 0.2


class Systemd:
    def __init__(self, module: Any) -> None:
        self.module = module

    def states(self, names: Iterable[str]) -> list[UnitState]:
        names = list(names)
        if not names:
            return []
        # rc 1 only says that a unit does not exist, which its state says too
        _returncode, out, _err = self.module.run_command(["systemctl", "show", "--property=" + ",".join(SHOWN), *names])
        return parse_states(out, len(names))

    def state(self, name: str) -> UnitState:
        return self.states([name])[0]

    def do(self, *arguments: str) -> None:
        returncode, out, err = self.module.run_command(["systemctl", *arguments])
        if returncode:
            raise ServiceError(f"systemctl {' '.join(arguments)} failed: {(err or out).strip()}")

    def forget_failures(self, name: str) -> None:
        self.module.run_command(["systemctl", "reset-failed", name])

    def wait(self, name: str, seconds: float, until: Callable[[UnitState], bool]) -> bool:
        """Whether it came to that in time."""
        deadline = time.monotonic() + seconds
        while not until(self.state(name)):
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def wait_for_end(self, name: str, invocation: str, seconds: float) -> bool:
        """Wait for the end of one run of the daemon; another one may have begun by then."""
        return self.wait(
            name,
            seconds,
            lambda state: state.invocation != invocation or state.active not in ("active", "reloading", "deactivating"),
        )

    def force_down(self, name: str) -> None:
        """Stop at once, also a daemon that ignores its signals: systemd alone would wait for its own, long limit.

        The main process goes first. Without it what it started mostly ends by itself, a copy of an image in good order;
        the rest is killed after a moment, since the new daemon would meet it.
        """
        self.do("stop", "--no-block", name)
        for whom in ("main", "all"):
            # The option is called --kill-whom since systemd 252, and every release takes this spelling.
            self.module.run_command(["systemctl", "kill", f"--kill-who={whom}", "-s", "KILL", name])
            if self.wait(name, KILL_SECONDS, lambda state: state.active in ("inactive", "failed")):
                break
        self.forget_failures(name)

    def journal(self, invocation: str) -> str:
        """What the daemon itself printed during one start, without systemd's remarks about it."""
        if not invocation:
            return ""
        command = ["journalctl", "--no-pager", "-o", "cat", "-n", "60", f"_SYSTEMD_INVOCATION_ID={invocation}"]
        printed: str = self.module.run_command(command)[1]
        return printed
