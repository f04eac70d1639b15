# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The captured calls of the real gluster command, and which of them are the same question twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "contract" / "gluster"


class Call(NamedTuple):
    seq: int
    name: str
    host: str
    words: tuple[str, ...]  # without the options of the command itself
    xml: bool
    script: bool  # --mode=script was given
    rc: int
    stdout: str
    stderr: str
    note: str

    @property
    def id(self) -> str:
        return f"{self.seq:03}-{self.name}"


def calls() -> list[Call]:
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        capture: dict[str, Any] = json.loads(path.read_text())
        argv = capture["argv"]
        if argv[0] != "gluster":
            continue
        options = [word for word in argv[1:] if word.startswith("--") and word != "--version"]
        found.append(
            Call(
                capture["seq"],
                capture["name"],
                capture["host"],
                tuple(word for word in argv[1:] if word not in options),
                "--xml" in options,
                "--mode=script" in options,
                capture["rc"],
                capture["stdout"],
                capture["stderr"],
                capture["note"] or "",
            )
        )
    return found


def of(*words: str, xml: bool | None = None) -> list[Call]:
    """Calls of a command, such as of("volume", "info")."""
    return [one for one in calls() if one.words[: len(words)] == words and xml in (None, one.xml)]


def twins() -> list[tuple[Call, Call]]:
    """The plain and the XML answer to the same words on the same host, one right after the other."""
    everything = calls()
    pairs = []
    for call in everything:
        if not call.xml or not call.name.endswith("-xml"):
            continue
        for other in everything:
            same = other.words == call.words and other.host == call.host and not other.xml and other.script
            if same and other.name == call.name[: -len("-xml")] and abs(other.seq - call.seq) <= 1:
                pairs.append((other, call))
    return pairs


def op_ret(call: Call) -> str | None:
    """As it stands in the text, without any parser."""
    found = re.search(r"<opRet>(-?\d+)</opRet>", call.stdout)
    return found.group(1) if found else None
