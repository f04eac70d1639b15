# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that tries and takes back, on a small host: files are real, the kernel and systemd are a dictionary."""

from __future__ import annotations

import ast
import inspect
import json
import socket
import struct
import sys
import threading

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import netplan_trial
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_trial import (
    APPLIED,
    ARMED,
    CONFIRMING,
    FOUND,
    RECORD,
    ROLLING_BACK,
    apply,
    decide,
    record_of,
    rollback,
)

NAME = "0123456789ab"


class SmallHost:
    """What commands change: links, addresses, masters, routes. `heals` is the command that brings the former back."""

    def __init__(self, heals="netplan apply"):
        self.heals = heals
        self.commands, self.seconds = [], {}
        self.links = {}
        self.returncode = self.looks = 0
        self.trial()

    def trial(self):
        self.links = {
            "eth0": {"up": True, "master": "br0", "addresses": []},
            "br0": {"up": True, "addresses": ["10.0.0.1/16"]},
        }
        self.routes = [("default", "10.0.0.254", "br0")]

    def former(self):
        self.links["eth0"] = {"up": True, "master": None, "addresses": ["10.0.0.1/16"]}
        self.routes = [("default", "10.0.0.254", "eth0")]

    def __call__(self, argv, seconds=None):
        text = " ".join(argv)
        self.seconds[text] = seconds
        self.commands.append(text)
        if text == self.heals:
            self.former()
        if text == "netplan apply":
            return self.returncode, "it said so"
        if text == "ip -brief address show":
            return 0, "".join(f"{name}: {' '.join(link['addresses'])}\n" for name, link in self.links.items())
        if text == "networkctl reconfigure br0":
            self.links["br0"]["leased"] = True
        if text == "ip -json address show":
            self.looks += 1
            return 0, json.dumps([self.as_ip_says(name, link) for name, link in self.links.items()])
        if text == "ip -json -details address show":
            return 0, json.dumps([self.as_ip_says(name, link) for name, link in self.links.items()])
        if text == "ip -json -4 route show":
            return 0, json.dumps([self.hops(to) for to in dict.fromkeys(to for to, _via, _dev in self.routes)])
        if argv[:3] == ["ip", "link", "delete"]:
            self.links.pop(argv[-1], None)
        if argv[:3] == ["ip", "address", "add"]:
            self.links[argv[-1]]["addresses"].append(argv[3])
        if argv[:3] == ["ip", "route", "add"]:
            self.routes.append((argv[3], argv[5], argv[7]))
        if argv[:3] == ["ip", "link", "set"] and argv[-1] == "nomaster":
            self.links[argv[4]]["master"] = None
        if argv[:3] == ["ip", "link", "set"] and argv[-1] in ("up", "down"):
            self.links[argv[4]]["up"] = argv[-1] == "up"
        return 0, ""

    def hops(self, to):
        """A route by several routers is one to `ip`."""
        hops = [{"gateway": via, "dev": dev} for one, via, dev in self.routes if one == to]
        return {"dst": to, **hops[0]} if len(hops) == 1 else {"dst": to, "nexthops": hops}

    @staticmethod
    def as_ip_says(name, link):
        pairs = [one.split("/") for one in link["addresses"]]
        found = {
            "ifname": name,
            "address": "52:54:00:00:00:01",
            "flags": ["UP"] if link["up"] else [],
            "addr_info": [
                {"family": "inet", "local": address, "prefixlen": int(length), "dynamic": link.get("leased", False)}
                for address, length in pairs
            ],
        }
        return {**found, "master": link["master"]} if link.get("master") else found


