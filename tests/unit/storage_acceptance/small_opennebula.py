# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OpenNebula in memory, with Vitastor below it: it keeps states and refuses what oned refuses in them.

Not the real thing and not the emulator: it is for the rows of the storage acceptance alone. A fault is a verb whose
driver fails: the VM keeps its state and gets an error, as oned does it.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

STATES = {"RUNNING": ("3", "3"), "POWEROFF": ("8", "0"), "STOPPED": ("4", "0"), "DONE": ("6", "0")}


class Refused(Exception):
    pass


def digest(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


def tag(name: str, value: Any) -> str:
    return f"<{name}>{value}</{name}>"


class SmallOpennebula:
    def __init__(self, hosts: tuple[str, ...] = ("node1", "node2"), storage_tool: bool = True) -> None:
        self.hosts, self.storage_tool = hosts, storage_tool
        self.images: dict[int, dict[str, Any]] = {}
        self.vms: dict[int, dict[str, Any]] = {}
        self.stored: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, str] = {}  # verb -> the driver's error
        self.calls: list[list[str]] = []
        self.next = 0
        self.domain_type = "network"
        self.stores = {
            100: ("images", "vitastor", "0"),
            101: ("system", "vitastor", "1"),
            102: ("backups", "", "3"),
            103: ("other", "ssh", "0"),
        }
        self.sizes = dict.fromkeys(self.stores, 1000)
        self.files: dict[str, str] = {}  # of the front-end, images of directories among them

    # -- the commands --------------------------------------------------------------------------------------------------

    def run(self, argv: list[str]) -> tuple[int, str, str]:
        self.calls.append(argv)
        try:
            return 0, self.answer(argv) or "", ""
        except Refused as error:
            return 255, "", str(error)

    def answer(self, argv: list[str]) -> str | None:
        command, *rest = argv
        if command == "dd":
            self.files[rest[1].partition("=")[2]] = f"random {len(self.calls)}"
            return None
        if command == "rm":
            self.files.pop(rest[-1], None)
            return None
        if command == "sha256sum":
            if rest[0] not in self.files:
                raise Refused(f"sha256sum: {rest[0]}: No such file or directory")
            return f"{digest(self.files[rest[0]])}  {rest[0]}"
        if command == "which":
            if not self.storage_tool:
                raise Refused("")
            return "/usr/bin/vitastor-cli"
        if self.fails("vitastor-cli") and command in ("vitastor-cli", "bash"):
            raise Refused(self.fails("vitastor-cli"))
        if command == "vitastor-cli":
            name = rest[-1]
            return json.dumps([{"name": name, **self.stored[name]}] if name in self.stored else [])
        if command == "bash":  # vitastor-cli dd iimg=NAME | sha256sum
            return f"{digest(self.stored[rest[-1].partition('=')[2]]['data'])}  -"
        if command == "ssh":
            return self.on_host(rest[0], rest[1])
        verb, *words = rest
        if verb == "list":
            return self.listed(command)
        handler = getattr(self, f"{command}_{verb.replace('-', '_')}", None)
        if handler is None:
            raise Refused(f"{command}: {verb} is not known")
        return handler(*words)

    def fails(self, verb: str) -> str:
        return self.faults.get(verb, "")

    def id(self) -> int:
        self.next += 1
        return self.next

    # -- datastores, hosts, images -------------------------------------------------------------------------------------

    def listed(self, command: str) -> str:
        if command == "onedatastore":
            rows = [
                "<DATASTORE>"
                + tag("ID", number)
                + tag("NAME", name)
                + tag("TM_MAD", driver)
                + tag("TYPE", kind)
                + tag("TOTAL_MB", self.sizes[number])
                + "</DATASTORE>"
                for number, (name, driver, kind) in self.stores.items()
            ]
        elif command == "onehost":
            rows = [f"<HOST>{tag('NAME', name)}{tag('STATE', 2)}</HOST>" for name in self.hosts]
        elif command == "oneimage":
            rows = [self.oneimage_show("-x", str(number)) for number in self.images]
        elif command == "onevm":
            rows = [self.onevm_show("-x", str(number)) for number, vm in self.vms.items() if vm["state"] != "DONE"]
        else:
            rows = []
        return f"<POOL>{''.join(rows)}</POOL>"

    def the_image(self, number: str) -> dict[str, Any]:
        if int(number) not in self.images:
            raise Refused(f"[one.image.info] Error getting image [{number}].")
        return self.images[int(number)]

    def copied(self, data: str, verb: str) -> str:
        """What arrives of a content when this driver copies it."""
        return f"not {data}" if self.fails(f"{verb} spoils") else data

    def make_image(
        self, name: str, store: int, size: int, persistent: str = "NO", error: str = "", data: str = "zeros"
    ) -> int:
        number = self.id()
        source = f"one-{number}"
        self.images[number] = {
            "name": name,
            "state": "5" if error else "1",
            "error": error,
            "source": source,
            "persistent": persistent,
            "snapshots": [],
        }
        if not error and self.stores[store][1] == "vitastor":
            self.stored[source] = {"size": size << 20, "data": data}
        elif not error:
            self.images[number]["source"] = f"/var/lib/one/datastores/{store}/{number}"
            self.files[self.images[number]["source"]] = data
        return number

    def oneimage_create(self, _d: str, store: str, template: str) -> str:
        given = dict(re.findall(r'^(\w+) = "(.*)"$', template, re.MULTILINE))
        size = int(given.get("SIZE", 16))
        verb = "mkfs" if "FS" in given else "cp"
        data = self.copied(self.files[given["PATH"]], "cp") if "PATH" in given else "zeros"
        persistent = given.get("PERSISTENT", "NO")
        return f"ID: {self.make_image(given['NAME'], int(store), size, persistent, self.fails(verb), data)}"

    def oneimage_show(self, _x: str, number: str) -> str:
        image = self.the_image(number)
        snapshots = "".join(f"<SNAPSHOT>{tag('ID', one)}</SNAPSHOT>" for one in image["snapshots"])
        return (
            "<IMAGE>"
            + tag("ID", number)
            + tag("NAME", image["name"])
            + tag("STATE", image["state"])
            + tag("SOURCE", image["source"])
            + tag("SNAPSHOTS", snapshots)
            + f"<TEMPLATE>{tag('ERROR', image['error'])}</TEMPLATE></IMAGE>"
        )

    def oneimage_clone(self, number: str, name: str, *store: str) -> str:
        data = self.stored[self.the_image(number)["source"]]["data"]
        target = {name: number for number, (name, *_rest) in self.stores.items()}[store[1]] if store else 100
        data = self.copied(data, "export" if store else "clone")
        copy = self.make_image(name, target, 16, error=self.fails("clone"), data=data)
        if self.faults.get("clone has a parent") and f"one-{copy}" in self.stored:
            self.stored[f"one-{copy}"]["parent_name"] = f"one-{number}"
        return f"ID: {copy}"

    def oneimage_delete(self, number: str) -> None:
        image = self.the_image(number)
        if image["state"] == "2":
            raise Refused("The image is in use.")
        del self.images[int(number)]
        if not self.fails("rm"):
            self.stored.pop(image["source"], None)
        self.files.pop(image["source"], None)

    def image_snapshot(self, verb: str, number: str, snapshot: str) -> dict[str, Any]:
        image = self.the_image(number)
        if image["state"] != "1" or int(snapshot) not in image["snapshots"]:
            raise Refused("The image is not ready, or has no such snapshot.")
        if self.fails(verb):
            image.update(state="5", error=self.fails(verb))
        return image

    def becomes(self, source: str, snapshot: str, verb: str) -> None:
        self.stored[source]["data"] = self.copied(self.stored[f"{source}@{snapshot}"]["data"], verb)

    def oneimage_snapshot_revert(self, number: str, snapshot: str) -> None:
        image = self.image_snapshot("snapshot-revert", number, snapshot)
        self.becomes(image["source"], snapshot, "snapshot-revert")

    def oneimage_snapshot_delete(self, number: str, snapshot: str) -> None:
        image = self.image_snapshot("snapshot-delete", number, snapshot)
        image["snapshots"].remove(int(snapshot))
        self.stored.pop(f"{image['source']}@{snapshot}", None)

    def oneimage_snapshot_flatten(self, number: str, snapshot: str) -> None:
        image = self.image_snapshot("snapshot-flatten", number, snapshot)
        if image["state"] == "1":
            self.becomes(image["source"], snapshot, "snapshot-flatten")
            for one in image["snapshots"]:
                self.stored.pop(f"{image['source']}@{one}", None)
            image["snapshots"] = []

    # -- VMs -----------------------------------------------------------------------------------------------------------

    def onevm_create(self, template: str) -> str:
        if not self.hosts:
            raise Refused("no host")
        number = self.id()
        vm: dict[str, Any] = {
            "name": dict(re.findall(r'^(\w+) = "(.*)"$', template, re.MULTILINE))["NAME"],
            "state": "RUNNING",
            "host": self.hosts[0],
            "context": "CONTEXT = [" in template,
            "disks": {},
            "snapshots": {},
            "backups": [],
            "error": "",
            "lcm": "",
        }
        self.vms[number] = vm
        for text in re.findall(r"^DISK = \[ (.*) \]$", template, re.MULTILINE):
            self.add_disk(number, dict(re.findall(r'(\w+) = "([^"]*)"', text)))
        if self.fails("deploy") or (self.fails("deploy without context") and not vm["context"]):
            vm["lcm"] = "36"
            vm["error"] = self.fails("deploy") or self.fails("deploy without context")
        return f"ID: {number}"

    def add_disk(self, vm_id: int, given: dict[str, str]) -> None:
        vm = self.vms[vm_id]
        number = len(vm["disks"])
        disk = {"DISK_ID": str(number), "TARGET": f"vd{'abcdefgh'[number]}", "SIZE": given.get("SIZE", "16")}
        if "IMAGE_ID" in given:
            image = self.images[int(given["IMAGE_ID"])]
            disk.update(SOURCE=image["source"], CLONE="NO" if image["persistent"] == "YES" else "YES")
            disk["IMAGE_ID"] = given["IMAGE_ID"]
            if image["persistent"] == "YES":
                image["state"] = "2"
            else:
                data = self.stored[image["source"]]["data"]
                self.stored[f"{image['source']}-{vm_id}-{number}"] = {"size": 16 << 20, "data": data}
        else:
            if self.stores[101][1] == "vitastor":  # else it is a file on the host
                self.stored[f"one-sys-{vm_id}-{number}"] = {"size": int(disk["SIZE"]) << 20, "data": ""}
        vm["disks"][number] = disk

    def the_vm(self, number: str, *states: str) -> dict[str, Any]:
        vm = self.vms[int(number)]
        if states and vm["state"] not in states:
            raise Refused(f"This action is not available for {vm['state']}.")
        return vm

    def onevm_show(self, _x: str, number: str) -> str:
        vm = self.the_vm(number)
        state, lcm = STATES[vm["state"]]
        disks = "".join(
            f"<DISK>{''.join(tag(name, value) for name, value in disk.items())}</DISK>" for disk in vm["disks"].values()
        )
        snapshots = "".join(
            tag("SNAPSHOTS", tag("DISK_ID", disk) + "".join(tag("SNAPSHOT", tag("ID", one)) for one in ids))
            for disk, ids in vm["snapshots"].items()
        )
        backups = "".join(tag("ID", one) for one in vm["backups"])
        return (
            f"<VM>{tag('ID', number)}{tag('NAME', vm['name'])}{tag('STATE', state)}{tag('LCM_STATE', vm['lcm'] or lcm)}"
            f"<USER_TEMPLATE>{tag('ERROR', vm['error'])}</USER_TEMPLATE><TEMPLATE>{disks}</TEMPLATE>{snapshots}"
            f"<BACKUPS><BACKUP_IDS>{backups}</BACKUP_IDS></BACKUPS>"
            f"<HISTORY_RECORDS><HISTORY>{tag('HOSTNAME', vm['host'])}</HISTORY></HISTORY_RECORDS></VM>"
        )

    def failed(self, vm: dict[str, Any], verb: str) -> bool:
        if self.fails(verb):
            vm["error"] = f"{len(self.calls)} : {self.fails(verb)}"
        return bool(self.fails(verb))

    def onevm_disk_attach(self, number: str, option: str, what: str) -> None:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        live = vm["state"] == "RUNNING"
        inside = {"IMAGE_ID": what} if option == "--image" else dict(re.findall(r'(\w+) = "([^"]*)"', what))
        if not self.failed(vm, "attach live" if live else f"attach {inside.get('TYPE', 'image')}"):
            self.add_disk(int(number), inside)

    def onevm_disk_detach(self, number: str, disk: str) -> None:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        if not self.failed(vm, "disk-detach"):
            vm["disks"].pop(int(disk))
            self.stored.pop(f"one-sys-{number}-{disk}", None)

    def onevm_disk_resize(self, number: str, disk: str, size: str) -> None:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        if not self.failed(vm, "disk-resize"):
            found = vm["disks"][int(disk)]
            found["SIZE"] = size
            self.stored[f"{found['SOURCE']}-{number}-{disk}"]["size"] = int(size) << 20

    def onevm_disk_snapshot_create(self, number: str, disk: str, _name: str) -> None:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        if not self.failed(vm, "disk-snapshot-create"):
            ids = vm["snapshots"].setdefault(disk, [])
            ids.append(max(ids, default=-1) + 1)
            source = self.stored[vm["disks"][int(disk)]["SOURCE"]]
            self.stored[f"{vm['disks'][int(disk)]['SOURCE']}@{ids[-1]}"] = dict(source)
            source["data"] += f" and what was written after snapshot {ids[-1]}"

    def onevm_disk_snapshot_revert(self, number: str, disk: str, snapshot: str) -> None:
        vm = self.the_vm(number, "POWEROFF")
        if int(snapshot) not in vm["snapshots"][disk]:
            raise Refused("no such snapshot")
        if not self.failed(vm, "disk-snapshot-revert"):
            self.becomes(vm["disks"][int(disk)]["SOURCE"], snapshot, "disk-snapshot-revert")

    def onevm_disk_snapshot_delete(self, number: str, disk: str, snapshot: str) -> None:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        if int(snapshot) == vm["snapshots"][disk][-1]:
            raise Refused("Cannot delete the active snapshot.")
        if not self.failed(vm, "disk-snapshot-delete"):
            vm["snapshots"][disk].remove(int(snapshot))
            self.stored.pop(f"{vm['disks'][int(disk)]['SOURCE']}@{snapshot}")

    def onevm_disk_saveas(self, number: str, disk: str, name: str, *snapshot: str) -> str:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        found = vm["disks"][int(disk)]
        stored = f"{found['SOURCE']}@{snapshot[1]}" if snapshot else f"{found['SOURCE']}-{number}-{disk}"
        data = self.copied(self.stored[stored]["data"], "disk-saveas")
        return f"Image ID: {self.make_image(name, 100, 16, error=self.fails('disk-saveas'), data=data)}"

    def onevm_migrate(self, number: str, _live: str, host: str) -> None:
        vm = self.the_vm(number, "RUNNING")
        if not self.failed(vm, "migrate"):
            vm["host"] = host

    def move(self, number: str, verb: str, before: tuple[str, ...], after: str) -> None:
        vm = self.the_vm(number, *before)
        if not self.failed(vm, verb):
            vm["state"] = after

    def onevm_stop(self, number: str) -> None:
        self.move(number, "stop", ("RUNNING",), "STOPPED")

    def onevm_resume(self, number: str) -> None:
        self.move(number, "resume", ("STOPPED", "POWEROFF"), "RUNNING")

    def onevm_poweroff(self, number: str, *_hard: str) -> None:
        self.move(number, "poweroff", ("RUNNING",), "POWEROFF")

    def onevm_backup(self, number: str, _d: str, store: str, _reset: str) -> None:
        vm = self.the_vm(number, "RUNNING", "POWEROFF")
        if store != "backups":
            raise Refused("no such datastore")
        if not self.failed(vm, "backup"):
            vm["backups"].append(self.make_image("backup", 102, 16))

    def onevm_restore(self, number: str, image: str, _option: str, _disk: str) -> None:
        vm = self.the_vm(number, "POWEROFF")
        self.the_image(image)
        if not self.failed(vm, "restore"):
            disk = self.stored[f"{vm['disks'][1]['SOURCE']}-{number}-1"]
            disk["data"] = self.copied(disk["data"], "restore")

    def onevm_terminate(self, number: str, *_hard: str) -> None:
        vm = self.the_vm(number)
        vm.update(state="DONE", lcm="")
        for disk, found in vm["disks"].items():
            image = self.images.get(int(found.get("IMAGE_ID", -1)))
            if image and image["persistent"] == "YES":
                image.update(state="1", snapshots=list(vm["snapshots"].get(str(disk), [])))
            name = f"{found['SOURCE']}-{number}-{disk}" if "SOURCE" in found else f"one-sys-{number}-{disk}"
            if not self.fails("terminate leaves a disk"):
                self.stored.pop(name, None)

    # -- hosts ---------------------------------------------------------------------------------------------------------

    def on_host(self, host: str, command: str) -> str:
        if "ls -A" in command:
            return self.fails("files left")
        found = re.fullmatch(r"virsh --connect qemu:///system dumpxml one-(\d+)", command)
        if not found or self.vms[int(found.group(1))]["host"] != host:
            raise Refused("error: failed to get domain")
        vm = self.vms[int(found.group(1))]
        disks = "".join(
            f"<disk type='{self.domain_type}' device='disk'><target dev='{one['TARGET']}'/></disk>"
            for one in vm["disks"].values()
        )
        cdrom = "<disk type='file' device='cdrom'><target dev='hda'/></disk>" if vm["context"] else ""
        return f"<domain><devices>{disks}{cdrom}</devices></domain>"
