# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway cannot give, whatever the host is like, and what it cannot because of the host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_gateway import (
    gluster_gateway_checks,
    gluster_gateway_findings,
    nfs_findings,
    volumes_given,
)

VMS = {"id": 1, "volume": "vms", "clients": ["10.0.0.0/24"]}
SHARE = {"name": "glustertest", "volume": "vms"}


@pytest.mark.parametrize(
    ("exports", "shares", "users"),
    [
        ([VMS, {**VMS, "id": 2, "path": "/again"}], [], []),
        ([VMS, {**VMS, "state": "absent"}], [], []),
        ([{"id": 0, "volume": "old", "state": "absent"}], [{"name": "global", "state": "absent"}], []),
        ([{**VMS, "id": 65535, "path": None, "directory": "/a b"}], [], []),
        ([], [SHARE, {"name": "media", "path": "/mnt/media", "mount": "/mnt", "users": ["anna", "@staff"]}], []),
        ([], [{**SHARE, "guest": True, "users": []}], []),
        ([], [SHARE], [{"name": "anna", "password": "x"}, {"name": "carl", "state": "absent"}]),
    ],
)
def test_nothing_speaks_against(exports: list, shares: list, users: list) -> None:
    assert gluster_gateway_findings(exports, shares, users) == []


def of_exports(*exports: dict[str, Any]) -> list[str]:
    return gluster_gateway_findings(exports)


def of_shares(*shares: dict[str, Any]) -> list[str]:
    return gluster_gateway_findings([], shares)


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (of_exports(VMS, {**VMS, "path": "/b"}), "2 entries of gluster_gateway_nfs_exports have the id 1."),
        (of_exports(VMS, {**VMS, "id": 2}), "2 entries of gluster_gateway_nfs_exports are mounted as /vms."),
        (of_exports(VMS, {**VMS, "id": 2, "volume": "b", "path": "/vms"}), "mounted as /vms"),
        (of_exports({**VMS, "id": 0}), "entry 0: the id is no number from 1 to 65535."),
        (of_exports({**VMS, "id": 65536}), "no number from 1 to 65535"),
        (of_exports({**VMS, "clients": []}), "entry 1 names no clients."),
        (of_exports({"id": 1, "volume": "vms"}), "entry 1 names no clients."),
        (of_exports({**VMS, "path": "vms"}), "the path vms does not begin with a slash"),
        (of_exports({**VMS, "directory": "a"}), "the directory a does not begin with a slash"),
        (of_exports({**VMS, "volume": 'a"; }'}), "volume has a quotation mark"),
        (of_exports({**VMS, "clients": ["10.0.0.1", "a\n}"]}), "clients has a quotation mark or a line break"),
        (of_shares({"name": "root"}), "has neither a volume nor a path"),
        (of_shares({"name": "root", "path": "/"}), "would share the root of the host"),
        (of_shares({"name": "media", "path": "mnt"}), "the path mnt does not begin with a slash"),
        (
            of_shares(SHARE, {**SHARE, "name": "GlusterTest"}),
            "2 entries of gluster_gateway_smb_shares are called glustert",
        ),
        (of_shares({**SHARE, "name": "Homes"}), "does not mean a share"),
        (of_shares({**SHARE, "name": "a]b"}), "brackets and slashes"),
        (of_shares({**SHARE, "comment": "a\nguest ok = yes"}), "comment has a quotation mark or a line break"),
        (of_shares({**SHARE, "guest": True, "users": ["anna"]}), "of whom guests are none"),
        (gluster_gateway_findings([], [], [{"name": "anna"}]), "gluster_gateway_smb_users: User anna has no password."),
    ],
)
def test_one_thing_wrong(findings: list[str], words: str) -> None:
    assert len(findings) == 1, findings
    assert words in findings[0]


def entry(process: str | None, port: int = 2049, protocol: str = "tcp") -> dict[str, Any]:
    return {"protocol": protocol, "address": "0.0.0.0", "port": port, "pid": 7 if process else None, "process": process}


def looked_at(*ports: dict[str, Any], enabled: bool | None = None) -> dict[str, Any]:
    units = {} if enabled is None else {"nfs-server.service": {"active": False, "enabled": enabled}}
    return {"ports": list(ports), "units": units}


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (looked_at(), None),
        (looked_at(entry(None, port=111), entry(None, protocol="udp"), enabled=False), None),
        (looked_at(entry("ganesha.nfsd")), None),
        (looked_at(entry(None), enabled=True), "is taken by the kernel's NFS server."),
        (looked_at(entry("unfsd")), "is taken by unfsd (pid 7)."),
        (looked_at(entry("ganesha.nfsd"), enabled=True), "starts at boot"),
        (looked_at(enabled=True), "starts at boot"),
    ],
)
def test_the_port_of_nfs(probe: dict[str, Any], words: str | None) -> None:
    found = nfs_findings(probe)
    assert words in found[0] if words else found == [], found


def test_the_port_is_no_matter_of_a_gateway_that_gives_nothing_by_nfs() -> None:
    taken = looked_at(entry(None))
    assert gluster_gateway_findings([VMS], probe=taken)
    assert not gluster_gateway_findings([{**VMS, "state": "absent"}], [SHARE], probe=taken)


def test_what_the_acceptance_asks() -> None:
    gone = {"name": "old", "volume": "old", "state": "absent"}
    checks = gluster_gateway_checks([VMS, {**VMS, "id": 2, "path": "/b"}], [SHARE, gone])
    asked = [one.get("contains") or one.get("unit") or one["port"] for one in checks]
    assert asked == [
        'string "/vms"',
        'string "/b"',
        "[glustertest]",
        *("nfs-ganesha.service", 2049),
        *("smbd.service", 445),
    ]
    assert gluster_gateway_checks([{**VMS, "state": "absent"}], [gone]) == []
    assert [one.get("unit") for one in gluster_gateway_checks([], [SHARE])][1:] == ["smbd.service", None]


def test_volumes_that_are_given() -> None:
    shares = [SHARE, {"name": "media", "path": "/mnt"}, {"name": "old", "volume": "old", "state": "absent"}]
    assert volumes_given([VMS], shares) == {"nfs": ["vms"], "smb": ["vms"]}
    assert volumes_given([], shares[1:]) == {"smb": []}
    assert volumes_given([{**VMS, "state": "absent"}], []) == {}
