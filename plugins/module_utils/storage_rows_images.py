# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about the space of datastores and about images."""

from __future__ import annotations

from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_row import (
    Row,
    made,
    rows_into,
    same,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import (
    LOCAL_FILE,
    PREFIX,
    NotApplicable,
    RowFailed,
    Session,
)

ROWS: list[Row] = []
row = rows_into(ROWS)


@row("datastore/monitor", "space of the image datastore is reported", "a size above 0")
def image_space(session: Session) -> str:
    return space(session.store)


@row("tm/monitor", "space of the system datastore is reported", "a size above 0")
def system_space(session: Session) -> str:
    store = session.system_store()
    if (store.findtext("TEMPLATE/SHARED") or "").upper() == "NO":
        raise NotApplicable("the nodes report the space of a system datastore that is not shared")
    return space(store)


def space(store: ElementTree.Element) -> str:
    total = int(store.findtext("TOTAL_MB") or 0)
    if total <= 0:
        raise RowFailed(f"{store.findtext('NAME')} has no size")
    return f"{total} MB"


@row("datastore/mkfs", "an image with a file system is made", "READY, with its size in the storage")
def mkfs(session: Session) -> str:
    size = session.settings.size_mb
    # StorPool's driver refuses file systems.
    file_system = {} if session.driver == "storpool" else {"FS": "ext4"}
    number = session.image("data", TYPE="DATABLOCK", SIZE=size, FORMAT="raw", PERSISTENT="YES", **file_system)
    session.made["persistent image"] = number
    said = session.expect_stored(session.show("oneimage", number).findtext("SOURCE", ""), size_mb=size)
    return said if file_system else f"{said}; empty, for the driver makes no file systems"


@row("datastore/cp", "an external image is imported", "READY, in the storage, with the content of the file")
def cp(session: Session) -> str:
    session.one("dd", "if=/dev/urandom", f"of={LOCAL_FILE}", "bs=1M", "count=16", "status=none")
    session.made["content"] = session.one("sha256sum", LOCAL_FILE).split()[0]
    number = session.image("import", TYPE="OS", PATH=LOCAL_FILE, FORMAT="raw", PERSISTENT="NO")
    session.made["image"] = number
    source = session.show("oneimage", number).findtext("SOURCE", "")
    said = session.expect_stored(source, size_mb=16)
    return same(said, session.storage.digest(source), session.made["content"])


def of_image(session: Session) -> str | None:
    """What is to be in a copy: the image's content, or that of the file where the storage cannot be read from here."""
    source = session.show("oneimage", made(session, "image")).findtext("SOURCE", "")
    return session.storage.digest(source) or session.made.get("content")


@row("datastore/clone", "an image is copied within the datastore", "READY, the same content, no parent")
def clone_image(session: Session) -> str:
    number = session.new("oneimage", "clone", made(session, "image"), f"{PREFIX}-clone")
    source = session.ready(number).findtext("SOURCE", "")
    said = session.expect_stored(source)
    if said.endswith("in the storage") and (session.stored(source) or {}).get("parent_name"):
        raise RowFailed(f"{source} still has a parent: it is no copy of its own")
    said = same(said, session.storage.digest(source), of_image(session))
    session.one("oneimage", "delete", number)
    return said


@row("datastore/export", "an image is copied into another datastore", "READY there, the same content")
def export(session: Session) -> str:
    if not session.settings.other_datastore:
        raise NotApplicable("no other image datastore was named")
    image, other = made(session, "image"), session.settings.other_datastore
    number = session.new("oneimage", "clone", image, f"{PREFIX}-export", "-d", other)
    source = session.ready(number).findtext("SOURCE", "")
    said = same(f"copied into {other}", session.storage_in(other).digest(source), of_image(session))
    session.one("oneimage", "delete", number)
    return said


@row("datastore/stat", "the size of an image is told", "nothing: no action of OpenNebula calls it here")
def stat(session: Session) -> str:
    raise NotApplicable("the guide knows no action that calls it, and neither does OpenNebula for these drivers")
