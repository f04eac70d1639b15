# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with a Samba in a file. What the real one says is seen in tests/live/test_gluster_gateway.py."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.nt_hash import nt_hash
from ansible_collections.kvmcloud.stack.plugins.modules import smb_users

SECRET = "correct-horse-battery"


class SmallSamba:
    """Takes what is typed, as smbpasswd does, and prints hashes, as pdbedit does."""

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}
        self.calls: list[list[str]] = []
        self.deaf = False  # says yes, and does nothing

    def run_command(self, argv: list[str], data: str = "", **_more: Any) -> tuple[int, str, str]:
        self.calls.append(argv)
        assert SECRET not in " ".join(argv)
        name = argv[-1]
        if argv[0].endswith("pdbedit"):
            lines = (f"{user}:998:{'X' * 32}:{digits}:[U ]:LCT-1:\n" for user, digits in self.hashes.items())
            return 0, "".join(lines), ""
        if argv[0].endswith("useradd") or self.deaf:
            return 0, "", ""
        if "-x" in argv:
            del self.hashes[name]
            return 0, "", ""
        first, second = data.splitlines()
        if first != second:
            return 1, "", "Mismatch - password unchanged."
        if "-a" not in argv and name not in self.hashes:
            return 1, "", f"Failed to find entry for user {name}."
        self.hashes[name] = nt_hash(first)
        return 0, "", ""

    @property
    def changes(self) -> list[str]:
        return [
            " ".join(Path(argv[0]).name if at == 0 else word for at, word in enumerate(argv))
            for argv in self.calls
            if not argv[0].endswith("pdbedit")
        ]


@pytest.fixture
def samba(monkeypatch: pytest.MonkeyPatch) -> SmallSamba:
    small = SmallSamba()
    monkeypatch.setattr(
        smb_users.AnsibleModule, "run_command", lambda _self, argv, **more: small.run_command(argv, **more)
    )
    monkeypatch.setattr(smb_users.AnsibleModule, "get_bin_path", lambda _self, name, *_a, **_k: f"/usr/bin/{name}")
    return small


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "password": SECRET, **more}


def test_a_user_is_added_changed_and_removed_each_once(capsys: Any, samba: SmallSamba) -> None:
    checked = run_module(capsys, smb_users, check=True, users=[user("nosuch")])
    assert checked["changed"] and samba.changes == []
    made = run_module(capsys, smb_users, users=[user("nosuch"), user("root")])
    assert [one["action"].split()[0] for one in made["actions"]] == ["make", "add", "add"]
    assert not run_module(capsys, smb_users, users=[user("nosuch"), user("ROOT")])["changed"]
    changed = run_module(capsys, smb_users, users=[user("root", password="second-one")])
    assert samba.hashes["root"] == nt_hash("second-one")
    assert samba.changes[-1] == "smbpasswd -s root"
    assert changed["diff"] == [{"before": "root, another password\n", "after": "root, the declared password\n"}]
    assert not run_module(capsys, smb_users, users=[user("root", update_password="on_create")])["changed"]
    run_module(capsys, smb_users, users=[{"name": "root", "state": "absent"}])
    assert list(samba.hashes) == ["nosuch"]


def test_no_result_holds_a_password_or_its_hash(capsys: Any, samba: SmallSamba) -> None:
    for check in (True, False):
        result = json.dumps(run_module(capsys, smb_users, check=check, users=[user("root")]))
        assert SECRET not in result and nt_hash(SECRET) not in result


def test_a_password_that_did_not_arrive_is_told(capsys: Any, samba: SmallSamba) -> None:
    samba.hashes["root"], samba.deaf = nt_hash("old"), True
    with pytest.raises(ModuleFailed, match="another password of root"):
        run_module(capsys, smb_users, users=[user("root")])


def test_what_samba_itself_says(capsys: Any, samba: SmallSamba, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(argv: list[str], **_more: Any) -> tuple[int, str, str]:
        if argv[0].endswith("pdbedit"):
            return 0, "", ""
        return 1, "", "tdb_open_ex: no space\nFailed to add entry for user root."

    monkeypatch.setattr(samba, "run_command", refuses)
    with pytest.raises(ModuleFailed) as failed:
        run_module(capsys, smb_users, users=[user("root")])
    assert "Could not add user root to Samba: smbpasswd says: tdb_open_ex: no space Failed to add" in str(failed.value)


def test_without_samba(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smb_users.AnsibleModule, "get_bin_path", lambda _self, *_a, **_k: None)
    assert run_module(capsys, smb_users, check=True, users=[user("root")])["changed"]
    with pytest.raises(ModuleFailed, match="'pdbedit' is not installed on this host"):
        run_module(capsys, smb_users, users=[user("root")])


def test_what_really_is_typed(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through Ansible's own run_command: the words on standard input, and none of them among the arguments."""
    (tmp_path / "pdbedit").write_text(f"#!/bin/sh\ncat {tmp_path}/users 2>/dev/null || :\n")
    (tmp_path / "smbpasswd").write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/argv\ncat > {tmp_path}/typed\n'
        f"echo 'root:0:{'X' * 32}:{nt_hash(SECRET)}:[U ]:LCT-1:' > {tmp_path}/users\n"
    )
    for name in ("pdbedit", "smbpasswd"):
        (tmp_path / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    run_module(capsys, smb_users, users=[user("root")])
    assert (tmp_path / "typed").read_text() == f"{SECRET}\n{SECRET}\n"
    assert (tmp_path / "argv").read_text() == "-s -a root\n"
