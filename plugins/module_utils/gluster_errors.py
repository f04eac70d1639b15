# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gluster command answered: whether it did what it was asked for, and a sentence where it did not.

Its return code alone says nothing: with --xml most failures end with 0 and an opRet that is not 0, and a prompt that
nobody answers ends with 0 as well, without anything done. Its text on success may look like an error and the other way
round. So everything is judged here, in one place.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence
from xml.etree import ElementTree

UNREACHABLE = "unreachable"  # glusterd of this host does not answer
TIMEOUT = "timeout"
BUSY = "busy"  # another transaction holds the lock; nothing was done, and trying again is right
IN_FLIGHT = "in flight"  # a probe has not ended: an empty list of peers that is none
ABSENT = "absent"  # there is no such volume or peer
SETTLED = "settled"  # it is so already
EMPTY = "empty"  # nothing of the kind is there
STOPPED = "stopped"  # the volume is not started
REFUSED = "refused"

# 'timeout' of coreutils ends with these when it had to stop the command: by SIGTERM, by SIGKILL.
_STOPPED_BY_TIMEOUT = (124, 137)

# The first that matches tells. Texts differ between the plain and the XML answer of the same failure.
_SENTENCES: tuple[tuple[str, str, str], ...] = (
    (
        r"Connection failed\. Please check if gluster daemon is operational",
        UNREACHABLE,
        "glusterd does not answer. Look at 'systemctl status glusterd' and /var/log/glusterfs/glusterd.log.",
    ),
    (r"Request timed out", TIMEOUT, "glusterd may still be at it; look at 'gluster volume info', then run again."),
    (
        # The lock of a volume, of the pool, and that of another host.
        r"Another transaction (is|could be) in progress|Locking failed on",
        BUSY,
        "Somebody else changes the volume or the pool at this moment. Run again when that has ended.",
    ),
    (
        r"either already part of another cluster or having volumes configured",
        REFUSED,
        "Every host belongs to one pool. If that host was in use elsewhere, detach it there (gluster peer detach), or "
        "delete the volumes that it has of its own; then run again.",
    ),
    (
        r"Transport endpoint is not connected",
        REFUSED,
        "The name does not resolve, glusterd does not run there, or TCP port 24007 is closed in between.",
    ),
    (
        r"hosts one or more bricks",
        REFUSED,
        "Take its bricks out of the volumes first: replace them, or remove them with their data migrated.",
    ),
    (
        r"One of the peers is probably down",
        REFUSED,
        "All other peers must be connected for this; see 'gluster pool list'.",
    ),
    (
        r"Staging failed on \S+\.? Error: Volume \S+ does not exist",
        REFUSED,
        "This host knows a volume that the others do not: the ghost of a creation that failed.",
    ),
    (r"is not part of cluster", ABSENT, "There is no such peer."),
    (r"[Vv]olume (\S+ )?does not exist|Unable to get volinfo for volume", ABSENT, "There is no such volume."),
    (
        r"already started$|is not in the started state|Quota is already enabled|File not in split-brain",
        SETTLED,
        "It is so already.",
    ),
    (r"No quota configured on volume", EMPTY, "No directory has a limit."),
    (r"Quota is disabled, please enable quota", SETTLED, "The quota of this volume is switched off."),
    (
        r"(re)?balance not started for volume|remove-brick not started for volume",
        EMPTY,
        "There is no such task on this volume.",
    ),
    (r"is not started|Not able to fetch volfile", STOPPED, "Start the volume first."),
    (
        r"is in progress\. Please retry|migration is in progress|is not yet committed",
        REFUSED,
        "Data of this volume is being moved. Wait for that: 'gluster volume status' shows the task.",
    ),
    (
        r"already part of a volume",
        REFUSED,
        "The directory bears the mark of a volume: one that was deleted, or one whose creation failed half way (then "
        "this hides the reason of that failure). If nothing in it is needed, name it in 'reset' of gluster_brick.",
    ),
    (
        r"may be containing or be contained by an existing brick|containing or be contained",
        REFUSED,
        "Bricks must not lie in one another, and each belongs to one volume.",
    ),
    (
        r"is being created in the root partition",
        REFUSED,
        "The disk of the brick is not mounted there. Prepare it with gluster_brick; data would fill the root disk.",
    ),
    (
        r"is a mount point\. Please create a sub-directory",
        REFUSED,
        "Use a directory below the mount point, so that a disk that is not mounted is noticed.",
    ),
    (
        r"Multiple bricks of a (replicate|disperse) volume are present on the same server",
        REFUSED,
        "Order the bricks so that those of one set are on different hosts; the filter gluster_brick_layout does.",
    ),
    (r"Failed to create brick directory .*No such file", REFUSED, "The directory above the brick must exist."),
    (
        r"Failed to find host|Host \S+ (is )?not (connected|in 'Peer in Cluster')",
        REFUSED,
        "Every host of a brick must be a connected peer in the cluster; see 'gluster pool list'.",
    ),
    (r"Some of the peers are down", REFUSED, "All peers must be up for this; see 'gluster pool list'."),
    (r"option : \S+ does not exist|Option \S+ does not exist", REFUSED, "Correct the name of the option."),
    (r"Validation Failed|invalid \w+ format", REFUSED, "The option does not take this value."),
    (r"Unable to open file '/var/lib/glusterd/groups/", REFUSED, "There is no group of options of this name."),
    (r"Failed to get trusted\.gfid attribute on path", REFUSED, "The directory must exist in the volume."),
    (
        r"not permitted on distribute only volumes",
        REFUSED,
        "There is no copy of its data: add the new brick, then remove the old one with its data migrated.",
    ),
    (
        r"Wrong brick type: stripe",
        REFUSED,
        "Striped volumes are gone from GlusterFS; set the option features.shard to spread large files.",
    ),
    (
        r"No difference in mtime",
        REFUSED,
        "With features.ctime on, all copies bear the same time. Choose another policy, or switch features.ctime off.",
    ),
    (r"Use source-brick option to heal metadata", REFUSED, "Sizes and times do not tell here; name the right brick."),
    (r"Self-heal-daemon is disabled", REFUSED, "Set the option cluster.self-heal-daemon to on."),
    (
        r"only volumes of replicate/disperse type",
        REFUSED,
        "A volume that only distributes has no second copy, so that there is nothing to heal.",
    ),
    (r"Deleting all the bricks", REFUSED, "Delete the volume instead."),
    (r"Volume \S+ already exists", REFUSED, "Somebody has made it since the volumes were read. Run again."),
    (
        r"Failed to create volume files",
        REFUSED,
        "The number of bricks does not fit the form. A ghost of the volume may be left in /var/lib/glusterd/vols.",
    ),
    (
        r"(Incorrect brick \S+ for|does not exist in) volume",
        REFUSED,
        "The bricks have changed since the volume was read. Run again.",
    ),
    (r"is not decommissioned", REFUSED, "The removal was not begun, or was stopped. Run again."),
    (
        r"Lookup failed on \S+:\s?No such file",
        REFUSED,
        "Give the path of the file within the volume, beginning with /.",
    ),
    (r"No such brick available", REFUSED, "Name one of the bricks of the volume, as 'gluster volume info' shows it."),
    (r"unrecognized word", REFUSED, "This release may be too old for it."),
    (
        r"cli read error|Invalid input, please enter y/n|Do you (still )?want to continue\?",
        REFUSED,
        "The command asked a question that nobody could answer, and did nothing.",
    ),
)


