# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module with real files, and an 'oneuser' that keeps a password and checks the auth file as oned does."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_auth
from ansible_collections.kvmcloud.stack.plugins.modules import oneadmin_password

NEW, OLD = "nEw:se?ond-87", "0ld-f1rst-42"

# The words and codes are those of the real command; the state is one file.
ONEUSER = """#!/bin/sh
state={state}
if [ ! -e "$state" ]; then
    echo "Failed to open TCP connection to localhost:2633 (Connection refused - connect(2) for 127.0.0.1:2633)" >&2
    exit 255
fi
if [ "$(cat "$state")" = FROZEN ]; then
    echo "Net::ReadTimeout with #<Socket:(closed)>" >&2
    exit 255
fi
if [ "$(cat "$ONE_AUTH")" != "oneadmin:$(cat "$state")" ]; then
    echo "[one.user.info] User couldn't be authenticated, aborting call." >&2
    exit 255
fi
echo "$@" >>{log}
case "$1 $2 $3" in
    "show -x 0") echo "<USER><ID>0</ID></USER>" ;;
    "passwd 0 -r") cat "$4" >"$state" ;;
    *) exit 1 ;;
esac
"""


class Ended(Exception):
    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        super().__init__(str(result))


class Host:
    """A front-end: its auth file, and what oned has for a password."""

    def __init__(self, root: Path) -> None:
        self.auth = root / "one" / ".one" / "one_auth"
        self.auth.parent.mkdir(parents=True)
        self.oned = root / "password-of-oned"
        self.log = root / "log"

    def first_start(self, password: str) -> None:
        self.oned.write_text(password)
        (self.auth.parent / "sunstone_auth").write_text("serveradmin:abc\n")

    def commands(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "oneuser"
    script.write_text(ONEUSER.format(state=found.oned, log=found.log))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(one_auth, "USER", "oneadmin")
    owner = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(oneadmin_password.pwd, "getpwnam", lambda _name: owner)
    return found


@pytest.fixture
def run(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def ended(_module: AnsibleModule, **result: Any) -> None:
        raise Ended(result)

    monkeypatch.setattr(AnsibleModule, "exit_json", ended)
    monkeypatch.setattr(AnsibleModule, "fail_json", ended)

    def of(password: str, check: bool = False) -> dict[str, Any]:
        arguments = {
            "password": password,
            "auth_file": str(host.auth),
            "_ansible_check_mode": check,
            "_ansible_remote_tmp": str(tmp_path / "tmp"),
        }
        with patch_module_args(arguments), pytest.raises(Ended) as caught:
            oneadmin_password.main()
        assert password not in str(caught.value.result)
        assert not any(password in command for command in host.commands()), "a password in an argument"
        return caught.value.result

    return of


def settled(host: Host, run: Any, password: str) -> None:
    """The end state of every good run: both places agree, the file is its owner's alone, a second run does nothing."""
    assert host.auth.read_text() == f"oneadmin:{password}\n"
    assert host.auth.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in host.auth.parent.iterdir() if one.name.startswith(".")) == []
    again = run(password)
    assert again == {"changed": False, "actions": [], "method": "none"}


def test_before_the_first_start_the_file_is_all(host: Host, run: Any) -> None:
    host.auth.write_text("oneadmin:random-of-the-package\n")
    host.auth.chmod(0o644)
    result = run(NEW)
    assert result["changed"] is True and result["method"] == "file"
    assert host.commands() == []
    settled(host, run, NEW)


def test_check_mode_before_the_first_start_writes_nothing(host: Host, run: Any) -> None:
    assert run(NEW, check=True)["changed"] is True
    assert not host.auth.exists()


def test_a_change_goes_through_oned_and_then_the_file(host: Host, run: Any) -> None:
    host.first_start(OLD)
    host.auth.write_text(f"oneadmin:{OLD}\n")
    assert run(NEW, check=True)["method"] == "api"
    assert host.oned.read_text() == OLD, "check mode changed the password"
    result = run(NEW)
    assert result["method"] == "api" and len(result["actions"]) == 2
    assert host.oned.read_text() == NEW
    settled(host, run, NEW)


def test_a_run_that_died_after_the_change_in_oned_is_repaired(host: Host, run: Any) -> None:
    host.first_start(NEW)
    host.auth.write_text(f"oneadmin:{OLD}\n")
    assert run(NEW)["method"] == "file"
    assert not any(command.startswith("passwd") for command in host.commands())
    settled(host, run, NEW)


def test_other_auth_files_are_left_alone(host: Host, run: Any) -> None:
    host.first_start(OLD)
    host.auth.write_text(f"oneadmin:{OLD}\n")
    run(NEW)
    assert (host.auth.parent / "sunstone_auth").read_text() == "serveradmin:abc\n"


def test_owner_and_mode_are_corrected(host: Host, run: Any) -> None:
    host.first_start(NEW)
    host.auth.write_text(f"oneadmin:{NEW}\n")
    host.auth.chmod(0o640)
    assert run(NEW, check=True)["changed"] is True
    assert host.auth.stat().st_mode & 0o777 == 0o640
    assert run(NEW)["actions"] == [{"action": f"correct owner and mode of {host.auth}"}]
    settled(host, run, NEW)


@pytest.mark.parametrize("silence", ["stopped", "frozen"])
def test_an_oned_that_does_not_answer_is_somebody_elses_business(host: Host, run: Any, silence: str) -> None:
    """If the file is as wanted: the run must get as far as the service, which is repaired there."""
    host.first_start("FROZEN")
    if silence == "stopped":
        host.oned.unlink()
    host.auth.write_text(f"oneadmin:{NEW}\n")
    host.auth.chmod(0o600)
    settled(host, run, NEW)


@pytest.mark.parametrize(
    "in_oned, in_file, words",
    [
        ("quite-an0ther", OLD, "accepts neither"),
        ("quite-an0ther", NEW, "its database has another one"),
        (None, OLD, "oned does not answer"),
        ("FROZEN", OLD, "oned does not answer"),
    ],
)
def test_what_cannot_be_set_leaves_everything_as_it_is(
    host: Host, run: Any, in_oned: str | None, in_file: str, words: str
) -> None:
    host.first_start(in_oned or "")
    if in_oned is None:
        host.oned.unlink()
    host.auth.write_text(f"oneadmin:{in_file}\n")
    result = run(NEW)
    assert words in result["msg"]
    assert result["oned_answers"] is (in_oned not in (None, "FROZEN"))
    assert host.auth.read_text() == f"oneadmin:{in_file}\n"


@pytest.mark.parametrize("password", ["", "opennebula", "changeme", "with space"])
def test_no_password_at_all_is_refused_before_anything(host: Host, run: Any, password: str) -> None:
    if password:
        assert run(password)["msg"].startswith("The password for oneadmin ")
    else:
        with patch_module_args({"password": "", "auth_file": str(host.auth)}), pytest.raises(Ended) as caught:
            oneadmin_password.main()
        assert "is empty" in caught.value.result["msg"]
    assert not host.auth.exists()


def test_without_the_packages_a_real_run_says_what_is_missing(
    host: Host, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_name: str) -> None:
        raise KeyError

    monkeypatch.setattr(oneadmin_password.pwd, "getpwnam", nobody)
    assert run(NEW, check=True)["changed"] is True
    assert "Install the packages" in run(NEW)["msg"]
