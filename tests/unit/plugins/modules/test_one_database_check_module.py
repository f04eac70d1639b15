# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

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
