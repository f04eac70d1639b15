# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    PresentFile,
    apply_plan,
    plan_files,
    read_file,
    write_file,
)

FOUND = PresentFile(b"x\n", 0o640, 1, 2)


@pytest.mark.parametrize(
    ("wanted", "found", "changes"),
    [
        pytest.param(ManagedFile("/f", b"x\n"), FOUND, False, id="same content, attributes do not matter"),
        pytest.param(ManagedFile("/f", b"x\n", 0o640, 1, 2), FOUND, False, id="same in all"),
        pytest.param(ManagedFile("/f", b"y\n"), FOUND, True, id="other content"),
        pytest.param(ManagedFile("/f", b"x\n", 0o600), FOUND, True, id="other mode"),
        pytest.param(ManagedFile("/f", b"x\n", uid=0), FOUND, True, id="other owner"),
        pytest.param(ManagedFile("/f", b""), None, True, id="an empty file is not no file"),
        pytest.param(ManagedFile("/f", None), FOUND, True, id="to be removed"),
        pytest.param(ManagedFile("/f", None), None, False, id="not there and not wanted"),
    ],
)
def test_plan(wanted: ManagedFile, found: PresentFile | None, changes: bool) -> None:
    plan = plan_files([wanted], {"/f": found})
    assert plan.changed_paths == (["/f"] if changes else [])
    assert len(plan.diff) == len(plan.changes)


def test_secrets_are_in_no_diff() -> None:
    plan = plan_files([ManagedFile("/f", b"new secret", secret=True)], {"/f": FOUND._replace(content=b"old secret")})
    assert "old secret" not in str(plan.diff) and "new secret" not in str(plan.diff)
    assert plan.diff[0]["before"] != plan.diff[0]["after"]


def test_a_change_of_mode_is_in_the_diff() -> None:
    (entry,) = plan_files([ManagedFile("/f", b"x\n", 0o600)], {"/f": FOUND}).diff
    assert "mode 0640" in entry["before"] and "mode 0600" in entry["after"]


class Module:
    """The part of AnsibleModule that writing needs."""

    @staticmethod
    def selinux_enabled() -> bool:
        return False

    @staticmethod
    def fail_json(msg: str) -> None:
        raise SystemExit(msg)

    @staticmethod
    def backup_local(path: str) -> str:
        Path(path + ".backup").write_bytes(Path(path).read_bytes())
        return path + ".backup"


def test_write_keeps_what_is_not_said_and_follows_links(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o641)
    link.symlink_to(target)
    write_file(Module(), ManagedFile(str(link), b"new"))
    assert link.is_symlink() and target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o641


@pytest.mark.skipif(os.geteuid() != 0, reason="sets an owner")
def test_a_secret_never_has_a_readable_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    genuine = os.replace

    def replace(source: str, target: str) -> None:
        state = Path(source).stat()
        seen.append((stat.S_IMODE(state.st_mode), state.st_uid))
        genuine(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write_file(Module(), ManagedFile(str(tmp_path / "secret"), b"x", 0o600, 12345, 12345))
    assert seen == [(0o600, 12345)]


def test_a_failed_write_leaves_the_former_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def no_space(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(SystemExit, match="No space left on device. The former file is unchanged"):
        write_file(Module(), ManagedFile(str(path), b"new"))
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_apply_writes_removes_and_backs_up(tmp_path: Path) -> None:
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    kept.write_text("old")
    gone.write_text("old")
    wanted = [ManagedFile(str(kept), b"new"), ManagedFile(str(gone), None, backup=True)]
    plan = plan_files(wanted, {file.path: read_file(file.path) for file in wanted})
    assert apply_plan(Module(), plan) == [f"{gone}.backup"]
    assert kept.read_text() == "new" and not gone.exists()
    assert plan_files(wanted, {file.path: read_file(file.path) for file in wanted}).changes == []
