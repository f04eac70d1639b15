# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks of vdsm, on a host whose folders of events are made by hand, as vdsm's package makes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest
from overlaid_host import OverlaidHost

HOOKS = "/usr/libexec/vdsm/hooks"
HOOK = {"event": "before_vm_start", "name": "50_note", "content": "#!/bin/sh\nexit 0\n"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a copy of /usr/libexec for itself, so root is needed")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[OverlaidHost]:
    found = OverlaidHost(tmp_path, tmp_path, ["/usr/libexec"])
    found.path(f"{HOOKS}/before_vm_start").mkdir(parents=True)
    yield found
    found.end()


def run(host: OverlaidHost, *hooks: dict) -> tuple[int, str]:
    return host.play("ovirt_vdsm_hooks", "main.yml", (), vars={"ovirt_vdsm_hooks_scripts": list(hooks)})


def test_there_once_and_gone(host: OverlaidHost) -> None:
    assert run(host, HOOK)[0] == 1 and run(host, HOOK)[0] == 0
    script = host.path(f"{HOOKS}/before_vm_start/50_note")
    assert script.read_text() == HOOK["content"] and script.stat().st_mode & 0o777 == 0o755
    assert run(host, {**HOOK, "state": "absent"})[0] == 1 and not script.exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"event": "before_vm_strat"}, "hooks/before_vm_strat does not exist"),
        ({"event": "vm_start"}, "an event is called before_... or after_..."),
        ({"event": "before_/../../x"}, "an event is called before_"),
        ({"name": "note"}, "a script has two digits"),
        ({"content": "exit 0"}, "its first line names"),
    ],
)
def test_what_vdsm_would_not_run(host: OverlaidHost, changed: dict, words: str) -> None:
    changes, said = run(host, {**HOOK, **changed})
    assert changes == -1 and words in " ".join(said.split())
