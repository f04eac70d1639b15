# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export domains on a real file system."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import ovirt_domain_directory
from ansible_collections.kvmcloud.stack.plugins.modules import ovirt_export_domain, ovirt_export_domain_info

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files are given to user 36, so root is needed")
UUID = "37e0e64b-5445-4bc3-8675-ceff4637e8e3"


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    return {"path": str(tmp_path / "export"), "uuid": UUID, "remote_path": "192.168.1.108:/home/nfs_exports"}


def all_of(top: str) -> dict[str, tuple[int, int, int, int]]:
    found = {}
    for folder, _folders, files in os.walk(top):
        for path in [folder, *(f"{folder}/{name}" for name in files)]:
            state = os.lstat(path)
            size = 0 if os.path.isdir(path) else state.st_size
            found[os.path.relpath(path, top)] = (state.st_mode & 0o7777, state.st_uid, state.st_gid, size)
    return found


def test_the_tree_is_that_of_the_guide(capsys: Any, params: dict[str, Any]) -> None:
    predicted = run_module(capsys, ovirt_export_domain, check=True, **params)
    assert not os.path.exists(params["path"])
    former = os.umask(0o077)  # as hardened hosts have it
    try:
        result = run_module(capsys, ovirt_export_domain, **params)
    finally:
        os.umask(former)
    assert result["actions"] == predicted["actions"] and result["changed"] and not result["attached"]
    top = f"{params['path']}/{UUID}"
    assert all_of(params["path"]) == {
        ".": (0o755, 36, 36, 0),
        UUID: (0o755, 36, 36, 0),
        f"{UUID}/dom_md": (0o775, 36, 36, 0),
        f"{UUID}/dom_md/ids": (0o660, 36, 36, 0),
        f"{UUID}/dom_md/inbox": (0o660, 36, 36, 16 * 1024**2),
        f"{UUID}/dom_md/outbox": (0o660, 36, 36, 16 * 1024**2),
        f"{UUID}/dom_md/leases": (0o660, 36, 36, 512),
        f"{UUID}/dom_md/metadata": (0o644, 36, 36, len(Path(f"{top}/dom_md/metadata").read_bytes())),
        f"{UUID}/images": (0o755, 36, 36, 0),
        f"{UUID}/master": (0o755, 36, 36, 0),
        f"{UUID}/master/tasks": (0o755, 36, 36, 0),
        f"{UUID}/master/vms": (0o755, 36, 36, 0),
    }
    assert "_SHA_CKSUM=5737f1270bf93fdd660fea819655b01a34c315b9\n" in Path(f"{top}/dom_md/metadata").read_text()
    assert Path(f"{top}/dom_md/leases").read_bytes() == bytes.fromhex(
        "2d2d2d2d2d2d465245452d2d2d2d2d2d30303030303030303030303030303030" + "00" * 480
    )
    assert os.stat(f"{top}/dom_md/inbox").st_blocks == 0, "a mailbox takes no space before it is used"
    for check in (True, False):
        assert not run_module(capsys, ovirt_export_domain, check=check, **params)["changed"]


def test_an_iso_domain_gets_a_uuid_of_its_own_and_keeps_it(capsys: Any, params: dict[str, Any]) -> None:
    del params["uuid"]
    params.update(domain="iso", description="ISO_DOMAIN")
    first = run_module(capsys, ovirt_export_domain, **params)
    assert os.path.isdir(f"{params['path']}/{first['uuid']}/images/11111111-1111-1111-1111-111111111111")
    second = run_module(capsys, ovirt_export_domain, **params)
    assert second["uuid"] == first["uuid"] and not second["changed"]
    assert second["metadata"] == first["metadata"] and first["metadata"]["CLASS"] == "Iso"


def test_killed_at_any_step_and_repaired_by_the_next_run(capsys: Any, monkeypatch: Any, params: dict[str, Any]) -> None:
    real = ovirt_domain_directory.DomainDirectory.change
    steps = len(run_module(capsys, ovirt_export_domain, check=True, **params)["actions"])
    left = 0

    def dies(self: Any, argv: Any) -> str:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        return real(self, argv)

    for last in range(steps):
        left = last
        one = {**params, "path": f"{params['path']}{last}"}
        monkeypatch.setattr(ovirt_domain_directory.DomainDirectory, "change", dies)
        with pytest.raises(KeyboardInterrupt):
            run_module(capsys, ovirt_export_domain, **one)
        monkeypatch.setattr(ovirt_domain_directory.DomainDirectory, "change", real)
        assert len(run_module(capsys, ovirt_export_domain, **one)["actions"]) == steps - last
        assert not run_module(capsys, ovirt_export_domain, **one)["changed"]


