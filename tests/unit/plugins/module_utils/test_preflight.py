# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any, Iterator

import pytest
from cloud_samples import SECRET, cloud, host, probe, told

from ansible_collections.kvmcloud.stack.plugins.module_utils import preflight
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, Limits, Rule
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import ALL_RULES

FRONT, NODE = "opennebula_frontends", "opennebula_nodes"


def test_a_healthy_cloud_has_no_findings() -> None:
    assert preflight.findings(cloud(), ALL_RULES) == []


def front(**changes: Any) -> preflight.Host:
    return host("front1", FRONT, **changes)


def node(name: str = "node1", **changes: Any) -> preflight.Host:
    return host(name, NODE, **changes)


def port(number: int, protocol: str = "tcp", uid: int = 33) -> dict[str, Any]:
    return {"protocol": protocol, "address": "0.0.0.0", "port": number, "uid": uid, "pid": 7, "process": "nginx"}


EL = {"id": "almalinux", "version_id": "9.4"}
OVIRT = {"ovirt_engine_fqdn": "engine.example.org", "ovirt_engine_admin_password": SECRET}
NO_CLOCK = {"service": None, "synchronised": False}
NO_KVM = {"kvm_device": False, "cpu": {"processors": 1, "virtualisation": None}}


@pytest.mark.parametrize(
    ("broken", "severity", "where", "words"),
    [
        pytest.param(
            cloud(front(probe=None, unreachable="No route to host"), node())
            and Cloud([preflight.Host("front1", {FRONT}, unreachable="No route to host")], {FRONT: ["front1"]}),
            "error",
            "front1",
            "could not be looked at: No route to host",
            id="unreachable host",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", os_release={"id": "debian", "version_id": "11"})), node()),
            "error",
            "front1",
            "OpenNebula 7.4 does not exist for Debian 11",
            id="release not for this system",
        ),
        pytest.param(
            cloud(
                front(release="7.2"),
                node(release="7.2", probe=probe("node1", os_release={"id": "rocky", "version_id": "9.4"})),
            ),
            "warning",
            "node1",
            "not known whether OpenNebula 7.2 works on Rocky",
            id="release not known on this system",
        ),
        pytest.param(
            cloud(front(release="8.1"), node()), "error", "front1", "8.1 is not known here", id="unknown release"
        ),
        pytest.param(
            cloud(front(release="6.10"), node()), "error", "all", "differs between hosts: 6.10, 7.4", id="two releases"
        ),
        pytest.param(
            cloud(front(), node(probe=probe("node1", os_release={"id": "debian", "version_id": "13"}))),
            "warning",
            "all",
            "debian 12: front1; debian 13: node1",
            id="two systems in a zone",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", init="init")), node()),
            "error",
            "front1",
            "Process 1 is init",
            id="no systemd",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", package_lock={"path": "/l", "pid": 5, "process": "apt"})), node()),
            "warning",
            "front1",
            "apt (pid 5) holds /l",
            id="apt is running",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", epoch=940.0)), node()),
            "error",
            "front1",
            "at least 60 s behind",
            id="late clock",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", epoch=4601.0)), node()),
            "error",
            "front1",
            "at least 3600 s ahead of",
            id="early clock",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", clock=NO_CLOCK)), node()),
            "warning",
            "front1",
            "No time service",
            id="no time service",
        ),
        pytest.param(
            cloud(front(), node(probe=probe("node1", **NO_KVM))),
            "error",
            "node1",
            "neither vmx nor svm",
            id="no virtualisation",
        ),
        pytest.param(
            cloud(front(), node(probe=probe("node1", kvm_device=False))),
            "error",
            "node1",
            "has vmx, but /dev/kvm",
            id="kvm module not loaded",
        ),
        pytest.param(
            cloud(front(), node(probe=probe("node1", nested=False))),
            "warning",
            "node1",
            "Nested virtualisation is off",
            id="no guests of guests",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", opennebula="6.10.5-1")), node()),
            "error",
            "front1",
            "OpenNebula 6.10.5-1 is installed, and opennebula_release is 7.4.",
            id="an older release is installed",
        ),
        pytest.param(
            cloud(front(), node(probe=probe("node1", opennebula="8.0.0~rc1-1")), upgrade=True),
            "error",
            "node1",
            "OpenNebula 8.0.0~rc1-1 is installed",
            id="packages do not go back",
        ),
        pytest.param(
            cloud(front(), node(), oned_edits=[{"attribute": "port", "value": 2634}]),
            "error",
            "all",
            "PORT of oned.conf 2634",
            id="oned elsewhere",
        ),
        pytest.param(
            cloud(front(), node(), node("node2", probe=probe("node2", cgroup_version=1))),
            "warning",
            "all",
            "version 2: node1; version 1: node2",
            id="mixed cgroups",
        ),
        pytest.param(
            cloud(front(), node(), limits=Limits(memory_mb={NODE: 9000})),
            "error",
            "node1",
            "8192 MiB of memory; 9000",
            id="too little memory",
        ),
        pytest.param(
            cloud(front(), node(), limits=Limits(disk_mb={FRONT: {"/var/lib": 60000}})),
            "error",
            "front1",
            "/var/lib has 50000 MiB free",
            id="too little disk",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", disks={})), node(), limits=Limits(disk_mb={FRONT: {"/var/lib": 1}})),
            "error",
            "front1",
            "The free space of /var/lib could not be measured in time",
            id="a disk that does not answer",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", ports=[port(2633)])), node()),
            "error",
            "front1",
            "Port 2633/tcp, which oned needs, is taken by nginx (pid 7)",
            id="port of oned taken",
        ),
        pytest.param(
            cloud(front(probe=probe("front1", ports=[port(4124, "udp")], users={"oneadmin": {"uid": 9869}})), node()),
            "error",
            "front1",
            "Port 4124/udp",
            id="port taken although OpenNebula is installed",
        ),
        pytest.param(
            cloud(front(secrets={"opennebula_oneadmin_password": None}), node()),
            "error",
            "front1",
            "opennebula_oneadmin_password is not set",
            id="secret not set",
        ),
        pytest.param(
            cloud(front(secrets={"opennebula_oneadmin_password": "Changeme123"}), node()),
            "error",
            "front1",
            "opennebula_oneadmin_password looks like a default",
            id="secret looks like a default",
        ),
        pytest.param(
            cloud(front(required={"opennebula_repository_key_fingerprint": " "}), node()),
            "error",
            "front1",
            "opennebula_repository_key_fingerprint is not set",
            id="fingerprint not set",
        ),
        pytest.param(cloud(node()), "error", "all", "nodes without a front-end", id="nodes only"),
        pytest.param(cloud(front()), "warning", "all", "nothing that runs guests", id="front-end only"),
        pytest.param(
            cloud(front(), node(), host("node2", FRONT)),
            "warning",
            "all",
            "has 2 hosts, which survive the loss of 0",
            id="two front-ends",
        ),
        pytest.param(
            cloud(host("x", "gluster_clients")), "error", "all", "clients without servers", id="gluster client alone"
        ),
        pytest.param(cloud(host("x", "ovirt_hosts")), "error", "all", "without an engine", id="oVirt host alone"),
        pytest.param(
            cloud(
                front(probe=probe("front1", users={"oneadmin": {"uid": 9869}})),
                node(probe=probe("node1", users={"oneadmin": {"uid": 1001}})),
            ),
            "error",
            "all",
            "1001: node1; 9869: front1",
            id="oneadmin with two ids",
        ),
    ],
)
def test_one_thing_wrong(broken: Cloud, severity: str, where: str, words: str) -> None:
    found = told(preflight.findings(broken, ALL_RULES), words)
    assert (found.severity, found.host) == (severity, where)
    assert found.sentence == f"{severity}: {where}: {found.what} {found.remedy} [{found.rule}]"


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(cloud(front(probe=probe("front1", epoch=999.0)), node()), id="skew within the limit"),
        pytest.param(cloud(front(probe=probe("front1", epoch=1000.9)), node()), id="any time within the window"),
        pytest.param(cloud(front(), node(domain_type="qemu", probe=probe("node1", **NO_KVM))), id="qemu needs no kvm"),
        pytest.param(
            cloud(
                front(probe=probe("front1", ports=[port(2633, uid=9869)], users={"oneadmin": {"uid": 9869}})), node()
            ),
            id="oneadmin's own port",
        ),
        pytest.param(cloud(front(), node(probe=probe("node1", ports=[port(2633)]))), id="a node may use oned's port"),
        pytest.param(
            cloud(front(probe=probe("front1", clock=NO_CLOCK, container="podman")), node()),
            id="containers have no clock",
        ),
        pytest.param(cloud(host("front1", FRONT, NODE)), id="one machine is both"),
        pytest.param(
            cloud(
                host("front1", "ovirt_engines", probe=probe("front1", os_release=EL), ovirt=OVIRT),
                host("node1", "ovirt_hosts", probe=probe("node1", os_release=EL)),
            ),
            id="one of two engines",
        ),
        pytest.param(cloud(front(), node(), limits=Limits(memory_mb={NODE: 8192})), id="just enough memory"),
        pytest.param(cloud(front(release=None), node(release=None)), id="no release known"),
    ],
)
def test_harmless(harmless: Cloud) -> None:
    assert preflight.findings(harmless, ALL_RULES) == []


