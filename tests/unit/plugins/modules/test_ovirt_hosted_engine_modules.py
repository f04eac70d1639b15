# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovirt_hosted_engine, ovirt_hosted_engine_info and ovirt_hosted_engine_check on a double of hosted-engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import ovirt_hosted_engine_host
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_requirements import HostProbe
from ansible_collections.kvmcloud.stack.plugins.modules import (
    ovirt_hosted_engine,
    ovirt_hosted_engine_check,
    ovirt_hosted_engine_info,
)

# What it says stands in its folder: status, and the exit codes of --check-deployed and --vm-status.
PROGRAM = """#!/bin/sh
case "$1" in
  --check-deployed) exit "$(cat {folder}/undeployed)" ;;
  --vm-status) cat {folder}/status; exit "$(cat {folder}/code)" ;;
esac
echo "$*" >> {folder}/calls
[ ! -e {folder}/refuses ] || {{ cat {folder}/refuses >&2; exit 1; }}
case "$1" in
  --vm-start) sed -i 's/"vm": "down"/"vm": "up"/; s/"bad"/"good"/; s/"Down"/"Up"/' {folder}/status ;;
  --set-maintenance) sed -i "s/\\"global_maintenance\\": [a-z]*/\\"global_maintenance\\": true/" {folder}/status ;;
esac
"""
DOWN = {
    "1": {
        "host-id": 1,
        "hostname": "host1",
        "score": 3400,
        "live-data": True,
        "maintenance": False,
        "engine-status": {"vm": "down", "health": "bad", "detail": "Down"},
    },
    "global_maintenance": False,
}
UP = json.loads(json.dumps(DOWN).replace('"down"', '"up"').replace('"bad"', '"good"').replace('"Down"', '"Up"'))
# As it prints it while the broker is down: a dict of Python, and no JSON.
BROKER_DOWN = repr({"exception": "Cannot connect to the HA daemon, please check the logs."})


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "hosted-engine").write_text(PROGRAM.format(folder=folder))
        (folder / "hosted-engine").chmod(0o755)

    def says(self, status: str, code: int = 0, deployed: bool = True) -> None:
        (self.folder / "status").write_text(status)
        (self.folder / "code").write_text(str(code))
        (self.folder / "undeployed").write_text("0" if deployed else "1")

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(tmp_path)
    found.says(json.dumps(UP))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "hosted-engine.conf").write_text("fqdn=engine.test\nhost_id=1\n")
    monkeypatch.setattr(ovirt_hosted_engine_host, "CONFIG", str(tmp_path / "hosted-engine.conf"))
    return found


@pytest.mark.parametrize(
    ("status", "code", "deployed", "expected"),
    [
        (json.dumps(UP), 0, True, {"deployed": True, "broker": True, "healthy": True, "half_deployed": False}),
        (json.dumps(DOWN), 0, True, {"deployed": True, "broker": True, "healthy": False}),
        ("You must run deploy first", 1, False, {"deployed": False, "half_deployed": False, "hosts": []}),
        ("", 2, False, {"deployed": False, "half_deployed": True}),
        (BROKER_DOWN, 1, True, {"deployed": True, "broker": False, "healthy": False, "hosts": []}),
    ],
    ids=["up", "down", "not deployed", "half-deployed", "broker down"],
)
def test_the_hosted_engine_as_it_is(
    capsys: Any, host: Host, status: str, code: int, deployed: bool, expected: dict[str, Any]
) -> None:
    host.says(status, code, deployed)
    for check in (False, True):
        told = run_module(capsys, ovirt_hosted_engine_info, check=check)
        assert not told["changed"] and expected.items() <= told.items()
    if expected["deployed"] and expected["broker"]:
        (one,) = told["hosts"]
        assert (one["name"], one["score"], one["live"]) == ("host1", 3400, True)


def test_a_host_without_the_program_is_no_part_of_one(capsys: Any, host: Host) -> None:
    (host.folder / "hosted-engine").unlink()
    told = run_module(capsys, ovirt_hosted_engine_info)
    assert not told["deployed"] and not told["broker"] and not told["half_deployed"]


