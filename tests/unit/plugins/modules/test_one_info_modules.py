# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the _info modules and the modules that wait make of small answers; the contract tests have the captured ones."""

from __future__ import annotations

import contextlib
import time
from types import ModuleType, SimpleNamespace
from typing import Any, Iterator

import pytest
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import (
    onecluster_info,
    onedatastore_info,
    onehook_info,
    onehost_info,
    onesecgroup_info,
    oneuser_info,
    onevnet_info,
    onezone_servers,
    ovirt_hosts_ready,
)

RIGHTS = "<PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><GROUP_U>1</GROUP_U></PERMISSIONS>"
RULE = "<RULE><PROTOCOL>TCP</PROTOCOL><RULE_TYPE>inbound</RULE_TYPE><RANGE>80</RANGE></RULE>"
RANGE = "<AR_POOL><AR><AR_ID>0</AR_ID><TYPE>IP4</TYPE><SIZE>5</SIZE></AR></AR_POOL>"


def answers(monkeypatch: pytest.MonkeyPatch, *outputs: str) -> list[list[str]]:
    """The commands of OpenNebula print these, one after another; returns what is called."""
    calls: list[list[str]] = []

    def run(_module: AnsibleModule, argv: list[str], **_more: Any) -> tuple[int, str, str]:
        calls.append(argv[3:])
        return 0, outputs[min(len(calls), len(outputs)) - 1], ""

    monkeypatch.setattr(AnsibleModule, "run_command", run)
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _self, name, **_more: name)
    return calls


@pytest.mark.parametrize(
    ("module", "plural", "member", "inside", "expected"),
    [
        (onecluster_info, "clusters", "CLUSTER", "<HOSTS><ID>3</ID></HOSTS>", {"members": {"hosts": [3]}}),
        (onedatastore_info, "datastores", "DATASTORE", f"<STATE>1</STATE>{RIGHTS}", {
            "state": "disabled", "permissions": "640"}),
        (onehook_info, "hooks", "HOOK", "<TYPE>state</TYPE>", {"fields": {"type": "state"}}),
        (onehost_info, "hosts", "HOST", "<STATE>3</STATE>", {"state": "error"}),
        (onesecgroup_info, "security_groups", "SECURITY_GROUP", f"<TEMPLATE>{RULE}</TEMPLATE>", {
            "rules": [{"PROTOCOL": "TCP", "RULE_TYPE": "inbound", "RANGE": "80"}]}),
        (oneuser_info, "users", "USER", "<PASSWORD>5e88</PASSWORD><AUTH_DRIVER>core</AUTH_DRIVER>", {
            "fields": {"auth_driver": "core"}}),
        (onevnet_info, "vnets", "VNET", f"<STATE>5</STATE><VN_MAD>fw</VN_MAD>{RANGE}", {
            "state": "error", "address_ranges": [{"AR_ID": "0", "TYPE": "IP4", "SIZE": "5"}]}),
    ],
)  # fmt: skip
def test_one_read_of_the_pool_narrowed_to_what_was_asked_for(
    monkeypatch, capsys, module: ModuleType, plural: str, member: str, inside: str, expected: dict[str, Any]
) -> None:
    pool = "".join(f"<{member}><ID>{number}</ID><NAME>n{number}</NAME>{inside}</{member}>" for number in (2, 1, 0))
    calls = answers(monkeypatch, f"<{member}_POOL>{pool}</{member}_POOL>")
    result = run_module(capsys, module)
    assert [one["id"] for one in result[plural]] == [0, 1, 2] and result["changed"] is False
    assert calls == [[module.__name__.rsplit(".", 1)[1].removesuffix("_info"), "list", "-x"]]
    (found,) = run_module(capsys, module, name=["n1", "other"])[plural]
    assert (found["id"], found["name"]) == (1, "n1") and expected.items() <= found.items()
    assert "5e88" not in str(found)
    assert [one["id"] for one in run_module(capsys, module, id=[2], name=["n0"])[plural]] == [0, 2]


@pytest.mark.parametrize("answer", ["", "<HTML>proxy</HTML>"])
def test_an_answer_that_is_no_pool_is_a_sentence(monkeypatch, capsys, answer: str) -> None:
    answers(monkeypatch, answer)
    with pytest.raises(ModuleFailed, match="Could not read the present state"):
        run_module(capsys, onehost_info)


