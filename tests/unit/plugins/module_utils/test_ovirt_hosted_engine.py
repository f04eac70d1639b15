# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosted-engine tells, what follows from it, and what a deployment needs."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_requirements import (
    HostProbe,
    requirement_findings,
    variable_faults,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_status import (
    HostStatus,
    Status,
    parse_status,
    plan_day2,
    reached,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_variables import SECRETS, VARIABLES

UP = {"vm": "up", "health": "good", "detail": "Up"}
DOWN = {"vm": "down", "health": "bad", "detail": "Down", "reason": "vm not running on this host"}


def host(number: int, engine: dict, **more):
    return {
        "host-id": number,
        "hostname": f"host{number}",
        "score": 3400,
        "engine-status": engine,
        "live-data": True,
        **more,
    }


def table(*hosts: dict, maintenance: bool = False) -> dict:
    return {**{str(one["host-id"]): one for one in hosts}, "global_maintenance": maintenance}


RUNNING = table(host(1, UP, maintenance=False), host(2, DOWN, maintenance=False))
STOPPED = table(host(1, DOWN, maintenance=False), host(2, DOWN, maintenance=True), maintenance=True)


def status(told: dict) -> Status:
    return parse_status(True, 0, json.dumps(told))


def test_a_running_engine():
    found = status(RUNNING)
    assert found.hosts[0] == HostStatus("1", "host1", 3400, "up", "good", "Up", False, True)
    assert found.vm_host == found.hosts[0] and found.healthy and not found.global_maintenance


def test_the_state_as_text_with_json_in_it():
    assert status(table(host(1, json.dumps(UP)))).healthy
    assert not status(table(host(1, "garbage"))).healthy


@pytest.mark.parametrize(
    ("deployed", "exit_code", "output", "expected"),
    [
        (False, 1, "You must run deploy first", Status(False, broker=False)),
        (False, 2, "", Status(False, half_deployed=True, broker=False)),
        (True, 2, "", Status(True, half_deployed=True, broker=False)),
        (True, 1, "Traceback: no broker", Status(True, broker=False)),
        (True, 0, "", Status(True, broker=False)),
        (True, 0, "[]", Status(True, broker=False)),
    ],
)
def test_what_is_no_running_engine(deployed, exit_code, output, expected):
    assert parse_status(deployed, exit_code, output) == expected


def test_a_broker_that_is_down_prints_a_dict_of_python():
    found = parse_status(True, 1, f"The broker is down\n{RUNNING!r}")
    assert not found.broker and [one.name for one in found.hosts] == ["host1", "host2"]


def test_a_broker_that_is_down_and_says_so():
    told = str({"exception": "Cannot connect to the HA daemon, please check the logs."})
    assert parse_status(True, 1, told) == Status(True, broker=False)


def test_what_is_old_counts_for_nothing():
    old = status(table(host(1, UP, **{"live-data": False}), host(2, DOWN)))
    assert old.vm_host is None and not old.healthy
    assert [step.argv[1] for step in plan_day2(old, "2", None, "started").steps] == ["--vm-start"]


def test_half_healthy_is_not_healthy():
    for change in ({"health": "bad"}, {"detail": "Powering up"}, {"vm": "down"}):
        assert not status(table(host(1, {**UP, **change}))).healthy


@pytest.mark.parametrize(
    ("told", "own", "maintenance", "vm", "commands"),
    [
        (RUNNING, "1", None, "started", []),
        (RUNNING, "1", "global", None, ["--set-maintenance --mode=global"]),
        (STOPPED, "1", "global", None, []),
        (STOPPED, "1", "none", "started", ["--set-maintenance --mode=none", "--vm-start"]),
        (RUNNING, "1", "none", None, []),
        (RUNNING, "2", "local", None, ["--set-maintenance --mode=local"]),
        (STOPPED, "2", "local", None, []),
        (table(host(1, DOWN, maintenance=True)), "1", "none", None, ["--set-maintenance --mode=none"]),
        (RUNNING, None, "local", None, ["--set-maintenance --mode=local"]),
    ],
)
def test_what_is_done(told, own, maintenance, vm, commands):
    plan = plan_day2(status(told), own, maintenance, vm)
    assert [" ".join(step.argv[1:]) for step in plan.steps] == commands and not plan.refusal


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (status(RUNNING), "The engine's VM runs on host1; migrate it"),
        (Status(False, half_deployed=True), "failed half-way"),
        (Status(False), "is not deployed on this host"),
        (Status(True, broker=False), "The broker of the hosted engine does not answer"),
    ],
)
def test_what_is_refused(found, words):
    plan = plan_day2(found, "1", "local", None)
    assert words in plan.refusal and not plan.steps


