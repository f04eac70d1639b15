# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refused creation leaves on bricks is taken away, and nothing else; in real directories with real marks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_leftovers import MARKS, Leftovers, marked


@pytest.fixture
def brick(tmp_path: Path) -> Path:
    path = tmp_path / "v"
    path.mkdir()
    try:
        os.setxattr(path, MARKS[0], b"x")
    except OSError:
        pytest.skip("marks need root, and a file system that has trusted attributes")
    os.removexattr(path, MARKS[0])
    return path


def mark(path: Path) -> None:
    path.mkdir(exist_ok=True)
    os.setxattr(path, MARKS[0], b"x" * 16)
    (path / ".glusterfs").mkdir(exist_ok=True)
    (path / ".glusterfs/indices").mkdir(exist_ok=True)


def test_marks_that_came_are_taken_away(brick: Path) -> None:
    (brick / "file").write_text("of somebody")
    leftovers = Leftovers([str(brick)])
    mark(brick)
    assert leftovers.remove() == [str(brick)]
    assert not marked(str(brick)) and [path.name for path in brick.iterdir()] == ["file"]
    mark(brick)
    assert leftovers.remove() == [str(brick)], "as often as it is needed"


def test_a_directory_that_was_made_is_empty_again(brick: Path) -> None:
    made = brick / "sub"
    leftovers = Leftovers([str(made)])
    mark(made)
    leftovers.remove()
    assert made.is_dir() and not any(made.iterdir()) and not marked(str(made))


def test_marks_that_were_there_before_stay(brick: Path) -> None:
    """It is a brick of another volume, which is why the creation was refused."""
    mark(brick)
    assert Leftovers([str(brick)]).remove() == [] and marked(str(brick))


def test_a_brick_that_somebody_else_made_a_volume_of_stays(brick: Path) -> None:
    leftovers = Leftovers([str(brick)])
    mark(brick)
    assert leftovers.remove(in_use=[str(brick)]) == [] and marked(str(brick))


def test_a_brick_at_which_a_volume_was_at_work_stays(brick: Path) -> None:
    leftovers = Leftovers([str(brick)])
    mark(brick)
    (brick / "file").write_text("new")
    assert leftovers.remove() == [] and marked(str(brick))
