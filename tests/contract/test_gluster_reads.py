# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from the XML of the real gluster is what its plain text says of the same moment."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from gluster_captures import Call, calls, of, twins

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_heal
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_errors import judge
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import size
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import parse_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import (
    HOST_AWAY,
    OFFLINE,
    ONLINE,
    UNKNOWN,
    Volume,
    brick_state,
    parse_option,
    parse_progress,
    parse_quota,
    parse_status,
    parse_volumes,
)


@pytest.fixture(scope="module", autouse=True)
def _captures_are_there(contract_dir):
    assert calls()


def named(name: str, seq: int | None = None) -> Call:
    (call,) = [one for one in calls() if one.name == name and seq in (None, one.seq)]
    return call


def tree(call: Call) -> ElementTree.Element:
    found = judge(call.rc, call.stdout, call.stderr).tree
    assert found is not None, call.id
    return found


def pairs(*words: str) -> list[tuple[Call, Call]]:
    """Both answers of a read, where there is something in them."""
    return [
        (plain, xml)
        for plain, xml in twins()
        if xml.words[: len(words)] == words and plain.rc == 0 and plain.stdout.strip()
    ]


def ids(call: Call) -> str:
    return call.id


# -- the pool --------------------------------------------------------------------------------------------------------

POOL_LISTS = [call for call in of("pool", "list", xml=True) if call.rc == 0]
STATUSES = of("peer", "status", xml=True)


@pytest.mark.parametrize(("plain", "xml"), pairs("peer", "status"), ids=ids)
def test_peers(plain: Call, xml: Call) -> None:
    peers = {peer.name: peer for peer in parse_pool(tree(xml)).peers}
    blocks = re.findall(
        r"Hostname: (\S+)\nUuid: (\S+)\nState: (.*) \((\w+)\)(?:\nOther names:\n((?:\S+\n?)*))?", plain.stdout
    )
    assert len(blocks) == len(peers) == int(re.search(r"Number of Peers: (\d+)", plain.stdout).group(1))
    for name, uuid, state, connection, others in blocks:
        assert (peers[name].uuid, peers[name].state_text) == (uuid, state)
        assert peers[name].connected is (connection == "Connected")
        assert peers[name].names == (name, *others.split())


@pytest.mark.parametrize("call", POOL_LISTS, ids=ids)
def test_the_pool_has_the_host_itself_which_is_no_peer(call: Call) -> None:
    pool = parse_pool(tree(call))
    if call.name == "pool-list-probe-in-flight-xml":
        assert pool.uuid == "" and judge(call.rc, call.stdout, call.stderr).kind == "in flight"
        return
    assert pool.uuid == "ebce275f-18b3-4ada-89a2-5bf42019c5c1", "that of gs1"
    assert "localhost" not in pool.names() and len(pool.peers) == call.stdout.count("<peer>") - 1


def test_a_list_that_is_empty_during_a_probe_is_no_pool_without_peers() -> None:
    for name in ("peer-status-probe-in-flight-xml", "pool-list-probe-in-flight-xml"):
        answer = judge(0, named(name).stdout, "")
        assert answer.tree is not None and not list(answer.tree.iter("peer"))
        assert not answer.ok and answer.kind == "in flight"
    assert judge(0, named("peer-status-none-xml").stdout, "").ok, "this one has no peers"


@pytest.mark.parametrize(
    ("name", "peer", "condition"),
    [
        ("pool-list-xml", "gs3", "connected"),
        ("pool-list-host-down-xml", "gs3", "disconnected"),
        # Plain 'pool list' shows it as Connected.
        ("pool-list-rejected-xml", "gs3", "rejected"),
        ("pool-list-rejected-xml", "10.77.0.12", "connected"),
    ],
)
def test_condition(name: str, peer: str, condition: str) -> None:
    found = parse_pool(tree(named(name))).find(peer)
    assert found is not None and found.condition == condition


# -- volumes ---------------------------------------------------------------------------------------------------------

INFOS = [call for call in of("volume", "info", xml=True) if "<volume>" in call.stdout]
INFO_PAIRS = pairs("volume", "info")


def plain_volumes(text: str) -> dict[str, dict]:
    found = {}
    for block in re.split(r"\n \n|^ \n", text):
        if not block.strip():
            continue
        head, _, options = block.partition("Options Reconfigured:\n")
        fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        bricks = [(k, v) for k, v in fields.items() if re.match(r"Brick\d+$", k)]
        found[fields["Volume Name"]] = {
            **fields,
            "bricks": [v.replace(" (arbiter)", "") for _k, v in bricks],
            "arbiters": [v.replace(" (arbiter)", "") for _k, v in bricks if v.endswith(" (arbiter)")],
            "options": dict(line.split(": ", 1) for line in options.strip().splitlines()),
        }
    return found


