# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes as gluster describes them: their bricks in order, their options, who of them is up, what is being moved."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form, form_from_counts
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Pool

STARTED = "Started"

ONLINE = "online"
OFFLINE = "offline"  # its host answers, its process does not run
HOST_AWAY = "host away"  # its host is disconnected or rejected: status does not even mention the brick
UNKNOWN = "unknown"  # the volume is not started


class Brick(NamedTuple):
    name: str  # HOST:/PATH
    host_uuid: str = ""
    arbiter: bool = False

    @property
    def host(self) -> str:
        # The path is absolute, and an IPv6 address has colons of its own.
        return self.name.partition(":/")[0]

    @property
    def path(self) -> str:
        return "/" + self.name.partition(":/")[2]


class Volume(NamedTuple):
    name: str
    id: str
    status: str
    form: Form
    bricks: tuple[Brick, ...]
    options: dict[str, str]
    type: str = ""

    @property
    def started(self) -> bool:
        return self.status == STARTED

    @property
    def sets(self) -> list[tuple[Brick, ...]]:
        size = self.form.width
        return [self.bricks[at : at + size] for at in range(0, len(self.bricks), size)]

    @property
    def is_ghost(self) -> bool:
        """What a creation with a wrong number of bricks leaves behind: on some hosts only, and not to be deleted."""
        return len(self.bricks) % self.form.width != 0

    @property
    def brick_names(self) -> list[str]:
        return [brick.name for brick in self.bricks]


def parse_volumes(tree: ElementTree.Element) -> list[Volume]:
    return [_volume(node) for node in tree.findall("volInfo/volumes/volume")]


def _volume(node: ElementTree.Element) -> Volume:
    counts = [_number(node, f"{kind}Count") for kind in ("replica", "arbiter", "disperse", "redundancy")]
    return Volume(
        name=node.findtext("name") or "",
        id=node.findtext("id") or "",
        status=node.findtext("statusStr") or "",
        form=form_from_counts(*counts),
        # The text of <brick> itself is the name once more, mixed with the elements.
        bricks=tuple(
            Brick(one.findtext("name") or "", one.findtext("hostUuid") or "", one.findtext("isArbiter") == "1")
            for one in node.findall("bricks/brick")
        ),
        options={
            one.findtext("name") or "": (one.findtext("value") or "").strip() for one in node.findall("options/option")
        },
        type=node.findtext("typeStr") or "",
    )


def _number(node: ElementTree.Element, tag: str) -> int:
    return int(node.findtext(tag) or 0)


def ghost(volume: Volume) -> str:
    return (
        f"it has {len(volume.bricks)} bricks in sets of {volume.form}, which cannot be. It is the ghost of a creation "
        "that failed, known to some hosts only, and gluster cannot delete it. On each host that lists it: stop "
        f"glusterd, remove /var/lib/glusterd/vols/{volume.name}, start glusterd; one host after the other."
    )


# -- status ----------------------------------------------------------------------------------------------------------


class Process(NamedTuple):
    online: bool
    port: str = ""
    pid: str = ""


class Task(NamedTuple):
    """Data that is being moved, or was and waits for the commit."""

    kind: str  # Rebalance, Remove brick
    id: str
    status: str
    bricks: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        return self.status == "in progress"

    @property
    def removes(self) -> bool:
        return self.kind.lower() == "remove brick"


class Status(NamedTuple):
    bricks: dict[str, Process]  # by the name of the brick; those of absent hosts are missing
    healers: dict[str, bool]  # the self-heal daemons by the uuid of their host
    tasks: tuple[Task, ...] = ()


