# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about a guest that runs."""

from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_row import (
    Row,
    attached,
    backed_up,
    disk,
    guest,
    made,
    nothing_left,
    rows_into,
    seen,
    snapshot,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import (
    DONE,
    RUNNING,
    STOPPED,
    NotApplicable,
    RowFailed,
    Session,
)

ROWS: list[Row] = []
row = rows_into(ROWS)

CONTEXT = {"NETWORK": "NO"}


@row(
    "vmm/kvm/deploy", "a VM with persistent, other and volatile disk is started", "RUNNING, with its disks as declared"
)
def deploy(session: Session) -> str:
    disks = [
        {"IMAGE_ID": made(session, "persistent image")},
        {"IMAGE_ID": made(session, "image")},
        {"TYPE": "fs", "SIZE": session.settings.size_mb, "FORMAT": "raw"},
    ]
    session.made["VM"] = session.vm("vm", DISK=disks, CONTEXT=CONTEXT)
    vm = session.reach(session.made["VM"], RUNNING)
    devices = [one.get("type") for one in session.domain(vm).findall("devices/disk[@device='disk']")]
    wrong = {"vitastor": "network", "storpool": "block", "ceph": "network"}.get(session.driver)
    if wrong and any(kind != wrong for kind in devices):
        session.made.pop("VM")
        raise RowFailed(f"disks of the guest are {', '.join(map(str, devices))}, expected {wrong}")
    return f"{len(devices)} disks on {session.host_of(vm)}"


@row("vmm/kvm/deploy", "a VM without context is started", "RUNNING")
def deploy_without_context(session: Session) -> str:
    number = session.vm("plain", DISK=[{"IMAGE_ID": made(session, "image")}])
    vm = session.reach(number, RUNNING)
    session.act(number, DONE, "terminate", "--hard")
    return f"ran on {session.host_of(vm)}"


@row("tm/ln", "a persistent image is a disk of the VM", "the image itself, no copy")
def link(session: Session) -> str:
    one = disk(guest(session), "0")
    if one.findtext("CLONE") != "NO":
        raise RowFailed("the disk is a copy of the image")
    return session.expect_stored(one.findtext("SOURCE", ""))


@row("tm/clone", "another image is a disk of the VM", "a copy in the storage")
def clone(session: Session) -> str:
    vm = guest(session)
    return seen(session, vm, disk(vm, "1"))


@row("tm/context", "the VM has a disk with its context", "a CD in the guest")
def context(session: Session) -> str:
    if not session.domain(guest(session)).findall("devices/disk[@device='cdrom']"):
        raise RowFailed("the guest has no CD")
    return "the guest has a CD"


@row("tm/mkimage", "the VM has a volatile disk", "in the storage of the system datastore")
def volatile(session: Session) -> str:
    vm = guest(session)
    return seen(session, vm, disk(vm, "2"))


@row("tm/resize", "a disk that is not persistent grows", "its new size in OpenNebula and the storage")
def resize(session: Session) -> str:
    vm = session.act(guest(session).findtext("ID", ""), RUNNING, "disk-resize", "1", "32")
    if disk(vm, "1").findtext("SIZE") != "32":
        raise RowFailed(f"the disk has {disk(vm, '1').findtext('SIZE')} MB, expected 32")
    return seen(session, vm, disk(vm, "1"), size_mb=32)


@row("attach to a running VM", "an image is attached while the VM runs", "the guest has the disk")
def attach_live(session: Session) -> str:
    vm, one = attached(session, RUNNING, "--image", made(session, "image"))
    targets = [target.get("dev") for target in session.domain(vm).findall("devices/disk/target")]
    if one.findtext("TARGET") not in targets:
        raise RowFailed(f"the guest has {', '.join(map(str, targets))}, and not {one.findtext('TARGET')}")
    return f"as {one.findtext('TARGET')}"


@row("tm/snap_create_live", "a snapshot of a disk is made while the VM runs", "a snapshot in OpenNebula")
def snapshot_live(session: Session) -> str:
    return snapshot(session, RUNNING, "live")


def migrated(session: Session) -> str:
    hosts = session.hosts()
    if len(hosts) < 2:
        raise NotApplicable("fewer than two monitored hosts" if hosts else "no monitored host")
    vm = guest(session)
    other = next(name for name in hosts if name != session.host_of(vm))
    if "migrated" not in session.made:
        vm = session.act(vm.findtext("ID", ""), RUNNING, "migrate", "--live", other)
        if session.host_of(vm) != other:
            raise RowFailed(f"the VM is on {session.host_of(vm)}, expected {other}")
        session.made["migrated"] = other
    return f"the VM went to {session.made['migrated']} and runs"


for _script in ("tm/premigrate", "tm/mv", "tm/postmigrate"):
    row(_script, "the VM goes to another host while it runs", "RUNNING on the other host")(migrated)


@row("tm/failmigrate", "a migration fails", "nothing: the script has nothing to undo")
def failmigrate(session: Session) -> str:
    raise NotApplicable("the script is empty in these drivers, and a migration is not made to fail on purpose")


@row("vmm/kvm/save", "the VM is stopped with its memory", "STOPPED")
def save(session: Session) -> str:
    session.act(guest(session).findtext("ID", ""), STOPPED, "stop")
    session.made["stopped"] = True
    return "STOPPED"


@row("vmm/kvm/restore", "it is started again with its memory", "RUNNING")
def restore_memory(session: Session) -> str:
    made(session, "stopped") if session.hosts() else guest(session)
    session.act(guest(session).findtext("ID", ""), RUNNING, "resume")
    return "RUNNING"


@row("tm/prebackup_live", "the VM is backed up while it runs", "a backup image")
def backup_live(session: Session) -> str:
    return backed_up(session, RUNNING)


row("tm/postbackup_live", "files of the backup are removed", "no file on the host")(nothing_left)


@row("consistency of a live backup", "what is backed up is one moment of a disk that is written", "one moment")
def consistent(session: Session) -> str:
    raise NotApplicable(
        "it needs a guest that writes; of Vitastor's driver it is known that the copy is made after the thaw"
    )
