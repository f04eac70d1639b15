# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on this very host, in directories of its own; disks and mounts are for lab hosts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_brick_host
from ansible_collections.kvmcloud.stack.plugins.module_utils.block_devices import Device
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_disks import Disks
from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import Present
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_directories import Directory
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_brick_host import BrickHost
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError
from ansible_collections.kvmcloud.stack.plugins.modules import gluster_brick

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reads devices and trusted attributes, which needs root")

OWN = "ebce275f-18b3-4ada-89a2-5bf42019c5c1"


class CommandModule:
    """As much of an AnsibleModule as the host needs; commands answer what they are told to."""

    check_mode = False

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers = answers

    def get_bin_path(self, name: str) -> str:
        return name

    def run_command(self, argv: list[str], environ_update: dict, cwd: str) -> tuple[int, str, str]:
        return self.answers[argv[0]]


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """A directory as GlusterFS leaves one."""
    brick = tmp_path / "b1" / "vms"
    (brick / ".glusterfs" / "00" / "00").mkdir(parents=True)
    (brick / ".glusterfs" / "00" / "00" / "link").symlink_to("../../../kept")
    (brick / ".glusterfs-anonymous-inode-1").mkdir()
    (brick / "kept").mkdir()
    (brick / "kept" / "file").write_text("data")
    try:
        for name in ("trusted.gfid", "trusted.glusterfs.volume-id", "trusted.glusterfs.dht", "trusted.other"):
            os.setxattr(brick, name, b"\1")
    except OSError:
        pytest.skip("this file system takes no trusted attributes")
    return brick


@pytest.fixture
def glusterd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    state = tmp_path / "glusterd"
    state.mkdir()
    monkeypatch.setattr(gluster_brick_host, "GLUSTERD", str(state))
    return state


def knows(state: Path, volume: str, path: Path, server: str = OWN) -> None:
    (state / "glusterd.info").write_text(f"UUID={OWN}\noperating-version=100000\n")
    bricks = state / "vols" / volume / "bricks"
    bricks.mkdir(parents=True)
    (bricks / f"gs1:{str(path).replace('/', '-')}").write_text(f"uuid={server}\nhostname=gs1\npath={path}\n")


def test_nothing_declared_is_nothing_to_do(capsys: Any) -> None:
    result = run_module(capsys, gluster_brick)
    assert not result["changed"] and result["bricks"] == [] and result["actions"] == []


