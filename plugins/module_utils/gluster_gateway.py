# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway of GlusterFS is declared to give by NFS and SMB, and what speaks against it, as sentences."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import smb_users

EXPORTS, SHARES, USERS = "gluster_gateway_nfs_exports", "gluster_gateway_smb_shares", "gluster_gateway_smb_users"
NFS_PORT, SMB_PORT = 2049, 445
NFS_UNIT = "nfs-server.service"
HIGHEST_EXPORT_ID = 65535
# Sections of smb.conf that mean something else than a share of this name.
SPECIAL_SHARES = ("global", "homes", "printers", "print$", "ipc$")
# What would end a value in the configuration files.
UNWRITABLE = re.compile(r'[\x00-\x1f"\x7f]')

Declared = Iterable[Mapping[str, Any]]


def gluster_gateway_findings(
    exports: Declared, shares: Declared = (), users: Declared = (), probe: Mapping[str, Any] | None = None
) -> list[str]:
    """All that speaks against the declarations, and, with what host_probe found, against the host."""
    given = _present(exports)
    found = [
        *_exports(given),
        *_shares(_present(shares)),
        *(f"{USERS}: {one}" for one in smb_users.refused(list(users))),
    ]
    return found + (nfs_findings(probe) if given and probe is not None else [])


def _present(declared: Declared) -> list[Mapping[str, Any]]:
    return [one for one in declared if one.get("state") != "absent"]


def volumes_given(exports: Declared, shares: Declared) -> dict[str, list[str]]:
    """By what it speaks, nfs or smb, the volumes of a gateway; those of mounts are not among them."""
    kinds = {"nfs": _present(exports), "smb": _present(shares)}
    return {kind: [str(one["volume"]) for one in given if one.get("volume")] for kind, given in kinds.items() if given}


def seen_as(export: Mapping[str, Any]) -> str:
    """What clients of NFS mount."""
    return str(export.get("path") or f"/{export.get('volume')}")


# NFS-Ganesha runs on without an export whose volume it did not find. Nothing but its D-Bus tells.
SHOW_EXPORTS = [
    *("dbus-send", "--system", "--print-reply", "--dest=org.ganesha.nfsd"),
    *("/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr.ShowExports"),
]


def gluster_gateway_checks(exports: Declared, shares: Declared = ()) -> list[dict[str, Any]]:
    """What the acceptance asks a gateway, as the module acceptance takes it."""
    checks: list[dict[str, Any]] = []
    for export in _present(exports):
        path = seen_as(export)
        name = f"{path} is exported by NFS"
        checks.append({"type": "command_output", "name": name, "argv": SHOW_EXPORTS, "contains": f'string "{path}"'})
    for share in _present(shares):
        look = ["testparm", "-s", f"--section-name={share['name']}"]
        name = f"{share['name']} is shared by SMB"
        checks.append({"type": "command_output", "name": name, "argv": look, "contains": f"[{share['name']}]"})
    services = (("nfs-ganesha", NFS_PORT, _present(exports)), ("smbd", SMB_PORT, _present(shares)))
    for unit, port, given in services:
        if given:
            checks.append({"type": "unit_active", "unit": f"{unit}.service"})
            checks.append({"type": "port_answers", "host": "localhost", "port": port})
    return checks


def _exports(exports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ids = Counter(export.get("id") for export in exports)
    paths = Counter(seen_as(export) for export in exports)
    for number in (number for number, times in ids.items() if times > 1):
        yield (
            f"{ids[number]} entries of {EXPORTS} have the id {number}. Clients know files by it; give each its own, "
            "and let it stay."
        )
    for path in (path for path, times in paths.items() if times > 1):
        yield f"{paths[path]} entries of {EXPORTS} are mounted as {path}. Give each a path of its own."
    for export in exports:
        label = f"{EXPORTS}, entry {export.get('id')}"
        if not 0 < int(export.get("id") or 0) <= HIGHEST_EXPORT_ID:
            yield f"{label}: the id is no number from 1 to {HIGHEST_EXPORT_ID}."
        if not export.get("clients"):
            yield f"{label} names no clients. Say who may mount it, such as clients: [10.0.0.0/24]."
        for option in ("path", "directory"):
            if not str(export.get(option) or "/").startswith("/"):
                yield f"{label}: the {option} {export[option]} does not begin with a slash."
        yield from _unwritable(label, export, "volume", "path", "directory", "clients")


def _shares(shares: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = Counter(str(share.get("name")).lower() for share in shares)
    for name in (name for name, times in names.items() if times > 1):
        yield f"{names[name]} entries of {SHARES} are called {name}; SMB does not tell capital letters from small ones."
    for share in shares:
        label = f"{SHARES}, entry {share.get('name')}"
        if str(share.get("name")).lower() in SPECIAL_SHARES:
            yield f"{label}: in smb.conf, this name does not mean a share. Choose another one."
        if re.search(r"[\[\]/\\]", str(share.get("name"))):
            yield f"{label}: brackets and slashes cannot be in the name of a share."
        if not share.get("volume") and str(share.get("path") or "/") == "/":
            yield f"{label} has neither a volume nor a path below a mount of it. It would share the root of the host."
        elif not str(share.get("path") or "/").startswith("/"):
            yield f"{label}: the path {share['path']} does not begin with a slash."
        if share.get("guest") and share.get("users"):
            yield f"{label} lets guests in and names users, of whom guests are none. Leave out one of them."
        yield from _unwritable(label, share, "name", "volume", "path", "mount", "comment", "users")


def _unwritable(label: str, declared: Mapping[str, Any], *options: str) -> Iterator[str]:
    for option in options:
        value = declared.get(option)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if UNWRITABLE.search(str(one or "")):
                yield f"{label}: {option} has a quotation mark or a line break, which the configuration cannot have."


def nfs_findings(probe: Mapping[str, Any]) -> list[str]:
    """Why NFS-Ganesha could not have its port on a host, of which the module host_probe has told."""
    unit = probe.get("units", {}).get(NFS_UNIT) or {}
    for entry in probe["ports"]:
        if entry["protocol"] != "tcp" or entry["port"] != NFS_PORT:
            continue
        if str(entry["process"] or "").startswith("ganesha"):
            break
        # The kernel's sockets belong to no process.
        owner = f"{entry['process']} (pid {entry['pid']})" if entry["process"] else "the kernel's NFS server"
        return [f"Port {NFS_PORT}/tcp, which NFS-Ganesha needs, is taken by {owner}."]
    if unit.get("enabled"):
        return [f"The kernel's NFS server starts at boot, and takes port {NFS_PORT}/tcp, which NFS-Ganesha needs."]
    return []
