# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on this very host, in directories and image files of its own; disks and mounts are for lab hosts."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.datastore_mounts import Directory
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, RunnerError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_host import StorageHost
from ansible_collections.kvmcloud.stack.plugins.modules import datastore_disks_info, datastore_mounts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="seals directories and reads devices, which needs root")

POOL = [{"id": 100, "name": "images", "template": {}}]
NFS = {"datastore": "images", "src": "nfs1:/images"}


class RealModule:
    """As much of an AnsibleModule as the host needs, with real commands."""

    check_mode = False

    def get_bin_path(self, name: str) -> str | None:
        return next((f"{d}/{name}" for d in ("/usr/sbin", "/usr/bin", "/sbin") if os.path.exists(f"{d}/{name}")), None)

    def run_command(self, argv: list[str], environ_update: dict, cwd: str) -> tuple[int, str, str]:
        env = {**os.environ, **environ_update}
        done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=cwd, check=False)
        return done.returncode, done.stdout, done.stderr

    def backup_local(self, path: str) -> str:
        Path(path + "~").write_bytes(Path(path).read_bytes())
        return path + "~"

    def selinux_enabled(self) -> bool:
        return False

    def fail_json(self, msg: str) -> None:
        raise ModuleFailed(msg)


@pytest.fixture
def host() -> StorageHost:
    return StorageHost(RealModule())


@pytest.fixture
def directory(tmp_path: Path, host: StorageHost) -> Any:
    path = tmp_path / "datastores" / "100"
    path.parent.mkdir()
    os.chown(path.parent, 4711, 4711)
    yield path
    subprocess.run(["chattr", "-i", path], stderr=subprocess.DEVNULL, check=False)


def test_check_mode_on_a_bare_host(tmp_path: Path, capsys: Any) -> None:
    location = tmp_path / "datastores"
    disks = [{"datastore": "system", "devices": ["/dev/null"], "volume_group": "vg", "logical_volume": "lv"}]
    with pytest.raises(ModuleFailed, match="no block device /dev/null"):
        run_module(capsys, datastore_mounts, check=True, datastores=POOL, location=str(location), disks=disks)
    result = run_module(capsys, datastore_mounts, check=True, datastores=POOL, location=str(location), mounts=[NFS])
    assert result["changed"]
    assert f"seal the directory below {location}/100" in [step["action"] for step in result["actions"]]
    assert f"nfs1:/images {location}/100 nfs " in result["diff"][0]["after"]
    assert result["mounts"][0]["path"] == f"{location}/100"
    assert not location.exists()


def test_everything_wrong_is_told_at_once(tmp_path: Path, capsys: Any) -> None:
    held = tmp_path / "100"
    held.mkdir()
    (held / "a.qcow2").touch()
    mounts = [NFS, {"datastore": "gone", "src": "nfs1:/gone"}]
    with pytest.raises(ModuleFailed) as failed:
        run_module(capsys, datastore_mounts, datastores=POOL, location=str(tmp_path), mounts=mounts)
    assert "holds a.qcow2" in str(failed.value) and "datastore gone: there is none" in str(failed.value)


def test_nothing_declared_is_nothing_to_do(tmp_path: Path, capsys: Any) -> None:
    result = run_module(capsys, datastore_mounts, datastores=POOL, location=str(tmp_path))
    assert not result["changed"] and result["mounts"] == []


def test_without_opennebula_there_is_nobody_to_own_it(tmp_path: Path, capsys: Any) -> None:
    with contextlib.suppress(KeyError):
        pwd.getpwnam("oneadmin")
        pytest.skip("this machine has a user oneadmin")
    with pytest.raises(ModuleFailed, match="the user oneadmin does not exist on this host"):
        run_module(capsys, datastore_mounts, datastores=POOL, location=str(tmp_path), mounts=[NFS])


def test_a_sealed_directory_takes_nothing_and_opens_again(directory: Path, host: StorageHost) -> None:
    directory.mkdir()
    os.chown(directory, 4711, 4711)
    host.change(["seal", str(directory)])
    found = directory.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, 0, 0o555)
    if not host.warnings:  # this file system knows immutable directories
        with pytest.raises(PermissionError):
            (directory / "7").mkdir()
        with pytest.raises(PermissionError):
            directory.rmdir()
    host.change(["seal", str(directory)])
    host.change(["open", str(directory)])
    assert not directory.exists(), "OpenNebula makes it when it needs it"


def test_what_came_into_the_directory_meanwhile_stops_the_run(directory: Path, host: StorageHost) -> None:
    directory.mkdir()
    (directory / ".monitor").touch()
    host.change(["seal", str(directory)])
    host.change(["open", str(directory)])
    assert (directory.stat().st_uid, directory.stat().st_mode & 0o777) == (4711, 0o750), "it holds a mark, and is kept"
    (directory / "7").mkdir()
    with pytest.raises(RunnerError, match="has come to hold 7 meanwhile"):
        host.change(["seal", str(directory)])


def test_ownership_is_looked_at_before_it_is_changed(directory: Path, host: StorageHost) -> None:
    directory.mkdir()
    host.change(["own", str(directory), "9869", "9870"])
    assert (directory.stat().st_uid, directory.stat().st_gid) == (9869, 9870)
    changed = directory.stat().st_ctime_ns
    host.change(["own", str(directory), "9869", "9870"])
    assert directory.stat().st_ctime_ns == changed


