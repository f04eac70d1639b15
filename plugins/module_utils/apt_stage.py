# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories in which a new apt source is tried, and what killed runs left of them."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
from typing import Iterator

PREFIX = "apt_signed_source_"


@contextlib.contextmanager
def locked_stage(root: str) -> Iterator[str]:
    """A directory that is gone afterwards. Who holds its lock is alive: a run that was killed holds none."""
    stage = tempfile.mkdtemp(prefix=PREFIX, dir=root)
    descriptor = os.open(stage, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(descriptor)


def remove_stages_of_the_dead(root: str) -> None:
    """What killed runs left behind may hold credentials."""
    for stage in glob.glob(os.path.join(root, PREFIX + "*")):
        with contextlib.suppress(OSError):
            descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.listdir(descriptor):  # an empty one may be new, and not locked yet
                    shutil.rmtree(stage, ignore_errors=True)
            finally:
                os.close(descriptor)
