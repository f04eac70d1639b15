# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone and its servers, as 'onezone show -x' prints them and as oned keeps them in its database."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Mapping
from xml.etree import ElementTree

STATES = {"0": "solo", "1": "candidate", "2": "follower", "3": "leader"}
NO_ANSWER = "no answer"


class ZoneError(ValueError):
    """What was read is no zone; the text is a sentence."""


@dataclass(frozen=True)
class ZoneServer:
    """One server of the zone. What it says of itself is there only after somebody asked it."""

    id: int
    name: str
    endpoint: str
    state: str = NO_ANSWER
    term: int = -1
    index: int = -1
    commit: int = -1


@dataclass(frozen=True)
class Zone:
    id: int
    endpoint: str
    servers: tuple[ZoneServer, ...] = ()
    template: Mapping[str, str] = field(default_factory=dict)

    def server(self, endpoint: str) -> ZoneServer | None:
        return next((server for server in self.servers if server.endpoint == endpoint), None)

    def leader(self) -> ZoneServer | None:
        """The leader of the newest term; one of an older term has not heard of its fall yet."""
        leaders = [server for server in self.servers if server.state == "leader"]
        return max(leaders, key=lambda server: server.term, default=None)

    def majority(self) -> int:
        return len(self.servers) // 2 + 1

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "endpoint": self.endpoint, "servers": [asdict(server) for server in self.servers]}


def parse_zone(xml: str) -> Zone:
    try:
        # oned's own commands and database write this text; it defines no entities and is not foreign input.
        root = ElementTree.fromstring(xml)
        if root.tag != "ZONE":
            raise ZoneError(f"expected a <ZONE> and found the element <{root.tag}>.")
        template = {child.tag: child.text or "" for child in root.find("TEMPLATE") or () if not len(child)}
        servers = tuple(_server(element) for element in root.findall("SERVER_POOL/SERVER"))
        return Zone(int(root.findtext("ID") or ""), template.get("ENDPOINT", ""), servers, template)
    except (ElementTree.ParseError, ValueError) as problem:
        raise ZoneError(f"expected a zone and found: {xml.strip()[:200]!r} ({problem}).") from problem


def _server(element: ElementTree.Element) -> ZoneServer:
    return ZoneServer(
        int(element.findtext("ID") or ""),
        element.findtext("NAME") or "",
        element.findtext("ENDPOINT") or "",
        # "-" where the server did not answer
        STATES.get(element.findtext("STATE") or "-", NO_ANSWER),
        *(_number(element.findtext(key)) for key in ("TERM", "LOG_INDEX", "COMMIT")),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdigit() else -1


def zone_from(plain: Mapping[str, Any] | None) -> Zone | None:
    """The reverse of as_dict: what a module returned."""
    if not plain:
        return None
    return Zone(int(plain["id"]), str(plain["endpoint"]), tuple(ZoneServer(**server) for server in plain["servers"]))
