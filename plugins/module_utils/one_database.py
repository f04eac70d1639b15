# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would another DB section of oned.conf leave the cloud's database behind?

oned starts happily on an empty database, and the cloud it then shows is empty too.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import Document, Vector, parse

# What tells one database from another; oned's own defaults where oned.conf says nothing.
DEFAULTS = {"BACKEND": "sqlite", "SERVER": "localhost", "PORT": "0", "DB_NAME": "opennebula"}
# PORT = 0 is the client library's way to say 3306.
SAME_PORT = {"0": "3306"}


def database_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """('sqlite',) or ('mysql', server, port, name) of a DB section's keys."""
    known = {**DEFAULTS, **{key.upper(): str(value) for key, value in values.items()}}
    backend = known["BACKEND"].lower()
    if backend == "sqlite":
        return ("sqlite",)
    port = SAME_PORT.get(known["PORT"], known["PORT"])
    # Over the socket of localhost the port means nothing.
    return (backend, known["SERVER"], "" if known["SERVER"] == "localhost" else port, known["DB_NAME"])


def db_section(document: Document) -> dict[str, str]:
    """Keys of the first DB section, which is the one that oned takes."""
    for node in document.named("DB"):
        if isinstance(node, Vector):
            return {entry.name.upper(): entry.value for entry in reversed(node.entries)}
    return {}


def present_database(document: Document) -> tuple[str, ...]:
    """What oned.conf names now."""
    return database_of(db_section(document))


OTHER_DATABASE, OTHER_ACCOUNT = "other database", "other account"


def database_change(former: str, present: str) -> str:
    """What it changes for oned to read the former configuration in place of the present one; "": nothing."""
    try:
        sections = [db_section(parse(text)) for text in (former, present)]
    except NotParsed:  # no oned.conf, or one that oned cannot read either: its database is not known
        return ""
    if database_of(sections[0]) != database_of(sections[1]):
        return OTHER_DATABASE
    former_account, account = ([section.get(key) for key in ("USER", "PASSWD")] for section in sections)
    return OTHER_ACCOUNT if former_account != account else ""


def name_of(database: tuple[str, ...]) -> str:
    if database == ("sqlite",):
        return "SQLite (/var/lib/one/one.db)"
    backend, server, port, name = database
    return f"the {backend} database {name} on {server}" + (f":{port}" if port else "")


def refusal(present: tuple[str, ...], wanted: tuple[str, ...], in_use: bool) -> str | None:
    """The sentence that ends the run, or None where nothing is left behind."""
    if not in_use or present == wanted:
        return None
    return (
        f"OpenNebula runs on {name_of(present)} and the inventory wants {name_of(wanted)}. oned would start there as a "
        "new, empty cloud, and nothing was changed. Set the opennebula_database_* variables to the present database; "
        "or move the data first (stop opennebula, onedb backup, onedb restore or onedb sqlite2mysql) and then run once "
        "with opennebula_database_moved=true."
    )


def other_server(version: str, data: Iterable[str]) -> str | None:
    """The sentence that ends the run where a server other than MariaDB is on the host, or its data.

    MariaDB's packages remove the former, and move the latter aside. `version`: what mysqld says of itself, `data`:
    names in /var/lib/mysql.
    """
    # MySQL 8 has these two files, and packages leave a flag with their version; MariaDB's are 10 and more.
    of_mysql = [name for name in data if name in ("mysql.ibd", "undo_001") or re.match(r"debian-\d\.\d+\.flag$", name)]
    if version and "mariadb" not in version.lower():
        found = f"Another database server is on this host ({' '.join(version.split())})"
    elif of_mysql:
        found = f"/var/lib/mysql has the data of another database server ({', '.join(sorted(of_mysql))})"
    else:
        return None
    return (
        f"{found}, and installing MariaDB would remove it and move its data aside. Nothing was changed. Let a database "
        "administrator make database and account there and set opennebula_database_manage=false; or name a server "
        "elsewhere in opennebula_database_host; or move that server and its data away yourself."
    )
