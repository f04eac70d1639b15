# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit of the small systemd: a real daemon process that starts, refuses its configuration, or hangs, as oned does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.listening_port import look_at
from ansible_collections.kvmcloud.stack.plugins.modules import guarded_service

DAEMON = """\
import pathlib, signal, socket, sys, time
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
mode = (folder / "daemon.conf").read_text().split()[0]
if mode == "bad":
    print("Error while parsing configuration file:\\nsyntax error, unexpected VARIABLE at line 3", flush=True)
    sys.exit(255)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("loading driver foo", flush=True)
    (folder / "hanging").touch()
    time.sleep(600)
listener = socket.create_server(("127.0.0.1", port))
(folder / "ready").touch()
if mode == "deaf":
    time.sleep(600)
while True:
    listener.accept()[0].close()
"""


class Unit:
    def __init__(self, folder: Path, last_good: Path) -> None:
        self.folder, self.last_good = folder, last_good
        self.config = folder / "daemon.conf"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        folder.mkdir(parents=True)
        (folder / "daemon.py").write_text(DAEMON)
        (folder / "command").write_text(f"{sys.executable} -u {folder}/daemon.py {folder} {self.port}\n")

    def configure(self, text: str) -> None:
        time.sleep(0.02)  # the time of the file must differ from the daemon's start, which it does by far in real life
        self.config.write_text(text)

    def params(self, **changes: Any) -> dict[str, Any]:
        wanted = {
            "name": "oned",
            "config_files": [str(self.config)],
            "port": self.port,
            "start_timeout": 20,
            "kill": True,
        }
        wanted.update(changes)
        return {"units": [wanted]}

    def await_ready(self) -> None:
        while not (self.folder / "ready").exists() or not answers(self):
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        found: int = json.loads((self.folder / "state.json").read_text())["pid"]
        return found

    @property
    def invocation(self) -> str:
        found: str = json.loads((self.folder / "state.json").read_text())["invocation"]
        return found

    def refused(self) -> str:
        return (self.last_good / "oned.service/refused" / str(self.config).lstrip("/")).read_text()


@pytest.fixture(name="unit")
def make_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unit]:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "journalctl"):
        program = programs / name
        body = Path(__file__).with_name("small_systemd.py")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {tmp_path}/bin/lib/{name} "$@"\n')
        program.chmod(0o755)
        (programs / "lib").mkdir(exist_ok=True)
        (programs / "lib" / name).symlink_to(body)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SMALL_SYSTEMD", str(tmp_path / "units"))
    monkeypatch.setattr(guarded_service, "LAST_GOOD", str(tmp_path / "last-good"))
    unit = Unit(tmp_path / "units" / "oned.service", tmp_path / "last-good")
    yield unit
    # The daemon, and what waits for a frozen one to end.
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{tmp_path}/".encode() in cmdline.read_bytes():
                os.kill(int(cmdline.parent.name), signal.SIGKILL)


def answers(unit: Unit) -> bool:
    return look_at(unit.port) == "answers"


def actions(result: dict[str, Any]) -> list[str]:
    found: list[str] = result["units"][0]["actions"]
    return found
