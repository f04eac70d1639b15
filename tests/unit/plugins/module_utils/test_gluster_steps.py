# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a move of data has ended, and when it must not be committed."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import differences
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_steps import judge_progress
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Progress


def on(host: str, status: str = "completed", failures: int = 0, skipped: int = 0) -> Progress:
    return Progress(f"uuid-{host}", host, status, 7, failures, skipped)


BOTH = {"uuid-gs1", "uuid-gs2"}


@pytest.mark.parametrize(
    ("found", "hosts", "pending", "failed"),
    [
        ([on("gs1"), on("gs2")], BOTH, [], []),
        ([on("gs1"), on("gs2", "in progress")], BOTH, ["gs2"], []),
        # A host of which nothing is heard has not ended: glusterd may be down there.
        ([on("gs1")], BOTH, ["uuid-gs2"], []),
        ([], BOTH, ["the task", "uuid-gs1", "uuid-gs2"], []),
        ([on("gs1"), on("gs2", "failed")], BOTH, [], ["gs2"]),
        ([on("gs1"), on("gs2", "stopped")], BOTH, [], ["gs2"]),
        ([on("gs1"), on("gs2", failures=3)], BOTH, [], ["gs2"]),
        # What a rebalance skips stays where it is; what a removal skips is lost with the commit.
        ([on("gs1"), on("gs2", skipped=3)], None, [], []),
        ([on("gs1"), on("gs2", skipped=3)], BOTH, [], ["gs2"]),
        ([on("gs1", "fix-layout completed")], None, [], []),
        ([], None, ["the task"], []),
    ],
)
def test_judge_progress(found: list, hosts: set | None, pending: list, failed: list) -> None:
    on_the_way, wrong = judge_progress(found, hosts)
    assert (sorted(on_the_way), sorted(wrong)) == (sorted(pending), sorted(failed))


def view(checksum: str, **info: str) -> dict:
    return {"r3": {"checksum": checksum, "info": info}}


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ({"gs1": view("1", a="x"), "gs2": view("1", a="x")}, []),
        ({"gs1": view("1", a="x"), "gs2": view("2", a="y")}, ["a is x on gs1, y on gs2"]),
        ({"gs1": view("1", a="x"), "gs2": view("2", a="x", b="z")}, ["b is (nothing) on gs1, z on gs2"]),
        ({"gs1": view("1", a="x"), "gs2": view("2", a="x")}, ["the same lines"]),
        # A ghost: known to one host only.
        ({"gs1": view("1"), "gs2": {}}, ["gs1 have it and gs2 have not; it may be the ghost"]),
        ({}, []),
    ],
)
def test_differences(views: dict, said: list) -> None:
    found = differences(views)
    assert len(found) == len(said) and all(text in sentence for text, sentence in zip(said, found))
