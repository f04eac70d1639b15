# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded, and how it differs from what shall be.

nft writes rules in another spelling than it reads, so texts are not compared with what is listed. What was loaded is
remembered by two digests: of the text, and of what the kernel listed right after it. Any later change shows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import Table

VOLATILE = ("handle", "packets", "bytes")


@dataclass(frozen=True)
class Loaded:
    """The memory of a load; lives below /run, as the rules live until the next boot."""

    text: str
    live: str
    quiet: tuple[str, ...] = ()  # bridges that learnt from frames to reserved groups until we loaded rules

    def as_json(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def remembered(text: str) -> Loaded | None:
    try:
        found = json.loads(text)
        return Loaded(str(found["text"]), str(found["live"]), tuple(found["quiet"]))
    except (ValueError, TypeError, KeyError):
        return None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def stable(listed: Any) -> Any:
    """What `nft -j list table` says without what changes by itself: counters and handles."""
    if isinstance(listed, Mapping):
        return {key: stable(value) for key, value in listed.items() if key not in VOLATILE and key != "metainfo"}
    if isinstance(listed, list):
        return [stable(one) for one in listed]
    return listed


def live_digest(listings: Iterable[str], iptables: Iterable[str] = ()) -> str:
    """listings: answers of `nft -j list table`, empty where there is no such table; iptables: our own lines."""
    return digest(json.dumps([[stable(json.loads(one)) if one else None for one in listings], list(iptables)]))


def counted_drops(listing: str) -> dict[tuple[str, str], int]:
    """By chain and comment the packets that each of our drops has met."""
    found = {}
    for entry in json.loads(listing or "{}").get("nftables", []):
        rule = entry.get("rule", {})
        counters = [part["counter"] for part in rule.get("expr", []) if isinstance(part.get("counter"), Mapping)]
        if rule.get("comment") and counters:
            found[rule["chain"], rule["comment"]] = int(counters[0]["packets"])
    return found


def missing_drops(table: Table, listing: str) -> list[str]:
    present = counted_drops(listing)
    return [f"{name}: {rule.comment}" for name, rule in table.drops if (name, rule.comment) not in present]


def differences(
    wanted_text: str, memory: Loaded | None, live: str, tables: Iterable[Table], listings: Mapping[str, str]
) -> list[str]:
    """Sentences; none when what is loaded is what shall be, untouched since."""
    lacks = [f"The table {table.family} kvmcloud is not loaded." for table in tables if not listings.get(table.family)]
    if lacks:
        return lacks
    for table in tables:
        lost = missing_drops(table, listings[table.family])
        if lost:
            lacks.append(f"In the table {table.family} kvmcloud these drops are missing: {'; '.join(lost)}.")
    if memory is None:
        lacks.append("It is not known who loaded the rules that are there.")
    elif memory.text != digest(wanted_text):
        lacks.append("Other rules are loaded than the declaration asks for.")
    elif memory.live != live:
        lacks.append("The rules were changed after they were loaded.")
    return lacks
