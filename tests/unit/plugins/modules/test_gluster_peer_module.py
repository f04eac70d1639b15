# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_peer and gluster_peer_info from call to result, against a small pool in memory."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module
from small_gluster import Killed, Refusal, SmallGluster, Volume, host_uuid

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_names
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_peers import CureState, plan_cure
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Peer, Pool
from ansible_collections.kvmcloud.stack.plugins.modules import gluster_peer, gluster_peer_info

ADDRESSES = {
    "gs2": "10.77.0.12",
    "gs3": "10.77.0.13",
    "gs5": "10.77.0.15",
    "gs2-storage": "10.78.0.12",
    "gs7": "127.0.1.1",
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(name: str, *_args: Any, **_more: Any) -> list:
        if name not in ADDRESSES:
            raise socket.gaierror("Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ADDRESSES[name], 0))]

    monkeypatch.setattr(gluster_names.socket, "getaddrinfo", getaddrinfo)


def run(capsys: Any, check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module(capsys, gluster_peer, check=check, **params)


@pytest.fixture
def alone(pool: SmallGluster) -> SmallGluster:
    pool.peers.clear()
    return pool


def test_hosts_become_one_pool(alone: SmallGluster, capsys: Any) -> None:
    result = run(capsys, peers=["gs1", "gs2", "gs3"])
    assert alone.log == [("peer", "probe", "gs2"), ("peer", "probe", "gs3")], "this host itself is not probed"
    assert [peer["condition"] for peer in result["peers"]] == ["connected", "connected"]
    assert result["actions"][-1]["command"] == ["await", "peers", "gs2", "gs3"]
    assert not run(capsys, peers=["gs1", "gs2", "gs3"])["changed"]


def test_whether_the_others_know_this_host_by_its_names_is_told(pool: SmallGluster, capsys: Any) -> None:
    wanted = {"peers": ["gs1", "gs2"], "server_name": "gs1"}
    assert run(capsys, **wanted)["named"]
    assert not run(capsys, peers=["gs1", "gs2"])["named"], "it was not asked"
    more = {**wanted, "other_names": {"gs1": ["gs1-storage"]}}
    assert not run(capsys, **more)["named"]
    pool.known_as = ["10.77.0.11"]
    assert not run(capsys, **wanted)["named"]
    pool.known_as = ["10.77.0.11", "gs1", "gs1-storage"]
    assert run(capsys, **more)["named"]
    for peer in pool.peers.values():
        peer["connected"] = 0
    assert not run(capsys, **wanted)["named"], "nobody can be asked"


def test_the_converged_case_is_one_read(pool: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    answer = pool.answer
    monkeypatch.setattr(pool, "answer", lambda words: (asked.append(words), answer(words))[1])
    monkeypatch.setattr(gluster_names.socket, "getaddrinfo", None)
    assert not run(capsys, peers=["gs1", "gs2", "gs3", "gs4"])["changed"]
    assert asked == [("pool", "list")], "and no name was looked up"


def test_check_mode_and_diff(alone: SmallGluster, capsys: Any) -> None:
    result = run(capsys, check=True, peers=["gs1", "gs2"])
    assert result["changed"] and alone.log == [] and result["peers"] == []
    assert result["diff"][0]["after"] == "gs2\n"


def test_an_empty_list_during_a_probe_is_no_empty_pool(pool: SmallGluster, capsys: Any) -> None:
    pool.in_flight = 3
    assert not run(capsys, peers=["gs1", "gs2"])["changed"], "gs2 is there, once the list is"
    pool.in_flight = 10**6
    with pytest.raises(ModuleFailed, match="every peer to have answered"):
        run(capsys, peers=["gs1", "gs2"])
    assert pool.log == []


def test_a_probe_that_never_ends_is_told(alone: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "peer_probe", lambda name: setattr(alone, "in_flight", 10**6))
    with pytest.raises(ModuleFailed, match="gs2: still in flight"):
        run(capsys, peers=["gs2"], timeout=5)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"peers": ["gs2", "nosuch"]}, "peer nosuch: the name does not resolve on gs1"),
        # Debian's installer writes such a line for the host's own name.
        ({"peers": ["gs2", "gs7"]}, "peer gs7: the name is 127.0.1.1 on gs1, so that gluster would take this host"),
        ({"peers": ["gs2"], "detached": ["gs2"]}, "both in peers and in detached"),
        ({"peers": [], "other_names": {"gs2": ["gs2-storage"]}}, "has other_names and is not in peers"),
        ({"detached": ["gs1"]}, "it is this host itself"),
        ({"pool_options": {"cluster.op-version": 1}}, "cannot be lowered to 1"),
        ({"pool_options": {"cluster.op-version": 110000}}, "not every host of the pool can do more than 100000"),
        ({"pool_options": {"cluster.op-version": "new"}}, "is a number or 'max'"),
    ],
)
def test_what_is_refused_before_anything_is_done(params: dict, said: str, alone: SmallGluster, capsys: Any) -> None:
    with pytest.raises(ModuleFailed, match=said):
        run(capsys, **params)
    assert alone.log == []


