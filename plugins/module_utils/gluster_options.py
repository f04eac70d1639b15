# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a volume: what is declared in several ways becomes one table, and is compared by what it means."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Sequence

AUTH_ALLOW = "auth.allow"
# What gluster keeps when it writes the names of the peers into auth.allow by itself.
OLD_AUTH_ALLOW = "old.auth.allow"
GRANULAR = "cluster.granular-entry-heal"
# Set before bricks are changed, until what follows has ended: a run that is killed in between is taken up.
REBALANCE_MARK = "user.kvmcloud-rebalance"
HEAL_MARK = "user.kvmcloud-heal"
MARKS = (REBALANCE_MARK, HEAL_MARK)
# Bricks that have left the volume, the last ones of them: what is in their directories must not come back.
LEFT = "user.kvmcloud-left"
LEFT_AT_MOST = 50  # glusterd reads lines of 8 KiB; gluster itself refuses the older ones by their marks
WANTED = "wanted"
ENDED = "ended"  # gluster sets options of the name space user, and does not reset them

_ON = frozenset({"on", "enable", "enabled", "yes", "true"})
_OFF = frozenset({"off", "disable", "disabled", "no", "false"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(|B|[KMGTP]B?|[KMGTP]iB)\Z", re.IGNORECASE)
_LISTS = frozenset({AUTH_ALLOW, "auth.reject"})

# Shown with every volume, and yet one for the whole pool.
OF_THE_POOL = frozenset(
    {
        "cluster.server-quorum-ratio",
        "cluster.enable-shared-storage",
        "cluster.op-version",
        "cluster.max-op-version",
        "cluster.brick-multiplex",
        "cluster.max-bricks-per-process",
        "cluster.localtime-logging",
        "cluster.daemon-log-level",
    }
)
# Options that are set by something else of a declaration, or by gluster alone.
_ELSEWHERE = {
    "features.quota": "declare quota instead",
    "features.inode-quota": "declare quota instead",
    "group": "declare group beside options, not in them",
    OLD_AUTH_ALLOW: "gluster itself writes it",
    REBALANCE_MARK: "gluster_volume itself writes it",
    HEAL_MARK: "gluster_volume itself writes it",
    LEFT: "gluster_volume itself writes it",
}


class Options(NamedTuple):
    values: dict[str, str]
    reset: tuple[str, ...]
    findings: tuple[str, ...] = ()


def begun(options: Mapping[str, str]) -> list[str]:
    """The marks of what a run has begun, and not ended."""
    return [mark for mark in MARKS if options.get(mark) == WANTED]


def left_bricks(options: Mapping[str, str], more: Sequence[str] = ()) -> list[str]:
    """The bricks that have left the volume, with those that are going to."""
    given = [part for part in options.get(LEFT, "").split(",") if ":/" in part]
    return list(dict.fromkeys([*(brick for brick in given if brick not in more), *more]))[-LEFT_AT_MOST:]


def text(value: Any) -> str:
    """As gluster takes it. YAML has made a boolean of an unquoted on."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value).strip()


def wanted_options(declared: Mapping[str, Any], groups: Mapping[str, Mapping[str, str]]) -> Options:
    """The groups in their order, then the owner, then the single options, which may set or reset what a group sets."""
    findings: list[str] = []
    values: dict[str, str] = {}
    for name in declared.get("group") or []:
        if name in groups:
            values.update(groups[name])
        else:
            findings.append(f"there is no group {name} in /var/lib/glusterd/groups on this host.")
    single = dict(declared.get("options") or {})
    owner = declared.get("owner") or {}
    for kind in ("uid", "gid"):
        key = f"storage.owner-{kind}"
        if owner.get(kind) is None:
            continue
        if single.get(key) is not None and text(single[key]) != str(owner[kind]):
            findings.append(f"owner says {kind} {owner[kind]} and the option {key} says {text(single[key])}; keep one.")
        values[key] = str(owner[kind])
    for key, value in single.items():
        if key in _ELSEWHERE:
            findings.append(f"option {key}: {_ELSEWHERE[key]}.")
        elif key in OF_THE_POOL:
            findings.append(f"option {key} is one of the whole pool; declare it in pool_options of gluster_peer.")
        elif value is not None and (not text(value) or isinstance(value, (dict, list))):
            findings.append(f"option {key}: {value!r} is no value; write null to have it as gluster has it by itself.")
    values.update({key: text(value) for key, value in single.items() if value is not None})
    if _meaning(values.get("nfs.disable", "on")) == "off":
        findings.append(
            "option nfs.disable: gluster takes off without a word, but has no NFS server of its own any more; export "
            "the volume through a gateway with NFS-Ganesha."
        )
    reset = tuple(key for key, value in single.items() if value is None)
    for key in reset:
        values.pop(key, None)
    return Options(values, reset, tuple(findings))


def same(key: str, wanted: str, present: str | None) -> bool:
    if present is None:
        return False
    if wanted == present:
        return True
    if key in _LISTS:
        return listed(wanted) == listed(present)
    left, right = _meaning(wanted), _meaning(present)
    return left is not None and left == right


def listed(value: str) -> frozenset[str]:
    return frozenset(part.strip() for part in value.split(",") if part.strip())


def _meaning(value: str) -> str | float | None:
    low = value.lower()
    if low in _ON:
        return "on"
    if low in _OFF:
        return "off"
    return size(value)


def size(value: str) -> float | None:
    """Bytes of '10GB' as gluster counts: in powers of 1024, whatever the unit is called."""
    found = _SIZE.match(value.strip())
    if not found:
        return None
    unit = found.group(2).upper().rstrip("IB")
    return float(found.group(1)) * 1024.0 ** (" KMGTP".index(unit) if unit else 0)


def allowed_with_peers(value: str, peers: Sequence[str]) -> str:
    """auth.allow with every host of the pool in it, so that gluster has no reason to write them there itself."""
    given = [part.strip() for part in value.split(",") if part.strip()]
    return ",".join(dict.fromkeys([*given, *sorted(peers)]))


def switches_sharding_off(wanted: Options, present: Mapping[str, str]) -> bool:
    """It would make every file that was stored in pieces unreadable, without an error from gluster."""
    if _meaning(present.get("features.shard", "off")) != "on":
        return False
    return "features.shard" in wanted.reset or _meaning(wanted.values.get("features.shard", "on")) == "off"
