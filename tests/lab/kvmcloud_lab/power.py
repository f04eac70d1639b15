# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab start, stop, kill, restart: power for single hosts. Files and disks stay; what was in the kernel does not."""

from __future__ import annotations

from kvmcloud_lab.model import Host, Lab
from kvmcloud_lab.programs import LabError
from kvmcloud_lab.ssh import wait_until_answering
from kvmcloud_lab.up import KINDS, host_states, in_parallel


def power(lab: Lab, hosts: list[Host], action: str) -> None:
    states = host_states(lab.name)
    unknown = [host.name for host in hosts if host.name not in states]
    if unknown:
        raise LabError(f"{', '.join(unknown)} of the lab {lab.name} is not made yet; `lab up` makes it.")

    def act(host: Host) -> None:
        kind, running = KINDS[host.kind], states[host.name] == "running"
        if action in ("stop", "restart") and running:
            kind.stop(lab, host)
        if action == "kill" and running:
            kind.kill(lab, host)
        if action == "restart" or (action == "start" and not running):
            kind.start(lab, host)
        if action in ("start", "restart"):
            wait_until_answering(host, kind.STARTUP_LIMIT)

    in_parallel(act, hosts)
