"""Verbs of onehook that are not those of everything."""

from ..xmltree import Node, pretty
from .client import CliError


def hook_log(call):
    """Only as XML; the table is not emulated."""
    if not call.options.get("xml"):
        raise CliError("the emulator shows the hook log only with -x", rc=1)
    log = Node("HOOKLOG")
    for hook in call.resource.members(call.client):
        found = call.resource.info(call.client, int(hook.value("ID"))).find("HOOKLOG")
        log.children += found.children
    call.out(pretty(log))
