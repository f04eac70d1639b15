# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that one run would change of a host's network: files, links, and what a trial of it has to know."""

from __future__ import annotations

import glob
import os
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    FilePlan,
    ManagedFile,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_companions import (
    CLOUD_INIT_DIRECTORY,
    DEAF,
    companions,
    deaf_to_lldp,
    filters_off,
    hearing_again,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import (
    HEADER,
    NETWORK_MANAGER,
    OWN,
    document_of,
    take_over,
    to_yaml,
    undeclared_parents,
    without_secrets,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_host import (
    ETC,
    ETC_NETWORKD,
    NOTHING,
    RUN,
    RUN_NETWORKD,
    NetplanHost,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_kept import held, kept, saved_state
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links, faults
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings, differences
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_profiles import (
    RUN_PROFILES,
    ifcfg_finding,
    parent_findings,
    shadow_of,
    take_over_profiles,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_refusals import (
    guests_in_the_way,
    refusals,
    warnings,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.networkd_files import matched

# Says nothing to netplan, and is another text than that of a file which is about to vanish.
SHADOW = b"# Shadows the file of the same name in /lib/netplan, whose links another file describes.\n" + NOTHING


class Refused(Exception):
    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(findings))


def refuse(findings: Sequence[str]) -> None:
    if findings:
        raise Refused(findings)


class PlannedNetwork:
    """Made once, before anything is changed; raises Refused with all that speaks against it."""

    def __init__(
        self, params: Mapping[str, Any], host: NetplanHost, parse: Callable[[str], Any], control: str | None = None
    ) -> None:
        self.links = declared_links(params)
        refuse(faults(self.links))
        self.live = host.state()
        self.present = host.files(parse)
        taken = take_over(self.links, self.live, self.present)
        renderer = host.renderer(params["renderer"])
        self.by_manager = renderer == NETWORK_MANAGER
        # What a VLAN is on is described to netplan too, declared or not.
        parents = undeclared_parents(self.links, taken.left)
        self.names = [*(link.name for link in self.links), *parents]
        present = host.profiles() if self.by_manager else []
        profiles = take_over_profiles(self.links, self.live, present)
        self.profiles = profiles.taken
        self.around = Surroundings({**profiles.former, **taken.former}, control, taken.left)
        found = [*taken.findings, *self._shadowed(taken.remains), *self._of_ifupdown(host.ifupdown())]
        found += self._of_networkd({} if self.by_manager else host.networkd())
        found += [*profiles.findings, *parent_findings(parents, self.live, present)]
        found += self._of_scripts(host.ifcfg() if self.by_manager else {})
        refuse([*found, *refusals(self.links, self.live, self.around)])
        self.warnings = warnings(self.links, self.live, self.around)
        self.differences = differences(self.links, self.live, self.around)

        document = document_of(self.links, self.live, renderer, taken.left)
        self.documents = {OWN: document, **taken.remains}
        texts: dict[str, bytes | None] = {OWN: (HEADER + to_yaml(document)).encode()}
        for name, rest in taken.remains.items():
            nothing = None if self.present[name].path.startswith(ETC) else SHADOW
            texts[name] = to_yaml(rest).encode() if rest else nothing
        self.taken_over = sorted(
            [self.present[name].path for name in taken.remains] + [one.path for one in self.profiles]
        )
        self.netplan = _planned([ManagedFile(f"{ETC}/{name}", text, 0o600) for name, text in texts.items()])
        self.deaf = deaf_to_lldp(self.links) if not self.by_manager else {}
        there = [
            os.path.relpath(one, ETC_NETWORKD) for one in glob.glob(f"{ETC_NETWORKD}/10-netplan-*.network.d/{DEAF}")
        ]
        self.heard = [one for one in there if one not in self.deaf]
        self.dropins = _planned(
            [
                *(ManagedFile(f"{ETC_NETWORKD}/{path}", text.encode()) for path, text in self.deaf.items()),
                *(ManagedFile(f"{ETC_NETWORKD}/{path}", None) for path in self.heard),
            ]
        )
        self.companions = _planned(
            companions(self.links, params["bridge_netfilter"], os.path.isdir(CLOUD_INIT_DIRECTORY))
        )
        self.off = filters_off() if params["bridge_netfilter"] else []

        if self.by_manager and self.changes_network:
            refuse(guests_in_the_way(self.live, {*self.names, *self.around.former, *taken.left}))

    def _shadowed(self, taken: Mapping[str, Any]) -> list[str]:
        paths = [self.present[name].path for name in (*taken, OWN) if name in self.present]
        return [
            f"{path} shadows the files of {ETC} and describes declared links; find out what wrote it, and remove it."
            for path in paths
            if path.startswith(RUN)
        ]

    def _of_ifupdown(self, described: Mapping[str, str]) -> list[str]:
        return [
            f"{name} is described by {described[name]} too, and both would set it up at boot; take it out of "
            "there. It stays as it is until this runs again."
            for name in self.names
            if name in described
        ]

    def _of_networkd(self, files: Mapping[str, str]) -> list[str]:
        return [
            f"{name} is described by {path} too, a file of networkd that netplan does not know; take it out of there, "
            "or remove that file. It stays as it is until networkd reads its files again."
            for path, text in files.items()
            for name in matched(text, self.names, self.live)
        ]

    def _of_scripts(self, described: Mapping[str, str]) -> list[str]:
        return [ifcfg_finding(name, described[name]) for name in self.names if name in described]

    @property
    def etc(self) -> dict[str, bytes | None]:
        """By name, the files of netplan that change."""
        return {os.path.basename(file.path): file.content for file in self.netplan.changes}

    @property
    def steps(self) -> list[str]:
        found = [one.step for one in self.differences if one.step]
        return found + [f"switch on {', '.join(self.off)}" for _once in self.off[:1]]

    @property
    def changes_network(self) -> bool:
        return bool(self.netplan.changes or self.profiles or self.differences or self.dropins.changes)

    @property
    def changed(self) -> bool:
        return bool(self.changes_network or self.companions.changes or self.off)

    def kept_files(self) -> list[tuple[str, str | None]]:
        """Beside those of netplan, the files that are written when all else is well, by path."""
        files = [*self.companions.changes, *self.dropins.changes]
        return [(file.path, None if file.content is None else file.content.decode()) for file in files]

    def diff(self) -> list[dict[str, str]]:
        shown = [self._shown(one) for one in self.netplan.diff] + [*self.companions.diff, *self.dropins.diff]
        shown += [
            # What is in it may be a secret of a wireless network or VPN.
            {"before_header": one.path, "after_header": one.path, "before": f"profile {one.title}\n", "after": ""}
            for one in self.profiles
        ]
        if self.steps:
            lines = "".join(f"{step}\n" for step in self.steps)
            shown.append({"before_header": "links", "after_header": "steps", "before": "", "after": lines})
        return shown

    def _shown(self, file: Mapping[str, str]) -> dict[str, str]:
        """Documents in place of texts, which hide secrets in too many ways."""
        name, path = os.path.basename(file["after_header"]), file["after_header"]
        former = self.present[name].document if name in self.present and self.present[name].path == path else None
        documents = {"before": former, "after": self.documents[name]}
        shown = {
            side: file[side].partition("\n")[0] + "\n" + to_yaml(without_secrets(document))
            for side, document in documents.items()
            if isinstance(document, Mapping)
        }
        return {**file, "before": "", "after": "", **shown}

    def record(self) -> dict[str, Any]:
        """What the trial and its rollback need to know, and the confirmation after them."""
        etc = {name: None if text is None else text.decode() for name, text in self.etc.items()}
        files = {f"{RUN}/{name}": (text or NOTHING.decode(), 0o600) for name, text in etc.items()}
        # systemd-networkd reads these as its own user
        dropins = {**self.deaf, **hearing_again(self.heard)}
        files.update({f"{RUN_NETWORKD}/{path}": (text, 0o644) for path, text in dropins.items()})
        # Until the confirmation they stay where they are, and are shadowed below /run, as the files of netplan are.
        files.update({f"{RUN_PROFILES}/{one.uuid}.nmconnection": (shadow_of(one), 0o600) for one in self.profiles})
        touched = self.live.names(self.links) | {*self.names, *self.around.former, *(self.around.left or {})}
        return {
            "companions": self.kept_files(),
            "kept": kept(self.links, self.live, self.around),
            "held": held(self.links, self.live, self.around),
            "etc": etc,
            "files": files,
            "profiles": [one.path for one in self.profiles],
            "before": [one.before for one in self.differences if one.before],
            "anew": not self.by_manager and any(one.anew for one in self.differences),
            "after": [one.after for one in self.differences if one.after],
            "leased": [link.name for link in self.links if link.dhcp4 and not (link.optional or self.by_manager)],
            "undo": [command for one in self.differences for command in one.undo],
            "saved": saved_state(self.live, touched, self.around),
            "steps": self.steps,
            "former": self.around.former,
        }


def _planned(files: Sequence[ManagedFile]) -> FilePlan:
    return plan_files(files, read_files(file.path for file in files))
