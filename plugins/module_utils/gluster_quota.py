# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of directories of a volume. What is declared is all: other limits go, and with none quota is switched off."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Limit
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step

SOFT = "80%"  # as gluster has it by itself
_PERCENT = re.compile(r"(\d{1,3})%?\Z")


class Quota(NamedTuple):
    enabled: bool
    limits: Mapping[str, Limit] = {}


def check_quota(declared: Sequence[Mapping[str, Any]]) -> list[str]:
    findings, seen = [], set()
    for entry in declared:
        path = _path(entry)
        if not str(entry["path"]).startswith("/"):
            findings.append(f"quota of {entry['path']}: write the path within the volume, beginning with /.")
        if path in seen:
            findings.append(f"quota of {path}: it is declared twice; keep one.")
        seen.add(path)
        if not gluster_options.size(str(entry["limit"])):
            findings.append(f"quota of {path}: limit {entry['limit']!r} is no size; write one such as 10GB.")
        soft = _PERCENT.match(str(entry.get("soft_limit") or SOFT))
        if not soft or not 0 < int(soft.group(1)) <= 100:
            findings.append(f"quota of {path}: soft_limit {entry['soft_limit']!r} is no share; write one such as 80%.")
    return findings


def plan_quota(volume: str, declared: Sequence[Mapping[str, Any]] | None, present: Quota) -> list[Step]:
    if declared is None:
        return []
    quota = ("gluster", "volume", "quota", volume)
    if not declared:
        return [Step(f"switch quota of volume {volume} off", (*quota, "disable"))] if present.enabled else []
    steps = [] if present.enabled else [Step(f"switch quota of volume {volume} on", (*quota, "enable"))]
    wanted = {_path(entry): entry for entry in declared}
    for path, entry in wanted.items():
        found = present.limits.get(path)
        soft = _soft(entry)
        if found is None or (found.hard_bytes, found.soft_percent) != (_bytes(entry), soft):
            # In bytes: units with a fraction are rounded by gluster in a way of its own.
            argv = (*quota, "limit-usage", path, str(_bytes(entry)), soft)
            steps.append(Step(f"limit {path} of volume {volume} to {entry['limit']}", argv))
    gone = [path for path in present.limits if path not in wanted]
    steps += [Step(f"take the limit of {path} of volume {volume} away", (*quota, "remove", path)) for path in gone]
    return steps


def lines(declared: Sequence[Mapping[str, Any]] | None, present: Quota) -> tuple[dict[str, str], dict[str, str]]:
    """For the diff, before and after."""
    before = {f"quota {path}": f"{limit.hard_bytes} {limit.soft_percent}" for path, limit in present.limits.items()}
    if declared is None:
        return before, before
    return before, {f"quota {_path(entry)}": f"{_bytes(entry)} {_soft(entry)}" for entry in declared}


def _path(entry: Mapping[str, Any]) -> str:
    return "/" + str(entry["path"]).strip("/")


def _bytes(entry: Mapping[str, Any]) -> int:
    return int(gluster_options.size(str(entry["limit"])) or 0)


def _soft(entry: Mapping[str, Any]) -> str:
    return str(entry.get("soft_limit") or SOFT).rstrip("%") + "%"
