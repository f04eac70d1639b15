# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the node, as it is installed, with the kernel's real packet filter in a namespace of its own."""

from __future__ import annotations

import fcntl
import inspect
import json
import resource
import shutil
import socket
import time

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_archive

BOTH = {"name": "onebr0", "uplinks": ["eth0"], "guest_networks": ["10.0.3.0/24", "2001:db8:3::/64"]}
OTHER = {"protected_networks": ["10.0.9.0/24"]}
HOST = "52:54:00:00:00:11"
FIRST, SECOND = "10.0.2.0/24", "10.0.9.0/24"


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def test_without_a_declaration_nothing_is_loaded_and_nothing_lacks(node):
    node.do("apply")
    node.do("verify")
    assert node.rules == ""
    assert "Nothing is declared on this node" in node.ask("render").stderr


def test_the_service_fails_where_nothing_is_declared(node):
    """libvirt requires it: a node whose settings got lost starts no guests."""
    failed = node.ask("apply", "--required")
    assert failed.returncode == 1 and "Nothing is declared on this node" in failed.stderr
    node.do("apply", *node.declared())
    node.do("apply", "--required")
    assert "libvirt does not start" in node.do("remove")


def test_what_is_applied_is_kept_and_verified(node):
    node.do("apply", *node.declared())
    assert node.protected == FIRST
    node.do("verify")
    node.space.do("nft", "flush", "ruleset")  # as a boot
    node.do("apply")
    node.do("verify")


def test_check_and_render_load_nothing(node):
    assert (
        "cannot tell bridges apart" in node.do("check", *node.declared())
        or json.loads(node.do("status"))["tells_bridges"]
    )
    assert "chain to_node" in node.do("render", *node.declared())
    assert node.rules == ""


@pytest.mark.parametrize(
    "harm, told",
    [
        ("flush ruleset", "The table bridge kvmcloud is not loaded."),
        ("flush chain bridge kvmcloud to_node", "these drops are missing: to_node: anything to the node"),
        ('add element bridge kvmcloud uplinks { "tap9" }', "The rules were changed after they were loaded."),
        ("insert rule bridge kvmcloud prerouting accept", "The rules were changed after they were loaded."),
        ("delete table inet kvmcloud", "The table inet kvmcloud is not loaded."),
    ],
)
def test_what_somebody_changes_is_told_and_put_back(node, harm, told):
    node.do("apply", *node.declared())
    node.space.do("nft", harm)
    answer = node.ask("verify")
    assert answer.returncode == 1 and told in answer.stdout
    node.do("apply")
    node.do("verify")


def learns(node):
    """From frames to reserved groups, which pass every rule by."""
    (told,) = json.loads(node.space.do("ip", "-json", "-details", "link", "show", "onebr0"))
    return not told["linkinfo"]["info_data"]["no_linklocal_learn"]


def test_a_bridge_learns_from_no_frame_that_passes_the_rules_by(node):
    node.do("apply", *node.declared())
    assert not learns(node)
    node.space.links("link set onebr0 type bridge no_linklocal_learn 0")
    told = node.ask("verify")
    assert told.returncode == 1 and "The bridge onebr0 learns from frames to reserved groups." in told.stdout
    node.do("apply")
    node.do("verify")
    node.do("apply", *node.declared(mode="guide"))
    assert learns(node)
    node.do("apply", *node.declared())
    node.do("remove")
    assert learns(node)


def test_a_bridge_that_never_learnt_so_stays_as_it_was(node):
    node.space.links("link set onebr0 type bridge no_linklocal_learn 1")
    node.do("apply", *node.declared())
    node.do("remove")
    assert not learns(node)


def test_a_bridge_that_speaks_stp_is_refused(node):
    node.space.links("link set onebr0 type bridge stp_state 1")
    refused = node.ask("apply", *node.declared())
    assert refused.returncode == 1 and "The bridge onebr0 speaks STP" in refused.stderr and node.rules == ""


def test_a_bridge_goes_on_to_ask_which_groups_are_listened_to(node):
    """Else guests would soon get no frame of the groups that they are in. What else it sends them is a host's."""
    node.space.links(
        "link add tap0 type veth peer name guest0",
        "link set tap0 master onebr0",
        f"link set onebr0 address {HOST}",
        *(f"link set {name} up" for name in ("tap0", "guest0", "onebr0")),
    )
    node.do("apply", *node.declared(infrastructure_macs=[HOST]))
    with node.space.inside():
        guest = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    with guest:
        guest.bind(("guest0", 0))
        guest.settimeout(5)
        often = "mcast_startup_query_interval 50 mcast_startup_query_count 20"
        node.space.links(f"link set onebr0 type bridge mcast_querier 1 {often}")
        asked = {"0800": False, "86dd": False}
        deadline = time.monotonic() + 10  # by IPv6 as soon as the bridge has an address
        while not all(asked.values()) and time.monotonic() < deadline:
            frame = guest.recv(2000)
            if frame[12:14].hex() == "0800":  # IGMP, behind the option that asks routers to look at it
                asked["0800"] |= frame[23] == 2 and frame[38] == 0x11
            elif frame[12:14].hex() == "86dd":
                asked["86dd"] |= frame[14 + 40] == 58 and frame[14 + 48] == 130
    assert asked == {"0800": True, "86dd": True}


