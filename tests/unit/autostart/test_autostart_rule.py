# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule by tables. Times are seconds: a VM was started at 1000 and found gone at 2000."""

from __future__ import annotations

import pytest
from autostart_rule import (
    LEAVE,
    START,
    WAIT,
    Boot,
    Policy,
    Problem,
    Record,
    Vm,
    autostart_of,
    decide,
    follow_up,
    judge,
    parse_vm,
)

POLICY = Policy()
JUST_NOW, LONG_AFTER = 2005, 2901


def record(seq=0, action=44, uid=-1, started=1000, ended=2000):
    return Record(seq, "node1", started, ended, action, uid)


LOST = record()


def vm(*records, state=8, lcm=0, autostart=""):
    return Vm(4, "web", state, lcm, autostart, records or (LOST,))


def boot(time, error=2.0):
    return Boot(time, error)


@pytest.mark.parametrize(
    ("record", "because"),
    [
        (record(action=19, uid=0), "OpenNebula was told so: poweroff by user 0"),
        (record(action=20, uid=3), "poweroff --hard by user 3"),
        (record(action=44, uid=3), "user 3"),
        (record(action=19, uid=-1), "poweroff by user -1"),
        (record(action=11, uid=0), "its start failed: resume by user 0"),
        (record(action=48, uid=0), "action 48"),
    ],
    ids=[
        "onevm poweroff",
        "onevm poweroff --hard",
        "the action of the monitor with a user",
        "an action without a user (a planned one)",
        "a start that failed",
        "an action not known here",
    ],
)
@pytest.mark.parametrize("wish", ["always", "host-failure", ""])
@pytest.mark.parametrize("when", [500, 1500, 2500])
def test_what_opennebula_was_told_is_never_undone(record, because, wish, when):
    decision = decide(vm(record, autostart=wish), boot(when), POLICY, JUST_NOW)
    assert decision.action == LEAVE and because in decision.reason


@pytest.mark.parametrize(
    ("state", "lcm"),
    [(3, 16), (3, 3), (3, 18), (3, 20), (4, 0), (5, 0), (9, 0), (1, 0), (6, 0)],
    ids=["unknown", "runs", "shutting down", "booting", "stopped", "suspended", "undeployed", "pending", "done"],
)
@pytest.mark.parametrize("wish", ["always", ""])
def test_only_poweroff_is_ever_left(state, lcm, wish):
    assert decide(vm(state=state, lcm=lcm, autostart=wish), boot(1500), POLICY, JUST_NOW).action == LEAVE


@pytest.mark.parametrize(
    ("node_booted", "now", "action", "because"),
    [
        (500, JUST_NOW, WAIT, "may be shutting down"),
        (500, 2900, WAIT, "may be shutting down"),
        (500, LONG_AFTER, LEAVE, "ended by itself"),
        (997, LONG_AFTER, LEAVE, "ended by itself"),
        (998, JUST_NOW, START, "undecidable"),
        (1002, JUST_NOW, START, "undecidable"),
        (1003, JUST_NOW, START, "while it ran"),
        (1500, JUST_NOW, START, "while it ran"),
        (1500, LONG_AFTER, START, "while it ran"),
        (2002, JUST_NOW, START, "while it ran"),
        (2003, 2100, START, "undecidable: it was found gone 3 s before node node1 booted"),
        (9000, 9100, START, "undecidable"),
        (None, JUST_NOW, WAIT, "did not say when it booted"),
    ],
    ids=[
        "found gone, node up since before: first it is watched",
        "watched to the last second",
        "the guest switched itself off",
        "the node had booted just before",
        "boot and start at the same time, earlier edge",
        "boot and start at the same time, later edge",
        "the node booted just after the start",
        "the node booted while it ran",
        "the same, decided late",
        "the node reports from its own boot on",
        "the node booted just after: it had stopped its guests",
        "the node booted much later, and was never seen up before",
        "node does not answer",
    ],
)
def test_guest_or_node(node_booted, now, action, because):
    found = judge(LOST, None if node_booted is None else boot(node_booted), POLICY, now)
    assert found.action == action and because in found.reason
    assert decide(vm(), None if node_booted is None else boot(node_booted), POLICY, now) == found


@pytest.mark.parametrize("when", [1000, 2500], ids=["booted when it was started", "booted after it was found gone"])
def test_the_undecidable_follows_the_policy(when):
    assert judge(LOST, boot(when), POLICY._replace(undecidable="leave"), 2600).action == LEAVE
    assert judge(LOST, boot(when), POLICY._replace(undecidable="start"), 2600).action == START


def test_the_policy_of_the_undecidable_touches_nothing_that_is_decided():
    leave = POLICY._replace(undecidable="leave")
    assert judge(LOST, boot(1500), leave, JUST_NOW).action == START
    assert judge(LOST, boot(500), POLICY, LONG_AFTER).action == LEAVE


@pytest.mark.parametrize(
    ("wish", "default", "meant"),
    [
        ("", "host-failure", "host-failure"),
        ("", "never", "never"),
        ("ALWAYS", "never", "always"),
        ("Host_Failure", "never", "host-failure"),
        ("never", "always", "never"),
        ("yes", "never", "host-failure"),
        ("TRUE", "never", "host-failure"),
        ("no", "always", "never"),
        ("false", "always", "never"),
        ("perhaps", "never", "never"),
    ],
)
def test_the_attribute(wish, default, meant):
    assert autostart_of(vm(autostart=wish), POLICY._replace(default=default)) == meant


