# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and OSDs, on doubles of vitastor-cli and vitastor-disk that lie with their status as the real ones do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import (
    OSD_PARTITION,
    plan_pools,
    vitastor_members,
)
from ansible_collections.kvmcloud.stack.plugins.modules import vitastor_osds, vitastor_pools

DOUBLES = Path(__file__).resolve().parents[3] / "doubles"
ONE = {"name": "one", "pg_size": 2, "pg_count": 64, "failure_domain": "host"}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: Any) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{DOUBLES}:{os.environ['PATH']}")
    monkeypatch.setenv("VITASTOR_DOUBLE", str(tmp_path / "state"))
    monkeypatch.setenv("VITASTOR_DISK_DOUBLE", str(tmp_path))
    (tmp_path / "state").write_text(json.dumps({"pools": {}, "images": {}}))
    (tmp_path / "conf").write_text("{}")
    return tmp_path


# ---- pools -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pools(cluster: Path, capsys: Any) -> Any:
    def run(*wanted: dict[str, Any], check: bool = False) -> dict[str, Any]:
        config = str(cluster / "conf")
        return run_module(capsys, vitastor_pools, check=check, pools=list(wanted), config_path=config)

    return run


def test_a_pool_is_made_once(cluster: Path, pools: Any) -> None:
    assert pools(ONE, check=True)["changed"] and json.loads((cluster / "state").read_text())["pools"] == {}
    done = pools(ONE)
    assert done["actions"][0]["command"][1:4] == ["create-pool", "one", "--wait"]
    assert json.loads((cluster / "state").read_text())["pools"]["one"]["pg_size"] == 2
    assert not pools({**ONE, "failure_domain": None})["changed"]


def test_too_few_osds_are_explained(pools: Any) -> None:
    with pytest.raises(ModuleFailed, match="Not enough matching OSDs .* another immediate_commit or other tags"):
        pools({"name": "big", "ec": "4+2", "pg_count": 16})


def listed(**changed: Any) -> str:
    pool = {"name": "one", "scheme": "replicated", "pg_size": 2, "pg_minsize": 1, "pg_count": 64, "block_size": 131072}
    rows = [{**pool, "failure_domain": "host", **changed}, {"id": 7}]  # a pool that is being removed has no name
    return f"Pool 7 PG 1 configuration is invalid\n{json.dumps(rows)}\n"


@pytest.mark.parametrize(
    "wanted, command",
    [
        (ONE, None),
        ({**ONE, "pg_count": 128}, ["modify-pool", "one", "--pg_count", "128"]),
        ({**ONE, "pg_size": 3, "pg_minsize": 2}, ["modify-pool", "one", "--pg_size", "3", "--pg_minsize", "2"]),
        ({"name": "one"}, None),
        ({"name": "two", "ec": "2+1", "pg_count": 16}, ["create-pool", "two", "--wait", "--ec", "2+1"]),
    ],
)
def test_only_what_differs_is_changed(wanted: dict[str, Any], command: list[str] | None) -> None:
    steps = plan_pools([wanted], listed()).steps
    assert [list(step.argv[1 : 1 + len(command or [])]) for step in steps] == ([command] if command else [])


