# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about a guest that is switched off, and about the snapshots that it leaves in its image."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_row import (
    Row,
    attached,
    backed_up,
    content,
    disk,
    guest,
    made,
    nothing_left,
    rows_into,
    same,
    seen,
    snapshot,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import (
    DONE,
    POWEROFF,
    PREFIX,
    NotApplicable,
    RowFailed,
    Session,
)

ROWS: list[Row] = []
row = rows_into(ROWS)


@row("poweroff", "the VM is switched off", "POWEROFF")
def poweroff(session: Session) -> str:
    session.act(guest(session).findtext("ID", ""), POWEROFF, "poweroff", "--hard")
    session.made["off"] = True
    return "POWEROFF"


def off(session: Session) -> None:
    guest(session)
    made(session, "off")


def volatile_file(session: Session, kind: str, **more: str) -> Any:
    return session.file({"DISK": {"TYPE": kind, "SIZE": "32", **more}}, NAME="disk")


@row("tm/mkimage", "a volatile disk with a file system is attached", "in the storage of the system datastore")
def volatile_with_fs(session: Session) -> str:
    off(session)
    vm, one = attached(session, POWEROFF, "--file", volatile_file(session, "fs", FORMAT="raw", FS="ext4"))
    session.made["volatile disk"] = one
    return seen(session, vm, one)


@row("tm/mkswap", "a volatile swap disk is attached", "in the storage of the system datastore")
def swap(session: Session) -> str:
    off(session)
    vm, one = attached(session, POWEROFF, "--file", volatile_file(session, "swap"))
    return seen(session, vm, one)


@row("tm/delete", "a volatile disk is detached", "no longer in the storage")
def delete(session: Session) -> str:
    off(session)
    one = made(session, "volatile disk")
    vm = session.act(guest(session).findtext("ID", ""), POWEROFF, "disk-detach", one.findtext("DISK_ID"))
    return seen(session, vm, one, there=False)


@row("tm/snap_create", "a snapshot of a disk is made while the VM is off", "a snapshot in OpenNebula and the storage")
def snapshot_off(session: Session) -> str:
    """Two, so that the image still has several when the VM is gone."""
    off(session)
    return f"{snapshot(session, POWEROFF, 'off')}; {snapshot(session, POWEROFF, 'second')}"


@row("tm/snap_revert", "the disk goes back to a snapshot", "the content of the snapshot")
def revert(session: Session) -> str:
    off(session)
    number = made(session, "snapshots")[-1]
    vm = session.act(guest(session).findtext("ID", ""), POWEROFF, "disk-snapshot-revert", "0", number)
    kept = session.storage.digest(session.storage.snapshot(disk(vm, "0").findtext("SOURCE", ""), number))
    return same(f"back at snapshot {number}", content(session, vm, "0"), kept)


@row("tm/snap_delete", "a snapshot of a disk is deleted", "no longer in OpenNebula and the storage")
def snapshot_delete(session: Session) -> str:
    off(session)
    if len(made(session, "snapshots")) < 2:  # the current one cannot be deleted
        raise RowFailed("not reached: there are not two snapshots")
    number = session.made["snapshots"].pop(0)
    vm = session.act(guest(session).findtext("ID", ""), POWEROFF, "disk-snapshot-delete", "0", number)
    if number in [one.findtext("ID") for one in vm.findall("SNAPSHOTS[DISK_ID='0']/SNAPSHOT")]:
        raise RowFailed(f"OpenNebula still has snapshot {number}")
    return session.expect_stored(session.storage.snapshot(disk(vm, "0").findtext("SOURCE", ""), number), there=False)


@row("tm/cpds", "a disk is saved as a new image", "READY, the same content")
def save_as(session: Session) -> str:
    off(session)
    wanted = content(session, guest(session), "1")
    return saved(session, wanted, "1", f"{PREFIX}-saved")


def saved(session: Session, wanted: str | None, *words: str) -> str:
    image = session.ready(session.new("onevm", "disk-saveas", made(session, "VM"), *words))
    session.reach(made(session, "VM"), POWEROFF)  # it is busy a moment longer than the image
    source = image.findtext("SOURCE", "")
    return same(session.expect_stored(source), session.storage.digest(source), wanted)


