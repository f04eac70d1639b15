# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import acceptance
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance import CheckError
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import Mount
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import Zone, ZoneServer


def host(name: str, state: int, error: str = "") -> str:
    template = f"<TEMPLATE><ERROR><![CDATA[{error}]]></ERROR></TEMPLATE>" if error else "<TEMPLATE/>"
    return f"<HOST><NAME>{name}</NAME><STATE>{state}</STATE>{template}</HOST>"


@pytest.mark.parametrize(
    ("hosts", "expected", "ok", "detail"),
    [
        ([host("a", 2), host("b", 1)], ["a"], True, "2 hosts"),
        ([host("a", 0)], [], False, "a is init"),
        # an unreachable host ends in state 3 and carries ssh's words in its template
        ([host("a", 3, "Sat : ssh:\n Permission denied")], [], False, "a is error (Sat : ssh: Permission denied)"),
        ([host("a", 4), host("b", 8)], [], False, "a is disabled; b is offline"),
        ([host("a", 2)], ["a", "b"], False, "b is not known to OpenNebula"),
        ([], ["a"], False, "a is not known to OpenNebula"),
        ([], [], False, "OpenNebula has no hosts"),
    ],
)
def test_hosts(hosts: list[str], expected: list[str], ok: bool, detail: str) -> None:
    assert acceptance.judge_hosts(f"<HOST_POOL>{''.join(hosts)}</HOST_POOL>", expected) == (ok, detail)


def test_an_answer_that_is_no_pool_is_no_success() -> None:
    assert not acceptance.judge_hosts("Connection refused", []).ok
    assert not acceptance.judge_datastores("", []).ok


def store(name: str, kind: int, size: int, shared: str = "", state: int = 0) -> str:
    template = f"<TEMPLATE><SHARED>{shared}</SHARED></TEMPLATE>" if shared else "<TEMPLATE/>"
    return (
        f"<DATASTORE><NAME>{name}</NAME><TYPE>{kind}</TYPE><STATE>{state}</STATE><TOTAL_MB>{size}</TOTAL_MB>"
        f"{template}</DATASTORE>"
    )


@pytest.mark.parametrize(
    ("stores", "expected", "ok", "detail"),
    [
        ([store("images", 0, 900), store("files", 2, 900)], ["images"], True, "2 datastores"),
        # sizes are 0 until the first pass of the monitor, and for ever where the driver fails
        ([store("images", 0, 0)], [], False, "images has no size"),
        # a system datastore that is not shared is on the nodes
        ([store("system", 1, 0, "NO")], [], True, "1 datastores"),
        ([store("system", 1, 0, "YES")], [], False, "system has no size"),
        ([store("system", 1, 9, "YES", state=1)], [], False, "system is disabled"),
        ([store("images", 0, 9)], ["backup"], False, "backup is not known to OpenNebula"),
    ],
)
def test_datastores(stores: list[str], expected: list[str], ok: bool, detail: str) -> None:
    assert acceptance.judge_datastores(f"<DATASTORE_POOL>{''.join(stores)}</DATASTORE_POOL>", expected) == (ok, detail)


VITASTOR = "<DATASTORE><NAME>v</NAME><TYPE>0</TYPE><TOTAL_MB>0</TOTAL_MB><DS_MAD>vitastor</DS_MAD></DATASTORE>"
DIRECTORY = VITASTOR.replace("vitastor", "fs").replace("<NAME>v", "<NAME>images")


def test_an_emulated_opennebula_measures_directories_alone() -> None:
    pool = f"<P>{VITASTOR}{store('files', 2, 9)}</P>"
    assert acceptance.judge_datastores(pool, ["v"], emulated=True) == (
        *(True, "2 datastores, 1 of drivers that are not emulated"),
    )
    assert acceptance.judge_datastores(pool, ["v"]) == (False, "v has no size"), "on a real one its driver does"
    assert acceptance.judge_datastores(f"<P>{DIRECTORY}</P>", [], emulated=True) == (False, "images has no size")
    assert not acceptance.judge_datastores(pool, ["gone"], emulated=True).ok


