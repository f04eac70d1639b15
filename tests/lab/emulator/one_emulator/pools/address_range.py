"""Address ranges of a virtual network: their checks, the attributes oned adds, and the leases in them."""

import random
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from .. import errors
from ..template import cdata

WITH_IP4 = ("IP4", "IP4_6", "IP4_6_STATIC")
WITH_STATIC_IP6 = ("IP6_STATIC", "IP4_6_STATIC")
TYPES = ("ETHER", "IP4", "IP6", "IP6_STATIC", "IP4_6", "IP4_6_STATIC")
FIXED = ("AR_ID", "TYPE", "MAC", "IP", "IP6", "NEXT_INDEX", "SHARED", "PARENT_NETWORK_AR_ID")


def build(ar_id, given, mac_prefix, release):
    """The stored form of a new range: {"attributes", "leases"}."""
    attributes = dict(given)
    kind = given.get("TYPE", "").upper()
    if kind not in TYPES:
        raise errors.refused("Unknown or missing address range TYPE.")
    attributes["SIZE"] = str(_size(given))
    if kind in WITH_IP4:
        ip = _address(IPv4Address, given.get("IP", ""), "Wrong or empty IP attribute")
    if kind in WITH_STATIC_IP6:
        _address(IPv6Address, given.get("IP6", ""), "Wrong or empty IP6 attribute")
    if not attributes.get("MAC"):
        suffix = int(ip) if kind in WITH_IP4 else random.randrange(2**32)
        attributes["MAC"] = _mac((int(mac_prefix.replace(":", ""), 16) << 32) + suffix)
    attributes["AR_ID"] = str(ar_id)
    if release.ar_shows_index_and_sharing:
        attributes.setdefault("NEXT_INDEX", "0")
        attributes.setdefault("SHARED", "NO")
    return {"attributes": attributes, "leases": {}}


def _size(given):
    text = given.get("SIZE", "")
    if not text.isdigit() or int(text) == 0:
        raise errors.refused("Wrong SIZE for address range")
    return int(text)


def _address(kind, text, complaint):
    try:
        return kind(text)
    except AddressValueError as problem:
        raise errors.refused(complaint) from problem


def _mac(number):
    return ":".join(f"{number:012x}"[i : i + 2] for i in range(0, 12, 2))


def update(ar, given):
    """What updatear does: all attributes are replaced but those that identify the range; it may change its size."""
    attributes = ar["attributes"]
    size = _size(given) if given.get("SIZE") else size_of(ar)
    if any(int(index) >= size for index in ar["leases"]):
        raise errors.not_possible("New size is smaller than the highest lease in use")
    kept = {key: attributes[key] for key in FIXED if key in attributes}
    ar["attributes"] = {**given, **kept, "SIZE": str(size)}


def size_of(ar):
    return int(ar["attributes"]["SIZE"])


def _at(ar, index):
    """MAC and addresses of the index-th lease."""
    attributes = ar["attributes"]
    kind = attributes["TYPE"].upper()
    found = {}
    if kind in WITH_IP4:
        found["IP"] = str(IPv4Address(attributes["IP"]) + index)
    if kind in WITH_STATIC_IP6:
        found["IP6"] = str(IPv6Address(attributes["IP6"]) + index)
    found["MAC"] = _mac(int(attributes["MAC"].replace(":", ""), 16) + index)
    return found


def index_of(ar, address):
    """The position of an IP or MAC in the range, or None."""
    for index in range(size_of(ar)):
        if address.lower() in _at(ar, index).values():
            return index
    return None


def take_free(ar, count, holder):
    """Lease the first `count` free addresses; their indices, or None when there are not enough."""
    free = [index for index in range(size_of(ar)) if str(index) not in ar["leases"]][:count]
    if len(free) < count:
        return None
    for index in free:
        ar["leases"][str(index)] = dict(holder)
    if "NEXT_INDEX" in ar["attributes"]:
        ar["attributes"]["NEXT_INDEX"] = str(free[-1] + 1)
    return free


def slice_of(ar, index):
    """Attributes of a reservation that begins at `index`."""
    kept = {key: value for key, value in ar["attributes"].items() if key != "NEXT_INDEX"}
    return {**kept, **_at(ar, index), "PARENT_NETWORK_AR_ID": ar["attributes"]["AR_ID"]}


def xml(ar, full):
    attributes = ar["attributes"]
    body = "".join(cdata(key, attributes[key]) for key in sorted(attributes))
    if full:
        last = _at(ar, size_of(ar) - 1)
        body += "".join(cdata(f"{key}_END", last[key]) for key in ("MAC", "IP", "IP6") if key in last)
        body += f"<USED_LEASES>{len(ar['leases'])}</USED_LEASES><LEASES>{_leases_xml(ar)}</LEASES>"
    return f"<AR>{body}</AR>"


def _leases_xml(ar):
    leases = []
    for index in sorted(ar["leases"], key=int):
        lease = {**_at(ar, int(index)), **ar["leases"][index]}
        leases.append("<LEASE>" + "".join(cdata(key, lease[key]) for key in sorted(lease)) + "</LEASE>")
    return "".join(leases)
