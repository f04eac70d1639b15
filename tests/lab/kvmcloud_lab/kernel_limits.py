# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of this kernel that many systemds at once run into: raised while labs are up, put back after the last one."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvmcloud_lab.paths import RUN

# A host needs about nine inotify instances, and all hosts share root's 128: beyond them no udevd and networkd start.
LIMITS = {Path("/proc/sys/fs/inotify/max_user_instances"): 8192}


def raise_limits(limits: dict[Path, int] = LIMITS, run: Path = RUN) -> None:
    with _former(run) as former:
        for file, wanted in limits.items():
            present = int(file.read_text())
            if present < wanted:
                former.setdefault(str(file), present)
                file.write_text(str(wanted))


def restore_limits(limits: dict[Path, int] = LIMITS, run: Path = RUN) -> None:
    """What somebody else set meanwhile stays as it is."""
    with _former(run) as former:
        for file, wanted in limits.items():
            value = former.pop(str(file), None)
            if value is not None and int(file.read_text()) == wanted:
                file.write_text(str(value))


@contextmanager
def _former(run: Path) -> Iterator[dict[str, int]]:
    """The values found before the first lab; below /run, since a restart of the machine puts them back anyway."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / "kernel-limits.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        former = json.loads(file.read() or "{}")
        yield former
        file.seek(0)
        file.truncate()
        json.dump(former, file)