@pytest.fixture
def trial(tmp_path):
    """A trial that is armed: a bridge with the address of the card."""
    directory = tmp_path / "trial"
    directory.mkdir()
    saved = {"up": True, "master": None, "mtu": 1500, "bridge": [], "addresses": ["10.0.0.1/16"]}
    record = {
        "id": NAME,
        "deadline": netplan_trial.now() + 60,
        "files": {
            str(tmp_path / "run/60.yaml"): ["the new network", 0o600],
            str(tmp_path / "run/d/x.conf"): ["x", 0o644],
        },
        "before": [["link", "delete", "dev", "gone"]],
        "after": [["address", "delete", "10.0.0.1/16", "dev", "eth0"]],
        "leased": [],
        "anew": False,
        "undo": [["link", "delete", "dev", "br0"]],
        "kept": [],
        "saved": {"links": {"eth0": saved}, "routes": [["default", "10.0.0.254", "eth0"]], "foreign": []},
    }
    (directory / RECORD).write_text(json.dumps(record))
    (directory / ARMED).touch()
    return directory


def run(action, trial, host, **more):
    return action(NAME, str(trial), host, **more)


def no_wait(_seconds):
    pass


def test_the_program_needs_python_alone():
    """It runs where no collection is installed, from a copy of this one file."""
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(inspect.getsource(netplan_trial)))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names)


