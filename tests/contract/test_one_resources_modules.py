# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole modules against a captured session: the run that creates, and the run after it that finds nothing to do."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from one_resources_replay import FILE, RELEASES, Replay, session

MODULES = "ansible_collections.kvmcloud.stack.plugins.modules"


class Ended(Exception):
    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        super().__init__(str(result))


@pytest.fixture(params=RELEASES)
def run(request: pytest.FixtureRequest, contract_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a module's main in this process; its commands are answered from a captured session, in order."""
    replays: dict[str, Replay] = {}

    def ended(_module: AnsibleModule, **result: Any) -> None:
        raise Ended(result)

    monkeypatch.setattr(AnsibleModule, "exit_json", ended)
    monkeypatch.setattr(AnsibleModule, "fail_json", ended)
    monkeypatch.setattr(AnsibleModule, "tmpdir", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def of(name: str, module: str, /, **params: Any) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
        if name not in replays:
            sessions = [session(contract_dir, request.param, one) for one in name.split("+")]
            records = [one for records in sessions for one in records if not one.env]
            replays[name] = Replay(records, str(tmp_path), in_order=True)
        replay = replays[name]
        replay.asked.clear()
        monkeypatch.setattr(
            AnsibleModule, "run_command", lambda _self, *args, **more: replay.run_command(*args, **more)
        )
        monkeypatch.setattr(
            AnsibleModule, "get_bin_path", lambda _self, *args, **more: replay.get_bin_path(*args, **more)
        )
        loaded: ModuleType = importlib.import_module(f"{MODULES}.{module}")
        with patch_module_args(params), pytest.raises(Ended) as caught:
            loaded.main()
        return caught.value.result, list(replay.asked)

    return of


HOOK = {"resource": "VM", "command": "/usr/local/bin/vmresume.py", "arguments": "$TEMPLATE"}
HOOKS = [
    {**HOOK, "name": "autostart_vm_on_node_restart", "resource_state": "POWEROFF", "lcm_state": "LCM_INIT"},
    {**HOOK, "name": "autostart_vm_on_cluster_restart", "resource_state": "ACTIVE", "lcm_state": "UNKNOWN"},
]
VNET = {
    "name": "vn_bridge",
    "template": {
        "VN_MAD": "bridge",
        "BRIDGE": "br0",
        "NETWORK_ADDRESS": "192.0.2.0",
        "NETWORK_MASK": "255.255.255.0",
        "GATEWAY": "192.0.2.1",
        "DNS": "192.0.2.53 192.0.2.54",
        "MTU": 1500,
        "FILTER_IP_SPOOFING": True,
        "FILTER_MAC_SPOOFING": True,
        "SECURITY_GROUPS": "0",
    },
    "address_ranges": [{"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": 20}],
}
GROUP = {
    "name": "sg1",
    "template": {"DESCRIPTION": "d"},
    "rules": [
        {"PROTOCOL": "TCP", "RULE_TYPE": "inbound", "RANGE": "22,80:90", "IP": "10.0.0.0", "SIZE": 256},
        {"PROTOCOL": "ICMP", "RULE_TYPE": "inbound", "ICMP_TYPE": 8},
        {"PROTOCOL": "ALL", "RULE_TYPE": "OUTBOUND"},
    ],
}
CASES: list[Any] = [
    # The list that has no group yet was captured in the session before.
    pytest.param("zone_user+secgroup", "onesecgroup", GROUP, ["create"], [], id="one security group"),
    pytest.param("hook", "onehook", {"hooks": HOOKS}, ["create"] * 2, [], id="hooks"),
    pytest.param("host", "onehost", {"hosts": [{"name": "host1"}], "wait": False}, ["create"], [], id="hosts"),
    pytest.param("vnet", "onevnet", {"vnets": [VNET]}, ["create"], ["list"], id="vnets, looked at after creation"),
    pytest.param(
        "datastore",
        "onedatastore",
        {"name": "incl3", "template": {"DS_MAD": "fs", "TM_MAD": "ssh", "CLUSTER_ID": -1}},
        ["create"],
        ["list"],
        id="one datastore, waited for until it has a size",
    ),
]


@pytest.mark.parametrize("name, module, params, changes, looks", CASES)
def test_a_second_run_finds_nothing_to_do(
    run: Any, name: str, module: str, params: dict[str, Any], changes: list[str], looks: list[str]
) -> None:
    result, asked = run(name, module, **params)
    assert result["changed"] is True, result
    assert [argv[1] for argv in asked] == ["list", *changes, *looks]
    assert [action["command"][1] for action in result["actions"]] == changes
    again, asked = run(name, module, **params)
    assert again["changed"] is False and again["actions"] == [] and again["diff"] == [], again
    assert asked == [(module, "list", "-x")], "one read of the pool, and no other command"


def test_check_mode_reads_and_changes_nothing(run: Any) -> None:
    result, asked = run("hook", "onehook", hooks=HOOKS, _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] is True
    assert asked == [("onehook", "list", "-x")]
    assert [action["command"] for action in result["actions"]] == [["onehook", "create", FILE]] * 2
    assert [diff["before"] for diff in result["diff"]] == ["", ""]


def test_a_secret_in_a_template_is_shown_nowhere(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the result, not in the diff, not in the journal, and not where Ansible shows the arguments of a call."""
    logged: list[str] = []
    hidden: list[set[str]] = []
    monkeypatch.setattr(AnsibleModule, "_log_to_syslog", lambda _self, text: logged.append(text))
    warn = AnsibleModule.warn
    monkeypatch.setattr(AnsibleModule, "warn", lambda self, text: (hidden.append(self.no_log_values), warn(self, text)))
    template = {"DS_MAD": "ceph", "TM_MAD": "ceph", "CEPH_SECRET": "b3-s3cr3t", "SHARED": "YES"}
    result, _asked = run("datastore", "onedatastore", name="c", template=template, _ansible_check_mode=True)
    assert result["changed"] is True and "template/CEPH_SECRET: (hidden)" in result["diff"][0]["after"]
    assert "b3-s3cr3t" not in str(result) and "b3-s3cr3t" not in str(logged)
    assert hidden and all("b3-s3cr3t" in values for values in hidden)


def test_oned_down_ends_in_a_sentence(run: Any) -> None:
    result, asked = run("down", "onedatastore", name="images")
    assert "oned does not answer. Look at 'systemctl status opennebula'" in result["msg"]
    assert asked == [("onedatastore", "list", "-x")]


def test_refusals_come_before_any_change(run: Any) -> None:
    result, asked = run("hook", "onehook", hooks=[*HOOKS, {**HOOK, "name": "7"}, {"name": "x", "command": "/x"}])
    assert len(result["findings"]) == 2 and result["msg"] == "\n".join(result["findings"])
    assert asked == [("onehook", "list", "-x")]


def test_a_failing_change_is_told_with_what_was_done(run: Any) -> None:
    bad = {"name": "b5", "template": {"VN_MAD": "nosuch", "BRIDGE": "br0"}}
    result, _asked = run("vnet", "onevnet", vnets=[VNET, bad, {"name": "x", "template": {"VN_MAD": "fw"}}])
    assert result["changed"] is True
    assert [action["action"] for action in result["actions"]] == ["create virtual network vn_bridge"]
    assert 'VN_MAD named "nosuch" is not defined in oned.conf' in result["msg"]
    assert "Not done: create virtual network x." in result["msg"]


def test_a_host_in_error_fails_the_wait_with_the_words_of_oned(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = importlib.import_module(f"{MODULES}.onehost")
    monkeypatch.setattr(loaded, "ERROR_GRACE", 0)
    result, _asked = run("host", "onehost", hosts=[{"name": "192.0.2.55"}])
    assert "Expected every host to be monitored" in result["msg"]
    assert "192.0.2.55: " in result["msg"] and "Error monitoring Host 192.0.2.55" in result["msg"]
    assert result["changed"] is True, "it was created all the same"


def test_info_lists_what_was_asked_for_and_shows_no_other(run: Any) -> None:
    run("hook", "onehook", hooks=HOOKS)
    result, asked = run("hook", "onehook_info", name=[HOOKS[0]["name"], "nosuch"], id=[1])
    assert [one["id"] for one in result["hooks"]] == [0, 1]
    assert result["hooks"][0]["template"]["COMMAND"] == HOOK["command"]
    assert result["changed"] is False and len(asked) == 1


def test_info_of_users_shows_no_hash_of_a_password(run: Any) -> None:
    result, asked = run("zone_user", "oneuser_info")
    assert [(one["id"], one["name"], one["state"]) for one in result["users"]] == [
        (0, "oneadmin", "enabled"),
        (1, "serveradmin", "enabled"),
    ]
    assert result["users"][1]["auth_driver"] == "server_cipher" and result["users"][0]["group"] == "oneadmin"
    assert re.search("[0-9a-f]{40}", str(result)) is None, "neither of the password nor of the token's"
    assert asked == [("oneuser", "list", "-x")]


def test_info_of_security_groups_has_their_rules_as_a_list(run: Any) -> None:
    result, _asked = run("secgroup", "onesecgroup_info", name=["sg5", "sg4"])
    assert [(one["name"], one["rules"]) for one in result["security_groups"]] == [
        ("sg4", []),
        ("sg5", [{"NETWORK_ID": "999", "PROTOCOL": "TCP", "RULE_TYPE": "inbound"}]),
    ]
