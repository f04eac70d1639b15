# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports: the file, and what the server is told. `exportfs` here is a double that copies files into a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.nfs_exports import (
    Export,
    host_names,
    not_exported,
    parse_table,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_inventory import ovirt_nfs_exports
from ansible_collections.kvmcloud.stack.plugins.modules import nfs_exports

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files are kept as root's")
# What the real server adds to the options of a line is added here.
DOUBLE = """#!/bin/sh
echo "$@" >> {folder}/calls
[ -e {folder}/broken ] && {{ echo "exportfs: Failed to stat" >&2; exit 1; }}
cat {folder}/exports.d/*.exports 2> /dev/null |
  sed -n 's/^\\(\\/[^ ]*\\) \\(.*\\)(\\(.*\\))$/\\1\\t\\2(\\3,wdelay,hide,sec=sys)/p' > {folder}/etab
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: Any) -> Path:
    (tmp_path / "exportfs").write_text(DOUBLE.format(folder=tmp_path))
    (tmp_path / "exportfs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(nfs_exports, "FOLDER", str(tmp_path / "exports.d"))
    monkeypatch.setattr(nfs_exports, "TABLE", str(tmp_path / "etab"))
    return tmp_path


def calls(server: Path) -> int:
    return len((server / "calls").read_text().splitlines()) if (server / "calls").exists() else 0


def test_exported_once(capsys: Any, server: Path) -> None:
    wanted = {"name": "ovirt", "exports": [{"path": str(server), "clients": ["192.0.2.0/24"]}]}
    assert run_module(capsys, nfs_exports, check=True, **wanted)["changed"] and not calls(server)
    result = run_module(capsys, nfs_exports, **wanted)
    assert result["changed"] and result["told"] == [f"{server} for 192.0.2.0/24"]
    line = f"{server} 192.0.2.0/24(rw,sync,no_subtree_check,all_squash,anonuid=36,anongid=36)\n"
    assert (server / "exports.d/ovirt.exports").read_text().endswith(line)
    assert not run_module(capsys, nfs_exports, **wanted)["changed"] and calls(server) == 1

    (server / "etab").unlink()  # killed between file and server
    assert run_module(capsys, nfs_exports, **wanted)["changed"] and calls(server) == 2
    wanted["exports"][0]["options"] = ["ro"]
    assert run_module(capsys, nfs_exports, **wanted)["told"] == [f"{server} for 192.0.2.0/24 with ro"]
    assert run_module(capsys, nfs_exports, name="ovirt", exports=[])["changed"]
    assert not (server / "exports.d/ovirt.exports").exists()
    assert not run_module(capsys, nfs_exports, name="ovirt", exports=[])["changed"]


def test_a_server_that_refuses(capsys: Any, server: Path) -> None:
    (server / "broken").touch()
    with pytest.raises(ModuleFailed, match="does not export .* for \\*. exportfs says: exportfs: Failed to stat"):
        run_module(capsys, nfs_exports, name="ovirt", exports=[{"path": str(server)}])


@pytest.mark.parametrize(
    ("export", "words"),
    [
        ({"path": "/nowhere"}, "/nowhere is no directory"),
        ({"path": "/etc", "clients": ["a b"]}, "client 'a b' has a blank"),
        ({"path": "/etc", "clients": []}, "no clients are named"),
        ({"path": "/etc", "options": ["rw,sync"]}, "'rw,sync' is no option"),
    ],
)
def test_what_is_refused(capsys: Any, server: Path, export: dict, words: str) -> None:
    with pytest.raises(ModuleFailed, match=words):
        run_module(capsys, nfs_exports, name="ovirt", exports=[export])
    assert not (server / "exports.d").exists()


def test_a_name_with_a_path(capsys: Any, server: Path) -> None:
    with pytest.raises(ModuleFailed, match="letters, digits"):
        run_module(capsys, nfs_exports, name="../x", exports=[])


def test_domains_of_nfs_are_exported():
    domains = [{"path": "/a"}, {"path": "/b", "storage_type": "POSIXFS"}, {"path": "/c", "clients": ["host1"]}]
    assert ovirt_nfs_exports(domains, ["*"]) == [
        {"path": "/a", "clients": ["*"]},
        {"path": "/c", "clients": ["host1"]},
    ]


# As the real exportfs of nfs-utils 2.6.2 writes it.
TABLE = (
    "/srv/exp\\040two\thost1.test(rw,sync,wdelay,hide,nocrossmnt,secure,root_squash,all_squash,anonuid=36,sec=sys)\n"
    "/srv/a\t192.0.2.0/24(rw,sync)\n"
    "/srv/a\t*(ro)\n"
)


@pytest.mark.parametrize(
    ("export", "official", "missing"),
    [
        (Export("/srv/exp two", ("host1",), ("rw",)), {"host1": "host1.test"}, []),
        (Export("/srv/exp two", ("host1",), ("rw",)), {}, ["/srv/exp two for host1"]),
        (Export("/srv/a", ("192.0.2.0/255.255.255.0", "192.0.2.7/24"), ("rw",)), {}, []),
        (Export("/srv/a", ("*",), ("rw", "ro")), {}, ["/srv/a for * with rw"]),
        (Export("/srv/b", ("*",), ()), {}, ["/srv/b for *"]),
    ],
)
def test_the_servers_table(export: Export, official: dict, missing: list) -> None:
    assert not_exported([export], parse_table(TABLE), official) == missing


def test_which_clients_are_names() -> None:
    assert host_names([Export("/a", ("host1", "*", "@g", "*.x", "192.0.2.0/24", "h.test"), ())]) == {"host1", "h.test"}
