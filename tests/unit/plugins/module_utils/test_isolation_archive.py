# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as one file: it needs Python alone, and equal sources give equal bytes."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_archive
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_archive import SOURCES, archive


def imported(source):
    for node in ast.walk(ast.parse(inspect.getsource(source))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__.rpartition(".")[2])
def test_what_it_is_made_of_imports_pythons_own_and_one_another(source):
    own = {one.__name__ for one in SOURCES}
    package = isolation_archive.__name__.rpartition(".")[0]
    for name in imported(source):
        first = name.partition(".")[0]
        assert first in sys.stdlib_module_names or name == package or any(name.startswith(one) for one in own), name


def test_it_runs_anywhere(tmp_path):
    program = tmp_path / "kvmcloud-isolation"
    program.write_bytes(archive())
    done = subprocess.run(
        [sys.executable, "-I", str(program), "--help"], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0 and "verify" in done.stdout, done.stderr


def test_it_is_the_same_each_time_and_can_be_read():
    assert archive() == archive()
    assert archive().startswith(f"#!{sys.executable} -I\n".encode())  # /usr/bin/python3 may be older than it can be
    assert b"decides before the bridge learns addresses" in archive()
