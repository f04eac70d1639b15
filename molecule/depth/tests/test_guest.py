# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node with a kernel of its own: disks of a datastore, and the links that tagged and tunnelled networks need."""

from __future__ import annotations

import pytest

testinfra_hosts = ["guest1"]


def test_the_datastore_is_a_file_system_on_both_disks(host):
    (mount,) = [line.split() for line in host.check_output("cat /proc/mounts").splitlines() if "/datastores/" in line]
    assert mount[0] == "/dev/mapper/stores-system" and mount[2] == "xfs"
    assert host.check_output(f"stat -c %U:%G {mount[1]}") == "oneadmin:oneadmin"
    volumes = host.check_output("lvs --noheadings --units m --nosuffix -o lv_size,devices stores/system").split()
    assert float(volumes[0]) == 1500
    assert host.check_output("vgs --noheadings -o pv_count stores").strip() == "2"


@pytest.mark.parametrize(
    "link",
    [
        "link eth1 name eth1.50 type vlan id 50",
        # as OpenNebula's driver makes them for the networks 'tagged' and 'tunnelled'
        "name eth1.5000 type vxlan id 5000 group 239.0.19.136 dev eth1 dstport 8472",
    ],
)
def test_the_kernel_makes_the_links_of_the_declared_networks(host, link):
    host.check_output("ip link set eth1 up")
    name = next(word for word in link.split() if word.startswith("eth1."))
    host.check_output(f"ip link add {link}")
    try:
        host.check_output(f"ip link set {name} up")
        assert name in host.check_output("ip -brief link show up")
    finally:
        host.check_output(f"ip link delete {name}")


def test_open_vswitch_keeps_guests_of_one_vlan_together(host):
    """As OpenNebula's driver plugs them for the network 'switched': a tagged port each."""
    host.check_output("ovs-vsctl add-br ovs0")
    try:
        for number, tag in enumerate((60, 60, 61), start=1):
            port = f"ovs0 port{number} tag={tag} -- set interface port{number} type=internal"
            host.check_output(f"ovs-vsctl add-port {port}")
            host.check_output(f"ip netns add guest{number}")
            host.check_output(f"ip link set port{number} netns guest{number}")
            host.check_output(f"ip -n guest{number} address add 10.213.113.{number}/24 dev port{number}")
            host.check_output(f"ip -n guest{number} link set port{number} up")
        assert host.run("ip netns exec guest1 ping -c 1 -w 20 10.213.113.2").succeeded
        assert host.run("ip netns exec guest1 ping -c 2 -w 5 10.213.113.3").failed, "it is in another VLAN"
    finally:
        host.check_output("ovs-vsctl del-br ovs0")
        for number in (1, 2, 3):
            host.run(f"ip netns delete guest{number}")
