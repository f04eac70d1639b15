# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts get of the StorPool add-on's sources, by the release of OpenNebula; and what a host has reserved."""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import known_release, release_key
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_addon import addon_version, check_pair
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_rc import rc_edits

REMOTES = "/var/lib/one/remotes"
RC = f"{REMOTES}/addon-storpoolrc"
KVM = f"{REMOTES}/vmm/kvm"
TWEAKS = ("volatile2dev.py", "persistent-cdrom.py")  # a StorPool system datastore needs the first
CRON = "/etc/cron.d/addon-storpool"
CRON_TEXT = f"*/4 * * * * oneadmin {REMOTES}/datastore/storpool/monitor_helper-sync 2>&1 | logger -t storpool\n"
FIRST_WITH_TIMERS = (24, 6)
TIMERS = ("monitor_helper-sync", "vc-policy")
# The patched network driver of some releases writes a sysctl inside of a guest network's namespace.
SUDOERS = "/etc/sudoers.d/opennebula-storpool"
SUDOERS_TEXT = "oneadmin ALL=(ALL) NOPASSWD: /var/tmp/one/vnm/ip_netns_exec sysctl -w net.ipv4.conf.*\n"
HOOK = "vc-policy"
PATCHED = ("vmm", "vnm", "datastore", "im")  # what of OpenNebula the vendor has patches for


def storpool_install(settings: Mapping[str, Any]) -> dict[str, Any]:
    """settings: os_family, release, version, folder (of the sources), state, tweaks, options, patches."""
    present = settings["state"] == "present"
    if present:
        check_pair(settings["release"], settings["version"])
    release = release_key(known_release(settings["release"]))
    return {
        "trees": [{**tree, "state": settings["state"]} for tree in _trees(settings, release)],
        "files": _crontab(settings, release),
        "node_files": _sudoers(settings, release),
        "packages": _packages(settings["os_family"], settings["patches"] if present else {}),
        "patches": _patches(settings, f"{release[0]}.{release[1]}"),
        "units": [f"{name}.timer" for name in TIMERS] if _has_timers(settings, release) else [],
        "rc": RC,
        "rc_edits": rc_edits(settings["options"]) if present else [],
    }


def _has_timers(settings: Mapping[str, Any], release: tuple[int, int]) -> bool:
    """Before, and for 5.12 to this day, the add-on has its monitoring by cron."""
    newest = settings["state"] == "absent"  # of an add-on that goes the release does not matter
    return release >= (6, 0) and (newest or addon_version(settings["version"]) >= FIRST_WITH_TIMERS)


def storpool_hooks(state: str, release: str) -> list[dict[str, Any]]:
    """As the module onehook takes them; the vendor's installer registers its hook as root, who cannot."""
    return [_hook(state == "present")] if release_key(known_release(release)) >= (6, 0) else []


def _trees(settings: Mapping[str, Any], release: tuple[int, int]) -> list[dict[str, Any]]:
    folder = settings["folder"]
    short = f"{release[0]}.{release[1]}"
    trees = [
        # Copied for its own sake only in that the sources of a release without it are refused.
        _tree(f"{folder}/scripts/install-{short}*.sh", "/var/lib/kvmcloud.stack/storpool", mode="0644", owner="root"),
        _tree(f"{folder}/datastore/storpool/*", f"{REMOTES}/datastore/storpool"),
        _tree(f"{folder}/tm/storpool/*", f"{REMOTES}/tm/storpool"),
        _tree(f"{folder}/datastore/xpath*", f"{REMOTES}/datastore"),
        _tree(f"{folder}/hooks/volumecare/*", f"{REMOTES}/hooks/volumecare", required=release >= (6, 0)),
        _tree(f"{folder}/vmm/kvm/deploy-tweaks", KVM),
        _tree(f"{folder}/vmm/kvm/deploy-tweaks.d.example/*", f"{KVM}/deploy-tweaks.d.example"),
        _tree(f"{folder}/vmm/kvm/*_disk.*", KVM),
        _tree(f"{folder}/vmm/kvm/tm*", KVM),
        _tree(f"{folder}/vmm/kvm/snapshot_*-storpool", KVM),
        _tree(f"{folder}/misc/reserved.sh", REMOTES),
        _tree(f"{folder}/misc/storpool_probe.sh", f"{REMOTES}/im/kvm-probes.d/host/system", required=False),
        _tree(f"{folder}/addon-storpoolrc", REMOTES, mode="0644", new_only=True),
    ]
    for name in dict.fromkeys([*TWEAKS, *settings["tweaks"]]):
        # Not every release has both that are installed by default; one that is asked for has to be there.
        asked_for = name in settings["tweaks"] or name == TWEAKS[0]
        source = f"{folder}/vmm/kvm/deploy-tweaks.d.example/{name}"
        trees.append(_tree(source, f"{KVM}/deploy-tweaks.d", required=asked_for))
    if _has_timers(settings, release):
        misc = f"{folder}/misc/etc"
        trees.append(_tree(f"{misc}/tmpfiles.d/*.conf", "/etc/tmpfiles.d", "0644", "root", required=False))
        trees += [
            _tree(f"{misc}/systemd/system/{name}.*", "/etc/systemd/system", mode="0644", owner="root")
            for name in TIMERS
        ]
    return trees


