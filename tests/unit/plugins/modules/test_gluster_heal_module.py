# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_heal and gluster_heal_info from call to result, against a small pool in memory."""

from __future__ import annotations

from typing import Any

import pytest
from host_module import ModuleFailed, run_module
from small_gluster import SmallGluster, Volume

from ansible_collections.kvmcloud.stack.plugins.modules import gluster_heal, gluster_heal_info

BRICKS = ["gs1:/b/v", "gs2:/b/v", "gs3:/b/v"]
SOURCE = {"action": "resolve", "policy": "source-brick", "source_brick": "gs2:/b/v"}


@pytest.fixture
def volume(pool: SmallGluster) -> Volume:
    made = Volume("v", 3, 0, 0, 0, list(BRICKS))
    made.status = "Started"
    pool.volumes["v"] = made
    pool.volumes["d"] = Volume("d", 1, 0, 0, 0, ["gs1:/b/d"])
    pool.volumes["d"].status = "Started"
    return made


def run(capsys: Any, **params: Any) -> dict[str, Any]:
    return run_module(capsys, gluster_heal, **{"volume": "v", **params})


def test_wait(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    volume.incomplete["gs3:/b/v"] = 20
    assert not run(capsys)["changed"] and not volume.incomplete
    volume.incomplete["gs3:/b/v"] = 10**6
    with pytest.raises(ModuleFailed, match="nothing to heal in volume v; after .* gs3:/b/v: still 5 to heal"):
        run(capsys, timeout=30)


def test_a_brick_that_is_not_reached_is_not_healed(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    """Its number of entries is '-', and not 0."""
    pool.offline.add("gs2:/b/v")
    with pytest.raises(ModuleFailed, match=r"gs2:/b/v: still not reached \(Transport endpoint is not connected\)"):
        run(capsys, timeout=30)


def test_waiting_for_split_brain_is_in_vain(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    pool.split_brain = {"/f1": "gfid-1"}
    with pytest.raises(ModuleFailed, match="all in split-brain") as failed:
        run(capsys, timeout=10**6)
    assert "after 0 s" in str(failed.value)


def test_of_fragments_gluster_knows_no_split_brain(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    volume.replica, volume.disperse, volume.redundancy = 1, 3, 1
    volume.incomplete["gs3:/b/v"] = 20
    (found,) = run_module(capsys, gluster_heal_info, volume=["v"])["volumes"]
    assert not found["healed"] and found["bricks"][2]["total"] == 5
    assert not run(capsys)["changed"] and not volume.incomplete


def test_trigger(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    assert not run(capsys, action="trigger")["changed"], "nothing is to be healed"
    volume.incomplete["gs3:/b/v"] = 5
    assert not pool.log and run(capsys, action="trigger", check=True)["changed"] and not pool.log
    run(capsys, action="trigger")
    run(capsys, action="full")
    assert pool.log == [("volume", "heal", "v"), ("volume", "heal", "v", "full")]


def test_resolve(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    pool.split_brain = {"/f1": "gfid-1", "/f2": "gfid-2"}
    result = run(capsys, **SOURCE, files=["/f1", "/other"])
    assert [step["command"][-1] for step in result["actions"]] == ["/f1"] and result["split_brain"] == ["/f2"]
    assert not run(capsys, **SOURCE, files=["/f1", "/other"])["changed"]


def test_a_success_that_resolved_nothing_is_none(
    volume: Volume, pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'source-brick' for all files ends with 0 even when single files fail."""
    pool.split_brain = {"/f1": "gfid-1", "": "gfid-2"}
    monkeypatch.setattr(pool, "volume_heal", lambda *_words: pool.split_brain.pop("/f1", None))
    with pytest.raises(ModuleFailed, match="gfid:gfid-2 is in split-brain still"):
        run(capsys, **SOURCE, all_files=True)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"action": "resolve", "files": ["/f1"]}, "a policy must be named"),
        ({"action": "resolve", "policy": "source-brick", "files": ["/f1"]}, "source-brick needs source_brick"),
        ({**SOURCE, "source_brick": "gs9:/b/v", "files": ["/f1"]}, "it has no brick gs9:/b/v"),
        (SOURCE, "name the files, or set all_files"),
        ({**SOURCE, "files": ["/f1"], "all_files": True}, "contradict each other"),
        ({"action": "resolve", "policy": "bigger-file", "all_files": True}, "takes files one by one"),
        ({**SOURCE, "files": ["f1"]}, "beginning with /"),
        # 'No difference in mtime', though they differed by 6 s.
        ({"action": "resolve", "policy": "latest-mtime", "files": ["/f1"]}, "features.ctime is on"),
        ({"volume": "d"}, "only distributes"),
        ({"volume": "nosuch"}, "there is no such volume"),
        ({"volume": "d", **SOURCE, "files": ["/f1"]}, "only replicated volumes have split-brain"),
    ],
)
def test_what_is_refused(params: dict, said: str, volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    pool.split_brain = {"/f1": "gfid-1"}
    with pytest.raises(ModuleFailed, match=said):
        run(capsys, **params)
    assert pool.log == []


def test_latest_mtime_with_ctime_off(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    volume.options["features.ctime"] = "off"
    pool.split_brain = {"/f1": "gfid-1"}
    assert run(capsys, action="resolve", policy="latest-mtime", files=["/f1"])["split_brain"] == []


def test_an_arbiter_is_no_source(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    volume.arbiter = 1
    with pytest.raises(ModuleFailed, match="gs3:/b/v is an arbiter"):
        run(capsys, **{**SOURCE, "source_brick": "gs3:/b/v"}, files=["/f1"])


def test_both_copies_must_be_there_to_choose(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    pool.split_brain = {"/f1": "gfid-1"}
    pool.offline.add("gs3:/b/v")
    with pytest.raises(ModuleFailed, match="gs3:/b/v is not reached"):
        run(capsys, **SOURCE, files=["/f1"])


def test_info(volume: Volume, pool: SmallGluster, capsys: Any) -> None:
    (clean,) = run_module(capsys, gluster_heal_info)["volumes"]
    assert clean["healed"] and clean["entries"] == [], "volumes without copies are left out"
    pool.split_brain = {"/f1": "gfid-1"}
    pool.offline.add("gs2:/b/v")
    (found,) = run_module(capsys, gluster_heal_info, volume=["v"])["volumes"]
    assert not found["healed"] and [brick["connected"] for brick in found["bricks"]] == [True, False, True]
    assert found["bricks"][1]["total"] is None
    assert found["entries"] == [{"gfid": "gfid-1", "path": "/f1", "split_brain": True}]
    with pytest.raises(ModuleFailed, match="volume nosuch: there is no such volume"):
        run_module(capsys, gluster_heal_info, volume=["nosuch"])
