"""Verbs that many commands share. A verb is a function of a Call; a Verb says what it takes."""

from collections import namedtuple

from ..xmltree import pretty
from . import input as given
from .client import CliError
from .resources import CLUSTER, GROUP, USER

LIST_OPTIONS = ("xml", "json", "yaml", "csv", "list", "filter", "no-header", "no-pager", "numeric", "extended")
SHOW_OPTIONS = ("xml", "json", "yaml", "decrypt")


# arguments: one tuple of type names per argument; None among them: it may be missing
Verb = namedtuple("Verb", "run arguments options", defaults=((), ()))


class Call:
    """One invocation: who is asked, about what kind of thing, with which arguments."""

    def __init__(self, client, resource, options, arguments):
        self.client = client
        self.resource = resource
        self.options = options
        self.arguments = arguments
        self.printed = []

    def out(self, text):
        self.printed.append(text)

    def rpc(self, method, *arguments):
        return self.client.call(f"one.{self.resource.rpc}.{method}", *arguments)

    def each(self, text, action, done):
        """Do something to every object that a range or a list names; one failure fails the command, not the others."""
        failures = []
        for oid in self.resource.identifiers(self.client, text):
            try:
                action(oid)
                self.verbose(oid, done)
            except CliError as problem:
                failures.append(problem.text)
        if failures:
            raise CliError("\n".join(failures))

    def verbose(self, oid, done):
        if self.options.get("verbose"):
            self.out(f"{self.resource.tag} {oid}: {done}\n")

    def cluster(self):
        """The cluster of -c, or -1."""
        name = self.options.get("cluster")
        if name is None:
            return -1
        try:
            return CLUSTER.identifier(self.client, name)
        except CliError as problem:
            raise CliError(f"{problem.text}\noption cluster: Parsing error") from problem


# -- reading ----------------------------------------------------------------------------------------------------


def list_pool(call):
    from . import listing

    options = call.options
    if options.get("xml"):
        call.out(pretty(call.resource.pool(call.client)))
    elif options.get("json"):
        from .as_json import document

        call.out(document(call.resource.pool(call.client)))
    elif options.get("yaml"):
        raise CliError("the emulator does not write YAML", rc=1)
    else:
        call.out(listing.table(call.resource.tag, call.resource.members(call.client), options))


def show(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    show_id(call, oid)


def show_id(call, oid):
    show_node(call, call.resource.info(call.client, oid))


def show_node(call, node):
    if call.options.get("xml"):
        call.out(pretty(node))
    elif call.options.get("json"):
        from .as_json import document

        call.out(document(node))
    elif call.options.get("yaml"):
        raise CliError("the emulator does not write YAML", rc=1)
    else:
        from .show_text import page

        call.out(page(call.resource.tag, node))


# -- changing ---------------------------------------------------------------------------------------------------


def create(*more):
    """`create` of a template; `more` are further parameters of the call, made from it."""

    def run(call):
        text = given.read_file(call.arguments[0]) if call.arguments else given.from_stdin()
        if text is None:
            raise CliError("Wrong type NilClass. Not allowed!")
        oid = call.rpc("allocate", text, *(parameter(call) for parameter in more))
        call.out(f"ID: {oid}\n")

    return run


def create_named(call):
    call.out(f"ID: {call.rpc('allocate', call.arguments[0])}\n")


def update(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    append = bool(call.options.get("append"))
    text = given.read_file(call.arguments[1]) if len(call.arguments) > 1 else given.from_stdin()
    if text is None:
        text = given.from_editor("" if append else current_template(call, oid))
    call.rpc("update", oid, text, 1 if append else 0)
    call.verbose(oid, "modified")


def current_template(call, oid):
    return given.template_text(call.resource.info(call.client, oid).find("TEMPLATE"))


def delete(call):
    call.each(call.arguments[0], lambda oid: call.rpc("delete", oid), "deleted")


def rename(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    call.rpc("rename", oid, call.arguments[1])
    call.verbose(oid, "renamed")


def chmod(call):
    bits = permission_bits(call.arguments[1])
    call.each(call.arguments[0], lambda oid: call.rpc("chmod", oid, *bits), "permissions changed")


def permission_bits(text):
    """The first three digits count, missing ones are 0, and of each only three bits: 0600 is 060, 999 is 111."""
    if not text.isdigit():
        raise CliError("Error in permissions format")
    bits = []
    for digit in (text + "00")[:3]:
        bits += [int(digit) >> 2 & 1, int(digit) >> 1 & 1, int(digit) & 1]
    return bits


def chown(call):
    uid = USER.identifier(call.client, call.arguments[1])
    gid = GROUP.identifier(call.client, call.arguments[2]) if len(call.arguments) > 2 else -1
    call.each(call.arguments[0], lambda oid: call.rpc("chown", oid, uid, gid), "owner and/or group changed")


def chgrp(call):
    gid = GROUP.identifier(call.client, call.arguments[1])
    call.each(call.arguments[0], lambda oid: call.rpc("chown", oid, -1, gid), "group changed")


def enable(call):
    call.each(call.arguments[0], lambda oid: call.rpc("enable", oid, True), "enabled")


def disable(call):
    call.each(call.arguments[0], lambda oid: call.rpc("enable", oid, False), "disabled")


def lock(call):
    levels = {"use": 1, "manage": 2, "admin": 3, "all": 4}
    level = next((number for name, number in levels.items() if call.options.get(name)), 1)
    call.each(call.arguments[0], lambda oid: call.rpc("lock", oid, level, False), "locked")


def unlock(call):
    call.each(call.arguments[0], lambda oid: call.rpc("unlock", oid), "unlocked")


FILE_OR_STDIN = ("file", None)
