# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans applied through the command wrapper against captured answers, and every captured failure as a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from one_resources_replay import FILE, RELEASES, Replay, session

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_cluster import ClusterPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_datastore import DatastorePlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_hook import HookPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_host import HostPlanner, unmonitored
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_group import SecurityGroupPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_user import UserPlanner
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_vnet import VnetPlanner, unready
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import NotSettled, wait_until
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import PlanError

COMMANDS = ("onecluster", "onedatastore", "onehook", "onehost", "onesecgroup", "onevnet", "oneuser")
SESSIONS = ("auth", "cluster", "datastore", "down", "hook", "hook2", "host", "secgroup", "vnet", "vnet2", "zone_user")


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def replay(contract_dir: Path, release: str, tmp_path: Path) -> Any:
    def of(*names: str, **more: Any) -> tuple[OneCommand, Replay]:
        records = [record for name in names for record in session(contract_dir, release, name)]
        # A captured environment is a case of its own (another user, another address), not the usual answer.
        module = Replay([one for one in records if not one.env], str(tmp_path), **more)
        return OneCommand(module), module

    return of


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SESSIONS)
def test_every_captured_failure_becomes_a_sentence_and_no_success_does(
    contract_dir: Path, release: str, name: str
) -> None:
    seen = 0
    for record in session(contract_dir, release, name):
        if record.argv[0] not in COMMANDS or len(record.argv) < 2 or record.argv[1].startswith("-"):
            continue
        found = one_errors.failure(" ".join(record.argv[:2]), record.rc, record.stdout, record.stderr, 45)
        unknown = "not found" in record.stderr and record.stderr.startswith("Command '")
        assert (found is not None) == (record.rc != 0 or unknown), record
        if found:
            said = " ".join(record.stderr.split())
            assert f"'{' '.join(record.argv[:2])}'" in found.sentence
            if not unknown and "nil versions" not in said:
                assert said[:400] in found.sentence
        seen += 1
    assert seen > 0


def test_errors_on_stdout_are_read_as_release_5_12_prints_them(contract_dir: Path, release: str) -> None:
    for record in session(contract_dir, release, "auth"):
        if record.rc == 255 and "authenticated" in record.stderr:
            later = one_errors.failure("onehook list", record.rc, record.stdout, record.stderr, 45)
            older = one_errors.failure("onehook list", record.rc, record.stderr, record.stdout, 45)
            assert later == older
            assert later and later.kind == one_errors.AUTHENTICATION
            return
    pytest.fail("no captured failure of authentication")


KINDS = [
    ("down", 1, one_errors.UNREACHABLE, "systemctl status opennebula"),
    ("auth", 19, one_errors.AUTHENTICATION, "oneadmin_password"),
    ("auth", 4, one_errors.REFUSED, "lacks this right"),
    ("datastore", 47, one_errors.REFUSED, "Add the driver to oned.conf"),
    ("cluster", 17, one_errors.REFUSED, "Move or delete what it contains first"),
    ("hook", 86, one_errors.REFUSED, "Unlock it first"),
    ("hook", 100, one_errors.REFUSED, "does not know"),
    ("host", 5, one_errors.REFUSED, "Run again"),
    ("vnet", 64, one_errors.REFUSED, "Detach the VMs"),
    ("hook2", 33, one_errors.REFUSED, "hook_pool"),
    ("zone_user", 10, one_errors.REFUSED, "Correct the name"),
    ("secgroup", 24, one_errors.REFUSED, "Correct the name"),
    ("vnet", 100, one_errors.REFUSED, "or run again"),
]


@pytest.mark.parametrize("name, number, kind, advice", KINDS)
def test_the_sentence_says_what_to_do(
    contract_dir: Path, release: str, name: str, number: int, kind: str, advice: str
) -> None:
    first = {one.number: one for one in session(contract_dir, "6.10.0", name)}[number]
    record = next(one for one in session(contract_dir, release, name) if one.argv == first.argv and one.rc == first.rc)
    found = one_errors.failure("command", record.rc, record.stdout, record.stderr, 45)
    assert found and found.kind == kind
    assert advice in found.sentence


def test_a_template_in_utf_8_needs_the_locale_that_is_set(contract_dir: Path, release: str) -> None:
    """LANG=C was captured to fail on it, so the wrapper must not run the commands in plain C."""
    record = next(one for one in session(contract_dir, release, "auth") if "LANG" in one.env and one.template)
    found = one_errors.failure("onedatastore create", record.rc, record.stdout, record.stderr, 45)
    assert found and "C.UTF-8" in found.sentence


