# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tier of tests on a machine where no lab can be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

RUN_TIER = Path(__file__).resolve().parents[1] / "run-tier"


def test_without_a_lab_it_stops_at_once_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "tests/lab").mkdir(parents=True)
    shutil.copy(RUN_TIER, tmp_path / "tests/run-tier")
    lab = tmp_path / "tests/lab/lab"
    lab.write_text(
        '#!/bin/sh\n[ "$1" = prerequisites ] && echo "podman is missing: apt install podman" && exit 1\nexit 0\n'
    )
    lab.chmod(0o755)
    done = subprocess.run(
        [tmp_path / "tests/run-tier", "test"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "podman is missing: apt install podman" in done.stdout
    assert "== checks" not in done.stdout
