# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the storage acceptance sees of the storage itself, from the front-end, with the vendor's own tool.

Where there is no tool the answer is None or KeyError, and the row says that it was not looked at. A tool that is there
and fails is a failure of its row.
"""

from __future__ import annotations

import json
from typing import Any, Callable
from xml.etree import ElementTree

Run = Callable[[list[str]], "tuple[int, str, str]"]
DIGEST = 'set -o pipefail; "$@" | sha256sum'


class RowFailed(Exception):
    """What was expected is not so; the text says what is."""


class Unseen:
    """A storage that cannot be asked from here. The names are those of Vitastor and Ceph."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def disk(self, vm_id: str, disk: ElementTree.Element) -> str:
        source, number = disk.findtext("SOURCE") or "", disk.findtext("DISK_ID")
        if not source:
            return f"{disk.findtext('IMAGE_PREFIX') or 'one'}-sys-{vm_id}-{number}"
        return f"{source}-{vm_id}-{number}" if disk.findtext("CLONE") == "YES" else source

    def snapshot(self, source: str, number: str) -> str:
        return f"{source}@{number}"

    def find(self, name: str) -> dict[str, Any] | None:
        """size in bytes and parent_name; None where there is none; KeyError where nobody can tell."""
        raise KeyError(name)

    def digest(self, name: str) -> str | None:
        """Of the content; None where it cannot be read from here."""
        if not name.startswith("/"):
            return None
        rc, out, _err = self.run(["sha256sum", name])  # an image of a datastore that is a directory
        return out.split()[0] if rc == 0 else None


class Vitastor(Unseen):
    def __init__(self, run: Run, config: str, prefix: str) -> None:
        super().__init__(run)
        self.cli = ["vitastor-cli", *(["--config_path", config] if config else [])]
        self.prefix = prefix

    def disk(self, vm_id: str, disk: ElementTree.Element) -> str:
        if not disk.findtext("SOURCE"):
            return f"{disk.findtext('IMAGE_PREFIX') or self.prefix}-sys-{vm_id}-{disk.findtext('DISK_ID')}"
        return super().disk(vm_id, disk)

    def find(self, name: str) -> dict[str, Any] | None:
        rows = answer(self.run, [*self.cli, "ls", "--json", name])  # an empty list where there is none
        return next((one for one in rows if one["name"] == name), None)

    def digest(self, name: str) -> str | None:
        return str(said(self.run, ["bash", "-c", DIGEST, "digest", *self.cli, "dd", f"iimg={name}"]).split()[0])


class Storpool(Unseen):
    """A source is TEMPLATE/VOLUME; the content is behind devices that are on no front-end."""

    def disk(self, vm_id: str, disk: ElementTree.Element) -> str:
        name = super().disk(vm_id, disk)
        return name if disk.findtext("SOURCE") else f"{name}-raw"

    def snapshot(self, source: str, number: str) -> str:
        return f"{source}-snap{number}"

    def find(self, name: str) -> dict[str, Any] | None:
        name = name.rpartition("/")[2]
        for kind in ("volume", "snapshot"):  # what was given back is a snapshot for a while
            data = answer(self.run, ["storpool", "-B", "-j", kind, "list"])["data"]
            rows = data[f"{kind}s"] if isinstance(data, dict) else data
            for one in rows:
                if one["name"] == name:
                    return {"size": int(one["size"])}
        return None

    def digest(self, name: str) -> str | None:
        return None


def said(run: Run, argv: list[str]) -> str:
    rc, out, err = run(argv)
    if rc != 0 or not out.strip():
        raise RowFailed(f"the storage does not answer: {' '.join((err or out).split()) or f'ended with {rc}'}")
    return out


def answer(run: Run, argv: list[str]) -> Any:
    """The JSON of a tool, which is its last line: complaints about pools that go come before it."""
    return json.loads(said(run, argv).strip().splitlines()[-1])


def storage_of(run: Run, store: ElementTree.Element) -> Unseen:
    driver = (store.findtext("TM_MAD") or "").lower()
    if driver == "vitastor" and run(["which", "vitastor-cli"])[0] == 0:
        config, prefix = store.findtext("TEMPLATE/VITASTOR_CONF"), store.findtext("TEMPLATE/IMAGE_PREFIX")
        return Vitastor(run, config or "", prefix or "one")
    if driver == "storpool" and run(["which", "storpool"])[0] == 0:
        return Storpool(run)
    return Unseen(run)
