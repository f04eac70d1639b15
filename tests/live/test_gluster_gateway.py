# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes for clients that speak NFS and SMB, by programs that need no kernel: libnfs and smbclient."""

from __future__ import annotations

import os

import cloud
import pool
import pytest
from pool import on

pytestmark = pytest.mark.full

DATA = {
    "name": "data",
    "replica": 2,
    "accept_split_brain_risk": True,
    "disks": ["brick1"],
    "owner": {"uid": 9869, "gid": 9869},
}
EXPORTS = [
    {"id": 1, "volume": "data", "clients": ["10.213.125.0/24"], "squash": "no_root_squash"},
    {"id": 2, "volume": "data", "path": "/theirs", "clients": ["192.0.2.0/24"]},
]
SHARES = [{"name": "glustertest", "volume": "data", "comment": "For testing a volume exported through CIFS"}]
NFS, BRICK = "nfs://10.213.125.11/data", "/bricks/brick1/data"
USERS = [{"name": "anna", "password": "correct-horse-battery"}]


def declared(**more) -> dict:
    return {"servers": ["gs1", "gs2"], "volumes": [DATA], **more}


@pytest.fixture(scope="module")
def gateway():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", pool.HOSTS)
    cloud.lab("up", "-i", pool.HOSTS, "--limit", "gs1,gs2,client1")
    pool.converge(**declared())
    on("gs1", "mount -t glusterfs localhost:/data /mnt && head -c 2M /dev/urandom > /mnt/open && chmod 644 /mnt/open")
    on("gs1", "umount /mnt && apt-get update --quiet")
    on("client1", "apt-get update --quiet")
    on("client1", "apt-get install --yes --quiet --no-install-recommends libnfs-utils smbclient")
    yield
    cloud.lab("down", "-i", pool.HOSTS)


def share(*arguments: str, **variables) -> cloud.Run:
    return pool.playbook("gluster_gateway", "--limit", "gs1", *arguments, **declared(**variables))


def test_a_volume_by_nfs_for_those_that_are_named(gateway):
    wanted = {"gluster_gateway_nfs_exports": EXPORTS}
    run = share(**wanted)
    assert run.rc == 0, run.output
    again = share(**wanted)
    assert again.rc == 0 and again.changed == 0, again.output
    assert on("client1", f"nfs-cat '{NFS}/open?version=4' | sha256sum") == on("gs2", f"sha256sum < {BRICK}/open")
    # libnfs 4.0 itself fails to write more than a little by this version.
    on("client1", f"echo from a client > /root/note && nfs-cp /root/note '{NFS}/by-nfs?version=4'")
    assert "from a client" in on("gs2", f"cat {BRICK}/by-nfs")
    assert "let in" not in on("client1", "nfs-ls 'nfs://10.213.125.11/theirs?version=4' && echo let in", check=False)


def test_exports_that_cannot_be_served_leave_those_that_are(gateway):
    run = share(gluster_gateway_nfs_exports=[*EXPORTS, {"id": 3, "volume": "nosuch", "clients": ["*"]}])
    assert run.rc != 0, run.output
    on("client1", f"nfs-ls '{NFS}?version=4' | grep by-nfs")
    assert share(gluster_gateway_nfs_exports=EXPORTS).rc == 0
    on("client1", f"nfs-ls '{NFS}?version=4' | grep by-nfs")


def test_a_volume_by_smb_for_its_users(gateway):
    wanted = {"gluster_gateway_smb_shares": SHARES, "gluster_gateway_smb_users": USERS}
    run = share(**wanted)
    assert run.rc == 0, run.output
    again = share(**wanted)
    assert again.rc == 0 and again.changed == 0, again.output
    on("gs1", "id anna; gluster --mode=script volume info data >/dev/null")
    client = "smbclient //10.213.125.11/glustertest -U anna%correct-horse-battery -c"
    assert "by-nfs" in on("client1", f"{client} ls")
    on("client1", f"{client} 'get open /root/open'")
    assert on("client1", "sha256sum < /root/open") == on("gs2", f"sha256sum < {BRICK}/open")
    assert "NT_STATUS" in on("client1", "smbclient //10.213.125.11/glustertest -N -c ls", check=False)
    assert "correct-horse" not in run.output


def test_what_is_withdrawn_is_no_longer_given(gateway):
    run = share(
        gluster_gateway_nfs_exports=[{**one, "state": "absent"} for one in EXPORTS],
        gluster_gateway_smb_shares=[{**one, "state": "absent"} for one in SHARES],
    )
    assert run.rc == 0, run.output
    assert on("gs1", "systemctl is-active nfs-ganesha", check=False).strip() == "inactive"
    assert "glustertest" not in on("gs1", "testparm -s 2>/dev/null")
