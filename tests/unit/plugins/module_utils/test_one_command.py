# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper of the commands: real processes, no shell, a time limit, and files that only the caller can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_command, one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes 'onehost' a shell script of the given text, and gives the wrapper for it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def of(script: str = "", check: bool = False, assume_fresh: bool = False) -> OneCommand:
        if script:
            path = programs / "onehost"
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        with patch_module_args({"_ansible_check_mode": check, "_ansible_remote_tmp": str(tmp_path / "tmp")}):
            module = AnsibleModule({"api_timeout": {"type": "int", "default": 3}}, supports_check_mode=True)
        return OneCommand(module, assume_fresh)

    return of


def test_arguments_reach_the_command_as_they_are(command: Any) -> None:
    cli = command('for part in "$@"; do printf "[%s]" "$part"; done')
    assert cli.run(["onehost", "rename", "1", "a b; $(id) 'x'"]) == "[rename][1][a b; $(id) 'x']"


def test_the_environment_is_what_the_commands_need(command: Any) -> None:
    """UTF-8 for templates, and a limit for an oned that accepts a connection and then says nothing."""
    cli = command('echo "$LC_ALL $ONE_XMLRPC_TIMEOUT"')
    assert cli.run(["onehost", "list"]) == "C.UTF-8 3\n"


def test_a_template_is_a_file_of_this_user_alone_and_gone_afterwards(command: Any) -> None:
    cli = command('stat -c "%a %n" "$3"; cat "$3"')
    printed = cli.change(["onehost", "update", "1", InputFile('X = "žluť"\n')])
    mode, path = printed.splitlines()[0].split(" ", 1)
    assert mode == "600"
    assert printed.splitlines()[1] == 'X = "žluť"'
    assert not Path(path).exists()


def test_the_file_is_gone_after_a_failure_too(command: Any) -> None:
    cli = command('echo "$3" >&2; exit 255')
    with pytest.raises(OneError) as caught:
        cli.change(["onehost", "update", "1", InputFile("X = 1\n")])
    path = str(caught.value).split("said: ")[1].rstrip(".")
    assert path.startswith("/") and not Path(path).exists()


def test_a_command_that_hangs_is_stopped(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_command, "_START_UP", -2)
    cli = command("exec sleep 60")
    with pytest.raises(OneError, match="did not end within 1 s") as caught:
        cli.run(["onehost", "list", "-x"])
    assert caught.value.kind == one_errors.TIMEOUT


def test_both_streams_are_read(command: Any) -> None:
    """Release 5.12 prints its errors on stdout."""
    cli = command("echo 'Failed to open TCP connection to localhost:2633'; exit 255")
    with pytest.raises(OneError) as caught:
        cli.pool("onehost")
    assert caught.value.kind == one_errors.UNREACHABLE


def test_an_unknown_sub_command_is_a_failure_in_spite_of_its_rc_0(command: Any) -> None:
    cli = command("echo '## SYNOPSIS'; echo \"Command 'offline 1' not found\" >&2")
    with pytest.raises(OneError, match="does not know 'onehost offline'"):
        cli.run(["onehost", "offline", "1"])


@pytest.mark.parametrize(
    "output, number",
    [("ID: 100\n", "100"), ("VM ID: 7\n", "7"), ("Reservation VNET ID: 13\n", "13")],
)
def test_the_id_of_what_was_created(command: Any, output: str, number: str) -> None:
    assert command().new_id(output) == number


def test_a_creation_that_names_no_id_is_an_error(command: Any) -> None:
    with pytest.raises(OneError, match="expected 'ID: <number>'"):
        command().new_id("done\n")


def test_without_the_command_only_check_mode_goes_on(command: Any) -> None:
    with pytest.raises(OneError, match="'onehost' is not installed"):
        command().pool("onehost")
    assert command(check=True).pool("onehost") == []


def test_check_mode_does_not_take_a_silent_oned_for_a_fresh_one_unless_asked(command: Any) -> None:
    down = "echo 'Failed to open TCP connection to localhost:2633 (Connection refused)' >&2; exit 255"
    with pytest.raises(OneError):
        command(down, check=True).pool("onehost")
    assert command(down, check=True, assume_fresh=True).pool("onehost") == []
    refused = 'echo "[one.hostpool.info] User couldn\'t be authenticated, aborting call." >&2; exit 255'
    with pytest.raises(OneError):
        command(refused, check=True, assume_fresh=True).pool("onehost")
