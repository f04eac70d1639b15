# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection profiles of NetworkManager that somebody else made: those of declared links are taken over.

Beside netplan's own profile of the same link such a one would be brought up as well, by whichever was used last.
Pure: texts of files come in, records and texts go out.
"""

from __future__ import annotations

import configparser
import fnmatch
import re
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import Definition
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import Link
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveState

ETC_PROFILES, RUN_PROFILES, LIB_PROFILES = (
    f"{root}/NetworkManager/system-connections" for root in ("/etc", "/run", "/usr/lib")
)
_SECTION = {"bridge": "bridges", "bond": "bonds", "vlan": "vlans"}
_ADDRESS, _ROUTE = re.compile(r"address\d*\Z"), re.compile(r"route\d+\Z")


@dataclass(frozen=True)
class Profile:
    path: str
    uuid: str
    title: str
    kind: str
    device: str = ""  # the only link that it is for; empty where it is for any, or told by what follows
    patterns: tuple[str, ...] = ()
    mac: str = ""
    master: str = ""
    parent: str = ""
    addresses: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    dhcp: bool = False
    autoconnect: bool = True
    active: tuple[str, ...] = ()  # links that it is used for now

    @property
    def is_for_any(self) -> bool:
        """Of the cards that there are, for the one that asks first."""
        return self.kind == "ethernet" and not (self.device or self.patterns or self.mac)

    @property
    def named(self) -> str:
        return f"{self.title!r} ({self.path})"

    def links(self, live: LiveState) -> set[str]:
        """Names of links that it is about."""
        found = {self.device} if self.device else set()
        if not self.device:
            for link in live.links.values():
                by_pattern = any(fnmatch.fnmatchcase(link.name, one) for one in self.patterns)
                if by_pattern or (self.mac and link.mac.lower() == self.mac and not link.kind):
                    found.add(link.name)
        return found | set(self.active)


class Loaded(NamedTuple):
    """What NetworkManager says about one of its profiles."""

    uuid: str
    devices: tuple[str, ...]


class ProfileTakeover(NamedTuple):
    taken: list[Profile]
    former: dict[str, Definition]
    findings: list[str]


def is_profile(name: str) -> bool:
    """By the name of its file, as NetworkManager sees it: backups and those that are being written are none."""
    return not (name.startswith((".", "netplan-")) or name.endswith(("~", ".rpmsave", ".rpmorig", ".nmmeta", ".new")))


def parse_profile(path: str, text: str, loaded: Loaded | None = None) -> Profile | None:
    """None for what NetworkManager would not read either, and for what it made up by itself and forgets again."""
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#",), inline_comment_prefixes=None, strict=False, default_section="\0"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    keys: dict[str, Mapping[str, str]] = {name: dict(parser.items(name)) for name in parser.sections()}
    connection = keys.get("connection")
    generated = keys.get(".nmmeta", {})
    if connection is None or "true" in (generated.get("nm-generated"), generated.get("external")):
        return None
    ethernet = keys.get("ethernet") or keys.get("802-3-ethernet") or {}
    ip = [keys.get(name, {}) for name in ("ipv4", "ipv6")]
    return Profile(
        path,
        connection.get("uuid") or (loaded.uuid if loaded else ""),
        connection.get("id") or path.rpartition("/")[2],
        connection.get("type", "").replace("802-3-ethernet", "ethernet"),
        device=connection.get("interface-name", ""),
        patterns=tuple(_words(keys.get("match", {}).get("interface-name", ""))),
        mac=ethernet.get("mac-address", "").lower(),
        master=connection.get("controller") or connection.get("master") or "",
        parent=keys.get("vlan", {}).get("parent", ""),
        addresses=tuple(one for part in ip for one in _addresses(part)),
        routes=tuple(one for part in ip for one in _routes(part)),
        dhcp=ip[0].get("method", "auto") == "auto",
        autoconnect=connection.get("autoconnect", "true") != "false",
        active=loaded.devices if loaded else (),
    )


def _words(text: str) -> list[str]:
    return [one for one in text.replace(",", ";").split(";") if one]


def _addresses(keys: Mapping[str, str]) -> Iterator[str]:
    for key, value in keys.items():
        if _ADDRESS.match(key):
            yield value.split(",")[0]


def _routes(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in keys.items():
        words = value.split(",")
        if _ROUTE.match(key) and len(words) > 1 and words[1]:
            yield words[0], words[1]
        elif _ADDRESS.match(key) and len(words) > 1 and words[1]:
            yield "default", words[1]
    if keys.get("gateway"):
        yield "default", keys["gateway"]


def parse_loaded(output: str) -> dict[str, Loaded]:
    """By file, from `nmcli --terse --fields UUID,DEVICE,FILENAME connection show`; ':' and '\\' are escaped there."""
    found: dict[str, Loaded] = {}
    for line in output.splitlines():
        words = [re.sub(r"\\(.)", r"\1", one) for one in re.split(r"(?<!\\):", line)]
        if len(words) == 3:
            found[words[2]] = Loaded(words[0], tuple(one for one in words[1].split(",") if one))
    return found


def take_over_profiles(links: Sequence[Link], live: LiveState, present: Sequence[Profile]) -> ProfileTakeover:
    managed = live.names(links)
    taken, former, findings = [], {}, []
    for profile in present:
        about = profile.links(live)
        # Whatever card it is used for now: after the next start it may be another one.
        waits = profile.is_for_any and profile.autoconnect and not managed & set(profile.active)
        if waits:
            findings.append(
                f"The profile {profile.named} of NetworkManager is for any card, and would be used for one that is "
                f"declared; give it a card (nmcli connection modify {profile.uuid} connection.interface-name CARD) or "
                "delete it."
            )
        if not about & managed or not (profile.autoconnect or profile.active):
            continue
        findings += _refused(profile, about, managed)
        taken.append(profile)
        for name in about & managed:
            former[name] = definition_of(profile)
    names = {name for profile in taken for name in (profile.uuid, profile.title)} | managed
    for profile in present:
        if profile in taken:
            continue
        for title, other in (("a port of", profile.master), ("a VLAN on", profile.parent)):
            # A VLAN on a card that is named goes on working: the card has its name from whoever sets it up.
            if other and other in names and not (profile.parent == other and other in managed):
                link = profile.device or "a link"
                findings.append(
                    f"The profile {profile.named} of NetworkManager makes {link} {title} {other}, which is declared "
                    f"here; declare {link} too, or delete that profile."
                )
    return ProfileTakeover(taken, former, findings)


def parent_findings(parents: Mapping[str, Link], live: LiveState, present: Sequence[Profile]) -> list[str]:
    """netplan has a profile made for what a VLAN is on, declared or not."""
    return [
        f"{vlan.title} is on {parent}, which is not declared and has the profile {profile.named} of NetworkManager; "
        f"declare {parent} too, with its addresses."
        for parent, vlan in parents.items()
        for profile in present
        if parent in profile.links(live) and (profile.autoconnect or profile.active)
    ]


def _refused(profile: Profile, about: set[str], managed: set[str]) -> Iterator[str]:
    both = ", ".join(sorted(about & managed)), ", ".join(sorted(about - managed))
    if about - managed:
        yield (
            f"The profile {profile.named} of NetworkManager is for {both[0]} and for {both[1]}, which is not declared; "
            f"declare {both[1]} too, or give each a profile of its own."
        )
    if not profile.path.startswith(f"{ETC_PROFILES}/"):
        yield (
            f"{both[0]} has the profile {profile.named} of NetworkManager, which is not among those of {ETC_PROFILES} "
            "and would come back at each boot; find out what wrote it, and remove it."
        )


def ifcfg_finding(link: str, path: str) -> str:
    return (
        f"{link} is described by {path}, a file of the former network scripts, which NetworkManager reads too and "
        "which cannot be taken over: run `nmcli connection migrate` on this host, which makes a profile of it, then "
        "run again. Nothing was changed."
    )


def definition_of(profile: Profile) -> Definition:
    """In the words of netplan."""
    routes = [{"to": to, "via": via} for to, via in profile.routes]
    options: dict[str, Any] = {"addresses": list(profile.addresses), "routes": routes, "dhcp4": profile.dhcp}
    return Definition(profile.path, _SECTION.get(profile.kind, "ethernets"), options)


def shadow_of(profile: Profile) -> str:
    """The same profile, below /run: it is there and never brought up by itself."""
    device = f"interface-name={profile.device}\n" if profile.device else ""
    return (
        f"[connection]\nid={profile.title}\nuuid={profile.uuid}\ntype=ethernet\n{device}autoconnect=false\n"
        "\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=ignore\n"
    )
