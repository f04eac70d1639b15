# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of one server of a zone, looked at past oned: whether there is one, how far its log goes, which servers
it knows. Also how it is copied as of one moment, without a pause for oned, and put in place of another.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from typing import Any, Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import Document, Vector, parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import parse_zone

SQLITE_FILE = "one.db"
# Stands as long as a seed is being put in place: a database beside it is half of one.
MARKER = ".one.db.is-being-seeded"
# Copies of database and credentials that only a run which was killed leaves behind.
LEFTOVERS = (".seed-*", ".seed.*", ".snapshot.*", f".{SQLITE_FILE}.????????")
# In ~/.one: of the inventory, the same everywhere already; and what a person's own commands keep. All else is shared,
# such as one_key, without which the next leader could not decrypt what this one encrypted.
NOT_SHARED = ("one_auth", "one_endpoint", "one_grpc_endpoint")
SOCKETS = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock")
LOCK_SECONDS = 30  # for a lock of the database, and for an answer of its server
TOOL_SECONDS = 3600  # for a copy of the whole
_NO_TABLE = 1146  # of MySQL and MariaDB


class DatabaseError(Exception):
    """The database cannot be read, copied or replaced; the text is a sentence."""


def settings_of(conf: str) -> tuple[dict[str, str], int]:
    """Keys of the DB section, and SERVER_ID, as oned reads them: of two sections the first."""
    document = parse(conf)
    values = _vector(document, "DB")
    identifier = _vector(document, "FEDERATION").get("SERVER_ID", "-1")
    return values, int(identifier) if identifier.lstrip("-").isdigit() else -1


def _vector(document: Document, name: str) -> dict[str, str]:
    for node in document.named(name):
        if isinstance(node, Vector):
            return {entry.name.upper(): entry.value for entry in reversed(node.entries)}
    return {}


def database_at(home: str, values: Mapping[str, str]) -> Sqlite | Mysql:
    backend = values.get("BACKEND", "sqlite").lower()
    if backend == "sqlite":
        return Sqlite(os.path.join(home, SQLITE_FILE))
    if backend == "mysql":
        return Mysql(values)
    raise DatabaseError(f"oned.conf names the database backend {backend}; known are sqlite and mysql.")


