# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting, with an end: reads a state, such as a pool, until what is judged in it has settled."""

from __future__ import annotations

import time
from typing import Callable, Dict, Tuple, TypeVar

State = TypeVar("State")
# What is judged: those still on their way and those that failed, each with a word on why.
Judgement = Tuple[Dict[str, str], Dict[str, str]]


class NotSettled(Exception):
    """The time was up, or something failed for good; the text is a sentence."""


def wait_until(
    read: Callable[[], State],
    judge: Callable[[State], Judgement],
    wanted: str,
    limit: float,
    first: State | None = None,
    grace: float = 0.0,
    interval: float = 2.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once nothing is pending. A failure counts when it is still there after the grace, in seconds."""
    start = clock()
    state = read() if first is None else first
    while True:
        pending, failed = judge(state)
        passed = clock() - start
        if not pending and not failed:
            return
        if (failed and not pending and passed >= grace) or passed >= limit:
            raise NotSettled(_sentence(wanted, pending, failed, passed))
        sleep(interval)
        state = read()


def _sentence(wanted: str, pending: dict[str, str], failed: dict[str, str], passed: float) -> str:
    parts = [f"{name}: {why}" for name, why in sorted(failed.items())]
    parts += [f"{name}: still {why}" for name, why in sorted(pending.items())]
    return f"Expected {wanted}; after {passed:.0f} s this was not so for {len(parts)}: {'; '.join(parts)}."