@pytest.mark.parametrize(
    ("wish", "node_booted", "action"),
    [
        ("never", 1500, LEAVE),
        ("never", 500, LEAVE),
        ("never", None, LEAVE),
        ("always", 500, START),
        ("always", 1500, START),
        ("always", 2500, START),
        ("always", None, WAIT),
    ],
)
@pytest.mark.parametrize("now", [JUST_NOW, LONG_AFTER])
def test_wishes_of_the_vm(wish, node_booted, action, now):
    policy = POLICY._replace(undecidable="leave")
    answer = None if node_booted is None else boot(node_booted)
    assert decide(vm(autostart=wish), answer, policy, now).action == action


def test_a_vm_that_goes_down_again_and_again_stays_down():
    losses = [record(seq, started=1000 + 600 * seq, ended=1500 + 600 * seq) for seq in range(7)]
    assert decide(vm(*losses[:5], autostart="always"), boot(1), POLICY, 5000).action == START
    stopped = decide(vm(*losses[:6], autostart="always"), boot(1), POLICY, 5000)
    assert stopped.action == LEAVE and "6 times within an hour" in stopped.reason
    # Seven in all, and the first of them more than an hour before the last.
    spread = [losses[0]._replace(started=0, ended=losses[5].ended - 3600), *losses[1:6]]
    assert decide(vm(*spread, autostart="always"), boot(1), POLICY, 5000).action == START
    owner = [one._replace(action=19, uid=0) for one in losses[:5]]
    assert decide(vm(*owner, losses[5], autostart="always"), boot(1), POLICY, 5000).action == START


def test_a_vm_that_never_ran():
    assert decide(Vm(4, "web", 8, 0, "always", ()), boot(1500), POLICY, JUST_NOW).action == LEAVE


RETRIED = record(1, action=11, uid=0, started=2010, ended=2015)


@pytest.mark.parametrize(
    ("seen", "action", "because"),
    [
        (vm(), START, "while it ran"),
        (vm(LOST, record(1, action=0, ended=0), state=3, lcm=3), LEAVE, "runs again"),
        (vm(LOST, record(1, action=11, uid=0, ended=0), state=3, lcm=20), WAIT, "is starting"),
        (vm(LOST, RETRIED), START, "while it ran"),
        (vm(LOST, *[RETRIED._replace(seq=n) for n in range(1, 5)]), START, "while it ran"),
        (vm(LOST, *[RETRIED._replace(seq=n) for n in range(1, 6)]), LEAVE, "gave up: 5 starts failed"),
        (vm(LOST, record(1, action=19, uid=3)), LEAVE, "changed meanwhile"),
        (vm(LOST, record(1)), LEAVE, "changed meanwhile"),
        (vm(LOST, RETRIED, record(2, action=19, uid=3)), LEAVE, "changed meanwhile"),
        (vm(LOST, record(1, action=0, ended=0), state=3, lcm=16), LEAVE, "changed meanwhile"),
        (vm(LOST._replace(ended=2001)), LEAVE, "changed meanwhile"),
        (vm(state=6), LEAVE, "not poweroff"),
        (vm(state=3, lcm=16), LEAVE, "may still run"),
        (vm(autostart="never"), LEAVE, "never"),
    ],
    ids=[
        "untouched",
        "runs",
        "is being started",
        "a start failed on the node",
        "four starts failed",
        "five starts failed",
        "its owner started it and switched it off",
        "it was started and went down again: that loss has an entry of its own",
        "a start failed, then its owner started it and switched it off",
        "it was started and is unknown",
        "another loss under the same number",
        "terminated",
        "unknown",
        "its owner has just said never",
    ],
)
def test_a_vm_is_looked_at_again_before_it_is_started(seen, action, because):
    decision = follow_up(seen, LOST, boot(1500), POLICY, JUST_NOW)
    assert decision.action == action and because in decision.reason


def test_losses_after_the_queued_one_do_not_change_the_judgement():
    """After a failed start the node's boot is still held against the stay that was lost, not against the failed one."""
    assert follow_up(vm(LOST, RETRIED), LOST, boot(500), POLICY, LONG_AFTER).action == LEAVE


XML = """<VM><ID>4</ID><NAME><![CDATA[a "b" <c>]]></NAME><STATE>8</STATE><LCM_STATE>0</LCM_STATE>
<USER_TEMPLATE><AUTOSTART><![CDATA[ never ]]></AUTOSTART></USER_TEMPLATE><HISTORY_RECORDS>{}</HISTORY_RECORDS></VM>"""
HISTORY = """<HISTORY><SEQ>{}</SEQ><HOSTNAME>node{}</HOSTNAME><RSTIME>1000</RSTIME><RETIME>2000</RETIME>
<ACTION>44</ACTION><UID>-1</UID></HISTORY>"""


def test_the_last_record_is_the_one_with_the_highest_number():
    parsed = parse_vm(XML.format(HISTORY.format(10, 10) + HISTORY.format(9, 9) + HISTORY.format(2, 2)))
    assert parsed.records[-1] == Record(10, "node10", 1000, 2000, 44, -1)
    assert (parsed.id, parsed.name, parsed.autostart) == (4, 'a "b" <c>', "never")


@pytest.mark.parametrize(
    "text",
    ["", "<VM>", XML.replace("VM>", "HOST>"), "<VM/>", XML.format("<HISTORY/>"), XML.replace("<STATE>8", "<STATE>x")],
    ids=["empty", "cut", "a host", "no state", "a record without times", "a state that is no number"],
)
def test_xml_that_is_no_vm_is_refused_with_a_sentence(text):
    with pytest.raises(Problem, match="the XML of a VM"):
        parse_vm(text)
