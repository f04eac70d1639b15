# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts of the kind `vm`: QEMU guests that boot Debian's own kernel, on the same networks as the containers.

Always TCG: slower than KVM, and the same on every machine, with or without /dev/kvm.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

from kvmcloud_lab.disks import disk_file, ensure_files
from kvmcloud_lab.image_build import guest_files
from kvmcloud_lab.images import Image
from kvmcloud_lab.model import Host, Lab, mac_address
from kvmcloud_lab.network import plug_guest, unplug_guest
from kvmcloud_lab.paths import RUN, host_dir, object_name
from kvmcloud_lab.processes import end_process, running_pid
from kvmcloud_lab.programs import LabError, run
from kvmcloud_lab.seed import pack_seed

STARTUP_LIMIT = 600.0  # seconds until ssh answers; alone on the machine it is twenty-five
SHUTDOWN_LIMIT = 180.0

# A guest's reboot is QEMU's reset: the same process, disks and links, and a kernel that starts anew.
KERNEL = "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet init=/usr/local/sbin/lab-init"


def create(lab: Lab, host: Host, image: Image) -> None:
    ensure_files(lab.name, host)
    pack_seed(lab.name, host.name)
    files, directory = guest_files(image), host_dir(lab.name, host.name)
    # Beside the host, so that a new image does not take the kernel away from under guests that are up.
    for name in ("kernel", "initrd"):
        (directory / name).unlink(missing_ok=True)
        (directory / name).hardlink_to(files / name)
    backing = ("-F", "raw", "-b", files / "root.img")
    run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, directory / "root.qcow2"])
    start(lab, host)


def start(lab: Lab, host: Host) -> None:
    directory = host_dir(lab.name, host.name)
    drives = [("qcow2", directory / "root.qcow2", "root"), ("raw", directory / "seed.tar", "seed")]
    drives += [("raw", disk_file(lab.name, host.name, disk.name), disk.name) for disk in host.disks]
    command = ["ip", "netns", "exec", object_name(lab.name), "qemu-system-x86_64"]
    command += ["-name", object_name(lab.name, host.name), "-nodefaults", "-display", "none"]
    command += ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(host.cpus), "-m", str(host.memory)]
    command += ["-kernel", str(directory / "kernel"), "-initrd", str(directory / "initrd"), "-append", KERNEL]
    for index, (form, file, serial) in enumerate(drives):
        read_only = ",read-only=on" if serial == "seed" else ""
        command += ["-drive", f"if=none,id=d{index},format={form},file={file}{read_only}"]
        command += ["-device", f"virtio-blk-pci,drive=d{index},serial={serial}"]
    for index, tap in enumerate(plug_guest(lab.name, host)):
        mac = mac_address(lab.name, host.name, host.nics[index].name)
        command += ["-netdev", f"tap,id=n{index},ifname={tap},script=no,downscript=no"]
        command += ["-device", f"virtio-net-pci,netdev=n{index},mac={mac}"]
    command += ["-device", "virtio-rng-pci", "-serial", f"file:{directory / 'console.log'}"]
    command += ["-monitor", f"unix:{_monitor(lab.name, host.name)},server=on,wait=off"]
    command += ["-pidfile", str(_pid_file(lab.name, host.name)), "-daemonize"]
    RUN.mkdir(parents=True, exist_ok=True)
    run(command)


def stop(lab: Lab, host: Host) -> None:
    """The power button: the guest shuts down by itself."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(_monitor(lab.name, host.name)))
        monitor.sendall(b"system_powerdown\n")
        end = time.monotonic() + SHUTDOWN_LIMIT
        while _is_running(lab.name, host.name):
            if time.monotonic() > end:
                raise LabError(f"{host.name} did not shut down within {SHUTDOWN_LIMIT:.0f} s of its power button.")
            time.sleep(0.2)
    unplug_guest(lab.name, host.name)


def kill(lab: Lab, host: Host) -> None:
    _end(lab.name, host.name)
    unplug_guest(lab.name, host.name)


def remove(lab: str, host: str) -> None:
    _end(lab, host)
    unplug_guest(lab, host)


def remove_all(lab: str) -> None:
    for host in dict(_running(lab)):
        _end(lab, host)


def states(lab: str) -> dict[str, str]:
    found = {path.parent.name: "exited" for path in host_dir(lab, "-").parent.glob("*/root.qcow2")}
    return {**found, **{host: "running" for host, _pid in _running(lab)}}


def running_names(lab: str) -> list[str]:
    return [host for host, _pid in _running(lab)]


def _running(lab: str) -> Iterator[tuple[str, int]]:
    """Guests by their -name, whether or not anything else of the lab is left."""
    prefix = f"{object_name(lab)}-"
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = cmdline.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        if argv[0] == "qemu-system-x86_64" and argv[1] == "-name" and argv[2].startswith(prefix):
            yield argv[2].removeprefix(prefix), int(cmdline.parent.name)


def _is_running(lab: str, host: str) -> bool:
    return running_pid(_pid_file(lab, host), object_name(lab, host)) is not None


def _end(lab: str, host: str) -> None:
    for name, pid in _running(lab):
        if name == host:
            _pid_file(lab, host).write_text(str(pid))
    end_process(_pid_file(lab, host), object_name(lab, host))
    _monitor(lab, host).unlink(missing_ok=True)


def _pid_file(lab: str, host: str) -> Path:
    return RUN / f"{lab}.{host}.guest.pid"


def _monitor(lab: str, host: str) -> Path:
    return RUN / f"{lab}.{host}.monitor"