# -- plans applied ----------------------------------------------------------------------------------------------------


def test_a_datastore_is_created_as_captured(replay: Any) -> None:
    cli, module = replay("datastore")
    wanted = {"name": "img_ssh", "template": {"TYPE": "IMAGE_DS", "DS_MAD": "fs", "TM_MAD": "ssh"}}
    plan = DatastorePlanner(cli.pool("onedatastore")).plan([wanted])
    ids = plan.apply(cli)
    assert module.asked == [("onedatastore", "list", "-x"), ("onedatastore", "create", FILE)]
    assert ids == {"img_ssh": "100"}
    assert list(Path(module.tmpdir).iterdir()) == [], "the template files are gone"


def test_what_oned_overrides_is_not_sent(replay: Any) -> None:
    """The captured creation knows no CLONE_TARGET: if it were sent, no capture would answer."""
    cli, _module = replay("datastore")
    template = {"TYPE": "IMAGE_DS", "DS_MAD": "fs", "TM_MAD": "ssh", "CLONE_TARGET": "SELF", "SHARED": True}
    plan = DatastorePlanner(cli.pool("onedatastore")).plan([{"name": "img_ssh", "template": template}])
    plan.apply(cli)
    assert [text.split(" is ")[0] for text in plan.warnings] == [
        "datastore img_ssh: CLONE_TARGET",
        "datastore img_ssh: SHARED",
    ]


def test_hosts_are_registered_and_their_error_is_told(replay: Any) -> None:
    cli, module = replay("host")
    names = {"host1", "192.0.2.55"}
    plan = HostPlanner([]).plan([{"name": name} for name in sorted(names)])
    plan.apply(cli)
    assert ("onehost", "create", "host1", "-i", "kvm", "-v", "kvm") in module.asked
    later = next(one.pool() for one in module.records if one.argv == ("onehost", "list", "-x") and one.pool())
    pending, failed = unmonitored(later, names)
    assert pending == {}
    assert set(failed) == names
    assert all("Error monitoring Host" in text for text in failed.values())


def test_a_host_of_an_unknown_driver_stays_init_and_the_wait_ends_with_a_sentence(replay: Any) -> None:
    _cli, module = replay("host")
    pool = next(one.pool() for one in module.records if one.argv == ("onehost", "list", "-x") and one.pool())
    times = iter(range(0, 1000, 60))
    with pytest.raises(NotSettled, match="host2: still init .IM_MAD nosuch, VM_MAD nosuch"):
        wait_until(
            read=lambda: pool,
            judge=lambda read: unmonitored(read, {"host2"}),
            wanted="every host to be monitored",
            limit=120,
            clock=lambda: next(times),
            sleep=lambda _seconds: None,
        )


def test_states_of_a_host(replay: Any) -> None:
    cli, module = replay("host")
    shown = [one.resource() for one in module.records if one.argv == ("onehost", "show", "-x", "host1") and one.rc == 0]
    by_state = {one.fields["STATE"]: one for one in shown}
    cases = [
        ("3", "enabled", []),  # a host in error is enabled already: 'enable' sends it straight back
        ("3", "disabled", [("onehost", "disable", "0")]),
        ("4", "disabled", []),
        ("4", "present", []),
        ("4", "enabled", [("onehost", "enable", "0")]),
        ("4", "offline", [("onehost", "offline", "0")]),
        ("8", "offline", []),
        ("8", "enabled", [("onehost", "enable", "0")]),
    ]
    for state, wanted, expected in cases:
        plan = HostPlanner([by_state[state]]).plan([{"name": "host1", "state": wanted}])
        assert [step.argv for step in plan.steps] == expected, (state, wanted)


def test_a_cluster_is_created_filled_and_emptied_as_captured(replay: Any) -> None:
    cli, module = replay("cluster")
    datastore = next(one.resource() for one in module.records if one.argv == ("onedatastore", "show", "-x", "cds"))
    members = {"datastores": [datastore]}
    plan = ClusterPlanner([], members).plan([{"name": "cl1"}])
    assert plan.apply(cli) == {"cl1": "100"}
    shown = [one.resource() for one in module.records if one.argv == ("onecluster", "show", "-x", "cl1")]
    empty, filled = shown[0], next(one for one in shown if one.ids.get("DATASTORES"))
    wanted = [{"name": "cl1", "datastores": ["cds"]}]
    steps = ClusterPlanner([empty], members).plan(wanted).steps
    assert [step.argv for step in steps] == [("onecluster", "adddatastore", "100", str(datastore.id))]
    assert ClusterPlanner([filled], members).plan(wanted).steps == []
    later = DatastorePlanner([datastore], [filled, empty]).plan([{"name": "cds", "clusters": []}])
    assert [step.argv for step in later.steps] == [("onecluster", "deldatastore", "0", str(datastore.id))]


