# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, Host, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_declared import DECLARED_RULES


def found(**changes: Any) -> list[Finding]:
    return findings(Cloud(**{"hosts": [], **changes}), DECLARED_RULES)


def pinned(fingerprint: str) -> list[Host]:
    return [Host("front1", required={"opennebula_repository_key_fingerprint": fingerprint})]


def network(**address_range: Any) -> list[dict[str, Any]]:
    return [{"name": "guests", "address_ranges": [address_range]}]


@pytest.mark.parametrize(
    "fine",
    [
        {"hosts": pinned("0123456789abcdef0123456789ABCDEF01234567")},
        {"hosts": pinned("0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567")},
        {"hosts": [Host("front1", database_backend="mysql")]},
        {"clusters": [{"name": "lab"}], "declared": [("node", {"name": "n", "cluster": "lab"})]},
        {
            "declared": [
                ("datastore", {"name": "d", "clusters": ["default", 100]}),
                ("node", {"name": "n", "cluster": None}),
            ]
        },
        {"virtual_networks": network(TYPE="IP4", IP="198.51.100.9", SIZE=4)},
        {"virtual_networks": network(TYPE="ETHER", MAC="02:00:00:00:00:01", SIZE=4)},
    ],
)
def test_nothing_is_said_against(fine):
    assert found(**fine) == []


@pytest.mark.parametrize(
    ("slip", "severity", "words"),
    [
        ({"hosts": pinned("DEADBEEF")}, "error", "'DEADBEEF'; a whole fingerprint has 40"),
        ({"hosts": [Host("front1", database_backend="mariadb")]}, "error", "'mariadb'; wanted sqlite or mysql"),
        (
            {"clusters": [{"name": "lab"}], "declared": [("node", {"name": "n1", "cluster": "lba"})]},
            "warning",
            "The cluster lba is named by node n1, and opennebula_clusters does not declare it",
        ),
        (
            {"virtual_networks": network(TYPE="IP4", IP="198.51.100.999")},
            "error",
            "guests begins at IP '198.51.100.999'",
        ),
    ],
)
def test_a_slip_is_found(slip, severity, words):
    (finding,) = found(**slip)
    assert finding.severity == severity
    assert words in finding.what
