# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real guest: Debian's kernel, and as its only program one that sends given frames over and over.

Its initramfs is that of the lab's image, with this machine's Python behind it: a later archive goes before.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Iterator

PYTHON = Path("/usr/bin/python3.11")
LIBRARY = Path("/usr/lib/python3.11")
LEFT_OUT = re.compile(
    r"/(test|tests|idlelib|tkinter|lib2to3|ensurepip|dist-packages|config-.*|__pycache__|pydoc_data)(/|$)"
)
INIT = """#!/bin/sh
mount -t devtmpfs udev /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in virtio_pci virtio_net af_packet; do modprobe $module; done
exec /usr/bin/python3.11 -I -S /sender.py < /dev/console > /dev/console 2>&1
"""
SENDER = """
import fcntl, json, socket, struct, time
card = next(name for _number, name in socket.if_nameindex() if name != "lo")
request = struct.pack("16sH14x", card.encode(), 0x1043)  # up
fcntl.ioctl(socket.socket(), 0x8914, request)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((card, 0))
frames = [bytes.fromhex(one) for one in json.load(open("/frames.json"))]
while True:
    for frame in frames:
        sender.send(frame)
        time.sleep(0.02)
    print("sent all of", len(frames), flush=True)
"""


def initramfs(base: Path, frames: list[bytes]) -> bytes:
    files = {
        "init": (INIT.encode(), 0o100755),
        "sender.py": (SENDER.encode(), 0o100644),
        "frames.json": (json.dumps([frame.hex() for frame in frames]).encode(), 0o100644),
    }
    for path in (PYTHON, *_libraries(), *_modules()):
        files[str(path).lstrip("/")] = (path.read_bytes(), 0o100755)
    return base.read_bytes() + gzip.compress(_cpio(files), 1)


def _libraries() -> Iterator[Path]:
    wanted = [PYTHON, *(LIBRARY / "lib-dynload").glob("*.so")]
    told = subprocess.run(["ldd", *map(str, wanted)], capture_output=True, text=True, check=False).stdout
    for path in sorted(set(re.findall(r"\s(/lib\S+) \(0x", told))):
        yield Path("/usr") / path.lstrip("/") if path.startswith("/lib/") else Path(path)


def _modules() -> Iterator[Path]:
    for path in sorted(LIBRARY.rglob("*")):
        if path.is_file() and not LEFT_OUT.search(str(path)) and path.suffix in (".py", ".so"):
            yield path


def _cpio(files: dict[str, tuple[bytes, int]]) -> bytes:
    """The format that the kernel unpacks (newc)."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    # Of the image these are links to /usr, which must stay.
    entries = [(name, b"", 0o040755) for name in sorted(folders) if name not in ("lib", "lib64", "bin")]
    entries += [(name, data, mode) for name, (data, mode) in files.items()]
    packed = []
    for number, (name, data, mode) in enumerate([*entries, ("TRAILER!!!", b"", 0)], 1):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        packed.append(_aligned(head + path) + _aligned(data))
    return b"".join(packed)


def _aligned(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def domain_xml(folder: str, mac: str, bridge: str) -> str:
    return f"""<domain type='qemu'><name>attacker</name><memory unit='MiB'>384</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><kernel>{folder}/kernel</kernel><initrd>{folder}/initrd</initrd>
<cmdline>console=ttyS0 panic=1 net.ifnames=0</cmdline></os><features><acpi/></features>
<devices><interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/><model type='virtio'/></interface>
<serial type='file'><source path='{folder}/console.log'/></serial></devices></domain>
"""


def newest(pattern: str) -> Path | None:
    found = sorted(Path("/var/lib/kvmcloud-lab/images").glob(f"{pattern}/initrd"), key=os.path.getmtime)
    return found[-1].parent if found else None
