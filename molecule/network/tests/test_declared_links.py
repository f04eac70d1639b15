# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links that the inventory declares, as the kernel of each host has them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from budget import exceeded

HOSTS = ["static1", "lease1", "lease2", "manager1", "bare1", "bare2", "bare3", "manager2"]
CONTROLLER = "10.213.122.1"


@pytest.mark.parametrize(
    ("name", "link", "addresses"),
    [
        ("static1", "br0", ["10.213.122.11/24"]),
        ("static1", "eth0", []),
        ("static1", "brg", []),
        ("lease1", "br0", ["10.213.122.12/24"]),
        ("lease1", "eth0", []),
        ("lease2", "eth0", ["10.213.122.13/24"]),
        ("lease2", "eth1", ["10.99.0.13/24"]),
        ("manager1", "br0", ["10.213.122.14/24"]),
        ("manager1", "eth0", []),
        ("manager1", "brg", []),
        ("bare1", "eth0", ["10.213.122.21/24"]),
        ("bare1", "eth1", []),
    ],
)
def test_addresses(seen, name, link, addresses):
    found = seen(name).interface(link, family="inet")
    assert found.exists and [f"{one}" for one in found.addresses] == [one.split("/")[0] for one in addresses]
    details = json.loads(seen(name).check_output(f"ip -json address show dev {link}"))[0]["addr_info"]
    assert [f"{one['local']}/{one['prefixlen']}" for one in details if one["family"] == "inet"] == addresses
    leased = [one for one in details if one["family"] == "inet" and one.get("dynamic")]
    assert bool(leased) == (name.startswith("lease") and link != "eth1" and bool(addresses))


@pytest.mark.parametrize(
    ("name", "bridge", "ports"),
    [
        ("static1", "br0", ["eth0"]),
        ("static1", "brg", ["eth1"]),
        ("lease1", "br0", ["eth0"]),
        ("manager1", "br0", ["eth0"]),
        ("manager1", "brg", ["eth1"]),
    ],
)
def test_bridges_forward_without_stp(seen, name, bridge, ports):
    host = seen(name)
    assert host.file(f"/sys/class/net/{bridge}/brif").listdir() == ports
    assert host.file(f"/sys/class/net/{bridge}/bridge/stp_state").content_string.strip() == "0"
    for port in ports:
        assert host.file(f"/sys/class/net/{port}/brport/state").content_string.strip() == "3", "3 is forwarding"
    assert host.file(f"/sys/class/net/{bridge}/operstate").content_string.strip() == "up"


@pytest.mark.parametrize("name", ["static1", "lease1", "manager1"])
def test_a_bridge_with_the_hosts_address_has_the_mac_address_of_its_card(seen, name):
    card, bridge = (seen(name).file(f"/sys/class/net/{link}/address").content_string for link in ("eth0", "br0"))
    assert card == bridge


@pytest.mark.parametrize("name", ["static1", "manager1"])
def test_the_host_is_silent_on_the_bridge_of_its_guests(seen, name):
    (found,) = json.loads(seen(name).check_output("ip -json address show dev brg"))
    assert found["addr_info"] == []  # not even a link-local address


def test_networkd_is_told_not_to_listen_there(seen):
    assert "LLDP=no" in seen("static1").check_output("cat /etc/systemd/network/10-netplan-brg.network.d/*")


def test_routes_and_mtu(seen):
    routes = json.loads(seen("lease2").check_output("ip -json route show 10.98.0.0/16"))
    assert [(one["gateway"], one["dev"]) for one in routes] == [("10.99.0.1", "eth1")]
    assert seen("lease2").file("/sys/class/net/eth1/mtu").content_string.strip() == "1400"


def test_networkmanager_makes_the_links_where_it_runs(seen):
    host = seen("manager1")
    assert host.service("NetworkManager").is_running and not host.service("systemd-networkd").is_running
    states = host.check_output("nmcli --terse --fields DEVICE,CONNECTION device").splitlines()
    for link in ("br0", "brg", "eth0", "eth1"):
        assert f"{link}:netplan-{link}" in states


def test_the_former_file_is_a_backup_that_netplan_does_not_read(seen):
    files = seen("static1").file("/etc/netplan").listdir()
    assert "60-kvmcloud.yaml" in files
    # The renderer that it named once may be that of other files.
    rest = seen("static1").file("/etc/netplan/50-lab.yaml").content_string
    assert "renderer: networkd" in rest and "eth0" not in rest
    assert any(one.startswith("50-lab.yaml.") and one.endswith("~") for one in files)


def test_a_host_that_declares_nothing_keeps_its_network(seen):
    assert seen("bare1").file("/etc/netplan").listdir() == ["50-lab.yaml"]


@pytest.mark.parametrize("name", HOSTS)
def test_no_trial_is_left(seen, name):
    assert not seen(name).file("/run/kvmcloud-netplan").exists
    assert seen(name).file("/run/netplan").listdir() == [] if seen(name).file("/run/netplan").exists else True
    assert "kvmcloud-netplan" not in seen(name).check_output("systemctl list-timers --all --no-pager")


def test_the_controller_is_reached_by_the_declared_link(seen):
    (route,) = json.loads(seen("static1").check_output(f"ip -json route get {CONTROLLER}"))
    assert (route["dev"], route["prefsrc"]) == ("br0", "10.213.122.11")


def test_the_converged_run_kept_to_its_budget():
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    assert exceeded(counts, "network", {"networked": HOSTS}) == []
