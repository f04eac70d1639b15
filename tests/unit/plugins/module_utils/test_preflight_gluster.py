# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import cloud, host, probe, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, Gluster, Host, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_gluster import GLUSTER_RULES
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_gluster import gluster_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_hosts import brick_findings

NAMES = {"gs1": "10.0.0.31", "gs2": "10.0.0.32", "gs3": "10.0.0.33"}
BRICKS = [{"name": "b1", "device": "/dev/vdb"}, {"name": "b2", "device": "/dev/vdc"}]
VMS = {"name": "vms", "replica": 3, "arbiter": 1}
AWAY = probe("node1", names=dict.fromkeys(NAMES, ["10.0.0.3"]))
ON = {"active": False, "enabled": True}


def listener(port: int, process: str | None) -> dict[str, Any]:
    return {
        "protocol": "tcp",
        "address": "0.0.0.0",
        "port": port,
        "uid": 0,
        "pid": 7 if process else None,
        "process": process,
    }


def server(name: str, *groups: str, names: dict[str, list[str]] | None = None, **changes: Any) -> Host:
    ports = changes.pop("ports", [listener(24007, "glusterd")])
    resolved = {**{one: [address] for one, address in NAMES.items()}, **(names or {})}
    look = probe(name, names=resolved, ports=ports)
    return host(name, "gluster_servers", *groups, address=NAMES[name], probe=look, **changes)


def pool(
    *volumes: dict[str, Any], members: tuple[Host, ...] = (), others: tuple[Host, ...] = (), **servers: Any
) -> Cloud:
    hosts = [next((one for one in members if one.name == name), None) or server(name) for name in NAMES]
    declared = {name: {"gluster_bricks": BRICKS, **servers.get(name, {})} for name in NAMES}
    return cloud(*hosts, *others, gluster=Gluster(list(volumes), declared))


def found(of: Cloud) -> list[Finding]:
    return findings(of, GLUSTER_RULES)


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(cloud(), id="no GlusterFS"),
        pytest.param(pool(VMS), id="three servers"),
        pytest.param(pool(), id="a pool without volumes"),
        pytest.param(pool({"name": "old", "state": "absent"}), id="a volume that goes"),
        pytest.param(
            pool(
                VMS,
                others=(
                    host(
                        "node1",
                        gluster_mounts=[{"volume": "vms/a", "path": "/a"}],
                        probe=probe("node1", names=dict.fromkeys(NAMES, ["10.0.0.3"])),
                    ),
                ),
            ),
            id="a client",
        ),
        pytest.param(
            pool(VMS, others=(host("node1", gluster_mounts=[{"volume": "x", "path": "/a", "servers": ["far"]}]),)),
            id="another pool",
        ),
        pytest.param(
            pool(VMS, others=(host("node1", probe=probe("node1", names={"gs1": []})),)), id="a host that is no client"
        ),
        pytest.param(pool(VMS, gs1={"gluster_server_name": "10.0.0.31"}), id="an address for a name"),
        pytest.param(
            pool(VMS, members=(server("gs1", names={"gs2": ["127.0.1.1"]}, manages_hosts_file=True),)),
            id="host_network writes it",
        ),
        pytest.param(
            pool(VMS, members=(server("gs1", names={"gs1": ["127.0.1.1"]}),)), id="its own name is another rule"
        ),
        pytest.param(
            pool(VMS, members=(server("gs1", ports=[listener(24007, None), listener(2049, None)]),)),
            id="NFS of a host that is no gateway",
        ),
        pytest.param(
            pool(
                VMS, members=(server("gs1", gluster_gateway={"nfs": ["vms"]}, ports=[listener(2049, "ganesha.nfsd")]),)
            ),
            id="Ganesha runs",
        ),
        pytest.param(
            pool(VMS, others=(host("node1", gluster_gateway={"smb": []}, probe=AWAY),)), id="a share of a mount"
        ),
        pytest.param(pool(others=(host("node1", gluster_gateway={"nfs": ["far"]}, probe=AWAY),)), id="a far gateway"),
        pytest.param(pool({**VMS, "options": {"nfs.disable": "on"}}), id="no NFS"),
        pytest.param(pool({"name": "two", "replica": 2, "accept_split_brain_risk": True}), id="the risk is known"),
    ],
)
def test_nothing_speaks_against(fine: Cloud) -> None:
    assert found(fine) == []


