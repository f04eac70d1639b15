# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When hosts are ready, and what is told of those that will not be."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_host_states import judge, sentences


@pytest.mark.parametrize(
    ("states", "over", "failed"),
    [
        ({"a": "up", "b": "up"}, True, []),
        ({"a": "up", "b": "maintenance"}, True, []),
        ({"a": "up", "b": "installing"}, False, []),
        ({"a": "up", "b": "non_responsive"}, False, []),  # it may just be starting anew
        ({"a": "installing", "b": "install_failed"}, False, ["b"]),
        ({"a": "up", "b": "install_failed"}, True, ["b"]),
        ({"a": "non_operational", "b": "error"}, True, ["a", "b"]),
        ({"a": "up", "c": "installing"}, True, []),  # b is missing
    ],
)
def test_when_the_wait_is_over(states: dict[str, str], over: bool, failed: list[str]) -> None:
    outcome = judge(["a", "b"], states)
    assert (outcome.over, outcome.failed) == (over, failed)
    assert outcome.missing == ([] if "b" in states else ["b"])


def test_what_is_told() -> None:
    states = {"a": "install_failed", "b": "error"}
    told = sentences(judge(["a", "b", "c"], states), states, {"a": ["No repository.", "Installing."]})
    assert told[0] == "The engine has no host c."
    assert told[1].startswith(
        "The host a is install_failed. The engine says: No repository. / Installing.. Correct the"
    )
    assert "The host b is error. The engine says: nothing." in told[2] and "state: reinstalled" in told[2]
