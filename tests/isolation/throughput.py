# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes through the bridge with the rules and without, in turns and in one run.

Judged by the time of the processor that a byte costs, of everything that works for it: sender, receiver and the
kernel's threads of packets. What else a machine does takes time from the clock, and not from that.
"""

from __future__ import annotations

import contextlib
import glob
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

from world import World

ROUNDS, SECONDS = 16, 0.15
VARIANTS = ("none", "ours", "burdened")
RECEIVER = """
import socket, sys, time
listener = socket.create_server(("", 7777))
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    total, began, used, buffer = 0, time.monotonic(), time.process_time(), bytearray(1 << 20)
    while True:
        count = peer.recv_into(buffer)
        if not count:
            break
        total += count
    print(total, time.monotonic() - began, time.process_time() - used, flush=True)
"""


def compare(world: World, load: Callable[[World, str, bool], None]) -> dict[str, float]:
    """Medians of the rounds: Mbit per second of the clock and of the processor, and the rounds' ratios to no rules.

    A variant follows each other one as often as it goes before it.
    """
    command = ["nsenter", f"--net=/proc/{world.spaces['far'].pid}/ns/net", sys.executable, "-c", RECEIVER]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    by_clock: dict[str, list[float]] = {name: [] for name in VARIANTS}
    by_processor: dict[str, list[float]] = {name: [] for name in VARIANTS}
    try:
        assert receiver.stdout is not None
        receiver.stdout.readline()
        for number in range(ROUNDS):
            for name in VARIANTS if number % 2 else reversed(VARIANTS):
                load(world, name, True)
                before = _threads_of_packets()
                used = _send(world)
                count, seconds, received = map(float, receiver.stdout.readline().split())
                used += received + _threads_of_packets() - before
                by_clock[name].append(count * 8 / 1e6 / seconds)
                by_processor[name].append(count * 8 / 1e6 / used)
    finally:
        receiver.kill()
        receiver.wait()
        load(world, "none", True)
    found = {f"{name}, Mbit/s": round(statistics.median(rates)) for name, rates in by_clock.items()}
    found.update(
        {f"{name}, Mbit/s of the processor": round(statistics.median(by_processor[name])) for name in VARIANTS}
    )
    for name in VARIANTS[1:]:
        ratios = [with_it / without for without, with_it in zip(by_processor["none"], by_processor[name])]
        found[f"{name} to none"] = round(statistics.median(ratios), 3)
    return found


def _send(world: World) -> float:
    """Seconds of the processor that sending took; what the bridge does for a frame is done on the sender's time."""
    with world.spaces["guest"].inside():
        client = socket.socket()
    with client:
        client.settimeout(5)
        client.connect((world.far.ip, 7777))
        data, deadline, began = memoryview(b"\0" * (1 << 20)), time.monotonic() + SECONDS, time.thread_time()
        while time.monotonic() < deadline:
            client.send(data)
        return time.thread_time() - began


def _threads_of_packets() -> float:
    """Seconds of the processor that they used so far, where they can be seen."""
    return sum(int(Path(one, "schedstat").read_text().split()[0]) for one in KSOFTIRQD) / 1e9


def _named(pattern: str) -> list[str]:
    found = []
    for directory in glob.glob("/proc/[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if re.match(pattern, Path(directory, "comm").read_text()):
                found.append(directory)
    return found


KSOFTIRQD = _named("ksoftirqd/")