@pytest.mark.parametrize(("plain", "xml"), INFO_PAIRS, ids=ids)
def test_volumes(plain: Call, xml: Call) -> None:
    said = plain_volumes(plain.stdout)
    volumes = parse_volumes(tree(xml))
    assert [volume.name for volume in volumes] == list(said)
    for volume in volumes:
        text = said[volume.name]
        assert (volume.id, volume.status, volume.type) == (text["Volume ID"], text["Status"], text["Type"])
        assert volume.brick_names == text["bricks"] and volume.options == text["options"]
        assert [brick.name for brick in volume.bricks if brick.arbiter] == text["arbiters"]
        if not volume.is_ghost:
            assert len(volume.bricks) == len(volume.sets) * volume.form.width
            assert text["Number of Bricks"] == shown_count(volume)


def shown_count(volume: Volume) -> str:
    """'2 x 2 = 4', '1 x (2 + 1) = 3', or the number alone: what the plain text makes of the form."""
    form, total = volume.form, len(volume.bricks)
    if form.disperse:
        return f"{len(volume.sets)} x ({form.disperse - form.redundancy} + {form.redundancy}) = {total}"
    if form.arbiter:
        return f"{len(volume.sets)} x ({form.copies} + {form.arbiter}) = {total}"
    return f"{len(volume.sets)} x {form.replica} = {total}" if form.replica > 1 else str(total)


@pytest.mark.parametrize("call", INFOS, ids=ids)
def test_the_name_of_a_brick_is_there_once(call: Call) -> None:
    """<brick> is mixed content: its own text is the name, and so is its element <name>."""
    for volume in parse_volumes(tree(call)):
        assert all(re.fullmatch(r"gs\d:/data/\w+", brick.name) and brick.host_uuid for brick in volume.bricks)


def test_nothing_is_there() -> None:
    """The plain answer says so on stderr, with 0."""
    assert parse_volumes(tree(named("volume-info-none-xml"))) == []
    assert parse_status(tree(named("volume-status-none-xml"))) == {}
    assert parse_pool(tree(named("pool-list-none-xml"))).peers == ()
    assert all(named(name).stderr and not named(name).rc for name in ("volume-info-none", "volume-status-none"))


def test_only_the_ghost_is_one() -> None:
    ghosts = {volume.name for call in INFOS for volume in parse_volumes(tree(call)) if volume.is_ghost}
    assert ghosts == {"vn"}


# -- status ----------------------------------------------------------------------------------------------------------

STATUS_PAIRS = [(p, x) for p, x in pairs("volume", "status") if not {"detail", "clients"} & set(x.words)]


@pytest.mark.parametrize(("plain", "xml"), STATUS_PAIRS, ids=ids)
def test_status(plain: Call, xml: Call) -> None:
    found = parse_status(tree(xml))
    for block in plain.stdout.split("Status of volume: ")[1:]:
        status = found.pop(block.split("\n", 1)[0].strip())
        bricks = {
            n: (o == "Y", p) for n, p, o in re.findall(r"^Brick (\S+)\s+(\S+)\s+\S+\s+([YN])", block, re.MULTILINE)
        }
        assert {n: (one.online, one.port or "N/A") for n, one in status.bricks.items()} == bricks
        assert len(status.healers) == len(re.findall(r"^Self-heal Daemon", block, re.MULTILINE))
        tasks = re.findall(r"^Task +: (.*\S) *\nID +: (\S+)", block, re.MULTILINE)
        assert [(task.kind, task.id) for task in status.tasks] == tasks
    assert not found


def test_detail_and_clients_are_status_too() -> None:
    """inodeSize of detail holds the name of the file system; nothing is read from there."""
    for name in ("volume-status-detail-xml", "volume-status-clients-xml"):
        (status,) = parse_status(tree(named(name))).values()
        assert all(process.online for process in status.bricks.values())


def test_the_tasks_of_a_removal_name_its_bricks() -> None:
    (task,) = parse_status(tree(named("volume-status-tasks-remove-xml")))["dr"].tasks
    assert task.removes and not task.running and task.bricks == ("gs1:/data/dr2", "gs2:/data/dr2")
    (task,) = parse_status(tree(named("volume-status-tasks-rebalance-xml")))["dr"].tasks
    assert task.running and not task.removes


def test_status_leaves_out_the_bricks_of_a_host_that_is_away() -> None:
    volume = Volume("r3", "", "Started", *_r3_after_replacement())
    status = parse_status(tree(named("volume-status-host-down-xml")))["r3"]
    pool = parse_pool(tree(named("pool-list-host-down-xml")))
    assert len(status.bricks) == 2
    assert [brick_state(brick, volume, status, pool) for brick in volume.bricks] == [ONLINE, ONLINE, HOST_AWAY]
    up = parse_pool(tree(named("pool-list-xml")))
    assert brick_state(volume.bricks[2], volume, status, up) == OFFLINE, "its host answers"
    assert brick_state(volume.bricks[0], volume._replace(status="Created"), status, pool) == UNKNOWN


