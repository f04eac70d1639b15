# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolated nodes: what is loaded and comes back, what is rolled back, and that nothing leaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCENARIO = Path(__file__).resolve().parents[1]
CHECKOUT = SCENARIO.parents[1]
sys.path.insert(0, str(CHECKOUT / "tests/bench"))

from budget import exceeded  # noqa: E402  (found through the line above)

PROGRAM = "/usr/local/sbin/kvmcloud-isolation"
ROLLBACK_SLACK = 5  # seconds that a busy node may take for it, after the limit
testinfra_hosts = ["node1"]


def playbook(name: str, **variables) -> subprocess.CompletedProcess[str]:
    extra = {"vm_isolation_report_directory": str(CHECKOUT / ".cache/isolation-report"), **variables}
    return subprocess.run(
        ["ansible-playbook", "-i", f"{SCENARIO}/inventory", f"playbooks/{name}.yml", "-e", json.dumps(extra)],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def until_isolated(host, seconds: float) -> float:
    """How long it took."""
    began = time.monotonic()
    while host.run(f"{PROGRAM} verify").rc:
        assert time.monotonic() - began < seconds
        time.sleep(0.2)
    return time.monotonic() - began


def test_a_second_run_costs_what_the_budget_says():
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    assert exceeded(counts, "iso", {"opennebula_nodes": ["node1", "node2"]}) == []


def test_rules_are_loaded_and_watched(host):
    host.run_expect([0], f"{PROGRAM} verify")
    for unit in ("kvmcloud-isolation", "kvmcloud-isolation-watch"):
        assert host.service(unit).is_running and host.service(unit).is_enabled
    assert "kvmcloud-isolation.service" in host.check_output("systemctl show libvirtd -p Requires -p After")
    assert host.check_output("systemctl --failed --no-legend") == ""


def test_preflight_asks_the_kernel(host):
    """As far as this kernel can; what else preflight finds here is of no matter."""
    tells = json.loads(host.check_output(f"{PROGRAM} status"))["tells_bridges"]
    told = playbook("preflight").stdout
    assert "[kernel_filters_bridges]" not in told
    assert ("[kernel_tells_bridges_apart]" in told) == (not tells), told


@pytest.mark.parametrize(
    "harm", ["nft flush ruleset", "systemctl restart nftables", "nft delete table bridge kvmcloud"]
)
def test_what_takes_them_away_brings_them_back(host, harm):
    host.run_expect([0], harm)
    until_isolated(host, 5)


def test_nothing_leaks_and_nothing_is_cut():
    done = playbook("verify_isolation")
    assert done.returncode == 0, done.stdout
    report = json.loads((CHECKOUT / ".cache/isolation-report/isolation.json").read_text())
    assert report["summary"]["failed"] == 0 and report["summary"]["passed"] >= 60
    assert {one["host"] for one in report["checks"]} == {"node1", "node2"}


def test_libvirt_does_not_start_without_the_rules(host):
    """A declaration that cannot be read is as bad as none."""
    host.run_expect(
        [0], "systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd kvmcloud-isolation"
    )
    host.run_expect(
        [0],
        "mv /etc/kvmcloud-isolation/declaration.json /tmp/kept && echo '{' > /etc/kvmcloud-isolation/declaration.json",
    )
    try:
        assert host.run("systemctl start libvirtd").rc != 0
        assert not host.service("libvirtd").is_running
    finally:
        host.run_expect(
            [0], "mv /tmp/kept /etc/kvmcloud-isolation/declaration.json && systemctl start kvmcloud-isolation libvirtd"
        )
    until_isolated(host, 5)


def test_rules_that_cut_the_controller_off_are_taken_back(host):
    """The controller itself would be a guest by them."""
    cutting = {
        "vm_isolation_bridges": [{"name": "onebr0", "uplinks": ["eth1"], "guest_networks": ["10.213.126.1/32"]}],
        "vm_isolation_protected_networks": ["10.99.0.0/24"],
        "vm_isolation_confirm_timeout": 10,
    }
    done = playbook("vm_isolation", **cutting)
    assert done.returncode != 0 and "The new rules were rolled back" in done.stdout, done.stdout
    host.run_expect([0], f"{PROGRAM} verify")
    assert "10.213.126.1/32" not in host.check_output(f"{PROGRAM} render")
    # By the node's own clock: it was cut off meanwhile.
    began = json.loads(host.check_output("cat /run/kvmcloud-isolation/last-trial/trial.json"))["clock"]
    loaded = float(host.check_output("stat -c %.Y /run/kvmcloud-isolation/loaded.json"))
    assert 10 <= loaded - began < 10 + ROLLBACK_SLACK


def test_a_boot_brings_them_before_the_network(host):
    lab = [str(CHECKOUT / "tests/lab/lab")]
    for action in ("kill", "start"):
        subprocess.run([*lab, action, "-i", f"{SCENARIO}/inventory", "node1"], check=True, capture_output=True)
    deadline = time.monotonic() + 60
    while host.run("true").rc and time.monotonic() < deadline:
        time.sleep(0.5)
    until_isolated(host, 5)  # rules are there before the network; what bridges learn is set when there are some
    order = host.check_output(
        "systemctl show -p ActiveEnterTimestampMonotonic kvmcloud-isolation systemd-networkd --value"
    ).split()
    assert int(order[0]) < int(order[1])


def test_removal_leaves_no_trace(host):
    done = playbook("vm_isolation", vm_isolation_state="absent")
    assert done.returncode == 0, done.stdout
    assert host.check_output("nft list ruleset") == ""
    assert host.check_output("find /etc /usr/local /run -name '*kvmcloud-isolation*'") == ""
    assert "kvmcloud" not in host.check_output("systemctl show libvirtd -p Requires")
    assert "changed=0" in playbook("vm_isolation", vm_isolation_state="absent").stdout
    leaks = playbook("verify_isolation")
    assert leaks.returncode != 0 and "reached the node" in leaks.stdout
    assert playbook("vm_isolation").returncode == 0
