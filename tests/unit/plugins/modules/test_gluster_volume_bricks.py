# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume where the bricks of a volume change, against a small pool in memory that can be cut off anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from host_module import ModuleFailed, run_module
from small_gluster import Killed, SmallGluster

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import begun
from ansible_collections.kvmcloud.stack.plugins.modules import gluster_volume


def bricks(*hosts: int, disk: str = "b1") -> list[str]:
    return [f"gs{host}:/{disk}/v" for host in hosts]


def volume(**options: Any) -> dict[str, Any]:
    return {"name": "v", "replica": 3, "bricks": bricks(1, 2, 3), **options}


def run(capsys: Any, *volumes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return run_module(capsys, gluster_volume, volumes=list(volumes), **more)


def test_sets_are_added_and_the_data_is_spread(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.log.clear()
    wanted = volume(bricks=[*bricks(2, 3, 4, disk="b2"), *bricks(1, 2, 3)])
    run(capsys, wanted)
    assert [words[1] for words in pool.log] == ["set", "add-brick", "rebalance", "set"]
    assert pool.volumes["v"].bricks == [*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")], "sets that were there stay"
    assert not begun(pool.volumes["v"].options)
    assert not run(capsys, wanted)["changed"], "the order of sets means nothing"


def test_bricks_leave_by_name_only_and_with_their_data(pool: SmallGluster, capsys: Any) -> None:
    both = [*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]
    run(capsys, volume(bricks=both))
    pool.log.clear()
    with pytest.raises(ModuleFailed, match=r"confirm_remove: \[gs2:/b2/v, gs3:/b2/v, gs4:/b2/v\]"):
        run(capsys, volume())
    assert pool.log == []
    named = volume(confirm_remove=bricks(2, 3, 4, disk="b2"))
    pool.failures_of_moving = 3
    with pytest.raises(ModuleFailed, match="3 files could not be moved .* nothing is lost"):
        run(capsys, named)
    assert pool.volumes["v"].bricks == both, "not committed"
    pool.failures_of_moving = 0
    pool.log.clear()
    run(capsys, named)
    assert [words[-1] for words in pool.log] == ["stop", "start", "commit"], "its failures stay until it is ended"
    assert pool.volumes["v"].bricks == bricks(1, 2, 3)
    assert not run(capsys, named)["changed"]


def test_a_removal_that_was_cut_off_goes_on(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]))
    pool.volume_remove_brick("v", *bricks(2, 3, 4, disk="b2"), "start")
    pool.log.clear()
    named = volume(confirm_remove=bricks(2, 3, 4, disk="b2"))
    run(capsys, named)
    assert [words[-1] for words in pool.log if words[1] == "remove-brick"] == ["commit"]
    assert not run(capsys, named)["changed"]


def test_a_removal_that_has_failed_is_begun_anew(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]))
    pool.volume_remove_brick("v", *bricks(2, 3, 4, disk="b2"), "start")
    pool.volumes["v"].moving, pool.volumes["v"].ended = 0, "failed"
    pool.log.clear()
    with pytest.raises(ModuleFailed, match="gs2: failed"):
        run(capsys, volume(confirm_remove=bricks(2, 3, 4, disk="b2")))
    pool.volumes["v"].ended = "completed"
    run(capsys, volume(confirm_remove=bricks(2, 3, 4, disk="b2")))
    assert pool.volumes["v"].bricks == bricks(1, 2, 3)


def test_data_of_a_brick_that_is_away_cannot_be_moved(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]))
    pool.peers["gs4"]["connected"] = 0
    with pytest.raises(ModuleFailed, match="gs4:/b2/v is host away, so that the data of its set cannot be moved away"):
        run(capsys, volume(confirm_remove=bricks(2, 3, 4, disk="b2")))


def test_the_data_of_a_brick_whose_process_has_ended_is_moved_when_it_runs(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]))
    pool.offline.add("gs4:/b2/v")
    pool.log.clear()
    run(capsys, volume(confirm_remove=bricks(2, 3, 4, disk="b2")))
    assert [words[1] for words in pool.log] == ["start", "set", "remove-brick", "remove-brick"]


