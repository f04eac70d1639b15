# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of the playbooks for a pool in use: what there is, the leave, the layout, the volume; on a small pool."""

from __future__ import annotations

from typing import Any

import pytest
from host_module import ModuleFailed, run_module
from small_gluster import Killed, SmallGluster

from ansible_collections.kvmcloud.stack.plugins.filter.gluster_brick_layout import gluster_brick_layout
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_day2 import gluster_consent
from ansible_collections.kvmcloud.stack.plugins.modules import (
    gluster_peer,
    gluster_peer_info,
    gluster_volume,
    gluster_volume_info,
)

VOLUMES = [{"name": "v", "replica": 3}]


def inventory(*hosts: str, disks: int = 1) -> dict[str, dict[str, Any]]:
    return {host: {"gluster_bricks": [{"name": f"b{disk}"} for disk in range(1, disks + 1)]} for host in hosts}


def change(capsys: Any, hostvars: dict[str, dict[str, Any]], **named: Any) -> dict[str, Any]:
    """tasks/gluster_consent.yml and role gluster_volume."""
    present = run_module(capsys, gluster_volume_info)["volumes"]
    peers = run_module(capsys, gluster_peer_info)["peers"]
    layout = gluster_brick_layout(VOLUMES, hostvars, list(hostvars), present=present)
    volumes = gluster_consent(VOLUMES, layout, present, peers, **named)
    wanted = gluster_brick_layout(volumes, hostvars, list(hostvars))
    return run_module(capsys, gluster_volume, volumes=wanted)


def test_a_lost_host_has_a_successor_and_leaves(pool: SmallGluster, capsys: Any) -> None:
    change(capsys, inventory("gs1", "gs2", "gs3"))
    pool.offline.add("gs3:/bricks/b1/v")
    successor = inventory("gs1", "gs2", "gs4")
    with pytest.raises(ModuleFailed, match="confirm_remove"):
        change(capsys, successor)
    assert change(capsys, successor, hosts=["gs3"])["changed"]
    assert pool.volumes["v"].bricks == [f"gs{at}:/bricks/b1/v" for at in (1, 2, 4)]
    assert not pool.volumes["v"].incomplete
    assert run_module(capsys, gluster_peer, detached=["gs3"])["changed"]
    assert not change(capsys, successor, hosts=["gs3"])["changed"], "twice is once"
    assert not run_module(capsys, gluster_peer, detached=["gs3"])["changed"]


def test_a_lost_host_comes_back_under_its_name(pool: SmallGluster, capsys: Any) -> None:
    hosts = inventory("gs1", "gs2", "gs3")
    change(capsys, hosts)
    assert not change(capsys, hosts, hosts=["gs3"])["changed"], "it was not lost at all"
    pool.offline.add("gs3:/bricks/b1/v")
    pool.log.clear()
    assert change(capsys, hosts, hosts=["gs3"])["changed"]
    assert "reset-brick" in [words[1] for words in pool.log]
    assert not change(capsys, hosts, hosts=["gs3"])["changed"]


def test_a_disk_is_a_new_one(pool: SmallGluster, capsys: Any) -> None:
    hosts = inventory("gs1", "gs2", "gs3")
    change(capsys, hosts)
    pool.offline.add("gs2:/bricks/b1/v")
    assert change(capsys, hosts, bricks=["gs2:/bricks/b1/v"])["changed"]
    assert not change(capsys, hosts, bricks=["gs2:/bricks/b1/v"])["changed"]


def test_disks_come_and_hosts_leave(pool: SmallGluster, capsys: Any) -> None:
    change(capsys, inventory("gs1", "gs2", "gs3"))
    more = inventory("gs1", "gs2", "gs3", disks=2)
    assert change(capsys, more)["changed"]
    assert len(pool.volumes["v"].bricks) == 6
    # One host goes, another one has come: its bricks take the places.
    left = inventory("gs1", "gs2", "gs4", disks=2)
    with pytest.raises(ModuleFailed, match="confirm_remove"):
        change(capsys, left)
    assert change(capsys, left, hosts=["gs3"])["changed"]
    assert not any(brick.startswith("gs3:") for brick in pool.volumes["v"].bricks)
    assert run_module(capsys, gluster_peer, detached=["gs3"])["changed"]
    assert not change(capsys, left, hosts=["gs3"])["changed"]


def test_bricks_are_moved_only_if_that_was_said(pool: SmallGluster, capsys: Any) -> None:
    change(capsys, inventory("gs1", "gs2", "gs3"))
    # The new disks are on two hosts, and no set of three: one of them takes the place of another.
    more = {**inventory("gs2", "gs3"), **inventory("gs1", "gs4", disks=2)}
    with pytest.raises(ModuleFailed, match="confirm_remove"):
        change(capsys, more)
    assert change(capsys, more, moves=True)["changed"]
    held = {brick for brick in pool.volumes["v"].bricks if brick.endswith("v.2")}
    assert len(held) == 1 and len(pool.volumes["v"].bricks) == 6, "of its disk the one that was moved has another place"
    assert f"the files of {held.pop()[:-2]} are copied or moved" in str(pool.warnings)
    assert not change(capsys, more)["changed"] and not change(capsys, more, moves=True)["changed"]


def test_moves_that_were_cut_off_go_on(pool: SmallGluster, capsys: Any) -> None:
    """gluster takes no directory that was a brick, and its files would belong to another set."""
    more = {**inventory("gs2", "gs3"), **inventory("gs1", "gs4", disks=2)}
    fresh = dict(vars(pool))
    for after in range(1, 20):
        pool.__dict__.update({**fresh, "volumes": {}, "marks": {}, "log": []})
        change(capsys, inventory("gs1", "gs2", "gs3"))
        pool.log.clear()
        pool.kill_after = after
        try:
            change(capsys, more, moves=True)
        except Killed:
            pool.kill_after = None
            change(capsys, more, moves=True)
            assert len(pool.volumes["v"].bricks) == 6 and not pool.volumes["v"].incomplete
            assert not change(capsys, more)["changed"], after
        else:
            pool.kill_after = None
            assert after > 3
            return
    pytest.fail("it never came to its end")


def test_a_disk_that_left_the_volume_comes_back(pool: SmallGluster, capsys: Any) -> None:
    change(capsys, inventory("gs1", "gs2", "gs3"))
    pool.offline.add("gs3:/bricks/b1/v")
    change(capsys, inventory("gs1", "gs2", "gs4"), hosts=["gs3"])
    assert change(capsys, inventory("gs1", "gs2", "gs3"), hosts=["gs4"])["changed"]
    assert pool.volumes["v"].bricks == ["gs1:/bricks/b1/v", "gs2:/bricks/b1/v", "gs3:/bricks/b1/v.2"]
    pool.offline.add("gs3:/bricks/b1/v.2")
    change(capsys, inventory("gs1", "gs2", "gs3"), hosts=["gs3"])
    assert not pool.volumes["v"].incomplete and not pool.offline, "it is filled anew where it is declared"
