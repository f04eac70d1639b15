# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a volume has to heal, and what in it is in split-brain: parsed, judged, and planned for. Pure."""

from __future__ import annotations

import posixpath
from typing import Any, Mapping, NamedTuple, Sequence
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Volume
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Refused, Step

SOURCE_BRICK = "source-brick"
BIGGER_FILE = "bigger-file"
LATEST_MTIME = "latest-mtime"
POLICIES = (SOURCE_BRICK, BIGGER_FILE, LATEST_MTIME)


class Entry(NamedTuple):
    gfid: str
    path: str  # empty where this brick knows no more than the gfid


class BrickHeal(NamedTuple):
    """Counts are None where the brick was not reached: that is not zero."""

    name: str
    connected: bool
    status: str
    total: int | None
    pending: int | None = None
    split_brain: int | None = None
    healing: int | None = None
    entries: tuple[Entry, ...] = ()

    def shown(self) -> dict[str, Any]:
        return {**self._asdict(), "entries": [entry._asdict() for entry in self.entries]}


def parse_heal(tree: ElementTree.Element) -> list[BrickHeal]:
    """Of 'heal V info', 'heal V info split-brain' and 'heal V info summary'.

    In the summary a brick that is down breaks the XML: the counts are missing as elements, and stand as text in the
    status. So a count is one only where the brick says that it is connected.
    """
    found = []
    for node in tree.findall("healInfo/bricks/brick"):
        status = (node.findtext("status") or "").strip()
        connected = status == "Connected"
        counts = {tag: _count(node, tag) if connected else None for tag in _COUNTS}
        total = (
            counts["totalNumberOfEntries"]
            if node.find("totalNumberOfEntries") is not None
            else counts["numberOfEntries"]
        )
        found.append(
            BrickHeal(
                name=node.findtext("name") or "",
                connected=connected,
                status=status.partition("totalNumberOfEntries")[0].strip(),
                total=total,
                pending=counts["numberOfEntriesInHealPending"],
                split_brain=counts["numberOfEntriesInSplitBrain"],
                healing=counts["numberOfEntriesPossiblyHealing"],
                entries=tuple(_entry(file) for file in node.findall("file")),
            )
        )
    return found


_COUNTS = (
    "numberOfEntries",
    "totalNumberOfEntries",
    "numberOfEntriesInHealPending",
    "numberOfEntriesInSplitBrain",
    "numberOfEntriesPossiblyHealing",
)


def _count(node: ElementTree.Element, tag: str) -> int | None:
    text = (node.findtext(tag) or "").strip()
    return int(text) if text.isdigit() else None


def _entry(node: ElementTree.Element) -> Entry:
    text = node.text or ""
    return Entry(node.get("gfid") or "", "" if text.startswith("<gfid:") else text)


# -- what it means ---------------------------------------------------------------------------------------------------


def unhealed(bricks: Sequence[BrickHeal]) -> dict[str, str]:
    """By brick, why it is not known to be healed."""
    found = {}
    for brick in bricks:
        if not brick.connected or brick.total is None:
            found[brick.name] = f"not reached ({brick.status or 'no status'})"
        elif brick.total:
            found[brick.name] = f"{brick.total} to heal"
    return found


def entries(bricks: Sequence[BrickHeal]) -> list[Entry]:
    """Each once, with its path if any brick knows it: one brick often has the path and the other the gfid alone."""
    paths: dict[str, str] = {}
    for brick in bricks:
        for entry in brick.entries:
            paths[entry.gfid] = paths.get(entry.gfid) or entry.path
    return [Entry(gfid, path) for gfid, path in paths.items()]


def only_split_brain(bricks: Sequence[BrickHeal], split: Sequence[BrickHeal]) -> bool:
    """Whether all that is left will never heal by itself."""
    left = {entry.gfid for entry in entries(bricks)}
    return bool(left) and left <= {entry.gfid for entry in entries(split)}


# -- resolving -------------------------------------------------------------------------------------------------------


