# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vitastor's disks in the definition of a guest: written by OpenNebula as files, for libvirt they are network disks."""

from xml.etree import ElementTree

from kvmcloud_vitastor import image_of, text

# Their prefixes stay as they are: QEMU's command line is only read under its own.
NAMESPACES = {
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "one": "http://opennebula.org/xmlns/libvirt/1.0",
}
for prefix, uri in NAMESPACES.items():
    ElementTree.register_namespace(prefix, uri)


def converted(domain_xml, vm):
    """The definition with the disks of Vitastor as they are. The CD of the context is a file, and no disk of the VM."""
    domain = ElementTree.fromstring(domain_xml)
    disks = {text(disk, "DISK_ID"): disk for disk in vm.findall("./TEMPLATE/DISK") if is_vitastor(disk)}
    for element in domain.findall("./devices/disk"):
        source = element.find("./source")
        path = source.get("file", "") if source is not None else ""
        disk = disks.get(path.rpartition(".")[2])
        if element.get("type") == "file" and disk is not None:
            element.set("type", "network")
            element.insert(list(element).index(source), source_of(text(vm, "ID"), disk))
            element.remove(source)
    return ElementTree.tostring(domain)


def is_vitastor(disk):
    return text(disk, "TM_MAD").lower() == "vitastor"


def source_of(vm_id, disk):
    source = ElementTree.Element("source", protocol="vitastor", name=image_of(vm_id, disk))
    if text(disk, "VITASTOR_CONF"):
        # As libvirt's patch reads it: an attribute, not text.
        ElementTree.SubElement(source, "config", file=text(disk, "VITASTOR_CONF"))
    return source
