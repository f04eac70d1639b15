# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of a live pool of GlusterFS mean for the acceptance."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_heal
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance import Verdict
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import Gluster
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_heal import BrickHeal
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import CONNECTED, Pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_steps import GlusterSteps
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import (
    ONLINE,
    Status,
    Volume,
    brick_state,
    parse_status,
    parse_volumes,
)

# Run with the mount point, in a process of its own, which can be ended where the mount does not answer.
WRITE_TEST = """
import errno, os, sys, uuid
path = os.path.join(sys.argv[1], ".kvmcloud-acceptance-" + uuid.uuid4().hex[:12])
data = os.urandom(1 << 20)
descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
try:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    with open(path, "rb") as stream:
        if stream.read() != data:
            sys.exit("what is read is not what was written")
    try:
        print(os.getxattr(path, "trusted.glusterfs.pathinfo").decode(errors="replace"))
    except OSError as error:
        if error.errno != errno.ENOMEM:  # of a disperse volume with one set, releases 10 and 11 do not tell it
            raise
finally:
    os.unlink(path)
"""


class Calls:
    """As much of a module as the gluster command needs."""

    params = {"command_timeout": 60, "busy_timeout": 30}

    def __init__(self, module: Any) -> None:
        self.get_bin_path = module.get_bin_path
        self.run_command = module.run_command


class LivePool:
    def __init__(self, module: Any) -> None:
        self.steps = GlusterSteps(Gluster(Calls(module)))

    def peers(self, expected: Iterable[str]) -> Verdict:
        pool = self.steps.pool()
        return Verdict(False, "a peer is being probed") if pool is None else judge_peers(pool, expected)

    def volumes(self, expected: Sequence[str]) -> Verdict:
        volumes = {one.name: one for one in parse_volumes(self.steps.cli.tree("volume", "info"))}
        status = parse_status(self.steps.cli.tree("volume", "status", "all"))
        asked = [volumes[name] for name in expected if name in volumes]
        heals = {one.name: self.steps.heal(one.name, "summary") for one in asked if one.started and one.form.width > 1}
        return judge_volumes(volumes, status, self.steps.pool(), heals, expected)


def judge_peers(pool: Pool, expected: Iterable[str]) -> Verdict:
    """As this host sees them; each host has a view of its own, and is asked."""
    wrong = [f"{name} is not in the pool" for name in expected if pool.find(name) is None]
    wrong += [f"{peer.name} is {peer.condition}" for peer in pool.peers if peer.condition != CONNECTED]
    return Verdict(not wrong, "; ".join(wrong) or f"{len(pool.peers)} peers connected")


def judge_volumes(
    volumes: Mapping[str, Volume],
    status: Mapping[str, Status],
    pool: Pool | None,
    heals: Mapping[str, Sequence[BrickHeal]],
    expected: Sequence[str],
) -> Verdict:
    wrong = []
    for name in expected:
        volume = volumes.get(name)
        if volume is None:
            wrong.append(f"{name} does not exist")
            continue
        if not volume.started:
            wrong.append(f"{name} is {volume.status.lower()}")
            continue
        states = {brick.name: brick_state(brick, volume, status.get(name), pool) for brick in volume.bricks}
        down = [f"{brick} ({state})" for brick, state in states.items() if state != ONLINE]
        if down:
            wrong.append(f"{name} lacks {', '.join(down)}")
        wrong += [
            f"{name} has a removal of {', '.join(task.bricks)} that is not committed ({task.status})"
            for task in (status[name].tasks if name in status else ())
            if task.removes
        ]
        left = gluster_heal.unhealed(heals.get(name, ()))
        if left and not down:  # with a brick down there is always something to heal
            wrong.append(f"{name} is not healed: {', '.join(f'{brick}: {said}' for brick, said in left.items())}")
    return Verdict(not wrong, "; ".join(wrong) or f"{len(expected)} volumes, all bricks online, nothing to heal")


def judge_files(returncode: int, out: str, err: str) -> Verdict:
    """Of the write test: which bricks held the file, as GlusterFS itself tells."""
    said = [line.strip() for line in (err or out).splitlines() if line.strip()]
    if returncode:
        return Verdict(False, said[-1] if said else f"ended with {returncode}")
    if not out.strip():
        return Verdict(True, "1 MiB was written and read; GlusterFS does not tell on which bricks")
    bricks = bricks_of(out)
    return Verdict(bool(bricks), f"1 MiB on {', '.join(bricks)}" if bricks else f"no bricks in: {out.strip()}")


def bricks_of(pathinfo: str) -> list[str]:
    """<POSIX(/BRICK):HOST:/BRICK/FILE> for each."""
    return [f"{host}:{brick}" for brick, host in re.findall(r"<POSIX\(([^)]+)\):([^:>]+):", pathinfo)]
