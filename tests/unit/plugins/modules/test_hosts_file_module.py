# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import hosts_file

ENTRIES = [{"address": "10.0.0.11", "names": ["node1"]}]


def test_predicts_edits_keeps_mode_and_backup(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"127.0.1.1 node1\n# caf\xe9\n")
    path.chmod(0o640)
    predicted = run_module(capsys, hosts_file, check=True, path=str(path), entries=ENTRIES)
    assert path.read_bytes() == b"127.0.1.1 node1\n# caf\xe9\n"
    result = run_module(capsys, hosts_file, path=str(path), entries=ENTRIES)
    assert result["changed"] and predicted["changed"]
    assert result["diff"] == predicted["diff"]
    assert path.read_bytes() == b"# caf\xe9\n10.0.0.11\tnode1\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert Path(result["backup_file"]).read_bytes() == b"127.0.1.1 node1\n# caf\xe9\n"
    again = run_module(capsys, hosts_file, path=str(path), entries=ENTRIES)
    assert not again["changed"] and "backup_file" not in again


def test_a_contradiction_leaves_the_file(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n")
    with pytest.raises(ModuleFailed, match="node1 has two addresses"):
        run_module(capsys, hosts_file, path=str(path), entries=[*ENTRIES, {"address": "10.0.0.12", "names": ["node1"]}])
    assert path.read_text() == "127.0.0.1 localhost\n"


def test_a_missing_file_is_made(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "hosts"
    assert run_module(capsys, hosts_file, path=str(path), entries=ENTRIES)["changed"]
    assert path.read_text() == "10.0.0.11\tnode1\n"
    assert path.stat().st_mode & 0o777 == 0o644
