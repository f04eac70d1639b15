# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the package server of a lab, on the controller's address of its management network."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from kvmcloud_lab.model import Lab
from kvmcloud_lab.paths import MIRROR, RUN, SOURCE
from kvmcloud_lab.processes import end_process, running_pid
from kvmcloud_lab.programs import LabError

PORT = 8071
PROGRAM = SOURCE / "server.py"


def server_url(lab: Lab) -> str:
    return f"http://{lab.controller}:{PORT}"


def pid_file(lab: str) -> Path:
    return RUN / f"{lab}.server.pid"


def is_serving(lab: str) -> bool:
    return running_pid(pid_file(lab), str(PROGRAM)) is not None


def ensure_server(lab: Lab, log: Path, sites: dict[str, str]) -> None:
    """sites: path below the server's root -> address of a site outside it stands for."""
    MIRROR.mkdir(parents=True, exist_ok=True)
    RUN.mkdir(parents=True, exist_ok=True)
    routes = [f"{path}={url}" for path, url in sites.items()]
    argv = [sys.executable, str(PROGRAM), str(lab.controller), str(PORT), str(MIRROR), *routes]
    pid = running_pid(pid_file(lab.name), str(PROGRAM))
    if pid is not None:
        if Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0") == argv:
            return
        stop_server(lab.name)
    with log.open("ab") as output:
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    pid_file(lab.name).write_text(str(server.pid))
    _wait(server, server_url(lab), log)


def stop_server(lab: str) -> None:
    end_process(pid_file(lab), str(PROGRAM))


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 15
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/", timeout=2)
        except urllib.error.HTTPError:
            return  # it answers (that directories are not listed)
        except OSError:
            time.sleep(0.05)
    said = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise LabError(f"The lab's package server does not answer at {url}; {log} ends with: {' '.join(said) or 'nothing'}")
