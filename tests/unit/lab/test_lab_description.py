# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From inventory variables to a lab: what is made of good ones, and which sentence each bad one gets."""

from __future__ import annotations

from ipaddress import IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kvmcloud_lab.describe import describe, parse_size
from kvmcloud_lab.model import Disk, Nic, mac_address
from kvmcloud_lab.paths import object_name
from kvmcloud_lab.programs import LabError

IMAGES = {"bookworm": "container", "bookworm-kvm": "container", "bookworm-vm": "vm"}
NETWORKS = {"management": "10.9.1.0/24", "storage": "10.9.2.0/24", "guests": None}


def lab_of(**hosts):
    """A lab in NETWORKS; hosts are given by their own variables."""
    return describe({name: {"lab_networks": NETWORKS, **variables} for name, variables in hosts.items()}, IMAGES)


def test_a_host_with_nothing_but_an_address_is_a_bookworm_container_on_the_management_network():
    (host,) = lab_of(front1={"ansible_host": "10.9.1.11"}).hosts
    assert (host.kind, host.image) == ("container", "bookworm")
    assert host.nics == (Nic("eth0", "management", IPv4Interface("10.9.1.11/24")),)
    assert host.disks == ()


def test_the_controller_has_the_first_address_of_each_network_that_has_addresses():
    lab = lab_of(front1={"ansible_host": "10.9.1.11"})
    assert {network.name: network.controller for network in lab.networks} == {
        "management": IPv4Interface("10.9.1.1/24"),
        "storage": IPv4Interface("10.9.2.1/24"),
        "guests": None,
    }


def test_nics_and_disks_come_in_the_order_of_the_inventory():
    (host,) = lab_of(
        gluster1={
            "ansible_host": "10.9.1.31",
            "lab_nics": [
                {"name": "eth1", "network": "storage", "address": "10.9.2.31"},
                {"name": "eth2", "network": "guests"},
            ],
            "lab_disks": [{"name": "brick1", "size": "4G"}, {"name": "brick2", "size": "512M"}],
        }
    ).hosts
    assert host.nics[1:] == (
        Nic("eth1", "storage", IPv4Interface("10.9.2.31/24")),
        Nic("eth2", "guests", None),
    )
    assert host.disks == (Disk("brick1", 4 * 2**30), Disk("brick2", 512 * 2**20))


def test_a_vm_gets_the_image_of_its_kind_and_its_memory_in_mebibytes():
    (host,) = lab_of(kernel1={"ansible_host": "10.9.1.41", "lab_kind": "vm", "lab_memory": "1.5G"}).hosts
    assert (host.image, host.memory) == ("bookworm-vm", 1536)


