# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a creation that gluster refused leaves on the bricks of this host, and its removal.

gluster marks each brick while it looks at it. If another brick is then refused, the mark stays, and the next try says
'already part of a volume', which hides the reason of the first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Iterable

INTERNAL = ".glusterfs"
MARKS = ("trusted.glusterfs.volume-id", "trusted.gfid")


def marked(path: str) -> bool:
    try:
        return any(mark in os.listxattr(path, follow_symlinks=False) for mark in MARKS)
    except OSError:
        return False


class Leftovers:
    """Made before the creation; cleans what bore no mark then, and takes nothing else away."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.before = {path: _entries(path) for path in paths if not marked(path)}

    def remove(self, in_use: Iterable[str] = ()) -> list[str]:
        """`in_use`: bricks of this host that a volume has after all, made by somebody else meanwhile."""
        cleaned = []
        for path, before in self.before.items():
            # More than its own folder means that a volume was at work here.
            if path in set(in_use) or not marked(path) or _entries(path) - before - {INTERNAL}:
                continue
            for mark in MARKS:
                with contextlib.suppress(OSError):
                    os.removexattr(path, mark, follow_symlinks=False)
            if INTERNAL not in before:
                shutil.rmtree(os.path.join(path, INTERNAL), ignore_errors=True)
            cleaned.append(path)
        return cleaned


def _entries(path: str) -> set[str]:
    return set(os.listdir(path)) if os.path.isdir(path) else set()