@pytest.mark.parametrize(
    "wanted, sentence",
    [
        ({"name": "one", "ec": "2+1"}, "Pool one is replicated and declared as ec"),
        ({"name": "one", "block_size": "4096"}, "has block_size 131072, declared is 4096; it is fixed"),
        ({"name": "two", "pg_size": 2}, "its pg_count is not declared: ten for each OSD"),
        ({"name": "two", "pg_count": 16}, "neither its pg_size nor its ec"),
    ],
)
def test_what_a_pool_cannot_become(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        plan_pools([wanted], listed())


def test_a_cluster_that_does_not_answer(cluster: Path, pools: Any) -> None:
    (cluster / "conf").unlink()
    with pytest.raises(ModuleFailed, match="Error reading configuration from etcd"):
        pools(ONE)


# ---- OSDs ------------------------------------------------------------------------------------------------------------

LSBLK = """#!/bin/sh
for last; do :; done
cat {root}/lsblk.$(basename $last) 2>/dev/null || {{ echo "lsblk: $last: not a block device" >&2; exit 32; }}
"""


@pytest.fixture
def osds(cluster: Path, capsys: Any) -> Any:
    program = cluster / "bin/lsblk"
    program.write_text(LSBLK.format(root=cluster))
    program.chmod(0o755)

    def run(*disks: str, check: bool = False) -> dict[str, Any]:
        return run_module(capsys, vitastor_osds, check=check, disks=[f"/dev/{disk}" for disk in disks])

    run.prepared = lambda: (cluster / "prepared").read_text().split() if (cluster / "prepared").exists() else []
    return run


def disk(cluster: Path, name: str, *parts: dict[str, Any], **changed: Any) -> None:
    children = [{"path": f"/dev/{name}{n}", "type": "part", **part} for n, part in enumerate(parts, 1)]
    node = {"path": f"/dev/{name}", "type": "disk", "fstype": None, "children": children, **changed}
    (cluster / f"lsblk.{name}").write_text(json.dumps({"blockdevices": [node]}))


OSD = {"parttype": OSD_PARTITION.upper(), "fstype": None}


def test_empty_disks_become_osds_and_osds_stay(cluster: Path, osds: Any) -> None:
    disk(cluster, "vdb")
    disk(cluster, "vdc", OSD)
    assert osds("vdb", "vdc", check=True)["prepared"] == ["/dev/vdb"] and osds.prepared() == []
    assert osds("vdb", "vdc")["osds"] == [1] and osds.prepared() == ["/dev/vdb"]
    disk(cluster, "vdb", OSD)
    assert not osds("vdb", "vdc")["changed"]


@pytest.mark.parametrize(
    "parts, changed, words",
    [
        ([{"fstype": "ext4", "parttype": "x"}], {}, r"/dev/vdb holds /dev/vdb1 \(ext4\)"),
        ([], {"fstype": "xfs"}, "/dev/vdb holds xfs"),
        ([], {"type": "part"}, "a part, and wanted is a whole disk"),
        ([OSD, {"fstype": "ext4"}], {}, r"/dev/vdb2 \(ext4\)"),
    ],
)
def test_a_disk_with_data_ends_it_before_any_is_touched(cluster, osds, parts, changed, words) -> None:
    disk(cluster, "vdb", *parts, **changed)
    disk(cluster, "vdc")
    with pytest.raises(ModuleFailed, match=f"Nothing was prepared: .*{words}"):
        osds("vdc", "vdb")
    assert osds.prepared() == []


def test_what_the_vendors_program_leaves_out_is_told_before(cluster: Path, osds: Any) -> None:
    disk(cluster, "vdb")
    disk(cluster, "vdc")
    (cluster / "foreign").write_text("/dev/vdc\n")
    with pytest.raises(ModuleFailed, match="would make no OSD on /dev/vdc. Nothing was prepared"):
        osds("vdb", "vdc")
    assert osds.prepared() == []


def test_an_osd_that_failed_is_told_although_the_status_is_0(cluster: Path, osds: Any) -> None:
    disk(cluster, "vdb")
    (cluster / "refuses").write_text("/dev/vdb\n")
    with pytest.raises(ModuleFailed, match="could not make all OSDs: Failed to write superblock of /dev/vdb"):
        osds("vdb")


def test_a_disk_that_is_not_there(osds: Any) -> None:
    with pytest.raises(ModuleFailed, match="lsblk does not know /dev/vdz"):
        osds("vdz")


# ---- etcd ------------------------------------------------------------------------------------------------------------


def test_members_of_etcd_are_told_alike_on_all_hosts() -> None:
    hostvars = {"a": {"ansible_host": "192.0.2.1"}, "b": {"host_network_address": "2001:db8::2"}}
    first, second = vitastor_members(["a", "b"], hostvars)
    assert first["client"] == "192.0.2.1:2379" and second["peer"] == "[2001:db8::2]:2380"
    assert first["cluster"] == second["cluster"] == "etcd0=http://192.0.2.1:2380,etcd1=http://[2001:db8::2]:2380"
