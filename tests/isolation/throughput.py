# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes through a bridge with rules and through one without, side by side, a few milliseconds each in turns.

Judged by the time of the processor that a byte costs, of everything that works for it: sender, receiver and the
kernel's threads of packets. What else a machine does takes time from the clock, and not from that; and as the turns are
short, it slows all of them alike.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Mapping, NamedTuple

from world import World

ROUNDS, SECONDS, BEFORE = 200, 0.02, 0.3
RECEIVER = """
import os, socket, sys
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
listener = socket.create_server(("", 7777))
print("ready", flush=True)
peer, _ = listener.accept()
buffer = bytearray(1 << 20)
while peer.recv_into(buffer):
    pass
"""


class Turn(NamedTuple):
    by_clock: float  # Mbit/s
    by_processor: float


class Line:
    """A connection from the guest to the other node's, over the bridge of its world."""

    def __init__(self, world: World) -> None:
        command = ["nsenter", f"--net=/proc/{world.spaces['far'].pid}/ns/net", sys.executable, "-c", RECEIVER]
        self.receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.receiver.stdout is not None
        self.receiver.stdout.readline()
        with world.spaces["guest"].inside():
            self.sender = socket.socket()
        self.sender.settimeout(5)
        self.sender.connect((world.far.ip, 7777))
        self.others = [f"/proc/{self.receiver.pid}", *KSOFTIRQD]
        self.send(BEFORE)  # until it is as quick as it gets

    def send(self, seconds: float) -> Turn:
        """What a bridge does for a frame is done on the sender's time."""
        data, count, others = memoryview(b"\0" * (1 << 20)), 0, self._others()
        used, began = time.thread_time(), time.monotonic()
        while time.monotonic() < began + seconds:
            count += self.sender.send(data)
        taken, used = time.monotonic() - began, time.thread_time() - used + self._others() - others
        return Turn(count * 8 / 1e6 / taken, count * 8 / 1e6 / used)

    def _others(self) -> float:
        return sum(int(Path(one, "schedstat").read_text().split()[0]) for one in self.others) / 1e9

    def close(self) -> None:
        self.sender.close()
        self.receiver.kill()
        self.receiver.wait()


def compare(worlds: Mapping[str, World], basis: str) -> dict[str, float]:
    """Medians: Mbit per second of the clock and of the processor, and the rounds' ratios to the basis with their error.

    A variant follows each other one as often as it goes before it.
    """
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(whole)})
    lines: dict[str, Line] = {}
    try:
        lines.update((name, Line(world)) for name, world in worlds.items())
        turns: dict[str, list[Turn]] = {name: [] for name in lines}
        for number in range(ROUNDS):
            for name in lines if number % 2 else reversed(lines):
                turns[name].append(lines[name].send(SECONDS))
    finally:
        os.sched_setaffinity(0, whole)
        for line in lines.values():
            line.close()
    found: dict[str, float] = {}
    for name, own in turns.items():
        found[f"{name}, Mbit/s"] = round(statistics.median(turn.by_clock for turn in own))
        found[f"{name}, Mbit/s of the processor"] = round(statistics.median(turn.by_processor for turn in own))
    for name in (name for name in turns if name != basis):
        ratios = [one.by_processor / other.by_processor for one, other in zip(turns[name], turns[basis])]
        found[f"{name} to {basis}"] = round(statistics.median(ratios), 3)
        # of a median, were the ratios distributed normally
        found[f"{name} to {basis}, error"] = round(1.25 * statistics.stdev(ratios) / len(ratios) ** 0.5, 3)
    return found


def _named(pattern: str) -> list[str]:
    found = []
    for directory in glob.glob("/proc/[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if re.match(pattern, Path(directory, "comm").read_text()):
                found.append(directory)
    return found


KSOFTIRQD = _named("ksoftirqd/")
