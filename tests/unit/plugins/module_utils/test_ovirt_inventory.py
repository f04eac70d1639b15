# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of oVirt, and what the engine has."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_inventory import (
    ovirt_awaited_hosts,
    ovirt_hosted_engine_split,
    ovirt_moved_hosts,
    ovirt_nfs_exports,
    ovirt_notifier_text,
)

CENTERS = [{"id": "d1", "name": "dc1"}, {"id": "d2", "name": "dc2"}]
CLUSTERS = [
    {"id": "c1", "name": "rack1", "data_center": {"id": "d1"}},
    {"id": "c2", "name": "rack2", "data_center": {"id": "d2"}},
    {"id": "c3", "name": "alone"},
]
HOSTS: list[dict[str, Any]] = [
    {"name": "h1", "cluster": {"id": "c1"}},
    {"name": "h2", "cluster": {"id": "c2"}},
    {"name": "h3", "cluster": {"id": "c3"}},
    {"name": "h4"},
]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"name": "h1", "cluster": "rack1"}, None),
        ({"name": "new", "cluster": "rack1"}, None),
        ({"name": "h2", "cluster": "rack1", "state": "absent"}, None),
        ({"name": "h2"}, None),  # what is left out is left as it is
        ({"name": "h2", "cluster": "rack1"}, "h2 is in the cluster rack2 of the data centre dc2, declared is rack1."),
        ({"name": "h3", "cluster": "rack1"}, "h3 is in the cluster alone, declared is rack1."),
        ({"name": "h4", "cluster": "rack1"}, "h4 is in the cluster unknown, declared is rack1."),
    ],
)
def test_hosts_that_are_elsewhere(declared: dict[str, Any], words: str | None) -> None:
    found = ovirt_moved_hosts([declared], HOSTS, CLUSTERS, CENTERS)
    assert found == [] if words is None else words in found[0] and len(found) == 1


def test_data_centres_are_named_where_they_are_known() -> None:
    (found,) = ovirt_moved_hosts([{"name": "h2", "cluster": "rack1"}], HOSTS, CLUSTERS)
    assert "is in the cluster rack2, declared is rack1" in found


def test_domains_of_nfs_are_exported_to_their_clients() -> None:
    domains = [
        {"path": "/a"},
        {"path": "/b", "clients": ["10.0.0.1"]},
        {"path": "/c", "storage_type": "GLUSTERFS"},
    ]
    assert ovirt_nfs_exports(domains, ["*"]) == [
        {"path": "/a", "clients": ["*"]},
        {"path": "/b", "clients": ["10.0.0.1"]},
    ]


def test_hosts_that_are_new_or_not_installed_to_the_end() -> None:
    found = [{"name": name, "status": name.replace("-", "_")} for name in ("up", "installing", "install-failed")]
    declared = [{"name": name} for name in ("up", "installing", "install-failed", "new")]
    assert ovirt_awaited_hosts(declared, found) == {"new": ["new"], "unfinished": ["installing", "install-failed"]}
    again = [{**one, "state": "reinstalled"} for one in declared]
    assert ovirt_awaited_hosts(again, found) == {"new": [], "unfinished": []}


def test_secrets_of_a_hosted_engine_are_apart() -> None:
    given = {"he_fqdn": "e", "he_admin_password": "a", "he_appliance_password": "b", "he_fqnd": "typed wrongly"}
    assert ovirt_hosted_engine_split(given) == {
        "variables": {"he_fqdn": "e", "he_fqnd": "typed wrongly"},
        "secrets": {"he_admin_password": "a", "he_appliance_password": "b"},
    }


def engine_reads(text: str) -> dict[str, str]:
    """The rules of the engine's reader of such files, written anew."""
    values = {}
    for line in text.splitlines():
        key, equals, rest = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        value, quoted, position = "", False, 0
        while position < len(rest):
            char = rest[position]
            position += 1
            if char == "\\":
                value += rest[position : position + 1]
                position += 1
            elif char == "$":
                raise ValueError("Malformed variable assignment")
            elif char == '"':
                quoted = not quoted
            elif char in " #" and not quoted:
                break
            else:
                value += char
        values[key] = value
    return values


def test_the_notifier_reads_what_was_meant() -> None:
    settings = {"MAIL_PASSWORD": 'pa$s "w\\o${RD} #;=7 ', "MAIL_PORT": 25, "MAIL_SMTP_ENCRYPTION": "none"}
    text = ovirt_notifier_text(settings)
    assert engine_reads(text) == {key: str(value) for key, value in settings.items()}
    assert text.splitlines()[1].startswith("MAIL_PASSWORD=") and 'MAIL_PORT="25"' in text
