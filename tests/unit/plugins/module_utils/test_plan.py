# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: what it shows, the order it is applied in, and what a failure half-way leaves said."""

from __future__ import annotations

from typing import Sequence

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import (
    InputFile,
    NewId,
    Plan,
    PlanError,
    RunnerError,
    Step,
)


class Recorder:
    """Runs nothing; gives the ids 100, 101, ... and fails at the command that it is told to fail at."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.seen: list[list[str]] = []

    def change(self, argv: Sequence[str | InputFile]) -> str:
        plain = [part.text if isinstance(part, InputFile) else part for part in argv]
        if self.fails_at in plain:
            raise RunnerError("'onehost create' said: no.")
        self.seen.append(plain)
        return f"ID: {99 + len(self.seen)}"

    def new_id(self, output: str) -> str:
        return output.split()[1]


STEPS = [
    Step("create host a", ("onehost", "create", "a"), creates="a"),
    Step("set X of host a", ("onehost", "update", NewId("a"), InputFile('X = "s3cret"\n'), "-a")),
    Step("create host b", ("onehost", "create", "b"), creates="b"),
]


def test_new_ids_reach_the_steps_that_need_them() -> None:
    runner = Recorder()
    assert Plan(STEPS).apply(runner) == {"a": "100", "b": "102"}
    assert runner.seen[1] == ["onehost", "update", "100", 'X = "s3cret"\n', "-a"]


def test_the_result_shows_every_step_and_no_content_of_files() -> None:
    result = Plan(STEPS).result()
    assert result["changed"] is True
    assert result["actions"][1] == {
        "action": "set X of host a",
        "command": ["onehost", "update", "<id of a>", "<file>", "-a"],
    }
    assert "s3cret" not in str(result)


def test_an_empty_plan_changes_nothing() -> None:
    runner = Recorder()
    assert Plan().result() == {"changed": False, "actions": [], "diff": []}
    assert Plan().apply(runner) == {} and runner.seen == []


@pytest.mark.parametrize(
    "fails_at, done, not_done",
    [
        ("a", "Done before it: nothing.", "Not done: set X of host a; create host b."),
        ("update", "Done before it: create host a.", "Not done: create host b."),
        ("b", "Done before it: create host a; set X of host a.", "Not done: nothing."),
    ],
)
def test_a_failure_names_what_was_done_and_what_was_not(fails_at: str, done: str, not_done: str) -> None:
    with pytest.raises(PlanError) as caught:
        Plan(STEPS).apply(Recorder(fails_at))
    assert "'onehost create' said: no." in str(caught.value)
    assert done in str(caught.value) and not_done in str(caught.value)
    assert "s3cret" not in str(caught.value)
