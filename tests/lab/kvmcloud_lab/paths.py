# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what. Nothing is written elsewhere, and removing ROOT and RUN removes the lab from a machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

# A second world beside the usual one, for the lab's own tests: `purge` there must not touch the labs in use.
WORLD = os.environ.get("KVMCLOUD_LAB_WORLD", "")
if not re.fullmatch("[a-z]?", WORLD):
    raise SystemExit(f"lab: KVMCLOUD_LAB_WORLD is {WORLD!r}; a single letter is wanted, or nothing.")

ROOT = Path(f"/var/lib/kvmcloud-lab{WORLD and '-'}{WORLD}")
RUN = Path(f"/run/kvmcloud-lab{WORLD and '-'}{WORLD}")

IMAGES = ROOT / "images"  # kernels and disks of guest images, build locks and logs
MIRROR = ROOT / "mirror"  # what the lab serves over HTTP
GNUPG = ROOT / "gnupg"  # keys that sign what it serves
LABS = ROOT / "labs"  # one directory per lab that is up
SCRATCH = ROOT / "scratch"  # unfinished builds

SOURCE = Path(__file__).resolve().parent
IMAGE_DEFINITIONS = SOURCE.parent / "images"
EMULATOR = SOURCE.parent / "emulator"

# Every network namespace, link and container of the lab "demo" is called kvl-demo or kvl-demo-...
PREFIX = f"kvl{WORLD}"


def object_name(lab: str, host: str = "") -> str:
    """The name of what belongs to a lab, or to one of its hosts, in the kernel and in podman."""
    return f"{PREFIX}-{lab}-{host}" if host else f"{PREFIX}-{lab}"


def lab_dir(lab: str) -> Path:
    return LABS / lab


def host_dir(lab: str, host: str) -> Path:
    return LABS / lab / "hosts" / host
