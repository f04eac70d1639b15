# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a probe is sent and how long it is waited for; that frames are what they say is proven by packets."""

from __future__ import annotations

import json
import socket
import threading

import isolation_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_probe_guest, isolation_probing
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import declared
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probe_guest import ProbeGuest, forwards
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import NODE, SECOND, Probe
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probing import BridgeProbe, Task

TOKEN = b"<kvmcloud probe 000001>"


class Wire:
    """What is sent comes out at the other end, from a given time on and after a while."""

    def __init__(self, from_time=1, after=0.0):
        self.sent, self.from_time, self.after = 0, from_time, after
        self.far, self._near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, frame):
        self.sent += 1
        if self.sent >= self.from_time:
            threading.Timer(self.after, self._near.send, [frame]).start()


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(isolation_probing, "ARRIVES", 0.5)


@pytest.fixture
def probing():
    declaration = declared(a.given())[0]
    return BridgeProbe(Task(declaration, {}, {}, [], []), declaration.bridges[0])


def tried(probing, wire, allowed, token=TOKEN):
    probe = Probe("it", [b"frame with " + token], SECOND, token, allowed=allowed)
    return probing.tried(probe, wire, {SECOND: [wire.far], NODE: []})


def test_what_has_to_arrive_is_sent_again_and_not_for_ever(probing):
    late, never = Wire(from_time=3), Wire(from_time=99)
    found = tried(probing, late, allowed=True)
    assert found["ok"] and found["name"] == "onebr0: kept: it" and late.sent == 3
    found = tried(probing, never, allowed=True)
    assert not found["ok"] and found["detail"] == "did not arrive" and never.sent == 3


@pytest.mark.parametrize("from_time", [1, 2], ids=["it leaks", "it would leak the second time"])
def test_what_must_not_arrive_is_sent_once(probing, from_time):
    wire = Wire(from_time)
    found = tried(probing, wire, allowed=False)
    assert wire.sent == 1
    assert (found["ok"], found["detail"]) == (
        (False, "reached a guest") if from_time == 1 else (True, "did not arrive")
    )


def test_what_was_there_before_is_no_leak(probing):
    wire = Wire(from_time=99)
    wire._near.send(TOKEN)
    assert tried(probing, wire, allowed=False)["ok"]


def test_where_frames_take_long_a_leak_is_waited_for_longer(probing):
    assert probing.patience == isolation_probing.ARRIVES_NOT
    assert tried(probing, Wire(after=0.1), allowed=True)["ok"]
    assert probing.patience == isolation_probing.AT_LONGEST
    probing.patience = 2.0
    assert not tried(probing, Wire(after=0.1), allowed=False)["ok"]


def test_a_leak_that_came_while_nobody_looked_is_seen(probing, monkeypatch):
    """The process that looks was put aside until after the deadline."""
    probing.patience = -1.0
    wire = Wire()
    monkeypatch.setattr(wire, "send", wire._near.send)
    assert not tried(probing, wire, allowed=False)["ok"]


# ---- throw-away guests -----------------------------------------------------------------------------------------------


def guest(wire, mac="02:00:0a:00:03:fe"):
    made = ProbeGuest.__new__(ProbeGuest)
    made.mac, made.socket = mac, Looped(wire)
    return made


class Looped:
    """Both ends of a wire in one: what is sent is answered by whoever has the address."""

    def __init__(self, wire):
        self.wire, self.family = wire, wire.far.family

    def send(self, request):
        answer = bytearray(request)
        answer[20:22] = b"\0\2"
        answer[22:28], answer[28:32] = bytes.fromhex("525400000001"), request[38:42]
        self.wire.send(bytes(answer))

    def recvfrom(self, *arguments):
        return self.wire.far.recvfrom(*arguments)

    def fileno(self):
        return self.wire.far.fileno()


def test_a_gateway_that_is_slow_to_answer_is_asked_again():
    wire = Wire(from_time=3)
    assert guest(wire).resolves("10.0.3.254", "10.0.3.1", 0.1) == "52:54:00:00:00:01"
    assert wire.sent == 3


def test_an_address_is_free_when_nobody_answered_three_times():
    wire = Wire(from_time=4)
    assert guest(wire).resolves("0.0.0.0", "10.0.3.254", 0.05) == ""
    assert wire.sent == 3


def port(state):
    return json.dumps([{"ifname": "kvmprobe1", "linkinfo": {"info_slave_data": {"state": state}}}])


def test_a_port_is_waited_for_until_the_kernel_lets_its_frames_pass(monkeypatch):
    told = [port("disabled"), port("listening"), port("forwarding")]
    monkeypatch.setattr(isolation_probe_guest, "_ip", lambda *_arguments: told.pop(0))
    made = guest(Wire())
    made.port = "kvmprobe1"
    made._until_it_forwards()
    assert told == []
    assert not forwards(port("blocking")) and not forwards('[{"ifname": "kvmprobe1"}]')


def test_a_port_that_never_forwards_is_told(monkeypatch):
    monkeypatch.setattr(isolation_probe_guest, "_ip", lambda *_arguments: port("disabled"))
    monkeypatch.setattr(isolation_probe_guest, "FORWARDS", 0.05)
    made = guest(Wire())
    made.port = "kvmprobe1"
    with pytest.raises(OSError, match="the port kvmprobe1 does not forward"):
        made._until_it_forwards()
