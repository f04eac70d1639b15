# kvmcloud.stack override: the vendor has no attach_disk, and OpenNebula's attaches a file that does not exist
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmm/kvm/attach_disk-kvmcloud.vitastor DOMAIN SOURCE TARGET INDEX ACTION VM_ID HOST: a disk for a guest that runs.

Runs on the front-end (-l of the driver). Disks of other storage go to StorPool's attach_disk where that add-on has one,
else to OpenNebula's own on the node.
"""

import base64
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.realpath(__file__))
REMOTES = os.path.join(HERE, "../..")
sys.path.insert(0, REMOTES)
from kvmcloud_vitastor import Failed, on_host, quote, run_as_program, text  # noqa: E402
from vitastor_domain import is_vitastor, source_of  # noqa: E402

KVMRC = os.path.join(REMOTES, "etc/vmm/kvm/kvmrc")
CHAINED = os.path.join(HERE, "attach_disk-kvmcloud.next")  # a link to the script that has the disks of others
LIMITS = [f"{kind}_{unit}_SEC" for kind in ("TOTAL", "READ", "WRITE") for unit in ("BYTES", "IOPS")]


def attach(domain, source, target, index, action, vm_id, host, *_more):
    vm = ElementTree.fromstring(base64.b64decode(action)).find("./VM")
    attached = [disk for disk in vm.findall("./TEMPLATE/DISK") if text(disk, "ATTACH").upper() == "YES"]
    if len(attached) != 1:
        raise Failed(f"The action attaches {len(attached)} disks to VM {vm_id}, wanted one")
    if not is_vitastor(attached[0]):
        sys.exit(for_others([domain, source, target, index, action, vm_id, host]))
    xml = ElementTree.tostring(disk_element(vm_id, attached[0], target)).decode()
    uri = kvmrc().get("LIBVIRT_URI", "qemu:///system")
    script = f"virsh --connect {quote(uri)} attach-device {quote(domain)} /dev/fd/3 3<<'END'\n{xml}\nEND\n"
    on_host(host, script, "Could not attach disk {} ({}) to {}".format(text(attached[0], "DISK_ID"), target, domain))


def for_others(arguments):
    if os.path.exists(CHAINED):
        return subprocess.call([CHAINED] + arguments)
    scripts = os.environ.get("SCRIPTS_REMOTE_DIR", "/var/tmp/one")
    words = [scripts + "/vmm/kvm/attach_disk"] + arguments
    return subprocess.call([os.environ.get("SSH", "ssh"), arguments[-1], " ".join(quote(word) for word in words)])


def kvmrc():
    """The defaults that OpenNebula's own attach_disk has, on lines like `export DEFAULT_ATTACH_CACHE=none`."""
    if not os.path.exists(KVMRC):
        return {}
    with open(KVMRC) as stream:
        return dict(re.findall(r'^(?:export\s+)?(\w+)="?([^"\s#]+)"?', stream.read(), re.MULTILINE))


def disk_element(vm_id, disk, target):
    defaults = kvmrc()
    is_cdrom = text(disk, "TYPE").upper() == "CDROM"
    element = ElementTree.Element("disk", type="network", device="cdrom" if is_cdrom else "disk")
    driver = {
        "name": "qemu",
        "type": "raw",
        "cache": text(disk, "CACHE") or defaults.get("DEFAULT_ATTACH_CACHE", "none"),
        "io": text(disk, "IO") or defaults.get("DEFAULT_ATTACH_IO", ""),
        "discard": text(disk, "DISCARD") or defaults.get("DEFAULT_ATTACH_DISCARD", ""),
    }
    if driver["io"] == "native":
        del driver["io"]  # for files and block devices; QEMU refuses it for its own network drivers
    ElementTree.SubElement(element, "driver", {name: value for name, value in driver.items() if value})
    element.append(source_of(vm_id, disk))
    ElementTree.SubElement(element, "target", dev=target)
    if text(disk, "ORDER"):
        ElementTree.SubElement(element, "boot", order=text(disk, "ORDER"))
    if is_cdrom or text(disk, "READONLY").upper() == "YES":
        ElementTree.SubElement(element, "readonly")
    if text(disk, "SHAREABLE").upper() == "YES":
        ElementTree.SubElement(element, "shareable")
    if text(disk, "SERIAL"):
        ElementTree.SubElement(element, "serial").text = re.sub(r"[^0-9a-zA-Z._-]", "", text(disk, "SERIAL"))
    limits = [(name.lower(), text(disk, name)) for name in LIMITS if text(disk, name)]
    if limits:
        iotune = ElementTree.SubElement(element, "iotune")
        for name, value in limits:
            ElementTree.SubElement(iotune, name).text = value
    return element


run_as_program(attach)