@pytest.mark.parametrize(
    ("broken", "severity", "words"),
    [
        pytest.param(cloud(gluster=Gluster([VMS])), "error", "the group gluster_servers has no hosts", id="no servers"),
        pytest.param(
            pool({"name": "v", "replica": 4}), "error", "volume v: replica 4 needs 4 hosts, and there are 3", id="sets"
        ),
        pytest.param(pool({"name": "two", "replica": 2}), "error", "prone to split-brain", id="replica 2"),
        pytest.param(pool({"name": "s", "stripe": 2}), "error", "stripe is gone", id="stripe"),
        pytest.param(pool({**VMS, "disks": ["b9"]}), "error", "gs1 has no b9 in gluster_bricks", id="no such disk"),
        pytest.param(
            pool({"name": "g", "replica": 2, "accept_split_brain_risk": True, "bricks": ["gs1:/a/g", "gs1:/b/g"]}),
            "error",
            "gs1",
            id="both copies on one host",
        ),
        pytest.param(pool(VMS, gs2={"gluster_server_name": "gs1"}), "error", "both called gs1", id="one name"),
        pytest.param(
            pool(members=(server("gs2", brick_findings=["brick b1: /bricks/b1 is no mount point"]),)),
            "error",
            "/bricks/b1 is no mount point.",
            id="on the root disk",
        ),
        pytest.param(pool(members=(server("gs1", names={"gs3": []}),)), "error", "do not resolve: gs3.", id="no name"),
        pytest.param(
            pool(members=(server("gs1", names={"gs2": ["127.0.1.1"]}),)),
            "error",
            "this very host: gs2 to 127.0.1.1.",
            id="loopback",
        ),
        pytest.param(
            pool(
                members=(server("gs1", names={"far": []}, manages_hosts_file=True),), gs2={"gluster_server_name": "far"}
            ),
            "error",
            "do not resolve: far.",
            id="a name that host_network does not write",
        ),
        pytest.param(
            pool(
                VMS,
                others=(host("node1", gluster_mounts=[{"volume": "vms"}], probe=probe("node1", names={"gs1": []})),),
            ),
            "error",
            "do not resolve: gs1.",
            id="client",
        ),
        pytest.param(
            pool(members=(server("gs1", ports=[listener(24007, "nc")]),)), "error", "taken by nc (pid 7)", id="port"
        ),
        pytest.param(
            pool(members=(server("gs1", gluster_gateway={"nfs": ["vms"]}, ports=[listener(2049, None)]),)),
            "error",
            "taken by the kernel's NFS server",
            id="kernel NFS",
        ),
        pytest.param(
            pool(
                VMS,
                others=(
                    host(
                        "node1", gluster_gateway={"nfs": ["vms"]}, probe={**AWAY, "units": {"nfs-server.service": ON}}
                    ),
                ),
            ),
            "error",
            "The kernel's NFS server starts at boot",
            id="kernel NFS, from the next boot on",
        ),
        pytest.param(
            pool(VMS, others=(host("node1", gluster_gateway={"nfs": ["vms", "vmz"]}, probe=AWAY),)),
            "warning",
            "By NFS it gives the volume vmz",
            id="slip of a gateway",
        ),
        pytest.param(
            pool(members=(server("gs1", gluster_gateway={"nfs": []}, ports=[listener(2049, "x")]),)),
            "error",
            "taken by x (pid 7)",
            id="another NFS",
        ),
        pytest.param(
            pool({**VMS, "options": {"nfs.disable": False}}), "warning", "no NFS server any more", id="NFS of old"
        ),
        pytest.param(
            pool(VMS, members=(server("gs1", gluster_mounts=[{"volume": "vmz"}]),)),
            "warning",
            "names the volume vmz",
            id="slip",
        ),
    ],
)
def test_one_thing_wrong(broken: Cloud, severity: str, words: str) -> None:
    assert told(found(broken), words).severity == severity
    assert len({finding.rule for finding in found(broken)}) == 1


def test_what_a_module_would_refuse_is_told_of_its_host() -> None:
    hostvars = {
        "gs1": {"gluster_volumes": [{"name": "a", "replicas": 3}, VMS], "gluster_bricks": [{"device": "/dev/vdb"}]},
        "gs2": {"gluster_bricks": BRICKS, "gluster_server_name": "far"},
        "node1": {
            "gluster_client_mounts": [{"volume": "vms"}],
            "gluster_gateway_nfs_exports": [
                {"id": 1, "volume": "vms", "clients": ["*"], "squash": "yes"},
                {"id": 2, "volume": "vms"},
            ],
            "gluster_gateway_smb_shares": [{"name": "root"}],
            "gluster_gateway_smb_users": [
                {"name": "anna", "password": "hush-hush", "shell": "/bin/sh"},
                {"name": "ben"},
            ],
        },
    }
    declared = gluster_of(["gs1", "node1"], hostvars, ["gs1", "gs2"])
    assert [(where, fault.split(":")[0]) for where, fault in declared.faults] == [
        ("all", "gluster_volumes, entry a"),
        ("gs1", "gluster_bricks, entry (without name or id)"),
        ("node1", "gluster_client_mounts, entry (without name or id)"),
        ("node1", "gluster_gateway_nfs_exports, entry 1"),
        ("node1", "gluster_gateway_smb_users, entry anna"),
        (
            "node1",
            "gluster_gateway_nfs_exports, entry 2 names no clients. Say who may mount it, such as clients",
        ),
        (
            "node1",
            "gluster_gateway_smb_shares, entry root has neither a volume nor a path below a mount of it. It would "
            "share the root of the host.",
        ),
        ("node1", "gluster_gateway_smb_users"),
    ]
    assert "hush" not in str(declared.faults)
    assert [volume["name"] for volume in declared.volumes] == ["vms"]
    assert declared.servers["gs2"]["gluster_server_name"] == "far"
    assert len(found(cloud(gluster=Gluster(faults=declared.faults)))) == 8


@pytest.mark.parametrize(
    ("result", "sentences"),
    [
        ({}, []),
        ({"unreachable": True, "msg": "gone"}, []),
        ({"bricks": [], "changed": False}, []),
        ({"findings": ["a", "b"], "msg": "a\nb"}, ["a", "b"]),
        ({"msg": "lsblk is not there"}, ["lsblk is not there"]),
    ],
)
def test_what_the_host_has_against_its_disks(result: dict[str, Any], sentences: list[str]) -> None:
    assert brick_findings(result) == sentences