GOOD = {"ansible_host": "10.9.1.11"}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "h has no ansible_host; lab hosts have a fixed address of the management network."),
        ({"ansible_host": "ten"}, "h: the address of eth0 is 'ten', which is not an IPv4 address."),
        ({"ansible_host": "10.9.9.1"}, "h: eth0 has 10.9.9.1, which is no host address of management (10.9.1.0/24)."),
        (
            {"ansible_host": "10.9.1.255"},
            "h: eth0 has 10.9.1.255, which is no host address of management (10.9.1.0/24).",
        ),
        ({"ansible_host": "10.9.1.1"}, "h: eth0 has 10.9.1.1, which already belongs to the controller."),
        (GOOD | {"lab_renderer": "nm"}, "h: lab_renderer is 'nm'; it is either networkd or NetworkManager."),
        (GOOD | {"lab_kind": "jail"}, "h: lab_kind is 'jail'; it is either container or vm."),
        (
            GOOD | {"lab_image": "sid"},
            "h: lab_image is 'sid'; known images are bookworm, bookworm-kvm, bookworm-vm (tests/lab/images).",
        ),
        (
            GOOD | {"lab_image": "bookworm-vm"},
            "h: lab_image bookworm-vm is for lab_kind vm, but lab_kind is container.",
        ),
        (
            GOOD | {"lab_nics": [{"name": "eth1", "network": "moon"}]},
            "h: eth1 is plugged into the network 'moon', which lab_networks does not name.",
        ),
        (
            GOOD | {"lab_nics": [{"name": "eth1", "network": "guests", "address": "10.9.3.4"}]},
            "h: eth1 has an address, but the network guests has no subnet.",
        ),
        (
            GOOD | {"lab_nics": [{"name": "eth0", "network": "storage"}]},
            "h: there are two NICs called eth0 (eth0 is the management network's).",
        ),
        (
            GOOD | {"lab_nics": [{"name": "ens3", "network": "storage"}]},
            "h: a NIC is called 'ens3'; NICs of lab hosts are eth0, eth1, ...",
        ),
        (
            GOOD | {"lab_nics": [{"network": "storage"}]},
            "h: a NIC of lab_nics is {'network': 'storage'}; wanted are name, network and, "
            "where it shall have one, address.",
        ),
        (
            GOOD | {"lab_disks": [{"name": "brick1", "size": "plenty"}]},
            "h: the size of disk brick1 is 'plenty'; a size like 512M or 4G is wanted.",
        ),
        (
            GOOD | {"lab_disks": [{"name": "b", "size": "1G"}, {"name": "b", "size": "1G"}]},
            "h: there are two disks called b.",
        ),
        (GOOD | {"lab_cpus": 0}, "h: lab_cpus is 0; a number above 0 is wanted."),
        (
            GOOD | {"lab_name": "my-lab"},
            "lab_name is 'my-lab'; at most 8 small letters and digits, beginning with a letter, make a name.",
        ),
        (
            GOOD | {"lab_networks": {"storage": "10.9.2.0/24"}},
            "lab_networks has no subnet for `management`, the network over which Ansible reaches the hosts.",
        ),
        (
            GOOD | {"lab_networks": {"management": "10.9.1.0/24", "b": "10.9.0.0/16"}},
            "The lab networks management (10.9.1.0/24) and b (10.9.0.0/16) overlap.",
        ),
        (
            GOOD | {"lab_opennebula": "real"},
            "lab_opennebula is 'real'; it is one of auto, upstream, emulated and none.",
        ),
    ],
)
def test_each_mistake_gets_its_sentence(variables, sentence):
    with pytest.raises(LabError) as refused:
        describe({"h": {"lab_networks": NETWORKS, **variables}}, IMAGES)
    assert sentence in str(refused.value).splitlines()


def test_two_hosts_with_one_address_are_both_named():
    with pytest.raises(LabError, match=r"node2: eth0 has 10\.9\.1\.21, which already belongs to node1 \(eth0\)\."):
        lab_of(node1={"ansible_host": "10.9.1.21"}, node2={"ansible_host": "10.9.1.21"})


def test_all_mistakes_are_told_at_once():
    with pytest.raises(LabError) as refused:
        lab_of(
            a={"ansible_host": "x"},
            b={},
            c={"ansible_host": "10.9.1.3", "lab_image": "sid"},
            d={"ansible_host": "10.9.1.3"},
        )
    told = [sentence.split(":")[0].split(" ")[0] for sentence in str(refused.value).splitlines()]
    assert told == ["a", "b", "c", "d"]


def test_a_variable_of_the_whole_lab_has_one_value():
    with pytest.raises(LabError, match="lab_name is 'x' for a and 'y' for b; it belongs to the whole lab"):
        lab_of(a={"ansible_host": "10.9.1.2", "lab_name": "x"}, b={"ansible_host": "10.9.1.3", "lab_name": "y"})


def test_an_empty_inventory_is_a_mistake():
    with pytest.raises(LabError, match="names no host"):
        describe({}, IMAGES)


def test_the_fingerprint_of_a_host_follows_its_description_alone():
    plain, other = {"ansible_host": "10.9.1.11"}, {"ansible_host": "10.9.1.12"}
    alone = lab_of(h=plain).hosts[0].fingerprint()
    assert lab_of(h=plain, neighbour=other).hosts[0].fingerprint() == alone
    assert lab_of(h=plain | {"lab_image": "bookworm-kvm"}).hosts[0].fingerprint() != alone


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 4 * 2**30), ("1.5M", 1572864), (4096, 4096), ("10KiB", 10240), ("2T", 2 * 2**40)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "4 apples", None])
def test_no_sizes(text):
    with pytest.raises(ValueError):
        parse_size(text)


@given(st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True))
def test_a_link_name_of_any_lab_fits_the_kernel(name):
    # IFNAMSIZ: 15 characters and a NUL. One digit numbers the networks.
    assert len(f"{object_name(name)}-9") <= 15


@given(st.text("abc1", min_size=1, max_size=8), st.text("abc1", min_size=1, max_size=8))
def test_mac_addresses_are_local_unicast_and_differ(first, second):
    one, other = mac_address("lab", first, "eth0"), mac_address("lab", second, "eth0")
    assert int(one[:2], 16) & 0b11 == 0b10
    assert (one == other) == (first == second)
