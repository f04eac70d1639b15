"""Verbs of oneuser: creation, passwords, groups."""

from . import input as given
from .client import CliError
from .resources import GROUP
from .verbs import show_id, update

MYSELF = -1


def _password(call, position):
    """The password argument, or with -r the first line of the file it names."""
    if len(call.arguments) <= position:
        return None
    argument = call.arguments[position]
    if not call.options.get("read-file"):
        return argument
    try:
        return given.read_file(argument).partition("\n")[0]
    except OSError as problem:
        raise CliError(f"Cannot read file: {argument}") from problem


def create_user(call):
    password = _password(call, 1)
    driver = call.options.get("driver", "core")
    if password is None and driver == "core":
        raise CliError("You have to specify a password")
    groups = [GROUP.identifier(call.client, name) for name in (call.options.get("group") or "").split(",") if name]
    call.out(f"ID: {call.rpc('allocate', call.arguments[0], password or '-', driver, groups)}\n")


def show_user(call):
    oid = call.resource.identifier(call.client, call.arguments[0]) if call.arguments else MYSELF
    show_id(call, oid)


def update_user(call):
    if not call.arguments:
        call.arguments.append(str(int(call.resource.info(call.client, MYSELF).value("ID"))))
    update(call)


def passwd(call):
    """`passwd user password`; with one argument the password is one's own."""
    if len(call.arguments) > 1:
        oid, password = call.resource.identifier(call.client, call.arguments[0]), _password(call, 1)
    else:
        oid, password = int(call.resource.info(call.client, MYSELF).value("ID")), _password(call, 0)
    if password is None:
        raise CliError("You have to specify a password")
    call.rpc("passwd", oid, password)


def chauth(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    driver = call.arguments[1] if len(call.arguments) > 1 else call.options.get("driver", "")
    call.rpc("chauth", oid, driver, _password(call, 2) or "")


def _grouping(method, done):
    def run(call):
        gid = GROUP.identifier(call.client, call.arguments[1])
        call.each(call.arguments[0], lambda oid: call.rpc(method, oid, gid), done)

    return run


chgrp_user, addgroup, delgroup = (
    _grouping("chgrp", "Group changed"),
    _grouping("addgroup", "group added"),
    _grouping("delgroup", "group deleted"),
)
