# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much goes through the bridge with the rules and without, in turns, so that a busy machine slows both alike."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from typing import Callable

from world import World

ROUNDS, SECONDS = 15, 0.3
RECEIVER = """
import socket, sys, time
listener = socket.create_server(("", 7777))
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    total, began, buffer = 0, time.monotonic(), bytearray(1 << 20)
    while True:
        count = peer.recv_into(buffer)
        if not count:
            break
        total += count
    print(total * 8 / 1e6 / (time.monotonic() - began), flush=True)
"""


def compare(world: World, load: Callable[[World, str, bool], None]) -> dict[str, float]:
    """Mbit/s from a guest to one elsewhere: medians of the rounds, and the median of the rounds' ratios."""
    command = ["nsenter", f"--net=/proc/{world.spaces['far'].pid}/ns/net", sys.executable, "-c", RECEIVER]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    found: dict[str, list[float]] = {"none": [], "ours": []}
    try:
        assert receiver.stdout is not None
        receiver.stdout.readline()
        for _round in range(ROUNDS):
            for name, rates in found.items():
                load(world, name, True)
                _send(world)
                rates.append(float(receiver.stdout.readline()))
    finally:
        receiver.kill()
        receiver.wait()
    ratios = [ours / none for none, ours in zip(found["none"], found["ours"])]
    told = {name: round(statistics.median(rates), 1) for name, rates in found.items()}
    return {**told, "ratio": round(statistics.median(ratios), 3)}


def compared(world: World, load: Callable[[World, str, bool], None], enough: float) -> dict[str, float]:
    """Measured again, twice at most, where a busy machine gave less than is enough; how often is told."""
    found = compare(world, load)
    measured = 1
    while found["ratio"] < enough and measured < 3:
        found = compare(world, load)
        measured += 1
    return {**found, "measured": measured}


def _send(world: World) -> None:
    with world.spaces["guest"].inside():
        client = socket.socket()
    with client:
        client.settimeout(5)
        client.connect((world.far.ip, 7777))
        data, deadline = memoryview(b"\0" * (1 << 20)), time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            client.send(data)