def test_findings_never_hold_a_secret() -> None:
    weak = cloud(front(secrets={"opennebula_oneadmin_password": "opennebula1"}), node())
    (found,) = preflight.findings(weak, ALL_RULES)
    assert "opennebula1" not in found.what + found.remedy
    assert SECRET not in str(preflight.findings(cloud(), ALL_RULES))


def test_all_findings_come_at_once_and_errors_first() -> None:
    broken = cloud(
        front(probe=probe("front1", clock=NO_CLOCK, epoch=0.0), secrets={"opennebula_oneadmin_password": ""}),
        node(probe=probe("node1", init="", **NO_KVM)),
    )
    found = preflight.findings(broken, ALL_RULES)
    assert [f.severity for f in found] == ["error"] * 4 + ["warning"]


def test_blanks_within_a_secret_are_a_fault_for_opennebula_and_none_for_ovirt() -> None:
    words = "correct horse battery"
    told = preflight.findings(cloud(front(secrets={"opennebula_oneadmin_password": words}), node()), ALL_RULES)
    assert "white space" in told[0].what
    for variable in ("ovirt_engine_admin_password", "he_admin_password"):
        assert preflight.findings(cloud(front(secrets={variable: words}), node()), ALL_RULES) == []


def test_same_secret_fault_is_told_once_for_all_hosts() -> None:
    fault = {"opennebula_repository_password": None}
    (found,) = preflight.findings(cloud(front(secrets=fault), node(secrets=fault)), ALL_RULES)
    assert found.host == "front1, node1"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(memory_mb={NODE: 9000}), "8192 MiB of memory; 9000"),
        (Limits(disk_mb={NODE: {"/var/lib": 60000}}), "/var/lib has 50000 MiB free"),
    ],
    ids=["memory", "disk"],
)
@pytest.mark.parametrize(("oneadmin", "severity"), [(None, "error"), ({"uid": 9869}, "warning")])
def test_a_host_that_works_already_is_not_refused_for_its_size(
    limits: Limits, words: str, oneadmin: dict[str, int] | None, severity: str
) -> None:
    """A run at night must not end because the disk filled up since; a host that is yet to be deployed is refused."""
    small = cloud(front(), node(probe=probe("node1", users={"oneadmin": oneadmin})), limits=limits)
    assert told(preflight.findings(small, ALL_RULES), words).severity == severity