def test_a_mark_stays_as_long_as_a_brick_is_down(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.volumes["v"].options["user.kvmcloud-heal"] = "wanted"
    pool.peers["gs3"]["connected"] = 0
    assert not run(capsys, volume())["changed"] and pool.volumes["v"].options["user.kvmcloud-heal"] == "wanted"
    pool.peers["gs3"]["connected"] = 1
    pool.volumes["v"].incomplete["gs3:/b1/v"] = 5
    assert run(capsys, volume())["changed"] and not pool.volumes["v"].incomplete
    assert pool.volumes["v"].options["user.kvmcloud-heal"] == "ended" and not run(capsys, volume())["changed"]


def test_a_removal_that_somebody_began_is_in_the_way(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]))
    pool.volume_remove_brick("v", *bricks(2, 3, 4, disk="b2"), "start")
    other = ["gs1:/b1/v", "gs2:/b1/v", "gs3:/b1/v", "gs1:/b3/v", "gs3:/b2/v", "gs4:/b2/v"]
    with pytest.raises(ModuleFailed, match="a removal of .* was begun .* is not committed"):
        run(capsys, volume(bricks=other, confirm_remove=bricks(2, disk="b2")))


@pytest.mark.parametrize("more", [[], bricks(1, 2, 4, disk="b3")], ids=["as before", "and others come"])
def test_bricks_that_are_declared_again_stay(more: list[str], pool: SmallGluster, capsys: Any) -> None:
    both = [*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]
    run(capsys, volume(bricks=both))
    pool.volume_remove_brick("v", *bricks(2, 3, 4, disk="b2"), "start")
    pool.log.clear()
    result = run(capsys, volume(bricks=[*both, *more]))
    assert "end the removal of gs2:/b2/v" in str(result["actions"])
    done = ["set", "remove-brick", *(["add-brick"] if more else []), "rebalance", "set"]
    assert [words[1] for words in pool.log] == done and pool.log[1][-1] == "stop"
    assert pool.volumes["v"].bricks == [*both, *more]
    assert not run(capsys, volume(bricks=[*both, *more]))["changed"]


def test_a_brick_is_replaced_and_filled(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume(options={"auth.allow": "10.*"}))
    pool.log.clear()
    wanted = volume(bricks=bricks(1, 2, 4), confirm_remove=bricks(3), options={"auth.allow": "10.*"})
    result = run(capsys, wanted)
    assert pool.volumes["v"].bricks == bricks(1, 2, 4) and not pool.volumes["v"].incomplete
    # gluster had no reason to write the peers into it, in another way on every host.
    assert [words[1] for words in pool.log] == ["set", "replace-brick", "set"]
    assert pool.volumes["v"].options["auth.allow"] == "10.*" and "old.auth.allow" not in pool.volumes["v"].options
    assert [s["action"] for s in result["actions"] if s["command"][0] == "await"][0].startswith(
        "wait until nothing is only"
    )
    assert not run(capsys, wanted)["changed"]


def test_the_list_of_clients_has_this_host_as_its_peers_call_it(pool: SmallGluster, capsys: Any) -> None:
    """auth-allow-per-node-gs2: the others write gs1 there, which its own list of peers does not have."""
    pool.known_as = ["10.77.0.1", "gs1"]
    run(capsys, volume(bricks=bricks(2, 3, 4), options={"auth.allow": "10.9.*"}))
    moved = volume(bricks=[*bricks(2, 3), "gs4:/b2/v"], confirm_remove=bricks(4), options={"auth.allow": "10.9.*"})
    run(capsys, moved)
    assert not pool.split and pool.volumes["v"].options["auth.allow"] == "10.9.*"


def test_a_rewritten_list_of_clients_becomes_the_same_everywhere(pool: SmallGluster, capsys: Any) -> None:
    """auth.allow '10.77.0.*,gs2,gs3,gs4' on one host, '...,gs1,gs3,gs4' on another: rejected at the next restart."""
    run(capsys, volume())
    pool.volumes["v"].options.update({"auth.allow": "10.*,gs2,gs3", "old.auth.allow": "10.*"})
    run(capsys, volume())
    assert pool.volumes["v"].options["auth.allow"] == "10.*" and "would split the pool" in str(pool.warnings)
    assert not run(capsys, volume())["changed"]


