# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of UI plug-ins of the engine, on a host whose /usr/share is a copy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest
from overlaid_host import OverlaidHost

FOLDER = "/usr/share/ovirt-engine/ui-plugins"
HELLO = {"path": "hello.json", "content": '{"name": "hello", "url": "plugin/hello/start.html"}\n'}
PAGE = {"path": "hello-resources/start.html", "content": "<html></html>\n"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a copy of /usr/share for itself, so root is needed")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[OverlaidHost]:
    found = OverlaidHost(tmp_path, tmp_path, ["/usr/share"])
    found.path(FOLDER).mkdir(parents=True)
    yield found
    found.end()


def run(host: OverlaidHost, *files: dict) -> tuple[int, str]:
    return host.play("ovirt_engine", "ui_plugins.yml", (), vars={"ovirt_engine_ui_plugins": list(files)})


def test_there_once_and_gone(host: OverlaidHost) -> None:
    assert run(host, HELLO, PAGE)[0] == 2 and run(host, HELLO, PAGE)[0] == 0
    for file in (HELLO, PAGE):
        found = host.path(f"{FOLDER}/{file['path']}")
        assert found.read_text() == file["content"] and found.stat().st_mode & 0o777 == 0o644
    assert run(host, {"path": "hello.json", "state": "absent"}, PAGE)[0] == 1
    assert not host.path(f"{FOLDER}/hello.json").exists()


@pytest.mark.parametrize(
    "file",
    [
        {**HELLO, "path": "../x"},
        {**HELLO, "path": "/etc/x"},
        {"path": "x.json"},
        {**HELLO, "src": "/etc/x"},
        {"path": ".", "state": "absent"},  # the folder itself, with the plug-ins of packages
        {"path": "x/.", "state": "absent"},
    ],
)
def test_what_is_refused(host: OverlaidHost, file: dict) -> None:
    host.write(f"{FOLDER}/dashboard.json", "{}")
    changed, said = run(host, file)
    assert host.path(f"{FOLDER}/dashboard.json").exists()
    assert changed == -1 and "a file of a plug-in is named by its path below" in " ".join(said.split())
