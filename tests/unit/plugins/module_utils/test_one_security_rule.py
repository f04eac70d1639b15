# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of security groups: what oned would refuse is refused before, and content decides whether two are the same."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_security_rule import canonical, same
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import TemplateError

TCP = {"PROTOCOL": "TCP", "RULE_TYPE": "inbound"}
WEB = {**TCP, "RANGE": "80,443"}
SSH = {**TCP, "RANGE": "22", "IP": "192.0.2.0", "SIZE": "256"}
PING = {"PROTOCOL": "ICMP", "RULE_TYPE": "inbound", "ICMP_TYPE": "8"}
OUT = {"PROTOCOL": "ALL", "RULE_TYPE": "OUTBOUND"}


@pytest.mark.parametrize(
    "rule",
    [
        WEB,
        SSH,
        PING,
        OUT,
        {**TCP, "RANGE": "22,80:90"},
        {**TCP, "RANGE": "0:65535"},
        {**TCP, "RANGE": ",".join(str(port) for port in range(1, 16))},
        {**TCP, "IP": "2001:db8::1", "SIZE": "1"},
        {**TCP, "NETWORK_ID": "999"},
        {"PROTOCOL": "icmpv6", "RULE_TYPE": "Outbound", "ICMPV6_TYPE": "128"},
    ],
)
def test_good_rules_stay_as_they_are(rule: dict[str, str]) -> None:
    assert canonical(rule) == rule


def test_keys_in_any_case_and_numbers_as_yaml_gives_them() -> None:
    assert canonical({"protocol": "tcp", "rule_type": "inbound", "range": 22, "ip": "192.0.2.1", "size": 1}) == {
        "PROTOCOL": "tcp",
        "RULE_TYPE": "inbound",
        "RANGE": "22",
        "IP": "192.0.2.1",
        "SIZE": "1",
    }


BAD: list[Any] = [
    ({"RULE_TYPE": "inbound"}, "PROTOCOL must be one of"),
    ({**TCP, "PROTOCOL": "NOPE"}, "PROTOCOL must be one of TCP, UDP, ICMP, ICMPV6, IPSEC, ALL, not 'NOPE'"),
    ({**TCP, "RULE_TYPE": "nope"}, "RULE_TYPE must be one of INBOUND, OUTBOUND"),
    ({**TCP, "PORT": "22"}, "PORT is no part of a rule"),
    ({**OUT, "RANGE": "22"}, "RANGE is for TCP and UDP only, not for ALL"),
    ({**TCP, "RANGE": "22, 80"}, "without spaces"),
    ({**TCP, "RANGE": "22-80"}, "spans of ports such as"),
    ({**TCP, "RANGE": ""}, "spans of ports such as"),
    ({**TCP, "RANGE": "90:80"}, "from the lower to the higher"),
    ({**TCP, "RANGE": "65536"}, "from 0 to 65535"),
    ({**TCP, "RANGE": "1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16"}, "holds 16 ports"),
    ({**TCP, "ICMP_TYPE": "8"}, "ICMP_TYPE is for ICMP only"),
    ({**PING, "ICMP_TYPE": "echo"}, "ICMP_TYPE must be a number"),
    ({**TCP, "NETWORK_ID": "guests"}, "NETWORK_ID must be a number"),
    ({**TCP, "IP": "192.0.2.1"}, "go together"),
    ({**TCP, "SIZE": "1"}, "go together"),
    ({**TCP, "IP": "192.0.2.1", "SIZE": "0"}, "SIZE must be a number of addresses"),
    ({**TCP, "IP": "192.0.2.1/24", "SIZE": "1"}, "IP is no address"),
    ({**TCP, "IP": "255.255.255.255", "SIZE": "2"}, "do not fit after it"),
    ({**SSH, "NETWORK_ID": "1"}, "two ways to say"),
]


@pytest.mark.parametrize("rule, words", BAD)
def test_bad_rules_are_refused(rule: dict[str, str], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        canonical(rule)


@pytest.mark.parametrize(
    "wanted, present, equal",
    [
        pytest.param([WEB, SSH], [SSH, WEB], True, id="order does not matter"),
        pytest.param([{**TCP, "PROTOCOL": "tcp", "RULE_TYPE": "INBOUND"}], [TCP], True, id="case does not matter"),
        pytest.param([WEB, WEB], [WEB], True, id="of equal rules oned keeps one"),
        pytest.param([WEB], [{**WEB, "IP": ""}], True, id="an empty key is no key"),
        pytest.param([WEB], [WEB, SSH], False, id="one less"),
        pytest.param([WEB, SSH], [WEB], False, id="one more"),
        pytest.param([WEB], [{**WEB, "RANGE": "80"}], False, id="another port"),
        pytest.param([TCP], [WEB], False, id="without ports it means all ports"),
        pytest.param([], [], True, id="none"),
        pytest.param([], [OUT], False, id="none any more"),
    ],
)
def test_sameness(wanted: list[dict[str, str]], present: list[dict[str, str]], equal: bool) -> None:
    assert same(wanted, present) is equal
