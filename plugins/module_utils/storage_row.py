# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the storage acceptance, and what several of them need.

A row is named after the driver script that it is about. It returns what was seen, or raises. A row whose forerunner
failed was not reached, and says so.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import (
    PREFIX,
    NotApplicable,
    RowFailed,
    Session,
)


class Row(NamedTuple):
    script: str  # as the guide calls it
    action: str
    expected: str
    check: Callable[[Session], str]


Check = Callable[[Session], str]


def rows_into(rows: list[Row]) -> Callable[[str, str, str], Callable[[Check], Check]]:
    """A decorator that adds what it decorates to a list of rows."""

    def row(script: str, action: str, expected: str) -> Callable[[Check], Check]:
        def add(check: Check) -> Check:
            rows.append(Row(script, action, expected, check))
            return check

        return add

    return row


def made(session: Session, name: str) -> Any:
    if name not in session.made:
        raise RowFailed(f"not reached: {name} could not be made")
    return session.made[name]


def disk(vm: ElementTree.Element, number: str) -> ElementTree.Element:
    for one in vm.findall("TEMPLATE/DISK"):
        if one.findtext("DISK_ID") == number:
            return one
    raise RowFailed(f"VM {vm.findtext('ID')} has no disk {number}")


def newest_disk(vm: ElementTree.Element) -> ElementTree.Element:
    return max(vm.findall("TEMPLATE/DISK"), key=lambda one: int(one.findtext("DISK_ID") or 0))


def seen(
    session: Session, vm: ElementTree.Element, one: ElementTree.Element, there: bool = True, size_mb: int = 0
) -> str:
    storage = session.storage_of_disk(one)
    return session.expect_stored(storage.disk(vm.findtext("ID", ""), one), there, size_mb, storage)


def same(said: str, found: str | None, wanted: str | None) -> str:
    """Digests of two contents, None where one could not be read from here."""
    if found is None or wanted is None:
        return f"{said}; the content was not compared"
    if found != wanted:
        raise RowFailed(f"{said}, but its content is another: sha256 {found[:12]}..., expected {wanted[:12]}...")
    return f"{said}; the content is the same"


def content(session: Session, vm: ElementTree.Element, number: str) -> str | None:
    one = disk(vm, number)
    storage = session.storage_of_disk(one)
    return storage.digest(storage.disk(vm.findtext("ID", ""), one))


def guest(session: Session) -> ElementTree.Element:
    if not session.hosts():
        raise NotApplicable("no monitored host")
    return session.show("onevm", made(session, "VM"))


def attached(session: Session, state: tuple[str, str], *argv: Any) -> tuple[ElementTree.Element, ElementTree.Element]:
    before = guest(session)
    vm = session.act(before.findtext("ID", ""), state, "disk-attach", *argv)
    if len(vm.findall("TEMPLATE/DISK")) == len(before.findall("TEMPLATE/DISK")):
        raise RowFailed("the VM has no disk more than before")
    return vm, newest_disk(vm)


def snapshot(session: Session, state: tuple[str, str], name: str) -> str:
    before = guest(session)
    vm = session.act(before.findtext("ID", ""), state, "disk-snapshot-create", "0", f"{PREFIX}-{name}")
    ids = [one.findtext("ID", "") for one in vm.findall("SNAPSHOTS[DISK_ID='0']/SNAPSHOT")]
    if len(ids) <= len(before.findall("SNAPSHOTS[DISK_ID='0']/SNAPSHOT")):
        raise RowFailed("the disk has no snapshot more than before")
    session.made.setdefault("snapshots", []).append(ids[-1])
    return session.expect_stored(session.storage.snapshot(disk(vm, "0").findtext("SOURCE", ""), ids[-1]))


def backed_up(session: Session, state: tuple[str, str]) -> str:
    if not session.settings.backup_datastore:
        raise NotApplicable("no backup datastore was named")
    before = guest(session)
    vm = session.act(before.findtext("ID", ""), state, "backup", "-d", session.settings.backup_datastore, "--reset")
    ids = [one.text or "" for one in vm.findall("BACKUPS/BACKUP_IDS/ID")]
    if len(ids) <= len(before.findall("BACKUPS/BACKUP_IDS/ID")):
        raise RowFailed("OpenNebula has no backup more than before")
    session.made["backup"] = ids[-1]
    session.made.setdefault("backups", []).append(ids[-1])
    session.made["backed up"] = content(session, vm, "1")
    return f"backup image {ids[-1]}"


def nothing_left(session: Session) -> str:
    if not session.settings.backup_datastore:
        raise NotApplicable("no backup datastore was named")
    vm = guest(session)
    made(session, "backup")
    folder = f"/var/lib/one/datastores/{session.system_store().findtext('ID')}/{vm.findtext('ID')}/backup"
    left = session.one("ssh", session.host_of(vm), f"test ! -e {folder} || ls -A {folder}").split()
    if left:
        raise RowFailed(f"{folder} still has {', '.join(left)}")
    return "no file is left on the host"
