# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts of the kind `container`: systemd as PID 1, all capabilities, no device of this machine but own disks."""

from __future__ import annotations

import time
from pathlib import Path

from kvmcloud_lab.disks import ensure_loops
from kvmcloud_lab.images import Image
from kvmcloud_lab.model import Host, Lab
from kvmcloud_lab.network import namespace_path, plug_container, unplug_container
from kvmcloud_lab.paths import object_name
from kvmcloud_lab.podman import container_states, podman
from kvmcloud_lab.programs import LabError, run
from kvmcloud_lab.seed import seed_dir

STARTUP_LIMIT = 120.0  # seconds until ssh answers; on an idle machine it is one

# Runs as the first program of the container and becomes systemd.
# * podman binds its files over /etc/hosts and others; unmounted, they are ordinary and can be replaced in one step.
# * The host's own files are taken over once; what the host changes later stays changed when it is started again.
# * udevd runs only where /sys is writable, and networkd waits for udevd; libvirt makes control groups of its own.
# * Guests see their disks under /dev/disk/by-id/virtio-NAME; containers do too.
INIT = """\
for file in /etc/hosts /etc/hostname /etc/resolv.conf /run/.containerenv; do umount $file; done 2>/dev/null
mount -o remount,rw /sys
for group in /sys/fs/cgroup/*; do mount -o remount,bind,rw $group; done 2>/dev/null
if [ ! -e /var/lib/lab-seeded ]; then
    cp -a --no-preserve=ownership /lab-seed/. / && touch /var/lib/lab-seeded
fi
umount /lab-seed
mkdir -p /dev/disk/by-id
for disk in $LAB_DISKS; do ln -sfn ${disk#*=} /dev/disk/by-id/virtio-${disk%%=*}; done
unset LAB_DISKS
exec /sbin/init
"""
# Not --privileged: that hands every disk of this machine to the container, and a mistake under test would reach them.
RIGHTS = (
    "--systemd=always",
    "--cap-add=ALL",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=label=disable",
    "--security-opt=unmask=ALL",
    "--pids-limit=-1",
)
CGROUPS = Path("/sys/fs/cgroup")
DEVICES = ("/dev/fuse", "/dev/net/tun")


def create(lab: Lab, host: Host, image: Image) -> None:
    loops = ensure_loops(lab.name, host)
    plug_container(lab.name, host)
    devices = [*(device for device in DEVICES if Path(device).exists()), *loops.values()]
    podman(
        "run",
        "--detach",
        f"--name={object_name(lab.name, host.name)}",
        f"--hostname={host.name.split('.')[0]}",
        f"--cgroup-parent=/{object_name(lab.name)}",
        f"--network=ns:{namespace_path(lab.name, host.name)}",
        *RIGHTS,
        *(f"--device={device}" for device in devices),
        f"--env=LAB_DISKS={' '.join(f'{name}={device}' for name, device in loops.items())}",
        f"--volume={seed_dir(lab.name, host.name)}:/lab-seed:ro",
        "--pull=never",
        image.reference,
        "/bin/sh",
        "-c",
        INIT,
    )


def start(lab: Lab, host: Host) -> None:
    plug_container(lab.name, host)
    podman("start", object_name(lab.name, host.name))


def stop(lab: Lab, host: Host) -> None:
    podman("stop", "--time=60", object_name(lab.name, host.name))


def kill(lab: Lab, host: Host) -> None:
    podman("kill", "--signal=KILL", object_name(lab.name, host.name))
    podman("wait", object_name(lab.name, host.name))


def remove(lab: str, host: str) -> None:
    podman("rm", "--force", "--time=0", "--ignore", object_name(lab, host))
    unplug_container(lab, host)


def remove_all(lab: str) -> None:
    names = list(container_states(f"{object_name(lab)}-"))
    if names:
        podman("rm", "--force", "--time=0", *names)
    left = list(container_states(f"{object_name(lab)}-"))
    if left:
        raise LabError(f"podman did not remove {', '.join(left)}.")
    _end_orphans(lab)
    for group in _cgroups(lab):
        _remove_cgroup(group)


def _cgroups(lab: str) -> list[Path]:
    """The control groups of a lab: one per hierarchy, or the only one."""
    return [*CGROUPS.glob(f"*/{object_name(lab)}"), *CGROUPS.glob(object_name(lab))]


def _end_orphans(lab: str) -> None:
    """Containers that runc made for a podman that was killed before it took note of them."""
    found = {path.name.removeprefix("libpod-") for group in _cgroups(lab) for path in group.glob("libpod-*")}
    for container in sorted(found):
        run(["runc", "delete", "--force", container])


def _remove_cgroup(group: Path) -> None:
    end = time.monotonic() + 10
    while group.exists():
        try:
            for child in sorted((path for path in group.rglob("*/") if path.is_dir()), reverse=True):
                child.rmdir()
            group.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:  # a conmon in it is about to end
            if time.monotonic() > end:
                raise LabError(f"The control group {group} is still in use: {error}.") from error
            time.sleep(0.1)


def states(lab: str) -> dict[str, str]:
    prefix = f"{object_name(lab)}-"
    return {name.removeprefix(prefix): state for name, state in container_states(f"{object_name(lab)}-").items()}
