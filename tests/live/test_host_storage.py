# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datastores on real storage: GlusterFS on containers; LVM, XFS, NFS and reboots on a guest with Debian's kernel."""

from __future__ import annotations

import json
import os
import subprocess
import time

import cloud
import pytest

pytestmark = pytest.mark.full

INVENTORY = str(cloud.CHECKOUT / "tests/live/host_storage")
# A guest that boots on a busy machine may keep silent for minutes.
PATIENCE = ("-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=10", "-o", "ConnectTimeout=300")
SSH = ["ssh", "-F", "/var/lib/kvmcloud-lab/labs/stor/ssh/config", *PATIENCE]
STORES = "/var/lib/one/datastores"
IMAGES, SYSTEM, LOCAL = f"{STORES}/100", f"{STORES}/101", f"{STORES}/102"


def on(host: str, command: str, check: bool = True) -> str:
    done = subprocess.run([*SSH, host, command], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def as_root_and_oneadmin(host: str, command: str) -> list[str]:
    """What each of them is told by the command."""
    return [on(host, f"{user} {command}", check=False) for user in ("", "runuser -u oneadmin --")]


def storage(limit: str, *arguments: str, mounts=(), disks=()) -> cloud.Run:
    declared = {"host_storage_datastore_mounts": list(mounts), "host_storage_datastore_disks": list(disks)}
    arguments = ("--limit", limit, "--diff", "-e", json.dumps(declared), *arguments)
    return cloud.playbook("../tests/live/host_storage_only", *arguments, inventory=INVENTORY)


def converge(limit: str, **declared) -> cloud.Run:
    run = storage(limit, **declared)
    assert run.rc == 0, run.output
    again = storage(limit, **declared)
    assert again.rc == 0 and again.changed == 0, again.output
    return run


def module(host: str, mounts=(), disks=()) -> dict:
    """One module run, past the role: where many are needed."""
    pool = [{"id": 100, "name": "shared_images"}, {"id": 101, "name": "shared_system"}]
    pool.append({"id": 102, "name": "local_system"})
    arguments = json.dumps({"datastores": pool, "mounts": list(mounts), "disks": list(disks)})
    done = subprocess.run(
        ["ansible", "-i", INVENTORY, host, "-m", "kvmcloud.stack.datastore_mounts", "-a", arguments],
        cwd=cloud.CHECKOUT,
        env={**cloud.environment("/dev/null"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdict, _arrow, answer = done.stdout.partition("=> ")
    return {"verdict": verdict, **(json.loads(answer[: answer.rindex("}") + 1]) if answer.startswith("{") else {})}


@pytest.fixture(scope="module")
def containers():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", INVENTORY)
    cloud.lab("up", "-i", INVENTORY, "--limit", "front1,node1")
    yield prepare("front1,node1")
    cloud.lab("down", "-i", INVENTORY)


def prepare(limit: str) -> None:
    run = cloud.playbook("../tests/live/host_storage", "--limit", limit, inventory=INVENTORY)
    assert run.rc == 0, run.output


@pytest.fixture(scope="module")
def gluster(containers) -> dict:
    """A volume of one brick: the real server and the real client, on one host."""
    on("node1", "apt-get install --yes --quiet glusterfs-server && systemctl start glusterd && mkdir -p /srv/brick")
    on("node1", "gluster --mode=script volume create images node1:/srv/brick force && gluster volume start images")
    return {"datastore": "shared_images", "src": "node1:/images", "fstype": "glusterfs"}


def test_check_mode_installs_and_mounts_nothing(gluster):
    run = storage("front1", "--check", mounts=[gluster])
    assert run.rc == 0, run.output
    assert f"+node1:/images {IMAGES} glusterfs defaults,_netdev,nofail 0 0" in run.output, run.output
    assert "glusterfs" not in on("front1", "cat /etc/fstab; findmnt; ls /usr/sbin")


def test_a_directory_with_files_is_not_mounted_over(gluster):
    on("front1", f"runuser -u oneadmin -- touch {IMAGES}/precious.qcow2")
    run = storage("front1", mounts=[gluster])
    on("front1", f"rm {IMAGES}/precious.qcow2")
    assert run.rc != 0
    assert f"{IMAGES} is not mounted and holds precious.qcow2, which the mount would hide" in run.output, run.output
    assert "images" not in on("front1", "cat /etc/fstab")


def test_one_volume_is_mounted_by_id_on_front_end_and_node(gluster):
    converge("front1,node1", mounts=[gluster])
    on("front1", f"runuser -u oneadmin -- touch {IMAGES}/seen")
    assert on("node1", f"stat -c '%U:%G %n' {IMAGES} {IMAGES}/seen").splitlines() == [
        f"oneadmin:oneadmin {IMAGES}",
        f"oneadmin:oneadmin {IMAGES}/seen",
    ]


def test_where_the_mount_is_missing_nothing_can_be_written(gluster):
    """The night after a power loss: servers come back later than nodes, and guests are started meanwhile."""
    on("node1", f"umount {IMAGES}")
    for told in as_root_and_oneadmin("node1", f"mkdir {IMAGES}/7"):
        assert "cannot create directory" in told
    for told in as_root_and_oneadmin("node1", f"rmdir {IMAGES}"):
        assert "failed to remove" in told
    converge("node1", mounts=[gluster])
    assert "seen" in on("node1", f"ls {IMAGES}")


def test_a_mount_that_is_no_longer_wanted_leaves_an_ordinary_directory(gluster):
    converge("front1", mounts=[{"datastore": "shared_images", "fstype": "glusterfs", "state": "absent"}])
    assert "images" not in on("front1", "cat /etc/fstab /proc/mounts")
    on("front1", f"runuser -u oneadmin -- mkdir -p {IMAGES}/7 && ls /var/lib/one/datastores && rmdir {IMAGES}/7")
    assert "seen" in on("node1", f"ls {IMAGES}"), "what is stored stays where it is"


def test_a_datastore_that_does_not_exist_is_named(containers):
    run = storage("front1", mounts=[{"datastore": "imagse", "src": "node1:/images", "fstype": "glusterfs"}])
    assert run.rc != 0
    assert "datastore imagse: there is none of this name" in run.output, run.output


# -- a guest with a kernel and disks of its own -----------------------------------------------------------------------

FIRST, SECOND, FOREIGN = (f"/dev/disk/by-id/virtio-{name}" for name in ("first", "second", "foreign"))


def local(size: str, *devices: str, **more) -> dict:
    names = {"volume_group": "stores", "logical_volume": "system"}
    return {"datastore": "local_system", "devices": list(devices), "size": size, **names, **more}


@pytest.fixture(scope="module")
def guest(containers) -> None:
    cloud.lab("up", "-i", INVENTORY)
    prepare("disks1")
    on("disks1", "apt-get update --quiet")
    on("disks1", "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet nfs-kernel-server fdisk lvm2 xfsprogs")


def wiped() -> None:
    """The guest without any of what the tests made."""
    on(
        "disks1",
        f"umount {LOCAL} {IMAGES} 2>/dev/null; sed -i '/datastores/d' /etc/fstab; systemctl daemon-reload;"
        f"chattr -i {LOCAL} {IMAGES} 2>/dev/null; rm -rf {LOCAL} {IMAGES};"
        "vgremove --force --yes stores 2>/dev/null;"
        f"for disk in {FIRST} {SECOND} {FOREIGN}; do wipefs --all --quiet --force $disk; done; udevadm settle",
    )


def reboot() -> None:
    on("disks1", "systemctl reboot; sleep 600", check=False)  # ends with the connection
    time.sleep(3)
    cloud.lab("start", "disks1", "-i", INVENTORY)  # it is on; waits until it answers


def xfs_mebibytes() -> int:
    return int(on("disks1", f"xfs_info {LOCAL} | awk -F'[= ,]+' '/^data/ {{print $3 * $5 / 1048576}}'"))


@pytest.fixture
def clean_guest(guest) -> None:
    wiped()


def test_disks_become_a_file_system_that_grows_in_use_and_survives_a_reboot(clean_guest):
    run = converge("disks1", disks=[local("300m", FIRST)])
    assert "create volume group stores" in run.output
    assert xfs_mebibytes() == 300
    assert on("disks1", f"stat -c %U:%G {LOCAL}").strip() == "oneadmin:oneadmin"
    on("disks1", f"dd if=/dev/urandom of={LOCAL}/disk.0 bs=1M count=50 status=none; md5sum {LOCAL}/disk.0 > /root/sum")
    on("disks1", f"systemd-run --quiet --unit=user-of-it sh -c 'exec 3<>{LOCAL}/disk.0; sleep 3600'")

    converge("disks1", disks=[local("600m", FIRST)])
    assert xfs_mebibytes() == 600
    run = converge("disks1", disks=[local("100%", FIRST, SECOND)])
    assert "extend volume group stores" in run.output
    assert xfs_mebibytes() == 2 * 1020
    refused = storage("disks1", disks=[local("600m", FIRST, SECOND)])
    assert refused.rc != 0 and "XFS cannot shrink" in refused.output, refused.output
    on("disks1", "systemctl is-active user-of-it && md5sum --check /root/sum")

    reboot()
    on("disks1", f"md5sum --check /root/sum && findmnt {LOCAL} && systemctl is-system-running --wait", check=True)
    assert storage("disks1", disks=[local("100%", FIRST, SECOND)]).changed == 0


def test_what_holds_anything_is_not_formatted(clean_guest):
    on("disks1", f"mkfs.ext4 -q -L precious -U 5b0f4d3e-7f0e-4f0c-9a51-0a4c2f4f1a11 {FOREIGN}")
    taken = local("400m", FOREIGN)
    refused = module("disks1", disks=[taken])
    consent = "ext4:5b0f4d3e-7f0e-4f0c-9a51-0a4c2f4f1a11"
    assert f"{FOREIGN} is not empty, it holds {consent}" in refused["msg"]
    on("disks1", f"mount {FOREIGN} /mnt")
    mounted = module("disks1", disks=[{**taken, "wipe_signatures": [consent]}])
    on("disks1", "umount /mnt")
    assert "is mounted at /mnt" in mounted["msg"], "consent or not"
    stale = module("disks1", disks=[{**taken, "wipe_signatures": ["ext4:00000000-7f0e-4f0c-9a51-0a4c2f4f1a11"]}])
    assert "is not empty" in stale["msg"], "the consent was to something else"
    assert "precious" in on("disks1", f"blkid -p {FOREIGN}")

    used = module("disks1", disks=[{**taken, "wipe_signatures": [consent]}])
    assert "CHANGED" in used["verdict"], used
    assert "xfs" in on("disks1", f"findmnt -n -o FSTYPE {LOCAL}")


def test_partitions_and_foreign_volume_groups_are_not_touched(clean_guest):
    on("disks1", f"echo 'label: gpt\n,100M\n,' | sfdisk --quiet {FIRST}; udevadm settle; mkswap -q {FIRST}-part1")
    on("disks1", f"pvcreate -q {SECOND}; vgcreate -q theirs {SECOND}")
    before = on("disks1", f"wipefs {FIRST} {FIRST}-part1; vgs theirs")
    refused = module("disks1", disks=[local("400m", FIRST, SECOND)])
    assert "gpt:" in refused["msg"] and "swap:" in refused["msg"], refused["msg"]
    assert f"{SECOND} belongs to volume group theirs" in refused["msg"]
    assert on("disks1", f"wipefs {FIRST} {FIRST}-part1; vgs theirs") == before
    held = [word.strip("[]'") for word in refused["msg"].split("wipe_signatures: ")[1].split("].")[0].split(", ")]
    on("disks1", f"vgremove -q theirs; pvremove -q {SECOND}")
    used = module("disks1", disks=[local("400m", FIRST, wipe_signatures=held)])
    assert "CHANGED" in used["verdict"], used


# Each is run to its end, or not begun, and then the module is killed -9 by what it has called.
DEADLY = '#!/bin/sh\n[ {when} = before ] || {command} "$@"\nkill -9 $PPID\n'


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("command", ["vgcreate", "lvcreate", "mkfs.xfs", "lvchange", "chattr", "systemctl"])
def test_killed_at_any_command_the_next_run_converges(guest, command, when):
    wiped()
    real = on("disks1", f"command -v {command}").strip()
    script = DEADLY.format(when=when, command=real)
    on("disks1", f"cat > /usr/local/sbin/{command} <<'END'\n{script}END\nchmod +x /usr/local/sbin/{command}")
    try:
        killed = module("disks1", disks=[local("300m", FIRST)])
    finally:
        on("disks1", f"rm /usr/local/sbin/{command}")
    assert "CHANGED" not in killed["verdict"], killed
    repaired = module("disks1", disks=[local("300m", FIRST)])
    assert "CHANGED" in repaired["verdict"], repaired
    again = module("disks1", disks=[local("300m", FIRST)])
    assert again["changed"] is False, again
    assert xfs_mebibytes() == 300
    assert on("disks1", "lvs --noheadings -o lv_tags stores/system").strip() == ""
    assert on("disks1", f"grep -c {LOCAL} /etc/fstab").strip() == "1"


def test_a_host_boots_without_its_nfs_server_and_mounts_when_it_is_back(clean_guest):
    on("disks1", "mkdir -p /srv/images && chown 9869:9869 /srv/images && echo kept > /srv/images/image")
    on("disks1", "echo '/srv/images *(rw,sync,no_subtree_check)' > /etc/exports && systemctl enable --now nfs-server")
    on("disks1", "exportfs -ra")
    images = {"datastore": "shared_images", "src": "disks1:/srv/images"}
    converge("disks1", mounts=[images])
    assert on("disks1", f"cat {IMAGES}/image").strip() == "kept"

    on("disks1", "systemctl disable nfs-server")
    reboot()
    assert on("disks1", "systemctl is-active ssh nfs-server", check=False).split() == ["active", "inactive"]
    for told in as_root_and_oneadmin("disks1", f"mkdir {IMAGES}/7"):
        assert "cannot create directory" in told, "not mounted, and nothing can be written beside the mount"
    refused = module("disks1", mounts=[images])
    assert "FAILED" in refused["verdict"] and "mount disks1:/srv/images" in refused["msg"], refused

    on("disks1", "systemctl start nfs-server")
    deadline = time.monotonic() + 600
    while "nfs" not in on("disks1", f"findmnt -n -o FSTYPE {IMAGES}", check=False):
        assert time.monotonic() < deadline, on("disks1", "systemctl list-units --type=mount; systemctl list-jobs")
        time.sleep(5)
    assert on("disks1", f"cat {IMAGES}/image").strip() == "kept"


def test_what_an_automount_brings_is_not_taken_for_files_below_it(clean_guest):
    on("disks1", "mkdir -p /srv/images && chown 9869:9869 /srv/images && echo kept > /srv/images/image")
    on("disks1", "echo '/srv/images *(rw,sync,no_subtree_check)' > /etc/exports && systemctl enable --now nfs-server")
    on("disks1", "exportfs -ra")
    images = {"datastore": "shared_images", "src": "disks1:/srv/images", "opts": "x-systemd.automount"}
    converge("disks1", mounts=[images])

    reboot()
    assert on("disks1", f"findmnt -n -o FSTYPE {IMAGES}").split() == ["autofs"], "nobody has looked there yet"
    again = module("disks1", mounts=[images])
    assert again.get("changed") is False, again
    assert on("disks1", f"stat -c %U:%a /srv/images; cat {IMAGES}/image").split() == ["oneadmin:755", "kept"]

    on("disks1", f"umount {IMAGES}; systemctl stop nfs-server")
    refused = module("disks1", mounts=[images])
    assert f"the automount at {IMAGES} was asked for" in refused.get("msg", ""), refused
    on("disks1", "systemctl start nfs-server")
    gone = module("disks1", mounts=[{**images, "state": "absent"}])
    assert gone.get("changed") is True, gone
    assert IMAGES not in on("disks1", "cat /etc/fstab /proc/mounts")


def test_a_server_that_keeps_root_out_is_told_whom_the_export_must_belong_to(clean_guest):
    on("disks1", "mkdir -p /srv/theirs && chown 1234:1234 /srv/theirs")
    on("disks1", "echo '/srv/theirs *(rw,sync,no_subtree_check)' > /etc/exports && systemctl start nfs-server")
    on("disks1", "exportfs -ra")
    theirs = {"datastore": "shared_images", "src": "disks1:/srv/theirs"}
    for _run in range(2):
        refused = module("disks1", mounts=[theirs])
        assert "chown 9869:9869 the exported directory" in refused.get("msg", ""), refused
    on("disks1", "chown 9869:9869 /srv/theirs")
    # The client may remember the former owner for a while.
    on("disks1", f"umount {IMAGES}")
    assert "CHANGED" in module("disks1", mounts=[theirs])["verdict"]
