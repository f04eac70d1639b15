# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is touched, with the reason."""

from __future__ import annotations

import pytest
from network_hosts import said_of

GUESTS = {"name": "brx", "interfaces": ["eth2"]}
BAD = {
    "what netplan rejects": (
        "static1",
        {"bridges": [{**GUESTS, "extra": {"no-such-key": True}}]},
        "netplan refuses the configuration, and nothing was changed",
    ),
    "a card that does not exist": (
        "lease1",
        {"bridges": [{"name": "brx", "interfaces": ["eno9"]}]},
        "eno9 does not exist on this host",
    ),
    "a bridge over a bond over VLANs": (
        "lease2",
        {
            "vlans": [{"name": "v", "id": 5, "link": "eth2"}],
            "bonds": [{"name": "bond0", "interfaces": ["v"]}],
            "bridges": [{"name": "brx", "interfaces": ["bond0"]}],
        },
        "bond bond0 has VLAN v among its interfaces; a bond is made of ethernets",
    ),
    "an address on two cards, by which the host may answer now and not after its next start": (
        "bare1",
        {"bridges": [{**GUESTS, "addresses": ["10.213.122.21/24"]}]},
        "10.213.122.21 is declared for brx and is on eth0, which is not declared and would keep it",
    ),
    "a gateway out of reach": (
        "bare2",
        {"ethernets": [{"name": "eth2", "addresses": ["10.99.0.1/24"], "gateways": ["10.98.0.1"]}]},
        "the gateway 10.98.0.1 is in none of its networks (10.99.0.0/24)",
    ),
    "a card that ifupdown sets up": (
        "bare3",
        {"bridges": [GUESTS]},
        "eth2 is described by /etc/network/interfaces too",
    ),
}


@pytest.fixture(scope="module")
def refused(lab):
    lab.on("bare3", "mkdir -p /etc/network && printf 'auto eth2\niface eth2 inet dhcp\n' > /etc/network/interfaces")
    before = {host: lab.state(host) for host, _declared, _sentence in BAD.values()}
    run = lab.links({host: declared for host, declared, _sentence in BAD.values()})
    after = {host: lab.state(host) for host in before}
    lab.on("bare3", "rm /etc/network/interfaces")
    return before, run, after


@pytest.mark.parametrize(("host", "_declared", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_is_refused_before_anything_is_touched(refused, host, _declared, sentence):
    before, run, after = refused
    assert sentence in said_of(host, run), run.output
    assert after[host] == before[host]


def test_a_wrong_variable_of_all_hosts_stops_at_the_first(lab):
    before = lab.state("bare2")
    wrong = {"bridges": [{"name": "brx", "interfaces": ["eno9"]}]}
    run = lab.links({"bare1": wrong, "bare2": wrong}, playbook="network")
    said = run.output.split("PLAY RECAP")[0]
    assert run.rc != 0 and "fatal: [bare1]" in said and "bare2" not in said, run.output
    assert lab.state("bare2") == before
