# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: the steps from what is to what is wanted. Made by pure functions, shown in check mode, then applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, Sequence, Union


@dataclass(frozen=True)
class NewId:
    """Stands in an argv for the id that an earlier step of the same plan will have been given."""

    of: str

    def __str__(self) -> str:
        return f"<id of {self.of}>"


@dataclass(frozen=True)
class InputFile:
    """Stands in an argv for the path of a temporary file; its text may hold secrets and is never shown."""

    text: str

    def __str__(self) -> str:
        return "<file>"


Argument = Union[str, NewId, InputFile]


class Refused(Exception):
    """Declarations that cannot be met as they stand; the text holds one sentence per finding."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(findings))


@dataclass(frozen=True)
class Step:
    """One command. The sentence says in plain words what it does: 'create host node1'."""

    sentence: str
    argv: tuple[Argument, ...]
    creates: str | None = None  # the name under which later steps ask for the new id

    def shown(self) -> dict[str, Any]:
        return {"action": self.sentence, "command": [str(argument) for argument in self.argv]}


class Runner(Protocol):
    """What a plan needs to be applied: something that runs one command and says what it printed."""

    def change(self, argv: Sequence[str | InputFile]) -> str: ...

    def new_id(self, output: str) -> str: ...


class PlanError(Exception):
    """A step failed. The text says which, why, what was done before it and what was not done."""

    def __init__(self, failed: Step, reason: str, done: Sequence[Step], not_done: Sequence[Step]) -> None:
        self.done = list(done)
        self.not_done = list(not_done)
        super().__init__(
            f"Could not {failed.sentence}: {reason} "
            f"{_listed('Done before it', done)} {_listed('Not done', not_done)} Correct the cause and run again."
        )


def _listed(title: str, steps: Sequence[Step]) -> str:
    return f"{title}: {'; '.join(step.sentence for step in steps) or 'nothing'}."


@dataclass
class Plan:
    steps: list[Step] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def result(self) -> dict[str, Any]:
        return {"changed": self.changed, "actions": [step.shown() for step in self.steps], "diff": self.diff}

    def apply(self, runner: Runner) -> dict[str, str]:
        """Run every step in order and return the ids that were given, by name; a failure ends in a PlanError."""
        ids: dict[str, str] = {}
        for position, step in enumerate(self.steps):
            try:
                output = runner.change([ids[a.of] if isinstance(a, NewId) else a for a in step.argv])
                if step.creates:
                    ids[step.creates] = runner.new_id(output)
            except RunnerError as error:
                raise PlanError(step, str(error), self.steps[:position], self.steps[position + 1 :]) from error
        return ids


class RunnerError(Exception):
    """A command failed; the text is a sentence."""