def check_resolution(volume: Volume | None, declared: Mapping[str, Any]) -> None:
    """Refuse what gluster would refuse, or what would decide about more data than was named."""
    name, policy = declared["volume"], declared.get("policy")
    findings = []
    if not policy:
        findings.append(
            "a policy must be named, for it decides which copy of the data is lost: source-brick, bigger-file or "
            "latest-mtime."
        )
    if policy == SOURCE_BRICK and not declared.get("source_brick"):
        findings.append("source-brick needs source_brick, the brick whose copies are right.")
    if policy != SOURCE_BRICK and declared.get("source_brick"):
        findings.append("source_brick belongs to the policy source-brick.")
    if not declared.get("files") and not declared.get("all_files"):
        findings.append("name the files, or set all_files.")
    if declared.get("files") and declared.get("all_files"):
        findings.append("files and all_files contradict each other.")
    if declared.get("all_files") and policy and policy != SOURCE_BRICK:
        findings.append(f"{policy} takes files one by one; name them.")
    wrong = [path for path in declared.get("files") or [] if not path.startswith(("/", "gfid:"))]
    if wrong:
        findings.append(f"{', '.join(wrong)}: give paths within the volume, beginning with /, or gfid:UUID.")
    if volume is None:
        findings.append("there is no such volume.")
    else:
        findings += _of_the_volume(volume, declared)
    if findings:
        raise Refused([f"volume {name}: {finding}" for finding in findings])


def _of_the_volume(volume: Volume, declared: Mapping[str, Any]) -> list[str]:
    findings = []
    if volume.form.width == 1 or volume.form.disperse:
        findings.append(f"it is {volume.form}; only replicated volumes have split-brain.")
    if not volume.started:
        findings.append("it is not started.")
    source = declared.get("source_brick")
    if source and source not in volume.brick_names:
        findings.append(f"it has no brick {source}; it has {', '.join(volume.brick_names)}.")
    if any(brick.arbiter and brick.name == source for brick in volume.bricks):
        findings.append(f"{source} is an arbiter: it has the names of the files and not their data.")
    ctime = volume.options.get("features.ctime", "on")
    if declared.get("policy") == LATEST_MTIME and gluster_options.same("", "on", ctime):
        findings.append(
            "features.ctime is on, and with it gluster takes the times of all copies for equal ('No difference in "
            "mtime'), whichever was written last. Choose another policy, or set the option features.ctime to off."
        )
    return findings


def plan_resolution(declared: Mapping[str, Any], split: Sequence[BrickHeal]) -> list[Step]:
    """A step for each file that is still in split-brain; those that are not any more need nothing."""
    left = entries(split)
    if not left:
        return []
    name, policy = declared["volume"], declared["policy"]
    base = ("gluster", "volume", "heal", name, "split-brain", policy)
    source = (declared["source_brick"],) if policy == SOURCE_BRICK else ()
    by = f"by {policy}" + (f" {source[0]}" if source else "")
    if declared.get("all_files"):
        return [Step(f"resolve the split-brain of volume {name} {by}", (*base, *source))]
    files = [path for path in dict.fromkeys(declared["files"]) if concerns(path, left)]
    return [Step(f"resolve the split-brain of {path} in volume {name} {by}", (*base, *source, path)) for path in files]


def concerns(path: str, left: Sequence[Entry]) -> bool:
    """Two files that were made under one name on both sides are listed as the directory that they are in."""
    known = {entry.path for entry in left if entry.path}
    if path.startswith("gfid:"):
        return path[len("gfid:") :] in {entry.gfid for entry in left}
    # Where no brick knows the path of an entry, any file may be the one.
    return path in known or posixpath.dirname(path) in known or any(not entry.path for entry in left)


def unresolved(declared: Mapping[str, Any], split: Sequence[BrickHeal]) -> list[str]:
    """Of what should be resolved, that which is in split-brain after all."""
    left = entries(split)
    if declared.get("all_files"):
        return [entry.path or f"gfid:{entry.gfid}" for entry in left]
    known = {entry.path for entry in left} | {f"gfid:{entry.gfid}" for entry in left}
    return [path for path in declared["files"] if path in known]