def test_a_used_brick_is_reset_and_its_files_stay(
    marked: Path, glusterd: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    knows(glusterd, "others", marked, server="cd80492e-f488-498b-93a2-1c302d90583f")
    planned = run_module(capsys, gluster_brick, check=True, reset=[str(marked)])
    assert planned["changed"] and (marked / ".glusterfs").exists() and "reset the brick" in planned["diff"][0]["after"]
    result = run_module(capsys, gluster_brick, reset=[str(marked)])
    assert [step["command"] for step in result["actions"]] == [["reset", str(marked)]]
    assert os.listxattr(marked) == ["trusted.other"]
    assert sorted(os.listdir(marked)) == ["kept"] and (marked / "kept" / "file").read_text() == "data"
    assert ["still holds kept" in text for text in warnings] == [True, True]
    assert not run_module(capsys, gluster_brick, reset=[str(marked)])["changed"]


def test_a_reset_that_was_killed_is_taken_up(marked: Path, glusterd: Path, capsys: Any) -> None:
    os.removexattr(marked, "trusted.gfid")
    (marked / ".glusterfs" / "00" / "00" / "link").unlink()
    assert run_module(capsys, gluster_brick, reset=[str(marked)])["changed"]
    assert os.listxattr(marked) == ["trusted.other"]


def test_a_brick_that_glusterd_knows_is_not_reset(marked: Path, glusterd: Path, capsys: Any) -> None:
    knows(glusterd, "vms", marked)
    with pytest.raises(ModuleFailed, match=f"reset {marked}: it is a brick of volume vms"):
        run_module(capsys, gluster_brick, reset=[str(marked)])
    assert (marked / ".glusterfs").exists() and "trusted.gfid" in os.listxattr(marked)


def test_a_brick_that_glusterd_knows_by_another_path_is_not_reset(marked: Path, glusterd: Path, capsys: Any) -> None:
    knows(glusterd, "vms", marked)
    (glusterd.parent / "data").symlink_to(glusterd.parent)
    with pytest.raises(ModuleFailed, match=f"{marked} is a brick of volume vms"):
        run_module(capsys, gluster_brick, reset=[f"{glusterd.parent}/data/b1/vms"])
    mounted = glusterd.parent / "mounted"
    mounted.mkdir()
    if subprocess.run(["mount", "--bind", marked.parent, mounted], capture_output=True, check=False).returncode:
        pytest.skip("no mounts here")
    try:
        for path in (f"{mounted}/vms", f"{mounted}/vms/kept"):
            with pytest.raises(ModuleFailed, match=f"{marked} is a brick of volume vms"):
                run_module(capsys, gluster_brick, reset=[path])
    finally:
        subprocess.run(["umount", mounted], check=True)
    assert (marked / ".glusterfs").exists()


def test_the_directory_of_a_brick_is_not_made_on_a_new_disk(
    glusterd: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gluster would mark the empty directory, and count it as a whole copy."""
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    monkeypatch.setattr(os.path, "ismount", lambda _path: True)
    mount = glusterd.parent / "b1"
    mount.mkdir()
    knows(glusterd, "vms", mount / "vms")
    host = BrickHost(CommandModule())
    host.change(["directory", f"{mount}/vms", str(mount), "-", "-", "-"])
    assert not (mount / "vms").exists() and "is a brick of volume vms and is not there" in host.warnings[0]
    monkeypatch.setattr(BrickHost, "mounts", lambda _host: [Mount(str(mount), "/dev/vdz", "xfs", "254:16")])
    brick = {"name": "b1", "mount": str(mount), "directories": [{"path": "vms"}, {"path": "other"}]}
    result = run_module(capsys, gluster_brick, bricks=[brick])
    assert os.listdir(mount) == ["other"] and len(result["actions"]) == 1 and "playbook gluster_replace" in warnings[0]
    assert not run_module(capsys, gluster_brick, bricks=[brick])["changed"]


def test_a_brick_that_is_served_is_not_reset(
    marked: Path, glusterd: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = tmp_path / "proc" / "4711"
    process.mkdir(parents=True)
    (process / "cmdline").write_text(f"/usr/sbin/glusterfsd\0-s\0gs1\0--brick-name\0{marked}\0")
    monkeypatch.setattr(gluster_brick_host, "PROC", str(tmp_path / "proc"))
    with pytest.raises(ModuleFailed, match="a glusterfsd process serves"):
        run_module(capsys, gluster_brick, reset=[str(marked)])
    assert (marked / ".glusterfs").exists()


def test_a_link_in_place_of_the_inner_directory_is_not_followed(marked: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (marked / ".glusterfs").rename(tmp_path / "aside")
    (marked / ".glusterfs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunnerError, match="is a link"):
        BrickHost(CommandModule()).change(["reset", str(marked)])
    assert (tmp_path / "elsewhere").exists()


def test_everything_wrong_is_told_at_once(capsys: Any) -> None:
    bricks = [{"name": "b1", "device": "/dev/nowhere"}, {"name": "b2", "mount": "/nowhere/b2"}]
    with pytest.raises(ModuleFailed) as failed:
        run_module(capsys, gluster_brick, bricks=bricks, reset=["/etc"])
    said = str(failed.value).splitlines()
    assert len(said) == 3, said
    assert "brick b1: there is no block device /dev/nowhere" in said[0]
    assert "brick b2: /nowhere/b2 is no mount point, so the brick would be on the disk of /." in said[1]
    assert "reset /etc: this is no directory of a brick" in said[2]


def test_the_disk_of_the_root_is_refused_on_a_real_host(capsys: Any) -> None:
    listed = subprocess.run(
        ["lsblk", "--json", "--paths", "--output", "KNAME,MOUNTPOINT"], capture_output=True, check=False
    )
    nodes = json.loads(listed.stdout)["blockdevices"] if listed.returncode == 0 else []
    device = next((node["kname"] for node in nodes if node["mountpoint"] == "/"), None)
    if not device or subprocess.run(["wipefs", "--no-act", device], capture_output=True, check=False).returncode:
        pytest.skip("the root of this machine is not the whole of a disk that can be read")
    with pytest.raises(ModuleFailed) as failed:
        run_module(capsys, gluster_brick, check=True, bricks=[{"name": "b1", "device": device}])
    assert f"brick b1: {device} is in use: {device} is mounted at /. Free it first." in str(failed.value)


def test_a_mount_that_is_somebody_elses_is_taken_as_it_is(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = Mount("/usr", "/dev/vdz", "xfs", "254:99")
    monkeypatch.setattr(BrickHost, "mounts", lambda self: [mount])
    result = run_module(capsys, gluster_brick, bricks=[{"name": "b1", "mount": "/usr"}])
    assert not result["changed"]
    (brick,) = result["bricks"]
    assert brick["size_mb"] > 0 and {**brick, "size_mb": 0} == {
        "name": "b1",
        "mount": "/usr",
        "source": "",
        "size_mb": 0,
    }


def test_declarations_are_judged_before_the_host_is_looked_at(capsys: Any) -> None:
    owned = {"path": "vms", "owner": "nobody-of-this-name", "mode": "u=rwx"}
    with pytest.raises(ModuleFailed) as failed:
        run_module(capsys, gluster_brick, bricks=[{"name": "b1", "keep": "ext4", "directories": [owned]}])
    for said in ("there is no user nobody-of-this-name", "mode 'u=rwx' is no octal number", "no device that"):
        assert said in str(failed.value)


def test_users_and_modes_become_numbers() -> None:
    given = {"path": "vms", "owner": "root", "group": "36", "mode": "0750"}
    brick = {"name": "b1", "mount": None, "device": None, "lvm": None, "wipe_signatures": [], "keep": "", "opts": ""}
    bricks, findings = gluster_brick.declared_bricks({"bricks": [{**brick, "directories": [given]}]})
    assert findings == []
    assert bricks[0]["mount"] == "/bricks/b1"
    assert bricks[0]["directories"] == [{"path": "vms", "uid": 0, "gid": 36, "mode": 0o750}]


def test_directories_are_made_only_where_the_disk_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = BrickHost(CommandModule())
    with pytest.raises(RunnerError, match="nothing is mounted at"):
        host.change(["directory", f"{tmp_path}/a/vms", str(tmp_path), "-", "-", "-"])
    assert not (tmp_path / "a").exists()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(tmp_path))
    with contextlib.ExitStack() as stack:
        stack.callback(os.umask, os.umask(0o077))
        host.change(["directory", f"{tmp_path}/a/vms", str(tmp_path), "36", "-", "0750"])
    assert host.directories([f"{tmp_path}/a", f"{tmp_path}/a/vms", f"{tmp_path}/gone"]) == {
        f"{tmp_path}/a": Directory(0, 0, 0o755),
        f"{tmp_path}/a/vms": Directory(36, 0, 0o750),
        f"{tmp_path}/gone": None,
    }


def test_a_device_that_the_kernel_has_given_away_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int) -> int:
        assert flags & os.O_EXCL
        raise OSError(16, "Device or resource busy", path)

    monkeypatch.setattr(os, "open", refuse)
    assert "the kernel says that /dev/sdb is taken" in BrickHost._claimed(Device("/dev/sdb"))[0]


def test_a_device_that_nobody_has_is_free(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.touch()
    assert BrickHost._claimed(Device(str(image))) == ()


def test_only_what_nobody_is_seen_to_use_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is mounted here, or in a volume group, is taken of course; that is no finding."""
    nodes = [
        {"kname": f"/dev/sd{letter}", "type": "disk", "size": 1, "ro": False, "ptuuid": None, "maj:min": f"8:{number}"}
        for letter, number in (("b", 16), ("c", 32), ("d", 48))
    ]
    volumes = {"report": [{"pv": [{
        "pv_name": "/dev/sdc", "vg_name": "vg", "pv_size": "1", "dev_size": "1", "pe_start": "0", "pv_mda_count": "1",
        "pv_in_use": "used", "pv_missing": "",
    }]}]}  # fmt: skip
    lsblk = json.dumps({"blockdevices": [{**node, "name": node["kname"]} for node in nodes]})
    tried = []
    monkeypatch.setattr(BrickHost, "_claimed", staticmethod(lambda device: (tried.append(device.path), ("taken",))[1]))
    host = BrickHost(CommandModule(lsblk=(0, lsblk, ""), wipefs=(0, "", ""), lvm=(0, json.dumps(volumes), "")))
    found = host.disks(["/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde"], [], [Mount("/b", "/dev/sdb", "xfs", "8:16")])
    assert tried == ["/dev/sdd"]
    assert {name: device and device.uses for name, device in found.devices.items()} == {
        "/dev/sdb": (),
        "/dev/sdc": (),
        "/dev/sdd": ("taken",),
        "/dev/sde": None,
    }


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An empty disk on a host that carries steps out: what was done, in order. Mounts are there once mount was run."""
    done: list[list[str]] = []

    def change(_host: BrickHost, argv: list[Any]) -> str:
        done.append([str(part) for part in argv])
        return ""

    def mounts(_host: BrickHost) -> list[Mount]:
        return [Mount("/usr", "/dev/vdz", "xfs", "254:99")] if any("mount" in argv for argv in done) else []

    disks = Disks({"/dev/vdz": Device("/dev/vdz", 10 * 1024**3, number="254:99")})
    monkeypatch.setattr(BrickHost, "disks", lambda *_arguments: disks)
    monkeypatch.setattr(BrickHost, "present", lambda _host, paths, location, found: Present(found, "", {}))
    monkeypatch.setattr(BrickHost, "mounts", mounts)
    monkeypatch.setattr(BrickHost, "change", change)
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _module, name, *_more: f"/sbin/{name}")
    return done


WANTED = {"name": "b1", "device": "/dev/vdz", "mount": "/usr", "directories": [{"path": "a-directory-of-tests"}]}


def test_a_run_from_disk_to_directory(prepared: list[list[str]], capsys: Any) -> None:
    result = run_module(capsys, gluster_brick, bricks=[WANTED])
    assert [argv[0] for argv in prepared] == ["write", "mkfs.xfs", "seal", "write", "systemctl", "timeout", "directory"]
    assert len(result["actions"]) == 7 and result["changed"]
    assert [part["after_header"] for part in result["diff"]] == ["/etc/fstab", "steps"]
    assert " /usr xfs noatime,x-systemd.before=glusterd.service,nofail 0 0" in result["diff"][0]["after"]
    (brick,) = result["bricks"]
    assert brick["source"].startswith("UUID=") and brick["size_mb"] > 0


def test_what_lies_on_a_disk_to_be_mounted_is_looked_at_after_that(prepared: list[list[str]], capsys: Any) -> None:
    result = run_module(capsys, gluster_brick, bricks=[WANTED], reset=["/usr/former/brick"])
    assert prepared[-2:] == [
        ["directory", "/usr/a-directory-of-tests", "/usr", "-", "-", "-"],
        ["reset", "/usr/former/brick"],
    ]
    assert "see that /usr/former/brick has no marks" in result["diff"][1]["after"]


def test_a_run_with_lvm(prepared: list[list[str]], capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(BrickHost, "xfs_sizes", lambda _host, devices, _mounts: (asked.append(list(devices)), {})[1])
    brick = {**WANTED, "lvm": {"volume_group": "vg", "more_devices": ["/dev/vdz"]}, "directories": []}
    run_module(capsys, gluster_brick, bricks=[brick])
    assert [argv[0] for argv in prepared][:4] == ["vgcreate", "lvcreate", "mkfs.xfs", "lvchange"]
    assert "/dev/vg/b1" in prepared[2] and "size=512" in prepared[2]
    assert asked == [[]], "the size of a volume is read with it"


def test_check_mode_does_none_of_it(prepared: list[list[str]], capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the packages need to be there."""
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _module, name, *_more: None)
    result = run_module(capsys, gluster_brick, check=True, bricks=[WANTED])
    assert prepared == [] and result["changed"] and len(result["actions"]) == 7
    assert result["bricks"] == [{"name": "b1", "mount": "/usr", "source": "UUID=<new>", "size_mb": 0}]


def test_a_host_without_mkfs(prepared: list[list[str]], capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _module, name, *_more: None)
    with pytest.raises(ModuleFailed, match="mkfs.xfs is not installed; install xfsprogs"):
        run_module(capsys, gluster_brick, bricks=[WANTED])
    assert prepared == []


def test_a_mount_that_is_not_there_after_all(
    prepared: list[list[str]], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BrickHost, "mounts", lambda _host: [])
    with pytest.raises(ModuleFailed, match="Nothing is mounted at /usr, although mount reported no error"):
        run_module(capsys, gluster_brick, bricks=[WANTED])


def test_a_step_that_fails_names_what_was_done(
    prepared: list[list[str]], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_host: BrickHost, argv: list[Any]) -> str:
        if argv[0] == "seal":
            raise RunnerError("/usr has come to hold vms meanwhile; move that away.")
        return ""

    monkeypatch.setattr(BrickHost, "change", fail)
    with pytest.raises(ModuleFailed, match="Could not seal .* Done before it: note in /etc/fstab .*; make an XFS in"):
        run_module(capsys, gluster_brick, bricks=[WANTED])


def test_a_directory_that_is_gone_needs_no_reset(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("gone", "file", "link"):
        BrickHost(CommandModule()).change(["reset", f"{tmp_path}/{name}"])
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


def test_sizes_are_asked_of_disks_that_hold_an_xfs_alone() -> None:
    said = "data     =                       bsize=4096   blocks=2621440, imaxpct=25\n"
    host = BrickHost(CommandModule(xfs_info=(0, said, "")))
    disks = [Device("/dev/sdb", signatures=("xfs:1",)), Device("/dev/sdc", signatures=("ext4:1",)), None]
    assert host.xfs_sizes(disks, [Mount("/b", "/dev/sdb", "xfs", "8:16")]) == {"/dev/sdb": 10 * 1024**3}


def test_where_the_file_systems_of_fstab_are(tmp_path: Path) -> None:
    (tmp_path / "sdc").touch()
    (tmp_path / "name").symlink_to("sdc")
    table = (
        f"UUID=known /b1 xfs defaults 0 0\nUUID=asked /b2 xfs defaults 0 0\n{tmp_path}/name /b3 xfs defaults 0 0\n"
        "/dev/gone /b4 xfs defaults 0 0\nUUID=others /srv xfs defaults 0 0\nPARTUUID=1 /b5 xfs defaults 0 0\n"
        'LABEL="data" /b6 xfs defaults 0 0\n'
    )
    host = BrickHost(CommandModule(blkid=(0, "/dev/sdx\n", "")))
    found = host.sources(
        table, [f"/b{number}" for number in range(1, 7)], [Device("/dev/sdb", signatures=("xfs:known",))]
    )
    assert found == {
        "UUID=known": "/dev/sdb",
        "UUID=asked": "/dev/sdx",
        'LABEL="data"': "/dev/sdx",
        f"{tmp_path}/name": f"{tmp_path}/sdc",
    }
    assert BrickHost(CommandModule(blkid=(2, "", ""))).sources(table, ["/b2"], []) == {}


def test_the_examples_are_what_the_module_takes(capsys: Any) -> None:
    for task in yaml.safe_load(gluster_brick.EXAMPLES):
        with contextlib.suppress(ModuleFailed):
            run_module(capsys, gluster_brick, check=True, **task["kvmcloud.stack.gluster_brick"])


def test_documentation_and_specification_are_the_same() -> None:
    documented = yaml.safe_load(gluster_brick.DOCUMENTATION)["options"]

    def shape(options: dict, key: str) -> dict:
        return {
            name: (one["type"], one.get("default"), one.get("required", False), shape(one.get(key, {}), key))
            for name, one in options.items()
        }

    assert shape(documented, "suboptions") == shape(gluster_brick.SPEC, "options")
