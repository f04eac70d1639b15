"""Verbs of onevnet: address ranges, held addresses, reservations."""

from . import input as given
from .client import CliError


def addar(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    if len(call.arguments) > 1:
        text = given.read_file(call.arguments[1])
    else:
        text = _range_of_options(call.options)
    call.rpc("add_ar", oid, text)
    call.verbose(oid, "added ar")


def _range_of_options(options):
    if not options.get("size"):
        raise CliError("Address range needs to specify size (-s size)")
    parts = [f'SIZE = "{options["size"]}"']
    kind = {(True, True): "IP4_6", (True, False): "IP4", (False, True): "IP6", (False, False): "ETHER"}
    parts.append(f'TYPE = "{kind[bool(options.get("ip")), bool(options.get("ip6"))]}"')
    parts += [f'{name.upper()} = "{options[name]}"' for name in ("ip", "ip6", "mac") if options.get(name)]
    return f"AR = [ {', '.join(parts)} ]"


def updatear(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    ar_id = call.arguments[1]
    ranges = call.resource.info(call.client, oid).find("AR_POOL").all("AR")
    present = next((ar for ar in ranges if ar.value("AR_ID") == ar_id), None)
    if present is None:
        raise CliError(f"Address Range {ar_id} does not exist for Virtual Network {oid}")
    text = given.read_file(call.arguments[2]) if len(call.arguments) > 2 else given.from_stdin()
    if text is None:
        text = given.from_editor(f"AR=[\n{_attributes(present)} ]")
    elif call.options.get("append"):
        # the client wraps what it is given, which therefore is `KEY=value, ...` and no AR=[ ... ]
        text = f"AR=[\n{text.rstrip()},\n{_attributes(present)} ]"
    call.rpc("update_ar", oid, text)


def _attributes(ar):
    return ",\n".join(f'{c.tag}="{c.text}"' for c in ar.children if c.is_cdata)


def rmar(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    call.rpc("rm_ar", oid, int(call.arguments[1]), bool(call.options.get("force")))
    call.verbose(oid, "deleted ar")


def _lease(method):
    def run(call):
        oid = call.resource.identifier(call.client, call.arguments[0])
        address = call.arguments[1]
        key = "MAC" if address.count(":") == 5 else "IP"
        call.rpc(method, oid, f'LEASES=[{key}="{address}"]')

    return run


hold, release = _lease("hold"), _lease("release")


def reserve(call):
    oid = call.resource.identifier(call.client, call.arguments[0])
    text = f'SIZE="{call.options.get("size", "")}"\nNAME="{call.options.get("name", "")}"\n'
    call.out(f"Reservation VNET ID: {call.rpc('reserve', oid, text)}\n")
