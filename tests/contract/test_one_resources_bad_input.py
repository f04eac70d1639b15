# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input to the modules of resources, on the emulated OpenNebula (not the real one): a sentence, in bounded time."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from emulator_replay import Machine
from one_resources_emulated import becomes

HOOK = {"resource": "HOST", "resource_state": "ERROR", "command": "/x"}
RULES = [{"PROTOCOL": "ALL", "RULE_TYPE": "OUTBOUND"}]
# Of each kind a declaration that is complete, and what somebody changes by hand in it.
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "onecluster": ("clusters", {"template": {"NOTE": "ours"}}, {"template": {"NOTE": "theirs"}}),
    "onedatastore": (
        "datastores",
        {
            "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "ssh", "NOTE": "ours"},
            "permissions": "640",
            "clusters": ["default"],
        },
        {"template": {"TM_MAD": "shared", "NOTE": "theirs"}, "permissions": "777", "clusters": []},
    ),
    "onehook": ("hooks", HOOK, {"command": "/y", "remote": True}),
    "onehost": (
        "hosts",
        {"im_mad": "kvm", "template": {"RESERVED_CPU": 100}, "state": "disabled"},
        {"im_mad": "qemu", "template": {"RESERVED_CPU": 7}, "state": "offline"},
    ),
    "onesecgroup": ("security_groups", {"rules": RULES}, {"rules": [{**RULES[0], "RULE_TYPE": "INBOUND"}]}),
    "oneuser": (
        "users",
        {
            "password": "kR7-lantern-oak",
            "update_password": "always",
            "group": "users",
            "groups": [],
            "state": "enabled",
        },
        {"password": "an-Other-one7", "update_password": "always", "groups": ["oneadmin"], "state": "disabled"},
    ),
    "onevnet": (
        "vnets",
        {
            "template": {"VN_MAD": "bridge", "BRIDGE": "br0"},
            "address_ranges": [{"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": 5}],
            "purge_address_ranges": True,
            "security_groups": ["default"],
        },
        {
            "template": {"BRIDGE": "br9"},
            "address_ranges": [{"TYPE": "IP4", "IP": "192.0.2.90", "SIZE": 5}],
            "purge_address_ranges": True,
        },
    ),
}
NO_WAIT = {"onehost": {"wait": False}}


