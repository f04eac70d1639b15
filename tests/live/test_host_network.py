# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links over real SSH on a guest with Debian's kernel, which has bonds and VLANs and is really restarted.

All that a container can show is shown by the molecule scenario `network`.
"""

from __future__ import annotations

import os

import cloud
import pytest
from network_hosts import EVIDENCE, TRIAL, NetworkHosts, output_of

pytestmark = pytest.mark.full
LAB = NetworkHosts(str(cloud.CHECKOUT / "tests/live/host_network"), "netp")
ADDRESS = "10.213.120.31/24"
GUESTS = {"name": "brg", "interfaces": ["eth1"]}


@pytest.fixture(scope="module")
def guest():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", LAB.inventory)
    cloud.lab("up", "-i", LAB.inventory)
    yield
    cloud.lab("down", "-i", LAB.inventory)


STACK = {
    "bonds": [{"name": "bond0", "interfaces": ["eth2", "eth3"]}],
    "vlans": [{"name": "bond0.12", "id": 12, "link": "bond0"}],
    "bridges": [{"name": "br12", "interfaces": ["bond0.12"], "addresses": ["10.12.0.1/24"]}, GUESTS],
}


def test_a_bridge_on_a_vlan_on_a_bond(guest):
    LAB.converge({"vm1": STACK}, host_network_bridge_netfilter=True)
    assert "Bonding Mode: fault-tolerance (active-backup)" in LAB.on("vm1", "cat /proc/net/bonding/bond0")
    assert LAB.ports("vm1", "bond0") == {"eth2", "eth3"} and LAB.ports("vm1", "br12") == {"bond0.12"}
    assert "id 12" in LAB.on("vm1", "ip -details link show bond0.12")
    assert LAB.addresses("vm1", "br12") == ["10.12.0.1/24"]
    assert LAB.on("vm1", "cat /proc/sys/net/bridge/bridge-nf-call-iptables").strip() == "1"


def test_a_restart_between_trial_and_confirmation_brings_the_former_network(guest):
    """A lease that does not come: the host can be reached all the while, and waits."""
    before = LAB.state("vm1")
    run = LAB.begun({"vm1": {**STACK, "ethernets": [{"name": "eth4", "dhcp4": True}]}}, 600)
    LAB.wait_for("vm1", f"test -e {TRIAL}/applied", 300)
    assert "eth4" in LAB.on("vm1", "grep -r . /run/netplan")
    LAB.on("vm1", "systemctl reboot", check=False)
    text = output_of(run)
    assert run.returncode != 0
    assert "The host was restarted before its new network was confirmed, and came up with the former one" in text, text
    assert LAB.state("vm1") == before


OTHER = {**STACK, "vlans": [{**STACK["vlans"][0], "id": 13}]}


def vlan(guest_link: str = "bond0.12") -> str:
    return LAB.on("vm1", f"ip -details link show {guest_link}")


def test_a_vlan_gets_another_id_and_a_bond_another_mode(guest):
    """The kernel changes neither in a link that is there, and networkd makes it as it remembers it."""
    LAB.converge({"vm1": OTHER})
    assert "id 13" in vlan() and LAB.ports("vm1", "br12") == {"bond0.12"}
    LAB.converge({"vm1": {**OTHER, "bonds": [{**STACK["bonds"][0], "mode": "balance-xor"}]}})
    assert "load balancing (xor)" in LAB.on("vm1", "cat /proc/net/bonding/bond0")
    assert "id 13" in vlan() and LAB.ports("vm1", "bond0") == {"eth2", "eth3"}
    LAB.converge({"vm1": OTHER})


def test_a_vlan_gets_its_id_back(guest):
    before = LAB.state("vm1")
    wanted = {**STACK, "ethernets": [{"name": "eth4", "dhcp4": True}]}
    run = LAB.links({"vm1": wanted}, host_network_confirm_timeout=100)
    text = " ".join(run.output.split())
    assert run.rc != 0 and "after it was applied, no IPv4 address came by DHCP to eth4" in text, text + LAB.on(
        "vm1", EVIDENCE, check=False
    )
    assert "id 13" in vlan()
    assert LAB.state("vm1") == before


def test_the_wrong_vlan_is_taken_back(guest):
    before = LAB.state("vm1")
    wrong = {
        **OTHER,
        "vlans": [*OTHER["vlans"], {"name": "v99", "id": 99, "link": "eth0", "addresses": [ADDRESS]}],
    }
    run = LAB.links({"vm1": {**wrong, "ethernets": [{"name": "eth0"}]}}, host_network_confirm_timeout=200)
    assert run.rc != 0
    text = " ".join(run.output.split())
    assert "The new network was rolled back: nobody confirmed it from outside within 200 s" in text, text
    assert f"move {ADDRESS} from eth0 to v99" in text
    assert LAB.state("vm1") == before
