# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vendor's patches of another's files: which are to be in them, worked out on copies before any file is touched.

What was applied is recorded as text, so that it can be taken out when the sources that it came from are gone or have
become another release's. Patches are taken apart by file: an upgrade may have replaced some files and not others.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence

_HEADER = re.compile(r"^--- .*\n\+\+\+ .*\n", re.MULTILINE)
_TARGET = re.compile(r"^\+\+\+ (?:\./)?([^\t\n]+)", re.MULTILINE)
# Between the changes of two files diff and git write lines of their own.
_BETWEEN = re.compile(r"^(?:diff |index |Index: |=====|Only in ).*\n", re.MULTILINE)


class PatchError(ValueError):
    """It cannot be patched so; the text is the sentence for the user."""


class Change(NamedTuple):
    """What one patch does to one file."""

    patch: str  # its name, such as vmm/02-attach_disk.patch
    path: str  # below the directory that is patched
    text: str


# (file's text, patch's text, reverse) -> the text after it, or None where it does not apply as a whole
Try = Callable[[str, str, bool], "str | None"]


def changes_of(name: str, text: str) -> list[Change]:
    """The changes of one patch, one for each file."""
    starts = [match.start() for match in _HEADER.finditer(text)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(text)]):
        part = _BETWEEN.sub("", text[start:end])
        target = _TARGET.search(part)
        path = target.group(1).strip() if target else ""
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise PatchError(f"The patch {name} names {path or 'no file'}, which is not below the directory it is for.")
        found.append(Change(name, path, part))
    if not found:
        raise PatchError(f"{name} is no patch: it names no file.")
    return found


def recorded_changes(record: Iterable[Mapping[str, Any]]) -> list[Change]:
    return [Change(str(one["patch"]), str(one["path"]), str(one["text"])) for one in record]


def plan_patches(
    present: Mapping[str, str | None],
    record: Sequence[Change],
    wanted: Sequence[Change],
    unwanted: Sequence[Change],
    groups: Iterable[str],
    attempt: Try,
) -> tuple[dict[str, str], list[Change]]:
    """The files as they are to be, and the new record.

    present: texts by path, None where there is no file. groups: what is switched, in either direction; what was
    applied of other groups stays as it is.
    """
    texts = dict(present)
    groups = set(groups)
    ours = [change for change in record if group_of(change.patch) in groups]
    for change in reversed(ours):
        texts[change.path] = _without(texts.get(change.path), change, attempt, recorded=True)
    known = {change.text for change in ours}
    for change in reversed([one for one in unwanted if one.text not in known]):
        texts[change.path] = _without(texts.get(change.path), change, attempt, recorded=False)
    for change in wanted:
        texts[change.path] = _with(texts.get(change.path), change, attempt)
    others = [change for change in record if group_of(change.patch) not in groups]
    return {path: text for path, text in texts.items() if text is not None}, [*others, *wanted]


def group_of(patch: str) -> str:
    return patch.partition("/")[0]


def _with(text: str | None, change: Change, attempt: Try) -> str:
    if text is None:
        raise PatchError(f"The patch {change.patch} is for {change.path}, which is not there. Nothing was changed.")
    after = attempt(text, change.text, False)
    if after is not None:
        return after
    if attempt(text, change.text, True) is not None:
        return text  # it is in there: the vendor's installer, or a person, was here before
    raise PatchError(
        f"The patch {change.patch} does not apply to {change.path} as a whole: the file is of another release, or was "
        "changed by somebody. Nothing was changed. Reinstall the package that the file belongs to, or switch the patch "
        "off."
    )


def _without(text: str | None, change: Change, attempt: Try, recorded: bool) -> str | None:
    if text is None:
        return None
    before = attempt(text, change.text, True)
    if before is not None:
        return before
    if attempt(text, change.text, False) is not None or not recorded:
        return text  # it is not in there: a package has put its own file back
    raise PatchError(
        f"The patch {change.patch} was applied to {change.path}, and the file was changed since, so that it cannot be "
        "taken out of it. Nothing was changed. Reinstall the package that the file belongs to, then run again."
    )
