# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether engine-setup is due, and what its end means."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.detached_command import DetachedCommand
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_state import (
    EngineState,
    decide,
    engine_state,
    excerpt,
    log_file,
    masked,
    outcome,
    secret_values,
)

FQDN = "engine.example.org"
POST = f"""[environment:default]
OVESETUP_CORE/generatedByVersion=str:4.5.7
OVESETUP_ENGINE_CORE/enable=bool:True
OVESETUP_ENGINE_CONFIG/fqdn=str:{FQDN}
OVESETUP_CONFIG/fqdn=str:{FQDN}
"""
GOOD = "[ INFO  ] Stage: Termination\n[ INFO  ] Execution of setup completed successfully\n"


def test_the_state_is_that_of_the_file_that_setup_writes_last():
    assert engine_state(None, "4.5.7") == EngineState("4.5.7")
    assert engine_state(POST, "4.5.7") == EngineState("4.5.7", True, "4.5.7", FQDN)
    assert engine_state(POST.replace("True", "False"), "4.5.7").configured is False


@pytest.mark.parametrize(
    ("post", "installed", "action"), [(POST, "4.5.7", "setup"), (POST, "4.5.8", "upgrade"), (POST, "4.5.6", "none")]
)
def test_restored_files_are_no_engine_yet(post, installed, action):
    assert decide(engine_state(post, installed, restored=True), FQDN).action == action


@pytest.mark.parametrize(
    ("post", "installed", "action", "refusal"),
    [
        (None, "4.5.7", "setup", ""),
        (POST.replace("bool:True", "bool:False"), "4.5.7", "setup", ""),  # only the websocket proxy, for example
        (POST, "4.5.7", "none", ""),
        (POST.replace("4.5.7", "4.4.10"), "4.5.7", "upgrade", ""),
        (POST.replace("4.5.7", "4.5.10"), "4.5.9", "none", "is older. A database is never taken back"),
        (POST.replace("4.5.7", "4.1.9"), "4.5.7", "none", "takes databases of 4.2 and later"),
        (POST.replace(FQDN, "old.example.org"), "4.5.7", "none", "was set up as old.example.org, declared is"),
        (POST.replace(FQDN, FQDN.upper()), "4.5.7", "none", ""),
        (None, None, "none", "is not installed"),
        (POST, None, "none", "is not installed"),
    ],
)
def test_what_setup_is_run_for(post, installed, action, refusal):
    decided = decide(engine_state(post, installed), FQDN)
    assert decided.action == action
    assert refusal in decided.refusal and bool(refusal) == bool(decided.refusal)


@pytest.mark.parametrize(
    ("status", "output", "words"),
    [
        (0, GOOD, None),
        (1, "[ ERROR ] x\n[ ERROR ] Execution of setup failed\n", "ended with status 1."),
        (2, "", "status 2, it could not load a plug-in"),
        (0, "[ ERROR ] Execution of setup failed\n", "says that it failed"),
        (0, "", "does not say that it succeeded"),
        (0, GOOD + "[ ERROR ] Execution of setup failed\n", "says that it failed"),
        (1, GOOD, "ended with status 1"),
    ],
)
def test_status_and_last_words_must_agree(status, output, words):
    found = outcome(status, output)
    assert found is None if words is None else words in found


def test_the_excerpt_has_errors_and_the_end_and_no_secret():
    lines = ["[ ERROR ] early: password hunter2!", *(f"[ INFO  ] {number}" for number in range(30)), "end hunter2!"]
    shown = excerpt("\n".join(lines), ["hunter2", "hunter2!", ""]).splitlines()
    assert shown[0] == "[ ERROR ] early: password ********" and shown[-1] == "end ********"
    assert len(shown) == 13 and "[ INFO  ] 5" not in shown


def test_secrets_are_those_of_the_table():
    text = "[environment:default]\nOVESETUP_CONFIG/adminPassword=str:a b\nOVESETUP_DB/user=str:engine\n"
    assert secret_values([text], RELEASES["4.5.7"]) == ["a b"]
    assert masked("x a b y", ["a b"]) == "x ******** y"


def test_the_log_is_the_one_that_setup_names():
    said = "          Log file: /var/log/a.log\n          Log file is located at /var/log/b.log\n"
    assert log_file(said) == "/var/log/b.log" and log_file("") is None


@pytest.fixture
def command(tmp_path):
    return DetachedCommand(str(tmp_path / "run"))


def ended(command, place=0):
    deadline = time.monotonic() + 30
    while command.look(place).state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    return command.look(place)


def test_a_command_ends_with_its_status_and_all_its_output(command):
    assert command.look().state == "none"
    command.start(["sh", "-c", "read line; echo $? nothing to read; echo later >&2; exit 3"])
    seen = ended(command)
    assert (seen.state, seen.status, seen.output) == ("ended", 3, "1 nothing to read\nlater\n")
    assert ended(command, place=len("1 nothing to read\n")).output == "later\n"
    assert os.stat(command.folder).st_mode & 0o777 == 0o700
    command.start(["true"])
    assert ended(command)[:3] == ("ended", 0, "")
    command.forget()
    assert command.look().state == "none"


def test_only_whole_lines_are_shown_of_one_that_runs(command, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    command.start(["sh", "-c", f"echo one; printf tw; read x < {gate}; echo o"])
    deadline = time.monotonic() + 30
    while command.look().output != "one\n" and time.monotonic() < deadline:
        time.sleep(0.02)
    seen = command.look()
    assert (seen.state, seen.output, seen.place) == ("running", "one\n", 4)
    gate.write_text("\n")
    assert ended(command, seen.place).output == "two\n"


def test_one_that_was_killed_is_lost(command):
    command.start(["sleep", "60"])
    seen = command._mark()
    os.killpg(seen["pid"], 9)
    os.waitpid(seen["pid"], 0)
    assert command.look().state == "lost"
