# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import declared, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, Host, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_declared import DECLARED_RULES


def found(**changes: Any) -> list[Finding]:
    return findings(Cloud(**{"hosts": [], **changes}), DECLARED_RULES)


def pinned(fingerprint: str) -> list[Host]:
    return [Host("front1", required={"opennebula_repository_key_fingerprint": fingerprint})]


@pytest.mark.parametrize(
    "fine",
    [
        {"hosts": pinned("0123456789abcdef0123456789ABCDEF01234567")},
        {"hosts": pinned("0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567")},
        {"hosts": [Host("front1", database_backend="mysql")]},
        {"declared": declared(clusters=[{"name": "lab"}], hosts=[{"name": "n", "cluster": "lab"}])},
        {
            "declared": declared(
                datastores=[{"name": "d", "clusters": ["default", "100"]}], hosts=[{"name": "n", "cluster": None}]
            )
        },
        {"declared": declared(hosts=[{"name": "gone", "cluster": "lab", "state": "absent"}])},
    ],
)
def test_nothing_is_said_against(fine: dict[str, Any]) -> None:
    assert found(**fine) == []


@pytest.mark.parametrize(
    ("slip", "severity", "words"),
    [
        ({"hosts": pinned("DEADBEEF")}, "error", "'DEADBEEF'; a whole fingerprint has 40"),
        ({"hosts": [Host("front1", database_backend="mariadb")]}, "error", "'mariadb'; wanted sqlite or mysql"),
        (
            {"declared": declared(clusters=[{"name": "lab"}], hosts=[{"name": "n1", "cluster": "lba"}])},
            "warning",
            "The cluster lba is named by host n1, and opennebula_clusters does not declare it",
        ),
        (
            {
                "declared": declared(
                    clusters=[{"name": "lab", "state": "absent"}], datastores=[{"name": "d", "clusters": ["lab"]}]
                )
            },
            "warning",
            "The cluster lab is named by datastore d",
        ),
        (
            {
                "declared": declared(
                    security_groups=[{"name": "web"}],
                    virtual_networks=[{"name": "n", "security_groups": ["wbe", "web", "0"]}],
                )
            },
            "warning",
            "The security group wbe is named by network n, and opennebula_security_groups does not declare it",
        ),
        (
            {"declared": declared(users=[{"name": "alice"}], datastores=[{"name": "d", "owner": "alcie"}])},
            "warning",
            "The user alcie is named by datastore d, and opennebula_users does not declare it",
        ),
        (
            {"declared": declared(users=[{"name": "alice", "group": "users", "groups": ["devs"]}])},
            "warning",
            "The group devs is named by user alice, and groups are not made by this collection",
        ),
    ],
)
def test_a_slip_is_found(slip: dict[str, Any], severity: str, words: str) -> None:
    assert told(found(**slip), words).severity == severity
