# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The captured records of the real commands, and a run_command that can answer with nothing else.

A command that was never captured, or a template file of other content, fails the test: nothing here makes answers up.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource, parse_member, parse_pool

RELEASES = ("6.10.0", "7.4.0")
FILE = "<file>"

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<name>\w+)\s*=\s*(?: \[ (?P<vector>(?:"(?:\\"|[^"])*"|[^\]"])*) \]
        | "(?P<quoted>(?:\\"|[^"])*)" | (?P<bare>[^\s"\[\]]+) )""",
    re.VERBOSE,
)
_ENTRY = re.compile(r"""(?P<name>\w+)\s*=\s*(?:"(?P<quoted>(?:\\"|[^"])*)"|(?P<bare>[^\s",\]]+))""")


class UnreadableError(ValueError):
    """A template that breaks the grammar; some were captured to see what oned says to them."""


def parse_template(text: str) -> dict[str, list[Any]]:
    """A second, independent reader of the grammar, for what was captured and for what the modules write."""
    found: dict[str, list[Any]] = {}
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if not token or token.end() == position:
            raise UnreadableError(f"unreadable template at {text[position : position + 40]!r}")
        position = token.end()
        if token["name"]:
            found.setdefault(token["name"].upper(), []).append(_value(token))
    return found


def _value(token: re.Match[str]) -> Any:
    if token["vector"] is None:
        return _text(token)
    return {entry["name"].upper(): _text(entry) for entry in _ENTRY.finditer(token["vector"])}


def _text(token: re.Match[str]) -> str:
    return token["bare"] if token["quoted"] is None else token["quoted"].replace('\\"', '"')


@dataclass(frozen=True)
class Record:
    """One captured run of a command."""

    number: int
    argv: tuple[str, ...]
    files: dict[str, str]
    env: dict[str, str | None]
    rc: int
    stdout: str
    stderr: str
    note: str

    @property
    def template(self) -> str | None:
        """The content of the template file of the argv, if it has one."""
        return next((self.files[part] for part in self.argv if part in self.files), None)

    @property
    def shape(self) -> tuple[str, ...]:
        return tuple(FILE if part in self.files else part for part in self.argv)

    def resource(self) -> Resource:
        return parse_member(self.stdout)

    def pool(self) -> list[Resource]:
        return parse_pool(self.stdout)


def session(contract_dir: Path, release: str, name: str) -> list[Record]:
    path = contract_dir / "opennebula" / release / "cli" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Record(
            number=row["n"],
            argv=tuple(row["argv"]),
            files=row.get("files") or {},
            env=row.get("env") or {},
            rc=row["rc"],
            stdout=row["stdout"],
            stderr=row["stderr"],
            note=row.get("note") or "",
        )
        for row in rows
    ]


def created_and_shown(records: list[Record], command: str) -> list[tuple[Record, Record]]:
    """Each captured successful creation with the captured 'show -x' of its result that came next, before any change."""
    pairs = []
    for position, record in enumerate(records):
        if record.argv[:2] != (command, "create") or record.rc != 0 or record.template is None:
            continue
        given = re.search(r"ID: (\d+)", record.stdout)
        assert given
        names = {given.group(1), *_names(record.template)}
        for later in records[position + 1 :]:
            if later.argv[:3] == (command, "show", "-x") and later.argv[-1] in names and later.rc == 0:
                pairs.append((record, later))
                break
            if later.argv[0] == command and later.argv[1] not in ("show", "list") and names & set(later.argv[2:3]):
                break
    return pairs


def _names(template: str) -> set[str]:
    if template.lstrip().startswith("<"):
        return set(re.findall(r"<NAME>(.*?)</NAME>", template))
    return {str(value) for value in parse_template(template).get("NAME", [])}


def update_steps(records: list[Record], command: str) -> list[tuple[Record, Record, Record]]:
    """Each captured append that worked, between the 'show -x' before and after it."""
    found = []
    for position, record in enumerate(records[1:-1], 1):
        appended = {"-a", "--append"} & set(record.argv)
        if record.argv[:2] != (command, "update") or record.rc != 0 or not appended or not record.template:
            continue
        before = next(
            (
                earlier
                for earlier in reversed(records[:position])
                if earlier.argv[:3] == (command, "show", "-x") and earlier.argv[3] == record.argv[2] and earlier.rc == 0
            ),
            None,
        )
        after = records[position + 1]
        if before and after.rc == 0 and after.argv[:3] == (command, "show", "-x"):
            found.append((before, record, after))
    return found


@dataclass
class Replay:
    """Stands where an AnsibleModule would: runs no process, answers from records, remembers what was asked."""

    records: list[Record]
    tmpdir: str
    check_mode: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    # Whether time goes by: an answer is then never older than the one before it.
    in_order: bool = False
    position: int = 0

    def get_bin_path(self, name: str, required: bool = False) -> str:
        return f"/usr/bin/{name}"

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def run_command(self, argv: list[str], environ_update: dict[str, str] | None = None) -> tuple[int, str, str]:
        assert all(isinstance(part, str) for part in argv), argv
        assert argv[0] == "/usr/bin/timeout" and argv[1] == "--kill-after=5" and argv[2].isdigit(), argv
        assert environ_update and environ_update["LC_ALL"] == "C.UTF-8"
        texts = {}
        shape = [argv[3].rsplit("/", 1)[1]]
        for part in argv[4:]:
            if part.startswith(self.tmpdir):
                path = Path(part)
                assert path.stat().st_mode & 0o777 == 0o600, "others could read the template"
                texts[FILE] = path.read_text(encoding="utf-8")
                shape.append(FILE)
            else:
                shape.append(part)
        self.asked.append(tuple(shape))
        for number, record in enumerate(self.records[self.position :], self.position):
            if _normal(record.shape) == _normal(tuple(shape)) and _same_template(record.template, texts.get(FILE)):
                self.position = number if self.in_order else 0
                return record.rc, record.stdout, record.stderr
        raise AssertionError(f"no capture answers {shape} with the template {texts.get(FILE)!r}")


def _normal(argv: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("-a" if part == "--append" else part for part in argv)


def _same_template(captured: str | None, written: str | None) -> bool:
    if captured is None or written is None:
        return captured is written
    try:
        return parse_template(captured) == parse_template(written)
    except UnreadableError:
        return captured == written
