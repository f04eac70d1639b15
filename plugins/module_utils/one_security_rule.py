# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of security groups: checked before oned sees them, and compared by content, whatever their order."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template

Rule = Dict[str, str]

PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPV6", "IPSEC", "ALL")
DIRECTIONS = ("INBOUND", "OUTBOUND")
_KEYS = frozenset({"ICMP_TYPE", "ICMPV6_TYPE", "IP", "NETWORK_ID", "PROTOCOL", "RANGE", "RULE_TYPE", "SIZE"})
# What only some protocols have.
_BELONGS = {"RANGE": ("TCP", "UDP"), "ICMP_TYPE": ("ICMP",), "ICMPV6_TYPE": ("ICMPV6",)}
_RANGE = re.compile(r"\d+(:\d+)?(,\d+(:\d+)?)*\Z")
_LAST_PORT = 65535
# What one match of netfilter on several ports holds; a span of ports counts as two.
_MOST_PORTS = 15


def canonical(declared: Mapping[str, Any]) -> Rule:
    """The declared rule with its names in upper case; a TemplateError says what is wrong with it."""
    rule = one_template.canonical({"RULE": dict(declared)})["RULE"][0]
    if not isinstance(rule, dict):
        raise one_template.TemplateError("a rule must be a dictionary.")
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    unknown = sorted(rule.keys() - _KEYS)
    if unknown:
        _fail(f"{', '.join(unknown)} is no part of a rule; these are: {', '.join(sorted(_KEYS))}.")
    protocol = rule.get("PROTOCOL", "").upper()
    if protocol not in PROTOCOLS:
        _fail(f"PROTOCOL must be one of {', '.join(PROTOCOLS)}, not {rule.get('PROTOCOL')!r}.")
    if rule.get("RULE_TYPE", "").upper() not in DIRECTIONS:
        _fail(f"RULE_TYPE must be one of {', '.join(DIRECTIONS)}, not {rule.get('RULE_TYPE')!r}.")
    for name, protocols in _BELONGS.items():
        if name in rule and protocol not in protocols:
            _fail(f"{name} is for {' and '.join(protocols)} only, not for {protocol}.")
    if "RANGE" in rule:
        _check_ports(rule["RANGE"])
    for name in ("ICMP_TYPE", "ICMPV6_TYPE", "NETWORK_ID"):
        if name in rule and not rule[name].isdecimal():
            _fail(f"{name} must be a number, not {rule[name]!r}.")
    _check_addresses(rule)


def _check_ports(text: str) -> None:
    if not _RANGE.match(text):
        _fail(f"RANGE must be ports and spans of ports such as 22,80:90 without spaces, not {text!r}.")
    count = 0
    for part in text.split(","):
        first, _colon, last = part.partition(":")
        if int(last or first) > _LAST_PORT or int(first) > int(last or first):
            _fail(f"RANGE holds {part}; ports go from 0 to {_LAST_PORT}, a span from the lower to the higher.")
        count += 2 if last else 1
    if count > _MOST_PORTS:
        _fail(f"RANGE holds {count} ports, a span counted as two; a rule takes {_MOST_PORTS}. Make two rules of it.")


def _check_addresses(rule: Rule) -> None:
    if "IP" in rule and "NETWORK_ID" in rule:
        _fail("IP and NETWORK_ID are two ways to say where to; oned would use IP alone. Give one of them.")
    if ("IP" in rule) != ("SIZE" in rule):
        _fail("IP and SIZE, the number of addresses from IP on, go together.")
    if "IP" not in rule:
        return
    if not rule["SIZE"].isdecimal() or int(rule["SIZE"]) < 1:
        _fail(f"SIZE must be a number of addresses, not {rule['SIZE']!r}.")
    try:
        ipaddress.ip_address(rule["IP"]) + (int(rule["SIZE"]) - 1)
    except ValueError:
        _fail(f"IP is no address, or {rule['SIZE']} addresses do not fit after it: {rule['IP']!r}.")


def _fail(sentence: str) -> None:
    raise one_template.TemplateError(sentence)


def same(wanted: Sequence[Rule], present: Sequence[Rule]) -> bool:
    """Whether both say the same: rules have no order, and of two equal ones oned keeps one."""
    return {_plain(rule) for rule in wanted} == {_plain(rule) for rule in present}


def _plain(rule: Rule) -> frozenset[tuple[str, str]]:
    # oned reads protocol and direction in any case and keeps them as they were given.
    return frozenset((name, text.upper()) for name, text in rule.items() if text)