@pytest.mark.parametrize(("release", "monitored"), [("6.10.0", "e-after"), ("7.4.0", "d2-after")])
def test_answers_of_the_real_programs(contract_dir: Path, release: str, monitored: str) -> None:
    records = (contract_dir / "opennebula" / release / "cli" / "datastore.jsonl").read_text().splitlines()
    pool = next(r["stdout"] for r in map(json.loads, records) if r["argv"] == ["onedatastore", "list", "-x"])
    assert acceptance.judge_datastores(pool, ["system", "default", "files"]) == (True, "3 datastores")
    shown = (contract_dir / "opennebula/vm-states" / release / f"{monitored}.host.xml").read_text()
    (name,) = (element.text for element in ElementTree.fromstring(shown).findall("NAME"))
    assert acceptance.judge_hosts(f"<HOST_POOL>{shown}</HOST_POOL>", [str(name)]) == (True, "1 hosts")


def test_a_disabled_host_of_the_real_program(contract_dir: Path) -> None:
    shown = (contract_dir / "opennebula/vm-states/6.10.0/h-host-disabled.host.xml").read_text()
    assert acceptance.judge_hosts(f"<HOST_POOL>{shown}</HOST_POOL>", []) == (False, "node1 is disabled")
    assert acceptance.judge_hosts(f"<HOST_POOL>{shown}</HOST_POOL>", ["node1"], ["node1"]).ok


@pytest.mark.parametrize(
    ("answer", "release", "ok", "detail"),
    [
        ([True, "7.4.0", 0], "7.4", True, "release 7.4.0"),
        ([True, "7.4.0", 0], "7.4.1", True, "release 7.4.0"),
        ([True, "7.4.0", 0], None, True, "release 7.4.0"),
        ([True, "6.10.0", 0], "6.1", False, "it is release 6.10.0, not 6.1"),
        (
            [False, "User couldn't be authenticated, aborting call.", 256],
            "7.4",
            False,
            "User couldn't be authenticated",
        ),
        ("hello", None, False, "the answer is not OpenNebula's"),
    ],
)
def test_api(answer: Any, release: str | None, ok: bool, detail: str) -> None:
    verdict = acceptance.judge_api(answer, release)
    assert verdict.ok is ok and verdict.detail.startswith(detail)


FILE = {"kind": "file", "mode": "0600", "owner": "oneadmin", "group": "oneadmin"}


@pytest.mark.parametrize(
    ("wanted", "found", "ok", "detail"),
    [
        ({}, FILE, True, "file 0600 oneadmin:oneadmin"),
        ({"mode": "600"}, FILE, True, "file 0600 oneadmin:oneadmin"),
        ({"mode": "0640", "owner": "root"}, FILE, False, "mode is 0600, not 0640; owner is oneadmin, not root"),
        ({"kind": "directory"}, FILE, False, "kind is file, not directory"),
        ({}, None, False, "does not exist"),
    ],
)
def test_path(wanted: dict[str, str], found: dict[str, str] | None, ok: bool, detail: str) -> None:
    assert acceptance.judge_path(wanted, found) == (ok, detail)


@pytest.mark.parametrize(
    ("returncode", "output", "ok", "detail"),
    [
        (0, "OpenNebula 7.4.0\nCopyright\n", True, "OpenNebula 7.4.0"),
        (0, "OpenNebula 6.10.0\n", False, "'7.4' is not in: OpenNebula 6.10.0"),
        (1, "7.4: cannot\n", False, "ended with 1: 7.4: cannot"),
        (0, "", False, "'7.4' is not in: (no output)"),
    ],
)
def test_output(returncode: int, output: str, ok: bool, detail: str) -> None:
    assert acceptance.judge_output(returncode, output, "7.4") == (ok, detail)


NFS = {"path": "/ds/100", "src": "nfs1:/images/", "fstype": "nfs", "owner": "oneadmin"}
XFS = {"path": "/ds/101", "src": "/dev/stores/system", "fstype": "xfs"}


