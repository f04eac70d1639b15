# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real SQLite databases and real files; scp copies on this machine, systemctl only notes what it is told."""

from __future__ import annotations

import contextlib
import os
import pwd
import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_zone_database
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_database import (
    MARKER,
    DatabaseError,
    Mysql,
    Sqlite,
    settings_of,
    state_of,
)
from ansible_collections.kvmcloud.stack.plugins.modules import guarded_service, onedb_seed, onedb_snapshot

ENDPOINTS = ("http://front1:2633/RPC2", "http://front2:2633/RPC2")
CONF = 'DB = [ BACKEND = "sqlite" ]\nFEDERATION = [ MODE = "STANDALONE", SERVER_ID = "1" ]\n'
PROGRAMS = {
    "runuser": '#!/bin/sh\nshift 3\nexec "$@"\n',
    "scp": "#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\n"
    'if [ -e "$ROOT/refused" ]; then echo "Permission denied" >&2; exit 1; fi\n'
    'cp "${1#*:}" "$2"\n',
    "systemctl": '#!/bin/sh\necho "$@" >>"$ROOT/systemctl.log"\n',
}


def zone_xml(endpoints):
    servers = "".join(
        f"<SERVER><ENDPOINT>{endpoint}</ENDPOINT><ID>{number}</ID><NAME>front{number + 1}</NAME></SERVER>"
        for number, endpoint in enumerate(endpoints)
    )
    return f"<ZONE><ID>0</ID><TEMPLATE/><SERVER_POOL>{servers}</SERVER_POOL></ZONE>"


class FrontEnd:
    """The files of one front-end: oned.conf, its database, its credentials."""

    def __init__(self, root: Path) -> None:
        self.home, self.conf = root / "one", root / "oned.conf"
        (self.home / ".one").mkdir(parents=True)
        self.conf.write_text(CONF)
        (self.home / ".one/one_auth").write_text(f"oneadmin:of-{root.name}\n")

    def fill(self, endpoints=ENDPOINTS, records=40, term=3, name="cloud"):
        with sqlite3.connect(self.home / "one.db") as database:
            database.executescript(
                "CREATE TABLE db_versioning (oid INTEGER, version TEXT);"
                "CREATE TABLE zone_pool (oid INTEGER, name TEXT, body TEXT);"
                "CREATE TABLE logdb (log_index INTEGER, term INTEGER, sqlcmd TEXT, applied INTEGER);"
            )
            database.execute("INSERT INTO db_versioning VALUES (0, '7.4.0')")
            database.execute("INSERT INTO zone_pool VALUES (0, ?, ?)", (name, zone_xml(endpoints)))
            rows = [(number, term if number else 0, "x", 1) for number in range(records + 1)]
            database.executemany("INSERT INTO logdb VALUES (?, ?, ?, ?)", rows)
        for file in ("sunstone_auth", "fireedge_key"):
            (self.home / ".one" / file).write_text(f"{file} of {name}\n")
        return self

    def name_of_cloud(self):
        return Sqlite(str(self.home / "one.db")).rows("SELECT name FROM zone_pool")[0][0]

    def state(self):
        return state_of(Sqlite(str(self.home / "one.db")), str(self.home))


@pytest.fixture
def leader(tmp_path):
    return FrontEnd(tmp_path / "leader").fill()


@pytest.fixture
def joiner(tmp_path):
    return FrontEnd(tmp_path / "joiner")