def test_a_trial_is_applied(trial, tmp_path):
    host = SmallHost()
    run(apply, trial, host)
    assert host.commands == [
        "ip link delete dev gone",
        "netplan apply",
        "ip address delete 10.0.0.1/16 dev eth0",
    ]
    assert (tmp_path / "run/60.yaml").read_text() == "the new network"
    assert (tmp_path / "run/60.yaml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "run/d/x.conf").stat().st_mode & 0o777 == 0o644  # systemd-networkd is not root
    assert json.loads((trial / APPLIED).read_text())["returncode"] == 0
    assert (trial / ARMED).exists()


def with_more(trial, **more):
    record = json.loads((trial / RECORD).read_text())
    (trial / RECORD).write_text(json.dumps({**record, **more}))
    return trial


def test_what_is_made_anew_is_forgotten_by_networkd_on_the_way_there_and_back(trial):
    host = SmallHost()
    run(apply, with_more(trial, anew=True), host)
    assert host.commands[:4] == [
        "ip link delete dev gone",
        "netplan generate",
        "systemctl restart systemd-networkd.service",
        "netplan apply",
    ]
    host.commands.clear()
    run(rollback, trial, host, wait=no_wait)
    undo = host.commands.index("ip link delete dev br0")
    assert host.commands[undo + 1 : undo + 4] == [
        "netplan generate",
        "systemctl restart systemd-networkd.service",
        "netplan apply",
    ]


@pytest.fixture
def by_dhcp(trial):
    return with_more(trial, leased=["br0"])


def test_a_lease_that_got_lost_is_asked_for_once_more(by_dhcp):
    """The static address that the bridge has is none."""
    host = SmallHost()
    run(apply, by_dhcp, host, wait=no_wait)
    assert host.commands.count("networkctl reconfigure br0") == 1
    assert host.looks == netplan_trial.LEASE_SECONDS / 0.5


def test_a_lease_that_comes_is_left_alone(by_dhcp):
    host = SmallHost()

    def comes(_seconds):
        host.links["br0"]["leased"] = host.looks >= 3

    run(apply, by_dhcp, host, wait=comes)
    assert host.looks == 4 and not any(one.startswith("networkctl reconfigure") for one in host.commands)


def test_a_netplan_that_hangs_is_ended_in_time_for_the_rollback(trial, tmp_path):
    host = SmallHost()
    run(apply, trial, host)
    assert 50 < host.seconds["netplan apply"] <= 60
    returncode, output = netplan_trial.run(["sleep", "60"], 0.1)
    assert returncode == 1 and "timed out" in output


def test_what_netplan_cannot_apply_is_rolled_back_at_once(trial, tmp_path):
    host = SmallHost()
    host.returncode = 1
    run(apply, trial, host)
    assert not trial.exists()
    assert "it said so" in (tmp_path / "trial.last" / APPLIED).read_text()
    assert not (tmp_path / "run/60.yaml").exists()


def test_a_rollback_takes_back_files_and_links_and_gives_the_lock_free(trial, tmp_path):
    host = SmallHost()
    run(apply, trial, host)
    run(rollback, trial, host, wait=no_wait)
    assert not (tmp_path / "run/60.yaml").exists()
    assert "br0" not in host.links
    assert host.links["eth0"]["addresses"] == ["10.0.0.1/16"]
    assert not trial.exists()
    assert (tmp_path / "trial.last" / ROLLING_BACK).exists()
    assert f"systemctl stop kvmcloud-netplan-{NAME}-rollback.timer" in host.commands
    assert "systemctl restart systemd-networkd.service" not in host.commands


def test_before_a_rollback_the_host_writes_down_what_it_sees(trial, tmp_path):
    """Nobody else may have seen the network that cut the host off."""
    run(rollback, trial, SmallHost(), wait=no_wait)
    assert "br0: 10.0.0.1/16\n" in (tmp_path / "trial.last" / FOUND).read_text()


def test_a_full_disk_does_not_keep_the_former_network_away(trial, monkeypatch):
    def full(*_arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(netplan_trial, "write", full)
    host = SmallHost()
    run(rollback, trial, host, wait=no_wait)
    assert host.links["eth0"]["addresses"] == ["10.0.0.1/16"]


def test_a_route_by_several_routers_is_not_missing(trial):
    record = json.loads((trial / RECORD).read_text())
    record["saved"]["routes"].append(["default", "10.0.0.253", "eth0"])
    (trial / RECORD).write_text(json.dumps(record))
    host = SmallHost()
    host.former = lambda: (SmallHost.former(host), host.routes.append(("default", "10.0.0.253", "eth0")))
    run(rollback, trial, host, wait=no_wait)
    assert "systemctl restart systemd-networkd.service" not in host.commands


def test_where_netplan_does_not_bring_the_former_back_the_daemon_is_restarted(trial):
    host = SmallHost(heals="systemctl restart systemd-networkd.service")
    run(rollback, trial, host, wait=no_wait)
    assert host.links["eth0"]["addresses"] == ["10.0.0.1/16"]
    assert not any(command.startswith("ip address add") for command in host.commands)


def test_a_link_that_was_down_is_put_down_at_once_and_no_daemon_restarted_for_it(trial):
    """netplan says nothing of it any more, and leaves it in the bridge and up."""
    record = json.loads((trial / RECORD).read_text())
    record["saved"]["links"]["eth1"] = {"up": False, "master": None, "mtu": 1500, "bridge": [], "addresses": []}
    (trial / RECORD).write_text(json.dumps(record))
    host = SmallHost()
    host.links["eth1"] = {"up": True, "master": "br0", "addresses": []}
    run(rollback, trial, host, wait=no_wait)
    assert host.links["eth1"] == {"up": False, "master": None, "addresses": []}
    assert "systemctl restart systemd-networkd.service" not in host.commands


def test_where_nothing_else_helps_addresses_and_routes_are_set_by_hand(trial):
    host = SmallHost(heals="no command at all")
    run(rollback, trial, host, wait=no_wait)
    assert host.links["eth0"] == {"up": True, "master": None, "addresses": ["10.0.0.1/16"]}
    assert ("default", "10.0.0.254", "eth0") in host.routes


@pytest.mark.parametrize(("first", "second"), [(CONFIRMING, ROLLING_BACK), (ROLLING_BACK, CONFIRMING)])
def test_confirmation_and_rollback_exclude_each_other(trial, first, second):
    assert decide(str(trial), first)
    assert not decide(str(trial), second)
    assert decide(str(trial), first)  # one that was cut off is taken up again


def test_what_was_confirmed_is_not_rolled_back(trial):
    host = SmallHost()
    assert decide(str(trial), CONFIRMING)
    run(rollback, trial, host, wait=no_wait)
    assert host.commands == []
    assert trial.exists()


def test_a_rollback_that_was_killed_is_taken_up_again(trial, tmp_path):
    decide(str(trial), ROLLING_BACK)
    host = SmallHost()
    run(rollback, trial, host, wait=no_wait)
    assert host.links["eth0"]["addresses"] == ["10.0.0.1/16"]
    assert record_of(str(tmp_path / "trial.last"))["id"] == NAME


def test_a_rollback_waits_for_the_end_of_a_slow_apply(trial):
    """What an apply does last would otherwise be done to the network that was just brought back."""
    host, order = SmallHost(), []

    def slow(argv, _seconds=None):
        order.append(argv)
        if argv == ["netplan", "apply"] and len(order) == 2:
            timer.start()
            timer.join(0.3)
        return host(argv)

    timer = threading.Thread(target=run, args=(rollback, trial, slow), kwargs={"wait": no_wait})
    run(apply, trial, slow)
    timer.join()
    assert order.index(["ip", "address", "delete", "10.0.0.1/16", "dev", "eth0"]) == 2
    assert host.links["eth0"]["addresses"] == ["10.0.0.1/16"]


@pytest.mark.parametrize("action", [apply, rollback])
def test_the_timer_of_another_trial_does_nothing_to_this_one(trial, action):
    host = SmallHost()
    action("ba9876543210", str(trial), host)
    assert host.commands == []
    assert (trial / ARMED).exists()


def test_a_trial_that_is_over_is_not_applied(trial):
    decide(str(trial), ROLLING_BACK)
    host = SmallHost()
    run(apply, trial, host)
    assert host.commands == []


# -- addresses that others put on links

FLOATING, FIXED, SIX = (
    ["eth9", "10.9.0.99/32", False],  # told by no file
    ["eth9", "10.9.0.1/24", True],
    ["eth9", "fd00::9/64", False],
)


class Neighbours:
    """Other hosts on the wire, and what they were asked."""

    def __init__(self, *addresses):
        self.addresses, self.asked = set(addresses), []

    def __call__(self, asked):
        self.asked += [address for _device, _mac, address in asked]
        return self.addresses & {address for _device, _mac, address in asked}


def flushed():
    """A host whose daemon dropped what others had put on a link."""
    host = SmallHost(heals="never")
    host.links["eth9"] = {"up": True, "addresses": []}
    return host


@pytest.mark.parametrize(
    ("lost", "neighbours", "there", "asked"),
    [
        ([FLOATING], Neighbours(), ["10.9.0.99/32"], ["10.9.0.99"]),
        ([FLOATING], Neighbours("10.9.0.99"), [], ["10.9.0.99"]),  # the leadership has moved on
        ([FIXED], Neighbours("10.9.0.1"), ["10.9.0.1/24"], []),  # its file says whose it is
        ([SIX], Neighbours(), ["fd00::9/64"], []),  # the kernel asks by itself
        ([["gone", "10.9.0.7/24", True]], Neighbours(), [], []),
        ([["eth9", "10.0.0.1/32", False]], Neighbours(), [], []),  # on another link by now
    ],
)
@pytest.mark.parametrize("action", [apply, rollback])
def test_addresses_of_others_are_put_back(trial, action, lost, neighbours, there, asked):
    record = json.loads((trial / RECORD).read_text())
    record = {**record, "after": [], "undo": [], "kept": lost, "saved": {"links": {}, "routes": [], "foreign": lost}}
    (trial / RECORD).write_text(json.dumps(record))
    host = flushed()
    neighbours.asked.clear()
    run(action, trial, host, wait=no_wait, ask=neighbours)
    assert host.links["eth9"]["addresses"] == there
    assert neighbours.asked == asked  # once


def test_routes_of_addresses_of_others_need_no_stronger_means(trial):
    """What was set by hand comes back by no restart, and its route not before it."""
    record = json.loads((trial / RECORD).read_text())
    routes = [["default", "10.9.0.254", "eth9"]]
    (trial / RECORD).write_text(
        json.dumps({**record, "undo": [], "saved": {"links": {}, "routes": routes, "foreign": [FLOATING]}})
    )
    host = flushed()

    def by_hand(_seconds):
        if host.links["eth9"]["addresses"]:
            host.routes = [tuple(routes[0])]

    run(rollback, trial, host, wait=by_hand, ask=Neighbours())
    assert not any(one.startswith("systemctl restart") for one in host.commands)


def test_what_a_daemon_drops_later_is_put_back_too(trial):
    host = flushed()
    drops = [1]

    def later(_seconds):
        if drops and not drops.clear():
            host.links["eth9"]["addresses"].clear()

    run(apply, with_more(trial, kept=[FIXED]), host, wait=later, ask=Neighbours())
    assert host.links["eth9"]["addresses"] == ["10.9.0.1/24"] and not drops


def test_nobody_is_asked_over_a_tunnel(trial):
    host = flushed()
    said = host.as_ip_says
    host.as_ip_says = lambda name, link: {**said(name, link), "address": "10.7.7.7"}
    neighbours = Neighbours("10.9.0.99")
    run(apply, with_more(trial, kept=[FLOATING]), host, wait=no_wait, ask=neighbours)
    assert host.links["eth9"]["addresses"] == ["10.9.0.99/32"] and neighbours.asked == []


MINE, THEIRS = "52:54:00:00:00:01", "52:54:00:00:00:02"


def arp(mac, address, kind=2):
    """A packet as it comes, with what Ethernet adds."""
    there = socket.inet_aton(address)
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, kind, bytes.fromhex(mac.replace(":", "")), there, b"", there)


class Wire:
    """A raw socket: `comes` is what is on the wire, by device."""

    def __init__(self, *comes):
        self.comes, self.sent, self.clock = list(comes), [], [0.0]

    def __call__(self, *_arguments):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_arguments):
        pass

    def settimeout(self, seconds):
        self.seconds = seconds

    def sendto(self, packet, target):
        self.sent.append((packet, target))

    def recvfrom(self, _size):
        if self.comes:
            device, packet = self.comes.pop(0)
            return packet, (device, 0x0806)
        self.clock[0] += self.seconds
        raise socket.timeout


