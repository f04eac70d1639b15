# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others put on links, which netplan is not told of: a change leaves it there, or puts it back."""

from __future__ import annotations

import pytest

HOST, OTHER = "static1", "bare2"
OWN = {"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.122.11/24"]}
GUESTS = {"name": "brg", "interfaces": ["eth1"]}
HEARING = {HOST: {"bridges": [OWN, {**GUESTS, "lldp": True}]}}
NO_LEASE = {HOST: {"bridges": [OWN, GUESTS, {"name": "brx", "dhcp4": True}]}}
# Floating addresses: on a declared link, on one that another file describes, and one that has moved to another host.
FLOATING, BESIDE, MOVED = "10.213.122.99/32", "10.97.0.99/32", "10.213.122.98/32"
UNDECLARED = "network: {ethernets: {eth2: {renderer: networkd, addresses: [10.97.0.1/24]}}}"


@pytest.fixture(scope="module", autouse=True)
def others(lab):
    lab.on(HOST, f"umask 077; echo '{UNDECLARED}' > /etc/netplan/70-other.yaml; netplan apply")
    lab.wait_for(HOST, "ip address show dev eth2 | grep -q 10.97.0.1/24")
    yield
    for address, link in ((FLOATING, "br0"), (MOVED, "br0"), (BESIDE, "eth2"), ("10.97.0.1/24", "eth2")):
        lab.on(HOST, f"ip address delete {address} dev {link}", check=False)
    lab.on(HOST, "rm /etc/netplan/70-other.yaml; netplan apply; ip link set dev eth2 down")
    lab.on(OTHER, f"ip address delete {MOVED} dev eth0", check=False)


@pytest.fixture
def floating(lab):
    for address, link in ((FLOATING, "br0"), (BESIDE, "eth2")):
        lab.on(HOST, f"ip address replace {address} dev {link}")


def there(lab):
    return set(lab.addresses(HOST, "br0")), set(lab.addresses(HOST, "eth2"))


KEPT = ({*OWN["addresses"], FLOATING}, {"10.97.0.1/24", BESIDE})


@pytest.mark.full
def test_netplan_drops_what_it_was_not_told_of(lab, floating):
    """Or all of this were needless."""
    lab.on(HOST, "netplan apply")
    lab.wait_for(HOST, f"! ip address show dev eth2 | grep -q {BESIDE}")


def test_addresses_of_others_are_there_after_a_change_and_are_no_reason_for_one(lab, floating):
    run = lab.links(HEARING)
    assert run.rc == 0 and run.changed == 1, run.output
    assert there(lab) == KEPT
    again = lab.links(HEARING)
    assert again.rc == 0 and again.changed == 0, again.output


def test_a_bridge_listens_to_lldp_from_the_change_on(lab):
    """And no drop-in of the trial is left. The host is as declared again, which tests of other files rely on."""
    places = "ls --recursive /etc/systemd/network /run/systemd/network"
    assert "kvmcloud.conf" not in lab.on(HOST, places)
    run = lab.declared_by_inventory(HOST)
    assert run.rc == 0 and run.changed == 1, run.output
    assert lab.on(HOST, places).count("90-kvmcloud.conf") == 1 and "91-kvmcloud.conf" not in lab.on(HOST, places)


@pytest.mark.full
def test_an_address_that_another_host_has_by_then_stays_away(lab, floating):
    lab.on(HOST, f"ip address replace {MOVED} dev br0")
    lab.on(OTHER, f"ip address replace {MOVED} dev eth0")
    run = lab.links(HEARING)
    assert run.rc == 0 and run.changed == 1, run.output
    assert there(lab) == KEPT


@pytest.mark.full
def test_addresses_of_others_are_there_after_a_rollback(lab, floating):
    before = lab.state(HOST)
    run = lab.links(NO_LEASE, host_network_confirm_timeout=15)
    assert run.rc != 0 and "no IPv4 address came by DHCP to brx" in " ".join(run.output.split()), run.output
    assert there(lab) == KEPT
    assert lab.state(HOST) == before
    run = lab.declared_by_inventory(HOST)
    assert run.rc == 0, run.output