def zone(*servers: str) -> str:
    pool = "".join(
        f"<SERVER><ID>{number}</ID><NAME>{name}</NAME><ENDPOINT>http://{name}:2633/RPC2</ENDPOINT>"
        f"<STATE>{3 if number == 0 else 2}</STATE></SERVER>"
        for number, name in enumerate(servers)
    )
    template = "<TEMPLATE><ENDPOINT>http://localhost:2633/RPC2</ENDPOINT></TEMPLATE>"
    return f"<ZONE><ID>0</ID><NAME>z</NAME>{template}<SERVER_POOL>{pool}</SERVER_POOL></ZONE>"


SECOND = [{"name": "b", "endpoint": "http://b:2633/RPC2"}]


def test_a_server_is_added_and_waited_for(monkeypatch, capsys) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    calls = answers(monkeypatch, zone("a"), "ID: 1", zone("a"), zone("a", "b"))
    result = run_module(capsys, onezone_servers, servers=SECOND)
    assert result["changed"] and result["ids"] == {"a": 0, "b": 1}
    assert calls[1] == ["onezone", "server-add", "0", "--name", "b", "--rpc", "http://b:2633/RPC2"]
    assert len(calls) == 4, "it was not shown at first"
    calls = answers(monkeypatch, zone("a", "b"))
    assert not run_module(capsys, onezone_servers, servers=SECOND)["changed"] and len(calls) == 1


def test_check_mode_adds_no_server(monkeypatch, capsys) -> None:
    calls = answers(monkeypatch, zone("a"))
    assert run_module(capsys, onezone_servers, check=True, servers=SECOND)["changed"] and len(calls) == 1


def test_a_server_that_is_never_shown_is_a_sentence(monkeypatch, capsys) -> None:
    monkeypatch.setattr(onezone_servers, "SEEN_WITHIN", -1)
    answers(monkeypatch, zone("a"), "ID: 1", zone("a"))
    with pytest.raises(ModuleFailed, match="oned took b and does not show it"):
        run_module(capsys, onezone_servers, servers=SECOND)


def engine(monkeypatch: pytest.MonkeyPatch, *looks: dict[str, str]) -> None:
    """An engine whose hosts are as these looks say, one after another."""
    seen = iter([*looks, *looks[-1:] * 1000])

    def hosts() -> list[SimpleNamespace]:
        return [
            SimpleNamespace(name=name, id=name, status=SimpleNamespace(value=state))
            for name, state in next(seen).items()
        ]

    warning = SimpleNamespace(value="warning")
    event = SimpleNamespace(host=SimpleNamespace(id="h1"), severity=warning, description="No route")
    system = SimpleNamespace(
        hosts_service=lambda: SimpleNamespace(list=hosts),
        events_service=lambda: SimpleNamespace(list=lambda **_more: [event]),
    )

    @contextlib.contextmanager
    def connected(_module: AnsibleModule) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(system_service=lambda: system)

    monkeypatch.setattr(ovirt_hosts_ready, "engine_of", connected)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def ready(capsys: pytest.CaptureFixture[str], **more: Any) -> dict[str, Any]:
    return run_module(capsys, ovirt_hosts_ready, auth={"url": "https://engine/api"}, hosts=["h1", "h2"], **more)


def test_hosts_are_waited_for(monkeypatch, capsys) -> None:
    engine(monkeypatch, {"h1": "installing", "h2": "up"}, {"h1": "up", "h2": "up", "other": "down"})
    assert ready(capsys)["states"] == {"h1": "up", "h2": "up"}


@pytest.mark.parametrize(
    ("states", "timeout", "sentence"),
    [
        ({"h1": "install_failed", "h2": "up"}, 60, "The host h1 is install_failed. The engine says: No route"),
        ({"h2": "up"}, 60, "The engine has no host h1"),
        ({"h1": "installing", "h2": "up"}, 0, "After 0 s h1 is installing"),
    ],
)
def test_hosts_that_do_not_come_up_are_told(monkeypatch, capsys, states: dict, timeout: int, sentence: str) -> None:
    engine(monkeypatch, states)
    with pytest.raises(ModuleFailed, match=sentence):
        ready(capsys, timeout=timeout)
