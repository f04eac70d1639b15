# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small pool in memory, which the unit tests of the modules run on, against the captures of the real one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

import pytest
from gluster_captures import Call, calls

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit/plugins/modules"))

from small_gluster import SmallGluster  # noqa: E402

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_errors import Answer, judge  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import parse_volumes  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _captures_are_there(contract_dir):
    assert calls()


def empty(pool: SmallGluster) -> None:
    pool.volumes.clear()


def v0(pool: SmallGluster) -> None:
    pool.volume_create("v0", "replica", "2", "gs1:/data/v0", "gs4:/data/v0")


def v0_started(pool: SmallGluster) -> None:
    v0(pool)
    pool.volume_start("v0")


def v0_deleted(pool: SmallGluster) -> None:
    v0(pool)
    pool.volume_delete("v0")


def r3(pool: SmallGluster) -> None:
    pool.volume_create("r3", "replica", "3", "gs1:/data/r3", "gs2:/data/r3", "gs3:/data/r3")
    pool.volume_start("r3")


def dr(pool: SmallGluster) -> None:
    pool.volume_create("dr", "replica", "2", *(f"gs{n}:/data/dr" for n in (1, 2, 3, 4)))
    pool.volume_start("dr")
    pool.volume_add_brick("dr", "gs1:/data/dr2", "gs2:/data/dr2")


def dr_moving(pool: SmallGluster) -> None:
    dr(pool)
    pool.volume_remove_brick("dr", "gs1:/data/dr2", "gs2:/data/dr2", "start")


def dr3(pool: SmallGluster) -> None:
    dr(pool)
    pool.volume_add_brick("dr", *DR3)


def di(pool: SmallGluster) -> None:
    pool.volume_create("di", "gs1:/data/di")
    pool.volume_start("di")


def arb2_with_a_host_down(pool: SmallGluster) -> None:
    pool.volume_create("arb2", "replica", "3", "arbiter", "1", *(f"gs{n}:/data/arb2" for n in (2, 3, 4)))
    pool.peers["gs3"]["connected"] = 0


def busy(pool: SmallGluster) -> None:
    r3(pool)
    pool.busy = 1


def gs2_lacks(pool: SmallGluster) -> None:
    del pool.peers["gs2"]


# What was asked of the real one in which state.
CASES: dict[str, Callable[[SmallGluster], None]] = {
    "volume-create-replica2": empty,
    "volume-create-exists-xml": v0,
    "volume-create-brick-reuse-xml": v0_deleted,
    "volume-create-brick-reuse-remote-first": lambda pool: pool.marks.update({"gs4:/data/v0": "v0"}),
    "volume-create-wrong-order-xml": empty,
    "volume-create-replica3-xml": empty,
    "volume-create-arbiter": empty,
    "volume-create-disperse": empty,
    "volume-create-distribute": empty,
    "volume-create-host-down": lambda pool: pool.peers["gs3"].update(connected=0),
    "volume-stop-not-started-xml": v0,
    "volume-start": v0,
    "volume-start-again-xml": v0_started,
    "volume-start-nonexistent-xml": empty,
    "volume-delete-started-xml": v0_started,
    "volume-delete-xml": v0,
    "volume-delete-nonexistent-xml": empty,
    "volume-delete-host-down-xml": arb2_with_a_host_down,
    "volume-status-created-xml": v0,
    "volume-set-multi-xml": r3,
    "volume-set-nonexistent-xml": empty,
    "volume-reset-option-xml": r3,
    "concurrent-volume-set-1": busy,
    "add-brick-wrong-count-xml": dr,
    "add-brick-during-remove": dr_moving,
    "rebalance-start-during-remove": lambda pool: (dr(pool), pool.volume_remove_brick("dr", *REST, "start")),
    "rebalance-replicate-only-xml": r3,
    "remove-brick-wrong-count-xml": dr,
    "remove-brick-not-in-volume-xml": dr,
    "remove-brick-start-xml": dr,
    "remove-brick-commit-before-start-xml": dr,
    "remove-brick-commit-in-progress-xml": dr_moving,
    "remove-brick-stop": lambda pool: (dr3(pool), pool.volume_remove_brick("dr", *DR3, "start")),
    "remove-brick-stop-xml": dr3,
    "replace-brick": r3,
    "replace-brick-distribute": di,
    "peer-detach-not-peer-xml": lambda pool: pool.peer_detach("gs3"),
    "peer-detach-with-bricks-xml": r3,
    "peer-probe-unresolvable-xml": empty,
    "peer-probe-ok": gs2_lacks,
    "pool-list-xml": empty,
    "heal-resolve-not-split": lambda pool: pool.volume_create("sb", "replica", "2", "gs1:/data/sb", "gs2:/data/sb"),
}
DR3 = ("gs3:/data/dr3", "gs4:/data/dr3")
REST = ("gs1:/data/dr2", "gs2:/data/dr2")


def judged(pool: SmallGluster, call: Call) -> Answer:
    xml = ["--xml"] if call.xml else []
    return judge(*pool.run_command(["gluster", "--mode=script", *xml, *call.words]))


@pytest.mark.parametrize("name", CASES)
def test_it_judges_as_the_real_one_did(name: str) -> None:
    call = next(one for one in calls() if one.name == name)
    pool = SmallGluster()
    CASES[name](pool)
    real, small = judge(call.rc, call.stdout, call.stderr), judged(pool, call)
    assert small.kind == real.kind, (small, real)
    if real.kind:
        assert small.advice == real.advice, "it is told in the same words"


def test_its_volumes_read_as_the_real_ones_do() -> None:
    pool = SmallGluster()
    made = [one for one in calls() if one.words[:2] == ("volume", "create") and one.rc == 0 and 173 <= one.seq <= 183]
    for call in made:
        if judge(call.rc, call.stdout, call.stderr).ok:
            words = ("replica", "3", *call.words[5:]) if call.words[2] == "arb2" else call.words[3:]
            pool.volume_create(
                call.words[2],
                *(("disperse", "4", "redundancy", "1", *words[2:]) if words[:2] == ("disperse", "4") else words),
            )
    (info,) = [one for one in calls() if one.name == "volume-info-all-xml"]
    real = {
        v.name: (v.form, v.brick_names, [b.arbiter for b in v.bricks])
        for v in parse_volumes(_tree(judge(0, info.stdout, "")))
    }
    small = {
        v.name: (v.form, v.brick_names, [b.arbiter for b in v.bricks]) for v in parse_volumes(_tree(judged(pool, info)))
    }
    assert small == real and len(real) == 7


def _tree(answer: Answer):
    assert answer.tree is not None
    return answer.tree
