# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys hold secrets, and how a file is shown without their values."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator

MASK = "********"
# The end of the name decides: PASSWD, :password, SP_AUTH_TOKEN, SECRET_ACCESS_KEY, but not PASSWORD_CHANGE.
SECRET_NAME = re.compile(
    r"(?:.*[^A-Z0-9])?(?:PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|(?:SECRET|ACCESS|PRIVATE)_KEY|TOKEN_REMOTE_SUPPORT)",
    re.IGNORECASE,
)
NOT_SECRET = frozenset(("RANDOM_PASSWD",))  # yes or no: whether oned shall make one up
IN_COMMENT = re.compile(r"""([\w:/]+)([ \t]*[=:][ \t]*)("[^"\n]*"|'[^'\n]*'|[^\s,"']+)""")


def is_secret(name: str, more: Iterable[str] = ()) -> bool:
    """name may be a path (`:server/:password`); its last part counts."""
    last = name.rsplit("/", 1)[-1].upper()
    return last not in NOT_SECRET and (bool(SECRET_NAME.fullmatch(last)) or last in {key.upper() for key in more})


def secret_values(edit: dict[str, Any], more: Iterable[str] = ()) -> Iterator[str]:
    """The secrets that an edit, as the user wrote it, carries."""
    name = edit.get("key") or edit.get("attribute") or ""
    names_and_values = [(name, edit.get(subject)) for subject in ("value", "item", "members")]
    for group in ("values", "where"):
        names_and_values += list((edit.get(group) or {}).items())
    for name, value in names_and_values:
        yield from _secrets_under(str(name), value, more)


def _secrets_under(name: str, value: Any, more: Iterable[str]) -> Iterator[str]:
    """A value of a YAML file may itself be a mapping or a list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets_under(str(key), inner, more)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets_under(name, inner, more)
    elif is_secret(name, more) and value not in (None, "") and not isinstance(value, bool):
        yield str(value)


def masked(
    text: str,
    spans: Iterable[tuple[str, int, int]],
    comment_lines: re.Pattern[str],
    known: set[str],
    more: Iterable[str] = (),
) -> str:
    """The text with the values of secret names hidden; spans are (name, start, end) of all values, in order. known
    collects the secrets: a second text of the same file marks those that the first did not have."""
    first = not known
    pieces, done = [], 0
    for name, start, end in spans:
        if is_secret(name, more) and end > start:
            pieces += [text[done:start], MASK if first or text[start:end] in known else MASK + " (new)"]
            known.add(text[start:end])
            done = end
    shown = "".join([*pieces, text[done:]])
    return comment_lines.sub(lambda line: IN_COMMENT.sub(lambda m: _mask_assignment(m, more), line.group()), shown)


def _mask_assignment(match: re.Match[str], more: Iterable[str]) -> str:
    return match.group(1) + match.group(2) + MASK if is_secret(match.group(1), more) else match.group()
