# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting ends: with success, with the time, or with a failure that stays."""

from __future__ import annotations

from typing import Sequence

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import Judgement, NotSettled, wait_until


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def judge(pool: Sequence[Resource]) -> Judgement:
    pending = {one.name: "init" for one in pool if one.fields["STATE"] == "init"}
    failed = {one.name: "no route" for one in pool if one.fields["STATE"] == "error"}
    return pending, failed


def run(states: list[dict[str, str]], limit: float = 60, grace: float = 10) -> tuple[float, int]:
    """Each read finds the next of the states, the last one for good; how long it took, and how many reads it took."""
    clock, reads = Clock(), iter(range(10_000))
    count = 0

    def read() -> list[Resource]:
        nonlocal count
        count = next(reads) + 1
        found = states[min(count, len(states) - 1)]
        return [Resource(0, name, {"STATE": state}) for name, state in found.items()]

    first = [Resource(0, name, {"STATE": state}) for name, state in states[0].items()]
    wait_until(read, judge, "every host to be monitored", limit, first, grace, 2.0, clock, clock.sleep)
    return clock.now, count


def test_what_is_settled_costs_no_read() -> None:
    assert run([{"a": "on"}]) == (0.0, 0)


def test_what_settles_is_waited_for() -> None:
    assert run([{"a": "init", "b": "on"}, {"a": "init", "b": "on"}, {"a": "on", "b": "on"}]) == (4.0, 2)


def test_an_error_that_goes_away_in_the_grace_is_none() -> None:
    assert run([{"a": "error"}, {"a": "init"}, {"a": "on"}]) == (4.0, 2)


@pytest.mark.parametrize(
    "states, limit, words",
    [
        pytest.param([{"a": "error"}], 60, "after 10 s .* a: no route", id="an error that stays ends it early"),
        pytest.param([{"a": "init"}], 30, "after 30 s .* a: still init", id="the limit"),
        pytest.param([{"a": "error", "b": "init"}], 30, "2: a: no route; b: still init", id="both are told"),
        pytest.param([{"a": "error"}], 4, "after 4 s", id="a limit below the grace"),
    ],
)
def test_it_ends_with_a_sentence(states: list[dict[str, str]], limit: float, words: str) -> None:
    with pytest.raises(NotSettled, match=words):
        run(states, limit)