def test_metadata_of_an_attached_domain_stay_byte_for_byte(capsys: Any, params: dict[str, Any]) -> None:
    run_module(capsys, ovirt_export_domain, **params)
    path = Path(f"{params['path']}/{UUID}/dom_md/metadata")
    from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_storage_domain import parse_metadata, sealed_text

    pool = {**parse_metadata(path.read_text()), "POOL_UUID": "5849b030-626e-47cb-ad90-3ce782d831b3"}
    path.write_text(sealed_text(pool))
    os.chown(path, 0, 0)
    before = path.read_bytes()
    inode = path.stat().st_ino
    result = run_module(capsys, ovirt_export_domain, **{**params, "description": "Another"})
    assert result["attached"] and [step["command"][0] for step in result["actions"]] == ["chown"]
    assert path.read_bytes() == before and path.stat().st_ino == inode and path.stat().st_uid == 36

    path.write_bytes(before.replace(b"Export", b"Exported"))
    for check in (True, False):
        with pytest.raises(ModuleFailed, match="vdsm refuses the domain"):
            run_module(capsys, ovirt_export_domain, check=check, **params)
    told = run_module(capsys, ovirt_export_domain_info, path=params["path"])["domains"]
    assert [one["uuid"] for one in told] == [UUID] and "vdsm refuses the domain" in told[0]["damage"][0]


def test_links_are_not_followed(capsys: Any, tmp_path: Path, params: dict[str, Any]) -> None:
    run_module(capsys, ovirt_export_domain, **params)
    victim = tmp_path / "victim"
    victim.mkdir()
    images = Path(f"{params['path']}/{UUID}/images")
    images.rmdir()
    images.symlink_to(victim)
    with pytest.raises(ModuleFailed, match="images is no directory"):
        run_module(capsys, ovirt_export_domain, **params)
    assert victim.stat().st_uid == 0


def test_iso_images_of_another_owner_are_told(capsys: Any, params: dict[str, Any]) -> None:
    run_module(capsys, ovirt_export_domain, **params)
    image = Path(f"{params['path']}/{UUID}/images/a.iso")
    image.touch()
    assert not run_module(capsys, ovirt_export_domain, **params)["changed"]
    assert image.stat().st_uid == 0
    told = run_module(capsys, ovirt_export_domain_info, path=params["path"])["domains"][0]
    assert told["images"] == 1 and "images/a.iso is not of 36:36." in told["damage"][0] and told["domain"] == "export"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"path": "/nowhere/export"}, "Could not make the directory /nowhere/export: No such file or directory"),
        ({"mounted": True, "path": "/export"}, "lies on the root file system; mount its storage first"),
        ({"description": "导出"}, "printable characters of ASCII"),
    ],
)
def test_what_is_refused(capsys: Any, params: dict[str, Any], changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ModuleFailed, match=words):
        run_module(capsys, ovirt_export_domain, **{**params, **changed})


def test_a_directory_with_files_is_not_used(capsys: Any, params: dict[str, Any]) -> None:
    os.mkdir(params["path"])
    Path(params["path"], "letter.txt").touch()
    with pytest.raises(ModuleFailed, match="is not empty, it holds letter.txt"):
        run_module(capsys, ovirt_export_domain, **params)
    assert os.listdir(params["path"]) == ["letter.txt"]


def test_a_directory_without_domains(capsys: Any, tmp_path: Path) -> None:
    assert run_module(capsys, ovirt_export_domain_info, path=str(tmp_path))["domains"] == []
    assert run_module(capsys, ovirt_export_domain_info, path=str(tmp_path / "no"))["domains"] == []


def test_a_file_that_goes_while_it_is_looked_at(
    capsys: Any, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts work with the domain meanwhile."""
    run_module(capsys, ovirt_export_domain, **params)
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda top: ((*found[:2], ["gone.meta.new"]) for found in walk(top)))
    assert not run_module(capsys, ovirt_export_domain, **params)["changed"]
