# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_gluster import (
    WRITE_TEST,
    bricks_of,
    judge_files,
    judge_peers,
    judge_volumes,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_heal import BrickHeal
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Peer, Pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Brick, Process, Status, Task, Volume

POOL = Pool("u1", (Peer("u2", ("gs2",), True), Peer("u3", ("gs3", "gs3-storage"), True)))
BRICKS = ("gs1:/b/v", "gs2:/b/v", "gs3:/b/v")
PATHINFO = (
    "(<DISTRIBUTE:vms-dht> (<REPLICATE:vms-replicate-1> <POSIX(/bricks/b1/vms):gs1:/bricks/b1/vms/.k-1> "
    "<POSIX(/bricks/b2/vms):gs2:/bricks/b2/vms/.k-1>))"
)


def peer(number: int, connected: bool = True, state: str = "3") -> Peer:
    return Peer(f"u{number}", (f"gs{number}",), connected, state)


@pytest.mark.parametrize(
    ("pool", "ok", "detail"),
    [
        pytest.param(POOL, True, "2 peers connected", id="all"),
        pytest.param(Pool("u1", (peer(2),)), False, "gs3-storage is not in the pool", id="absent"),
        pytest.param(Pool("u1", (*POOL.peers, peer(4, False))), False, "gs4 is disconnected", id="not even expected"),
        pytest.param(Pool("u1", (peer(2, state="6"), POOL.peers[1])), False, "gs2 is rejected", id="rejected"),
    ],
)
def test_peers(pool: Pool, ok: bool, detail: str) -> None:
    assert judge_peers(pool, ["gs2", "gs3-storage"]) == (ok, detail)


def volume(status: str = "Started", **changes: Any) -> Volume:
    bricks = tuple(Brick(name, f"u{index}") for index, name in enumerate(BRICKS, 1))
    return Volume(
        **{"name": "v", "id": "i", "status": status, "form": Form(3), "bricks": bricks, "options": {}, **changes}
    )


def online(*down: str, away: tuple[str, ...] = ()) -> Status:
    return Status({name: Process(name not in down, "49152") for name in BRICKS if name not in away}, {})


def heal(*counts: int | None) -> list[BrickHeal]:
    return [BrickHeal(n, c is not None, "Connected" if c is not None else "down", c) for n, c in zip(BRICKS, counts)]


@pytest.mark.parametrize(
    ("present", "status", "heals", "ok", "detail"),
    [
        pytest.param(
            volume(), online(), heal(0, 0, 0), True, "1 volumes, all bricks online, nothing to heal", id="fine"
        ),
        pytest.param(None, online(), [], False, "v does not exist", id="absent"),
        pytest.param(volume("Stopped"), online(), [], False, "v is stopped", id="stopped"),
        pytest.param(
            volume(), online("gs2:/b/v"), heal(1, None, 1), False, "v lacks gs2:/b/v (offline)", id="a brick is down"
        ),
        pytest.param(
            volume(),
            online(away=("gs3:/b/v",)),
            heal(0, 0, 0),
            False,
            "v lacks gs3:/b/v (offline)",
            id="the status leaves it out",
        ),
        pytest.param(
            volume(),
            online()._replace(tasks=(Task("Rebalance", "1", "x"), Task("Remove brick", "2", "completed", BRICKS[2:]))),
            heal(0, 0, 0),
            False,
            "v has a removal of gs3:/b/v that is not committed (completed)",
            id="a brick is on its way out",
        ),
        pytest.param(volume(), online(), heal(0, 4, 0), False, "v is not healed: gs2:/b/v: 4 to heal", id="not healed"),
        pytest.param(
            volume(), online(), heal(0, None, 0), False, "v is not healed: gs2:/b/v: not reached (down)", id="not known"
        ),
    ],
)
def test_volumes(present: Volume | None, status: Status, heals: list[BrickHeal], ok: bool, detail: str) -> None:
    volumes = {"v": present} if present else {}
    assert judge_volumes(volumes, {"v": status}, POOL, {"v": heals}, ["v"]) == (ok, detail)


def test_the_bricks_that_hold_a_file() -> None:
    assert bricks_of(PATHINFO) == ["gs1:/bricks/b1/vms", "gs2:/bricks/b2/vms"]
    assert judge_files(0, PATHINFO, "") == (True, "1 MiB on gs1:/bricks/b1/vms, gs2:/bricks/b2/vms")


def test_a_volume_that_does_not_tell_its_bricks_has_taken_the_file_nevertheless(tmp_path: Path) -> None:
    """Of a disperse volume with one set, GlusterFS 10.3 says 'Cannot allocate memory' instead."""
    dumb = "import os\ndef refuse(*_words): raise OSError(12, 'Cannot allocate memory')\nos.getxattr = refuse\n"
    done = subprocess.run(
        [sys.executable, "-c", dumb + WRITE_TEST, tmp_path], capture_output=True, text=True, check=False
    )
    assert judge_files(done.returncode, done.stdout, done.stderr).ok
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            (1, "", "Traceback\nOSError: [Errno 30] Read-only file system\n"),
            "OSError: [Errno 30] Read-only file system",
        ),
        ((1, "", ""), "ended with 1"),
        ((0, "nothing\n", ""), "no bricks in: nothing"),
    ],
)
def test_a_file_that_is_not_held(answer: tuple[int, str, str], detail: str) -> None:
    assert judge_files(*answer) == (False, detail)


def test_the_write_test_leaves_nothing_behind(tmp_path: Path) -> None:
    """Here on a file system that is none of GlusterFS: it writes, reads, is not told any bricks, and tidies up."""
    done = subprocess.run([sys.executable, "-c", WRITE_TEST, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OSError" in judge_files(done.returncode, done.stdout, done.stderr).detail
    assert os.listdir(tmp_path) == []
