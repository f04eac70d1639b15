# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's memory: /var/lib/kvmcloud-lab/labs/NAME/lab.json, which inventories read too (repository addresses, keys)."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kvmcloud_lab.paths import RUN, host_dir, lab_dir


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def read_state(lab: str) -> dict[str, Any]:
    """Empty if the lab is down."""
    try:
        return json.loads((lab_dir(lab) / "lab.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def write_state(lab: str, **values: Any) -> None:
    lab_dir(lab).mkdir(parents=True, exist_ok=True)
    fresh = lab_dir(lab) / ".lab.json.new"
    fresh.write_text(json.dumps({**read_state(lab), **values, "name": lab, "boot_id": boot_id()}, indent=2) + "\n")
    fresh.rename(lab_dir(lab) / "lab.json")


def made_as(lab: str, host: str) -> str:
    """The fingerprint of the description a host was made from; empty if it was never completed."""
    file = host_dir(lab, host) / "made-as"
    return file.read_text() if file.exists() else ""


def set_made_as(lab: str, host: str, fingerprint: str) -> None:
    (host_dir(lab, host) / "made-as").write_text(fingerprint)


@contextmanager
def only_one(lab: str) -> Iterator[None]:
    """Commands that change a lab follow one another."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / f"{lab}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
