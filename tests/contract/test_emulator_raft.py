"""Three emulated oneds as one zone: elections, replication, refusals - over real HTTP, each with a database of its own.

What is held here follows OpenNebula's source; there are no captures of a zone with several servers.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulator_replay import BY_TIER, Record  # noqa: E402
from raft_zone import Zone, until  # noqa: E402


@pytest.fixture(params=BY_TIER)
def zone(request, tmp_path):
    made = Zone(request.param, tmp_path)
    made.found()
    yield made
    for machine in made.machines.values():
        machine.stop()


@pytest.fixture
def three(zone):
    zone.join("two", 1)
    zone.join("three", 2)
    return zone


def test_a_change_is_in_every_database_and_can_be_asked_for_everywhere(three):
    assert three.run("three", "onecluster create from_a_follower").stdout == "ID: 100\n"  # passed on to the leader
    for name in three.machines:
        assert until(lambda name=name: "from_a_follower" in three.run(name, "onecluster list -x").stdout), name
        assert three.rows(name, "SELECT name FROM cluster_pool WHERE oid = 100") == [("from_a_follower",)]
    servers = three.servers("two")
    assert {s["LOG_INDEX"] for s in servers.values()} == {servers["one"]["LOG_INDEX"]}
    assert three.rows("one", "SELECT log_index, term, sqlcmd FROM logdb") == three.rows(
        "two", "SELECT log_index, term, sqlcmd FROM logdb"
    )


def test_one_leads_and_another_takes_over_when_it_dies(three):
    assert three.states("one") == {"one": "3", "two": "2", "three": "2"}
    three.machines["one"].process.kill()
    three.machines["one"].process.wait()
    assert until(lambda: three.leader("two") in ("two", "three"))
    states = three.states("two")
    assert states["one"] == "-"
    assert sorted(states.values()) == ["-", "2", "3"]
    # A new leader takes nothing before it has replicated what the former left.
    said = []
    assert until(lambda: said.append(three.run("two", "onecluster create after_the_fall")) or said[-1].rc == 0), said
    (three.machines["one"].root / "var/lock/one/one").unlink()
    assert three.machines["one"].start()
    assert until(lambda: "after_the_fall" in three.run("one", "onecluster list -x").stdout)
    assert until(lambda: three.states("one")["one"] == "2")


def test_without_a_majority_nothing_is_changed_and_nobody_leads(three):
    for name in ("two", "three"):
        three.machines[name].stop()
    before = three.rows("one", "SELECT * FROM cluster_pool")
    answer = three.machines["one"].run(
        Record(three.release, "", 0, ["onecluster", "create", "lost"], {"ONE_XMLRPC_TIMEOUT": "2"}, {}, None, 0, "", "")
    )
    assert (answer.rc, answer.stderr) == (255, "Net::ReadTimeout with #<Socket:(closed)>\n")
    assert three.rows("one", "SELECT * FROM cluster_pool") == before
    assert three.states("one")["two"] == "-"  # how they stand is told all the same
    assert three.machines["two"].start()
    assert until(lambda: "lost" in three.run("two", "onecluster list -x").stdout)  # a majority has it now


def test_a_follower_alone_elects_nobody_and_refuses_changes(three):
    for name in ("one", "two"):
        three.machines[name].stop()
    assert until(lambda: three.states("three")["three"] == "1")
    answer = three.run("three", "onecluster create nowhere")
    assert answer.rc == 255
    assert re.search(r"Cannot process request, (no leader found|oned cluster in election mode)", answer.stderr)
    assert three.run("three", "onecluster list -x").rc == 0


def test_a_database_that_nobody_seeded_does_not_start(zone):
    other = zone.make("two")
    zone.give_id("two", 1)
    other.launch("-f")
    out, err = other.process.communicate(timeout=20)
    assert other.process.returncode == 255
    assert "Database has to be bootstraped to start oned in HA" in out + err


def test_a_server_seeded_before_it_was_added_takes_the_zone_over_without_being_in_it(zone):
    """Why a server is added first and seeded then: where the zone names one server, nobody's vote is needed."""
    zone.make("two")
    zone.seed("one", "two")
    zone.give_id("two", 1)
    assert zone.machines["two"].start()
    assert until(lambda: "leader of the zone" in (zone.machines["two"].root / "var/log/one/oned.log").read_text())
    assert until(lambda: zone.states("one") == {"one": "2"})