def test_rules_of_others_stay(node):
    node.space.do("nft", "add table inet theirs; add chain inet theirs c { type filter hook input priority 0; }")
    node.space.do("iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP")
    before = node.rules
    node.do("apply", *node.declared())
    node.do("remove")
    assert node.rules == before


def test_removal_leaves_no_trace(node):
    node.do("apply", *node.declared())
    node.do("remove")
    assert node.rules == ""
    assert not (node.root / "etc/kvmcloud-isolation").exists() and not (node.root / "run/kvmcloud-isolation").exists()


def test_a_trial_that_nobody_confirms_is_taken_back(node):
    node.do("apply", *node.declared())
    node.do("apply", *node.declared(**OTHER), "--confirm", "1")
    assert node.protected == SECOND
    node.do("verify")  # what is on trial is what shall be loaded
    until(lambda: node.protected == FIRST)
    until(lambda: node.ask("verify").returncode == 0)
    late = node.ask("confirm")
    assert late.returncode == 1 and "rolled back: nobody confirmed them over a new connection within 1 s" in late.stderr


def test_the_first_trial_that_nobody_confirms_leaves_nothing_loaded(node):
    node.do("apply", *node.declared(), "--confirm", "1")
    until(lambda: node.rules == "")


def test_a_trial_that_is_confirmed_stays(node):
    trial = json.loads(node.do("apply", *node.declared(**OTHER), "--confirm", "2"))
    node.do("confirm", "--id", trial["id"])
    node.do("confirm", "--id", trial["id"])  # the answer to the first one got lost
    time.sleep(2.5)
    assert node.protected == SECOND
    node.do("verify")
    assert (node.root / "usr/local/sbin/kvmcloud-isolation").read_bytes() == node.program.read_bytes()


def test_an_early_rollback(node):
    node.do("apply", *node.declared())
    node.do("apply", *node.declared(**OTHER), "--confirm", "60")
    node.do("rollback")
    assert node.protected == FIRST


def test_a_restart_in_the_middle_of_a_trial_brings_what_is_kept(node):
    node.do("apply", *node.declared())
    node.do("apply", *node.declared(**OTHER), "--confirm", "60")
    for name in (node.root / "run/kvmcloud-isolation").glob("**/*"):
        if name.is_file():
            name.unlink()  # as /run is forgotten
    node.space.do("nft", "flush", "ruleset")
    node.do("apply")
    assert node.protected == FIRST


def test_the_former_program_loads_the_former_rules(node):
    """The new one may be what is wrong."""
    node.do("apply", *node.declared())
    installed = node.root / "usr/local/sbin/kvmcloud-isolation"
    installed.parent.mkdir(parents=True)
    installed.write_text(
        f"import sys, pathlib\npathlib.Path({str(node.root / 'called')!r}).write_text(' '.join(sys.argv))\n"
    )
    node.do("apply", *node.declared(**OTHER), "--confirm", "60")
    node.do("rollback")
    assert (node.root / "called").read_text().endswith("apply --held")


def test_a_trial_ends_where_what_is_kept_cannot_be_read(node):
    node.do("apply", *node.declared(), "--confirm", "60")
    settings = node.root / "etc/kvmcloud-isolation/declaration.json"
    settings.parent.mkdir(parents=True)
    settings.write_text("{")
    node.do("rollback")
    assert node.rules == ""
    node.do("apply", *node.declared())


def test_a_second_trial_is_refused(node):
    node.do("apply", *node.declared(), "--confirm", "60")
    for second in (("apply",), ("apply", *node.declared(**OTHER)), ("remove",)):
        refused = node.ask(*second)
        assert refused.returncode == 1 and "are on trial; they are confirmed or rolled back within" in refused.stderr
    assert node.protected == FIRST
    node.do("rollback")


def test_two_at_once_are_refused(node):
    lock = node.root / "run/kvmcloud-isolation/lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = node.ask("apply", *node.declared())
    assert refused.returncode == 1 and "Another process is changing the isolation" in refused.stderr
    assert node.rules == ""


