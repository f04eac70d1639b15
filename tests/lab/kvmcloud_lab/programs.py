# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the lab: a sentence (or one per line) that says what is wrong and what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


class LabError(Exception):
    """Ends the run with exit code 2; the text is for a person."""


def run(
    argv: Sequence[str | Path], *, env: dict[str, str] | None = None, cwd: Path | None = None, text: str = ""
) -> str:
    """Runs a program to its end and returns its stdout; a failure becomes a sentence that quotes the program."""
    command = [str(word) for word in argv]
    result = subprocess.run(command, env=env, cwd=cwd, input=text, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stderr.strip() or result.stdout.strip() or "nothing").splitlines()[-15:]
        raise LabError(f"`{' '.join(command)}` ended with {result.returncode} and said: " + "\n".join(said))
    return result.stdout
