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
SMB = {"gluster_gateway_smb_shares": SHARES, "gluster_gateway_smb_users": USERS}
NOT_INSTALLED = "dpkg-query -W nfs-ganesha && dpkg-query -W samba"
KERNEL_NFS = "/etc/systemd/system/nfs-server.service"


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


def test_a_bare_gateway_in_check_mode(gateway):
    """To the end, and nothing is done."""
    planned = share("--check", "--diff", gluster_gateway_nfs_exports=EXPORTS, **SMB)
    assert planned.rc == 0 and planned.changed > 4, planned.output
    assert "correct-horse" not in planned.output
    assert not on(
        "gs1", "dpkg-query -W nfs-ganesha samba 2>/dev/null; ls -d /etc/ganesha /etc/samba", check=False
    ).count("\n/etc")


def test_what_cannot_be_given_is_told_before_anything_is_installed(gateway):
    shares = [{"name": "all"}, {**SHARES[0], "guest": True, "users": ["anna"]}]
    refused = share(
        gluster_gateway_nfs_exports=[EXPORTS[0], {"id": 1, "volume": "more"}], gluster_gateway_smb_shares=shares
    )
    assert refused.rc != 0
    for words in ("have the id 1", "entry 1 names no clients", "entry all has neither a volume nor a path", "are none"):
        assert words in refused.words, refused.output
    report = pool.playbook("preflight", **declared(gluster_gateway_smb_shares=shares))
    assert report.rc != 0 and "entry all has neither a volume" in report.words, report.output

    # As an administrator would have left the kernel's server: not running now, and there after the next boot.
    on("gs1", f"printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' > {KERNEL_NFS}")
    on("gs1", "systemctl daemon-reload && systemctl enable --quiet nfs-server")
    refused = share(gluster_gateway_nfs_exports=EXPORTS)
    on("gs1", f"systemctl disable --quiet nfs-server && rm {KERNEL_NFS} && systemctl daemon-reload")
    assert refused.rc != 0 and "The kernel's NFS server starts at boot" in refused.words, refused.output
    assert "no packages" in on("gs1", NOT_INSTALLED, check=False)


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
    run = share(**SMB)
    assert run.rc == 0, run.output
    again = share(**SMB)
    assert again.rc == 0 and again.changed == 0, again.output
    checked = share("--check", "--diff", gluster_gateway_nfs_exports=EXPORTS, **SMB)
    assert checked.rc == 0 and checked.changed == 0, checked.output
    on("gs1", "id anna; gluster --mode=script volume info data >/dev/null")
    client = "smbclient //10.213.125.11/glustertest -U anna%correct-horse-battery -c"
    assert "by-nfs" in on("client1", f"{client} ls")
    on("client1", f"{client} 'get open /root/open'")
    assert on("client1", "sha256sum < /root/open") == on("gs2", f"sha256sum < {BRICK}/open")
    assert "NT_STATUS" in on("client1", "smbclient //10.213.125.11/glustertest -N -c ls", check=False)
    assert "correct-horse" not in run.output


def let_in(password: str, command: str = "ls") -> bool:
    said = on("client1", f"smbclient //10.213.125.11/glustertest -U 'anna%{password}' -c '{command}'", check=False)
    return "by-nfs" in said


def test_a_password_is_changed_and_one_changed_by_hand_is_told_by_its_hash(gateway):
    def users(*wanted: dict) -> bool:
        answer = pool.module("gs1", "smb_users", users=list(wanted))
        assert "FAILED" not in answer["verdict"], answer
        return answer["changed"]

    new = {"gluster_gateway_smb_users": [{"name": "anna", "password": "gr\u00fcn $1 'quoted'"}]}
    run = share("--diff", **{**SMB, **new})
    assert run.rc == 0 and run.changed == 1, run.output
    assert "anna, another password" in run.output and "quoted" not in run.output
    assert not users(*new["gluster_gateway_smb_users"]), "Samba keeps it as it was typed"
    assert not let_in("correct-horse-battery")
    assert users(*USERS) and let_in("correct-horse-battery")

    on("gs1", "printf 'by-hand-1\\nby-hand-1\\n' | smbpasswd -s anna")
    assert let_in("by-hand-1") and not let_in("correct-horse-battery")
    assert not users({**USERS[0], "update_password": "on_create"}) and let_in("by-hand-1")
    assert users(*USERS) and let_in("correct-horse-battery")

    on("gs1", "smbpasswd -d anna")
    assert not users(*USERS) and not let_in("correct-horse-battery"), "who was locked out stays so"
    on("gs1", "smbpasswd -e anna")
    assert users({"name": "ANNA", "state": "absent"}) and not let_in("correct-horse-battery")
    on("gs1", "id anna")
    assert users(*USERS) and not users(*USERS) and let_in("correct-horse-battery")