def test_a_trial_whose_timer_was_killed_is_ended_by_whoever_comes_next(node):
    node.do("apply", *node.declared())
    node.do("apply", *node.declared(**OTHER), "--confirm", "60")
    record = node.root / "run/kvmcloud-isolation/trial/trial.json"
    record.write_text(
        json.dumps({**json.loads(record.read_text()), "deadline": time.clock_gettime(time.CLOCK_BOOTTIME) - 60})
    )
    node.do("apply")
    assert node.protected == FIRST


REFUSED = {
    "networks that overlap": ({"protected_networks": ["10.0.0.0/16"]}, "overlaps the protected network"),
    "an uplink that is missing": (
        {"bridges": [{"name": "onebr0", "uplinks": ["eth7"], "guest_networks": ["10.0.3.0/24"]}]},
        "The uplink eth7 of bridge onebr0 does not exist",
    ),
    "host bits": ({"protected_networks": ["10.0.2.9/24"]}, "write 10.0.2.0/24"),
}


@pytest.mark.parametrize("changed, sentence", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_and_changes_nothing(node, changed, sentence):
    node.do("apply", *node.declared())
    before = node.rules
    for more in ((), ("--confirm", "60")):
        refused = node.ask("apply", *node.declared(**changed), *more)
        assert refused.returncode == 1 and sentence in refused.stderr
    assert node.rules == before
    node.do("verify")


def test_a_bridge_that_does_not_exist_yet_has_its_rules(node):
    later = {"bridges": [{"name": "later0", "uplinks": ["eth5"], "guest_networks": ["10.0.3.0/24"]}]}
    assert "later0 does not exist yet" in node.do("check", *node.declared(**later))
    node.do("apply", *node.declared(**later))
    assert '"eth5"' in node.rules


def test_rules_of_iptables_legacy_are_told_and_stay(node):
    if shutil.which("iptables-legacy") is None:
        pytest.skip("there is no iptables-legacy here")
    if node.space.ask("iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP").returncode:
        pytest.skip("this kernel has no legacy tables")
    before = node.space.do("iptables-legacy", "-S")
    assert "There are rules of iptables-legacy beside those of nftables" in node.do("check", *node.declared())
    node.do("apply", *node.declared())
    node.do("verify")
    node.do("remove")
    assert node.space.do("iptables-legacy", "-S") == before and "--dport 9" in before


OTHER_FILTERS = {
    "firewalld": "table inet firewalld { chain filter_INPUT { type filter hook input priority 10; reject; }; }",
    "ufw": "table ip filter { chain ufw-before-input { drop; }; }",
}


@pytest.mark.parametrize("name", OTHER_FILTERS)
def test_an_active_firewall_is_told_and_stays(node, name):
    """As they are in the kernel; that the programs themselves leave the isolation in force is proven on lab nodes."""
    assert "filters on this node, too" not in node.do("check", *node.declared())
    node.space.do("nft", OTHER_FILTERS[name])
    before = node.rules
    assert f"{name} filters on this node, too" in node.do("check", *node.declared())
    node.do("apply", *node.declared())
    node.do("verify")
    node.do("remove")
    assert node.rules == before


def test_at_boot_rules_are_loaded_before_there_are_links(node):
    node.do("apply", *node.declared())
    node.space.links("link del onebr0", "link del eth0")
    node.space.do("nft", "flush", "ruleset")
    node.do("apply")
    assert node.protected == FIRST


def test_settings_that_cannot_be_read_are_told(node):
    path = node.root / "etc/kvmcloud-isolation/declaration.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    failed = node.ask("apply")
    assert failed.returncode == 1 and "is no declaration" in failed.stderr


# ---- the guide's ---------------------------------------------------------------------------------------------------


def test_the_guides_rules_are_loaded_told_and_taken_away(node):
    assert "a guest still reaches every address of its own node" in node.do("check", *node.declared(mode="guide"))
    node.space.do("iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP")
    node.do("apply", *node.declared(mode="guide"))
    node.do("apply")
    node.do("verify")
    listed = node.space.do("iptables", "-S").splitlines()
    assert [line for line in listed if line.startswith("-A INPUT")] == [
        "-A INPUT -p tcp -m tcp --dport 9 -j DROP",
        "-A INPUT -j KVMCLOUD-INPUT",
    ]
    assert listed.count("-A KVMCLOUD-INPUT -i onebr0 -j DROP") == 1
    node.space.do("iptables", "-F")
    assert "iptables lacks" in node.ask("verify").stdout
    node.do("apply")
    node.do("verify")
    node.do("remove")
    assert "KVMCLOUD" not in node.space.do("iptables", "-S")


def test_from_the_guides_to_the_full_mode_and_back(node):
    node.do("apply", *node.declared(mode="guide"))
    node.do("apply", *node.declared())
    assert "KVMCLOUD" not in node.space.do("iptables", "-S") and node.protected == FIRST
    node.do("apply", *node.declared(mode="guide"))
    assert "KVMCLOUD" in node.space.do("iptables", "-S") and node.protected == ""


# ---- the service ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harm",
    [("nft", "flush", "ruleset"), ("nft", "delete", "table", "bridge", "kvmcloud")],
    ids=["the whole ruleset is flushed", "our table is deleted"],
)
def test_the_watch_loads_again_what_somebody_takes_away(node, harm):
    node.do("apply", *node.declared())
    watching = node.start("watch")
    try:
        time.sleep(0.6)
        node.space.do(*harm)
        began = time.monotonic()
        until(lambda: node.ask("verify").returncode == 0)
        assert time.monotonic() - began < 5  # by the event: without one it would look after 30 s
    finally:
        watching.terminate()
        told = watching.communicate()[0]
    assert "loaded again: The table bridge kvmcloud is not loaded." in told


