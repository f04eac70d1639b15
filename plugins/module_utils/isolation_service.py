# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units by which a node loads its rules before it has a network, and has them loaded again whatever happens.

libvirt does not start without them. It would be stopped and restarted with the unit, so nothing here does that.
"""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import ManagedFile
from ansible_collections.kvmcloud.stack.plugins.module_utils.service_files import Steps

PROGRAM = "/usr/local/sbin/kvmcloud-isolation"
LOAD, WATCH = "kvmcloud-isolation.service", "kvmcloud-isolation-watch.service"
UNITS = (LOAD, WATCH)
# The daemons that start guests: the one of all drivers, and the modular one of Enterprise Linux 9.
DAEMONS = ("libvirtd.service", "virtqemud.service")
FOLDER = "/etc/systemd/system"

LOAD_UNIT = f"""\
[Unit]
Description=Isolation of guests from storage and hypervisors
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service nftables.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
# What these load anew is theirs, and part of it may have been ours.
ReloadPropagatedFrom=nftables.service firewalld.service ufw.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={PROGRAM} apply --required
ExecReload={PROGRAM} apply --required

[Install]
WantedBy=multi-user.target
"""
WATCH_UNIT = f"""\
[Unit]
Description=Isolation of guests, loaded again when somebody takes it away
After={LOAD}

[Service]
ExecStart={PROGRAM} watch
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""
FAIL_CLOSED = f"""\
# No guest starts before the rules are loaded that keep it from storage.
[Unit]
Requires={LOAD}
After={LOAD}
"""


def unit_files(present: bool) -> list[ManagedFile]:
    texts = {f"{FOLDER}/{LOAD}": LOAD_UNIT, f"{FOLDER}/{WATCH}": WATCH_UNIT}
    texts.update({f"{FOLDER}/{daemon}.d/kvmcloud-isolation.conf": FAIL_CLOSED for daemon in DAEMONS})
    return [ManagedFile(path, text.encode() if present else None, 0o644, 0, 0) for path, text in texts.items()]


def gently(steps: Steps) -> Steps:
    """The rules are loaded already when units change: to load them is a reload, which nothing else notices."""
    after = [["reload", LOAD] if step == ["restart", LOAD] else step for step in steps.after]
    return Steps(steps.before, after)
