# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab needs on this machine, in one place."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from kvmcloud_lab.programs import LabError

# Debian package -> a program that shows it is there.
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "apt-utils": "apt-ftparchive",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "gpg": "gpg",
    "gpg-agent": "gpg-agent",
    "gpgconf": "gpgconf",
    "iproute2": "ip",
    "openssh-client": "ssh-keygen",
    "e2fsprogs": "mkfs.ext4",
    "mount": "losetup",
}
GUEST_PACKAGES = {"qemu-system-x86": "qemu-system-x86_64", "qemu-utils": "qemu-img"}
# Programs of root, also where PATH is a user's.
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def missing_packages(packages: dict[str, str]) -> list[str]:
    return [
        package
        for package, program in packages.items()
        if not (Path(program).exists() if program.startswith("/") else shutil.which(program, path=SEARCH))
    ]


def refuse_unless_root() -> None:
    if os.geteuid() != 0:
        raise LabError("Lab hosts are made by root (containers with their own networks and disks); run this as root.")


def ensure_prerequisites(*, guests: bool) -> None:
    """Installs what is missing with apt, or says what is and stops."""
    if not shutil.which("apt-get"):
        raise LabError("There is no apt-get here; the lab runs on Debian 12 and installs what it needs from there.")
    missing = missing_packages({**PACKAGES, **(GUEST_PACKAGES if guests else {})})
    if missing:
        print(f"lab: installing {', '.join(missing)}", flush=True)
        _install(missing)
    for device in (Path("/dev/loop-control"), Path("/dev/net/tun"), Path("/dev/fuse")):
        if not device.exists():
            subprocess.run(["modprobe", device.name.replace("-control", "")], capture_output=True, check=False)


def _install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "--quiet", "--yes", "--no-install-recommends", "install", *packages]
    for command in (["apt-get", "--quiet", "update"], install):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            said = [line for line in (result.stderr + result.stdout).splitlines() if line.startswith(("E:", "W:"))]
            raise LabError(
                f"The lab needs {', '.join(packages)}, which {'are' if len(packages) > 1 else 'is'} not installed, and "
                f"`{' '.join(command)}` failed: {' '.join(said) or f'exit code {result.returncode}'}. "
                "Give this machine a Debian package mirror, or install them yourself."
            )
