# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the lab's variables out of any inventory Ansible understands, with Ansible's own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

from kvmcloud_lab.describe import HOST_VARIABLES, LAB_VARIABLES
from kvmcloud_lab.programs import LabError


class Inventory:
    def __init__(self, sources: list[Path]) -> None:
        missing = [str(source) for source in sources if not source.exists()]
        if missing:
            raise LabError(f"There is no inventory {', '.join(missing)}.")
        self._loader = DataLoader()
        self._manager = InventoryManager(loader=self._loader, sources=[str(source) for source in sources])
        self._variables = VariableManager(loader=self._loader, inventory=self._manager)

    def variables(self) -> dict[str, dict[str, Any]]:
        """The lab's variables of every host, templated. Others are not looked at: they may not resolve here."""
        return {host.name: self._of(host) for host in self._manager.get_hosts("all")}

    def matching(self, pattern: str) -> set[str]:
        """Names of the hosts that --limit selects."""
        names = {host.name for host in self._manager.get_hosts(pattern)}
        if not names:
            raise LabError(f"No host of the inventory matches --limit {pattern}.")
        return names

    def _of(self, host: Any) -> dict[str, Any]:
        given = self._variables.get_vars(host=host, include_hostvars=False)  # `hostvars` itself is not used, and slow
        templar = Templar(loader=self._loader, variables=given)
        wanted = (*HOST_VARIABLES, *LAB_VARIABLES)
        return {name: templar.template(given[name]) for name in wanted if name in given}
