# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each of these networks cuts a host off, and none of them can be known to do so beforehand."""

from __future__ import annotations

import pytest
from network_hosts import TRIAL, said_of

# For each change: so many hosts at once take a while to apply theirs.
SECONDS = 40

# By what is wrong: the host, and what is declared for it. They are as different as what they replace: a bridge with the
# host's address, by hand and by DHCP, of networkd and of NetworkManager, a card with a lease, the files of an
# installation.
CUTS = {
    "another address": (
        "static1",
        {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.99.11/24"]}]},
    ),
    "a bridge over the wrong card": (
        "lease1",
        {
            "ethernets": [{"name": "eth0"}],
            "bridges": [{"name": "br0", "interfaces": ["eth2"], "addresses": ["10.213.122.12/24"]}],
        },
    ),
    "DHCP on the wrong card": (
        "lease2",
        {"ethernets": [{"name": "eth0"}, {"name": "eth2", "dhcp4": True, "optional": True}]},
    ),
    "a network that is too small": (
        "bare1",
        {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.122.21/32"]}]},
    ),
    "a card without its address": ("bare2", {"bridges": [{"name": "br0", "interfaces": ["eth0"]}]}),
    "a bridge of NetworkManager over the wrong card": (
        "manager1",
        {
            "ethernets": [{"name": "eth0"}],
            "bridges": [{"name": "br0", "interfaces": ["eth2"], "addresses": ["10.213.122.14/24"]}],
        },
    ),
    "another address than that of a profile": (
        "manager2",
        {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.99.24/24"]}]},
    ),
    "a route that leads the answers astray": (
        "bare3",
        {
            "ethernets": [
                {
                    "name": "eth2",
                    "addresses": ["10.99.0.1/24"],
                    "routes": [{"to": "10.213.122.0/25", "via": "10.99.0.2"}],
                }
            ]
        },
    ),
}


@pytest.fixture(scope="module")
def cut(lab):
    """All hosts at once: most of the time is spent waiting. Their states before, the run, their states after."""
    declared = dict(CUTS.values())
    before = {host: lab.state(host) for host in declared}
    run = lab.links(declared, host_network_confirm_timeout=SECONDS)
    return before, run, {host: lab.state(host) for host in declared}


@pytest.mark.parametrize("host", [host for host, _declared in CUTS.values()], ids=CUTS.keys())
def test_what_cuts_a_host_off_is_taken_back_by_the_host(lab, cut, host):
    before, run, after = cut
    assert run.rc != 0 and run.counts["failed"][host] == 1, run.output
    said = said_of(host, run)
    assert f"The new network was rolled back: nobody confirmed it from outside within {SECONDS} s" in said
    assert "Files and links are as before. Tried was: " in said
    assert after[host] == before[host]
    assert TRIAL not in lab.on(host, f"ls -d {TRIAL}", check=False)


def test_the_hosts_are_as_the_inventory_declares_them(lab, cut):
    run = lab.declared_by_inventory(*cut[0])
    assert run.rc == 0 and run.changed == 0, run.output