class Answer(NamedTuple):
    kind: str  # '' if it did what it was asked for
    said: str  # in its own words, both streams
    tree: ElementTree.Element | None = None
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.kind

    def sentence(self, command: str) -> str:
        said = self.said[:700].rstrip(" .") or "nothing"
        return f"'{command}' said: {said}. {self.advice}".rstrip()


def judge(rc: int, stdout: str, stderr: str, limit: int = 0) -> Answer:
    said = _flat(f"{stderr}\n{stdout}")
    if rc in _STOPPED_BY_TIMEOUT:
        advice = f"It did not end within {limit} s and was stopped; glusterd may still be at it. Look, then run again."
        return Answer(TIMEOUT, said, None, advice)
    if stdout.lstrip().startswith("<?xml"):
        return _judge_xml(rc, stdout, stderr)
    if rc == 0 and not re.search(r"cli read error|Invalid input", said):
        return Answer("", said)
    return _failure(said)


def _judge_xml(rc: int, stdout: str, stderr: str) -> Answer:
    try:
        tree = ElementTree.fromstring(stdout.strip())
    except ElementTree.ParseError as error:
        return Answer(REFUSED, _flat(stdout)[:200], None, f"Its XML cannot be read ({error}).")
    op_ret = tree.findtext("opRet")
    said = _flat(" ".join(filter(None, (tree.findtext("opErrstr"), _output(tree), stderr))))
    if op_ret == "0" and rc == 0:
        return Answer("", said, tree)
    if op_ret == "-22" and tree.find("peerStatus") is not None:
        return Answer(IN_FLIGHT, said, tree, "A peer is being probed and has not answered yet; it may be frozen.")
    return _failure(said or f"opRet {op_ret}, rc {rc}", tree)


