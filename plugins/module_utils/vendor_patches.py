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
    groups = set(groups)
    ours = [change for change in record if group_of(change.patch) in groups]
    known = {change.text for change in ours}
    unknown = [change for change in unwanted if change.text not in known]
    texts = {}
    for path, text in present.items():
        if text is not None:
            text = _without(text, _of(path, ours), attempt)
            text = _taken_out(text, _of(path, unknown), attempt) or text
        text = _with(text, _of(path, wanted), attempt)
        if text is not None:
            texts[path] = text
    others = [change for change in record if group_of(change.patch) not in groups]
    return texts, [*others, *wanted]


def group_of(patch: str) -> str:
    return patch.partition("/")[0]


def _of(path: str, changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.path == path]


def _named(changes: Sequence[Change]) -> str:
    return ", ".join(change.patch for change in changes)


def _put_in(text: str, changes: Sequence[Change], attempt: Try) -> str | None:
    """The text with all of them, one after the other; None when one does not apply."""
    after: str | None = text
    for change in changes:
        after = after if after is None else attempt(after, change.text, False)
    return after


def _taken_out(text: str, changes: Sequence[Change], attempt: Try) -> str | None:
    before: str | None = text
    for change in reversed(changes):  # a later one may change what a former has made
        before = before if before is None else attempt(before, change.text, True)
    return before


def _with(text: str | None, changes: Sequence[Change], attempt: Try) -> str | None:
    if text is None:
        if changes:
            raise PatchError(
                f"The patch {changes[0].patch} is for {changes[0].path}, which is not there. Nothing was changed."
            )
        return None
    after = _put_in(text, changes, attempt)
    if after is not None:
        return after
    if _taken_out(text, changes, attempt) is not None:
        return text  # they are in there: the vendor's installer, or a person, was here before
    raise PatchError(
        f"The patch {_named(changes)} does not apply to {changes[0].path} as a whole: the file is of another release, "
        "or was changed by somebody. Nothing was changed. Reinstall the package that the file belongs to, or switch "
        "the patch off."
    )


def _without(text: str, changes: Sequence[Change], attempt: Try) -> str:
    """changes: those that were applied to this file."""
    before = _taken_out(text, changes, attempt)
    if before is not None:
        return before
    if _put_in(text, changes, attempt) is not None:
        return text  # they are not in there: a package has put its own file back
    raise PatchError(
        f"The patch {_named(changes)} was applied to {changes[0].path}, and the file was changed since, so that it "
        "cannot be taken out of it. Nothing was changed. Reinstall the package that the file belongs to, then run "
        "again."
    )