def _r3_after_replacement():
    r3 = next(one for one in parse_volumes(tree(named("volume-info-all-xml"))) if one.name == "r3")
    return r3.form, tuple(b._replace(name=b.name.replace("gs3:/data/r3", "gs3:/data/r3new")) for b in r3.bricks), {}


def test_a_brick_that_is_down() -> None:
    (status,) = parse_status(tree(named("volume-status-brick-down-xml"))).values()
    assert {name: process.online for name, process in status.bricks.items()} == {
        "gs1:/data/sb": True,
        "gs2:/data/sb": False,
    }
    assert status.bricks["gs2:/data/sb"].port == "" and not status.healers


# -- what is being moved ---------------------------------------------------------------------------------------------

PROGRESS = [c for c in calls() if c.xml and c.words[-1:] == ("status",) and "<aggregate>" in c.stdout]


@pytest.mark.parametrize("call", PROGRESS, ids=ids)
def test_progress_adds_up(call: Call) -> None:
    found = parse_progress(tree(call))
    total = tree(call).find(".//aggregate")
    assert total is not None and sum(one.files for one in found) == int(total.findtext("files") or -1)
    assert sum(one.failures for one in found) == int(total.findtext("failures") or -1)
    assert {one.status for one in found} == {total.findtext("statusStr")}


def test_node_count_is_no_number_of_nodes() -> None:
    call = named("remove-brick-status-completed-xml")
    assert "<nodeCount>4</nodeCount>" in call.stdout and len(parse_progress(tree(call))) == 2


# -- heal ------------------------------------------------------------------------------------------------------------

HEAL_PAIRS = [(p, x) for p, x in pairs("volume", "heal") if "info" in x.words]
_NONE = "-"


@pytest.mark.parametrize(("plain", "xml"), HEAL_PAIRS, ids=ids)
def test_heal(plain: Call, xml: Call) -> None:
    found = gluster_heal.parse_heal(tree(xml))
    blocks = ["Brick " + block for block in plain.stdout.split("Brick ")[1:]]
    assert len(blocks) == len(found)
    for block, brick in zip(blocks, found):
        assert block.startswith(f"Brick {brick.name}\n")
        assert brick.connected is ("Status: Connected" in block)
        for line, count in (
            (r"(?:Total )?Number of entries(?: in split-brain)?", brick.total),
            ("Number of entries in heal pending", brick.pending),
        ):
            text = re.search(rf"^{line}: (\S+)$", block, re.MULTILINE)
            assert count == (None if text is None or text.group(1) == _NONE else int(text.group(1)))
        listed = re.findall(r"^(/\S*|<gfid:\S+>)", block, re.MULTILINE)
        assert [entry.path or f"<gfid:{entry.gfid}>" for entry in brick.entries] == listed


def test_the_summary_of_a_brick_that_is_down_counts_nothing() -> None:
    """Its count stands as text in the status: 'totalNumberOfEntries0'."""
    up, down = gluster_heal.parse_heal(tree(named("heal-info-summary-brick-down-pending-xml")))
    assert (up.total, up.pending, up.split_brain, up.healing) == (10, 10, 0, 0)
    assert (down.total, down.pending, down.connected) == (None, None, False)
    assert down.status.endswith("(Transport endpoint is not connected)")
    assert set(gluster_heal.unhealed([up, down])) == {up.name, down.name}


def reversed_bricks() -> list[gluster_heal.BrickHeal]:
    return gluster_heal.parse_heal(tree(named("heal-info-split-brain-xml")))[::-1]


def entry_paths(bricks: list[gluster_heal.BrickHeal]) -> set[str]:
    return {entry.path for entry in gluster_heal.entries(bricks)}


def test_every_file_in_split_brain_has_a_path_on_one_brick() -> None:
    split = gluster_heal.entries(gluster_heal.parse_heal(tree(named("heal-info-split-brain-xml"))))
    assert sorted(entry.path for entry in split) == ["/d", "/f1", "/f2", "/f3", "/f4", "/f5", "/f6"]
    assert entry_paths(reversed_bricks()) == entry_paths(
        gluster_heal.parse_heal(tree(named("heal-info-split-brain-xml")))
    )
    # /d/gfid is one of two files of this name; it is listed as its directory.
    assert gluster_heal.concerns("/d/gfid", split) and not gluster_heal.concerns("/e/f7", split)


# -- options and limits ----------------------------------------------------------------------------------------------


def test_limits() -> None:
    limits = parse_quota(tree(named("quota-list-xml")))
    assert limits == {"/": (size("1GB"), "80%"), "/q": (size("10MB"), "80%")}


@pytest.mark.parametrize("call", [c for c in of("volume", "get", xml=True) if c.rc == 0], ids=ids)
def test_option(call: Call) -> None:
    value = parse_option(tree(call))
    assert value and "DEFAULT" not in value
    if call.words[-1] != "all":
        assert f"<Value>{value}</Value>" in call.stdout