def parse_status(tree: ElementTree.Element) -> dict[str, Status]:
    """Of each started volume; those that are not started are left out by gluster without a word."""
    found = {}
    for volume in tree.findall("volStatus/volumes/volume"):
        bricks, healers = {}, {}
        for node in volume.findall("node"):
            host, path = node.findtext("hostname") or "", node.findtext("path") or ""
            online = node.findtext("status") == "1"
            if path.startswith("/"):
                port = node.findtext("ports/tcp") or node.findtext("port") or ""
                bricks[f"{host}:{path}"] = Process(online, _given(port), _given(node.findtext("pid") or ""))
            elif host == "Self-heal Daemon":
                healers[node.findtext("peerid") or ""] = online
        tasks = tuple(
            Task(
                kind=node.findtext("type") or "",
                id=node.findtext("id") or "",
                status=node.findtext("statusStr") or "",
                bricks=tuple(one.text or "" for one in node.findall("params/brick")),
            )
            for node in volume.findall("tasks/task")
        )
        found[volume.findtext("volName") or ""] = Status(bricks, healers, tasks)
    return found


def _given(text: str) -> str:
    return "" if text in ("N/A", "-1", "0") else text


def brick_state(brick: Brick, volume: Volume, status: Status | None, pool: Pool | None = None) -> str:
    """From info, status and pool together: each of them alone leaves something out."""
    if not volume.started or status is None:
        return UNKNOWN
    process = status.bricks.get(brick.name)
    if process is not None:
        return ONLINE if process.online else OFFLINE
    peer = next((one for one in pool.peers if one.uuid == brick.host_uuid), None) if pool else None
    return OFFLINE if peer is not None and peer.condition == gluster_pool.CONNECTED else HOST_AWAY


# -- progress of a rebalance or a removal ----------------------------------------------------------------------------


class Progress(NamedTuple):
    """Of one host."""

    host_uuid: str
    host: str
    status: str
    files: int
    failures: int
    skipped: int


def parse_progress(tree: ElementTree.Element) -> list[Progress]:
    """Of 'rebalance status' and 'remove-brick status'. nodeCount is no help: it counts hosts without a part in it."""
    return [
        Progress(
            host_uuid=node.findtext("id") or "",
            host=node.findtext("nodeName") or "",
            status=node.findtext("statusStr") or "",
            files=_number(node, "files"),
            failures=_number(node, "failures"),
            skipped=_number(node, "skipped"),
        )
        for node in [*tree.findall("volRebalance/node"), *tree.findall("volRemoveBrick/node")]
    ]


# -- options and limits ----------------------------------------------------------------------------------------------


class Limit(NamedTuple):
    hard_bytes: int
    soft_percent: str


def parse_quota(tree: ElementTree.Element) -> dict[str, Limit]:
    return {
        node.findtext("path") or "": Limit(_number(node, "hard_limit"), node.findtext("soft_limit_percent") or "")
        for node in tree.findall("volQuota/limit")
    }


def parse_option(tree: ElementTree.Element) -> str:
    """Of 'volume get ... KEY'."""
    return (tree.findtext("volGetopts/Opt/Value") or "").replace(" (DEFAULT)", "").strip()


def parse_group(text: str) -> dict[str, str]:
    """A file of /var/lib/glusterd/groups."""
    lines = [line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#")]
    return {key.strip(): value.strip() for key, found, value in lines if found}


def describe(volume: Volume, status: Status | None, pool: Pool | None) -> dict[str, Any]:
    """As gluster_volume_info returns it."""
    bricks = []
    for brick in volume.bricks:
        process = status.bricks.get(brick.name) if status else None
        bricks.append(
            {
                "name": brick.name,
                "host": brick.host,
                "path": brick.path,
                "host_uuid": brick.host_uuid,
                "arbiter": brick.arbiter,
                "state": brick_state(brick, volume, status, pool),
                "port": process.port if process else "",
            }
        )
    return {
        "name": volume.name,
        "id": volume.id,
        "status": volume.status.lower(),
        "type": volume.type,
        **volume.form._asdict(),
        "bricks": bricks,
        "sets": [[brick.name for brick in one] for one in volume.sets],
        "options": dict(volume.options),
        "tasks": [{**task._asdict(), "bricks": list(task.bricks)} for task in status.tasks] if status else [],
        "ghost": volume.is_ghost,
    }


def of_hosts(bricks: Sequence[Brick]) -> dict[str, list[str]]:
    """The names of the bricks by the uuid of their host."""
    found: dict[str, list[str]] = {}
    for brick in bricks:
        found.setdefault(brick.host_uuid, []).append(brick.name)
    return found
