# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address ranges: oned takes bad ones with rc 0 and the same one twice, so they are checked and compared here."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_address_range as ar
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import TemplateError

IP4 = {"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": "20"}
# As oned has it: with what it adds.
STORED = {**IP4, "AR_ID": "0", "MAC": "02:00:c0:00:02:0a", "NEXT_INDEX": "0", "SHARED": "NO"}


@pytest.mark.parametrize(
    "declared, words",
    [
        ({"TYPE": "NOPE", "SIZE": 1}, "TYPE of an address range must be one of"),
        ({"SIZE": 1}, "TYPE of an address range must be one of"),
        ({"TYPE": "ETHER"}, "SIZE of an address range must be a number"),
        ({"TYPE": "ETHER", "SIZE": 0}, "SIZE of an address range must be a number"),
        ({"TYPE": "ETHER", "SIZE": "4²"}, "SIZE of an address range must be a number"),
        ({"TYPE": "ETHER", "SIZE": -1}, "SIZE of an address range must be a number"),
        ({"TYPE": "IP4", "SIZE": 1}, "needs IP"),
        ({"TYPE": "IP6_STATIC", "SIZE": 1, "IP6": "fd00::1"}, "needs PREFIX_LENGTH"),
        ({"TYPE": "IP4", "IP": "999.1.1.1", "SIZE": 1}, "IP of an address range is no address"),
        ({"TYPE": "IP4", "IP": "fd00::1", "SIZE": 1}, "must be an IPv4 address"),
        ({"TYPE": "IP4", "IP": "255.255.255.250", "SIZE": 10}, "do not fit after it"),
        ({"TYPE": "ETHER", "MAC": "02:00", "SIZE": 1}, "MAC of an address range must look like"),
        ({**IP4, "AR_ID": 0}, "AR_ID of an address range is given by oned"),
        ({}, "empty dictionary"),
    ],
)
def test_bad_ranges_are_refused(declared: dict[str, Any], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        ar.canonical(declared)


@pytest.mark.parametrize(
    "declared",
    [
        {"type": "ip4", "ip": "10.1.0.1", "size": 3, "custom": "x"},
        {"TYPE": "ETHER", "SIZE": 10},
        {"TYPE": "IP4_6_STATIC", "IP": "198.51.100.100", "IP6": "fd00::1", "PREFIX_LENGTH": 64, "SIZE": 5},
        {"TYPE": "IP6", "GLOBAL_PREFIX": "2001:db8::", "SIZE": 5},
        {"TYPE": "IP4", "IP": "255.255.255.250", "SIZE": 6},
    ],
)
def test_good_ranges(declared: dict[str, Any]) -> None:
    assert ar.canonical(declared) == {name.upper(): str(value) for name, value in declared.items()}


@pytest.mark.parametrize(
    "wanted, present, changes, surplus",
    [
        pytest.param([IP4], [STORED], [], 0, id="what oned added is no difference"),
        pytest.param([{**IP4, "TYPE": "ip4"}], [STORED], [], 0, id="the type in another case"),
        pytest.param([], [STORED], [], 1, id="one that is not listed"),
        pytest.param([IP4], [], ["add"], 0, id="a new one"),
        pytest.param([{**IP4, "SIZE": "30"}], [STORED], ["update"], 0, id="another size is updated in place"),
        pytest.param([{**IP4, "OWNER": "x"}], [STORED], ["update"], 0, id="an attribute of the user"),
        pytest.param([{**IP4, "IP": "192.0.2.11"}], [STORED], ["add"], 1, id="another first address is another range"),
        pytest.param([{**IP4, "MAC": "02:00:C0:00:02:0A"}], [STORED], [], 0, id="the MAC in another case"),
        pytest.param([{**IP4, "MAC": "02:00:00:00:00:01"}], [STORED], ["add"], 1, id="another MAC is another range"),
        pytest.param([IP4, IP4], [STORED], ["add"], 0, id="two equal ones are two"),
        pytest.param(
            [{"TYPE": "ETHER", "SIZE": "5"}, {"TYPE": "ETHER", "SIZE": "9"}],
            [{"AR_ID": "1", "TYPE": "ETHER", "SIZE": "9"}, {"AR_ID": "2", "TYPE": "ETHER", "SIZE": "5"}],
            [],
            0,
            id="ranges without addresses pair by size, whatever their order",
        ),
    ],
)
def test_compare(wanted: Any, present: Any, changes: list[str], surplus: int) -> None:
    found = ar.compare(wanted, present)
    assert ["update" if one.present else "add" for one in found.changes] == changes
    assert len(found.surplus) == surplus


def test_an_update_keeps_what_the_range_has_and_leaves_out_what_oned_counts() -> None:
    stored = {**STORED, "MAC_END": "x", "USED_LEASES": "0", "NOTE": "kept"}
    assert ar.updated({**IP4, "SIZE": "30", "FOO": "y"}, stored) == {
        "AR_ID": "0",
        "TYPE": "IP4",
        "IP": "192.0.2.10",
        "MAC": "02:00:c0:00:02:0a",
        "SHARED": "NO",
        "NOTE": "kept",
        "SIZE": "30",
        "FOO": "y",
    }
