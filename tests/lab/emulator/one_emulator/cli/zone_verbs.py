"""Verbs of onezone: the servers of a zone, and how each of them says it stands."""

import re

from .. import release
from ..xmltree import Node, parse
from . import verbs
from .client import Client, CliError

STATUS_KEYS = ("STATE", "TERM", "VOTEDFOR", "COMMIT", "LOG_INDEX", "FEDLOG_INDEX")
STATUS_TIMEOUT = 5.0


def server_add(call):
    name, rpc = call.options.get("name"), call.options.get("rpc")
    grpc = call.options.get("grpc-endpoint") if release.current().endpoint_grpc else None
    if name is None or (rpc is None and grpc is None):
        wanted = ["To add a server set:", "\t-n <server name>"]
        if release.current().endpoint_grpc:
            wanted += ["\t-r <XML-RPC endpoint>", "\t-g <gRPC endpoint>"]
        else:
            wanted += ["\t-r <RPC endpoint>"]
        raise CliError("\n".join(wanted))
    if release.current().endpoint_grpc:
        call.out(f"{rpc or ''}:{grpc or ''}\n")
    if rpc and not re.match(r"(http|https)://", rpc):
        call.out("Wrong protocol specified. Only http or https allowed!\n")
        raise CliError("")
    oid = call.resource.identifier(call.client, call.arguments[0])
    keys = {"NAME": name, "ENDPOINT": rpc or ""}
    if release.current().endpoint_grpc:
        keys["ENDPOINT_GRPC"] = grpc or ""
    vector = ", ".join(f'{key}="{value}"' for key, value in keys.items())
    call.rpc("addserver", oid, f"SERVER = [ {vector} ]")
    call.verbose(oid, "server added")


def server_del(call):
    _with_server(call, "delserver", "server deleted")


def server_reset(call):
    _with_server(call, "resetserver", "server reset")


def _with_server(call, method, done):
    oid = call.resource.identifier(call.client, call.arguments[0])
    call.rpc(method, oid, _server_id(call, oid, call.arguments[1]))
    call.verbose(oid, done)


def _server_id(call, oid, text):
    if text.isdigit():
        return int(text)
    found = [s for s in call.resource.info(call.client, oid).find("SERVER_POOL").children if s.value("NAME") == text]
    if len(found) != 1:
        raise CliError(f"{text} not found or duplicated")
    return int(found[0].value("ID"))


def show(call):
    """Asks every server of the zone how it stands; one that does not answer has dashes."""
    oid = call.resource.identifier(call.client, call.arguments[0])
    node = call.resource.info(call.client, oid)
    for server in node.find("SERVER_POOL").children:
        status = _status(call, server.value("ENDPOINT"))
        for key in STATUS_KEYS:
            added = Node(key)
            added.text = status.value(key) if status else "-"
            server.children.append(added)
    verbs.show_node(call, node)


def _status(call, endpoint):
    try:
        client = Client({**call.options, "endpoint": endpoint})
        client.timeout = STATUS_TIMEOUT
        return parse(client.call("one.zone.raftstatus"))
    except CliError:
        return None