@pytest.mark.parametrize(
    ("wanted", "found", "device", "owner", "ok", "detail"),
    [
        (NFS, Mount("/ds/100", "nfs1:/images", "nfs4", "0:41"), "", "oneadmin", True, "nfs4, of oneadmin"),
        (NFS, None, "", "", False, "nothing is mounted there"),
        (
            NFS,
            Mount("/ds/100", "nfs2:/images", "nfs4", "0:41"),
            "",
            "oneadmin",
            False,
            "mounted there is nfs2:/images (nfs4)",
        ),
        (NFS, Mount("/ds/100", "nfs1:/images", "fuse.glusterfs", "0:41"), "", "oneadmin", False, "mounted there is"),
        (NFS, Mount("/ds/100", "nfs1:/images", "nfs4", "0:41"), "", "", False, "it is mounted and does not answer"),
        (
            NFS,
            Mount("/ds/100", "nfs1:/images", "nfs4", "0:41"),
            "",
            "root",
            False,
            "it belongs to root, not to oneadmin",
        ),
        # the kernel calls a logical volume by another of its names
        (XFS, Mount("/ds/101", "/dev/mapper/stores-system", "xfs", "253:0"), "253:0", "root", True, "xfs, of root"),
        (
            XFS,
            Mount("/ds/101", "/dev/mapper/stores-system", "xfs", "253:0"),
            "253:1",
            "root",
            False,
            "mounted there is",
        ),
    ],
)
def test_mounts(wanted: dict[str, str], found: Mount | None, device: str, owner: str, ok: bool, detail: str) -> None:
    verdict = acceptance.judge_mount(wanted, found, device, owner)
    assert verdict.ok is ok and verdict.detail.startswith(detail)


def server(number: int, state: str, index: int = 41, term: int = 4) -> ZoneServer:
    return ZoneServer(number, f"front{number}", f"http://front{number}:2633/RPC2", state, term, index, index)


@pytest.mark.parametrize(
    ("servers", "detail"),
    [
        ([server(1, "leader"), server(2, "follower"), server(3, "follower")], ""),
        ([server(1, "follower"), server(2, "follower")], "nobody leads"),
        ([server(1, "leader"), server(2, "no answer")], "front2: no answer"),
        ([server(1, "leader"), server(2, "candidate")], "front2: candidate"),
        ([server(1, "leader"), server(2, "follower", 40)], "front2 has record 40 of term 4, front1 41 of 4"),
        (
            [server(1, "leader"), server(2, "leader", term=5)],
            "front1 and front2 both lead; front1 has record 41 of term 4",
        ),
        ([server(2, "leader")], "http://front1:2633/RPC2 is not in the zone"),
        ([], "http://front1:2633/RPC2 is not in the zone; nobody leads"),
    ],
)
def test_zone(servers: list[ZoneServer], detail: str) -> None:
    verdict = acceptance.judge_zone(Zone(0, "", tuple(servers)), ["http://front1:2633/RPC2"])
    assert verdict.ok is (not detail) and verdict.detail.startswith(detail or "front1 leads 3")


def test_names_and_logins() -> None:
    assert acceptance.judge_names({"a": "10.0.0.1", "b": None}, {"a": ["10.0.0.1"], "b": ["x"]}) == (True, "2 names")
    assert acceptance.judge_names({"a": "10.0.0.1", "b": None}, {"a": ["10.0.0.2"]}) == (
        False,
        "a resolves to 10.0.0.2, not 10.0.0.1; b does not resolve",
    )
    assert acceptance.judge_logins({"n1": (0, ""), "n2": (0, "Warning")}) == (True, "2 hosts")
    assert acceptance.judge_logins({"n1": (255, "banner\nHost key verification failed.\n\n")}) == (
        False,
        "n1: Host key verification failed.",
    )


