# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a host for a hosted engine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_requirements import SHARED, HostProbe
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_status import Status, parse_status

CONFIG = "/etc/ovirt-hosted-engine/hosted-engine.conf"
MIB = 1024**2
MOUNT_SECONDS = "60"
# hosted-engine waits for ever for storage that does not answer.
ANSWER_SECONDS = "300"
BOUNDED = ("timeout", "--kill-after=10", ANSWER_SECONDS)
TIMED_OUT = (124, 137)  # ended, or killed as it would not end
# In mounts of its own, which end with it whatever happens; arguments: type, options, source.
_LOOK = """mount -t "$1" -o "$2" "$3" /mnt &&
echo $(stat --format "%u %g" /mnt) $(stat --file-system --format "%a %S" /mnt) && ls -A /mnt"""


def read_status(module: Any) -> Status:
    program = module.get_bin_path("hosted-engine")
    if program is None:
        return Status(False, broker=False)
    deployed = module.run_command([program, "--check-deployed"])[0] == 0
    exit_code, output, _err = module.run_command([*BOUNDED, program, "--vm-status", "--json"])
    return parse_status(deployed, exit_code, output)


def own_id() -> str | None:
    with contextlib.suppress(OSError), open(CONFIG, encoding="utf-8") as stream:
        found = re.search(r"^host_id=(\d+)$", stream.read(), re.MULTILINE)
        return found.group(1) if found else None
    return None


def read_probe(module: Any, given: Mapping[str, Any]) -> HostProbe:
    device, mode, bridge_addresses = _device(module, str(given.get("he_bridge_if")))
    engine = addresses_of(str(given.get("he_fqdn")))
    vendor, flags = _cpu()
    disk = os.statvfs("/var/tmp")
    return HostProbe(
        memory_mb=_memory_mb(),
        temporary_mb=disk.f_bavail * disk.f_frsize // MIB,
        bridge_device=device,
        bond_mode=mode,
        bridge_addresses=bridge_addresses,
        own_addresses=addresses_of(socket.gethostname()),
        engine_addresses=engine,
        engine_names=[name for address in engine for name in names_of(address)],
        firewalld=_firewalld(module),
        cpu_vendor=vendor,
        cpu_flags=flags,
        storage=_storage(module, given) if given.get("he_domain_type") in SHARED else None,
    )


def addresses_of(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]) for _family, _type, _protocol, _name, address in found})


def names_of(address: str) -> list[str]:
    try:
        name, aliases, _addresses = socket.gethostbyaddr(address)
    except OSError:
        return []
    return [name, *aliases]


def _memory_mb() -> int:
    with open("/proc/meminfo", encoding="utf-8") as stream:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", stream.read(), re.MULTILINE)
    return int(found.group(1)) // 1024 if found else 0


def _device(module: Any, name: str) -> tuple[str | None, str, list[str]]:
    exit_code, output, _err = module.run_command(["ip", "-json", "-details", "address", "show", "dev", name])
    if exit_code:
        return None, "", []
    link: dict[str, Any] = next((one for one in json.loads(output) if one.get("ifname") == name), {})
    info = link.get("linkinfo", {})
    addresses = [one["local"] for one in link.get("addr_info", []) if not one["local"].startswith("fe80:")]
    return info.get("info_kind", "ethernet"), info.get("info_data", {}).get("mode", ""), addresses


def _firewalld(module: Any) -> str:
    enabled = module.run_command(["systemctl", "is-enabled", "firewalld"])[1].strip()
    return enabled if enabled == "masked" else module.run_command(["systemctl", "is-active", "firewalld"])[1].strip()


def _cpu() -> tuple[str, list[str]]:
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        told = stream.read()
    vendor = re.search(r"^vendor_id\s*: (\S+)", told, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", told, re.MULTILINE)
    return vendor.group(1) if vendor else "", flags.group(1).split() if flags else []


def _storage(module: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Owner and entries of the shared storage, or why it cannot be mounted."""
    source = f"{given.get('he_storage_domain_addr')}:{given.get('he_storage_domain_path')}"
    options = ",".join(one for one in ("ro", given.get("he_mount_options")) if one)
    argv = ["timeout", MOUNT_SECONDS, "unshare", "--mount", "sh", "-c", _LOOK, "sh", given["he_domain_type"], options]
    exit_code, output, error = module.run_command([*argv, source])
    if exit_code:
        reason = "it did not answer in time." if exit_code == 124 else error.strip() or f"mount ended with {exit_code}."
        return {"error": reason}
    owner, *entries = output.splitlines()
    uid, gid, blocks, block_size = (int(one) for one in owner.split())
    return {"uid": uid, "gid": gid, "free_gb": blocks * block_size // 1024**3, "entries": entries}
