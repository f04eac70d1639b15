# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkManager, and a profile that somebody made by nmcli for the card by which the host is reached."""

from __future__ import annotations

import pytest
from network_hosts import TRIAL, output_of

HOST, ADDRESS = "manager2", "10.213.122.24/24"
OWN = {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": [ADDRESS]}]}
NO_LEASE = {
    "bridges": OWN["bridges"],
    "ethernets": [{"name": "eth2", "dhcp4": True}],  # which cuts nobody off
}
PROFILES = "/etc/NetworkManager/system-connections"


@pytest.mark.full
def test_check_mode_tells_that_a_profile_is_taken_over(lab):
    before = lab.state(HOST)
    run = lab.links({HOST: OWN}, "--check")
    assert run.rc == 0 and f"--- before: {PROFILES}/wired.nmconnection" in run.output, run.output
    assert f"+move {ADDRESS} from eth0 to br0" in run.output
    assert lab.state(HOST) == before


@pytest.mark.full
def test_a_power_loss_in_the_middle_brings_the_profile_back(lab):
    before = lab.state(HOST)
    run = lab.begun({HOST: NO_LEASE}, 120)
    lab.wait_for(HOST, f"test -e {TRIAL}/applied")
    lab.wait_for(HOST, "test -e /sys/class/net/br0/brif/eth0")
    lab.power_loss(HOST)
    assert "its network is as the last confirmed one" in output_of(run)
    after = lab.state(HOST)
    assert (after["files"], after["routes"], after["links"]["eth0"]) == (
        before["files"],
        before["routes"],
        before["links"]["eth0"],
    )


@pytest.mark.full
def test_a_profile_is_taken_over_for_good(lab):
    lab.converge({HOST: OWN})
    assert lab.addresses(HOST, "br0") == [ADDRESS] and lab.ports(HOST, "br0") == {"eth0"}
    files = lab.on(HOST, f"ls {PROFILES}").split()
    assert len(files) == 1 and files[0].startswith("wired.nmconnection.") and files[0].endswith("~")
    assert "wired" not in lab.on(HOST, "nmcli connection show")
    lab.power_loss(HOST)
    run = lab.links({HOST: OWN})
    assert run.rc == 0 and run.changed == 0, run.output


# As the inventory declares it.
MANAGED = [
    {"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.122.14/24"]},
    {"name": "brg", "interfaces": ["eth1"]},
]
MORE = {"manager1": {"bridges": [*MANAGED, {"name": "brx", "interfaces": ["eth2"]}]}}


@pytest.mark.full
def test_guests_on_a_bridge_of_networkmanager_are_not_cut_off_by_a_change(lab):
    lab.on("manager1", "ip link add vnet7 type veth peer name inside && ip link set vnet7 master brg")
    same, more = lab.declared_by_inventory("manager1"), lab.links(MORE)
    ports = lab.ports("manager1", "brg")
    lab.on("manager1", "ip link delete vnet7")
    assert same.rc == 0 and same.changed == 0, same.output
    assert "brg has guests on it (vnet7), and NetworkManager makes" in " ".join(more.output.split()), more.output
    assert more.rc != 0 and ports == {"eth1", "vnet7"}


@pytest.mark.full
def test_what_cannot_be_taken_over_is_told(lab):
    scripts = "/etc/sysconfig/network-scripts"
    lab.on("manager1", f"mkdir -p {scripts} && echo ONBOOT=yes > {scripts}/ifcfg-eth1")
    lab.on("manager1", "nmcli connection add type ethernet ifname '*' con-name any")
    run = lab.declared_by_inventory("manager1")
    lab.on("manager1", "rm -rf /etc/sysconfig; nmcli connection delete any")
    said = " ".join(run.output.split())
    assert run.rc != 0 and f"eth1 is described by {scripts}/ifcfg-eth1" in said, run.output
    assert f"The profile 'any' ({PROFILES}/any.nmconnection) of NetworkManager is for any card" in said, run.output
