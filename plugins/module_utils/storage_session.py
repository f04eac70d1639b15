# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows of the storage acceptance do with OpenNebula and see of the storage.

All goes through the commands that people use. What is made bears a prefix, so that it is found and removed again, also
after a run that was killed.
"""

from __future__ import annotations

import re
from typing import Any, Callable, NamedTuple
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_observed import RowFailed, Unseen, storage_of

PREFIX = "kvmcloud-acceptance"
LOCAL_FILE = f"/var/tmp/{PREFIX}.raw"  # OpenNebula takes local files from here by default
RUNNING, POWEROFF, STOPPED, DONE = ("3", "3"), ("8", "0"), ("4", "0"), ("6", "0")  # STATE and LCM_STATE of a VM
NAMES = {RUNNING: "RUNNING", POWEROFF: "POWEROFF", STOPPED: "STOPPED", DONE: "DONE"}
# LCM_STATEs in which an action has failed and the VM waits for a person.
VM_FAILED = ("36", "37", "38", "39", "40", "41", "42", "44", "46", "47", "48", "49", "50", "61")
IMAGE_READY, IMAGE_ERROR = "1", "5"
MONITORED = "2"  # STATE of a host


class NotApplicable(Exception):
    """The row cannot be run here; the text says why."""


class Settings(NamedTuple):
    datastore: str
    system_datastore: str = ""
    other_datastore: str = ""  # images are copied there
    backup_datastore: str = ""
    timeout: int = 300
    size_mb: int = 64


Run = Callable[[list], "tuple[int, str, str]"]


class Session:
    def __init__(self, run: Run, sleep: Callable[[float], None], settings: Settings) -> None:
        self.run, self.sleep, self.settings = run, sleep, settings
        self.made: dict[str, Any] = {}  # what rows hand on to later ones
        self.store = self._datastore(settings.datastore)
        self.driver = (self.store.findtext("TM_MAD") or "").lower()
        self.storage = storage_of(self.run, self.store)

    # -- commands ------------------------------------------------------------------------------------------------------

    def one(self, *argv: Any) -> str:
        rc, out, err = self.run([word if isinstance(word, str) else str(word) for word in argv])
        if rc != 0:
            raise RowFailed(f"{argv[0]} {argv[1]}: {' '.join((err or out).split()) or f'ended with {rc}'}")
        return out

    def new(self, *argv: Any) -> str:
        found = re.search(r"ID: (\d+)", self.one(*argv))
        if not found:
            raise RowFailed(f"{argv[0]} {argv[1]} told no id")
        return found.group(1)

    def show(self, kind: str, number: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.one(kind, "show", "-x", number))

    def pool(self, kind: str) -> list[ElementTree.Element]:
        return list(ElementTree.fromstring(self.one(kind, "list", "-x")))

    def _datastore(self, name: str) -> ElementTree.Element:
        found = [one for one in self.pool("onedatastore") if name in (one.findtext("NAME"), one.findtext("ID"))]
        if not found:
            raise RowFailed(f"OpenNebula has no datastore {name}")
        return found[0]

    def hosts(self) -> list[str]:
        """Those that are monitored, by name."""
        return [one.findtext("NAME", "") for one in self.pool("onehost") if one.findtext("STATE") == MONITORED]

    def system_store(self) -> ElementTree.Element:
        """The one that is named, or the first that has the images' driver."""
        if self.settings.system_datastore:
            return self._datastore(self.settings.system_datastore)
        systems = [one for one in self.pool("onedatastore") if one.findtext("TYPE") == "1"]
        own = [one for one in systems if (one.findtext("TM_MAD") or "").lower() == self.driver]
        if not (own or systems):
            raise NotApplicable("there is no system datastore")
        return (own or systems)[0]

    # -- images --------------------------------------------------------------------------------------------------------

    def image(self, name: str, **template: Any) -> str:
        number = self.new("oneimage", "create", "-d", self.store.findtext("ID"), self.file(template, NAME=name))
        self.ready(number)
        return number

    def file(self, *vectors: Any, **attributes: Any) -> Any:
        """A template file; a vector is a dictionary under its name, several of one name are a list."""
        merged: dict[str, Any] = {}
        for vector in vectors:
            merged.update(vector)
        merged.update(attributes)
        merged["NAME"] = f"{PREFIX}-{merged['NAME']}"
        lines = []
        for name, value in merged.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    inside = ", ".join(f'{key} = "{text}"' for key, text in one.items())
                    lines.append(f"{name} = [ {inside} ]")
                else:
                    lines.append(f'{name} = "{one}"')
        return TemplateFile("\n".join(lines) + "\n")

    def ready(self, number: str) -> ElementTree.Element:
        def state() -> ElementTree.Element | None:
            image = self.show("oneimage", number)
            if image.findtext("STATE") == IMAGE_ERROR:
                raise RowFailed(f"image {number} is in error: {image.findtext('TEMPLATE/ERROR') or 'no reason given'}")
            return image if image.findtext("STATE") == IMAGE_READY else None

        return self.wait(state, f"image {number} is not READY")

    # -- VMs -----------------------------------------------------------------------------------------------------------

    def vm(self, name: str, **template: Any) -> str:
        if not self.hosts():
            raise NotApplicable("no monitored host")
        where = {"SCHED_DS_REQUIREMENTS": f"ID={self.system_store().findtext('ID')}"}
        return self.new("onevm", "create", self.file({"CPU": "0.1", "MEMORY": "64", **where}, template, NAME=name))

    def reach(self, number: str, wanted: tuple[str, str], error_before: str = "") -> ElementTree.Element:
        """Waits for a state. An action that fails leaves the VM as it was, with an error in it."""

        def state() -> ElementTree.Element | None:
            vm = self.show("onevm", number)
            found = (vm.findtext("STATE", ""), vm.findtext("LCM_STATE", ""))
            error = vm.findtext("USER_TEMPLATE/ERROR") or ""
            if found[1] in VM_FAILED:
                raise RowFailed(f"VM {number} is in LCM_STATE {found[1]}: {error or 'no reason given'}")
            if found[0] == wanted[0] and (wanted[0] != "3" or found[1] == wanted[1]):
                if error and error != error_before:
                    raise RowFailed(f"VM {number}: {error}")
                return vm
            return None

        return self.wait(state, f"VM {number} is not {NAMES[wanted]}")

    def act(self, number: str, wanted: tuple[str, str], verb: str, *argv: Any) -> ElementTree.Element:
        before = self.show("onevm", number).findtext("USER_TEMPLATE/ERROR") or ""
        self.one("onevm", verb, number, *argv)
        return self.reach(number, wanted, before)

    def wait(self, state: Callable[[], Any], otherwise: str) -> Any:
        for _second in range(self.settings.timeout):
            found = state()
            if found is not None:
                return found
            self.sleep(1)
        raise RowFailed(f"{otherwise} after {self.settings.timeout} s")

    def host_of(self, vm: ElementTree.Element) -> str:
        return [record.findtext("HOSTNAME", "") for record in vm.findall("HISTORY_RECORDS/HISTORY")][-1]

    def domain(self, vm: ElementTree.Element) -> ElementTree.Element:
        """The guest as libvirt sees it, asked on its host."""
        command = "virsh --connect qemu:///system dumpxml " + f"one-{vm.findtext('ID')}"
        return ElementTree.fromstring(self.one("ssh", self.host_of(vm), command))

    # -- the storage itself --------------------------------------------------------------------------------------------

    def stored(self, name: str) -> dict[str, Any] | None:
        """The image as the storage has it, None where it has none; KeyError where the storage cannot be asked."""
        return self.storage.find(name)

    def storage_of_disk(self, one: ElementTree.Element) -> Unseen:
        """A volatile disk is in the system datastore, as is what the driver of that one takes there."""
        target = one.findtext("CLONE_TARGET" if one.findtext("CLONE") == "YES" else "LN_TARGET")
        if one.findtext("SOURCE") and target != "SYSTEM":
            return self.storage
        store = self.system_store()
        same = (store.findtext("TM_MAD") or "").lower() == self.driver
        return self.storage if same else storage_of(self.run, store)

    def expect_stored(self, name: str, there: bool = True, size_mb: int = 0, storage: Unseen | None = None) -> str:
        """The observation on the storage as words; without a tool, that it was not looked at."""
        try:
            found = (storage or self.storage).find(name)
        except KeyError:
            return "the storage was not looked at"
        if (found is not None) != there:
            raise RowFailed(f"{name} is {'not ' if there else 'still '}in the storage")
        if found and size_mb and found["size"] != size_mb << 20:
            raise RowFailed(f"{name} has {found['size']} bytes in the storage, expected {size_mb << 20}")
        return f"{name} is {'' if there else 'not '}in the storage"

    def storage_in(self, datastore: str) -> Unseen:
        """Of another datastore, by name or id."""
        return storage_of(self.run, self._datastore(datastore))

    # -- what is left --------------------------------------------------------------------------------------------------

    def remove_all(self) -> list[str]:
        """Everything with the prefix, VMs first, and their backups; returns what could not be removed."""
        left = []
        self.run(["rm", "-f", LOCAL_FILE])
        backups = set(self.made.get("backups", []))
        for kind, verb in (("onevm", ("terminate", "--hard")), ("onetemplate", ("delete",)), ("oneimage", ("delete",))):
            numbers = [
                (one.findtext("ID", ""), one.findtext("NAME", ""))
                for one in self.pool(kind)
                if (one.findtext("NAME") or "").startswith(PREFIX)
            ]
            for number, name in numbers:
                try:
                    if kind == "onevm":
                        made = self.show(kind, number).findall("BACKUPS/BACKUP_IDS/ID")
                        backups.update(one.text or "" for one in made)
                    self.one(kind, *verb[:1], number, *verb[1:])
                    if kind == "onevm":
                        self.reach(number, DONE, self.show("onevm", number).findtext("USER_TEMPLATE/ERROR") or "")
                except (RowFailed, ElementTree.ParseError, OSError) as problem:
                    left.append(f"{name} ({problem})")
        there = {one.findtext("ID", "") for one in self.pool("oneimage")} if backups else set()
        for number in sorted(backups & there):
            try:
                self.one("oneimage", "delete", number)
            except RowFailed as problem:
                left.append(f"backup {number} ({problem})")
        return left


class TemplateFile(str):
    """Text that is handed to a command as the path of a file."""