def test_the_hooks_of_the_guide_are_created_and_found_again(replay: Any) -> None:
    cli, module = replay("hook")
    common = {"resource": "VM", "command": "/usr/local/bin/vmresume.py", "arguments": "$TEMPLATE"}
    wanted = [
        {**common, "name": "autostart_vm_on_node_restart", "resource_state": "POWEROFF", "lcm_state": "LCM_INIT"},
        {**common, "name": "autostart_vm_on_cluster_restart", "resource_state": "ACTIVE", "lcm_state": "UNKNOWN"},
    ]
    assert HookPlanner([]).plan(wanted).apply(cli) == {
        "autostart_vm_on_node_restart": "0",
        "autostart_vm_on_cluster_restart": "1",
    }
    pool = next(one.pool() for one in module.records if one.argv == ("onehook", "list", "-x") and len(one.pool()) == 2)
    assert HookPlanner(pool).plan(wanted).steps == []
    by_word = {**common, "name": "autostart_vm_on_cluster_restart", "on_state": "UNKNOWN"}
    assert HookPlanner(pool).plan([by_word]).steps == []


def test_a_network_is_created_and_ready(replay: Any) -> None:
    cli, module = replay("vnet2")
    ranges = [{"type": "ip4", "IP": "10.0.0.1", "size": 2}]
    wanted = {"name": "w1", "template": {"VN_MAD": "bridge", "BRIDGE": "br0"}, "address_ranges": ranges}
    plan = VnetPlanner([]).plan([{**wanted, "address_ranges": [{"TYPE": "IP4", "IP": "10.0.0.1", "SIZE": 2}]}])
    assert plan.apply(cli) == {"w1": "0"}
    shown = [one.resource() for one in module.records if one.argv == ("onevnet", "show", "-x", "w1") and one.rc == 0]
    wait_until(
        read=lambda: shown[1:2],
        judge=lambda pool: unready(pool, [0]),
        wanted="every new network to be ready",
        limit=30,
        first=shown[:1],
        sleep=lambda _seconds: None,
    )
    assert VnetPlanner(shown[1:2]).plan([wanted]).steps == []


def test_address_ranges_are_added_and_told_apart_by_content(replay: Any) -> None:
    cli, module = replay("vnet")
    before = next(one.resource() for one in module.records if one.argv == ("onevnet", "show", "-x", "0"))
    first = {"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": 20}
    second = {"TYPE": "IP4", "IP": "192.0.2.150", "SIZE": 5, "FOO": "x"}
    plan = VnetPlanner([before]).plan([{"name": "vn_bridge", "address_ranges": [second, first]}])
    plan.apply(cli)
    assert module.asked == [("onevnet", "addar", "0", FILE)]


def test_a_security_group_is_created_as_captured(replay: Any) -> None:
    cli, module = replay("secgroup")
    tcp = {"PROTOCOL": "TCP", "RULE_TYPE": "inbound", "RANGE": "22,80:90", "IP": "10.0.0.0", "SIZE": 256}
    ping = {"PROTOCOL": "ICMP", "RULE_TYPE": "inbound", "ICMP_TYPE": 8}
    out = {"PROTOCOL": "ALL", "RULE_TYPE": "OUTBOUND"}
    wanted = {"name": "sg1", "rules": [tcp, ping, out], "template": {"DESCRIPTION": "d"}}
    assert SecurityGroupPlanner([]).plan([wanted]).apply(cli) == {"sg1": "100"}
    shown = next(one.resource() for one in module.records if one.argv == ("onesecgroup", "show", "-x", "sg1"))
    assert SecurityGroupPlanner([shown]).plan([{**wanted, "rules": [out, ping, tcp]}]).steps == []


