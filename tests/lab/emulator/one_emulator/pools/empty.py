"""Kinds of which the emulator knows only that there are none: virtual machines, images, templates and the like."""

from .. import errors
from .base import Pool


class EmptyPool(Pool):
    def body_xml(self, shown, full):
        raise AssertionError("there are no objects of this kind")

    def call_allocate(self, user, *_arguments):
        raise errors.OneError(errors.XML_RPC_API, f"the emulator makes no {self.what}")

    def in_datastore(self, _datastore_id):
        """Of images: the identifiers of those that a datastore holds."""
        return []


def _kind(rpc_name, xml_tag, name, error_name):
    return type(
        f"{error_name.title().replace(' ', '')}Pool",
        (EmptyPool,),
        {"rpc": rpc_name, "tag": xml_tag, "label": name, "what": error_name, "table": f"{rpc_name}_pool"},
    )


EMPTY_POOLS = [
    _kind("vm", "VM", "VM", "virtual machine"),
    _kind("image", "IMAGE", "IMAGE", "image"),
    _kind("template", "VMTEMPLATE", "TEMPLATE", "virtual machine template"),
    _kind("vntemplate", "VNTEMPLATE", "VNTEMPLATE", "virtual network template"),
    _kind("vrouter", "VROUTER", "VROUTER", "virtual router"),
    _kind("vmgroup", "VM_GROUP", "VM_GROUP", "VM group"),
    _kind("backupjob", "BACKUPJOB", "BACKUPJOB", "backup job"),
]
