# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links as a file of netplan, and what becomes of the files that are there: those that describe the same links are
taken over, the rest of them and all others stay.

Pure: documents come in read, text goes out.
"""

from __future__ import annotations

import fnmatch
import json
import re
from typing import Any, Container, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import (
    BOND,
    BRIDGE,
    ETHERNET,
    MADE_KINDS,
    SECTIONS,
    VLAN,
    Link,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveState

NETWORKD, NETWORK_MANAGER = "networkd", "NetworkManager"
OWN = "60-kvmcloud.yaml"
HEADER = "# Written by the role host_network of kvmcloud.stack; the next run replaces what is changed here.\n"
# What a network document says that is no section of links.
_GENERAL = ("version", "renderer")
# The sections that links are declared for; tunnels, wireless networks and the like are left to their files.
_SECTIONS = frozenset(SECTIONS.values())
# Read as something else than text by readers of YAML 1.1, or as a part of YAML itself.
_PLAIN = re.compile(r"(?:[A-Za-z][A-Za-z0-9_.-]*|\d+\.\d+\.\d+\.\d+(?:/\d+)?)\Z")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
# Of the wireless networks and tunnels that a file describes beside links, what no diff shall show.
_SECRET = re.compile(r"password|psk|secret|key|private|shared|pin", re.IGNORECASE)


class Described(NamedTuple):
    """A file of netplan: `document` is what is in it, None where it cannot be read."""

    path: str
    document: Any


class Definition(NamedTuple):
    """What netplan was told about one link before."""

    file: str
    kind: str  # its section
    options: Mapping[str, Any]

    def texts(self, name: str) -> list[str]:
        """A list of the definition; an address may be written as a dictionary with options."""
        found = self.options.get(name) or []
        return [str(next(iter(one), "")) if isinstance(one, Mapping) else str(one) for one in found]


class Takeover(NamedTuple):
    remains: dict[str, dict[str, Any] | None]  # by file: what is left of it, None where that is nothing
    former: dict[str, Definition]  # by link that is declared, or was described in our own file
    left: dict[str, Definition]  # links that other files go on describing
    findings: list[str]


def take_over(links: Sequence[Link], live: LiveState, present: Mapping[str, Described]) -> Takeover:
    managed = live.names(links)
    remains: dict[str, dict[str, Any] | None] = {}
    former: dict[str, Definition] = {}
    left: dict[str, Definition] = {}
    findings: list[str] = []
    for file, described in sorted(present.items()):
        network = _network(described.document)
        kept: dict[str, Any] = {}
        taken = []
        for section, name, options in _definitions(network):
            definition = Definition(file, section, options)
            stands_for = _stands_for(name, options, live) if section in _SECTIONS else {name}
            ours = section in _SECTIONS and bool(stands_for & managed)
            if file == OWN or ours:
                taken.append(name)
                former.update(dict.fromkeys(stands_for, definition))
            if file == OWN:
                continue
            if ours and not stands_for <= managed:
                both = ", ".join(sorted(stands_for & managed)), ", ".join(sorted(stands_for - managed))
                findings.append(
                    f"{described.path} describes {both[0]} together with {both[1]} as {name!r}; declare {both[1]} too, "
                    "or give each a definition of its own there."
                )
            elif not ours:
                if section in _SECTIONS:
                    kept.setdefault(section, {})[name] = options
                left.update(dict.fromkeys(stands_for, definition))
                findings += _ports_of_both(described.path, name, options, managed)
        if taken and file != OWN:
            # All that is no link of ours; a renderer that is named once is that of other files too.
            rest = {**{key: value for key, value in network.items() if key not in _SECTIONS}, **kept}
            remains[file] = {"network": rest} if set(rest) - {"version"} else None
    return Takeover(remains, former, left, findings)


def _ports_of_both(path: str, name: str, options: Mapping[str, Any], managed: set[str]) -> list[str]:
    return [
        f"{path} makes {port} a port of {name}, and {port} is declared; declare {name} too, or take {port} out of that "
        "file."
        for port in options.get("interfaces") or []
        if port in managed
    ]


def _network(document: Any) -> Mapping[str, Any]:
    network = document.get("network") if isinstance(document, Mapping) else None
    return network if isinstance(network, Mapping) else {}


def _definitions(network: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for section, links in network.items():
        if section not in _GENERAL and isinstance(links, Mapping):
            for name, options in links.items():
                if isinstance(options, Mapping) or options is None:
                    yield str(section), str(name), options or {}


def _stands_for(name: str, options: Mapping[str, Any], live: LiveState) -> set[str]:
    """Names of the links that a definition is about; one with a match speaks of cards, whatever it is called."""
    match = options.get("match")
    if not isinstance(match, Mapping):
        return {name}
    found = {str(options["set-name"])} if options.get("set-name") else set()
    for link in live.links.values():
        by_name = fnmatch.fnmatchcase(link.name, str(match.get("name", "*")))
        by_mac = str(match.get("macaddress", link.mac)).lower() == link.mac.lower()
        if by_name and by_mac and link.name != "lo" and link.kind not in MADE_KINDS:
            found.add(link.name)
    return found


def undeclared_parents(links: Sequence[Link], left: Container[str]) -> dict[str, Link]:
    """What VLANs are on and no file describes, each with its VLAN. netplan wants to be told of it."""
    names = {link.name for link in links}
    return {link.parent: link for link in links if link.parent and link.parent not in names and link.parent not in left}


def document_of(links: Sequence[Link], live: LiveState, renderer: str, left: Container[str]) -> dict[str, Any]:
    """All that netplan is told about the links. The renderer is named with each: named once, it would be that of the
    links in other files too.
    """
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS.values()}
    masters = {port: link for link in links for port in link.ports}
    sections["ethernets"] = {parent: {"renderer": renderer} for parent in undeclared_parents(links, left)}
    for link in links:
        sections[SECTIONS[link.kind]][link.name] = _definition(link, links, live, renderer, link.name in masters)
    return {"network": {"version": 2, **{name: sorted_by_name(found) for name, found in sections.items() if found}}}


def sorted_by_name(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in sorted(found)}


def _definition(link: Link, links: Sequence[Link], live: LiveState, renderer: str, is_port: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"renderer": renderer}
    if link.mac:
        found.update({"match": {"macaddress": link.mac}, "set-name": link.name})
    if link.kind in (BRIDGE, BOND):
        found["interfaces"] = list(link.ports)
    if link.kind == VLAN:
        found.update({"id": link.vlan_id, "link": link.parent})
    mac = inherited_mac(link, links, live) if link.kind in (BRIDGE, BOND) and link.speaks else None
    if mac:
        found["macaddress"] = mac
    found.update({"dhcp4": link.dhcp4, "dhcp6": link.dhcp6})
    if link.dhcp4 and link.is_made:
        found["dhcp-identifier"] = "mac"  # by which the server knew the card below
    found.update(_speech(link))
    if not link.speaks or link.optional:
        found["optional"] = True  # nothing comes up there that a boot could wait for
    ipv6 = link.speaks if link.ipv6 is None else link.ipv6
    if not ipv6 and not is_port:
        found.update({"link-local": [], "accept-ra": False})
    if renderer == NETWORK_MANAGER and not is_port:
        found.update(_silence(link, ipv6))
    if link.mtu:
        found["mtu"] = link.mtu
    if link.kind == BOND:
        found["parameters"] = {"mode": link.mode, "mii-monitor-interval": 100}
    if link.kind == BRIDGE:
        found["parameters"] = {"stp": link.stp, "forward-delay": link.forward_delay}
    return _merged(found, link.extra)


def _silence(link: Link, ipv6: bool) -> dict[str, Any]:
    """netplan does not tell NetworkManager to be silent: it leaves IPv6 to the kernel, which gives each link an
    address of its own, and has those without an IPv4 address take one of 169.254.0.0/16.
    """
    ipv4 = link.dhcp4 or any("." in one for one in link.addresses)
    spoken = {"ipv4.method": ipv4, "ipv6.method": ipv6}
    silent = {key: "disabled" for key, on in spoken.items() if not on}
    return {"networkmanager": {"passthrough": silent}} if silent else {}


def _speech(link: Link) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if link.addresses:
        found["addresses"] = list(link.addresses)
    if link.routes:
        found["routes"] = [
            {
                "to": route.to,
                "via": route.via,
                **({"metric": route.metric} if route.metric is not None else {}),
                **({"on-link": True} if route.on_link else {}),
            }
            for route in link.routes
        ]
    names = {"addresses": list(link.name_servers), "search": list(link.search_domains)}
    if any(names.values()):
        found["nameservers"] = {key: value for key, value in names.items() if value}
    return found


def inherited_mac(link: Link, links: Sequence[Link], live: LiveState) -> str | None:
    """The MAC address of the first card below. systemd would invent one for a bridge or bond: switches and DHCP servers
    would not know the host any more.
    """
    by_name = {one.name: one for one in links}
    name: str | None = link.name
    for _depth in range(len(links) + 1):
        one = by_name.get(name or "")
        if one is None or one.kind == ETHERNET:
            break
        name = one.parent or next(iter(one.ports), None)
    card = live.links.get(name or "")
    if card is None and name in by_name and by_name[name].mac:
        return by_name[name].mac
    return card.mac if card and card.name != link.name else None


def _merged(found: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(found)
    for key, value in extra.items():
        former = result.get(key)
        result[key] = _merged(former, value) if isinstance(former, dict) and isinstance(value, Mapping) else value
    return result


def without_secrets(value: Any, hide: bool = False, passed: bool = False) -> Any:
    """A document to be shown. What is `passed` through to NetworkManager may have a secret within a text."""
    if isinstance(value, Mapping):
        return {
            key: without_secrets(one, hide or bool(_SECRET.search(str(key))), passed or key == "passthrough")
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_secrets(one, hide, passed) for one in value]
    return "(hidden)" if hide or (passed and _SECRET.search(str(value))) else value


def to_yaml(document: Mapping[str, Any]) -> str:
    return "\n".join(_block(document, 0)) + "\n"


def _block(value: Mapping[str, Any], depth: int) -> list[str]:
    lines = []
    for key, one in value.items():
        head = "  " * depth + _scalar(str(key)) + ":"
        if isinstance(one, Mapping) and one:
            lines += [head, *_block(one, depth + 1)]
        elif isinstance(one, (list, tuple)) and any(isinstance(item, Mapping) for item in one):
            lines.append(head)
            lines += ["  " * (depth + 1) + "- " + _flow(item) for item in one]
        else:
            lines.append(f"{head} {_flow(one)}")
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    text = str(value)
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    shown = (c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return '"' + "".join(shown) + '"'
