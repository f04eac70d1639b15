# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spreads arbiters over hosts as evenly as their sets allow."""

from __future__ import annotations

from collections import deque
from typing import Mapping, Sequence


def spread(eligible: Sequence[Sequence[str]], load: Mapping[str, int] | None = None) -> list[str]:
    """One host for each set, of those that may have its arbiter; the first of equals. `load` is what they have already.

    As even as it can be: as long as a chain of sets leads from a host to one with two arbiters less, each set of the
    chain hands its arbiter on.
    """
    loads = dict(load or {})
    for hosts in eligible:
        for host in hosts:
            loads.setdefault(host, 0)
    chosen = []
    for hosts in eligible:
        host = min(hosts, key=lambda one: (loads[one], hosts.index(one)))
        chosen.append(host)
        loads[host] += 1
    while _hand_on(eligible, chosen, loads):
        pass
    return chosen


def _hand_on(eligible: Sequence[Sequence[str]], chosen: list[str], loads: dict[str, int]) -> bool:
    sets_of: dict[str, list[int]] = {}
    for number, host in enumerate(chosen):
        sets_of.setdefault(host, []).append(number)
    for giver in sorted(sets_of, key=lambda host: (-loads[host], host)):
        came: dict[str, tuple[str, int]] = {}
        queue = deque([giver])
        while queue:
            host = queue.popleft()
            if loads[host] <= loads[giver] - 2:
                loads[giver] -= 1
                loads[host] += 1
                while host != giver:
                    before, number = came[host]
                    chosen[number] = host
                    host = before
                return True
            for number in sets_of.get(host, ()):
                for other in eligible[number]:
                    if other not in came and other != giver:
                        came[other] = (host, number)
                        queue.append(other)
    return False
