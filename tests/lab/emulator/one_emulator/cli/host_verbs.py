"""Verbs of onehost, among them the copying of the remotes to the nodes."""

import contextlib

from .. import remotes
from ..paths import real
from .client import CliError

BAR = 40
OK, DISABLED, OFFLINE = 0, 1, 2
UNVERSIONED = "nil versions are discouraged and will be deprecated in Rubygems 4"


def create_host(call):
    options = call.options
    cluster = call.cluster()
    if not (options.get("im") and options.get("vm")):
        raise CliError("Drivers are mandatory to create a host:\n\t -i information driver\n\t -v hypervisor driver")
    call.out(f"ID: {call.rpc('allocate', call.arguments[0], options['im'], options['vm'], cluster)}\n")


def _status(status, done):
    def run(call):
        call.each(call.arguments[0], lambda oid: call.rpc("status", oid, status), done)

    return run


enable_host, disable_host, offline = _status(OK, "enabled"), _status(DISABLED, "disabled"), _status(OFFLINE, "offline")
flush = _status(DISABLED, "flushed")


def forceupdate(call):
    """Has the monitor visit the hosts again by enabling those that are not switched off."""
    for host in _chosen(call):
        if host.value("STATE") not in ("4", "8"):
            call.rpc("status", int(host.value("ID")), OK)
    call.out("All hosts updated successfully.\n")


def monitoring(call):
    call.rpc("monitoring", call.resource.identifier(call.client, call.arguments[0]))
    raise CliError("No monitoring data found", rc=0)


def sync(call):
    hosts = _outdated(_chosen(call), call.options.get("force"))
    if not hosts:
        call.out("No hosts are going to be updated.\n")
        return
    # The real command leaves this mark of its last run among the remotes.
    with contextlib.suppress(OSError), open(real(f"{remotes.REMOTES}/.update"), "w", encoding="ascii"):
        pass
    names = [host.value("NAME") for host in hosts]
    call.out("".join(f"* Adding {name} to upgrade\n" for name in names))
    archive = remotes.pack()
    failed = []
    for number, name in enumerate(names, 1):
        filled = BAR * number // len(names)
        call.out(f"[{'=' * filled}{'-' * (BAR - filled)}] {number}/{len(names)} {name:<33}\n")
        if not remotes.copy(name, archive):
            failed.append(name)
    noise = f"{UNVERSIONED}\n" if any(not host.value("TEMPLATE/VERSION") for host in hosts) else ""
    if failed:
        call.out("\n" * len(failed))
        lines = "".join(f"\n* {name}" for name in failed)
        raise CliError(noise + "\n" * len(failed) + f"Failed to update the following hosts:{lines}")
    call.out("\nAll hosts updated successfully.\n")
    if noise:
        raise CliError(noise.rstrip("\n"), rc=0)


def _chosen(call):
    """The hosts of the arguments, of -c, or all."""
    members = call.resource.members(call.client)
    if call.arguments:
        wanted = set(call.resource.identifiers(call.client, call.arguments[0]))
        return [host for host in members if int(host.value("ID")) in wanted]
    cluster = call.cluster()
    return [host for host in members if cluster < 0 or int(host.value("CLUSTER_ID")) == cluster]


def _outdated(hosts, force):
    """A host whose remotes are of the front-end's version is left alone unless it is forced."""
    present = remotes.version()
    return [host for host in hosts if force or host.value("TEMPLATE/VERSION") != present]