def test_started_where_it_is_down_and_only_there(capsys: Any, host: Host) -> None:
    assert not run_module(capsys, ovirt_hosted_engine, vm="started")["changed"]
    host.says(json.dumps(DOWN))
    planned = run_module(capsys, ovirt_hosted_engine, check=True, vm="started")
    assert planned["changed"] and host.calls() == []
    assert run_module(capsys, ovirt_hosted_engine, vm="started")["actions"] == planned["actions"]
    assert host.calls() == ["--vm-start"] and not run_module(capsys, ovirt_hosted_engine, vm="started")["changed"]


def test_a_vm_that_another_host_has_started_meanwhile_is_no_error(capsys: Any, host: Host) -> None:
    """hosted-engine calls it one."""
    host.says(json.dumps(DOWN))
    (host.folder / "refuses").write_text("VM exists and its status is Powering up")
    with pytest.raises(ModuleFailed, match="It was not reached within 0 s. Last seen: host1: VM down, engine bad"):
        run_module(capsys, ovirt_hosted_engine, vm="started", timeout=0, poll=0)
    (host.folder / "refuses").write_text("no storage")
    with pytest.raises(ModuleFailed, match=r"hosted-engine says: no storage \(exit code 1\)"):
        run_module(capsys, ovirt_hosted_engine, vm="started", timeout=0, poll=0)


