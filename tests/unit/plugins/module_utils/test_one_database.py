# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_database import (
    database_of,
    present_database,
    refusal,
)

LOCAL = {"BACKEND": "mysql", "SERVER": "localhost", "DB_NAME": "opennebula"}
REMOTE = {**LOCAL, "SERVER": "db.example", "PORT": 3306}


@pytest.mark.parametrize(
    ("text", "database"),
    [
        ("", ("sqlite",)),
        ('DB = [ BACKEND = "sqlite", TIMEOUT = 2500 ]\n', ("sqlite",)),
        (
            'db = [ backend = "MySQL", server = "localhost", port = 0, db_name = "one" ]\n',
            ("mysql", "localhost", "", "one"),
        ),
        (
            'DB = [ BACKEND = "mysql", SERVER = "db" ]\nDB = [ BACKEND = "sqlite" ]\n',
            ("mysql", "db", "3306", "opennebula"),
        ),
        ('DB = [ BACKEND = "mysql", BACKEND = "sqlite", SERVER = "db" ]\n', ("mysql", "db", "3306", "opennebula")),
    ],
    ids=["nothing said", "packaged", "names without case", "oned takes the first section", "and the first of a key"],
)
def test_what_oned_conf_names(text, database):
    assert present_database(parse(text)) == database


@pytest.mark.parametrize(
    ("present", "wanted", "in_use", "refused"),
    [
        ({}, {"BACKEND": "sqlite"}, True, False),
        ({}, LOCAL, True, True),
        ({}, LOCAL, False, False),
        (LOCAL, {"BACKEND": "sqlite"}, True, True),
        (LOCAL, {**LOCAL, "PORT": 3306}, True, False),
        ({**REMOTE, "PORT": 0}, REMOTE, True, False),
        (REMOTE, {**REMOTE, "PORT": 3307}, True, True),
        (REMOTE, {**REMOTE, "SERVER": "other"}, True, True),
        (REMOTE, {**REMOTE, "DB_NAME": "other"}, True, True),
        (REMOTE, {**REMOTE, "USER": "other", "PASSWD": "x"}, True, False),
    ],
    ids=[
        "same", "to MariaDB, in use", "to MariaDB, never started", "back to SQLite", "a socket has no port",
        "port 0 is 3306", "other port", "other server", "other name", "other account, same data",
    ],
)  # fmt: skip
def test_a_used_database_is_not_left_behind(present, wanted, in_use, refused):
    assert (refusal(database_of(present), database_of(wanted), in_use) is not None) == refused


def test_the_refusal_says_what_was_found_wanted_and_to_do():
    sentence = refusal(database_of({}), database_of(REMOTE), True)
    assert sentence is not None
    assert "SQLite (/var/lib/one/one.db)" in sentence
    assert "the mysql database opennebula on db.example:3306" in sentence
    assert "opennebula_database_moved=true" in sentence
