# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of backups: which are ours, and which of them have had their time."""

from __future__ import annotations

import os.path
import re
from datetime import datetime
from typing import Iterable

# Nobody else names files so: the copies that people and other modules made are not ours to remove.
OURS = re.compile(r"\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d\.\d{6}Z\.one_config~")


def backup_path(path: str, now: datetime) -> str:
    """`now` is in UTC, so that names sort by age."""
    return f"{path}.{now:%Y-%m-%d@%H:%M:%S.%f}Z.one_config~"


def outdated(path: str, names: Iterable[str], count: int) -> list[str]:
    """Paths of our backups of `path` among the names in its directory, but for the newest `count`; 0 keeps them all."""
    folder, base = os.path.split(path)
    ours = sorted(name for name in names if name.startswith(base) and OURS.fullmatch(name[len(base) :]))
    return [os.path.join(folder, name) for name in ours[:-count]] if count else []
