"""Where oned keeps its state: SQLite below /var/lib/one, or the MySQL/MariaDB server that DB in oned.conf names."""

import json
import threading
import time

from .paths import real

SQLITE_FILE = "/var/lib/one/one.db"


class DatabaseProblem(Exception):
    """oned cannot use its database."""


def connect(conf, release):
    db = conf.vector("DB")
    backend = db.get("BACKEND", "sqlite").lower()
    if backend == "sqlite":
        return Database(_sqlite(), "?", release)
    if backend == "mysql":
        return Database(_mysql(db), "%s", release)
    raise DatabaseProblem(f"DB BACKEND must be one of sqlite or mysql, not {backend}.")


def _sqlite():
    import sqlite3

    return sqlite3.connect(real(SQLITE_FILE), check_same_thread=False, isolation_level=None)


def _mysql(db):
    try:
        import pymysql
    except ImportError as missing:
        raise DatabaseProblem("the emulator speaks to MySQL through python3-pymysql, which is missing") from missing
    try:
        return pymysql.connect(
            host=db.get("SERVER", "localhost"),
            port=int(db.get("PORT") or 0) or 3306,
            user=db.get("USER", "oneadmin"),
            password=db.get("PASSWD", "oneadmin"),
            database=db.get("DB_NAME", "opennebula"),
            charset="utf8mb4",
            autocommit=True,
            unix_socket=_socket(db),
        )
    except (pymysql.MySQLError, OSError) as problem:
        raise DatabaseProblem(f"Could not open connect to database server: {problem}") from problem


def _socket(db):
    """A server called localhost is reached by its socket, as the C library of MySQL does."""
    import os

    socket = "/run/mysqld/mysqld.sock"
    return socket if db.get("SERVER", "localhost") == "localhost" and os.path.exists(socket) else None


class Database:
    """One table per pool, named as OpenNebula names them; the body is JSON, of zones alone OpenNebula's XML."""

    def __init__(self, connection, mark, release):
        self.connection, self.mark, self.release = connection, mark, release
        self.lock = threading.RLock()  # one connection for all threads
        self.write = self.run  # of a front-end among several, what changes the cloud goes through the replicated log
        self.run("CREATE TABLE IF NOT EXISTS pool_control (tablename VARCHAR(64) PRIMARY KEY, last_oid BIGINT)")
        self.run(
            "CREATE TABLE IF NOT EXISTS db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(64), stamp BIGINT)"
        )
        self.tables = set()

    def run(self, statement, values=()):
        with self.lock:
            if hasattr(self.connection, "ping"):
                self.connection.ping(reconnect=True)  # a server that was restarted meanwhile is no failure
            cursor = self.connection.cursor()
            cursor.execute(statement.replace("?", self.mark), tuple(values))
            return cursor

    def one(self, statement, values=()):
        """The first row, or None."""
        with self.lock:
            return self.run(statement, values).fetchone()

    def all(self, statement, values=()):
        with self.lock:
            return self.run(statement, values).fetchall()

    def is_new(self):
        """Whether nothing was ever stored; a database of another release is refused, as `onedb upgrade` is due."""
        found = self.one("SELECT version FROM db_versioning")
        if found is None:
            return True
        version = found[0].partition("-")[0]
        if version != self.release.number:
            raise DatabaseProblem(
                f"Database version mismatch. Installed OpenNebula {self.release.number} needs DB version "
                f"'{self.release.number}', and existing DB version is '{version}'."
            )
        return False

    def mark_bootstrapped(self):
        self.write("INSERT INTO db_versioning VALUES (0, ?, ?)", (f"{self.release.number}-emulated", int(time.time())))

    def load(self, table):
        """All rows of a pool and the last identifier it gave out."""
        if table not in self.tables:
            columns = f"oid INTEGER PRIMARY KEY, name VARCHAR(255), body {self.text_type()}"
            self.run(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
            self.tables.add(table)
        rows = self.all(f"SELECT oid, body FROM {table}")
        last = self.one("SELECT last_oid FROM pool_control WHERE tablename = ?", (table,))
        return [(oid, _loaded(body)) for oid, body in rows], (last[0] if last else None)

    def text_type(self):
        return "TEXT" if self.mark == "?" else "MEDIUMTEXT"

    def save(self, table, oid, name, body):
        text = body if isinstance(body, str) else json.dumps(body)
        self.write(f"REPLACE INTO {table} VALUES (?, ?, ?)", (oid, name, text))

    def delete(self, table, oid):
        self.write(f"DELETE FROM {table} WHERE oid = ?", (oid,))

    def save_last(self, table, last):
        self.write("REPLACE INTO pool_control VALUES (?, ?)", (table, last))


def _loaded(body):
    return body if body.startswith("<") else json.loads(body)