@row("tm/cpds", "a snapshot of a disk is saved as a new image", "READY, the same content")
def save_snapshot_as(session: Session) -> str:
    off(session)
    number = made(session, "snapshots")[-1]
    source = disk(guest(session), "0").findtext("SOURCE", "")
    wanted = session.storage.digest(session.storage.snapshot(source, number))
    return saved(session, wanted, "0", f"{PREFIX}-saved-snapshot", "--snapshot", number)


@row("tm/prebackup", "the VM is backed up while it is off", "a backup image")
def backup_off(session: Session) -> str:
    if session.settings.backup_datastore:
        off(session)
    return backed_up(session, POWEROFF)


row("tm/postbackup", "files of the backup are removed", "no file on the host")(nothing_left)


@row("tm/restore", "disks of the VM are restored from the backup", "POWEROFF, with what was backed up")
def restore(session: Session) -> str:
    if not session.settings.backup_datastore:
        raise NotApplicable("no backup datastore was named")
    off(session)
    vm = session.act(guest(session).findtext("ID", ""), POWEROFF, "restore", made(session, "backup"), "--disk-id", "1")
    return same(seen(session, vm, disk(vm, "1")), content(session, vm, "1"), session.made.get("backed up"))


@row("tm/mvds", "the VM ends and gives its persistent image back", "READY, the image in the storage")
def give_back(session: Session) -> str:
    vm = guest(session)
    session.act(vm.findtext("ID", ""), DONE, "terminate", "--hard")
    session.made.pop("VM")
    session.made["given back"] = True
    image = session.ready(made(session, "persistent image"))
    seen(session, vm, disk(vm, "1"), there=False)
    return session.expect_stored(image.findtext("SOURCE", ""))


# ---- snapshots of an image -------------------------------------------------------------------------------------------


def image_snapshots(session: Session) -> list[str]:
    if "given back" not in session.made:
        guest(session)  # says why there is none
        raise RowFailed("not reached: the image is not back")
    image = session.show("oneimage", made(session, "persistent image"))
    found = [one.findtext("ID", "") for one in image.findall("SNAPSHOTS/SNAPSHOT")]
    if not found:
        raise RowFailed("not reached: the image has no snapshot")
    return found


def image_action(session: Session, verb: str, snapshot_id: str) -> ElementTree.Element:
    number = made(session, "persistent image")
    session.one("oneimage", verb, number, snapshot_id)
    return session.ready(number)


@row("datastore/snap_revert", "an image goes back to a snapshot", "READY, with the content of the snapshot")
def image_revert(session: Session) -> str:
    number = image_snapshots(session)[-1]
    source = image_action(session, "snapshot-revert", number).findtext("SOURCE", "")
    kept = session.storage.digest(session.storage.snapshot(source, number))
    return same("READY", session.storage.digest(source), kept)


@row("datastore/snap_delete", "a snapshot of an image is deleted", "no longer in OpenNebula")
def image_snapshot_delete(session: Session) -> str:
    found = image_snapshots(session)
    if len(found) < 2:
        raise NotApplicable("the image has one snapshot only, which the next row needs")
    image = image_action(session, "snapshot-delete", found[0])
    return session.expect_stored(session.storage.snapshot(image.findtext("SOURCE", ""), found[0]), there=False)


@row("datastore/snap_flatten", "an image becomes a snapshot of it, and loses all others", "READY, without snapshots")
def image_flatten(session: Session) -> str:
    number = image_snapshots(session)[-1]
    source = session.show("oneimage", made(session, "persistent image")).findtext("SOURCE", "")
    kept = session.storage.digest(session.storage.snapshot(source, number))
    image = image_action(session, "snapshot-flatten", number)
    if image.findall("SNAPSHOTS/SNAPSHOT"):
        raise RowFailed("OpenNebula still has snapshots of the image")
    return same(session.expect_stored(source), session.storage.digest(source), kept)


@row("datastore/rm", "an image is deleted", "no longer in the storage")
def remove(session: Session) -> str:
    number = made(session, "persistent image")
    if "VM" in session.made:
        raise RowFailed("not reached: the VM still has the image")
    source = session.show("oneimage", number).findtext("SOURCE", "")
    session.one("oneimage", "delete", number)
    session.wait(
        lambda: True if number not in [one.findtext("ID") for one in session.pool("oneimage")] else None,
        f"image {number} is not gone",
    )
    return session.expect_stored(source, there=False)
