# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of the autostart against each VM as real oned 6.10.0 and 7.4.0 described it, and each boot of the real node.

When the node was started is taken from the log of the captures; the clock of its containers is one clock.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "roles/opennebula_autostart/files"))

from autostart_rule import LEAVE, START, WAIT, Boot, Policy, decide, parse_vm  # noqa: E402

POLICY = Policy()
MIDNIGHT = 1795219200  # of the day of the captures, UTC

OWNER = (LEAVE, LEAVE, "was told so")
NODE = (START, START, "while it ran")
GUEST = (WAIT, LEAVE, "has not booted since|ended by itself")
MAY_RUN = (LEAVE, LEAVE, "may still run")
OTHER_STATE = (LEAVE, LEAVE, "not poweroff")

# What is decided when the hook comes, and what when the node was watched for long enough.
SCENARIOS = {
    "a-poweroff": OWNER,
    "b-poweroff-hard": OWNER,
    "c-guest-poweroff": GUEST,
    "c-qemu-kill9": GUEST,
    "c-virsh-destroy": GUEST,
    "d1-node-powerloss-5s": NODE,
    "d1-node-powerloss-5s-was-suspended-before": NODE,
    "d2-node-down-unknown": MAY_RUN,
    "d2-node-powerloss-long": NODE,
    "d2-owner-off-before": OWNER,
    "d3-node-clean-poweroff": NODE,
    "e-fe-and-node-powerloss": NODE,
    "e-owner-off-before": OWNER,
    "e-was-unknown-before": NODE,
    "f-stop": OTHER_STATE,
    "f-suspend": OTHER_STATE,
    "f-undeploy": OTHER_STATE,
    "h-host-disabled-domain-gone": GUEST,
    "h-host-offline-before-enable": OTHER_STATE,
    "h-host-offline-domain-gone-enable": GUEST,
    "i-libvirtd-back-running": OTHER_STATE,
    "i-libvirtd-stopped": MAY_RUN,
    "i-libvirtd-stopped-20s-no-change": OTHER_STATE,
    "i-libvirtd-stopped-4": MAY_RUN,
    "i-libvirtd-stopped-5": MAY_RUN,
    "owner-poweroff-while-unknown": OWNER,
}
NOT_OF_A_VM = re.compile(r"\.host$")


def scenario(path: Path) -> str:
    return path.stem.removesuffix(".show")


def captures() -> list[Path]:
    folder = CHECKOUT.parent / "shared/contract/opennebula/vm-states"
    return sorted(path for path in folder.glob("*/*.xml") if not NOT_OF_A_VM.search(path.stem))


def node_boots(folder: Path) -> list[int]:
    """Seconds at which the node came up; the first is before the first event."""
    boots = []
    for line in (folder / "events.txt").read_text().splitlines():
        hours, minutes, seconds = (int(part) for part in line[:8].split(":"))
        at = MIDNIGHT + hours * 3600 + minutes * 60 + seconds
        if not boots:
            boots.append(at - 60)
        # In e front-end and node were started in one go, and process 1 of the node began 7 s before the line.
        if "node start" in line or "both started" in line:
            boots.append(at if "node start" in line else at - 7)
    return boots


@pytest.fixture(scope="module", autouse=True)
def _captures_are_there(contract_dir):
    assert captures(), "there are captures, but none of VMs"


@pytest.mark.parametrize("path", captures(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_captured_vm(path):
    vm = parse_vm(path.read_text())
    noticed = vm.records[-1].ended or vm.records[-1].started
    at_hook, later, because = SCENARIOS[scenario(path)]
    boot = Boot(max(at for at in node_boots(path.parent) if at <= noticed), 2)
    for now, action in ((noticed + 1, at_hook), (noticed + 901, later)):
        found = decide(vm, boot, POLICY, now)
        assert found.action == action and re.search(because, found.reason), found
    # What the hook itself knows: it decides for good, or has the node asked.
    alone = decide(vm, None, POLICY, noticed)
    assert alone.action == (WAIT if at_hook in (START, WAIT) else LEAVE), alone


@pytest.mark.parametrize("path", captures(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_never_means_never_and_always_only_what_went_down_by_itself(path):
    vm = parse_vm(path.read_text())
    boot = Boot(max(node_boots(path.parent)[:1]), 2)
    assert decide(vm._replace(autostart="never"), boot, POLICY, 0).action == LEAVE
    wanted = START if SCENARIOS[scenario(path)] in (NODE, GUEST) else LEAVE
    assert decide(vm._replace(autostart="ALWAYS"), boot, POLICY, 0).action == wanted


def test_every_scenario_was_captured_and_every_capture_is_a_scenario():
    assert {scenario(path) for path in captures()} == set(SCENARIOS)


def test_the_boots_of_the_log_are_the_outages_of_the_facts():
    folder = CHECKOUT.parent / "shared/contract/opennebula/vm-states"
    assert len(node_boots(folder / "6.10.0")) == 3, "first start, d1, e"
    assert len(node_boots(folder / "7.4.0")) == 3, "first start, d2, d3"


def session(contract_dir: Path, release: str) -> list[dict]:
    lines = (contract_dir / f"opennebula/{release}/cli/vm.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("release", ["6.10.0", "7.4.0"])
def test_an_attribute_of_the_owner_lands_where_the_rule_looks_for_it(contract_dir, release):
    after_update = False
    for call in session(contract_dir, release):
        if call["argv"][:2] == ["onevm", "update"] and "FOO=bar\n" in call["files"].values():
            after_update = True
        if after_update and call["argv"] == ["onevm", "show", "-x", "0"]:
            assert parse_vm(call["stdout"].replace("FOO>", "AUTOSTART>")).autostart == "bar"
            return
    pytest.fail("no such call in the session")


@pytest.mark.parametrize("release", ["6.10.0", "7.4.0"])
def test_a_vm_that_is_gone_is_said_in_these_words(contract_dir, release):
    """The program tells a VM that is gone from an oned that does not answer by this text."""
    (call,) = [call for call in session(contract_dir, release) if call["argv"] == ["onevm", "show", "-x", "99"]]
    assert call["rc"] == 255 and "Error getting virtual machine [99]" in call["stderr"]
