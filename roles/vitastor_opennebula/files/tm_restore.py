# kvmcloud.stack override: the vendor's restore is not valid Ruby and uses commands that vitastor-cli does not have
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tm/vitastor/restore HOST:DIR VM_ID BACKUP_IMAGE INCREMENT DISK: disks of a VM become what a backup of them is.

All disks are uploaded beside the present ones first; only when each of them has arrived, the names change hands.
"""

import json
import os
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
from kvmcloud_vitastor import (  # noqa: E402
    Failed,
    bridge_host,
    cli,
    disk_of,
    image_of,
    on_host,
    one,
    output,
    quote,
    run_as_program,
    text,
    there,
)

REMOTES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")
ALL_DISKS = -1

# The image is as large as the disk was for the guest, whatever the backup's format; sizes are multiples of 4096.
UPLOAD = """
folder=$(mktemp -d /var/tmp/restore.XXXXXX)
trap 'rm -rf "$folder"' EXIT
{downloader} --nodecomp {url} "$folder/backup"
size=$(qemu-img info --output json "$folder/backup" | jq -r '."virtual-size"')
{cli} create --pool {pool} --size $(( (size + 4095) / 4096 * 4096 )) {new}
if ! qemu-img convert -n -m 4 -O raw "$folder/backup" {target}; then
    {cli} rm {new}
    exit 1
fi
"""
# The former image keeps its data under another name until the new one has its place; its snapshots go with it.
SWITCH = """
if there {image}; then {cli} modify {image} --rename {old}; fi
{cli} modify {new} --rename {image}
if there {old}; then {cli} rm {old}; fi
if there {snapshots}; then {cli} rm --matching {snapshots}; fi
"""
# What a run that was ended has left: before the new image had its place the former returns, after that it is of no use.
FORGET = """
if there {new}; then {cli} rm {new}; fi
if there {old}; then
    if there {image}; then {cli} rm {old}; else {cli} modify {old} --rename {image}; fi
fi
"""


class Disk:
    def __init__(self, vm, number, url):
        self.url, self.vm_id = url, text(vm, "ID")
        found = disk_of(vm, number)
        datastore = one("onedatastore", text(found, "DATASTORE_ID"))
        self.image = image_of(self.vm_id, found)
        self.config = text(found, "VITASTOR_CONF")
        self.pool = text(found, "POOL_NAME") or text(datastore, "./TEMPLATE/POOL_NAME")
        self.host = bridge_host(datastore, self.vm_id)
        self.new, self.old = self.image + ".restore", self.image + ".old"

    def upload(self):
        self.forget()
        target = "vitastor:image=" + self.new + (":config_path=" + self.config if self.config else "")
        self.run(
            UPLOAD,
            f"Error uploading the backup of {self.image}",
            # On the bridge host, where OpenNebula has copied its drivers.
            downloader=os.environ.get("SCRIPTS_REMOTE_DIR", "/var/tmp/one") + "/datastore/downloader.sh",
            url=self.url,
            pool=self.pool,
            target=target,
        )

    def forget(self):
        self.run(FORGET, f"Error removing {self.new}")

    def switch(self):
        self.run(SWITCH, f"Error putting the backup in the place of {self.image}", snapshots=self.image + "@*")

    def run(self, script, what, **words):
        command = cli(self.config)
        words.update(image=self.image, new=self.new, old=self.old)
        quoted = {name: quote(word) for name, word in words.items()}
        on_host(self.host, there(command) + script.format(cli=command, **quoted), what)


def addresses(vm, backup_image, increment, disk_id):
    """Disks of the backup and where they are, as the driver of the backup datastore lists them."""
    image = one("oneimage", backup_image)
    datastore = one("onedatastore", text(image, "DATASTORE_ID"))
    driver = text(datastore, "DS_MAD").lower()
    action = ElementTree.Element("DS_DRIVER_ACTION_DATA")
    action.extend([datastore, vm, image])
    listed = output([os.path.join(REMOTES, "datastore", driver, "ls"), "-i", increment], ElementTree.tostring(action))
    found = {int(key): url for key, url in json.loads(listed.decode()).items() if key.isdigit()}
    return {key: url for key, url in found.items() if disk_id in (ALL_DISKS, key)}


def restore(_directory, vm_id, backup_image, increment, disk_id, *_more):
    vm = one("onevm", vm_id)
    found = addresses(vm, backup_image, increment, int(disk_id))
    if not found:
        raise Failed(f"Backup image {backup_image} has no disk {disk_id} of VM {vm_id}")
    disks, uploaded = [Disk(vm, number, url) for number, url in sorted(found.items())], []
    try:
        for disk in disks:
            disk.upload()
            uploaded.append(disk)
    except Failed:
        for disk in uploaded:
            disk.forget()
        raise
    for disk in disks:
        disk.switch()


run_as_program(restore)