@pytest.mark.parametrize(
    ("comes", "found"),
    [
        ([], set()),
        ([("eth0", arp(THEIRS, "10.0.0.9"))], {"10.0.0.9"}),
        ([("eth0", arp(THEIRS, "10.0.0.9", kind=1))], {"10.0.0.9"}),  # who asks from it has it
        ([("eth0", arp(THEIRS, "10.0.0.8"))], set()),
        ([("eth1", arp(THEIRS, "10.0.0.9"))], set()),
        ([("eth0", arp(MINE, "10.0.0.9"))], set()),
        ([("eth0", b"short")], set()),
    ],
)
def test_an_arp_probe(monkeypatch, comes, found):
    wire = Wire(*comes)
    monkeypatch.setattr(netplan_trial.socket, "socket", wire)
    monkeypatch.setattr(netplan_trial.time, "monotonic", lambda: wire.clock[0])
    assert netplan_trial.answered([("eth0", MINE, "10.0.0.9")]) == found
    assert wire.clock[0] == pytest.approx(1.0)  # so long for any number of addresses
    assert len(wire.sent) == 2
    packet, (device, protocol, *_rest, everybody) = wire.sent[0]
    assert (device, protocol, everybody) == ("eth0", 0x0806, b"\xff" * 6)
    mine = bytes.fromhex(MINE.replace(":", ""))
    # a question (1) that names no sender (RFC 5227), so that nobody takes it for an answer
    assert packet[6:] == b"\0\1" + mine + bytes(4) + bytes(6) + socket.inet_aton("10.0.0.9")