def _tree(
    src: str, dest: str, mode: str = "0755", owner: str = "oneadmin", required: bool = True, new_only: bool = False
) -> dict[str, Any]:
    return {"src": src, "dest": dest, "mode": mode, "owner": owner, "required": required, "new_only": new_only}


def _crontab(settings: Mapping[str, Any], release: tuple[int, int]) -> list[dict[str, Any]]:
    """A crontab that an older release has left would run beside the timers."""
    state = "absent" if _has_timers(settings, release) else settings["state"]
    return [{"path": CRON, "content": CRON_TEXT, "state": state}]


def _sudoers(settings: Mapping[str, Any], release: tuple[int, int]) -> list[dict[str, Any]]:
    patched = release >= (6, 10) and settings["patches"].get("vnm")
    file = {"path": SUDOERS, "content": SUDOERS_TEXT, "mode": "0440", "check": ["visudo", "-cf"]}
    return [{**file, "state": settings["state"] if patched else "absent"}]


def _packages(os_family: str, patches: Mapping[str, Any]) -> dict[str, list[str]]:
    tools = ["jq", "xmlstarlet", "pigz", "tar", "python3-lxml"]
    patch = ["patch"] if patches else []
    if os_family == "Debian":
        frontend = [*tools, "libxml2-utils", "netcat-openbsd", "curl", *patch]
        return {"frontend": frontend, "node": [*tools, "libxml2-utils"]}
    return {"frontend": [*tools, "nmap-ncat", "curl", *patch], "node": tools}


def _patches(settings: Mapping[str, Any], release: str) -> list[dict[str, str]]:
    """As vendor_patches takes them. With the add-on all go that were ever applied."""
    switches = settings["patches"] if settings["state"] == "present" else dict.fromkeys(PATCHED, False)
    return [
        {
            "name": name,
            "directory": f"{settings['folder']}/patches/{name}/{release}",
            "state": "present" if wanted else "absent",
        }
        for name, wanted in switches.items()
    ]


def _hook(present: bool) -> dict[str, Any]:
    """As the module onehook takes it, which registers it as oneadmin."""
    return {
        "name": HOOK,
        "type": "api",
        "call": "one.vm.update",
        "command": "volumecare/vc-policy.sh",
        "arguments": "$API",
        "arguments_stdin": True,
        "state": "present" if present else "absent",
    }


def reserved_template(printed: str, total_cpu: int, total_mem_kb: int) -> dict[str, str]:
    """Attributes of a host from what reserved.sh printed, or a sentence.

    Without machine.slice, or without a limit in it, the script says that the whole host is reserved and exits 0; with
    that, no VM would ever be placed there.
    """
    found = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', printed, re.MULTILINE))
    for name, total in (("RESERVED_CPU", total_cpu), ("RESERVED_MEM", total_mem_kb)):
        text = found.get(name)
        if text is None and name == "RESERVED_CPU":
            continue  # SKIP_RESERVED_CPU in addon-storpoolrc
        if text is None or not re.fullmatch(r"-?\d+", text):
            raise AddonError(f"reserved.sh printed no number as {name}: {' '.join(printed.split()) or 'nothing'}.")
        if not 0 <= int(text) < total:
            raise AddonError(
                f"reserved.sh says {name}={text}, and the host has {total}. It says so when there is no machine.slice "
                "or no memory limit in it: configure StorPool's cgroups on the host first. Nothing was changed."
            )
    return {name: found[name] for name in ("RESERVED_CPU", "RESERVED_MEM", "SP_OURID", "ISOLCPUS") if name in found}
