# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OSDs of a host go only when their data is elsewhere; on doubles that refuse what the real programs refuse."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import vitastor_osd_removal

DOUBLES = Path(__file__).resolve().parents[3] / "doubles"
GIB = 1 << 30
POOL = {"scheme": "replicated", "pg_size": 2, "failure_domain": "host"}


class Host:
    """Of four hosts with an OSD each, the one with OSD 4."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self.capsys = folder, capsys
        osds = {str(n): {"host": f"s{n}", "size": 100 * GIB, "free": 60 * GIB} for n in range(1, 5)}
        self.cluster(pools={"one": POOL}, images={}, osds=osds)
        (folder / "prepared").write_text("".join(f"/dev/vd{letter}\n" for letter in "abcd"))
        (folder / "osd4-data").touch()

    def cluster(self, **changed: Any) -> None:
        (self.folder / "state").write_text(json.dumps({**self.state, **changed}))

    def osd(self, number: int, **changed: Any) -> None:
        osds = self.state["osds"]
        osds[str(number)].update(changed)
        self.cluster(osds=osds)

    @property
    def state(self) -> dict[str, Any]:
        path = self.folder / "state"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def purged(self) -> list[str]:
        path = self.folder / "purged"
        return path.read_text().split() if path.exists() else []

    def leaves(self, check: bool = False, wait: int = 60) -> dict[str, Any]:
        return run_module(self.capsys, vitastor_osd_removal, check=check, wait=wait)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Host:
    monkeypatch.setenv("PATH", f"{DOUBLES}:{os.environ['PATH']}")
    monkeypatch.setenv("VITASTOR_DOUBLE", str(tmp_path / "state"))
    monkeypatch.setenv("VITASTOR_DISK_DOUBLE", str(tmp_path))
    monkeypatch.setattr(vitastor_osd_removal, "LINKS", str(tmp_path / "osd*-data"))
    monkeypatch.setattr(vitastor_osd_removal.time, "sleep", lambda _seconds: None)
    return Host(tmp_path, capsys)


def test_osds_go_when_their_data_is_elsewhere(host: Host) -> None:
    host.osd(4, moves=3)
    assert host.leaves(check=True)["osds"] == [4] and "reweight" not in host.state["osds"]["4"]
    done = host.leaves()
    assert done["changed"] and done["osds"] == [4]
    assert host.state["osds"].keys() == {"1", "2", "3"} and host.purged == ["4"]
    (host.folder / "osd4-data").unlink()
    assert not host.leaves()["changed"]


def test_data_that_takes_longer_is_waited_for_by_the_next_run(host: Host) -> None:
    host.osd(4, moves=3)
    with pytest.raises(ModuleFailed, match="OSDs 4 still have data that others need, which goes on moving: Pool one"):
        host.leaves(wait=0)
    assert host.state["osds"]["4"]["reweight"] == 0 and host.purged == []
    assert host.leaves()["changed"] and "4" not in host.state["osds"]


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"pools": {"one": {**POOL, "pg_size": 4}}}, "the pool one wants 4 of level host, and 3 would be left"),
        ({"pools": {"one": {**POOL, "status": "degraded"}}}, "the pool one is degraded, so that it cannot miss any"),
        # racks: s3 and s4 share one, so that without s4 there are as many; with s4 alone in it there are not
        (
            {
                "pools": {"one": {**POOL, "failure_domain": "rack"}},
                "nodes": {
                    "r1": {"type": "rack"},
                    "r2": {"type": "rack"},
                    **{f"s{n}": {"type": "host", "parent": "r1" if n < 4 else "r2"} for n in range(1, 5)},
                },
            },
            "wants 2 of level rack, and 1 would be left",
        ),
        ({"pools": {"one": {**POOL, "level_placement": {"dc": "12"}}}}, "rules of placement of its own"),
    ],
)
def test_osds_that_have_to_stay(host: Host, change: dict[str, Any], sentence: str) -> None:
    host.cluster(**change)
    with pytest.raises(ModuleFailed, match=f"OSDs 4 have to stay: .*{sentence}.* Nothing was changed"):
        host.leaves()
    assert "reweight" not in host.state["osds"]["4"] and host.purged == []


def test_an_osd_that_is_down_or_empty_of_weight_is_none_that_is_left(host: Host) -> None:
    host.osd(1, up="down")
    host.osd(2, reweight=0)
    with pytest.raises(ModuleFailed, match="wants 2 of level host, and 1 would be left"):
        host.leaves()


def test_data_that_does_not_fit(host: Host) -> None:
    for number in (1, 2, 3):
        host.osd(number, free=GIB)
    with pytest.raises(ModuleFailed, match="they hold 40960 MiB, and the others have 3072 MiB free"):
        host.leaves()


def test_osds_whose_disks_are_not_seen_are_not_forgotten(host: Host, monkeypatch: Any) -> None:
    monkeypatch.setattr(vitastor_osd_removal.os, "uname", lambda: SimpleNamespace(nodename="s4"))
    (host.folder / "osd4-data").unlink()
    with pytest.raises(ModuleFailed, match="has the OSDs 4 on this host, and their disks are not seen here"):
        host.leaves()
    host.osd(3, host="s4")
    (host.folder / "osd4-data").touch()
    with pytest.raises(ModuleFailed, match="has the OSDs 3 on this host"):
        host.leaves()


def test_a_pool_that_has_none_of_its_data_there_does_not_matter(host: Host) -> None:
    host.cluster(pools={"fast": {**POOL, "osd_tags": ["nvme"], "status": "inactive"}, "one": POOL})
    assert host.leaves()["changed"]


def test_a_purge_that_says_nothing_and_did_nothing(host: Host) -> None:
    host.cluster(purge_lies=True)
    with pytest.raises(ModuleFailed, match="the cluster still has the OSDs 4"):
        host.leaves()


def test_a_cluster_that_does_not_answer(host: Host, monkeypatch: Any) -> None:
    monkeypatch.setenv("VITASTOR_DOUBLE", str(host.folder / "no/state"))
    with pytest.raises(ModuleFailed, match="'vitastor-cli osd-tree --json' failed"):
        host.leaves()
