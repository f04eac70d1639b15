# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman in a world of its own: the lab's storage, runtime, names. The user's containers and settings are not seen."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kvmcloud_lab.paths import ROOT, RUN
from kvmcloud_lab.programs import run

STORAGE = ROOT / "storage"
CONFIGURATION = ROOT / "podman"

# runc: crun refuses machines whose cgroups are mounted the hybrid way. lock_type: the default, shared memory, has one
# name per machine and would be shared with the user's podman. Limits: a server's, whatever shell started the lab.
CONTAINERS_CONF = f"""\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_driver = "k8s-file"
log_size_max = 1048576
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{RUN}/libpod"
static_dir = "{STORAGE}/libpod"
volume_path = "{STORAGE}/volumes"
[network]
network_config_dir = "{CONFIGURATION}/networks"
"""
STORAGE_CONF = f"""\
[storage]
driver = "overlay"
graphroot = "{STORAGE}"
runroot = "{RUN}/storage"
"""


def podman(*arguments: str | Path) -> str:
    environment = dict(os.environ)
    for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
        file = CONFIGURATION / name
        if not file.exists() or file.read_text() != text:
            (CONFIGURATION / "networks").mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    environment["CONTAINERS_CONF"] = str(CONFIGURATION / "containers.conf")
    environment["CONTAINERS_STORAGE_CONF"] = str(CONFIGURATION / "storage.conf")
    environment["TMPDIR"] = str(_directory(ROOT / "scratch"))
    return run(["podman", *arguments], env=environment)


def container_states(prefix: str) -> dict[str, str]:
    """State (running, exited, created, ...) of each container by its name; also of those podman has only half made."""
    found = json.loads(podman("ps", "--all", "--external", "--format", "json") or "[]")
    states = {container["Names"][0]: container["State"] for container in found or [] if container["Names"]}
    return {name: state for name, state in states.items() if name.startswith(prefix)}


def image_exists(reference: str) -> bool:
    return bool(podman("images", "--quiet", "--filter", f"reference={reference}").strip())


def _directory(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