def test_a_server_that_is_behind_gets_no_vote(three):
    three.machines["three"].stop()
    assert three.run("one", "onecluster create while_away").rc == 0
    for name in ("one", "two"):
        three.machines[name].stop()
    for name in ("three", "two"):
        assert three.machines[name].start()
    assert until(lambda: three.leader("three") == "two")
    assert until(lambda: "while_away" in three.run("three", "onecluster list -x").stdout)


def test_a_follower_with_another_password_is_not_replicated_to(three):
    three.machines["three"].stop()
    with sqlite3.connect(three.machines["three"].root / "var/lib/one/one.db") as database:
        body = database.execute("SELECT body FROM user_pool WHERE oid = 0").fetchone()[0]
        changed = re.sub(r'"password": "\w+"', '"password": "00"', body)
        assert changed != body
        database.execute("UPDATE user_pool SET body = ? WHERE oid = 0", (changed,))
    assert three.machines["three"].start()
    assert three.run("one", "onecluster create not_there").rc == 0
    time.sleep(2)
    assert three.rows("three", "SELECT name FROM cluster_pool WHERE name = 'not_there'") == []


def test_servers_are_deleted_by_name_and_the_majority_shrinks(three):
    three.machines["three"].stop()
    assert three.run("one", "onezone server-del 0 three").rc == 0
    assert list(three.servers("one")) == ["one", "two"]
    assert three.run("one", "onecluster create of_two").rc == 0
    assert three.run("one", "onezone server-del 0 nobody").stderr == "nobody not found or duplicated\n"


def test_a_solo_front_end_shows_no_servers_state_and_an_added_one_is_solo(tmp_path):
    zone = Zone("7.4.0", tmp_path)
    assert zone.make("one").start()
    assert zone.servers("one") == {}
    answer = zone.add("one", "one")
    assert answer.stdout == f"{zone.endpoint('one')}:\n"
    assert zone.servers("one")["one"]["STATE"] == "0"
    assert zone.servers("one")["one"]["LOG_INDEX"] == "-1"
    assert "SERVER_POOL" in zone.rows("one", "SELECT body FROM zone_pool")[0][0]
    zone.machines["one"].stop()


@pytest.mark.parametrize(
    ("arguments", "rc", "said"),
    [
        ("server-add 0 --name two", 255, "To add a server set:"),
        ("server-add 0 --name two --rpc two:2633", 255, "Wrong protocol specified. Only http or https allowed!"),
        ("server-add 77 --name two --rpc http://two:2633/RPC2", 255, "Error getting zone [77]"),
        ("server-del 0 9", 255, "[one.zone.delserver] SERVER not found in zone"),
    ],
)
def test_what_onezone_refuses(zone, arguments, rc, said):
    answer = zone.run("one", f"onezone {arguments}")
    assert answer.rc == rc
    assert said in answer.stdout + answer.stderr


def test_a_hook_of_the_leader_and_of_the_follower_run(zone):
    one = zone.machines["one"]
    log = one.root / "hooks.log"
    script = one.root / "var/lib/one/remotes/hooks/raft/mine"
    script.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    script.chmod(0o755)
    hooks = "".join(
        f'RAFT_{role.upper()}_HOOK = [ COMMAND = "raft/mine", ARGUMENTS = "{role} eth0 10.0.0.9/24" ]\n'
        for role in ("leader", "follower")
    )
    one.stop()
    one.edit("oned.conf", lambda text: text + hooks)
    assert one.start()
    assert until(lambda: log.exists() and "leader eth0" in log.read_text())
    assert (one.root / "var/lib/one/config").read_text().splitlines()[1] == (
        "RAFT_FOLLOWER_HOOK=ARGUMENTS=follower eth0 10.0.0.9/24,COMMAND=raft/mine"
    )
    one.stop()
    assert until(lambda: log.read_text().count("follower") == 2)
    assert log.read_text().splitlines() == [f"{role} eth0 10.0.0.9/24" for role in ("follower", "leader", "follower")]
