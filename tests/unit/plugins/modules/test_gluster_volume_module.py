# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume from call to result, against a small pool in memory that can be cut off after any command."""

from __future__ import annotations

from typing import Any

import pytest
from host_module import ModuleFailed, run_module
from small_gluster import SmallGluster

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_command
from ansible_collections.kvmcloud.stack.plugins.modules import gluster_volume, gluster_volume_info


def bricks(*hosts: int, disk: str = "b1") -> list[str]:
    return [f"gs{host}:/{disk}/v" for host in hosts]


def volume(**options: Any) -> dict[str, Any]:
    return {"name": "v", "replica": 3, "bricks": bricks(1, 2, 3), **options}


def run(capsys: Any, *volumes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return run_module(capsys, gluster_volume, volumes=list(volumes), **more)


def test_a_volume_is_made_set_up_and_started(pool: SmallGluster, capsys: Any) -> None:
    wanted = volume(
        group="virt", owner={"uid": 36, "gid": 36}, options={"network.ping-timeout": 10, "auth.allow": "10.*"}
    )
    result = run(capsys, wanted)
    assert [words[1] for words in pool.log] == ["create", "set", "start"], "one transaction for all options"
    made = pool.volumes["v"]
    assert made.status == "Started" and made.bricks == bricks(1, 2, 3)
    assert made.options["storage.owner-uid"] == "36" and made.options["cluster.eager-lock"] == "enable"
    assert result["volumes"][0]["sets"] == [bricks(1, 2, 3)]
    pool.log.clear()
    assert not run(capsys, wanted)["changed"] and pool.log == []


def test_the_converged_case_is_two_reads(pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [volume(), volume(name="w", bricks=bricks(1, 2, 3, disk="b2"))]
    run(capsys, *wanted)
    asked: list[Any] = []
    answer = pool.answer
    monkeypatch.setattr(pool, "answer", lambda words: (asked.append(words), answer(words))[1])
    assert not run(capsys, *wanted)["changed"]
    assert asked == [("volume", "info"), ("volume", "status", "all")]


def test_a_brick_whose_process_has_ended_is_started_again(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(), volume(name="w", bricks=bricks(1, 2, 3, disk="b2")))
    pool.log.clear()
    pool.offline.add("gs2:/b1/v")
    wanted = [volume(), volume(name="w", bricks=bricks(1, 2, 3, disk="b2"))]
    shown = run(capsys, *wanted, check=True)
    assert shown["actions"][0]["command"][1:] == ["volume", "start", "v", "force"]
    assert run(capsys, *wanted)["changed"]
    assert pool.log == [("volume", "start", "v", "force")] and not pool.offline
    assert not run(capsys, *wanted)["changed"]


def test_a_brick_that_does_not_come_is_told(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.offline, pool.broken = {"gs2:/b1/v"}, {"gs2:/b1/v"}
    with pytest.raises(ModuleFailed, match="gs2:/b1/v.*offline"):
        run(capsys, volume())


def test_bricks_of_a_host_that_is_away_are_not_started(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.peers["gs2"]["connected"] = 0
    assert not run(capsys, volume())["changed"]


def test_bricks_of_a_volume_that_shall_stop_are_not_started(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.log.clear()
    pool.offline.add("gs2:/b1/v")
    run(capsys, volume(state="stopped"))
    assert pool.log == [("volume", "stop", "v")]


def test_check_mode_changes_nothing_and_tells_all(pool: SmallGluster, capsys: Any) -> None:
    result = run(capsys, volume(options={"features.shard": True}), check=True)
    assert result["changed"] and pool.log == [] and not pool.volumes
    assert [step["command"][2] for step in result["actions"][:3]] == ["create", "set", "start"]
    assert "option features.shard: on" in result["diff"][0]["after"] and result["diff"][0]["before"] == ""


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        # A wrong number leaves a ghost: not listed, known to some hosts only, not to be deleted.
        (volume(bricks=bricks(1, 2, 3, 4)), "4 bricks, which is no multiple of 3"),
        (volume(bricks=["gs1:b1/v", *bricks(2, 3)]), "not of the form HOST:/ABSOLUTE/PATH"),
        (volume(bricks=["gs1:/", *bricks(2, 3)]), "not of the form"),
        (volume(bricks=bricks(1, 1, 2)), "is there twice"),
        (volume(bricks=["gs1:/a/v", "gs1:/b/v", "gs2:/a/v"]), "of one set and on one host"),
        (volume(bricks=bricks(1, 2, 9)), "gs9 is no peer of this pool"),
        (volume(bricks=[]), "it has no bricks"),
        (volume(name="v/n"), "a volume is called by letters"),
        (volume(name="volume"), "not by a word of the command"),
        (volume(replica=2, bricks=bricks(1, 2)), "accept_split_brain_risk"),
        (volume(stripe=2), "features.shard"),
        (volume(group="nosuch"), "there is no group nosuch"),
        (volume(bricks=["gs1:/b2/v/sub", *bricks(2, 3)]), "gs1:/b2/v/sub lies in gs1:/b2/v"),
        (volume(bricks=["gs1:/b2", *bricks(2, 3)]), "gs1:/b2 holds gs1:/b2/v"),
        (volume(bricks=["gs1:/b2/v", *bricks(2, 3)]), "one of volume other too|belongs to volume other"),
        (volume(options={"cluster.server-quorum-ratio": "51%"}), "pool_options of gluster_peer"),
        (volume(options={"features.quota": "on"}), "declare quota instead"),
        (volume(quota=[{"path": "q", "limit": "1GB"}]), "beginning with /"),
        (volume(quota=[{"path": "/q", "limit": "much"}]), "is no size"),
        (volume(owner={"uid": 36}, options={"storage.owner-uid": 0}), "owner says uid 36"),
    ],
)
def test_what_is_refused_before_anything_is_done(wanted: dict, said: str, pool: SmallGluster, capsys: Any) -> None:
    other = volume(name="other", bricks=bricks(1, 2, 3, disk="b2"))
    run(capsys, other)
    pool.log.clear()
    pool.marks.clear()
    with pytest.raises(ModuleFailed, match=said):
        run(capsys, wanted, other)
    assert pool.log == [] and not pool.marks, "nothing was left behind"


def test_everything_wrong_is_told_at_once(pool: SmallGluster, capsys: Any) -> None:
    with pytest.raises(ModuleFailed) as failed:
        run(capsys, volume(bricks=bricks(1, 2)), volume(name="w", stripe=2), volume(name="x", bricks=bricks(1, 2, 3)))
    text = str(failed.value)
    assert "2 bricks" in text and "stripe" in text and "one of volume v too" in text


def test_check_mode_takes_hosts_and_packages_as_made_before(
    pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(capsys, volume(bricks=bricks(1, 2, 9)), check=True)
    assert "gs9 is no peer yet" in str(pool.warnings)
    monkeypatch.setattr(gluster_command.Gluster, "installed", False)
    result = run(capsys, volume(group="nosuch"), check=True)
    assert result["changed"] and "not installed yet" in str(pool.warnings)
    with pytest.raises(ModuleFailed, match="no group nosuch"):
        run(capsys, volume(group="nosuch"))


def test_a_volume_that_was_made_unsafe_by_hand_is_told(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    unsafe = ["gs1:/b1/v", "gs1:/b2/v", "gs2:/b1/v"]
    pool.volumes["v"].bricks = list(unsafe)
    run(capsys, volume(bricks=unsafe, options={"a.flag": True}))
    assert pool.volumes["v"].options["a.flag"] == "on" and "on one host" in str(pool.warnings)


def test_a_host_that_is_away_makes_no_brick(pool: SmallGluster, capsys: Any) -> None:
    pool.peers["gs3"]["connected"] = 0
    with pytest.raises(ModuleFailed, match="host gs3 is disconnected"):
        run(capsys, volume())
    pool.peers["gs3"].update(connected=1, state=6, text="Peer Rejected")
    with pytest.raises(ModuleFailed, match="host gs3 is rejected"):
        run(capsys, volume())
    assert not pool.marks


def test_a_refused_creation_says_where_marks_may_be(pool: SmallGluster, capsys: Any) -> None:
    pool.marks["gs3:/b1/v"] = "an older one"
    with pytest.raises(ModuleFailed) as failed:
        run(capsys, volume())
    text = str(failed.value)
    assert "Staging failed on gs3" in text and "reset" in text and "Not done: start volume v" in text


def test_where_the_lock_was_held_nothing_is_cleaned(
    pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was looked at, so that a mark is that of somebody else, who makes a volume of the brick right now."""
    cleaned: list[Any] = []
    monkeypatch.setattr(gluster_volume.Leftovers, "remove", lambda _self, _in_use: cleaned.append(1) or [])
    pool.busy = 1000
    with pytest.raises(ModuleFailed, match="Another transaction"):
        run(capsys, volume(), busy_timeout=1)
    assert not cleaned
    pool.busy = 0
    pool.marks["gs3:/b1/v"] = "an older one"
    with pytest.raises(ModuleFailed, match="already part of a volume"):
        run(capsys, volume())
    assert cleaned


def test_a_success_that_made_something_else_is_none(
    pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [bricks(1, 2), bricks(1, 2, disk="b2")]
    run(capsys, volume(replica=2, accept_split_brain_risk=True, bricks=[*two[0], *two[1]]))
    add = pool.volume_add_brick
    monkeypatch.setattr(pool, "volume_add_brick", lambda name, *words: add(name, *words[:2], *words[:1:-1]))
    with pytest.raises(ModuleFailed, match="its sets are .*gs2:/b1/v', 'gs4:/b2/v'"):
        run(capsys, volume(bricks=[*two[0], "gs3:/b1/v", *two[1], "gs4:/b2/v"], confirm_replica_from=2))


def test_a_brick_that_does_not_come_up_is_told(
    pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = pool.volume_start
    monkeypatch.setattr(pool, "volume_start", lambda name: (start(name), pool.offline.add("gs2:/b1/v")))
    with pytest.raises(ModuleFailed, match="the bricks of volume v online; after .* gs2:/b1/v: still offline"):
        run(capsys, volume())


def test_a_rebalance_that_was_cut_off_is_waited_for(pool: SmallGluster, capsys: Any) -> None:
    both = volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")])
    run(capsys, both)
    made = pool.volumes["v"]
    made.options["user.kvmcloud-rebalance"] = "wanted"
    made.task, made.moving = "Rebalance", 3
    result = run(capsys, both)
    assert [step["command"][1] for step in result["actions"]] == ["rebalance", "volume", "rebalance", "volume"]
    assert made.options["user.kvmcloud-rebalance"] == "ended"


def test_a_lock_of_somebody_else_is_waited_for(pool: SmallGluster, capsys: Any) -> None:
    pool.busy = 4
    assert run(capsys, volume())["changed"]
    pool.busy = 1000
    with pytest.raises(ModuleFailed, match="Another transaction is in progress"):
        run(capsys, volume(options={"a.b": 1}), busy_timeout=5)


def test_options_are_compared_by_what_they_mean(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(options={"a.flag": "enable", "a.size": "1GB", "auth.allow": "10.0.0.1,10.0.0.2"}))
    same = volume(options={"a.flag": True, "a.size": "1024MB", "auth.allow": "10.0.0.2,10.0.0.1"})
    assert not run(capsys, same)["changed"]
    result = run(capsys, volume(options={"a.flag": False, "a.size": None, "a.gone": None}))
    assert [step["command"][2:] for step in result["actions"]] == [
        ["set", "v", "a.flag", "off"],
        ["reset", "v", "a.size"],
    ]


def test_a_wrong_option_changes_none_of_them(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    with pytest.raises(ModuleFailed, match="Correct the name of the option"):
        run(capsys, volume(options={"a.good": 1, "no.such": 2}))
    assert "a.good" not in pool.volumes["v"].options


def test_sharding_stays_on(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(options={"features.shard": "on"}))
    for off in (False, None):
        with pytest.raises(ModuleFailed, match="would be unreadable"):
            run(capsys, volume(options={"features.shard": off}))


def test_granular_entry_heal_has_a_command_of_its_own_once_started(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    result = run(capsys, volume(options={"cluster.granular-entry-heal": True}))
    assert result["actions"][0]["command"][-2:] == ["granular-entry-heal", "enable"]
    assert not run(capsys, volume(options={"cluster.granular-entry-heal": "on"}))["changed"]


def test_quota(pool: SmallGluster, capsys: Any) -> None:
    wanted = volume(quota=[{"path": "/", "limit": "10GB"}, {"path": "/q/", "limit": "10MB", "soft_limit": "50%"}])
    run(capsys, wanted)
    assert pool.volumes["v"].limits == {"/": (10 * 1024**3, "80%"), "/q": (10 * 1024**2, "50%")}
    assert not run(capsys, wanted)["changed"]
    result = run(capsys, volume(quota=[{"path": "/", "limit": "11GB"}]))
    assert [step["command"][4] for step in result["actions"]] == ["limit-usage", "remove"]
    assert not run(capsys, volume())["changed"], "what is not declared is left alone"
    run(capsys, volume(quota=[]))
    assert "features.quota" not in pool.volumes["v"].options
    assert not run(capsys, volume(quota=[]))["changed"]
    with pytest.raises(ModuleFailed, match="The directory must exist in the volume"):
        run(capsys, volume(quota=[{"path": "/nosuch", "limit": "1GB"}]))


def test_quota_that_is_on_without_any_limit(pool: SmallGluster, capsys: Any) -> None:
    """'No quota configured' is opRet -1, and no failure."""
    run(capsys, volume())
    pool.volumes["v"].options["features.quota"] = "on"
    result = run(capsys, volume(quota=[{"path": "/", "limit": "1GB"}]))
    assert [step["command"][4] for step in result["actions"]] == ["limit-usage"]


def test_a_volume_that_somebody_else_makes_at_the_same_moment(
    pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = pool.volume_create
    monkeypatch.setattr(pool, "volume_create", lambda *words: (create(*words), create(*words)))
    with pytest.raises(ModuleFailed, match="already exists.*Run again") as failed:
        run(capsys, volume())
    assert "reset" not in str(failed.value), "its bricks are in use"


def test_bricks_of_hosts_that_have_no_part_in_the_run_are_not_taken_into_use(pool: SmallGluster, capsys: Any) -> None:
    with pytest.raises(ModuleFailed, match="gs3:/b1/v would be taken into use.*Run without --limit"):
        run(capsys, volume(), prepared_hosts=["gs1", "gs2"])
    assert not pool.volumes
    run(capsys, volume(), prepared_hosts=["gs1", "gs2", "gs3"])
    moved = volume(bricks=["gs1:/b1/v", "gs2:/b1/v", "gs4:/b1/v"], confirm_remove=["gs3:/b1/v"])
    with pytest.raises(ModuleFailed, match="gs4:/b1/v would be taken into use"):
        run(capsys, moved, prepared_hosts=["gs1", "gs2"])
    assert run(capsys, moved, prepared_hosts=["gs4", "gs1"])["changed"]
    pool.offline.add("gs2:/b1/v")
    lost = {**moved, "rebuilt_bricks": ["gs2:/b1/v"]}
    with pytest.raises(ModuleFailed, match="gs2:/b1/v would be taken into use"):
        run(capsys, lost, prepared_hosts=["gs4", "gs1"])
    pool.offline.clear()
    assert not run(capsys, moved, prepared_hosts=[])["changed"], "what is as declared needs nobody"


def test_stop_and_delete(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    run(capsys, volume(state="stopped"))
    assert pool.volumes["v"].status == "Stopped"
    assert not run(capsys, volume(state="stopped"))["changed"]
    gone = {"name": "v", "state": "absent"}
    with pytest.raises(ModuleFailed, match="needs confirm_delete: v"):
        run(capsys, gone)
    with pytest.raises(ModuleFailed, match="needs confirm_delete: v"):
        run(capsys, {**gone, "confirm_delete": "w"})
    pool.peers["gs4"]["connected"] = 0
    with pytest.raises(ModuleFailed, match="while all peers are connected; gs4 is not"):
        run(capsys, {**gone, "confirm_delete": "v"})
    pool.peers["gs4"]["connected"] = 1
    run(capsys, volume())
    pool.log.clear()
    run(capsys, {**gone, "confirm_delete": "v"})
    assert [words[1] for words in pool.log] == ["stop", "delete"] and "reset" in str(pool.warnings)
    assert not run(capsys, gone)["changed"]


# -- what is told of volumes -----------------------------------------------------------------------------------------


def test_info_has_the_bricks_that_status_leaves_out(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(), volume(name="w", bricks=bricks(1, 2, 3, disk="b2"), state="stopped"))
    pool.peers["gs3"]["connected"] = 0
    pool.offline.add("gs2:/b1/v")
    found = {one["name"]: one for one in run_module(capsys, gluster_volume_info)["volumes"]}
    assert [brick["state"] for brick in found["v"]["bricks"]] == ["online", "offline", "host away"]
    assert {brick["state"] for brick in found["w"]["bricks"]} == {"unknown"}
    assert [one["name"] for one in run_module(capsys, gluster_volume_info, name=["w", "nosuch"])["volumes"]] == ["w"]
