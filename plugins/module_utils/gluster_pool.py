# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trusted pool as one of its hosts sees it: who is in it, by which names, and in which condition."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Sequence
from xml.etree import ElementTree

# As gluster numbers the states of a peer.
_IN_CLUSTER = "3"
_REJECTED = "6"

CONNECTED = "connected"
DISCONNECTED = "disconnected"
REJECTED = "rejected"
JOINING = "joining"


class Peer(NamedTuple):
    uuid: str
    names: tuple[str, ...]  # the first is the one that gluster shows
    connected: bool
    state: str = _IN_CLUSTER
    state_text: str = "Peer in Cluster"

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def condition(self) -> str:
        # A rejected peer is connected, and 'pool list' in plain text shows no more than that.
        if self.state == _REJECTED:
            return REJECTED
        if self.state != _IN_CLUSTER:
            return JOINING
        return CONNECTED if self.connected else DISCONNECTED

    def shown(self) -> dict[str, Any]:
        return {
            "uuid": self.uuid,
            "name": self.name,
            "names": list(self.names),
            "condition": self.condition,
            "state": self.state_text,
        }


class Pool(NamedTuple):
    uuid: str  # of this host; empty as long as the command is not installed
    peers: tuple[Peer, ...] = ()
    called: tuple[str, ...] = ()  # as its peers call this host, where they were asked

    def find(self, name: str) -> Peer | None:
        return next((peer for peer in self.peers if name.lower() in map(str.lower, peer.names)), None)

    def names(self) -> list[str]:
        """Of all hosts, this one among them if its peers were asked."""
        return [*self.called, *(name for peer in self.peers for name in peer.names)]


def parse_pool(tree: ElementTree.Element) -> Pool:
    """From 'pool list', which unlike 'peer status' has the host itself, under the name localhost."""
    own, peers = "", []
    for node in tree.iter("peer"):
        name = node.findtext("hostname") or ""
        if name == "localhost" and node.find("stateStr") is None:
            own = node.findtext("uuid") or ""
            continue
        names = [entry.text or "" for entry in node.findall("hostnames/hostname")]
        peers.append(
            Peer(
                uuid=node.findtext("uuid") or "",
                names=tuple(dict.fromkeys([name, *names])),
                connected=node.findtext("connected") == "1",
                state=node.findtext("state") or "",
                state_text=node.findtext("stateStr") or "",
            )
        )
    return Pool(own, tuple(peers))


# -- the definitions of the volumes, of which every host keeps its own copy ------------------------------------------

# One volume as a host has it on its disk: its checksum, and what the checksum is of.
Definition = Dict[str, Any]


def parse_definition(cksum: str, info: str) -> Definition:
    """From the files cksum and info below /var/lib/glusterd/vols/VOLUME."""
    lines = dict(line.split("=", 1) for line in info.splitlines() if "=" in line)
    return {"checksum": cksum.strip().partition("=")[2], "info": lines}


def differences(views: Mapping[str, Mapping[str, Definition]]) -> list[str]:
    """A sentence for each volume of which the hosts have different definitions: the cause of a rejected peer."""
    found = []
    for volume in sorted({name for volumes in views.values() for name in volumes}):
        lacking = sorted(host for host, volumes in views.items() if volume not in volumes)
        having = {host: volumes[volume] for host, volumes in views.items() if volume in volumes}
        if lacking:
            found.append(
                f"volume {volume}: {', '.join(sorted(having))} have it and {', '.join(lacking)} have not; it may be "
                "the ghost of a creation that failed."
            )
        sums = {definition["checksum"] for definition in having.values()}
        if len(sums) > 1:
            by_sum = "; ".join(
                f"{', '.join(sorted(h for h, d in having.items() if d['checksum'] == one))} have checksum {one}"
                for one in sorted(sums)
            )
            found.append(f"volume {volume}: {by_sum}. {_lines(having)}")
    return found


def _lines(having: Mapping[str, Definition]) -> str:
    """Which lines differ; the order of lines differs between hosts and does no harm."""
    keys = sorted({key for definition in having.values() for key in definition["info"]})
    parts = []
    for key in keys:
        values = {host: definition["info"].get(key, "(nothing)") for host, definition in having.items()}
        if len(set(values.values())) > 1:
            parts.append(f"{key} is " + ", ".join(f"{value} on {host}" for host, value in sorted(values.items())))
    return ("They differ in: " + "; ".join(parts) + ".") if parts else "Their info files hold the same lines."


def cure(peer: str, this_host: str) -> str:
    return (
        f"peer {peer} is rejected: glusterd of {this_host} and that of {peer} have different definitions of a volume, "
        f"and neither takes those of the other. Compare them (definitions of gluster_peer_info on every host; often it "
        f"is auth.allow, which 'gluster volume set' then makes the same everywhere). If only {peer} is wrong, run "
        f"gluster_peer there with cure_rejected: [{peer}]; that fetches all definitions anew and keeps the data."
    )


def described(pool: Pool) -> Sequence[str]:
    return [f"{peer.name} ({peer.condition})" for peer in pool.peers]
