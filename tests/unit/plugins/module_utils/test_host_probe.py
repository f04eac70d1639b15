# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import sys

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import host_probe

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the samples are from a little-endian machine")


def test_os_release() -> None:
    text = "NAME=\"Debian GNU/Linux\"\nID=debian\n# ID=x\nVERSION_ID='12'\n\nrubbish\n"
    assert host_probe.os_release(text) == {"name": "Debian GNU/Linux", "id": "debian", "version_id": "12"}


def test_memory() -> None:
    assert host_probe.memory_mb("MemTotal:       24684000 kB\nMemFree: 1 kB\n") == 24105
    assert host_probe.memory_mb("") == 0


@pytest.mark.parametrize(
    ("flags", "found"),
    [("fpu vmx sse", "vmx"), ("fpu svm", "svm"), ("fpu sse", None), ("fpu svm_lock vmxext", None)],
)
def test_virtualisation_flag(flags: str, found: str | None) -> None:
    one = f"model name\t: Some CPU\nflags\t\t: {flags}\nvmx flags\t: x\n\n"
    text = f"processor\t: 0\n{one}processor\t: 1\n{one}"
    assert host_probe.cpu(text) == {"processors": 2, "model": "Some CPU", "virtualisation": found}


@pytest.mark.parametrize(
    ("values", "found"), [([], None), (["Y\n"], True), (["1\n"], True), (["N\n"], False), (["0\n"], False)]
)
def test_nested(values: list[str], found: bool | None) -> None:
    assert host_probe.nested(values) is found


@pytest.mark.parametrize(
    ("mounts", "version"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", 2),
        # hybrid: version 2 is mounted too, but the controllers are in version 1
        ("tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup2 /a/unified cgroup2 rw 0 0\ncgroup /a/cpu cgroup rw,cpu 0 0\n", 1),
        ("proc /proc proc rw 0 0\n", None),
    ],
)
def test_cgroup_version(mounts: str, version: int | None) -> None:
    assert host_probe.cgroup_version(mounts) == version


def test_interfaces_without_links_of_guests() -> None:
    def link(name: str, *addresses: tuple[str, int]) -> dict:
        info = [{"family": "inet", "local": local, "prefixlen": length} for local, length in addresses]
        return {"ifname": name, "flags": ["UP"], "mtu": 1500, "address": "02:00:00:00:00:01", "addr_info": info}

    links = [
        link("eth0", ("10.0.0.1", 24), ("fd00::1", 64)),
        link("one-1-0"),
        link("vnet3"),
        link("tap0"),
        link("onebr1"),
    ]
    found = host_probe.interfaces(json.dumps(links))
    assert list(found) == ["eth0", "onebr1"]
    assert found["eth0"]["addresses"] == ["10.0.0.1/24", "fd00::1/64"]
    assert host_probe.interfaces("") == {}


def test_default_routes_by_each_router() -> None:
    several = {"dst": "default", "nexthops": [{"gateway": "10.1.0.2", "dev": "b"}, {"gateway": "10.1.0.3", "dev": "c"}]}
    routes = [{"dst": "default", "gateway": "10.0.0.254", "dev": "a", "metric": 100}, several]
    assert host_probe.default_routes(json.dumps([*routes, {"dst": "default", "dev": "tun0"}])) == [
        {"gateway": "10.0.0.254", "device": "a"},
        {"gateway": "10.1.0.2", "device": "b"},
        {"gateway": "10.1.0.3", "device": "c"},
    ]
    assert host_probe.default_routes("") == []


def test_kind_and_master_of_links() -> None:
    """As `ip -j -d addr` tells them: a plain device has no kind, a port of a bridge has a master."""
    links = [
        {
            "ifname": "eth1",
            "flags": [],
            "master": "br0",
            "addr_info": [],
            "address": "52:54:00:00:00:02",
            "permaddr": "52:54:00:00:00:01",
        },
        {"ifname": "br0", "flags": ["UP"], "linkinfo": {"info_kind": "bridge"}, "addr_info": []},
    ]
    found = host_probe.interfaces(json.dumps(links))
    assert found["eth1"]["mac"] == "52:54:00:00:00:01", "its own, not that of its bond"
    assert (found["eth1"]["kind"], found["eth1"]["master"]) == (None, "br0")
    assert (found["br0"]["kind"], found["br0"]["master"]) == ("bridge", None)


MOUNTS = """\
/dev/vda1 / ext4 rw,relatime 0 0
nfs1:/export/two\\040words /var/lib/one/datastores/104 nfs4 rw 0 0
/dev/vdb /mnt/a\\134b xfs rw 0 0
old:/x /srv nfs rw 0 0
new:/x /srv nfs rw 0 0
rubbish
"""


