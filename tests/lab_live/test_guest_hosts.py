# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests: a kernel of their own, for what the one below containers lacks."""

from __future__ import annotations

import time

import pytest

GUEST = {
    "ansible_host": "10.213.201.21",
    "lab_kind": "vm",
    "lab_nics": [{"name": "eth1", "network": "storage", "address": "10.213.202.21"}],
    "lab_disks": [{"name": "brick1", "size": "64M"}],
}


@pytest.mark.full
def test_a_guest_boots_debians_kernel_beside_containers_and_really_reboots(fresh_lab):
    fresh_lab.write({"kernel1": GUEST, "two": {"ansible_host": "10.213.201.12"}})
    fresh_lab("up")
    assert "cloud-amd64" in fresh_lab.on("kernel1", "uname -r")
    for module in ("dm-mod", "8021q", "bonding", "nft_meta_bridge", "nbd", "dm-thin-pool"):
        fresh_lab.on("kernel1", f"modprobe {module}")
    fresh_lab.on("kernel1", "ip link add link eth1 name eth1.7 type vlan id 7 && ip link add bond0 type bond")
    assert fresh_lab.on("kernel1", "blockdev --getsize64 /dev/disk/by-id/virtio-brick1").strip() == str(64 * 2**20)
    fresh_lab.on("two", "ping -c1 -W5 kernel1")

    before = fresh_lab.on("kernel1", "cat /proc/sys/kernel/random/boot_id; touch /root/kept")
    fresh_lab.on("kernel1", "systemctl reboot; sleep 60", rc=255)
    time.sleep(3)
    fresh_lab("start", "kernel1")  # it is on; waits until it answers
    after = fresh_lab.on("kernel1", "cat /proc/sys/kernel/random/boot_id; ls /root/kept")
    assert after.splitlines()[1] == "/root/kept"
    assert after.splitlines()[0] != before.strip()

    fresh_lab("kill", "kernel1")
    assert "exited" in fresh_lab("status", rc=1)
    fresh_lab("start", "kernel1")
    fresh_lab.on("kernel1", "test -e /root/kept && systemctl is-system-running --wait")
    fresh_lab("down")
    assert fresh_lab.remains() == {}
