# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper of the gluster command: real processes, no prompts, a time limit, and patience for locks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import Gluster, GlusterError

BUSY = "volume set: failed: Another transaction is in progress for r3. Please try again after some time."


@pytest.fixture
def gluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes 'gluster' a shell script of the given text, and gives the wrapper for it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def of(script: str, limit: int = 10, patience: int = 60, **more: Any) -> Gluster:
        path = programs / "gluster"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        spec = {"command_timeout": {"type": "int"}, "busy_timeout": {"type": "int"}}
        arguments = {"command_timeout": limit, "busy_timeout": patience, "_ansible_remote_tmp": str(tmp_path / "tmp")}
        with patch_module_args(arguments):
            return Gluster(AnsibleModule(spec), **more)

    return of


def test_arguments_reach_the_command_as_they_are(gluster: Any) -> None:
    cli = gluster('for part in "$@"; do printf "[%s]" "$part"; done')
    assert (
        cli.ask("volume", "set", "v", "a", "b; $(id) 'x'").said
        == "[--mode=script][--xml][volume][set][v][a][b; $(id) 'x']"
    )


@pytest.mark.parametrize(
    ("words", "xml"),
    [
        (("volume", "info"), True),
        (("volume", "heal", "v", "info", "summary"), True),
        # The other heal commands answer in plain text even if asked for XML.
        (("volume", "heal", "v"), False),
        (("volume", "heal", "v", "full"), False),
        (("volume", "heal", "info"), False),  # a volume may be called info
        (("volume", "heal", "v", "split-brain", "bigger-file", "/f"), False),
    ],
)
def test_xml_is_asked_for_where_it_is_known(words: tuple, xml: bool, gluster: Any) -> None:
    assert ("--xml" in gluster('echo "$@"').ask(*words).said) is xml


@pytest.fixture
def somebody_types() -> Iterator[None]:
    """What stands on the standard input of the module is not for the command."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, b"y\n")
    os.dup2(reading, 0)
    yield
    os.dup2(kept, 0)
    for handle in (kept, reading, writing):
        os.close(handle)


@pytest.mark.usefixtures("somebody_types")
def test_no_question_can_wait_for_an_answer(gluster: Any) -> None:
    cli = gluster('read answer && echo "got $answer" || echo "Do you want to continue? (y/n) gluster cli read error"')
    answer = cli.ask("volume", "stop", "v")
    assert not answer.ok and "a question that nobody could answer" in answer.sentence("gluster volume stop v")


def test_a_command_that_hangs_is_stopped(gluster: Any) -> None:
    with pytest.raises(GlusterError, match="did not end within 1 s and was stopped") as failed:
        gluster("exec sleep 60", limit=1).run("volume", "start", "v")
    assert failed.value.kind == "timeout"


def test_both_streams_are_heard(gluster: Any) -> None:
    """'Connection failed' comes on stdout, other failures on stderr."""
    for stream in ("1", "2"):
        script = f"echo 'Connection failed. Please check if gluster daemon is operational.' >&{stream}; exit 1"
        with pytest.raises(GlusterError, match="glusterd does not answer") as failed:
            gluster(script).run("pool", "list")
        assert failed.value.kind == "unreachable"


def counting(tmp_path: Path, times: int) -> str:
    count = tmp_path / "count"
    count.write_text("")
    return f'echo x >> {count}; [ $(wc -l < {count}) -gt {times} ] && exit 0; echo "{BUSY}" >&2; exit 1'


def test_a_lock_is_waited_for(gluster: Any, tmp_path: Path) -> None:
    slept: list[float] = []
    cli = gluster(counting(tmp_path, 3), clock=lambda: sum(slept), sleep=slept.append)
    assert cli.ask("volume", "set", "r3", "a", "b").ok
    assert len(slept) == 3 and all(pause > 0 for pause in slept)
    other: list[float] = []
    gluster(counting(tmp_path, 3), clock=lambda: sum(other), sleep=other.append).ask("volume", "set", "r3", "a", "b")
    assert other != slept, "two controllers do not stay in step"


def test_and_not_for_ever(gluster: Any, tmp_path: Path) -> None:
    slept: list[float] = []
    cli = gluster(counting(tmp_path, 10**6), patience=20, clock=lambda: sum(slept), sleep=slept.append)
    with pytest.raises(GlusterError, match="Somebody else changes") as failed:
        cli.run("volume", "set", "r3", "a", "b")
    assert failed.value.kind == "busy" and sum(slept) < 30


def test_no_other_failure_is_tried_again(gluster: Any, tmp_path: Path) -> None:
    count = tmp_path / "count"
    cli = gluster(f'echo x >> {count}; echo "volume set: failed: Volume v does not exist" >&2; exit 1')
    assert cli.ask("volume", "set", "v", "a", "b").kind == "absent"
    assert count.read_text() == "x\n"


def test_a_host_without_gluster_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gluster: Any) -> None:
    cli = gluster("true")
    cli.path = None
    with pytest.raises(GlusterError, match="'gluster' is not installed on this host"):
        cli.run("pool", "list")


def test_text_where_xml_was_expected_is_no_answer(gluster: Any) -> None:
    with pytest.raises(GlusterError, match="XML was expected"):
        gluster("echo fine").tree("volume", "info")
