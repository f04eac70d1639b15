# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the module would change on a node, and changes, in a namespace of its own."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_change, isolation_node
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_change import IsolationChange, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_node import IsolationError
from ansible_collections.kvmcloud.stack.plugins.modules.vm_isolation import SPEC

USUAL = {name: one.get("default") for name, one in SPEC.items()}
BRIDGE = {"name": "onebr0", "uplinks": ["eth0"], "guest_networks": ["10.0.3.0/24"], "gateways": [], "gateway_macs": []}


def params(**changed):
    return {**USUAL, "bridges": [BRIDGE], "protected_networks": ["10.0.2.0/24"], "manage_service": False, **changed}


@pytest.fixture
def change(node):
    """Changes of this node; everything within happens in its namespace."""

    def made(check_mode=False, **changed):
        return IsolationChange(params(**changed), check_mode, str(node.root))

    with node.space.inside():
        yield made


def converge(one):
    trial = one.begin(60)
    assert one.look(trial["id"]) == {"state": "settled", "msg": ""}
    return one.confirm(trial["id"])


def test_a_bare_node_gets_rules_settings_and_program_and_nothing_twice(change, node):
    planned = change().plan()
    assert [one.split(" ")[0] for one in planned.actions] == ["load", "write", "write"] and planned.loads
    assert converge(change()) < 10
    assert change().plan().actions == []
    assert "protected4" in node.rules


def test_check_mode_plans_the_same_and_leaves_nothing(change, node):
    assert change(True).plan().actions == change().plan().actions != []
    assert list(node.root.iterdir()) == [] and node.rules == ""


def test_the_diff_shows_the_rules(change):
    converge(change())
    planned = change(protected_networks=["10.0.9.0/24"]).plan()
    rules = next(one for one in planned.diff if one["after_header"] == "rules")
    assert "elements = { 10.0.2.0/24 }" in rules["before"] and "elements = { 10.0.9.0/24 }" in rules["after"]


def test_what_somebody_changed_by_hand_is_changed_back(change, node):
    converge(change())
    node.do("verify")
    node.space.do("nft", "flush", "chain", "bridge", "kvmcloud", "to_node")
    planned = change().plan()
    assert planned.loads and "to_node: anything to the node" in planned.differences[0]
    converge(change())
    assert change().plan().actions == []


def test_another_program_alone_needs_no_trial(change, node):
    converge(change())
    (node.root / "usr/local/sbin/kvmcloud-isolation").write_text("older")
    planned = change().plan()
    assert [one.rpartition("/")[2] for one in planned.actions] == ["kvmcloud-isolation"] and not planned.loads
    change().keep()
    assert change().plan().actions == []


def test_all_findings_are_told_and_nothing_is_changed(change, node):
    with pytest.raises(Refused) as refusal:
        change(protected_networks=["10.0.0.0/16"], local_services=["ssh"]).plan()
    assert len(refusal.value.findings) == 2
    with pytest.raises(Refused, match="The uplink eth9 of bridge onebr0 does not exist"):
        change(bridges=[{**BRIDGE, "uplinks": ["eth9"]}]).plan()
    assert node.rules == ""


def test_a_run_during_a_trial_is_refused(change):
    trial = change().begin(60)
    with pytest.raises(IsolationError, match="are on trial"):
        change().plan()
    with pytest.raises(IsolationError, match="are on trial"):
        change().begin(60)
    change().confirm(trial["id"])


def test_a_controller_that_comes_late_is_told(change, node):
    trial = change().begin(60)
    node.do("rollback")
    for late in (change().look, change().confirm):
        with pytest.raises(IsolationError, match="The new rules were rolled back"):
            late(trial["id"])


def test_a_confirmation_whose_answer_got_lost(change):
    trial = change().begin(60)
    change().confirm(trial["id"])
    assert change().look(trial["id"]) == {"state": "confirmed"}


def test_removal(change, node):
    converge(change())
    gone = change(state="absent")
    assert len(gone.plan().actions) == 6
    gone.remove()
    assert change(state="absent").plan().actions == [] and node.rules == ""
    assert not list((node.root / "usr/local/sbin").iterdir())


def test_a_run_that_knows_some_hosts_only_forgets_none(change):
    converge(change(infrastructure_macs=["52:54:00:00:00:01", "52:54:00:00:00:02"]))
    assert change(infrastructure_macs=["52:54:00:00:00:02"], partial=["infrastructure_macs"]).plan().actions == []
    assert change(infrastructure_macs=["52:54:00:00:00:02"]).plan().loads


BROKEN = {
    "no JSON": "{",
    "a list": "[]",
    "a list in it that is none": '{"bridges": 5}',
    "what is refused by now": '{"bridges": [{"name": "b", "guest_networks": []}], "infrastructure_macs": ["x"]}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_settings_that_cannot_be_used_are_written_anew(change, node, text):
    settings = node.root / "etc/kvmcloud-isolation/declaration.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    given = {"partial": ["infrastructure_macs"], "silent_hosts": ["h"], "accept_partial": True}
    planned = change(**given).plan()
    assert planned.loads and "cannot be used, and are written anew" in planned.remarks[-1]
    converge(change(**given))
    assert change(**given).plan().actions == []


LIMITED = {"partial": ["infrastructure_macs"], "silent_hosts": ["storage1"]}


def test_the_first_run_for_some_hosts_is_refused(change, node):
    with pytest.raises(
        Refused, match="Not asked in this run, or without an answer: storage1. Guests would not be kept"
    ):
        change(**LIMITED).plan()
    assert node.rules == ""
    converge(change(**LIMITED, accept_partial=True))


def test_each_later_one_warns(change):
    converge(change())
    planned = change(**LIMITED).plan()
    assert planned.actions == [] and "without an answer: storage1." in planned.warnings[0]
    many = change(**{**LIMITED, "silent_hosts": [f"h{number}" for number in range(12)]}).plan()
    assert "h8, h9 and 2 more." in many.warnings[0]


def test_mode_vlan_loads_nothing_and_takes_former_rules_away(change, node):
    converge(change())
    vlan = change(mode="vlan")
    assert not vlan.plan().loads
    vlan.keep()
    assert node.rules == "" and change(mode="vlan").plan().actions == []


def test_mode_guide_warns_on_each_run(change):
    converge(change(mode="guide"))
    planned = change(mode="guide").plan()
    assert planned.actions == [] and "a guest still reaches" in planned.warnings[0]


def test_rules_of_iptables_legacy_are_remarked(change, node, monkeypatch):
    names = node.root / "ip_tables_names"
    names.write_text("filter\n")
    monkeypatch.setattr(isolation_node, "LEGACY", str(names))
    assert "There are rules of iptables-legacy beside those of nftables" in change().plan().remarks[-1]
    names.write_text("")
    assert not any("legacy" in remark for remark in change().plan().remarks)


def test_without_the_packages_check_mode_goes_on_and_a_run_does_not(change, monkeypatch):
    monkeypatch.setattr(isolation_change, "has", lambda program: program != "nft")
    assert change(True).plan().actions == ["load the rules of mode full"]
    with pytest.raises(IsolationError, match="nft cannot be found on this host; install it"):
        change().plan()