def test_a_share_of_a_mount_is_closed_while_nothing_is_mounted(gateway):
    on("gs1", "mkdir -p /srv/fuse && mount -t glusterfs localhost:/data /srv/fuse")
    shares = [*SHARES, {"name": "fused", "path": "/srv/fuse"}]
    assert share(**{**SMB, "gluster_gateway_smb_shares": shares}).rc == 0
    look = "smbclient //10.213.125.11/fused -U anna%correct-horse-battery -c"
    assert "by-nfs" in on("client1", f"{look} ls")
    on("client1", f"{look} 'get open /root/by-fuse'")
    assert on("client1", "sha256sum < /root/by-fuse") == on("gs2", f"sha256sum < {BRICK}/open")
    on("gs1", "umount /srv/fuse")
    assert "NT_STATUS" in on("client1", f"{look} ls", check=False)
    assert share(**SMB).rc == 0
    assert "BAD_NETWORK_NAME" in on("client1", f"{look} ls", check=False)


def test_a_configuration_that_samba_would_not_read_is_not_used(gateway):
    look = "sha256sum /etc/samba/smb.conf; systemctl show -p MainPID smbd"
    before = on("gs1", look)
    refused = share(gluster_gateway_smb_workgroup="WORKGROUP\n[broken", **SMB)
    assert refused.rc != 0 and "failed to validate" in refused.words, refused.output
    assert on("gs1", look) == before and let_in("correct-horse-battery")


def test_what_a_gateway_gives_is_verified(gateway):
    def verify() -> cloud.Run:
        return pool.playbook("verify", "--limit", "gs1", **declared(gluster_gateway_nfs_exports=EXPORTS, **SMB))

    report = verify()
    assert report.rc == 0 and "/theirs is exported by NFS" in report.output, report.output
    on("gs1", "systemctl stop nfs-ganesha && sed -i 's/^.glustertest.$/[other]/' /etc/samba/smb.conf")
    report = verify()
    failed = [line for line in report.output.splitlines() if "FAILED" in line]
    for words in ("/data is exported by NFS", "glustertest is shared by SMB", "nfs-ganesha.service"):
        assert any(words in line for line in failed), report.output
    assert share(gluster_gateway_nfs_exports=EXPORTS, **SMB).rc == 0
    assert verify().rc == 0


def reached(port: int, host: str = "10.213.125.11") -> bool:
    return "yes" in on(
        "client1",
        f"python3 -c 'import socket; socket.create_connection((\"{host}\", {port}), 3)' 2>/dev/null && echo yes",
        check=False,
    )


def test_firewalld_lets_peers_and_clients_in(gateway):
    for host in ("gs1", "gs2"):
        on(host, "apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends firewalld")
        on(host, "systemctl start firewalld && firewall-cmd --state")
    brick = int(pool.gluster("gs1", "volume status data").findtext(".//node[path='/bricks/brick1/data']/port"))
    assert not reached(24007) and not reached(brick)
    wanted = declared(gluster_server_firewalld=True)
    run = pool.converge(**wanted)
    assert all(run.counts["changed"][host] for host in ("gs1", "gs2")), run.output
    assert on("gs1", "firewall-cmd --list-ports; firewall-cmd --permanent --list-ports").split() == [
        *("24007/tcp", "49152-60999/tcp"),
        *("24007/tcp", "49152-60999/tcp"),
    ]
    assert reached(24007) and reached(brick) and not reached(22000)
    assert pool.converge(**wanted).changed == 0
    pool.eventually(lambda: pool.peers(), lambda found: found == {"gs2": "Peer in Cluster"})
    for host in ("gs1", "gs2"):
        on(host, "apt-get purge --yes --quiet firewalld")


def test_what_is_withdrawn_is_no_longer_given(gateway):
    run = share(
        gluster_gateway_nfs_exports=[{**one, "state": "absent"} for one in EXPORTS],
        gluster_gateway_smb_shares=[{**one, "state": "absent"} for one in SHARES],
    )
    assert run.rc == 0, run.output
    assert on("gs1", "systemctl is-active nfs-ganesha", check=False).strip() == "inactive"
    assert "glustertest" not in on("gs1", "testparm -s 2>/dev/null")