def _output(tree: ElementTree.Element) -> str | None:
    """Often the same text once more."""
    output = tree.findtext("output")
    return None if output == tree.findtext("opErrstr") or (output or "").endswith("unsuccessful") else output


def _failure(said: str, tree: ElementTree.Element | None = None) -> Answer:
    if said == "peer status: failed":  # all that the plain answer says during a probe
        return Answer(IN_FLIGHT, said, tree, "A peer is being probed and has not answered yet; it may be frozen.")
    for pattern, kind, advice in _SENTENCES:
        if re.search(pattern, said):
            return Answer(kind, said, tree, advice)
    return Answer(
        REFUSED, said, tree, "" if said else "It did not understand the call; this release may be too old for it."
    )


def _flat(text: str) -> str:
    """In one line, without the summary of how the command is to be called."""
    return " ".join(re.sub(r"\n?\s*Usage:.*", "", text, flags=re.DOTALL).split())


# What a step of a plan may find done already, by somebody else or by the run before, which was killed.
_DONE_ALREADY: tuple[tuple[str, str], ...] = (
    (r"volume start ", r"already started"),
    (r"volume stop ", r"not in the started state"),
    # Not if it is said of another host: that is a ghost, and it is still there.
    (r"volume delete ", r"^Volume \S+ does not exist$"),
    (r"peer detach ", r"is not part of cluster"),
    (r"volume quota \S+ enable", r"already enabled"),
    (r"volume quota \S+ disable", r"Quota is disabled"),
    (r"volume rebalance \S+ start", r"is already started"),
    (r"volume remove-brick .* stop", r"remove-brick not started"),
    (r"volume heal \S+ split-brain ", r"File not in split-brain"),
)


def done_already(argv: Sequence[str], said: str) -> bool:
    command = " ".join(argv)
    return any(re.search(which, command) and re.search(text, said) for which, text in _DONE_ALREADY)


def other_way(argv: Sequence[str], said: str) -> Sequence[str]:
    """The command that does it where gluster refuses this one; empty where there is none.

    A glusterd that has read its volumes while the directory of a brick was missing, as on a disk that was lost before
    the host was started, does not recognise the brick: it is new to it, and is replaced by itself.
    """
    if tuple(argv[1:3]) == ("volume", "reset-brick") and "use gluster volume replace-brick" in said:
        return (argv[0], "volume", "replace-brick", *argv[3:])
    return ()
