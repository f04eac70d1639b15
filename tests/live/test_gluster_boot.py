# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of GlusterFS that boots: disk, brick and mount come back by themselves, in this order."""

from __future__ import annotations

import os
import time

import cloud
import pool
import pytest
from pool import on

pytestmark = pytest.mark.full

MOUNTS = [{"volume": "data", "path": "/srv/data"}]
WANTED = {
    "servers": ["boot1"],
    "clients": [],
    "volumes": [{"name": "data", "disks": ["brick1"]}],
    "gluster_client_mounts": MOUNTS,
}


@pytest.fixture(scope="module")
def guest():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", pool.HOSTS)
    cloud.lab("up", "-i", pool.HOSTS, "--limit", "boot1")
    pool.converge(**WANTED)
    yield
    cloud.lab("down", "-i", pool.HOSTS)


def reboot() -> None:
    before = on("boot1", "cat /proc/sys/kernel/random/boot_id")
    on("boot1", "systemctl reboot; sleep 600", check=False)  # ends with the connection
    time.sleep(3)
    cloud.lab("start", "boot1", "-i", pool.HOSTS)  # it is on; waits until it answers
    assert on("boot1", "cat /proc/sys/kernel/random/boot_id") != before


def test_disk_brick_and_mount_are_there_after_a_boot(guest):
    on("boot1", "head -c 5M /dev/urandom > /srv/data/file && sha256sum /srv/data/file > /root/sums && sync")
    reboot()
    on("boot1", "systemctl is-system-running --wait", check=False)
    pool.eventually(lambda: pool.online("data", "boot1"), lambda found: found and all(found.values()))
    on("boot1", "findmnt -n -t xfs /bricks/brick1 && findmnt -n -t fuse.glusterfs /srv/data")
    on("boot1", "sha256sum --check --quiet /root/sums")
    # The brick was found by glusterd when it started, since its disk was mounted before.
    moments = on(
        "boot1",
        "systemctl show --value -p ActiveEnterTimestampMonotonic bricks-brick1.mount;"
        "systemctl show --value -p ExecMainStartTimestampMonotonic glusterd.service",
    )
    mounted, started = map(int, moments.split())
    assert 0 < mounted < started
    assert pool.converge(**WANTED).changed == 0


def test_a_server_boots_without_its_disk_and_writes_nothing_beside_it(guest):
    on("boot1", "sed -i '/brick1/s/^UUID=[^ ]*/UUID=00000000-0000-4000-8000-000000000000/' /etc/fstab")
    reboot()
    # It waits for the disk as long as systemd does.
    pool.eventually(
        lambda: on("boot1", "systemctl is-active glusterd", check=False), lambda said: said == "active\n", 300
    )
    assert pool.online("data", "boot1") == {"boot1:/bricks/brick1/data": False}
    assert "cannot" in on("boot1", "mkdir /bricks/brick1/data", check=False), "the directory below is sealed"
    assert on("boot1", "ls -A /bricks/brick1") == ""
