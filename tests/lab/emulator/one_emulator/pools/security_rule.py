"""What oned checks in the rules of a security group, in its order and words."""

import ipaddress
import re

from .. import errors

PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPV6", "IPSEC", "ALL")
PORTS = re.compile(r"(\d+|\d+:\d+)(,(\d+|\d+:\d+))*")
MOST_PORTS = 15


def check(rule):
    protocol = rule.get("PROTOCOL", "").upper()
    if protocol not in PROTOCOLS:
        raise errors.refused(f"Wrong PROTOCOL in rule. Valid options: {', '.join(PROTOCOLS)}.")
    if rule.get("RANGE"):
        if protocol not in ("TCP", "UDP"):
            raise errors.refused("RANGE is supported only for TCP and UDP protocols.")
        _check_ports(rule["RANGE"])
    for name, only in (("ICMP_TYPE", "ICMP"), ("ICMPV6_TYPE", "ICMPV6")):
        if rule.get(name):
            if protocol != only:
                raise errors.refused(f"{name} is supported only for {only} protocol.")
            if not rule[name].isdigit():
                raise errors.refused(f"Wrong {name}, it must be integer")
    if rule.get("RULE_TYPE", "").upper() not in ("INBOUND", "OUTBOUND"):
        raise errors.refused("Wrong RULE_TYPE in rule. Valid options: INBOUND, OUTBOUND.")
    if rule.get("IP"):
        if not rule.get("SIZE", "").isdigit():
            raise errors.refused("Wrong or empty SIZE.")
        try:
            ipaddress.ip_address(rule["IP"])
        except ValueError:
            raise errors.refused("Wrong format for IP value.") from None
    elif "NETWORK_ID" in rule and not rule["NETWORK_ID"].isdigit():
        raise errors.refused("Wrong NETWORK_ID.")


def _check_ports(text):
    if not PORTS.fullmatch(text):
        raise errors.refused("Invalid RANGE specification.")
    count = 0
    for part in text.split(","):
        ports = [int(port) for port in part.split(":")]
        if max(ports) > 65535:
            raise errors.refused("RANGE out of bounds 0-65536.")
        if ports != sorted(ports):
            raise errors.refused("RANGE BEGIN value is greater than RANGE END value")
        count += len(ports)
        if count > MOST_PORTS:
            raise errors.refused("Not more than 15 ports can be specified in a RULE")


def without_repeats(template):
    """Of equal rules the first stays."""
    seen = []
    for item in template.items:
        if item[0] != "RULE" or item not in seen:
            seen.append(item)
    return seen
