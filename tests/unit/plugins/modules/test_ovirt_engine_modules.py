# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ovirt_engine_info and the part of ovirt_engine_setup that runs on the host, on doubles of rpm and engine-setup."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import ovirt_engine_host
from ansible_collections.kvmcloud.stack.plugins.module_utils.detached_command import DetachedCommand
from ansible_collections.kvmcloud.stack.plugins.modules import ovirt_engine_info, ovirt_engine_setup

FQDN = "engine.example.org"
POST = f"""[environment:default]
OVESETUP_CORE/generatedByVersion=str:4.5.7
OVESETUP_ENGINE_CORE/enable=bool:True
OVESETUP_ENGINE_CONFIG/fqdn=str:{FQDN}
"""
PASSWORD = "pa%ss 'w\"d"
DONE = "[ INFO  ] Execution of setup completed successfully"
FAILED = "[ ERROR ] Execution of setup failed"


class Engine:
    """A folder with the programs, the files that they leave, and the answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.post, self.run, self.restored = folder / "post.conf", folder / "run", folder / "restored"
        self.answers, self.secrets = folder / "answers.conf", folder / "secrets.conf"
        self.answers.write_text("[environment:default]\n")
        self.secrets.write_text(f"[environment:default]\nOVESETUP_CONFIG/adminPassword=str:{PASSWORD}\n")

    def program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.folder / name).chmod(0o755)

    def installed(self, version: str) -> None:
        self.program("rpm", f"printf %s {version}")

    def params(self, **more: Any) -> dict[str, Any]:
        return {"fqdn": FQDN, "answer_files": [str(self.answers), str(self.secrets)], **more}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    found = Engine(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ovirt_engine_host, "POST_CONF", str(found.post))
    for module in (ovirt_engine_info, ovirt_engine_setup):
        monkeypatch.setattr(module, "RUN", str(found.run))
    for place in (ovirt_engine_host, ovirt_engine_setup):
        monkeypatch.setattr(place, "RESTORED", str(found.restored))
    found.installed("4.5.7")
    return found


@pytest.fixture
def typed() -> Iterator[None]:
    """Somebody sits at the keyboard, and answers."""
    reads, writes = os.pipe()
    os.write(writes, b"yes\n")
    former = os.dup(0)
    os.dup2(reads, 0)
    yield
    os.dup2(former, 0)
    for one in (reads, writes, former):
        os.close(one)


def ended(engine: Engine) -> None:
    deadline = time.monotonic() + 30
    while DetachedCommand(str(engine.run)).look().state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("post", "version", "expected"),
    [
        (None, "4.5.7", {"action": "setup", "configured": False, "configured_by": None, "installed": "4.5.7"}),
        (POST, "4.5.7", {"action": "none", "configured": True, "configured_by": "4.5.7", "refusal": ""}),
        (POST, "4.5.8", {"action": "upgrade", "configured_by": "4.5.7", "installed": "4.5.8"}),
    ],
    ids=["not set up", "set up", "packages are newer"],
)
def test_the_engine_as_it_is(
    capsys: Any, engine: Engine, post: str | None, version: str, expected: dict[str, Any]
) -> None:
    engine.installed(version)
    if post:
        engine.post.write_text(post)
    for check in (False, True):
        told = run_module(capsys, ovirt_engine_info, check=check, fqdn=FQDN)
        assert not told["changed"] and told["run"] == "none" and expected.items() <= told.items()


def test_packages_that_are_missing_are_no_failure_of_a_question(capsys: Any, engine: Engine) -> None:
    engine.program("rpm", "echo 'package ovirt-engine-setup is not installed'; exit 1")
    told = run_module(capsys, ovirt_engine_info, fqdn=FQDN)
    assert told["installed"] is None and "ovirt-engine-setup is not installed" in told["refusal"]


@pytest.mark.usefixtures("typed")
def test_set_up_and_what_became_of_it(capsys: Any, engine: Engine) -> None:
    engine.program("engine-setup", f"cat > {engine.folder}/input; cp {engine.folder}/new {engine.post}; echo '{DONE}'")
    (engine.folder / "new").write_text(POST)
    planned = run_module(capsys, ovirt_engine_setup, check=True, **engine.params())
    assert planned["changed"] and planned["action"] == "setup" and not engine.run.exists()
    begun = run_module(capsys, ovirt_engine_setup, **engine.params())
    assert begun["started"] and begun["action"] == "setup"
    ended(engine)
    seen = run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))
    assert seen["changed"] and seen["state"] == "ended" and seen["lines"] == [DONE]
    assert (engine.folder / "input").read_text() == "" and not engine.run.exists()
    again = run_module(capsys, ovirt_engine_setup, **engine.params())
    assert not again["changed"] and again["action"] == "none" and "started" not in again


def test_restored_files_say_that_nothing_is_due_and_setup_is_run_until_it_succeeds(capsys: Any, engine: Engine) -> None:
    engine.post.write_text(POST)
    engine.restored.touch()
    told = run_module(capsys, ovirt_engine_info, fqdn=FQDN)
    assert told["configured"] and told["restored"] and told["action"] == "setup"
    for program in (f"echo '{FAILED}'; exit 1", f"echo '{DONE}'"):
        engine.program("engine-setup", program)
        assert run_module(capsys, ovirt_engine_setup, **engine.params())["started"]
        ended(engine)
        try:
            run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))
        except ModuleFailed:
            assert engine.restored.exists() and "exit 1" in program
    assert run_module(capsys, ovirt_engine_info, fqdn=FQDN)["action"] == "none" and not engine.restored.exists()


@pytest.mark.parametrize("status", [0, 1])
def test_one_that_ended_while_nobody_looked_is_looked_at(capsys: Any, engine: Engine, status: int) -> None:
    """Its output, which may quote a secret, would stay on the host; and a failure would be told to nobody."""
    engine.program(
        "engine-setup", f"echo once >> {engine.folder}/began; echo '{FAILED if status else DONE}'; exit {status}"
    )
    run_module(capsys, ovirt_engine_setup, **engine.params())
    ended(engine)
    engine.post.write_text(POST)
    assert run_module(capsys, ovirt_engine_info, fqdn=FQDN)["run"] == "ended"
    assert run_module(capsys, ovirt_engine_setup, **engine.params())["started"]
    if status:
        with pytest.raises(ModuleFailed, match="engine-setup ended with status 1"):
            run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))
    else:
        assert run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))["lines"] == [DONE]
    assert (engine.folder / "began").read_text() == "once\n" and not engine.run.exists()


def test_one_that_went_down_with_its_host_is_begun_anew(capsys: Any, engine: Engine) -> None:
    """Also when the file that tells that an engine is set up was written: what setup does after it is missing."""
    engine.program("engine-setup", "exec sleep 60")
    run_module(capsys, ovirt_engine_setup, **engine.params())
    os.killpg(DetachedCommand(str(engine.run))._mark()["pid"], 9)
    ended(engine)
    engine.post.write_text(POST)
    assert run_module(capsys, ovirt_engine_info, fqdn=FQDN)["run"] == "lost"
    engine.program("engine-setup", f"echo '{DONE}'")
    assert run_module(capsys, ovirt_engine_setup, **engine.params())["action"] == "setup"
    ended(engine)
    assert run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))["lines"] == [DONE]
    assert not run_module(capsys, ovirt_engine_setup, **engine.params())["changed"]


def test_one_that_is_under_way_is_looked_after(capsys: Any, engine: Engine) -> None:
    engine.program("engine-setup", f"echo once >> {engine.folder}/began; exec sleep 60")
    run_module(capsys, ovirt_engine_setup, **engine.params())
    assert run_module(capsys, ovirt_engine_info, fqdn=FQDN)["run"] == "running"
    assert run_module(capsys, ovirt_engine_setup, **engine.params())["started"]
    assert not run_module(capsys, ovirt_engine_setup, check=True, **engine.params())["started"]
    assert run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))["state"] == "running"
    os.killpg(DetachedCommand(str(engine.run))._mark()["pid"], 9)
    with pytest.raises(ModuleFailed, match="engine-setup is gone, and left no exit code"):
        ended(engine)
        run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))
    assert (engine.folder / "began").read_text() == "once\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (f"echo '[ ERROR ] psql says no to {PASSWORD}'; echo '{FAILED}'; exit 1", "with status 1.*says no to \\*"),
        (f"echo '{FAILED}'", "ended with status 0, but its output says that it failed"),
        (f"echo '{DONE}'", "says that it succeeded, but the file that it writes at its end does not say"),
        (f"cp $0.new $0.post; echo '{DONE}'", "was set up as other.example.org, declared is engine.example.org"),
        ("exit 2", "could not load a plug-in.*It says:\nnothing\nIts log is in /var/log/ovirt-engine/setup"),
    ],
    ids=["half-way", "contradicts itself", "left no configuration", "set up another", "plug-in"],
)
def test_a_setup_that_failed(capsys: Any, engine: Engine, program: str, words: str) -> None:
    program = program.replace("'", '"').replace(PASSWORD.replace("'", '"'), "$(cat $0.password)")
    engine.program("engine-setup", program)
    (engine.folder / "engine-setup.password").write_text(PASSWORD)
    (engine.folder / "engine-setup.new").write_text(POST.replace(FQDN, "other.example.org"))
    engine.post.symlink_to(engine.folder / "engine-setup.post")
    run_module(capsys, ovirt_engine_setup, **engine.params())
    ended(engine)
    with pytest.raises(ModuleFailed, match=f"(?s){words}") as failed:
        run_module(capsys, ovirt_engine_setup, **engine.params(phase="look"))
    assert PASSWORD not in str(failed.value)
    assert not engine.run.exists(), "what it printed is left on the host, and may quote a secret"


@pytest.mark.parametrize(
    ("post", "version", "words"),
    [
        (POST.replace(FQDN, "other.example.org"), "4.5.7", "was set up as other.example.org, declared is"),
        (POST.replace("4.5.7", "4.5.9"), "4.5.7", "is older. A database is never taken back"),
        (POST.replace("4.5.7", "4.1.9"), "4.5.7", "takes databases of 4.2 and later"),
    ],
)
def test_what_is_not_run(capsys: Any, engine: Engine, post: str, version: str, words: str) -> None:
    engine.post.write_text(post)
    engine.installed(version)
    for check in (True, False):
        with pytest.raises(ModuleFailed, match=words):
            run_module(capsys, ovirt_engine_setup, check=check, **engine.params())
    assert not engine.run.exists()


def test_a_file_of_answers_that_is_missing_ends_it_before_setup_would_pass_over_it(capsys: Any, engine: Engine) -> None:
    engine.program("engine-setup", "exit 1")
    engine.secrets.unlink()
    with pytest.raises(ModuleFailed, match=f"{engine.secrets} is not there; engine-setup would only warn of that"):
        run_module(capsys, ovirt_engine_setup, **engine.params())