@pytest.mark.parametrize(
    ("path", "source", "mounted_at"),
    [
        ("/var/lib/one/datastores", "/dev/vda1", "/"),
        ("/var/lib/one/datastores/104", "nfs1:/export/two words", "/var/lib/one/datastores/104"),
        ("/var/lib/one/datastores/104/7/disk.0", "nfs1:/export/two words", "/var/lib/one/datastores/104"),
        ("/var/lib/one/datastores/1040", "/dev/vda1", "/"),
        ("/mnt/a\\b/c", "/dev/vdb", "/mnt/a\\b"),
        ("/srv", "new:/x", "/srv"),
    ],
    ids=["root", "mount point", "below it", "a longer name", "backslash", "the last of two"],
)
def test_the_mount_that_holds_a_path(path: str, source: str, mounted_at: str) -> None:
    found = host_probe.mount_of(path, host_probe.mounts(MOUNTS))
    assert found is not None
    assert (found["source"], found["mounted_at"]) == (source, mounted_at)
    assert host_probe.mount_of(path, {}) is None


@pytest.mark.parametrize(
    ("fstype", "network"),
    [("nfs", True), ("nfs4", True), ("fuse.glusterfs", True), ("ceph", True), ("xfs", False), ("nfsd", False)],
)
def test_network_file_systems(fstype: str, network: bool) -> None:
    assert bool(host_probe.NETWORK_FILESYSTEM.match(fstype)) is network


@little_endian
def test_listening_sockets() -> None:
    tcp = (
        HEAD
        + "   0: 0100007F:0A49 00000000:0000 0A 00000000:00000000 00:00000000 00000000  9869        0 4711 1 x\n"
        + "   1: 0B00000A:0016 0100000A:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 x\n"
    )
    assert host_probe.sockets(tcp, "tcp") == [
        {"protocol": "tcp", "address": "127.0.0.1", "port": 2633, "uid": 9869, "inode": "4711"}
    ]
    tcp6 = HEAD + "   0: " + "0" * 24 + "01000000:13A6 " + "0" * 32 + ":0000 0A 0:0 00:0 0 0 0 99 1 x\n"
    assert host_probe.sockets(tcp6, "tcp6") == [
        {"protocol": "tcp", "address": "::1", "port": 5030, "uid": 0, "inode": "99"}
    ]
    udp = HEAD + "   0: 00000000:101C 00000000:0000 07 0:0 00:0 0 0 0 7 2 x 0\n"
    assert host_probe.sockets(udp, "udp")[0]["port"] == 4124


def test_name_servers() -> None:
    text = "# nameserver 9.9.9.9\nnameserver 10.0.0.1\n  nameserver fd00::1\nsearch x\n"
    assert host_probe.name_servers(text) == ["10.0.0.1", "fd00::1"]


def test_lock_holder() -> None:
    device = os.makedev(8, 17)
    text = (
        "1: FLOCK  ADVISORY  WRITE 100 08:11:55 0 EOF\n"
        "2: POSIX  ADVISORY  WRITE 200 08:11:99 0 EOF\n"
        "2: -> POSIX  ADVISORY  WRITE 300 08:11:77 0 EOF\n"
        "3: POSIX  ADVISORY  READ  400 08:11:66 0 EOF\n"
    )
    assert host_probe.lock_holder(text, device, 99) == 200
    assert host_probe.lock_holder(text, device, 77) is None  # waits for the lock, does not hold it
    assert host_probe.lock_holder(text, device, 66) is None
    assert host_probe.lock_holder("", device, 99) is None


def test_time_service() -> None:
    shown = "Id=chrony.service\nActiveState=inactive\n\nId=systemd-timesyncd.service\nActiveState=active\n"
    assert host_probe.time_service(host_probe.unit_states(shown)) == "systemd-timesyncd.service"
    assert host_probe.time_service(host_probe.unit_states("")) is None


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("ii 7.4.0-1", "7.4.0-1"),
        ("ii 1:6.10.0-1.ce", "6.10.0-1.ce"),
        ("rc 6.10.0-1", None),
        ("package opennebula-common is not installed\n", None),
        ("", None),
    ],
    ids=["installed", "with an epoch", "removed, configuration left", "unknown to rpm", "unknown to dpkg"],
)
def test_the_version_of_a_package(told: str, version: str | None) -> None:
    assert host_probe.installed_version(told) == version
