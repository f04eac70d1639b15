# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On a kernel that tells bridges apart: rules of their own for each bridge, and bridges of others are left alone."""

from __future__ import annotations

import json

PROGRAM = "/usr/local/sbin/kvmcloud-isolation"
testinfra_hosts = ["node2"]


def test_rules_are_those_of_the_declared_bridge(host):
    status = json.loads(host.check_output(f"{PROGRAM} status"))
    assert status["tells_bridges"] and status["differences"] == []
    chain = host.check_output("nft list chain bridge kvmcloud prerouting")
    assert 'meta ibrname "onebr0" iifname != "eth1" goto ordinary_from_guests_1' in chain


def test_another_bridge_is_left_alone(host):
    """On a kernel that cannot tell, frames of its ports would be dropped: their MAC addresses are no guests'."""
    made = (
        "ip link add docker0 type bridge && ip link set docker0 up && for n in 1 2; do"
        " ip netns add c$n && ip link add c$n type veth peer name eth0 netns c$n &&"
        " ip link set c$n master docker0 up && ip -n c$n link set eth0 up &&"
        " ip -n c$n addr add 172.17.0.$n/24 dev eth0; done"
    )
    try:
        host.run_expect([0], made)
        host.run_expect([0], "ip netns exec c1 ping -c 1 -W 10 172.17.0.2")
    finally:
        host.run("ip netns del c1; ip netns del c2; ip link del docker0")
    host.run_expect([0], f"{PROGRAM} verify")
