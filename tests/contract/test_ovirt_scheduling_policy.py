# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom scheduling policies: the module and oVirt's SDK against a stand-in of the API, which is no engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT / ".cache/ovirt-sdk"))
pytest.importorskip("ovirtsdk4", reason="oVirt's SDK is not installed; tests/ovirt-sdk does it")
sys.path.insert(0, str(CHECKOUT / "tests/unit/plugins/modules"))

from host_module import ModuleFailed, run_module  # noqa: E402
from ovirt_engine_stand_in import StandIn  # noqa: E402

from ansible_collections.kvmcloud.stack.plugins.modules import ovirt_scheduling_policy  # noqa: E402

SPREAD = {
    "name": "spread",
    "description": "70 % at most",
    "properties": {"HighUtilization": 70, "EnableAutomaticHostPowerManagement": True},
    "filters": ["Memory", "CPU"],
    "weights": {"EvenCpu": 2},
    "balance": "Even",
}


@pytest.fixture
def server() -> Iterator[StandIn]:
    one = StandIn("admin@internal", "secret")
    for kind, names in {
        "filter": ("Memory", "CPU", "Network"),
        "weight": ("EvenCpu",),
        "load_balancing": ("Even",),
    }.items():
        for name in names:
            one.engine.seed("schedulingpolicyunits", "scheduling_policy_unit", name, type=kind)
    one.engine.seed("schedulingpolicies", "scheduling_policy", "none", locked="true")
    yield one
    one.shutdown()


def run(capsys: Any, server: StandIn, *policies: dict, check: bool = False) -> dict[str, Any]:
    auth = {"url": server.url, "username": "admin@internal", "password": "secret", "insecure": True}
    return run_module(capsys, ovirt_scheduling_policy, check=check, auth=auth, policies=list(policies))


def test_made_once_changed_and_removed(capsys: Any, server: StandIn) -> None:
    planned = run(capsys, server, SPREAD, check=True)
    assert planned["changed"] and not server.engine.changes
    made = run(capsys, server, SPREAD)
    assert (
        made["actions"]
        == planned["actions"]
        == [
            "create the scheduling policy spread",
            "add the filter CPU to spread",
            "add the filter Memory to spread",
            "add the weight EvenCpu to spread",
            "add the balance Even to spread",
        ]
    )
    for check in (False, True):
        assert not run(capsys, server, SPREAD, check=check)["changed"]
    assert not run(capsys, server, {"name": "spread"})["changed"], "what is not declared is left"
    changed = {
        **SPREAD,
        "filters": ["Memory", "Network"],
        "weights": {"EvenCpu": 3},
        "properties": {"HighUtilization": 80},
    }
    assert run(capsys, server, changed)["actions"] == [
        "change properties of the scheduling policy spread",
        "take the filter CPU from spread",
        "add the filter Network to spread",
        "take the weight EvenCpu from spread",
        "add the weight EvenCpu to spread",
    ]
    assert not run(capsys, server, changed)["changed"]
    assert run(capsys, server, {"name": "spread", "state": "absent"})["actions"] == [
        "remove the scheduling policy spread"
    ]
    assert not run(capsys, server, {"name": "spread", "state": "absent"})["changed"]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"name": "none", "description": "x"}, "none is a policy of oVirt itself, and cannot be changed"),
        ({"name": "none", "state": "absent"}, "cannot be removed"),
        (
            {**SPREAD, "filters": ["Memry"]},
            "the engine has no unit 'Memry' of type filter; it has CPU, Memory, Network",
        ),
        ({**SPREAD, "balance": "EvenCpu"}, "no unit 'EvenCpu' of type load_balancing"),
        ({**SPREAD, "properties": {"HighUtilization": 40}}, "HighUtilization is '40', which the engine does not take"),
        ({**SPREAD, "weights": {"EvenCpu": 0}}, "a factor is a number from 1"),
    ],
)
def test_what_is_refused_before_anything_is_changed(capsys: Any, server: StandIn, policy: dict, words: str) -> None:
    with pytest.raises(ModuleFailed, match=words):
        run(capsys, server, {**SPREAD, "name": "good"}, policy)
    assert not server.engine.changes


def test_a_policy_in_use_is_not_removed(capsys: Any, server: StandIn) -> None:
    run(capsys, server, SPREAD)
    policy = server.engine.named("schedulingpolicies", "spread")
    server.engine.seed("clusters", "cluster", "c", scheduling_policy_id=str(policy.get("id")))
    with pytest.raises(ModuleFailed, match="spread is the policy of c; give these another one first"):
        run(capsys, server, {"name": "spread", "state": "absent"})


def test_the_engines_words(capsys: Any, server: StandIn) -> None:
    server.engine.refuse["POST weights"] = "the weight is not for you"
    with pytest.raises(
        ModuleFailed, match="(?s)Could not add the weight EvenCpu to spread: .*not for you.*Done before it: create"
    ):
        run(capsys, server, SPREAD)
    del server.engine.refuse["POST weights"]
    assert len(run(capsys, server, SPREAD)["actions"]) == 2 and not run(capsys, server, SPREAD)["changed"]


def test_a_wrong_password_is_told_and_not_shown(capsys: Any, server: StandIn) -> None:
    server.password = "another"
    with pytest.raises(ModuleFailed, match="The engine at .* says: "):
        run(capsys, server, SPREAD)