IDS = {"alice": "2", "bob": "3", "oneadmin": "0", "users": "1", "sg1": "100"}
# What a module sends is what was captured to work, but for ids in the place of names.
CAPTURED: list[Any] = [
    ("hook", HookPlanner, {"id": 1, "state": "unlocked"}, ["onehook", "unlock", "1"]),
    ("vnet", VnetPlanner, {"id": 0, "state": "locked"}, ["onevnet", "lock", "vn_ren"]),
    ("zone_user", UserPlanner, {"name": "alice", "group": "oneadmin"}, ["oneuser", "chgrp", "alice", "oneadmin"]),
    ("zone_user", UserPlanner, {"name": "alice", "groups": ["oneadmin"]}, ["oneuser", "addgroup", "alice", "oneadmin"]),
    ("zone_user", UserPlanner, {"name": "alice", "state": "disabled"}, ["oneuser", "disable", "alice"]),
    ("zone_user", UserPlanner, {"name": "alice", "state": "absent"}, ["oneuser", "delete", "bob"]),
    ("zone_user", UserPlanner, {"name": "alice", "auth_driver": "ldap"}, ["oneuser", "chauth", "alice", "ssh"]),
    ("secgroup", SecurityGroupPlanner, {"id": 100, "name": "sg1b"}, ["onesecgroup", "rename", "sg1", "sg1b"]),
    ("secgroup", SecurityGroupPlanner, {"name": "sg1", "state": "absent"}, ["onesecgroup", "delete", "sg1b"]),
]


@pytest.mark.parametrize("name, kind, wanted, argv", CAPTURED)
def test_what_is_sent_was_captured_to_work(
    contract_dir: Path, release: str, name: str, kind: Any, wanted: dict[str, Any], argv: list[str]
) -> None:
    records = session(contract_dir, release, name)
    assert any(list(one.argv) == argv and one.rc == 0 for one in records)
    meant = {wanted.get("name"), argv[2], str(wanted.get("id"))}
    shown = next(one.resource() for one in records if one.argv[1:3] == ("show", "-x") and meant & set(one.argv[3:]))
    groups = [Resource(0, "oneadmin"), Resource(1, "users")]
    (step,) = (kind([shown], groups) if kind is UserPlanner else kind([shown])).plan([wanted]).steps
    assert len(step.argv) == len(argv) and step.argv[:2] == tuple(argv[:2])
    if argv[2] in ("alice", "sg1"):
        assert step.argv[2] == IDS[argv[2]]
    if argv[1] in ("chgrp", "addgroup"):
        assert step.argv[3] == IDS[argv[3]]


@pytest.mark.parametrize(
    "name, argv, kind, wanted",
    [
        ("secgroup", ("onesecgroup", "delete", "0"), SecurityGroupPlanner, {"id": 0, "state": "absent"}),
        ("zone_user", ("oneuser", "delete", "0"), UserPlanner, {"id": 0, "state": "absent"}),
    ],
)
def test_what_oned_refuses_to_delete_is_refused_before(
    contract_dir: Path, release: str, name: str, argv: tuple[str, ...], kind: Any, wanted: dict[str, Any]
) -> None:
    record = next(one for one in session(contract_dir, release, name) if one.argv == argv)
    assert record.rc == 255 and "cannot be deleted" in record.stderr
    with pytest.raises(Refused):
        kind([Resource(0, "default", {"AUTH_DRIVER": "core"})]).plan([wanted])


def test_what_failed_half_way_says_what_was_done_and_what_was_not(replay: Any) -> None:
    cli, _module = replay("datastore")
    good = {"name": "img_ssh", "template": {"TYPE": "IMAGE_DS", "DS_MAD": "fs", "TM_MAD": "ssh"}}
    bad = {"name": "x1", "template": {"DS_MAD": "nosuch", "TM_MAD": "ssh"}}
    after = {"name": "sys_ssh", "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "ssh"}}
    with pytest.raises(PlanError) as caught:
        DatastorePlanner([]).plan([good, bad, after]).apply(cli)
    text = str(caught.value)
    assert text.startswith("Could not create datastore x1: ")
    assert 'DS_MAD named "nosuch" is not defined in oned.conf' in text
    assert "Done before it: create datastore img_ssh." in text
    assert "Not done: create datastore sys_ssh." in text


def test_a_pool_that_oned_does_not_give_is_an_error_and_in_check_mode_only_an_assumption_if_asked(replay: Any) -> None:
    cli, _module = replay("down")
    with pytest.raises(OneError) as caught:
        cli.pool("onedatastore")
    assert caught.value.kind == one_errors.UNREACHABLE
    cli, module = replay("down", check_mode=True)
    with pytest.raises(OneError):
        cli.pool("onedatastore")
    fresh = OneCommand(module, assume_fresh=True)
    assert {one.id for one in fresh.pool("onedatastore")} == {0, 1, 2}
    assert len(module.warnings) == 1
