"""The kinds of things that commands handle: their XML tag, their API pool and how lists of them are asked for."""

from ..xmltree import parse
from .arguments import expand_ranges
from .client import CliError

EVERYTHING = (-2, -1, -1)


class Resource:
    def __init__(self, tag, rpc, pool_arguments=(), info_arguments=()):
        self.tag, self.rpc = tag, rpc
        self.pool_arguments, self.info_arguments = pool_arguments, info_arguments

    def pool(self, client):
        """The pool, with the pieces that belong to an object (quotas) between the objects as oned sends them."""
        return parse(client.call(f"one.{self.rpc}pool.info", *self.pool_arguments))

    def members(self, client):
        tag = XML_TAGS.get(self.tag, self.tag)
        return self.pool(client).all(tag)

    def info(self, client, oid):
        return parse(client.call(f"one.{self.rpc}.info", oid, *self.info_arguments))

    def identifier(self, client, name):
        """Digits are always an ID; anything else is looked up among the names of the pool."""
        if name.isascii() and name.isdigit():
            return int(name)
        found = [node for node in self.members(client) if node.value("NAME") == name]
        if not found:
            raise CliError(f"{self.tag} named {name} not found.")
        if len(found) > 1:
            raise CliError(f"There are multiple {self.tag}s with name {name}.")
        return int(found[0].value("ID"))

    def identifiers(self, client, text):
        numbers = expand_ranges(text)
        return numbers if numbers is not None else [self.identifier(client, name) for name in text.split(",")]


XML_TAGS = {"TEMPLATE": "VMTEMPLATE"}

DATASTORE = Resource("DATASTORE", "datastore", info_arguments=(False,))
HOOK = Resource("HOOK", "hook", EVERYTHING)
HOST = Resource("HOST", "host", info_arguments=(False,))
CLUSTER = Resource("CLUSTER", "cluster", info_arguments=(False,))
VNET = Resource("VNET", "vn", EVERYTHING, info_arguments=(False,))
SECURITY_GROUP = Resource("SECURITY_GROUP", "secgroup", EVERYTHING, info_arguments=(False,))
USER = Resource("USER", "user", info_arguments=(False,))
GROUP = Resource("GROUP", "group", info_arguments=(False,))
ZONE = Resource("ZONE", "zone", info_arguments=(False,))
VM = Resource("VM", "vm", (*EVERYTHING, -1), info_arguments=(False,))
IMAGE = Resource("IMAGE", "image", EVERYTHING, info_arguments=(False,))
TEMPLATE = Resource("TEMPLATE", "template", EVERYTHING, info_arguments=(False, False))
VNTEMPLATE = Resource("VNTEMPLATE", "vntemplate", EVERYTHING, info_arguments=(False,))
VROUTER = Resource("VROUTER", "vrouter", EVERYTHING, info_arguments=(False,))
VM_GROUP = Resource("VM_GROUP", "vmgroup", EVERYTHING, info_arguments=(False,))
BACKUPJOB = Resource("BACKUPJOB", "backupjob", EVERYTHING, info_arguments=(False,))