class Sqlite:
    backend = "sqlite"

    def __init__(self, path: str) -> None:
        self.path = path

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """None of a table that is not there."""
        if not os.path.exists(self.path):
            return []
        try:
            with contextlib.closing(self._open()) as database:
                return database.execute(statement).fetchall()
        except sqlite3.OperationalError as problem:
            if "no such table" in str(problem):
                return []
            raise DatabaseError(f"{self.path} cannot be read: {problem}.") from problem
        except sqlite3.DatabaseError as problem:
            raise DatabaseError(f"{self.path} is no database: {problem}.") from problem

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=LOCK_SECONDS)

    def dump(self, target: str) -> None:
        """SQLite's own online copy: as of one moment, while oned goes on."""
        deadline = time.monotonic() + TOOL_SECONDS

        def look_at_the_clock(*_progress: int) -> None:  # by itself it would try for ever where the file is locked
            if time.monotonic() > deadline:
                raise DatabaseError(f"{self.path} cannot be copied: it did not end within {TOOL_SECONDS} s.")

        try:
            with contextlib.closing(self._open()) as source, contextlib.closing(sqlite3.connect(target)) as copy:
                source.backup(copy, progress=look_at_the_clock)
        except sqlite3.Error as problem:
            raise DatabaseError(f"{self.path} cannot be copied: {problem}.") from problem

    def load(self, source: str, uid: int, gid: int) -> None:
        """Write beside and rename, without the journals of the former."""
        handle, beside = tempfile.mkstemp(prefix=".one.db.", dir=os.path.dirname(self.path))
        try:
            with os.fdopen(handle, "wb") as stream, open(source, "rb") as given:
                for block in iter(lambda: given.read(1 << 20), b""):
                    stream.write(block)
                os.fchown(stream.fileno(), uid, gid)
                os.fchmod(stream.fileno(), 0o600)
                stream.flush()
                os.fsync(stream.fileno())
            for journal in ("-journal", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path + journal)
            os.replace(beside, self.path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
            raise


class Mysql:
    backend = "mysql"

    def __init__(self, values: Mapping[str, str]) -> None:
        self.server = values.get("SERVER", "localhost")
        self.port = int(values.get("PORT") or 0) or 3306
        self.user = values.get("USER", "oneadmin")
        self.password = values.get("PASSWD", "")
        self.name = values.get("DB_NAME", "opennebula")

    @property
    def socket(self) -> str | None:
        return next((path for path in SOCKETS if os.path.exists(path)), None) if self.server == "localhost" else None

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            import pymysql
        except ImportError as missing:
            raise DatabaseError("Python's pymysql is missing on this host; install python3-pymysql.") from missing
        try:
            with contextlib.closing(
                pymysql.connect(
                    host=self.server, port=self.port, user=self.user, password=self.password, database=self.name,
                    unix_socket=self.socket, charset="utf8mb4", read_timeout=LOCK_SECONDS,
                )
            ) as database, database.cursor() as cursor:  # fmt: skip
                cursor.execute(statement)
                return list(cursor.fetchall())
        except pymysql.MySQLError as problem:
            if problem.args and problem.args[0] == _NO_TABLE:
                return []
            raise DatabaseError(f"The database {self.name} on {self.server} cannot be read: {problem}.") from problem

    def dump(self, target: str) -> None:
        """As of one moment by a transaction; unlike onedb's it holds oned up for none of it, nor shows the password."""
        with self._credentials(os.path.dirname(target)) as file, open(target, "wb") as stream:
            options = ["--single-transaction", "--quick", "--add-drop-table", "--skip-lock-tables", self.name]
            self._tool(("mariadb-dump", "mysqldump"), file, options, stdout=stream)

    def load(self, source: str, uid: int, gid: int) -> None:
        with self._credentials(os.path.dirname(source)) as file, open(source, "rb") as stream:
            self._tool(("mariadb", "mysql"), file, [self.name], stdin=stream)

    @contextlib.contextmanager
    def _credentials(self, folder: str) -> Iterator[str]:
        """An option file that only this user can read: an argument could be read by all. Where the copy is, with which
        it goes also after a run that was killed.
        """
        handle, path = tempfile.mkstemp(prefix="one-client.", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                quoted = self.password.replace("\\", "\\\\").replace('"', '\\"')
                place = f"socket={self.socket}" if self.socket else f"host={self.server}\nport={self.port}"
                stream.write(f'[client]\nuser="{self.user}"\npassword="{quoted}"\n{place}\n')
            yield path
        finally:
            os.unlink(path)

    @staticmethod
    def _tool(names: tuple[str, ...], file: str, options: list[str], **streams: Any) -> None:
        program = next((found for found in map(shutil.which, names) if found), None)
        if program is None:
            raise DatabaseError(f"{' or '.join(names)} is missing on this host; install the client of the database.")
        command = [program, f"--defaults-extra-file={file}", *options]
        try:
            done = subprocess.run(command, stderr=subprocess.PIPE, check=False, timeout=TOOL_SECONDS, **streams)
        except subprocess.TimeoutExpired as problem:
            raise DatabaseError(
                f"{os.path.basename(program)} did not end within {TOOL_SECONDS} s; is the database locked?"
            ) from problem
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise DatabaseError(f"{os.path.basename(program)} ended with {done.returncode} and said: {said[-500:]}.")


def state_of(database: Sqlite | Mysql, home: str) -> dict[str, Any]:
    """What one_zone_plan wants to know of a database."""
    empty = {"database": "none", "index": -1, "first_index": -1, "term": -1, "version": "", "zone": None}
    if os.path.exists(os.path.join(home, MARKER)):
        return {**empty, "database": "half"}
    versions = database.rows("SELECT version FROM db_versioning ORDER BY oid DESC LIMIT 1")
    if not versions:
        return empty
    last = database.rows("SELECT log_index, term FROM logdb ORDER BY log_index DESC LIMIT 1")
    first = database.rows("SELECT MIN(log_index) FROM logdb")
    zones = database.rows("SELECT body FROM zone_pool WHERE oid = 0")
    index, term = last[0] if last else (-1, -1)
    return {
        "database": "filled",
        "index": int(index),
        "term": int(term),
        "first_index": int(first[0][0]) if last else -1,
        "version": str(versions[0][0]),
        "zone": parse_zone(str(zones[0][0])).as_dict() if zones else None,
    }


def digest(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()