@pytest.mark.parametrize(
    ("told", "own", "maintenance", "vm", "expected"),
    [
        (RUNNING, "1", None, "started", True),
        (STOPPED, "1", None, "started", False),
        (RUNNING, "1", "global", None, False),
        (STOPPED, "1", "global", None, True),
        (STOPPED, "1", "none", None, False),
        (RUNNING, "1", "none", "started", True),
        (STOPPED, "2", "local", None, True),
        (STOPPED, "1", "local", None, False),
    ],
)
def test_whether_it_is_reached(told, own, maintenance, vm, expected):
    assert reached(status(told), own, maintenance, vm) is expected


VARS = {
    "he_fqdn": "engine.test",
    "he_bridge_if": "eth0",
    "he_domain_type": "nfs",
    "he_storage_domain_addr": "nfs1",
    "he_storage_domain_path": "/he",
    "he_gateway": "192.0.2.1",
    "he_appliance_password": "x",
    "he_admin_password": "y",
    "he_mem_size_MB": 8192,
}
ISCSI = {"he_domain_type": "iscsi", "he_iscsi_target": "iqn.x", "he_lun_id": "1", "he_iscsi_portal_port": 3260}


@pytest.mark.parametrize(
    "more",
    [{}, ISCSI, {"he_mem_size_MB": "max"}, {"he_cluster": None}, {"he_admin_password": " p%s'w\"d # ; = {x} \\n"}],
)
def test_good_variables(more):
    assert variable_faults({**VARS, **more}, VARIABLES) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"he_fqnd": "x"}, "he_fqnd: the role ovirt.ovirt.hosted_engine_setup has no such variable"),
        ({"he_enable_keycloak": "yes"}, "he_enable_keycloak: its type is bool"),
        ({"he_disk_size_GB": "61"}, "he_disk_size_GB: its type is int"),
        ({"he_disk_size_GB": 49}, "he_disk_size_GB: 49 are too few for the engine; it needs 50"),
        ({"he_fqdn": True}, "he_fqdn: its type is str"),
        ({"he_gateway": ""}, "he_gateway is missing; nobody is there to be asked"),
        ({"he_storage_domain_path": None}, "he_storage_domain_path is missing"),
        ({"he_domain_type": "fc"}, "he_lun_id is missing"),
        ({**ISCSI, "he_iscsi_target": ""}, "he_iscsi_target is missing"),
        ({"he_domain_type": "smb"}, "'smb' is none of nfs"),
        ({"he_vm_ip_addr": "192.0.2.9"}, "he_dns_addr is missing"),
        ({"he_pause_host": True}, "would wait up to a day"),
        ({"he_admin_password": "hunter2 "}, "he_admin_password: the value ends with a blank"),
        ({"he_admin_password": "hun\nter2"}, "he_admin_password: the value has a line break"),
    ],
)
def test_bad_variables(more, words):
    told = "\n".join(variable_faults({**VARS, **more}, VARIABLES))
    assert words in told and "ter2" not in told


def test_secrets_are_known_as_such():
    assert {"he_admin_password", "he_appliance_password", "he_iscsi_password", "he_db_password"} <= set(SECRETS)


