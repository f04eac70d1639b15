# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of high availability against emulated servers of one zone."""

from __future__ import annotations

import importlib
import os
import sqlite3

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from one_resources_emulated import MODULES, Ended
from raft_zone import Zone, until

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_plan import look_from, plan_cluster


@pytest.fixture
def zone(tmp_path):
    made = Zone("7.4.0", tmp_path)
    made.found()
    made.join("two", 1)
    yield made
    for machine in made.machines.values():
        machine.stop()


@pytest.fixture
def run(zone, tmp_path, monkeypatch):
    def ended(_module, **result):
        raise Ended(result)

    monkeypatch.setattr(AnsibleModule, "exit_json", ended)
    monkeypatch.setattr(AnsibleModule, "fail_json", ended)
    path = os.environ["PATH"]

    def of(module, server, check=False, **params):
        machine = zone.machines[server]
        programs = tmp_path / f"programs-{server}"
        if not programs.exists():
            machine.install(programs, ("onezone",))
        for name, value in machine.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", f"{programs}:{path}")
        arguments = {**params, "_ansible_remote_tmp": str(tmp_path / "tmp"), "_ansible_check_mode": check}
        loaded = importlib.import_module(f"{MODULES}.{module}")
        with patch_module_args(arguments), pytest.raises(Ended) as caught:
            loaded.main()
        return caught.value.result

    return of


def look(zone, run, server, patience=0):
    root = zone.machines[server].root
    result = run(
        "one_raft_info",
        server,
        endpoint=zone.endpoint(server),
        local_endpoint=zone.endpoint(server),
        conf=str(root / "etc/one/oned.conf"),
        home=str(root / "var/lib/one"),
        patience=patience,
    )
    assert "look" in result, result
    return result["look"]


def looked(zone, run, *servers):
    """As the filter makes it of what the module returned."""
    return [look_from(server, look(zone, run, server)) for server in servers]


def steps(zone, run, *servers):
    declared = [(server, zone.endpoint(server)) for server in servers]
    return [(step.host, step.action) for step in plan_cluster(declared, looked(zone, run, *servers)).steps]


def prove(zone, run, server, timeout=20):
    endpoint = zone.endpoint(server)
    return run("one_replication", server, endpoint=endpoint, local_endpoint=endpoint, timeout=timeout, api_timeout=3)


def test_how_servers_stand(zone, run):
    one, two = look(zone, run, "one"), look(zone, run, "two")
    assert (one["server_id"], one["running"], one["database"]) == (0, True, "filled")
    assert [(s["name"], s["state"]) for s in two["zone"]["servers"]] == [("one", "leader"), ("two", "follower")]
    assert one["index"] == two["index"] > 0
    assert one["shared"] and one["shared"] == two["shared"]
    assert "one_auth" not in one["shared"]
    assert steps(zone, run, "one", "two") == []


def test_a_server_that_is_stopped_is_looked_at_by_its_database(zone, run):
    zone.machines["two"].stop()
    two = look(zone, run, "two")
    assert (two["running"], two["database"], two["server_id"]) == (False, "filled", 1)
    assert [s["state"] for s in two["zone"]["servers"]] == ["no answer", "no answer"]
    assert steps(zone, run, "one", "two") == [("two", "enter")]


def test_a_new_machine_in_place_of_a_dead_one_joins(zone, run):
    zone.machines["two"].stop()
    (zone.machines["two"].root / "var/lib/one/one.db").unlink()
    assert steps(zone, run, "one", "two") == [("two", "join")]


def test_a_follower_proves_that_it_replicates(zone, run):
    result = prove(zone, run, "two")
    assert (result["role"], result["leader"], result["changed"]) == ("follower", "one", False)
    value = zone.run("two", "onezone show -x 0").stdout
    assert "REPLICATION_PROBE" in value
    assert prove(zone, run, "one")["role"] == "leader"
    assert zone.run("two", "onezone show -x 0").stdout != value, "each proof writes a value of its own"


def test_a_follower_that_does_not_replicate_is_not_taken_for_one(zone, run):
    """Its oned runs, its database opens, its state is follower: everything but replication."""
    zone.machines["two"].stop()
    zone.run("one", "onezone show -x 0")
    with sqlite3.connect(zone.machines["two"].root / "var/lib/one/one.db") as database:
        body = database.execute("SELECT body FROM user_pool WHERE oid = 0").fetchone()[0]
        secret = body.split('"password": "')[1].split('"')[0]
        wrong = body.replace(secret, "0" * 64)
        database.execute("UPDATE user_pool SET body = ? WHERE oid = 0", (wrong,))
    assert zone.machines["two"].start()
    result = prove(zone, run, "two", timeout=4)
    assert "does not accept the user or password" in result["msg"] or "does not replicate" in result["msg"], result
    assert zone.machines["two"].process.poll() is None


def test_without_a_majority_nothing_is_proven(zone, run):
    zone.machines["two"].stop()
    result = prove(zone, run, "one", timeout=4)
    assert "does not replicate its zone within 4 s" in result["msg"], result


def test_check_mode_asks_nothing(zone, run):
    assert run("one_replication", "one", check=True, endpoint="http://nowhere:1/RPC2") == {"changed": False}


def wanted(zone, name, state="present"):
    return {"name": name, "endpoint": zone.endpoint(name), "state": state}


def test_a_server_is_added_once_and_known_by_its_number(zone, run):
    zone.make("three")
    servers = [wanted(zone, "three")]
    planned = run("onezone_servers", "one", check=True, servers=servers)
    assert planned["changed"] and "three" not in planned["ids"]
    done = run("onezone_servers", "two", servers=servers)  # a follower passes it on
    assert (done["changed"], done["ids"]) == (True, {"one": 0, "two": 1, "three": 2})
    assert done["actions"] == planned["actions"]
    again = run("onezone_servers", "one", servers=servers)
    assert (again["changed"], again["ids"]["three"]) == (False, 2)


def test_no_server_is_added_while_one_of_two_is_down(zone, run):
    zone.machines["two"].stop()
    zone.make("three")
    result = run("onezone_servers", "one", servers=[wanted(zone, "three")])
    assert "1 of the zone's 2 servers answer, two does not" in result["msg"]
    assert list(zone.servers("one")) == ["one", "two"]


def test_a_dead_server_is_taken_out(zone, run):
    zone.join("three", 2)
    zone.machines["three"].stop()
    done = run("onezone_servers", "one", servers=[{"name": "three", "state": "absent"}])
    assert done["changed"]
    assert list(zone.servers("one")) == ["one", "two"]
    assert not run("onezone_servers", "one", servers=[{"name": "three", "state": "absent"}])["changed"]


def test_the_zone_has_the_endpoint_of_whoever_leads(zone, run):
    endpoint = "http://10.0.0.10:2633/RPC2"
    assert run("onezone_servers", "one", endpoint=endpoint)["changed"]
    assert until(lambda: endpoint in zone.run("two", "onezone show -x 0").stdout)
    assert not run("onezone_servers", "one", endpoint=endpoint)["changed"]


def test_check_mode_where_oned_is_still_to_come(zone, run):
    zone.machines["one"].stop()
    assert run("onezone_servers", "one", check=True, servers=[wanted(zone, "one")])["changed"]