def called(run: Any, module: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return run(module, **{KINDS[module][0]: list(items)}, **NO_WAIT.get(module, {}), **more)


@pytest.mark.parametrize("module", KINDS)
def test_a_name_declared_twice_is_refused_before_any_change(run: Any, module: str) -> None:
    wanted = {"name": "twice", **KINDS[module][1]}
    result = called(run, module, {**wanted, "name": "other"}, wanted, wanted)
    (finding,) = result["findings"]
    assert "twice: it is declared twice" in finding and result.get("changed") is not True
    listed = run(f"{module}_info", name=["other", "twice"])[KINDS[module][0]]
    assert listed == []


@pytest.mark.parametrize("module", KINDS)
def test_what_was_changed_by_hand_between_two_runs_is_put_right(run: Any, module: str) -> None:
    _plural, ours, theirs = KINDS[module]
    becomes(run, module, name="hand", **ours, **NO_WAIT.get(module, {}))
    becomes(run, module, name="hand", **theirs, **NO_WAIT.get(module, {}))
    becomes(run, module, name="hand", **ours, **NO_WAIT.get(module, {}))


@pytest.mark.parametrize("module", KINDS)
def test_what_was_deleted_by_hand_is_made_again(run: Any, module: str) -> None:
    ours = {"name": "gone", **KINDS[module][1], **NO_WAIT.get(module, {})}
    becomes(run, module, **ours)
    becomes(run, module, name="gone", state="absent")
    becomes(run, module, **ours)


TEXTS = [
    'an "unclosed',
    '"',
    'a "quoted" word',
    "a [ bracket",
    "a = b, c",
    "# no comment",
    "it's",
    "back\\slash",
    "$X",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_with_signs_of_the_grammar_arrives_as_it_was(run: Any, text: str) -> None:
    name = f"quote{TEXTS.index(text)}"
    becomes(run, "onecluster", name=name, template={"NOTE": text, "VECTOR": {"KEY": text}})
    (found,) = run("onecluster_info", name=[name])["clusters"]
    assert (found["template"]["NOTE"], found["template"]["VECTOR"]) == (text, {"KEY": text})


@pytest.mark.parametrize("text", ['NOTE="unclosed', 'NOTE="closed"', "NOTE=1 OTHER=2", "{}"])
def test_a_template_given_as_text_is_refused_and_not_guessed(run: Any, text: str) -> None:
    """Ansible itself would make a dictionary of the first three, whatever became of the quote."""
    for module in KINDS:
        wanted = {**KINDS[module][1], "name": "text", "template": text, **NO_WAIT.get(module, {})}
        result = run(module, **wanted)
        assert "a template is a dictionary of attributes, not " in result["msg"], result
        assert called(run, module, {**KINDS[module][1], "name": "text", "template": text})["findings"]
        assert run(f"{module}_info", name=["text"])[KINDS[module][0]] == []


def test_a_value_that_the_grammar_cannot_say_is_refused(run: Any) -> None:
    assert "the grammar cannot say it" in run("onecluster", name="c", template={"NOTE": 'a\\"b'})["msg"]


@pytest.mark.parametrize(
    "module, template, driver",
    [
        ("onedatastore", {"DS_MAD": "nosuch", "TM_MAD": "ssh"}, "DS_MAD"),
        ("onedatastore", {"DS_MAD": "fs", "TM_MAD": "nosuch"}, "TM_MAD"),
        ("onevnet", {"VN_MAD": "nosuch", "BRIDGE": "br0"}, "VN_MAD"),
    ],
)
def test_a_driver_that_oned_conf_does_not_have(run: Any, module: str, template: dict[str, str], driver: str) -> None:
    result = run(module, name="driver", template=template)
    assert f'{driver} named "nosuch" is not defined in oned.conf' in result["msg"]
    assert "Add the driver to oned.conf and restart oned" in result["msg"]
    assert result.get("changed") is not True


def test_a_host_of_a_driver_that_oned_conf_does_not_have_ends_the_wait(run: Any) -> None:
    """oned takes such a host and says nothing more about it, ever."""
    result = run("onehost", name="driverless", im_mad="nosuch", vm_mad="nosuch", wait_timeout=2)
    assert "driverless: still init (IM_MAD nosuch, VM_MAD nosuch)" in result["msg"]


EVERY = [*KINDS, *(f"{module}_info" for module in KINDS)]


@pytest.mark.parametrize("module", EVERY)
def test_oned_is_down(run: Any, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_XMLRPC", "http://localhost:1/RPC2")
    result = run(module, **({} if module.endswith("_info") else {"name": "any", "state": "absent"}))
    assert "oned does not answer. Look at 'systemctl status opennebula'" in result["msg"]


@pytest.mark.parametrize("module", EVERY)
def test_oned_does_not_know_the_password(
    run: Any, module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    auth = tmp_path / "one_auth"
    auth.write_text("oneadmin:not-the-one\n", encoding="utf-8")
    monkeypatch.setenv("ONE_AUTH", str(auth))
    result = run(module, **({} if module.endswith("_info") else {"name": "any", "state": "absent"}))
    assert "oned does not accept the user or password of the auth file" in result["msg"]
    assert "not-the-one" not in str(result)


def test_a_frozen_oned_is_said_in_bounded_time(run: Any, machine: Machine) -> None:
    assert machine.process
    machine.process.send_signal(signal.SIGSTOP)
    try:
        for module in EVERY:
            begin = time.monotonic()
            named = {} if module.endswith("_info") else {"name": "any", "state": "absent"}
            result = run(module, **named, api_timeout=1)
            assert "did not answer in time" in result["msg"] or "did not end within 16 s" in result["msg"], module
            # One second for the answer, 15 for a command to start on a loaded machine, 5 until it is killed.
            assert time.monotonic() - begin < 30
    finally:
        machine.process.send_signal(signal.SIGCONT)
