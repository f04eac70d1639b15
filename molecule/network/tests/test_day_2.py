# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that change, and what becomes of what was there."""

from __future__ import annotations

import pytest

OWN = {"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.122.11/24"]}


def test_check_mode_tells_the_plan_and_changes_nothing(lab):
    before = lab.state("bare1")
    moved = {"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.122.21/24"]}
    run = lab.links({"bare1": {"bridges": [moved]}}, "--check")
    assert run.rc == 0 and run.changed == 1, run.output
    for step in ("create bridge br0", "enslave eth0 to br0", "move 10.213.122.21/24 from eth0 to br0"):
        assert f"+{step}" in run.output
    assert "--- before: /etc/netplan/50-lab.yaml" in run.output  # taken over
    assert lab.state("bare1") == before


@pytest.mark.full
def test_what_was_changed_by_hand_is_changed_back(lab):
    lab.on("static1", "ip link delete brg")
    run = lab.declared_by_inventory("static1")
    assert run.rc == 0 and "+create bridge brg" in run.output, run.output
    assert lab.ports("static1", "brg") == {"eth1"}


@pytest.mark.full
def test_all_comes_back_after_a_power_loss(lab):
    before = lab.state("static1")
    lab.power_loss("static1")
    run = lab.declared_by_inventory("static1")
    assert run.rc == 0 and run.changed == 0, run.output
    assert lab.state("static1") == before


def test_a_bridge_with_guests_is_not_removed(lab):
    before = lab.state("static1")
    lab.on("static1", "ip link add vnet7 type veth peer name inside && ip link set vnet7 master brg")
    run = lab.links({"static1": {"bridges": [OWN]}})
    lab.on("static1", "ip link delete vnet7")
    assert run.rc != 0 and "brg is declared no more and has guests on it (vnet7)" in run.output, run.output
    assert lab.state("static1") == before


@pytest.mark.full
def test_a_bridge_that_is_declared_no_more_is_removed_and_made_again(lab):
    run = lab.links({"static1": {"bridges": [OWN]}})
    assert run.rc == 0 and "+remove bridge brg" in run.output, run.output
    assert "brg" not in lab.on("static1", "ip -brief link; ls /etc/systemd/network")
    run = lab.declared_by_inventory("static1")
    assert run.rc == 0 and "+create bridge brg" in run.output, run.output
    assert lab.ports("static1", "brg") == {"eth1"}


@pytest.mark.full
def test_cloud_init_does_not_write_its_network_again(lab):
    lab.on("static1", "mkdir -p /etc/cloud/cloud.cfg.d")
    run = lab.declared_by_inventory("static1")
    assert run.rc == 0 and run.changed == 1, run.output
    assert "network: {config: disabled}" in lab.on("static1", "cat /etc/cloud/cloud.cfg.d/*")
