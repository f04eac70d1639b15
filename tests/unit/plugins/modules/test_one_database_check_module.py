# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import one_database_check

SQLITE, MYSQL = {"BACKEND": "sqlite"}, {"BACKEND": "mysql", "SERVER": "db"}


@pytest.fixture
def check(capsys, tmp_path):
    def run(**params):
        return run_module(capsys, one_database_check, path=str(tmp_path / "oned.conf"), home=str(tmp_path), **params)

    return run


def test_a_bare_host_has_nothing_to_lose(check):
    assert check(wanted=MYSQL)["in_use"] is False


def test_an_empty_database_file_is_no_database(check, tmp_path):
    (tmp_path / "one.db").touch()
    assert check(wanted=MYSQL)["in_use"] is False


def test_a_filled_database_is_not_left(check, tmp_path):
    (tmp_path / "one.db").write_text("rows")
    assert check(wanted=SQLITE)["in_use"] is True
    with pytest.raises(ModuleFailed, match="oned would start there as a new, empty cloud"):
        check(wanted=MYSQL)
    assert check(wanted=MYSQL, moved=True)["present"] == "SQLite (/var/lib/one/one.db)"


def test_a_file_that_oned_would_refuse_is_no_answer(check, tmp_path):
    (tmp_path / "oned.conf").write_text("DB = [ BACKEND = ")
    with pytest.raises(ModuleFailed, match="Which database it names is not known"):
        check(wanted=SQLITE)


@pytest.fixture
def mysqld(tmp_path, monkeypatch):
    """A server program that says of itself what the test wants."""

    def install(words):
        program = tmp_path / "bin/mysqld"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho '{words}'\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return install


@pytest.mark.parametrize(
    ("words", "file", "refused"),
    [
        ("mysqld  Ver 8.0.39 for Linux on x86_64 (Source distribution)", None, r"\(mysqld Ver 8.0.39 for Linux"),
        ("mysqld  Ver 8.0.37-29 for Linux on x86_64 (Percona Server (GPL))", None, "Percona"),
        (None, "debian-5.7.flag", r"data of another database server \(debian-5.7.flag\)"),
        (None, "mysql.ibd", r"data of another database server \(mysql.ibd\)"),
        ("mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu", "debian-10.11.flag", None),
        (None, None, None),
    ],
    ids=["MySQL", "Percona", "left by 5.7", "left by 8", "MariaDB", "a bare host"],
)
def test_another_server_is_not_removed_by_the_packages_of_mariadb(check, mysqld, tmp_path, words, file, refused):
    data = tmp_path / "data"
    if words:
        mysqld(words)
    if file:
        data.mkdir()
        (data / file).touch()
    check(wanted=MYSQL, data_directory=str(data))  # nothing is going to be installed
    if refused is None:
        check(wanted=MYSQL, data_directory=str(data), installs_server=True)
        return
    with pytest.raises(ModuleFailed, match=f"{refused}.*opennebula_database_manage=false"):
        check(wanted=MYSQL, data_directory=str(data), installs_server=True)
