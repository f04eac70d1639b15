# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_companions import (
    CLOUD_INIT_FILE,
    MODULES_FILE,
    SYSCTL_FILE,
    companions,
    deaf_to_lldp,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links

STACK = [a.bond("bond0", "eth0"), a.vlan("v", 7, "bond0"), a.bridge("br0", "v")]
NETFILTER = [f"net.bridge.bridge-nf-call-{what} = 1" for what in ("arptables", "ip6tables", "iptables")]


@pytest.mark.parametrize(
    ("declared", "netfilter", "cloud_init", "files"),
    [
        ([a.ethernet("eth0")], False, False, {MODULES_FILE: None, SYSCTL_FILE: None}),
        (STACK, False, False, {MODULES_FILE: ["8021q", "bonding", "bridge"], SYSCTL_FILE: None}),
        ([a.bridge("br0")], True, False, {MODULES_FILE: ["br_netfilter", "bridge"], SYSCTL_FILE: NETFILTER}),
        (
            [a.ethernet("eth0")],
            False,
            True,
            {MODULES_FILE: None, SYSCTL_FILE: None, CLOUD_INIT_FILE: ["network: {config: disabled}"]},
        ),
    ],
)
def test_what_links_need_at_each_boot(declared, netfilter, cloud_init, files):
    found = companions(declared_links(a.params(*declared)), netfilter, cloud_init)
    assert {one.path: one.content and one.content.decode().splitlines()[1:] for one in found} == files


@pytest.mark.parametrize(
    ("options", "deaf"), [({}, True), ({"lldp": True}, False), ({"addresses": ["10.0.0.1/16"]}, False)]
)
def test_bridges_of_guests_are_deaf_to_lldp(options, deaf):
    found = deaf_to_lldp(declared_links(a.params(a.bridge("br0", "eth1", **options))))
    assert list(found) == (["10-netplan-br0.network.d/90-kvmcloud.conf"] if deaf else [])
    assert all(text.endswith("[Network]\nLLDP=no\nEmitLLDP=no\n") for text in found.values())
