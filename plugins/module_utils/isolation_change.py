# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a node has to what is declared for it: what a run of the module vm_isolation would change, and changes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_archive import archive
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import GUIDE, declared
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_guide_rules import LEAVES_OPEN
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import misfits
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_node import (
    IsolationError,
    Node,
    as_json,
    has,
    read,
    write,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import NOTHING
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_service import unit_files
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_trial import (
    LOCK_SECONDS,
    Trials,
    now,
    read_bytes,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import FilePlan, plan_files, read_files

DECLARED = (
    "bridges",
    "protected_networks",
    "infrastructure_macs",
    "infrastructure_link_locals",
    "guest_mac_prefix",
    "local_services",
    "allowed_destinations",
    "guest_multicast",
    "mode",
)


NAMED = 10  # of hosts, in a sentence


class Refused(IsolationError):
    def __init__(self, findings: list[str]) -> None:
        self.findings = findings
        super().__init__(f"The isolation is refused, and nothing was changed. {' '.join(findings)}")


@dataclass
class Planned:
    actions: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # to be told on each run
    diff: list[dict[str, str]] = field(default_factory=list)
    loads: bool = False  # what has to be confirmed


class IsolationChange:
    def __init__(self, params: Mapping[str, Any], check_mode: bool = False, root: str = "/") -> None:
        self.check_mode = check_mode
        self.present = params["state"] == "present"
        self.node = Node(root)
        self.kept, self.broken = self._kept()
        self.params = completed(params, self.kept)
        self.program = archive()
        self.trials = Trials(self.node, lambda: self.program)
        self.text = as_json({name: self.params[name] for name in DECLARED})

    def _kept(self) -> tuple[str | None, str]:
        """The settings of the node; those that cannot be used are as good as none, and told."""
        try:
            self.node.declaration()
        except IsolationError as error:
            return None, f"The settings of the node cannot be used, and are written anew: {error}"
        return read(self.node.settings), ""

    # -- planning ----------------------------------------------------------------------------------------------------

    def plan(self) -> Planned:
        if not self.check_mode and os.path.isdir(self.node.run_directory):
            with self.node.alone(patience=LOCK_SECONDS):
                self.trials.end_overdue()
        self.trials.refuse_second()
        return self._plan_present() if self.present else self._plan_absent()

    def _plan_present(self) -> Planned:
        declaration, findings = declared(self.params)
        if findings:
            raise Refused(findings)
        silent = self._silent()
        if self._lacks_programs():
            return Planned(actions=[f"load the rules of mode {declaration.mode}"], loads=True)
        findings = misfits(declaration, self.node.links())
        if findings:
            raise Refused(findings)
        wanted = self.node.wanted(declaration)
        self.node.validate(wanted)
        planned = Planned(differences=self.node.differences(wanted))
        planned.remarks = [*self.node.remarks(declaration), *filter(None, (silent, self.broken))]
        planned.warnings = [one for one in planned.remarks if one in (LEAVES_OPEN, silent)]
        if planned.differences:
            planned.loads = True
            planned.actions.append(f"load the rules of mode {declaration.mode}")
        kept = self.kept
        if kept != self.text:
            # What is kept has to be what was confirmed, also where both come to the same rules.
            planned.loads = planned.loads or kept is not None
            planned.actions.append(f"write {self.node.settings}")
            planned.diff.append(_diff(self.node.settings, kept or "", self.text))
        if self.rewrites_program:
            planned.actions.append(f"write {self.node.program}")
        if planned.differences:
            former = self.node.wanted(self.node.declaration()).text if kept else ""
            planned.diff.append(_diff("rules", former if self.node.listings()["bridge"] else "", wanted.text))
        planned.loads = planned.loads and wanted != NOTHING
        return planned

    def _silent(self) -> str:
        """Whom guests may not be kept from; refused where it would be the first rules of the node."""
        hosts = self.params["silent_hosts"]
        if not hosts:
            return ""
        named = ", ".join(hosts[:NAMED]) + (f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else "")
        told = f"Not asked in this run, or without an answer: {named}."
        if self.kept is None and not self.params["accept_partial"]:
            raise Refused(
                [
                    f"{told} Guests would not be kept from what these have, and this node has no rules from a run in "
                    "which they answered. Run without --limit once, when they do; or set vm_isolation_accept_partial, "
                    "where vm_isolation_protected_networks and vm_isolation_infrastructure_macs name what they have."
                ]
            )
        return f"{told} Of these, guests are kept from what former runs or the inventory say, and not from what is new."

    def _lacks_programs(self) -> bool:
        """On a bare host only check mode may go on: the packages are not there yet."""
        needed = ["nft", "ip", *(["iptables-restore"] if self.params["mode"] == GUIDE else [])]
        missing = [one for one in needed if not has(one)]
        if missing and not self.check_mode:
            raise IsolationError(
                f"{' and '.join(missing)} cannot be found on this host; install it. Nothing was changed."
            )
        return bool(missing)

    def _plan_absent(self) -> Planned:
        planned = Planned()
        if has("nft"):
            loaded = [f"table {family}" for family, text in self.node.listings().items() if text]
            loaded += ["chains of iptables"] * ("KVMCLOUD-" in self.node.iptables())
            planned.actions += [f"remove the {one} of the isolation" for one in loaded]
        for path in (self.node.settings, self.node.program, self.node.run_directory):
            if os.path.exists(path):
                planned.actions.append(f"remove {path}")
        return planned

    @property
    def rewrites_program(self) -> bool:
        try:
            return read_bytes(self.node.program) != self.program
        except FileNotFoundError:
            return True

    def unit_files(self) -> FilePlan:
        wanted = unit_files(self.present)
        if self.present and not self.params["manage_service"]:
            wanted = []
        return plan_files(wanted, read_files(file.path for file in wanted))

    # -- changing ----------------------------------------------------------------------------------------------------

    def begin(self, seconds: int) -> dict[str, Any]:
        with self.node.alone():
            self.trials.refuse_second()
            record = self.trials.begin(self.text, self._declaration(), seconds)
        return {"id": record.id, "boot": record.boot, "seconds": seconds, "start_seconds": 0}

    def look(self, name: str) -> dict[str, Any]:
        if self.trials.was_confirmed(name):
            return {"state": "confirmed"}
        self.trials.asked_for(name)
        if not self.trials.is_open:
            return {"state": "pending"}
        lacks = self.node.differences(self.node.wanted(self._declaration()))
        return {"state": "lacking" if lacks else "settled", "msg": " ".join(lacks)}

    def confirm(self, name: str) -> float:
        with self.node.alone(patience=LOCK_SECONDS):
            record = self.trials.confirm(name)
        return round(now() - record.deadline + record.seconds, 1)

    def keep(self) -> None:
        """What changes no rule needs no trial."""
        with self.node.alone():
            self.trials.refuse_second()
            self.node.load(self.node.wanted(self._declaration()))
            write(self.node.program, self.program, 0o755)
            write(self.node.settings, self.text, 0o644)

    def remove(self) -> None:
        if has("nft"):
            with self.node.alone(patience=LOCK_SECONDS):
                self.node.forget()
        if os.path.exists(self.node.program):
            os.unlink(self.node.program)

    def _declaration(self) -> Any:
        found, findings = declared(self.params)
        if findings:
            raise Refused(findings)
        return found


def completed(params: Mapping[str, Any], kept: str | None) -> dict[str, Any]:
    """Lists that are not complete, with what was in them before: a run for one node must not forget the others."""
    former = json.loads(kept or "{}")
    added = {name: sorted({*params[name], *former.get(name, [])}) for name in params.get("partial") or []}
    return {**params, **added}


def _diff(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}