def test_storage_that_does_not_answer_is_not_waited_for_for_ever(
    capsys: Any, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hosted-engine itself does that."""
    for place in (ovirt_hosted_engine_host, ovirt_hosted_engine):
        monkeypatch.setattr(place, "BOUNDED", ("timeout", "--kill-after=1", "1"))
    host.says(json.dumps(DOWN))
    program = host.folder / "hosted-engine"
    program.write_text(program.read_text().replace("  --vm-start)", "  --vm-start) exec sleep 30 ;;\n  --vm-start)"))
    with pytest.raises(ModuleFailed, match="hosted-engine did not answer within 300 s; is its storage there"):
        run_module(capsys, ovirt_hosted_engine, vm="started", timeout=0, poll=0)
    program.write_text(program.read_text().replace("  --vm-status)", "  --vm-status) exec sleep 30 ;;\n  --vm-status)"))
    told = run_module(capsys, ovirt_hosted_engine_info)
    assert told["deployed"] and not told["broker"]


def test_global_maintenance_for_an_upgrade(capsys: Any, host: Host) -> None:
    assert run_module(capsys, ovirt_hosted_engine, maintenance="global")["changed"]
    assert host.calls() == ["--set-maintenance --mode=global"]
    assert not run_module(capsys, ovirt_hosted_engine, maintenance="global")["changed"]


@pytest.mark.parametrize(
    ("status", "code", "deployed", "words"),
    [
        ("", 2, False, "failed half-way on this host: its local VM still lives"),
        ("You must run deploy first", 1, False, "is not deployed on this host"),
        (BROKER_DOWN, 1, True, "The broker of the hosted engine does not answer"),
        (json.dumps(UP), 0, True, "The engine's VM runs on host1; migrate it"),
    ],
    ids=["half-deployed", "not deployed", "broker down", "local maintenance of the VM's host"],
)
def test_what_is_refused(capsys: Any, host: Host, status: str, code: int, deployed: bool, words: str) -> None:
    host.says(status, code, deployed)
    for check in (True, False):
        with pytest.raises(ModuleFailed, match=words):
            run_module(capsys, ovirt_hosted_engine, check=check, maintenance="local", vm="started", timeout=0, poll=0)
    assert host.calls() == []


VARIABLES: dict[str, Any] = {
    "he_fqdn": "engine.test",
    "he_bridge_if": "eth0",
    "he_domain_type": "nfs",
    "he_storage_domain_addr": "nfs1",
    "he_storage_domain_path": "/he",
    "he_gateway": "192.0.2.1",
}
SECRETS = {"he_appliance_password": "seCret-1", "he_admin_password": "seCret-2"}
GOOD = HostProbe(
    memory_mb=8192,
    temporary_mb=9000,
    bridge_device="ethernet",
    bridge_addresses=["192.0.2.11"],
    own_addresses=["192.0.2.11"],
    engine_addresses=["192.0.2.9"],
    engine_names=["engine.test"],
    cpu_vendor="GenuineIntel",
    cpu_flags=["vmx", "nx", "sse4_2", "popcnt"],
    storage={"uid": 36, "gid": 36, "free_gb": 100, "entries": []},
)


def checked(capsys: Any, monkeypatch: pytest.MonkeyPatch, probe: HostProbe | None, **more: Any) -> dict[str, Any]:
    def read(_module: Any, _given: Any) -> HostProbe:
        assert probe is not None, "the host was looked at"
        return probe

    monkeypatch.setattr(ovirt_hosted_engine_check, "read_probe", read)
    host = more.pop("host", True)
    variables = {**VARIABLES, **more}
    return run_module(capsys, ovirt_hosted_engine_check, variables=variables, secrets=SECRETS, host=host)


def test_a_host_that_can_carry_it(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not checked(capsys, monkeypatch, GOOD)["changed"]
    assert not checked(capsys, monkeypatch, None, host=False)["changed"]


def test_all_findings_at_once_and_no_secret(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = GOOD._replace(memory_mb=1024, storage={"uid": 0, "gid": 0, "free_gb": 100, "entries": ["letter"]})
    words = "(?s)1024 MiB of memory.*nfs1:/he is of 0:0; vdsm works as 36:36.*nfs1:/he is not empty, it holds letter"
    with pytest.raises(ModuleFailed, match=words):  # what is no secret is not masked
        checked(capsys, monkeypatch, bad)
    assert "seCret" not in capsys.readouterr().out


def test_wrong_variables_are_told_before_the_host_is_looked_at(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModuleFailed, match="(?s)he_gatewya: the role .* has no such variable.*he_gateway is missing"):
        checked(capsys, monkeypatch, None, he_gateway="", he_gatewya="192.0.2.1")


def test_a_secret_among_what_is_logged_is_refused(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModuleFailed, match="he_admin_password is a secret; give it in 'secrets'") as failed:
        checked(capsys, monkeypatch, None, he_admin_password="seCret-2")
    assert "seCret" not in str(failed.value)


def test_what_is_read_of_this_host() -> None:
    """As far as anything can be known of whatever machine runs the tests; programs are doubles."""

    class Module:
        def run_command(self, argv: list[str]) -> tuple[int, str, str]:
            if argv[0] == "timeout":
                return (
                    (32, "", "mount.nfs: access denied by server\n")
                    if "nfs1:/he" in argv
                    else (0, "36 36 25600 4194304\nx\n", "")
                )
            if argv[0] == "ip":
                link = {"ifname": "lo", "linkinfo": {}, "addr_info": [{"local": "127.0.0.1"}, {"local": "fe80::1"}]}
                return (0, json.dumps([{}, link]), "") if argv[-1] == "lo" else (1, "", "does not exist")
            return (1, "inactive\n", "")

    probe = ovirt_hosted_engine_host.read_probe(Module(), {**VARIABLES, "he_bridge_if": "lo", "he_fqdn": "localhost"})
    assert probe.memory_mb > 0 and probe.temporary_mb >= 0 and probe.firewalld == "inactive"
    assert (probe.bridge_device, probe.bridge_addresses) == ("ethernet", ["127.0.0.1"])
    assert "127.0.0.1" in probe.engine_addresses and "localhost" in probe.engine_names
    assert probe.storage == {"error": "mount.nfs: access denied by server"}
    other = {**VARIABLES, "he_storage_domain_path": "/other", "he_fqdn": "no-such-name.invalid"}
    probe = ovirt_hosted_engine_host.read_probe(Module(), other)
    assert probe.bridge_device is None and probe.engine_addresses == []
    assert probe.storage == {"uid": 36, "gid": 36, "free_gb": 100, "entries": ["x"]}
