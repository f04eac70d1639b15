# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes, seen from outside of the collection."""

from __future__ import annotations

import json

testinfra_hosts = ["node1", "node2"]


def test_libvirt_answers_oneadmin(host):
    assert host.service("libvirtd").is_enabled
    assert host.check_output("su -s /bin/sh oneadmin -c 'virsh -c qemu:///system uri'") == "qemu:///system"


def test_the_bridge_of_guests_has_its_uplink(host):
    ports = json.loads(host.check_output("ip -json link show master br0"))
    assert [port["ifname"] for port in ports if not port["ifname"].startswith(("vnet", "one-"))] == ["eth1"]
    assert host.interface("br0").addresses == []  # not even a link-local one
    assert host.file("/etc/netplan/60-kvmcloud.yaml").mode == 0o600
    assert not host.file("/run/kvmcloud-netplan").exists
