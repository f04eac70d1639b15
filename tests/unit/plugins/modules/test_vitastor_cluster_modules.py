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
    def run(*wanted: dict[str, Any], check: bool = False, wait: int = 0) -> dict[str, Any]:
        config = str(cluster / "conf")
        return run_module(capsys, vitastor_pools, check=check, pools=list(wanted), config_path=config, wait=wait)

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


def test_osds_that_were_just_made_are_waited_for(pools: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("VITASTOR_DOUBLE_OSDS", "1")
    monkeypatch.setattr(vitastor_pools.time, "sleep", lambda _s: monkeypatch.setenv("VITASTOR_DOUBLE_OSDS", "3"))
    assert pools(ONE, wait=60)["changed"]


def listed(**changed: Any) -> str:
    pool = {"name": "one", "scheme": "replicated", "pg_size": 2, "pg_minsize": 1, "pg_count": 64, "block_size": 131072}
    coded = {"name": "coded", "scheme": "ec", "pg_size": 3, "parity_chunks": 1}
    rows = [{**pool, "failure_domain": "host", **changed}, coded, {"id": 7}]  # a pool that is being removed has no name
    return f"Pool 7 PG 1 configuration is invalid\n{json.dumps(rows)}\n"


@pytest.mark.parametrize(
    "wanted, command",
    [
        (ONE, None),
        ({**ONE, "pg_count": 128}, ["modify-pool", "one", "--pg_count", "128"]),
        ({**ONE, "pg_size": 3, "pg_minsize": 2}, ["modify-pool", "one", "--pg_size", "3", "--pg_minsize", "2"]),
        ({"name": "one"}, None),
        # Vitastor would take its own default of pg_minsize with another pg_size
        ({**ONE, "pg_size": 3, "pg_minsize": 1}, ["modify-pool", "one", "--pg_size", "3", "--pg_minsize", "1"]),
        # what it keeps is a list and bytes
        ({**ONE, "osd_tags": "ssd,fast", "block_size": "128k"}, None),
        ({**ONE, "osd_tags": "ssd"}, ["modify-pool", "one", "--osd_tags", "ssd"]),
        ({"name": "coded", "ec": "2+1"}, None),
    ],
)
def test_only_what_differs_is_changed(wanted: dict[str, Any], command: list[str] | None) -> None:
    steps = plan_pools([wanted], listed(osd_tags=["fast", "ssd"])).steps
    assert [list(step.argv[1:]) for step in steps] == ([command] if command else [])


def test_a_coded_pool_is_made() -> None:
    (step,) = plan_pools([{"name": "two", "ec": "2+1", "pg_count": 16}], listed()).steps
    assert list(step.argv[1:]) == ["create-pool", "two", "--wait", "--ec", "2+1", "--pg_count", "16"]


@pytest.mark.parametrize(
    "wanted, sentence",
    [
        ({"name": "one", "ec": "2+1"}, "Pool one is replicated and declared as ec"),
        ({"name": "one", "block_size": "4096"}, "has block_size 131072, declared is 4096; it is fixed"),
        ({"name": "one", "block_size": "wide"}, "block_size is 'wide'; wanted a size such as 128k"),
        ({"name": "one", "pg_size": 1}, "keeps 2 copies, declared are 1. Copies are given up by a person alone"),
        ({"name": "coded", "ec": "4+2"}, r"Pool coded has chunks 2\+1, declared is 4\+2; make another pool"),
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
SYSTEMCTL = """#!/bin/sh
[ "$1" = is-active ] && exec grep -qx "$3" {root}/runs
echo "$@" >> {root}/started
"""


@pytest.fixture
def osds(cluster: Path, capsys: Any) -> Any:
    program = cluster / "bin/lsblk"
    program.write_text(LSBLK.format(root=cluster))
    program.chmod(0o755)

    program = cluster / "bin/systemctl"
    program.write_text(SYSTEMCTL.format(root=cluster))
    program.chmod(0o755)

    def run(*disks: str, check: bool = False, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
        paths = [disk if disk.startswith("/") else f"/dev/{disk}" for disk in disks]
        return run_module(capsys, vitastor_osds, check=check, disks=paths, arguments=list(arguments))

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
    (cluster / "prepared").write_text("/dev/vdc\n")
    (cluster / "runs").write_text("vitastor-osd@1\nvitastor-osd@2\n")
    assert osds("vdb", "vdc", check=True)["prepared"] == ["/dev/vdb"] and osds.prepared() == ["/dev/vdc"]
    assert osds("vdb", "vdc")["osds"] == [2] and osds.prepared() == ["/dev/vdc", "/dev/vdb"]
    disk(cluster, "vdb", OSD)
    assert not osds("vdb", "vdc")["changed"]


def test_a_disk_is_named_as_the_kernel_does(cluster: Path, osds: Any) -> None:
    """By any other name vitastor-disk passes over it; lsblk knows which one it is."""
    disk(cluster, "vdb")
    (cluster / "lsblk.virtio-osd1").write_text((cluster / "lsblk.vdb").read_text())
    assert osds("/dev/disk/by-id/virtio-osd1")["prepared"] == ["/dev/vdb"]
    assert osds.prepared() == ["/dev/vdb"]


def test_a_partition_without_an_osd_in_it_is_no_osd(cluster: Path, osds: Any) -> None:
    """It was made by a run that was killed, or whose OSD could not be made."""
    disk(cluster, "vdb", OSD)
    assert osds("vdb")["osds"] == [1] and osds.prepared() == ["/dev/vdb"]


def test_an_osd_that_does_not_run_is_started(cluster: Path, osds: Any) -> None:
    disk(cluster, "vdb", OSD)
    (cluster / "prepared").write_text("/dev/vdb\n")
    assert osds("vdb", check=True)["started"] == ["vitastor-osd@1"]
    assert not (cluster / "started").exists()
    done = osds("vdb")
    assert done["changed"] and done["prepared"] == [] and done["started"] == ["vitastor-osd@1"]
    assert (cluster / "started").read_text() == "enable --now vitastor-osd@1\n"


def test_fast_disks_of_hybrid_osds_get_journals(cluster: Path, osds: Any) -> None:
    """vitastor-disk does not name them in its dry run, and needs them again for each further disk."""
    disk(cluster, "vdb")
    disk(cluster, "nvme")
    (cluster / "fast").write_text("/dev/nvme\n")
    assert osds("vdb", "nvme", arguments=("--hybrid",))["prepared"] == ["/dev/vdb"]
    disk(cluster, "vdb", OSD)
    disk(cluster, "nvme", OSD, OSD)
    disk(cluster, "vdc")
    (cluster / "runs").write_text("vitastor-osd@1\n")
    assert osds("vdb", "vdc", "nvme", arguments=("--hybrid",))["prepared"] == ["/dev/vdc"]


@pytest.mark.parametrize(
    "parts, changed, words",
    [
        ([{"fstype": "ext4", "parttype": "x"}], {}, r"/dev/vdb holds /dev/vdb1 \(ext4\)"),
        ([], {"fstype": "xfs"}, "/dev/vdb holds xfs"),
        ([], {"mountpoint": "/srv"}, "/dev/vdb holds what is mounted at /srv"),
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


@pytest.mark.parametrize(
    "how, sentence",
    [
        ("refuses", "1 were to be made, 0 were; not on /dev/disk/by-partuuid/of-dev-vdb.* Failed to write superblock"),
        ("silent", "1 were to be made, 0 were. It said: Failed to add 1 partition"),
    ],
)
def test_an_osd_that_failed_is_told_although_the_status_is_0(cluster: Path, osds: Any, how: str, sentence: str) -> None:
    disk(cluster, "vdb")
    (cluster / how).write_text("/dev/vdb\n")
    with pytest.raises(ModuleFailed, match=f"could not make all OSDs: {sentence}"):
        osds("vdb")


def test_a_disk_that_is_not_there(osds: Any) -> None:
    with pytest.raises(ModuleFailed, match="lsblk does not know /dev/vdz"):
        osds("vdz")


# ---- etcd ------------------------------------------------------------------------------------------------------------


def test_members_of_etcd_are_told_alike_on_all_hosts() -> None:
    hostvars = {"a": {"ansible_host": "192.0.2.1"}, "b": {"host_network_address": "2001:db8::2"}}
    first, second = vitastor_members(["a", "b"], hostvars)
    assert first["client"] == "192.0.2.1:2379" and second["peer"] == "[2001:db8::2]:2380"
    assert first["cluster"] == second["cluster"] == "a=http://192.0.2.1:2380,b=http://[2001:db8::2]:2380"
    assert vitastor_members(["b", "a"], hostvars) == [second, first], "another order would be a restart of them all"
