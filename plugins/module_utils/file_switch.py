# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files of one directory, and some elsewhere, change at one moment, whenever the power fails.

The files of netplan are read together, so that one that is changed and one that is not yet are a configuration that
nobody wants. Therefore each file is first replaced by a symbolic link to the same text, below a directory that is
itself a link; that one link is then turned from the former to the new texts, which is a single rename; and last the
links become files again. Every step but the turn leaves what is read as it was. All that needs room on the disk is done
before the turn: from then on there are only names that change.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Iterator, Mapping, Sequence

STAGE = ".kvmcloud-switch"
CURRENT, TURNED, FORMER, NEW = "current", "turned", "former", "new"


def prepare(directory: str, changes: Mapping[str, bytes | None], nothing: bytes, elsewhere: Sequence[str] = ()) -> None:
    """All but the turn, to write or remove (None) files; one of the directory is told by its name, one `elsewhere`, in
    one of those directories, by its path. `nothing` is the text of a file that says nothing. Raises OSError.
    """
    for _done in preparation(directory, changes, nothing, elsewhere):
        pass


def finish(directory: str, nothing: bytes, elsewhere: Sequence[str] = ()) -> None:
    """The turn, and what follows; safe to repeat."""
    for _done in completion(directory, nothing, elsewhere):
        pass


def go_back(directory: str, nothing: bytes, elsewhere: Sequence[str] = ()) -> None:
    """What was cut off ends: as it was before where it was not turned yet."""
    for _done in settle(directory, nothing, elsewhere):
        pass


def preparation(
    directory: str, changes: Mapping[str, bytes | None], nothing: bytes, elsewhere: Sequence[str] = ()
) -> Iterator[str]:
    """Step by step: what is yielded names the step that was just made."""
    yield from settle(directory, nothing, elsewhere)
    if not changes:
        return
    stage = os.path.join(directory, STAGE)
    for side in (FORMER, NEW):
        os.makedirs(os.path.join(stage, side), mode=0o700)
    for name, text in changes.items():
        _write(os.path.join(stage, FORMER, _staged(name)), _read(os.path.join(directory, name), nothing))
        _write(os.path.join(stage, NEW, _staged(name)), nothing if text is None else text)
    _link(FORMER, os.path.join(stage, CURRENT))
    yield "staged"
    for name in changes:
        beside = stage if os.path.isabs(name) else STAGE
        _link(os.path.join(beside, CURRENT, _staged(name)), os.path.join(directory, name))
        yield f"linked {name}"
    _link(NEW, os.path.join(stage, TURNED))
    yield "prepared"


def completion(directory: str, nothing: bytes, elsewhere: Sequence[str] = ()) -> Iterator[str]:
    stage = os.path.join(directory, STAGE)
    with contextlib.suppress(FileNotFoundError):  # it was turned before
        os.replace(os.path.join(stage, TURNED), os.path.join(stage, CURRENT))
        _keep(stage)
        yield "turned"
    yield from settle(directory, nothing, elsewhere)


def _staged(name: str) -> str:
    return name.replace(os.sep, "|")


def is_unsettled(directory: str) -> bool:
    """Whether a change was cut off."""
    return os.path.lexists(os.path.join(directory, STAGE))


def settle(directory: str, nothing: bytes, elsewhere: Sequence[str] = ()) -> Iterator[str]:
    """Make files of the links again, each with what is read through it now."""
    if not is_unsettled(directory):
        return
    stages = (STAGE + os.sep, os.path.join(directory, STAGE) + os.sep)
    for place in (directory, *filter(os.path.isdir, elsewhere)):
        for entry in sorted(os.listdir(place)):
            path = os.path.join(place, entry)
            if os.path.islink(path) and os.readlink(path).startswith(stages):
                _settle(path, nothing)
                yield f"settled {entry}"
    shutil.rmtree(os.path.join(directory, STAGE))
    _keep(directory)
    yield "settled"


def _read(path: str, nothing: bytes) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return nothing


def _settle(path: str, nothing: bytes) -> None:
    text, beside = _read(path, nothing), f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)
    if text == nothing:
        os.unlink(path)
        _keep(os.path.dirname(path))
        return
    try:
        os.link(os.path.realpath(path), beside)  # the staged file itself: on a full disk there is no room for another
    except OSError:
        _write(path, text)  # on another file system
        return
    os.replace(beside, path)
    _keep(os.path.dirname(path))


def _write(path: str, text: bytes) -> None:
    """By rename; not readable for others, as netplan wishes: it may hold the passwords of networks."""
    beside = f"{path}.new"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, path)
    _keep(os.path.dirname(path))


def _link(target: str, path: str) -> None:
    beside = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)
    os.symlink(target, beside)
    os.replace(beside, path)
    _keep(os.path.dirname(path))


def _keep(directory: str) -> None:
    """Names reach the disk in the order in which they were made."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