def test_a_server_that_keeps_root_out(directory: Path, host: StorageHost) -> None:
    host.change(["seal", str(directory)])
    if not host.warnings:
        with pytest.raises(RunnerError, match="on the server: chown 9869:9869"):
            host.change(["own", str(directory), "9869", "9869"])


def test_a_file_is_replaced_with_a_backup(tmp_path: Path, host: StorageHost) -> None:
    path = tmp_path / "fstab"
    path.write_text("old\n")
    path.chmod(0o640)
    host.change(["write", str(path), InputFile("new\n")])
    assert path.read_text() == "new\n" and (tmp_path / "fstab~").read_text() == "old\n"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["ls", "/nowhere"], "ls says: .*/nowhere"),
        (["timeout", "--kill-after=5", "1", "sleep", "9"], "did not end within 1 s; does the server answer"),
        (["timeout", "--kill-after=5", "9", "ls", "/nowhere"], "ls says"),
    ],
    ids=["fails", "hangs", "fails within its time"],
)
def test_what_a_command_says_is_the_reason(host: StorageHost, argv: list[str], said: str) -> None:
    with pytest.raises(RunnerError, match=said):
        host.change(argv)


def test_signatures_are_those_of_the_real_program(tmp_path: Path, host: StorageHost) -> None:
    image = tmp_path / "image"
    with image.open("wb") as stream:
        stream.truncate(4 * 1024**2)
    assert host._signatures(str(image), {}) == []
    uuid = "5b0f4d3e-7f0e-4f0c-9a51-0a4c2f4f1a11"
    subprocess.run(["/sbin/mkswap", "--quiet", "--uuid", uuid, image], check=True)
    assert host._signatures(str(image), {}) == [f"swap:{uuid}"]
    with image.open("r+b") as stream:  # a partition table with another content, twice
        found = []
        for content in (b"\1", b"\2"):
            stream.seek(0)
            stream.write(bytes(446) + b"\x80\x00" + content + b"\x00\x83" + bytes(59) + b"\x55\xaa")
            stream.flush()
            found.append(host._signatures(str(image), {}))
    assert found[0] != found[1], "consent to one table is none to another"


def test_directories_are_read(directory: Path, host: StorageHost) -> None:
    assert host._directory(str(directory), mounted=False) is None
    directory.mkdir()
    (directory / "b").touch()
    (directory / "a").touch()
    assert host._directory(str(directory), mounted=False) == Directory(("a", "b"), 0)
    assert host._directory(str(directory), mounted=True) == Directory((), 0)
    assert host._directory(str(directory / "gone"), mounted=True) == Directory((), None)


def test_an_automount_is_made_to_mount_before_what_is_there_is_judged(
    directory: Path, host: StorageHost, monkeypatch: Any
) -> None:
    path, ran = str(directory), []
    trap, real = Mount(path, "systemd-1", "autofs", "0:40"), Mount(path, "nfs1:/images", "nfs4", "0:50")

    def run(*argv: str) -> tuple[int, str, str]:
        ran.append(argv)
        return 0, "9869\n", ""

    monkeypatch.setattr(host, "_run", run)
    monkeypatch.setattr(host, "mounts", lambda: [trap, real] if ran else [trap])
    found = host.present([path], str(directory.parent), host.mounts())
    assert ran[0] == ("timeout", "--kill-after=5", "15", "stat", "--format=%u", f"{path}/.")
    assert (found.mounts, found.directories) == ([trap, real], {path: Directory(uid=9869)})


def test_an_automount_that_mounts_nothing_is_not_looked_into(
    directory: Path, host: StorageHost, monkeypatch: Any
) -> None:
    trap = Mount(str(directory), "systemd-1", "autofs", "0:40")
    monkeypatch.setattr(host, "_run", lambda *_argv: (124, "", ""))
    monkeypatch.setattr(host, "mounts", lambda: [trap])
    monkeypatch.setattr(os, "listdir", lambda _path: pytest.fail("it would wait for the server for ever"))
    found = host.present([str(directory)], str(directory.parent), [trap])
    assert found.directories == {str(directory): Directory(uid=None)}


def test_what_cannot_be_looked_at_is_said(directory: Path, host: StorageHost, monkeypatch: Any) -> None:
    def listdir(_path: str) -> list[str]:
        raise OSError(errno.EHOSTDOWN, "Host is down")

    monkeypatch.setattr(os, "listdir", listdir)
    assert host._directory(str(directory), mounted=False) == Directory(error="Host is down")


def test_an_unmount_that_waits_for_a_dead_server_ends_with_a_way_out(host: StorageHost, monkeypatch: Any) -> None:
    monkeypatch.setattr(host, "_run", lambda *_argv: (124, "", ""))
    with pytest.raises(RunnerError, match="did not end within 60 s.*umount -l /ds/100"):
        host.change(["timeout", "--kill-after=5", "60", "umount", "/ds/100"])


def test_disks_are_judged_without_being_touched(capsys: Any, tmp_path: Path) -> None:
    """On hosts without LVM too: this may run before its package is there."""
    declared = {
        "datastore": "images",
        "devices": [str(tmp_path / "sdz")],
        "volume_group": "datastores",
        "logical_volume": "images",
    }
    result = run_module(capsys, datastore_disks_info, disks=[declared])
    assert result["changed"] is False and result["steps"] == []
    assert result["findings"] == [f"datastore images: there is no block device {tmp_path}/sdz on this host."]
    assert run_module(capsys, datastore_disks_info)["findings"] == []
