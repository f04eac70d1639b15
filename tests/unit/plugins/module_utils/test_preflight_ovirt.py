# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about oVirt."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import cloud, host, probe

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Finding, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ovirt import OVIRT_RULES

FQDN = "engine.example.org"
ENGINE = {
    "ovirt_engine_fqdn": FQDN,
    "ovirt_engine_admin_password": "secret",
    "ovirt_engine_firewall_manager": "firewalld",
}
HE = {
    "he_fqdn": FQDN,
    "he_bridge_if": "eth0",
    "he_domain_type": "nfs",
    "he_storage_domain_addr": "nfs1",
    "he_storage_domain_path": "/he",
    "he_gateway": "192.0.2.1",
    "he_appliance_password": "x",
    "he_admin_password": "y",
}
GLUSTER = {"ovirt_resources_storage_domains": [{"name": "data", "glusterfs": {"address": "gs1", "path": "/data"}}]}


def el(name: str, group: str, release: str = "9.4", variables: dict[str, Any] | None = None, **changes: Any) -> Any:
    system = {"os_release": {"id": "almalinux", "version_id": release}, "architecture": "x86_64"}
    names = {"names": {FQDN: ["192.0.2.9"]}}
    made = host(name, *group.split(), probe=probe(name, **{**system, **names, **changes}))
    made.ovirt = dict(ENGINE if variables is None else variables)
    return made


def found(*hosts: Any) -> list[Finding]:
    return findings(cloud(*hosts), OVIRT_RULES)


def test_a_cloud_of_ovirt_is_fine() -> None:
    assert found(el("engine", "ovirt_engines"), el("host1", "ovirt_hosts"), el("host2", "ovirt_hosts", "10.0")) == []
    assert found(el("host1", "ovirt_hosted_engine_hosts", variables=HE), el("host2", "ovirt_hosts")) == []
    assert found(el("host1", "ovirt_hosts", variables={})) == [], "an engine elsewhere"


def test_a_cloud_without_ovirt_is_not_its_affair() -> None:
    assert findings(cloud(), OVIRT_RULES) == []


DEBIAN = {"os_release": {"id": "debian", "version_id": "12"}}


@pytest.mark.parametrize(
    ("hosts", "rule", "words"),
    [
        ([el("e", "ovirt_engines", "8.10")], "ovirt_on_system", "not packaged for almalinux 8.10"),
        ([el("e", "ovirt_engines", **DEBIAN)], "ovirt_on_system", "not packaged for debian 12"),
        ([el("e", "ovirt_engines", architecture="aarch64")], "ovirt_on_system", "not packaged for aarch64"),
        (
            [el("e", "ovirt_engines", variables={**ENGINE, **GLUSTER}), el("h", "ovirt_hosts", "10.0")],
            "ovirt_gluster_needs_release_9",
            "The storage domain data is on GlusterFS, which oVirt gave up",
        ),
        (
            [el("h", "ovirt_hosted_engine_hosts", "10.0", {**HE, "he_domain_type": "glusterfs"})],
            "ovirt_gluster_needs_release_9",
            "The storage domain hosted_storage is on GlusterFS",
        ),
        ([el("e", "ovirt_engines"), el("f", "ovirt_engines")], "ovirt_has_one_engine", "declared are e, f"),
        (
            [el("e", "ovirt_engines"), el("h", "ovirt_hosted_engine_hosts", variables=HE)],
            "ovirt_has_one_engine",
            "declared are e, h",
        ),
        ([el("h", "ovirt_hosts opennebula_nodes")], "ovirt_hosts_are_not_shared", "both would rule its libvirt"),
        ([el("e", "ovirt_engines", names={FQDN: []})], "ovirt_engine_name_resolves", "does not resolve"),
        ([el("e", "ovirt_engines", names={FQDN: ["127.0.1.1"]})], "ovirt_engine_name_resolves", "to 127.0.1.1"),
        (
            [el("e", "ovirt_engines", variables={**ENGINE, "ovirt_engine_dwh_enabled": "no"})],
            "ovirt_answers_are_taken",
            "'no' as text is true to otopi",
        ),
        (
            [el("e", "ovirt_engines", variables={**ENGINE, "ovirt_engine_admin_password": None})],
            "ovirt_answers_are_taken",
            "adminPassword is missing",
        ),
        (
            [el("h", "ovirt_hosted_engine_hosts", variables={**HE, "he_gateway": ""})],
            "ovirt_hosted_engine_variables_are_taken",
            "he_gateway is missing",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_found(hosts: list[Any], rule: str, words: str) -> None:
    (one,) = found(*hosts)
    assert one.rule == rule and words in one.what and not one.crash


def test_a_gluster_domain_on_release_9_or_taken_away_is_fine() -> None:
    away = [{**GLUSTER["ovirt_resources_storage_domains"][0], "state": "absent"}]
    for variables, release in ((GLUSTER, "9.4"), ({"ovirt_resources_storage_domains": away}, "10.0")):
        engine = el("e", "ovirt_engines", variables={**ENGINE, **variables})
        assert found(engine, el("h", "ovirt_hosts", release)) == []