def test_the_watch_looks_after_a_bridge_that_is_made_again(node):
    node.do("apply", *node.declared())
    watching = node.start("watch")
    try:
        time.sleep(0.6)
        node.space.links("link del onebr0", "link add onebr0 type bridge")
        assert learns(node)
        until(lambda: not learns(node), 5)
    finally:
        watching.terminate()
        watching.communicate()


def test_the_watch_brings_the_guides_rules_back_after_a_flush_by_iptables(node):
    node.do("apply", *node.declared(mode="guide"))
    watching = node.start("watch")
    try:
        time.sleep(0.6)
        node.space.do("iptables", "-F")
        until(lambda: node.ask("verify").returncode == 0, 5)
    finally:
        watching.terminate()
        watching.communicate()


def test_the_watch_leaves_out_ports_that_other_bridges_get(node):
    if json.loads(node.do("status"))["tells_bridges"]:
        pytest.skip("this kernel tells bridges apart: other bridges are not met at all")
    node.do("apply", *node.declared())
    watching = node.start("watch")
    try:
        time.sleep(0.6)
        node.space.links(
            "link add docker0 type bridge", "link add veth7 type veth peer name c7", "link set veth7 master docker0"
        )
        until(lambda: '"veth7"' in node.rules, 5)
    finally:
        watching.terminate()
        watching.communicate()


@pytest.fixture
def newer(node, monkeypatch):
    """The same program with rules of another wording, as after an upgrade of the collection."""
    source = inspect.getsource
    reworded = ('"IPv6: routing header"', '"IPv6: routing header, of any kind"')
    monkeypatch.setattr(isolation_archive.inspect, "getsource", lambda module: source(module).replace(*reworded))
    path = node.root / "newer"
    path.write_bytes(isolation_archive.archive())
    path.chmod(0o755)
    monkeypatch.undo()
    assert path.read_bytes() != node.program.read_bytes()
    return path


def test_the_watch_leaves_a_trial_of_a_newer_program_alone_and_becomes_that(node, newer):
    node.do("apply", *node.declared(bridges=[BOTH]), "--confirm", "60")
    node.do("confirm")
    watching = node.start("watch")
    node.program = newer
    try:
        time.sleep(0.6)
        node.do("apply", *node.declared(bridges=[BOTH]), "--confirm", "60")
        time.sleep(1.5)
        node.do("verify")
        node.do("confirm")
        node.space.do("nft", "flush", "ruleset")
        until(lambda: node.ask("verify").returncode == 0)
        assert "of any kind" in node.rules
    finally:
        watching.terminate()
        told = watching.communicate()[0]
    assert "going on as the new one" in told and told.count("loaded again") == 1


def test_the_watch_ends_a_trial_that_is_overdue_and_leaves_one_that_is_not(node):
    node.do("apply", *node.declared())
    node.do("apply", *node.declared(**OTHER), "--confirm", "60")
    watching = node.start("watch")
    try:
        time.sleep(0.6)
        assert node.protected == SECOND
    finally:
        watching.terminate()
        watching.communicate()
    node.do("rollback")


# ---- size ----------------------------------------------------------------------------------------------------------


def test_many_networks_load_in_less_than_two_seconds(node):
    guests = [f"10.{64 + i // 128}.{i % 128 * 2}.0/24" for i in range(2000)]
    bridge = {"name": "onebr0", "uplinks": ["eth0"], "guest_networks": guests}
    protected = [f"172.{16 + i // 128}.{i % 128 * 2}.0/24" for i in range(500)]
    declared = node.declared(bridges=[bridge], protected_networks=protected)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    node.do("apply", *declared)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor, as a machine that does other things as well would be judged otherwise.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
    node.do("verify")
