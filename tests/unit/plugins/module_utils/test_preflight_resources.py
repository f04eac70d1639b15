# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import cloud, declared, host, probe, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Declared, Finding, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_resources import RESOURCE_RULES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import ALL_RULES

RANGE = {"TYPE": "IP4", "IP": "198.51.100.10", "SIZE": 4}


def found(declarations: Declared, deployed: bool = False) -> list[Finding]:
    users = {"oneadmin": {"uid": 9869} if deployed else None}
    front = host("front1", "opennebula_frontends", probe=probe("front1", users=users))
    return findings(cloud(front, declared=declarations), RESOURCE_RULES)


def network(*address_ranges: dict[str, Any], **template: str) -> list[dict[str, Any]]:
    return [{"name": "guests", "template": {"VN_MAD": "fw", **template}, "address_ranges": list(address_ranges)}]


@pytest.mark.parametrize("deployed", [False, True], ids=["bare front-end", "deployed front-end"])
@pytest.mark.parametrize(
    ("declarations", "words"),
    [
        (declared(clusters=[{"name": "a"}, {"name": "a"}]), "cluster a: it is declared twice"),
        (declared(clusters=[{"name": "a", "template": 'A = "unclosed'}]), "cluster a: "),
        (declared(clusters=[{"name": "12"}]), "cluster 12: a name of digits only"),
        (declared(hosts=[{"name": "node1", "cluster": "-x"}]), "host node1: cluster '-x' is not the name"),
        (declared(hosts=[{"name": "node1", "template": {"VM_MAD": "kvm"}}]), "host node1: VM_MAD does not belong"),
        (
            declared(datastores=[{"name": "d", "permissions": 640, "template": {"DS_MAD": "fs", "TM_MAD": "ssh"}}]),
            "datastore d: permissions must be a quoted string",
        ),
        (
            declared(datastores=[{"name": "d", "template": {"TYPE": "IMG", "DS_MAD": "fs", "TM_MAD": "ssh"}}]),
            "datastore d: TYPE must be one of",
        ),
        (
            declared(
                datastores=[
                    {"name": "d", "state": "disabled", "template": {"type": "file_ds", "DS_MAD": "fs", "TM_MAD": "ssh"}}
                ]
            ),
            "datastore d: only system datastores can be enabled or disabled",
        ),
        (declared(datastores=[{"name": "files", "state": "absent"}]), "datastore files: it is datastore 2"),
        (
            declared(virtual_networks=network({**RANGE, "IP": "198.51.100.999"})),
            "virtual network guests: address range 1: IP of an address range is no address",
        ),
        (
            declared(virtual_networks=network(AR="x")),
            "virtual network guests: AR does not belong into the template",
        ),
        (
            declared(security_groups=[{"name": "g", "rules": [{"PROTOCOL": "TCPP"}]}]),
            "security group g: rule 1",
        ),
        (declared(security_groups=[{"id": 0, "state": "absent"}]), "security group default: "),
        (declared(users=[{"name": "oneadmin", "state": "absent"}]), "user oneadmin: "),
        (
            declared(
                hooks=[
                    {"name": "h", "command": "c", "resource": "HOST", "resource_state": "ERROR", "on_state": "RUNNING"}
                ]
            ),
            "hook h: 'on_state: RUNNING' sets both states",
        ),
    ],
)
def test_what_the_planners_refuse_is_an_error(declarations: Declared, words: str, deployed: bool) -> None:
    finding = told(found(declarations, deployed), words)
    assert (finding.severity, finding.host, finding.rule) == ("error", "all", "declarations")
    assert finding.remedy.startswith("Correct opennebula_")


@pytest.mark.parametrize(
    ("declarations", "words"),
    [
        (declared(datastores=[{"name": "old", "template": {"LIMIT_MB": 9}}]), "needs DS_MAD and TM_MAD"),
        (declared(datastores=[{"id": 105, "template": {"LIMIT_MB": 9}}]), "no datastore has the id 105"),
        (declared(virtual_networks=[{"name": "old", "template": {"MTU": 9000}}]), "the template needs VN_MAD"),
        (declared(hooks=[{"name": "old", "timeout": 9}]), "these are missing: command, resource, resource_state"),
    ],
)
def test_what_only_an_existing_resource_may_leave_out(declarations: Declared, words: str) -> None:
    """On a bare front-end nothing exists; on a deployed one it may have been made by hand."""
    assert told(found(declarations), words).severity == "error"
    finding = told(found(declarations, deployed=True), words)
    assert finding.severity == "warning"
    assert finding.remedy.startswith("If it exists already, all is well")


def test_a_front_end_that_was_left_out_may_be_deployed() -> None:
    """With --limit node1 nobody knows what exists."""
    limited = cloud(host("node1", "opennebula_nodes"), declared=declared(datastores=[{"name": "old"}]))
    assert told(findings(limited, RESOURCE_RULES), "needs DS_MAD and TM_MAD").severity == "warning"


@pytest.mark.parametrize("deployed", [False, True])
def test_all_is_well(deployed: bool) -> None:
    fine = declared(
        clusters=[{"name": "lab", "hosts": ["n1"], "datastores": ["default"]}],
        hosts=[{"name": "n1", "im_mad": "qemu", "vm_mad": "qemu", "cluster": "lab"}, {"name": "n2", "state": "absent"}],
        datastores=[
            {"id": 0, "template": {"LIMIT_MB": 9}},
            {"name": "default", "template": {"TM_MAD": "ssh"}},
            {
                "name": "d",
                "clusters": ["lab"],
                "permissions": "640",
                "template": {"TYPE": "SYSTEM_DS", "TM_MAD": "ssh"},
            },
        ],
        security_groups=[{"name": "web", "rules": [{"PROTOCOL": "TCP", "RULE_TYPE": "inbound", "RANGE": "443"}]}],
        users=[{"name": "alice", "password": "kX9-ruhig-Blatt-41", "groups": ["users"]}],
        virtual_networks=[*network(RANGE), {"name": "gone", "state": "absent"}],
        hooks=[{"name": "h", "command": "c", "resource": "VM", "on_state": "RUNNING"}],
    )
    assert found(fine, deployed) == []


def test_all_refusals_of_all_kinds_come_at_once() -> None:
    broken = declared(clusters=[{"name": "1"}, {"name": ""}], hosts=[{"name": "-n"}], hooks=[{"name": "h"}])
    assert len(found(broken)) == 4


def test_what_a_module_would_not_take_is_told() -> None:
    fault = Declared(faults=[("opennebula_hooks", "opennebula_hooks cannot be worked out: 'x' is undefined.")])
    finding = told(found(fault), "'x' is undefined")
    assert finding.remedy.startswith("Correct opennebula_hooks")


@pytest.mark.parametrize("kind", ["virtual_networks", "datastores"])
def test_a_template_that_is_text_is_told_once_and_no_rule_stumbles_over_it(kind: str) -> None:
    found = findings(cloud(declared=declared(**{kind: [{"name": "a", "template": 'NAME = "unclosed'}]})), ALL_RULES)
    assert told(found, "a template is a dictionary of attributes, not text").severity == "error"
    assert not [finding.what for finding in found if finding.crash]


def test_a_secret_of_a_template_is_in_no_finding() -> None:
    """A refusal quotes what it refuses."""
    entry = {"name": "s3cretword", "permissions": "s3cretword", "template": {"RESTIC_PASSWORD": "s3cretword"}}
    sentences = [finding.sentence for finding in found(declared(datastores=[entry]))]
    assert sentences and not any("s3cretword" in sentence for sentence in sentences)
