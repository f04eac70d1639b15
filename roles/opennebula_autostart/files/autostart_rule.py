# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which VMs are started again: the rule, without any input or output.

oned says who ended a VM: the last HISTORY record has the action and the user. If nobody did (action 44), the domain was
found gone, and a guest that ended by itself, a killed QEMU and a node that lost its power look the same to oned. Then
the time at which the node booted decides.

Standard library of Python 3.6 only.
"""

import time
from typing import NamedTuple, Optional, Tuple
from xml.etree import ElementTree

# States and actions of OpenNebula by their numbers, the same in 6.10 and 7.4.
ACTIVE, POWEROFF = 3, 8
RUNNING, UNKNOWN, BOOT_POWEROFF = 3, 16, 20
RESUMED, VANISHED = 11, 44
ACTIONS = {5: "undeploy", 9: "stop", 10: "suspend", RESUMED: "resume", 19: "poweroff", 20: "poweroff --hard"}

START, WAIT, LEAVE = "start", "wait", "leave"
WISHES = ("always", "host-failure", "never")


class Policy(NamedTuple):
    default: str = "host-failure"  # for VMs without an attribute AUTOSTART
    undecidable: str = START
    observe_seconds: int = 900  # how long a node is watched after a guest was found gone
    retry_seconds: int = 60
    attempts: int = 5
    losses_per_hour: int = 5  # a VM that goes down more often stays down
    give_up_seconds: int = 86400  # a node that does not come back, an oned that does not answer
    parallel: int = 4
    queue: str = "/var/lib/one/autostart"
    log: str = "/var/log/one/autostart.log"


class Record(NamedTuple):
    """One HISTORY record: one stay of the VM on one node."""

    seq: int
    node: str
    started: int  # RSTIME
    ended: int  # RETIME: when oned noticed the end
    action: int
    uid: int


class Vm(NamedTuple):
    id: int
    name: str
    state: int
    lcm_state: int
    autostart: str
    records: Tuple[Record, ...]


class Boot(NamedTuple):
    """When a node booted, by the front-end's clock, and by how much that may be wrong."""

    time: float
    error: float


class Decision(NamedTuple):
    action: str
    reason: str


class Problem(Exception):
    """A sentence about what could not be done."""


def parse_vm(text: str) -> Vm:
    """From the XML that a hook gets, which is that of `onevm show -x`."""
    try:
        root = ElementTree.fromstring(text)
        if root.tag != "VM":
            raise Problem(f"wanted the XML of a VM and found <{root.tag}>")
        return Vm(
            int(root.findtext("ID", "")),
            root.findtext("NAME", ""),
            int(root.findtext("STATE", "")),
            int(root.findtext("LCM_STATE", "")),
            root.findtext("USER_TEMPLATE/AUTOSTART", "").strip(),
            tuple(sorted(_record(element) for element in root.findall("HISTORY_RECORDS/HISTORY"))),
        )
    except (ElementTree.ParseError, ValueError) as error:
        raise Problem(f"the XML of a VM cannot be read: {error}") from error


def _record(element: ElementTree.Element) -> Record:
    seq, started, ended, action, uid = (
        int(element.findtext(tag, "")) for tag in ("SEQ", "RSTIME", "RETIME", "ACTION", "UID")
    )
    return Record(seq, element.findtext("HOSTNAME", ""), started, ended, action, uid)


def autostart_of(vm: Vm, policy: Policy) -> str:
    """The attribute AUTOSTART. Yes and no are what the example hooks of OpenNebula understand."""
    value = vm.autostart.lower().replace("_", "-")
    value = {"yes": "host-failure", "true": "host-failure", "no": "never", "false": "never"}.get(value, value)
    return value if value in WISHES else policy.default


def decide(vm: Vm, boot: Optional[Boot], policy: Policy, now: float) -> Decision:
    """What to do about a VM as it is; `boot`: of the node that it ran on, None: not known yet."""
    if (vm.state, vm.lcm_state) == (ACTIVE, UNKNOWN):
        return Decision(LEAVE, "its state is unknown, so it may still run: recorded only")
    if vm.state != POWEROFF:
        return Decision(LEAVE, f"its state is {vm.state}/{vm.lcm_state} and not poweroff")
    wish = autostart_of(vm, policy)
    if wish == "never":
        return Decision(LEAVE, "it is never to be started automatically")
    if not vm.records:
        return Decision(LEAVE, "it never ran")
    last = vm.records[-1]
    if last.action != VANISHED or last.uid != -1:
        action = ACTIONS.get(last.action, f"action {last.action}")
        # Only a start that failed ends in poweroff with the resume still in the record.
        what = "its start failed" if last.action == RESUMED else "OpenNebula was told so"
        return Decision(LEAVE, f"{what}: {action} by user {last.uid}")
    losses = sum(record.action == VANISHED and record.ended > last.ended - 3600 for record in vm.records)
    if losses > policy.losses_per_hour:
        return Decision(LEAVE, f"it went down by itself {losses} times within an hour")
    decision = judge(last, boot, policy, now)
    if wish == "always" and boot is not None and decision.action != START:
        return Decision(START, "it went down by itself and is always wanted")
    return decision


def judge(lost: Record, boot: Optional[Boot], policy: Policy, now: float) -> Decision:
    """Guest or node?"""
    node = f"node {lost.node}"
    if boot is None:
        return Decision(WAIT, f"{node} did not say when it booted")
    if boot.time > lost.ended + boot.error:
        # The node was shut down and stopped its guests first, or the guest happened to end just before.
        gap = round(boot.time - lost.ended)
        return Decision(policy.undecidable, f"undecidable: it was found gone {gap} s before {node} booted")
    if abs(boot.time - lost.started) <= boot.error:
        return Decision(policy.undecidable, f"undecidable: {node} booted when it was started")
    if boot.time > lost.started:
        return Decision(START, f"{node} booted at {stamp(boot.time)}, while it ran")
    if now <= lost.ended + policy.observe_seconds:
        return Decision(WAIT, f"{node} has not booted since; it may be shutting down")
    return Decision(LEAVE, f"it ended by itself: {node} is up since {stamp(boot.time)}")


def follow_up(vm: Vm, lost: Record, boot: Optional[Boot], policy: Policy, now: float) -> Decision:
    """What to do about a VM that was queued when `lost` had ended, and may have been touched since."""
    later = [record for record in vm.records if record.seq > lost.seq]
    if vm.state == ACTIVE and later and vm.lcm_state == RUNNING:
        return Decision(LEAVE, "it runs again")
    if vm.state == ACTIVE and later and vm.lcm_state == BOOT_POWEROFF:
        return Decision(WAIT, "it is starting")
    # A start that failed leaves the VM in poweroff, with a record of its own that still has the resume in it.
    if lost not in vm.records or any(record.action != RESUMED for record in later):
        return Decision(LEAVE, f"it was changed meanwhile: state {vm.state}/{vm.lcm_state}")
    if len(later) >= policy.attempts:
        return Decision(LEAVE, f"gave up: {len(later)} starts failed")
    before = vm.records[: vm.records.index(lost) + 1]
    return decide(vm._replace(records=before), boot, policy, now)


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))