def test_checks_must_be_told_what_they_need() -> None:
    for kind, needed in acceptance.NEEDS.items():
        if needed:
            with pytest.raises(CheckError, match=needed[0]):
                acceptance.require({"type": kind})
        assert acceptance.title(
            {
                "type": kind,
                "argv": ["x"],
                "hosts": ["h"],
                "unit": "u",
                "port": 1,
                "contains": "",
                "path": "/",
                "src": "a:/b",
            }
        )
    assert acceptance.title({"type": "path", "path": "/", "name": "mine"}) == "mine"


def test_only_guests_of_an_acceptance_are_left_over() -> None:
    assert acceptance.left_over_domains("one-5\nacceptance-12ab\n\n my-acceptance-1\n") == ["acceptance-12ab"]
    text = acceptance.domain_xml("acceptance-1", "qemu", "x86_64")
    assert ElementTree.fromstring(text).attrib == {"type": "qemu"}


POOLS = '[{"name":"one","status":"active"},{"id":7}]'


@pytest.mark.parametrize(
    "status, printed, error, expected, ok, detail",
    [
        (0, POOLS, "", ["one"], True, "1 pools"),
        (0, f"Pool 7 PG 1 configuration is invalid\n{POOLS}\n", "", [], True, "1 pools"),
        (0, POOLS.replace('"active"', '"inactive"'), "", [], False, "one is inactive"),
        (0, POOLS, "", ["two"], False, "two is not there"),
        # guests go on while copies are missing, or move after a change of OSDs
        (0, POOLS.replace('"active"', '"degraded"'), "", ["one"], True, "one is degraded"),
        (0, POOLS.replace('"active"', '"has_misplaced"'), "", ["one"], True, "one is has_misplaced"),
        (0, POOLS.replace('"active"', '"has_incomplete"'), "", ["one"], False, "one is has_incomplete"),
        # another's pool is no concern of a node
        (0, '[{"name":"one","status":"active"},{"name":"two","status":"inactive"}]', "", ["one"], True, "1 pools"),
        (0, '[{"name":"one","status":"active"},{"name":"two","status":"inactive"}]', "", [], False, "two is inactive"),
        (1, "", "Error reading configuration from etcd: connect: Connection refused", [], False, "Error reading"),
        (0, "not json", "", [], False, "vitastor-cli printed no list of pools: 'not json'"),
        (0, "", "", [], False, "printed no list of pools"),
    ],
)
def test_pools_of_vitastor(status, printed, error, expected, ok, detail):
    verdict = acceptance.judge_pools(status, printed, error, expected)
    assert verdict.ok is ok and detail in verdict.detail


@pytest.mark.parametrize(
    "changed, ok, detail",
    [
        ({}, True, "3 OSDs, 64 placement groups"),
        ({"pg_states": {"active": 60, "active+has_misplaced": 4}}, True, "64 placement groups"),
        ({"osd_up": 2}, False, "2 of 3 osds are up"),
        ({"etcd_alive": 2}, False, "2 of 3 etcds are up"),
        ({"pg_states": {"active+degraded": 4, "offline": 0}}, False, "4 placement groups are active+degraded"),
        ({"pg_states": {"offline": 1}}, False, "1 placement groups are offline"),
        ({"osds_full": 1}, False, "1 OSDs are full"),
    ],
)
def test_a_vitastor_cluster_is_whole(changed, ok, detail):
    status = {"etcd_alive": 3, "etcd_count": 3, "osd_up": 3, "osd_count": 3, "pg_states": {"active": 64}, **changed}
    verdict = acceptance.judge_vitastor_status(0, f"Pool 7 PG 1 configuration is invalid\n{json.dumps(status)}\n", "")
    assert verdict.ok is ok and detail in verdict.detail


@pytest.mark.parametrize("answer", [(1, "", "Connection refused"), (0, "", ""), (0, "no JSON", ""), (0, "{}", "")])
def test_a_vitastor_cluster_that_tells_nothing_is_not_whole(answer):
    verdict = acceptance.judge_vitastor_status(*answer)
    assert not verdict.ok and verdict.detail