def test_in_check_mode_a_name_may_be_one_that_is_only_planned(alone: SmallGluster, capsys: Any) -> None:
    found = run(capsys, check=True, peers=["gs2", "nosuch"])
    assert [step["action"] for step in found["actions"]][:2] == ["probe gs2", "probe nosuch"]
    assert alone.log == []


def test_a_host_that_turns_out_rejected_is_not_waited_for(
    alone: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe(name: str) -> None:
        alone.join(name)
        alone.peers[name].update(state=6, text="Peer Rejected")

    monkeypatch.setattr(alone, "peer_probe", probe)
    with pytest.raises(ModuleFailed, match="after 0 s .* peer gs2 is rejected"):
        run(capsys, peers=["gs2"], timeout=10**6)


def test_a_host_of_another_pool(alone: SmallGluster, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def probe(name: str) -> None:
        raise Refusal(f"{name} is either already part of another cluster or having volumes configured", errno=3)

    monkeypatch.setattr(alone, "peer_probe", probe)
    with pytest.raises(ModuleFailed, match="Every host belongs to one pool") as failed:
        run(capsys, peers=["gs2", "gs3"])
    assert "Not done: probe gs3" in str(failed.value)


def test_killed_after_a_probe(alone: SmallGluster, capsys: Any) -> None:
    alone.kill_after = 1
    with pytest.raises(Killed):
        run(capsys, peers=["gs1", "gs2", "gs3"])
    alone.kill_after = None
    assert [step["command"][-1] for step in run(capsys, peers=["gs1", "gs2", "gs3"])["actions"]] == ["gs3", "gs3"]


def test_another_name_of_a_peer(pool: SmallGluster, capsys: Any) -> None:
    wanted = {"peers": ["gs1", "gs2"], "other_names": {"gs2": ["gs2-storage"], "gs1": ["gs1-storage"]}}
    result = run(capsys, **wanted)
    assert result["peers"][0]["names"] == ["gs2", "gs2-storage"], "of this host the others keep the names"
    assert not run(capsys, **wanted)["changed"]
    with pytest.raises(ModuleFailed, match="gs2-storage is a name of peer gs2; one of the two is wrong"):
        run(capsys, peers=["gs3"], other_names={"gs3": ["gs2-storage"]})


def test_another_name_that_leads_to_another_host(pool: SmallGluster, capsys: Any) -> None:
    ADDRESSES["gs5"] = "10.77.0.15"
    with pytest.raises(ModuleFailed, match="gs5: it is a name of gs5; does it lead to gs2"):
        run(capsys, peers=["gs2"], other_names={"gs2": ["gs5"]})


def test_a_host_is_taken_out_when_it_has_no_bricks(pool: SmallGluster, capsys: Any) -> None:
    pool.volumes["v"] = Volume("v", 1, 0, 0, 0, ["gs4:/b/v"])
    with pytest.raises(ModuleFailed, match="it has the bricks gs4:/b/v. Replace them"):
        run(capsys, detached=["gs4"])
    pool.volumes.clear()
    pool.peers["gs4"]["connected"] = 0
    run(capsys, detached=["gs4", "nosuch"])
    assert pool.log == [("peer", "detach", "gs4")] and "not connected" not in str(pool.warnings)
    assert not run(capsys, detached=["gs4"])["changed"]


def test_conditions_are_told_apart(pool: SmallGluster, capsys: Any) -> None:
    pool.peers["gs2"]["connected"] = 0
    run(capsys, peers=["gs2"])
    assert "peer gs2 is in the cluster and not connected" in str(pool.warnings)
    # A probe of a rejected peer says 'already in peer list', and the plain list shows it as Connected.
    pool.peers["gs3"].update(state=6, text="Peer Rejected")
    with pytest.raises(ModuleFailed, match=r"peer gs3 is rejected: .* cure_rejected: \[gs3\]"):
        run(capsys, peers=["gs2", "gs3"])
    run(capsys, peers=["gs3"], cure_rejected=["gs3"])
    assert "peer gs3 is rejected" in str(pool.warnings)


def test_options_of_the_pool(pool: SmallGluster, capsys: Any) -> None:
    pool.pool_options["cluster.server-quorum-ratio"] = "0 (DEFAULT)"
    wanted = {"cluster.op-version": "max", "cluster.server-quorum-ratio": "51%"}
    run(capsys, pool_options=wanted)
    assert pool.pool_options["cluster.op-version"] == "100000"
    assert not run(capsys, pool_options=wanted)["changed"]


def test_the_operating_version_waits_for_a_host_that_is_away(pool: SmallGluster, capsys: Any) -> None:
    pool.peers["gs3"]["connected"] = 0
    assert not run(capsys, pool_options={"cluster.op-version": "max"})["changed"]
    assert "stays 90000 and is not raised to 100000 while gs3 is away" in str(pool.warnings)
    pool.peers["gs3"]["connected"] = 1
    assert run(capsys, pool_options={"cluster.op-version": "max"})["changed"]


def test_a_host_that_is_not_in_the_pool_need_not_be_detached_and_is_told(pool: SmallGluster, capsys: Any) -> None:
    assert not run(capsys, detached=["gs33"])["changed"]
    assert "peer gs33: it is not in the pool. It has left already, or has another name" in str(pool.warnings)


def test_definitions_that_differ_are_told_before_a_restart(pool: SmallGluster, capsys: Any) -> None:
    definitions = {
        "gs1": {"r3": {"checksum": "1", "info": {"auth.allow": "10.*,gs2,gs3", "version": "4"}}},
        "gs2": {"r3": {"checksum": "2", "info": {"auth.allow": "10.*,gs1,gs3", "version": "4"}}},
    }
    result = run(capsys, peers=["gs2"], definitions=definitions)
    (sentence,) = result["differences"]
    assert "auth.allow is 10.*,gs2,gs3 on gs1, 10.*,gs1,gs3 on gs2" in sentence and "version" not in sentence
    assert sentence in str(pool.warnings)


# -- the cure --------------------------------------------------------------------------------------------------------


class Rejected:
    """This host, gs1, as the one that is rejected by the others; systemd and the disk are part of it."""

    def __init__(self, pool: SmallGluster, folder: Path) -> None:
        self.pool, self.folder, self.running = pool, folder, True
        self.steps: list[str] = []
        self.kill_after: int | None = None
        for name in ("vols/r3/info", "peers/x", "glusterd.info", "options"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        for peer in pool.peers.values():
            peer.update(state=6, text="Peer Rejected")

    def run_command(self, argv: list[str], **more: Any) -> tuple[int, str, str]:
        if argv[0] == "systemctl":
            if argv[1] == "is-active":
                return (0 if self.running else 3), "", ""
            self.done(f"{argv[1]}")
            return self.systemctl(argv[1])
        if not self.running:
            return 1, "Connection failed. Please check if gluster daemon is operational.\n", ""
        result = self.pool.run_command(argv, **more)
        if "probe" in argv:
            self.pool.in_flight = 0
            self.pool.peers["gs2"].update(state=4, text="Accepted peer request")
            (self.folder / "peers").mkdir(exist_ok=True)
            (self.folder / "peers/gs2").write_text("accepted")
            self.done("probe")
        return result

    def done(self, what: str) -> None:
        self.steps.append(what)

    def systemctl(self, verb: str) -> tuple[int, str, str]:
        self.running = verb != "stop"
        if verb in ("start", "restart"):
            if not (self.folder / "peers").exists():
                self.pool.peers.clear()
            elif self.pool.peers.get("gs2", {}).get("state") == 4:
                for name in ("gs2", "gs3", "gs4"):
                    self.pool.join(name)
        if self.kill_after is not None and len(self.steps) >= self.kill_after:
            raise Killed(verb)
        return 0, "", ""


@pytest.fixture
def rejected(pool: SmallGluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rejected:
    host = Rejected(pool, tmp_path)
    monkeypatch.setattr(AnsibleModule, "run_command", lambda _self, argv, **more: host.run_command(argv, **more))
    return host


CURE = {"peers": ["gs1", "gs2", "gs3", "gs4"], "cure_rejected": ["gs1"], "cure_from": "gs2"}


def test_a_rejected_host_takes_the_definitions_of_another(rejected: Rejected, capsys: Any) -> None:
    result = run(capsys, **CURE)
    assert rejected.steps == ["stop", "start", "probe", "restart"]
    assert {peer["condition"] for peer in result["peers"]} == {"connected"}
    assert (rejected.folder / "glusterd.info").exists() and not (rejected.folder / "vols").exists()
    (aside,) = rejected.folder.parent.glob(f"{rejected.folder.name}.aside-*")
    assert (aside / "vols/r3/info").read_text() == "vols/r3/info", "nothing is thrown away"
    assert not run(capsys, **CURE)["changed"]


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_cure_that_is_killed_is_taken_up(after: int, rejected: Rejected, capsys: Any) -> None:
    rejected.kill_after = after
    with pytest.raises(Killed):
        run(capsys, **CURE)
    rejected.kill_after = None
    result = run(capsys, **CURE)
    assert {peer["condition"] for peer in result["peers"]} == {"connected"} and len(result["peers"]) == 3
    assert not run(capsys, **CURE)["changed"]


def test_nothing_is_cured_that_was_not_named(rejected: Rejected, capsys: Any) -> None:
    with pytest.raises(ModuleFailed, match="is rejected"):
        run(capsys, peers=["gs1", "gs2"])
    with pytest.raises(ModuleFailed, match="cure_rejected needs cure_from"):
        run(capsys, cure_rejected=["gs1"])
    result = run(capsys, check=True, **CURE)
    assert result["changed"] and rejected.steps == [] and (rejected.folder / "vols").exists()


def test_a_host_that_is_no_rejected_one_is_left_alone(rejected: Rejected, capsys: Any) -> None:
    for name in rejected.pool.peers:
        rejected.pool.join(name)
    assert not run(capsys, **CURE)["changed"] and rejected.steps == []
    rejected.running = False
    run(capsys, **CURE)
    assert rejected.steps == ["start"] and (rejected.folder / "vols").exists(), "it was stopped for another reason"


GS2, GS3 = Peer("2", ("gs2",), True), Peer("3", ("gs3",), True)
REJECTED = GS2._replace(state="6", state_text="Peer Rejected")
ACCEPTED = GS2._replace(state="4", state_text="Accepted peer request")
ALL = ["stop", "put-aside", "start", "probe", "accepted", "restart", "peers"]


@pytest.mark.parametrize(
    ("peers", "holds_definitions", "steps"),
    [
        ([REJECTED, GS3], True, ALL),
        # Killed after stop or put-aside: with definitions on the disk it may be stopped for any reason.
        (None, True, ["start", "settled"]),
        (None, False, ALL[2:]),
        # Killed after start, after probe, after restart.
        ([], False, ALL[3:]),
        ([ACCEPTED], True, ALL[5:]),
        ([ACCEPTED, GS3], True, ALL[5:]),
        ([GS2], True, ALL[5:]),
        ([GS2, GS3], True, []),
    ],
)
def test_a_cure_goes_on_where_it_ended(peers: list | None, holds_definitions: bool, steps: list) -> None:
    pool = None if peers is None else Pool("1", tuple(peers))
    plan = plan_cure(CureState(pool, holds_definitions), "gs2", ["gs1", "gs2", "gs3"])
    words = [set(step.argv) & {*ALL, "settled"} for step in plan.steps]
    assert [next(iter(found - {"peer"})) for found in words] == steps


def test_definitions_are_put_aside_first(rejected: Rejected, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in between, the host is at worst an empty one."""
    (rejected.folder / "a-file").touch()
    moved: list[str] = []
    rename = os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: (moved.append(os.path.basename(old)), rename(old, new)))
    run(capsys, **CURE)
    assert moved[:2] == ["peers", "vols"] or moved[:2] == ["vols", "peers"]


# -- the view of one host --------------------------------------------------------------------------------------------


def test_info(pool: SmallGluster, tmp_path: Path, capsys: Any) -> None:
    volume = tmp_path / "vols" / "r3"
    volume.mkdir(parents=True)
    (volume / "cksum").write_text("info=1886912133\n")
    (volume / "info").write_text("type=2\nauth.allow=10.77.0.*,gs2\n")
    result = run_module(capsys, gluster_peer_info, definitions=True, op_version=True)
    assert result["uuid"] == host_uuid("gs1") and [peer["name"] for peer in result["peers"]] == ["gs2", "gs3", "gs4"]
    info = {"type": "2", "auth.allow": "10.77.0.*,gs2"}
    assert result["definitions"] == {"r3": {"checksum": "1886912133", "info": info}}
    assert result["op_version"] == {"cluster.op-version": "90000", "cluster.max-op-version": "100000"}
    pool.in_flight = 1
    result = run_module(capsys, gluster_peer_info)
    assert result["in_flight"] and result["peers"] == []
