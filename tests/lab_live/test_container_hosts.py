# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container hosts: what a deployment finds on them."""

from __future__ import annotations

import os

import pytest
from conftest import NAME, LabUnderTest

STORAGE = {"name": "eth1", "network": "storage"}
HOSTS = {
    "one": {
        "ansible_host": "10.213.201.11",
        "lab_nics": [STORAGE | {"address": "10.213.202.11"}, {"name": "eth2", "network": "guests"}],
        "lab_disks": [{"name": "brick1", "size": "64M"}, {"name": "brick2", "size": "96M"}],
    },
    "two": {
        "ansible_host": "10.213.201.12",
        "lab_nics": [STORAGE | {"address": "10.213.202.12"}],
        "lab_debian_hosts_line": True,
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    lab = LabUnderTest(tmp_path_factory.mktemp("inventory"))
    lab.write(HOSTS, lab_distribution_passthrough=True)
    lab("up")
    yield lab
    lab("down")


def test_systemd_is_up_and_no_unit_failed(lab):
    assert lab.on("one", "systemctl is-system-running --wait").strip() == "running"


def test_hosts_reach_each_other_by_name_and_on_the_storage_network(lab):
    lab.on("one", "ping -c1 -W2 two && ping -c1 -W2 10.213.202.12")
    assert lab.on("two", "getent hosts one").split()[0] == "10.213.201.11"


def test_debians_own_name_line_is_where_it_was_asked_for(lab):
    assert "127.0.1.1 two" in lab.on("two", "cat /etc/hosts")
    assert "127.0.1.1" not in lab.on("one", "cat /etc/hosts")


def test_nothing_outside_is_reachable(lab):
    assert lab.on("one", "ip route show default") == ""
    assert "Network is unreachable" in lab.on("one", "ping -c1 -W2 192.0.2.1", rc=2)


@pytest.mark.parametrize("file", ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"])
def test_files_can_be_replaced_by_renaming(lab, file):
    lab.on("one", f"cp -a {file} {file}.new && mv {file}.new {file} && ! grep ' {file} ' /proc/mounts")


def test_networkd_configures_the_nics_that_have_an_address_and_leaves_the_other(lab):
    states = {line.split()[1]: line.split()[-1] for line in lab.on("one", "networkctl --no-legend").splitlines()}
    assert (states["eth0"], states["eth1"], states["eth2"]) == ("configured", "configured", "unmanaged")


def test_disks_have_stable_names_and_their_sizes(lab):
    sizes = lab.on("one", "for n in brick1 brick2; do blockdev --getsize64 /dev/disk/by-id/virtio-$n; done")
    assert [int(size) for size in sizes.split()] == [64 * 2**20, 96 * 2**20]


def test_no_disk_of_this_machine_is_open_to_a_host(lab):
    device = os.stat("/var/lib").st_dev
    node = f"mknod /dev/forbidden b {os.major(device)} {os.minor(device)}"
    assert "not permitted" in lab.on("one", f"{node}; head -c1 /dev/forbidden 2>&1; rm /dev/forbidden")
    assert len(lab.on("one", "find /dev -type b").split()) == 2
    assert lab.on("two", "find /dev -type b").split() == []


def test_bridges_and_taps_can_be_made(lab):
    lab.on(
        "two",
        "ip link add br0 type bridge && ip tuntap add t0 mode tap && ip link set t0 master br0 && ip link del br0",
    )


def test_a_power_loss_keeps_files_and_disks_and_nothing_of_the_kernel(lab):
    lab.on("one", "mkfs.ext4 -q /dev/disk/by-id/virtio-brick1 && mount /dev/disk/by-id/virtio-brick1 /mnt")
    lab.on("one", "echo kept > /mnt/file && echo kept > /root/file && sync && ip link add br7 type bridge")
    lab("kill", "one")
    assert "exited" in lab("status", rc=1)
    lab("start", "one")
    assert (
        lab.on("one", "mount /dev/disk/by-id/virtio-brick1 /mnt && cat /mnt/file /root/file; umount /mnt")
        == "kept\n" * 2
    )
    lab.on("one", "! ip link show br7 2>/dev/null")
    lab.on("one", "ping -c1 -W2 two")


def test_restart_is_in_order(lab):
    before = lab.on("two", "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
    lab("restart", "two")
    assert lab.on("two", "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1") != before


def test_up_again_changes_nothing(lab):
    began = lab.on("one", "stat -c %Y /proc/1")
    said = lab("up")
    assert said.count(" is up") == len(HOSTS)
    assert lab.on("one", "stat -c %Y /proc/1") == began


def test_packages_laid_by_with_the_image_install_without_an_update(lab):
    lab.on("two", "apt-get -qq -y install bridge-utils > /dev/null && brctl --version")
    lab.on("two", "apt-get -s install mariadb-server glusterfs-server chrony > /dev/null")


def test_the_whole_distribution_is_seen_through_the_controller(lab):
    source = "-o Dir::Etc::SourceList=sources.list.d/distribution.sources -o Dir::Etc::SourceParts=-"
    lab.on("two", f"apt-get -qq update {source} -o APT::Update::Error-Mode=any && apt-cache show hello > /dev/null")


REPOSITORY = """set -e
wget() {{ python3 -c 'import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())' $1; }}
wget {url}/repo2.key > /etc/apt/keyrings/one.asc
printf 'Types: deb\\nURIs: %s\\nSuites: stable\\nComponents: opennebula\\nSigned-By: /etc/apt/keyrings/one.asc\\n' \
    {served}/7.4/Debian/12 > /etc/apt/sources.list.d/one.sources
only="-o Dir::Etc::SourceList=sources.list.d/one.sources -o Dir::Etc::SourceParts=- -o APT::Update::Error-Mode=any"
apt-get -q update $only 2>&1
apt-cache policy opennebula
"""


def test_the_emulators_packages_are_laid_out_and_signed_like_upstreams(lab):
    url = lab.state()["opennebula"]["url"]
    said = lab.on("two", REPOSITORY.format(url=url, served=url))
    assert "emulated" in said
    assert "7.4.0" in said


def test_a_repository_signed_by_somebody_else_is_refused_by_apt(lab):
    url = lab.state()["opennebula"]["url"]
    wrong = url.replace("/opennebula/", "/opennebula-wrong-key/")
    said = lab.on("two", REPOSITORY.format(url=url, served=wrong), rc=100)
    assert "NO_PUBKEY" in said


def test_status_says_what_is_up_and_where_opennebula_comes_from(lab):
    said = lab("status")
    assert said.count(" running  answers") == len(HOSTS)
    assert "opennebula_source: emulated (lab_opennebula is emulated)" in said
    assert f"lab {NAME}, packages: http://10.213.201.1:8071" in said