def broken_half_way(cloud: Cloud) -> Iterator[Finding]:
    yield Finding("node1", "This was found before.", "Do that.")
    raise KeyError(cloud.hosts[0].secrets["opennebula_oneadmin_password"])


def test_a_rule_that_crashes_costs_no_other_finding() -> None:
    rules = [Rule(broken_half_way), *ALL_RULES]
    found = preflight.findings(cloud(front(release="8.1", secrets={"opennebula_oneadmin_password": SECRET})), rules)
    assert told(found, "This was found before").rule == "broken_half_way"
    assert told(found, "8.1 is not known here").rule == "release_on_system"
    crash = told(found, "crashed")
    assert crash.crash and crash.severity == "error" and crash.rule == "broken_half_way"
    assert "The rule broken_half_way crashed" in crash.what and "KeyError" in crash.what
    assert "test_preflight.py, line" in crash.what
    assert "fault of the collection" in crash.remedy
    assert SECRET not in crash.sentence, "the text of an exception may quote what it stumbled over"


def test_what_cannot_be_accepted() -> None:
    """Each of these ends in a failure later, half-way through the deployment, whatever the inventory accepts."""
    assert {rule.name for rule in ALL_RULES if not rule.acceptable} == {
        "unreachable_hosts",
        "one_release",
        "release_on_system",
        "init_system",
        "address_of_the_leader",
        "floating_address_of_another",
        "server_endpoints",
        "database_of_each",
        "discarded_databases",
        "required_values",
        "secrets",
        "fingerprint_is_whole",
        "database_is_known",
        "port_of_oned",
        "declarations",
        "disks_can_be_used",
        "gluster_declarations",
        "volumes_can_be_laid_out",
        "bricks_can_be_used",
        "links_are_taken",
        "links_are_sound",
        "links_fit_the_host",
        "netplan_has_a_host",
        "storage_addons_agree",
        "ovirt_on_system",
        "ovirt_answers_are_taken",
        "ovirt_hosted_engine_variables_are_taken",
        "guests_are_kept_from_vitastor",
        "isolation_is_taken",
        "isolation_is_sound",
        "kernel_filters_bridges",
        "isolation_fits_the_host",
    }


def test_every_rule_has_a_name_and_an_explanation_of_its_own() -> None:
    names = [rule.name for rule in ALL_RULES]
    assert len(set(names)) == len(names)
    assert all(rule.explanation.endswith(".") for rule in ALL_RULES), [r.name for r in ALL_RULES if not r.explanation]


@pytest.mark.parametrize(
    ("installed", "upgrade"), [("7.4.0-1", False), ("7.4.2-1.el9", False), (None, False), ("6.10.0-1", True)]
)
def test_the_release_that_is_installed_may_stay_or_be_upgraded(installed: str | None, upgrade: bool) -> None:
    hosts = [front(probe=probe("front1", opennebula=installed)), node()]
    assert preflight.findings(cloud(*hosts, upgrade=upgrade), ALL_RULES) == []