STORAGE = {"uid": 36, "gid": 36, "free_gb": 71, "entries": ["lost+found"]}
GOOD = HostProbe(
    memory_mb=8192,
    temporary_mb=9000,
    bridge_device="bond",
    bond_mode="802.3ad",
    bridge_addresses=["192.0.2.11"],
    own_addresses=["192.0.2.11"],
    engine_addresses=["192.0.2.9"],
    engine_names=["engine.test"],
    cpu_vendor="GenuineIntel",
    cpu_flags=["vmx", "nx", "sse4_2", "popcnt", "fpu"],
    storage=STORAGE,
)


# The guide still takes Conroe and Penryn; clusters gave them up with level 4.4.
PENRYN = ["vmx", "nx", "cx16", "ssse3", "sse4_1"]
OPTERON_G3 = ["svm", "nx", "cx16", "sse4a", "misalignsse", "popcnt", "abm"]
# Has neither fma4 nor xop of Opteron G4, and fits a cluster of EPYC.
EPYC = ["svm", "nx", "sse4_2", "popcnt", "avx", "avx2"]


def test_a_good_host():
    assert requirement_findings(GOOD, VARS) == []
    assert requirement_findings(GOOD._replace(cpu_vendor="AuthenticAMD", cpu_flags=EPYC), VARS) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"memory_mb": 4607}, "4607 MiB of memory are free"),
        ({"temporary_mb": 5119}, "5119 MiB are free below /var/tmp"),
        ({"firewalld": "masked"}, "firewalld is masked; it must run"),
        ({"bridge_device": None}, "There is no device eth0"),
        ({"bridge_device": "team"}, "is a team device"),
        ({"bond_mode": "balance-rr"}, "bond of mode balance-rr; oVirt takes active-backup"),
        ({"own_addresses": ["127.0.1.1"]}, "resolves to 127.0.1.1, and none of that is an address of eth0"),
        ({"engine_addresses": []}, "engine.test (he_fqdn) does not resolve"),
        ({"engine_addresses": ["127.0.0.1"]}, "resolves to a loopback address"),
        ({"engine_addresses": ["192.0.2.11"]}, "resolves to an address of this host"),
        ({"engine_names": ["other.test"]}, "resolves back to other.test, not to engine.test"),
        ({"cpu_flags": ["vmx", "nx", "sse4_2"]}, "The CPU lacks popcnt; no CPU type of a cluster fits it"),
        ({"cpu_flags": ["nx", "sse4_2", "popcnt"]}, "lacks vmx; no CPU type of a cluster fits it, or its firmware"),
        ({"cpu_flags": ["vmx", "sse4_2", "popcnt"]}, "The CPU lacks nx"),
        ({"cpu_flags": PENRYN}, "The CPU lacks popcnt, sse4_2"),
        ({"cpu_vendor": "AuthenticAMD"}, "The CPU lacks avx, svm"),
        ({"cpu_vendor": "AuthenticAMD", "cpu_flags": OPTERON_G3}, "The CPU lacks avx, sse4_2"),
        ({"cpu_vendor": ""}, "unknown vendor"),
        ({"storage": {**STORAGE, "uid": 0, "gid": 0}}, "nfs1:/he is of 0:0; vdsm works as 36:36"),
        ({"storage": {**STORAGE, "entries": ["x"]}}, "nfs1:/he is not empty, it holds x"),
        (
            {"storage": {**STORAGE, "free_gb": 70}},
            "nfs1:/he has 70 GiB free; the engine's disk and what is beside it need 71",
        ),
        ({"storage": {"error": "access denied"}}, "nfs1:/he cannot be mounted: access denied"),
    ],
)
def test_each_requirement(changed, words):
    found = requirement_findings(GOOD._replace(**changed), VARS)
    assert len(found) == 1 and words in found[0], found