def test_the_brick_of_a_dead_host_is_replaced_and_not_waited_for(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.peers["gs3"]["connected"] = 0
    pool.offline.add("gs3:/b1/v")
    run(capsys, volume(bricks=bricks(1, 2, 4), confirm_remove=bricks(3)))
    assert pool.volumes["v"].bricks == bricks(1, 2, 4)


def test_no_copy_goes_while_another_is_missing(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.peers["gs2"]["connected"] = 0
    with pytest.raises(ModuleFailed, match="gs3:/b1/v cannot be taken away now: gs2:/b1/v is host away"):
        run(capsys, volume(bricks=bricks(1, 2, 4), confirm_remove=bricks(3)))
    with pytest.raises(ModuleFailed, match="must be online before the number of copies can change"):
        run(capsys, volume(replica=4, bricks=bricks(1, 2, 3, 4), confirm_replica_from=3))
    pool.peers["gs2"]["connected"] = 1
    pool.offline |= {"gs2:/b1/v", "gs3:/b1/v"}
    both = volume(bricks=["gs1:/b1/v", "gs4:/b1/v", "gs2:/b9/v"], confirm_remove=bricks(2, 3))
    run(capsys, both)
    assert sorted(pool.volumes["v"].bricks) == sorted(both["bricks"]), "one copy is left, and both others go"


def test_a_dead_copy_less(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.offline.add("gs3:/b1/v")
    two = {"name": "v", "replica": 2, "accept_split_brain_risk": True, "bricks": bricks(1, 2)}
    run(capsys, {**two, "confirm_replica_from": 3, "confirm_remove": bricks(3)})
    assert pool.volumes["v"].bricks == bricks(1, 2)


def test_a_brick_of_another_set_may_be_down(pool: SmallGluster, capsys: Any) -> None:
    both = [*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")]
    run(capsys, volume(bricks=both))
    pool.offline, pool.broken = {"gs4:/b2/v"}, {"gs4:/b2/v"}
    with pytest.raises(ModuleFailed, match="gs4:/b2/v: still offline"):
        run(capsys, volume(bricks=["gs4:/b1/v", *both[1:]], confirm_remove=bricks(1)))
    assert pool.volumes["v"].bricks[0] == "gs4:/b1/v", "it is told when the other one is replaced"


def test_a_brick_whose_process_has_ended_is_started_before_all_else(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.volumes["v"].options["user.kvmcloud-heal"] = "wanted"
    pool.offline.add("gs2:/b1/v")
    pool.log.clear()
    run(capsys, volume())
    assert [words[1] for words in pool.log] == ["start", "set"] and not pool.offline, "in spite of a mark"
    pool.offline.add("gs2:/b1/v")
    pool.volumes["v"].incomplete["gs2:/b1/v"] = 4
    pool.log.clear()
    more = volume(bricks=["gs1:/b1/v", "gs2:/b1/v", "gs4:/b1/v", *bricks(1, 2, 3, disk="b2")], confirm_remove=bricks(3))
    run(capsys, more)
    assert [words[1] for words in pool.log] == ["start", "set", "replace-brick", "add-brick", "rebalance", "set"]


def test_a_copy_that_has_missed_something_does_not_stand_for_a_lost_one(pool: SmallGluster, capsys: Any) -> None:
    """Of two copies the one that ran is lost, and the other, whose process had ended, would be the only source."""
    two = {"name": "v", "replica": 2, "accept_split_brain_risk": True}
    run(capsys, {**two, "bricks": bricks(1, 2)})
    pool.peers["gs2"]["connected"] = 0
    pool.offline.add("gs1:/b1/v")
    with pytest.raises(ModuleFailed, match="gs2:/b1/v cannot be taken away now: gs2:/b1/v is host away"):
        run(capsys, {**two, "bricks": bricks(1, 3), "confirm_remove": bricks(2)})


def test_bricks_are_not_started_beside_a_new_and_empty_disk(pool: SmallGluster, capsys: Any) -> None:
    """'start force' marks an empty directory as a whole brick."""
    run(capsys, volume(bricks=[*bricks(1, 2, 3), *bricks(1, 2, 3, disk="b2")]))
    pool.offline |= {"gs3:/b1/v", "gs2:/b2/v"}
    pool.log.clear()
    wanted = volume(bricks=[*bricks(1, 2, 3), *bricks(1, 2, 3, disk="b2")], rebuilt_bricks=bricks(3))
    run(capsys, wanted)
    assert [words[1] for words in pool.log] == ["set", "reset-brick", "reset-brick", "start", "set"]
    assert not pool.offline and not run(capsys, wanted)["changed"]


def test_a_copy_that_is_not_known_to_be_complete_does_not_stand_for_a_dead_one(pool: SmallGluster, capsys: Any) -> None:
    two = {"name": "v", "replica": 2, "accept_split_brain_risk": True}
    run(capsys, {**two, "bricks": bricks(1, 2)})
    pool.log.clear()
    pool.kill_after = 2
    with pytest.raises(Killed):
        run(capsys, {**two, "bricks": bricks(3, 2), "confirm_remove": bricks(1)})
    pool.kill_after = None
    assert pool.volumes["v"].bricks == bricks(3, 2) and pool.volumes["v"].incomplete
    pool.offline.add("gs2:/b1/v")
    with pytest.raises(ModuleFailed, match="not known whether gs3:/b1/v is complete without gs2:/b1/v"):
        run(capsys, {**two, "bricks": bricks(3, 4), "confirm_remove": bricks(2)})
    pool.offline.clear()
    run(capsys, {**two, "bricks": bricks(3, 4), "confirm_remove": bricks(2)})
    assert pool.volumes["v"].bricks == bricks(3, 4) and not pool.volumes["v"].incomplete


def test_nor_does_a_fragment(pool: SmallGluster, capsys: Any) -> None:
    parts = {"name": "v", "disperse": 3, "redundancy": 1}
    run(capsys, {**parts, "bricks": bricks(1, 2, 3)})
    pool.log.clear()
    pool.kill_after = 2
    with pytest.raises(Killed):
        run(capsys, {**parts, "bricks": bricks(4, 2, 3), "confirm_remove": bricks(1)})
    pool.kill_after = None
    pool.peers["gs2"]["connected"] = 0
    with pytest.raises(ModuleFailed, match="not known whether gs4:/b1/v, gs3:/b1/v is complete without gs2:/b1/v"):
        run(capsys, {**parts, "bricks": ["gs4:/b1/v", "gs1:/b9/v", "gs3:/b1/v"], "confirm_remove": bricks(2)})


def test_with_fewer_copies_nothing_is_lost_that_one_set_has_yet_to_heal(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, {"name": "v", "replica": 2, "accept_split_brain_risk": True, "bricks": bricks(1, 2, 3, 4)})
    pool.offline.add("gs2:/b1/v")
    pool.volumes["v"].incomplete["gs3:/b1/v"] = 5  # what it lacks is on gs4 alone, which leaves
    one = {"name": "v", "replica": 1, "bricks": bricks(1, 3)}
    run(capsys, {**one, "confirm_replica_from": 2, "confirm_remove": bricks(2, 4)})
    assert pool.volumes["v"].bricks == bricks(1, 3) and not pool.volumes["v"].incomplete


def test_a_brick_that_its_glusterd_does_not_recognise_is_replaced_by_itself(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.offline, pool.unread = {"gs3:/b1/v"}, {"gs3:/b1/v"}
    pool.log.clear()
    run(capsys, volume(rebuilt_bricks=bricks(3)))
    assert [words[1] for words in pool.log] == ["set", "reset-brick", "replace-brick", "set"]
    assert not pool.volumes["v"].incomplete and not pool.offline and pool.volumes["v"].bricks == bricks(1, 2, 3)


def test_all_bricks_of_a_set_are_replaced_one_after_the_other(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.log.clear()
    hosts = [{"name": f"gs{n}", "disks": [{"name": "b2", "path": "/b2/v"}]} for n in (1, 2, 3)]
    moved = volume(bricks=bricks(1, 2, 3, disk="b2"), hosts=hosts, confirm_remove=bricks(1, 2, 3))
    run(capsys, moved)
    assert [words[1] for words in pool.log] == ["set", *["replace-brick"] * 3, "set"]
    assert pool.volumes["v"].bricks == bricks(1, 2, 3, disk="b2") and not pool.volumes["v"].incomplete
    pool.offline.add("gs1:/b2/v")
    with pytest.raises(ModuleFailed, match="cannot be taken away now: gs1:.b2.v is offline"):
        back = [{"name": f"gs{n}", "disks": [{"name": "b1", "path": "/b1/v"}]} for n in (1, 2, 3)]
        run(capsys, volume(hosts=back, confirm_remove=bricks(1, 2, 3, disk="b2")))


def test_a_disk_is_new_at_the_same_place(pool: SmallGluster, capsys: Any) -> None:
    wanted = volume(rebuilt_bricks=bricks(3))
    run(capsys, volume())
    assert not run(capsys, wanted)["changed"], "its process runs"
    pool.offline.add("gs3:/b1/v")
    pool.log.clear()
    run(capsys, wanted)
    assert [words[1] for words in pool.log] == ["set", "reset-brick", "reset-brick", "set"]
    assert not pool.volumes["v"].incomplete
    assert not run(capsys, wanted)["changed"]


def test_the_number_of_copies_changes(pool: SmallGluster, capsys: Any) -> None:
    two = {"name": "v", "replica": 2, "accept_split_brain_risk": True, "bricks": bricks(1, 2)}
    run(capsys, two)
    arbiter = {"name": "v", "replica": 3, "arbiter": 1, "bricks": bricks(1, 2, 3)}
    with pytest.raises(ModuleFailed, match="needs confirm_replica_from: 2"):
        run(capsys, arbiter)
    run(capsys, {**arbiter, "confirm_replica_from": 2})
    made = pool.volumes["v"]
    assert (made.replica, made.arbiter, made.bricks) == (3, 1, bricks(1, 2, 3))
    assert not run(capsys, {**arbiter, "confirm_replica_from": 2})["changed"]
    with pytest.raises(ModuleFailed, match="confirm_remove"):
        run(capsys, {**two, "confirm_replica_from": 3})
    run(capsys, {**two, "confirm_replica_from": 3, "confirm_remove": bricks(3)})
    assert (made.replica, made.arbiter, made.bricks) == (2, 0, bricks(1, 2))


def test_disks_instead_of_bricks_move_as_little_as_possible(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    hosts = [{"name": f"gs{n}", "disks": [{"name": d, "path": f"/{d}/v"} for d in ("b1", "b2")]} for n in (1, 2, 3)]
    # As it would be laid out from nothing: in another order, which the volume that is there does not take.
    other_order = [brick for disk in ("b2", "b1") for brick in bricks(3, 2, 1, disk=disk)]
    wanted = volume(bricks=other_order, hosts=hosts, capacity_mb=10, survives=["Any one host may be down."])
    run(capsys, wanted)
    assert pool.volumes["v"].bricks == [*bricks(1, 2, 3), *bricks(1, 2, 3, disk="b2")]
    assert not run(capsys, wanted)["changed"]


def test_a_ghost_is_told_and_left_to_a_person(pool: SmallGluster, capsys: Any) -> None:
    run(capsys, volume())
    pool.volumes["v"].replica = 2
    pool.volumes["v"].name = "v"
    with pytest.raises(ModuleFailed, match="3 bricks in sets of replica 2, .* ghost of a creation"):
        run(capsys, volume())
    run(capsys, volume(name="w", bricks=bricks(1, 2, 3, disk="b2")))
    assert "volume v: it has 3 bricks" in str(pool.warnings) and "ghost" in str(pool.warnings)


# -- cut off anywhere ------------------------------------------------------------------------------------------------

START = volume(bricks=[*bricks(1, 2, 3), *bricks(2, 3, 4, disk="b2")], options={"auth.allow": "10.*"})
CHANGES = {
    "created": None,
    "grown": volume(bricks=[*START["bricks"], *bricks(1, 2, 4, disk="b3")], options={"auth.allow": "10.*"}),
    "shrunk": volume(confirm_remove=bricks(2, 3, 4, disk="b2"), options={"auth.allow": "10.*"}),
    "replaced": volume(
        bricks=["gs4:/b1/v", *bricks(2, 3), *bricks(2, 3, disk="b2"), "gs1:/b2/v"],
        confirm_remove=["gs1:/b1/v", "gs4:/b2/v"],
        options={"auth.allow": "10.*"},
    ),
    "all at once": volume(
        bricks=["gs4:/b1/v", *bricks(2, 3), *bricks(1, 2, 4, disk="b3")],
        confirm_remove=["gs1:/b1/v", *bricks(2, 3, 4, disk="b2")],
        options={"auth.allow": "11.*", "a.flag": "on"},
        quota=[{"path": "/", "limit": "1GB"}],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_killed_after_any_command_it_converges_and_loses_nothing(change: str, pool: SmallGluster, capsys: Any) -> None:
    """The pool itself watches that the last complete copy is never taken away."""
    wanted = CHANGES[change] or START
    fresh = dict(vars(pool))
    for after in range(1, 40):
        pool.__dict__.update({**fresh, "volumes": {}, "marks": {}, "log": [], "offline": set()})
        if CHANGES[change]:
            run(capsys, START)
        pool.log.clear()
        pool.kill_after = after
        try:
            run(capsys, wanted)
        except Killed:
            pool.kill_after = None
            run(capsys, wanted)
            found = pool.volumes["v"]
            assert sorted(map(sorted, found.sets)) == sorted(
                sorted(wanted["bricks"][at : at + 3]) for at in range(0, len(wanted["bricks"]), 3)
            )
            assert found.options["auth.allow"] == wanted["options"]["auth.allow"]
            assert not begun(found.options) and not any(key.startswith("old.") for key in found.options)
            assert not run(capsys, wanted)["changed"], after
        else:
            pool.kill_after = None
            assert after > 2, "it was cut off in between at least twice"
            return
    pytest.fail("it never came to its end")