@pytest.fixture(autouse=True)
def host(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("ROOT", str(tmp_path))
    owner = pwd.getpwuid(os.geteuid())
    for module in (onedb_seed, onedb_snapshot):
        monkeypatch.setattr(module.pwd, "getpwnam", lambda _name: owner)
    if os.geteuid() != 0:  # only root gives files away; who owns them does not matter here
        monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(onedb_snapshot, "KNOWN_WITHIN", 0)
    monkeypatch.setattr(onedb_seed, "LAST_GOOD_RECORD", str(tmp_path / "last-good-record"))
    former = os.umask(0o022)  # the modules set their own, for the process that they would be alone in
    yield
    os.umask(former)


@pytest.fixture
def snapshot(capsys, tmp_path):
    def run(front_end, endpoint=ENDPOINTS[1], check=False, **params):
        path = str(tmp_path / "the-seed")
        arguments = {"path": path, "endpoint": endpoint, "conf": str(front_end.conf), "home": str(front_end.home)}
        given = {name: value for name, value in {**arguments, **params}.items() if value is not None}
        return path, run_module(capsys, onedb_snapshot, check=check, **given)

    return run


@pytest.fixture
def seed(capsys):
    def run(front_end, path, **params):
        arguments = {"source": "front1", "path": path, "endpoint": ENDPOINTS[1], "server_id": 2}
        arguments.update(conf=str(front_end.conf), home=str(front_end.home))
        return run_module(capsys, onedb_seed, **{**arguments, **params})

    return run


def test_an_empty_front_end_gets_database_and_credentials(leader, joiner, snapshot, seed, tmp_path):
    path, made = snapshot(leader)
    assert (made["manifest"]["index"], made["manifest"]["term"]) == (40, 3)
    result = seed(joiner, path)
    assert (result["changed"], result["kept"], result["index"]) == (True, "", 40)
    assert joiner.name_of_cloud() == "cloud"
    keys = joiner.home / ".one"
    assert (keys / "fireedge_key").read_text() == "fireedge_key of cloud\n"
    assert (keys / "one_auth").read_text() == "oneadmin:of-joiner\n"  # of the inventory, not of the seed
    for file in (keys / "fireedge_key", joiner.home / "one.db", Path(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert (tmp_path / "systemctl.log").read_text() == "stop opennebula.service\n"
    assert sorted(p.name for p in joiner.home.iterdir()) == [".one", "one.db"]


def test_a_filled_database_is_not_replaced_without_being_told(leader, joiner, snapshot, seed):
    joiner.fill(name="another")
    path, _made = snapshot(leader)
    with pytest.raises(ModuleFailed, match="nothing says that it may be replaced"):
        seed(joiner, path)
    assert joiner.name_of_cloud() == "another"


def test_what_is_replaced_is_kept(leader, joiner, snapshot, seed):
    joiner.fill(name="another")
    (joiner.home / ".one/one_key").write_text("decrypts what the database of another holds\n")
    (leader.home / ".one/one_key").write_text("of cloud\n")
    (joiner.home / ".one/fireedge_key").write_text("fireedge_key of cloud\n")
    path, _made = snapshot(leader)
    kept = Path(seed(joiner, path, replace=True)["kept"])
    assert joiner.name_of_cloud() == "cloud"
    assert (joiner.home / ".one/one_key").read_text() == "of cloud\n"
    assert Sqlite(str(kept / "database")).rows("SELECT name FROM zone_pool") == [("another",)]
    assert (kept / "one_key").read_text() == "decrypts what the database of another holds\n"
    assert sorted(file.name for file in kept.iterdir()) == ["database", "one_key", "sunstone_auth"]  # those that differ
    modes = {stat.S_IMODE(file.stat().st_mode) for file in kept.iterdir()}
    assert (stat.S_IMODE(kept.stat().st_mode), modes) == (0o700, {0o600})


def test_what_is_put_in_place_is_never_started_as_the_server_that_was(leader, joiner, snapshot, seed, monkeypatch):
    """Neither after a reboot, nor by going back to the configuration of its last good start: it would lead alone."""
    joiner.conf.write_text("# ours\n" + CONF.replace('"1"', "-1"))
    record = Path(onedb_seed.LAST_GOOD_RECORD)
    record.write_text("{}")
    path, _made = snapshot(leader)
    seen = []

    def load(self, *_arguments):
        seen.append((settings_of(joiner.conf.read_text())[1], record.exists()))
        raise OSError("killed")

    monkeypatch.setattr(Sqlite, "load", load)
    with pytest.raises(ModuleFailed, match="killed"):
        seed(joiner, path)
    assert seen == [(2, False)]
    assert "# ours\n" in joiner.conf.read_text()
    (copy,) = joiner.conf.parent.glob("oned.conf.*~")
    assert settings_of(copy.read_text())[1] == -1


def test_the_record_of_the_last_good_start_is_that_of_guarded_service(monkeypatch):
    monkeypatch.undo()
    found = guarded_service.LastGood(None, guarded_service.LAST_GOOD, "opennebula.service", [], [])
    assert found.record_path == onedb_seed.LAST_GOOD_RECORD


def test_an_oned_conf_that_cannot_be_edited_stops_it_before_oned(leader, joiner, snapshot, seed, tmp_path):
    joiner.conf.write_text(CONF + CONF)
    path, _made = snapshot(leader)
    with pytest.raises(ModuleFailed, match="there are 2 FEDERATION"):
        seed(joiner, path)
    assert not (tmp_path / "systemctl.log").exists()
    assert joiner.state()["database"] == "none"


def test_no_seed_for_a_server_that_the_zone_does_not_know(leader, snapshot, tmp_path):
    with pytest.raises(ModuleFailed, match="would take itself for the only server"):
        snapshot(leader, endpoint="http://front9:2633/RPC2")
    assert not (tmp_path / "the-seed").exists()


def test_a_seed_damaged_on_the_way_changes_nothing(leader, joiner, snapshot, seed, tmp_path):
    path, _made = snapshot(leader)
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "opened")
    (tmp_path / "opened/database").write_bytes(b"SQLite format 3\0" + bytes(500))
    with tarfile.open(path, "w") as archive:
        for name in ("manifest.json", "database"):
            archive.add(tmp_path / "opened" / name, name)
    with pytest.raises(ModuleFailed, match="damaged on the way"):
        seed(joiner, path)
    assert joiner.state()["database"] == "none"
    assert not (tmp_path / "systemctl.log").exists()


def test_an_archive_cannot_write_elsewhere(leader, joiner, snapshot, seed, tmp_path):
    path, _made = snapshot(leader)
    (tmp_path / "evil").write_text("x")
    with tarfile.open(path, "a") as archive:
        archive.add(tmp_path / "evil", "auth/../../evil")
    with pytest.raises(ModuleFailed, match="does not belong there"):
        seed(joiner, path)


def test_what_cannot_be_fetched_is_said(leader, joiner, snapshot, seed, tmp_path):
    path, _made = snapshot(leader)
    (tmp_path / "refused").touch()
    with pytest.raises(ModuleFailed, match="Permission denied"):
        seed(joiner, path)


def test_another_kind_of_database_is_refused(leader, joiner, snapshot, seed, monkeypatch):
    path, _made = snapshot(leader)
    other = Mysql({"BACKEND": "mysql"})
    monkeypatch.setattr(other, "rows", lambda _statement: [])
    monkeypatch.setattr(onedb_seed, "database_at", lambda *_: other)
    with pytest.raises(ModuleFailed, match="of the backend sqlite, and oned.conf of this front-end names mysql"):
        seed(joiner, path)


def test_a_database_that_is_not_what_was_promised_stays_marked(leader, joiner, snapshot, seed, monkeypatch):
    path, _made = snapshot(leader)
    joiner.fill(records=3)
    with monkeypatch.context() as broken:
        broken.setattr(Sqlite, "load", lambda *_: None)  # says that it did
        with pytest.raises(ModuleFailed, match="has record 3 where 40 was promised"):
            seed(joiner, path, replace=True)
    assert joiner.state()["database"] == "half"


def broken_load(*_arguments):
    raise OSError("killed")


def test_a_seed_that_was_cut_off_is_known_and_done_again(leader, joiner, snapshot, seed, monkeypatch):
    path, _made = snapshot(leader)
    with monkeypatch.context() as broken:
        broken.setattr(Sqlite, "load", broken_load)
        with pytest.raises(ModuleFailed):
            seed(joiner, path)
    assert joiner.state()["database"] == "half"
    assert seed(joiner, path)["kept"] == ""
    assert joiner.state()["database"] == "filled"


def test_check_mode_changes_nothing(leader, joiner, capsys, tmp_path):
    common = {"path": str(tmp_path / "s"), "endpoint": ENDPOINTS[1], "conf": str(joiner.conf), "home": str(joiner.home)}
    assert run_module(capsys, onedb_snapshot, check=True, **common)["changed"]
    assert run_module(capsys, onedb_seed, check=True, source="front1", server_id=2, **common)["changed"]
    assert not (tmp_path / "s").exists()
    assert joiner.state()["database"] == "none"
    joiner.conf.unlink()  # the packages are still to come
    assert run_module(capsys, onedb_seed, check=True, source="front1", server_id=2, **common)["changed"]


def test_a_taken_seed_is_removed(leader, snapshot):
    path, _made = snapshot(leader)
    assert snapshot(leader, state="absent")[1]["changed"]
    assert not Path(path).exists()
    assert not snapshot(leader, state="absent")[1]["changed"]


def test_what_runs_that_were_cut_off_have_left_is_removed(leader, snapshot):
    """Each is a whole copy of the database and of the credentials."""
    left = [".seed-front2", ".seed.abcd1234", ".snapshot.abcd1234", ".one.db.abcd1234"]
    for name in left:
        (leader.home / name).mkdir() if name.startswith((".seed.", ".snapshot.")) else (leader.home / name).touch()
    (leader.home / ".snapshot.abcd1234/database").touch()
    (leader.home / MARKER).touch()
    before = {path.name for path in leader.home.iterdir()}
    assert snapshot(leader, state="absent", path=None, endpoint=None, check=True)[1]["changed"]
    assert {path.name for path in leader.home.iterdir()} == before
    assert snapshot(leader, state="absent", path=None, endpoint=None)[1]["changed"]
    assert {path.name for path in leader.home.iterdir()} == before - set(left)
    assert not snapshot(leader, state="absent", path=None, endpoint=None)[1]["changed"]


def test_a_tool_of_the_database_that_hangs_is_ended(tmp_path, monkeypatch):
    program = tmp_path / "bin/mariadb-dump"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(one_zone_database, "TOOL_SECONDS", 0.2)
    with pytest.raises(DatabaseError, match="mariadb-dump did not end within 0.2 s"):
        Mysql({"BACKEND": "mysql"}).dump(str(tmp_path / "dump"))


def test_a_database_that_stays_locked_is_not_waited_for_for_ever(leader, tmp_path, monkeypatch):
    monkeypatch.setattr(one_zone_database, "TOOL_SECONDS", 0.2)
    monkeypatch.setattr(one_zone_database, "LOCK_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(leader.home / "one.db", isolation_level=None)) as oned:
        oned.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match="cannot be copied: it did not end within 0.2 s"):
            Sqlite(str(leader.home / "one.db")).dump(str(tmp_path / "dump"))


def test_a_source_that_does_not_answer_is_given_up(leader, joiner, snapshot, seed, tmp_path):
    path, _made = snapshot(leader)
    (tmp_path / "bin/scp").write_text('#!/bin/sh\necho "$@" >"$ROOT/scp.log"\nexit 1\n')
    with pytest.raises(ModuleFailed):
        seed(joiner, path)
    options = (tmp_path / "scp.log").read_text()
    assert "ConnectTimeout=" in options and "ServerAliveInterval=" in options


def test_a_snapshot_is_of_one_moment_while_oned_writes(leader, snapshot):
    with sqlite3.connect(leader.home / "one.db") as oned:
        oned.execute("BEGIN IMMEDIATE")
        oned.execute("UPDATE zone_pool SET name = 'half done'")
        path, _made = snapshot(leader)
        oned.rollback()
    with tarfile.open(path) as archive:
        archive.extract("database", leader.home / "looked-at")
    assert Sqlite(str(leader.home / "looked-at/database")).rows("SELECT name FROM zone_pool") == [("cloud",)]


@pytest.mark.parametrize(
    ("prepare", "state"),
    [
        (lambda home: None, "none"),
        (lambda home: (home / "one.db").touch(), "none"),
        (lambda home: (home / MARKER).touch(), "half"),
    ],
)
def test_what_is_no_database(joiner, prepare, state):
    prepare(joiner.home)
    assert joiner.state()["database"] == state


def test_how_far_a_log_goes(joiner):
    joiner.fill(records=12, term=5)
    state = joiner.state()
    assert (state["database"], state["index"], state["term"], state["first_index"]) == ("filled", 12, 5, 0)
    assert [server["name"] for server in state["zone"]["servers"]] == ["front1", "front2"]


def test_a_file_that_is_no_database_is_said(joiner):
    (joiner.home / "one.db").write_text("this is no database, but long enough to be looked at as one\n" * 40)
    with pytest.raises(DatabaseError, match="is no database"):
        joiner.state()


@pytest.mark.parametrize(
    ("conf", "server_id"),
    [
        ("", -1),
        ("FEDERATION = [ MODE = STANDALONE, SERVER_ID = -1 ]\n", -1),
        ('FEDERATION = [ MODE = STANDALONE, SERVER_ID = "2" ]\n', 2),
        ("FEDERATION = [ SERVER_ID = 1 ]\nFEDERATION = [ SERVER_ID = 2 ]\n", 1),  # of two the first
    ],
)
def test_server_id_as_oned_reads_it(conf, server_id):
    assert settings_of(conf)[1] == server_id


def test_a_password_reaches_the_client_of_the_database_by_file_and_whole(tmp_path, monkeypatch):
    """Quotes, backslashes and blanks; and no argument shows it."""
    program = tmp_path / "bin/mariadb-dump"
    program.write_text(
        '#!/bin/sh\necho "$@" >"$ROOT/arguments"\ncat "${1#--defaults-extra-file=}" >"$ROOT/options"\necho DUMP\n'
    )
    program.chmod(0o755)
    values = {
        "BACKEND": "mysql",
        "SERVER": "db",
        "PORT": "0",
        "USER": "oneadmin",
        "PASSWD": 'it\'s "a" \\ p#w',
        "DB_NAME": "o",
    }
    Mysql(values).dump(str(tmp_path / "dump"))
    assert (tmp_path / "dump").read_text() == "DUMP\n"
    assert 'password="it\'s \\"a\\" \\\\ p#w"' in (tmp_path / "options").read_text()
    assert "port=3306" in (tmp_path / "options").read_text()
    arguments = (tmp_path / "arguments").read_text()
    assert "it's" not in arguments
    assert "--single-transaction" in arguments
    assert not Path(arguments.split()[0].partition("=")[2]).exists()
