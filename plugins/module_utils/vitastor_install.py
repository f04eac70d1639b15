# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a front-end and a node get of the Vitastor add-on: packages, files, programs of ours, lines, checks."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import sharing
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addon_host import VITASTOR_CONF, of_addon
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_addon import CORRECTIONS, needed

REMOTES = "/var/lib/one/remotes"
TWEAK = "vmm/kvm/deploy-tweaks.d/"
NEXT_ATTACH = "vmm/kvm/attach_disk-kvmcloud.next"
HANDS_ON = '#!/bin/sh\n# kvmcloud.stack override\nexec "$(dirname "$0")/attach_disk.storpool" "$@"\n'
CHECKPOINT_STAYS = "vmm_checkpoint_stays"
PYTHON = "#!/usr/bin/env python3\n"  # on top of each program, but for the one that is a shell script
SUDOERS = "/etc/sudoers.d/opennebula-vitastor"
SUDOERS_TEXT = "oneadmin ALL=(ALL) NOPASSWD: /usr/bin/vitastor-nbd\n"
BUILD = "*vitastor*[0-9]"  # apt reads a star at the end as something else
LIBVIRT_QEMU = "/etc/apparmor.d/abstractions/libvirt-qemu"  # of libvirt's package, where there is AppArmor
APPARMOR = "/etc/apparmor.d/local/abstractions/libvirt-qemu"

Settings = Mapping[str, Any]


def vitastor_install(
    settings: Settings, programs: Sequence[Mapping[str, str]], texts: Mapping[str, str]
) -> dict[str, Any]:
    unknown = sorted(set(settings["corrections"]) - set(CORRECTIONS))
    if unknown:
        raise AddonError(
            f"vitastor_opennebula_corrections names {', '.join(unknown)}; there are {', '.join(CORRECTIONS)}."
        )
    present = settings["state"] == "present"
    return {
        "overrides": _overrides(settings, programs, texts) if present else _none(programs),
        "files": [*_libraries(settings, texts), _sudoers(settings)],
        "lines": _lines(settings),
        "trees": _trees(settings) if present else [],
        "packages": _packages(settings),
        "node_checks": _node_checks(settings),
        "pool_checks": _pool_checks(settings),
        "not_corrected": _not_corrected(settings) if present else [],
    }


def _overrides(
    settings: Settings, programs: Iterable[Mapping[str, str]], texts: Mapping[str, str]
) -> list[dict[str, str]]:
    shared = sharing(
        settings["storage_addons"], {"vitastor": settings, "storpool": settings.get("storpool") or {"state": "absent"}}
    )
    overrides = []
    for program in programs:
        wanted = program["correction"] in settings["corrections"] and needed(program["correction"], settings["version"])
        if program["path"].startswith(TWEAK):
            wanted = shared.deploy_tweak  # without it nobody would change the definition
        text = PYTHON + texts[program["file"]]
        if program["correction"] == "memory_snapshots" and not settings["memory_snapshots"]:
            text = texts[CHECKPOINT_STAYS]
        overrides.append(_override(program["path"], text if wanted else None))
    return [*overrides, _override(NEXT_ATTACH, HANDS_ON if shared.attach_chain else None)]


def _none(programs: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    return [_override(path, None) for path in [*(program["path"] for program in programs), NEXT_ATTACH]]


def _override(path: str, text: str | None) -> dict[str, str]:
    place = {"path": f"{REMOTES}/{path}"}
    return place if text is None else {**place, "content": text}


def _libraries(settings: Settings, texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"path": f"{REMOTES}/{name}", "content": texts[name], "owner": "oneadmin", "state": settings["state"]}
        for name in settings["libraries"]
    ]


def _sudoers(settings: Settings) -> dict[str, Any]:
    """oneadmin maps images as block devices, to format them, and may do nothing else."""
    return {
        "path": SUDOERS,
        "content": SUDOERS_TEXT,
        "mode": "0440",
        "check": ["visudo", "-cf"],
        "state": settings["state"],
    }


def _trees(settings: Settings) -> list[dict[str, str]]:
    """The vendor's drivers, where they come from its sources and not from its package."""
    source = settings.get("source")
    folders = {"datastore/vitastor": "*", "tm/vitastor": "*", "vmm/kvm": "*vitastor*"} if source else {}
    return [
        {"src": f"{source}/opennebula/remotes/{folder}/{names}", "dest": f"{REMOTES}/{folder}"}
        for folder, names in folders.items()
    ]


def _lines(settings: Settings) -> list[dict[str, str]]:
    """QEMU may read every configuration that is named, and every one that datastores use."""
    used = [template.get("VITASTOR_CONF") for _name, template in of_addon(settings["datastores"], "vitastor")]
    return [
        {"path": APPARMOR, "included_by": LIBVIRT_QEMU, "line": f'  "{path}" r,', "state": settings["state"]}
        for path in dict.fromkeys([*settings["conf_files"], *used])
        if path
    ]


def _packages(settings: Settings) -> dict[str, list[str]]:
    apt, version = settings["os_family"] == "Debian", settings["version"]
    exact = (f"={version}*" if apt else f"-{version}*") if version else ""
    client = f"vitastor-client{exact}"
    # The vendor's QEMU and libvirt have the usual names, and those of the distribution came with OpenNebula: only by
    # the version they are exchanged. The package of the add-on does not ask for them on Debian.
    hypervisor = (
        [f"{name}={BUILD}" for name in ("qemu-system-x86", "qemu-utils", "qemu-block-extra", "libvirt-daemon-system")]
        if apt
        else ["qemu-kvm", "qemu-kvm-block-vitastor", "libvirt-libs"]
    )
    return {"frontend": [client, f"vitastor-opennebula{exact}", "jq"], "node": [client, *hypervisor, "jq"]}


def _node_checks(settings: Settings) -> list[dict[str, Any]]:
    """As the module acceptance takes them: only the version tells the vendor's builds from the distribution's."""
    apt = settings["os_family"] == "Debian"
    patched = ("qemu-system-x86", "qemu-utils", "libvirt0") if apt else ("qemu-kvm", "libvirt-libs")
    query = ["dpkg-query", "-W", "-f", "${Version}"] if apt else ["rpm", "-q", "--qf", "%{VERSION}-%{RELEASE}"]
    knows = {"name": "qemu-img knows vitastor", "argv": ["qemu-img", "--help"]}
    builds = [{"name": f"{package} is the vendor's build", "argv": [*query, package]} for package in patched]
    return [{"type": "command_output", "contains": "vitastor", **check} for check in [knows, *builds]]


def _pool_checks(settings: Settings) -> list[dict[str, Any]]:
    """By cluster, the pools of declared datastores: every node runs guests, and those have their disks there."""
    found: dict[str, list[str]] = {}
    for _name, template in of_addon(settings["datastores"], "vitastor"):
        if template.get("POOL_NAME"):
            pools = found.setdefault(template.get("VITASTOR_CONF") or VITASTOR_CONF, [])
            pools += [template["POOL_NAME"]] if template["POOL_NAME"] not in pools else []
    return [
        {
            "type": "vitastor_pools",
            "name": f"the pools {', '.join(pools)} of {config} are active",
            "path": config,
            "expected": pools,
        }
        for config, pools in found.items()
    ]


def _not_corrected(settings: Settings) -> list[str]:
    """Corrections that are wanted and written for other releases of Vitastor."""
    return sorted(one for one in settings["corrections"] if not needed(one, settings["version"]))
