# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reset of a brick takes away is what real bricks had, and what GlusterFS then took again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_directories import Brick, plan_reset


@pytest.fixture(scope="module")
def captures(contract_dir: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for file in sorted((contract_dir / "gluster").glob("*.json")):
        capture = json.loads(file.read_text())
        found[capture["name"]] = capture
    if not found:
        pytest.skip("no captures of GlusterFS are beside this checkout")
    return found


def brick_of(capture: dict[str, Any]) -> tuple[str, Brick]:
    """From getfattr, with ls or find after it."""
    said = capture["stdout"]
    path = "/" + re.findall(r"^# file: (.+)$", said, re.MULTILINE)[0]
    attributes = re.findall(r"^(trusted\.[\w.-]+)=", said, re.MULTILINE)
    entries = re.findall(rf"^{re.escape(path)}/(\S+)$", said, re.MULTILINE)
    entries += [name for name in re.findall(r"^d\S+ .* (\S+)$", said, re.MULTILINE) if name not in (".", "..")]
    return path, Brick("directory", tuple(attributes), tuple(entries))


@pytest.mark.parametrize(
    ("name", "marks", "files"),
    [
        ("brick-xattrs", ["trusted.gfid", "trusted.glusterfs.volume-id", ".glusterfs"], []),
        ("brick-left-behind-by-failed-create", ["trusted.glusterfs.volume-id"], []),
        (
            "brick-after-remove-commit",
            [
                "trusted.gfid",
                "trusted.glusterfs.dht",
                "trusted.glusterfs.dht.commithash",
                "trusted.glusterfs.volume-id",
                ".glusterfs",
            ],
            ["f196"],
        ),
    ],
)
def test_marks_of_real_bricks(captures, name, marks, files):
    path, brick = brick_of(captures[name])
    assert (brick.marks, brick.files) == (marks, files)
    plan = plan_reset([path], {path: brick}, {}, [], [], {})
    assert len(plan.steps) == 1 and bool(plan.warnings) == bool(files)


def test_gluster_took_a_brick_without_these_marks(captures):
    done = captures["brick-recovery-setfattr-gs1"]["argv"][-1]
    assert {"trusted.glusterfs.volume-id", "trusted.gfid", ".glusterfs"} == set(
        re.findall(r"trusted\.[\w.-]*\w|\.glusterfs(?=;|$)", done)
    )
    assert captures["brick-recovery-setfattr-gs1"]["stdout"] == "", "no mark is left"
    assert captures["volume-create-after-setfattr"]["rc"] == 0
