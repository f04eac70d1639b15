# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as hooks and systemd run it: real processes, with `onevm` and `ssh` of a small cloud in PATH."""

from __future__ import annotations

import ast
import fcntl
import os
import signal
import stat
import subprocess
import time

import pytest
from small_cloud import FAILED_START, PROGRAM, SmallCloud, history, vm_xml, wait_for


@pytest.fixture
def cloud(tmp_path):
    cloud = SmallCloud(tmp_path)
    yield cloud
    cloud.end()


@pytest.mark.parametrize("file", ["autostart_rule.py", "opennebula_autostart.py"])
def test_it_is_python_3_6(file):
    """The system's own interpreter of Enterprise Linux 8 and Ubuntu 18.04."""
    ast.parse(PROGRAM.with_name(file).read_text(), feature_version=(3, 6))


# ---- hooks ---------------------------------------------------------------------------------------------------------


def test_what_its_owner_switched_off_is_told_and_nothing_else(cloud):
    out = cloud.hook(cloud.vm(4, history(action=19, uid=3)))
    assert "vm=4" in out and "decision=leave" in out and "poweroff by user 3" in out
    assert cloud.lines("log/autostart.log") == out.splitlines()
    assert not cloud.calls and not cloud.entries


def test_an_unknown_vm_is_recorded_only(cloud):
    cloud.node(booted=-60)
    out = cloud.hook(cloud.vm(4, history(action=0, ended=0), state=3, lcm=16, autostart="always"))
    assert "decision=leave" in out and "may still run" in out
    assert not cloud.calls and not cloud.entries


def test_a_hook_never_waits_for_a_node(cloud):
    """The hook engine runs ten at a time: what takes long is queued."""
    out = cloud.hook(cloud.vm(4))
    assert "decision=wait" in out
    assert cloud.entries == ["4-0"] and not cloud.calls
    assert stat.S_IMODE(cloud.queue.stat().st_mode) == 0o700


def test_the_vm_may_also_be_an_argument(cloud):
    rc, out, err = cloud.run(cloud.vm(4).decode())
    assert rc == 0 and cloud.entries == ["4-0"], err


def test_many_hooks_at_once_and_one_of_them_twice(cloud):
    given = [cloud.vm(number) for number in range(12)] + [cloud.vm(3)]
    hooks = [(cloud.start(), xml) for xml in given]
    for hook, xml in hooks:
        hook.communicate(xml, timeout=60)
        assert hook.returncode == 0
    assert cloud.entries == sorted(f"{number}-0" for number in range(12))
    assert len(cloud.lines("log/autostart.log")) == 13
    assert all(line.count("decision=") == 1 for line in cloud.lines("log/autostart.log"))


def test_a_name_that_the_locale_cannot_print_is_no_hindrance(cloud):
    hook = cloud.start(locale="ascii")
    out, err = hook.communicate(vm_xml(4).replace("web4", "žluť").encode(), timeout=60)
    assert hook.returncode == 0, err
    assert 'name="žluť"' in out.decode() and cloud.entries == ["4-0"]


def test_hooks_write_one_after_the_other(cloud):
    """Two of one VM write to one file: the second would empty what the first has just put into the queue."""
    cloud.queue.mkdir()
    folder = os.open(cloud.queue, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    hook = cloud.start()
    hook.stdin.write(cloud.vm(4))
    hook.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        hook.wait(timeout=2)
    assert not cloud.entries
    os.close(folder)
    assert hook.wait(timeout=60) == 0 and cloud.entries == ["4-0"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [(b"", "cannot be read"), (b"no base64!", "found neither"), (b"PEhPU1QvPg==", "found <HOST>"), (b"<VM", "read")],
    ids=["nothing", "not base64", "a host", "cut XML"],
)
def test_what_is_no_vm_fails_with_a_sentence(cloud, given, sentence):
    rc, out, err = cloud.run(given=given)
    assert rc == 1 and sentence in err and "Traceback" not in err and not cloud.entries


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"attempts": "many"}, "many"),
        ({"atempts": 3}, "atempts is no setting"),
        ({"default": "sometimes"}, "default is sometimes"),
        ({"undecidable": "wait"}, "undecidable is wait"),
    ],
)
def test_a_wrong_setting_is_named(cloud, settings, sentence):
    cloud.settings(**settings)
    for arguments in ((), ("--work",)):
        rc, out, err = cloud.run(*arguments, given=cloud.vm(4))
        assert rc == 1 and sentence in err and str(cloud.config) in err and "Traceback" not in err


def test_a_log_that_cannot_be_written_keeps_nothing_from_being_started(cloud):
    cloud.settings(log=cloud.root / "nowhere/autostart.log")
    cloud.node(booted=-60)
    rc, out, err = cloud.run(given=cloud.vm(4, after_resume=cloud.runs(4)))
    assert rc == 0 and "nowhere/autostart.log" in err
    cloud.work()
    assert cloud.lines("resumed") == ["4"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be a stranger to another user's directory")
@pytest.mark.parametrize("arguments", [(), ("--work",)], ids=["hook", "worker"])
def test_root_does_not_leave_files_that_oneadmin_cannot_use(cloud, arguments):
    os.chown(cloud.root / "lib", 65534, 65534)
    rc, out, err = cloud.run(*arguments, given=cloud.vm(4))
    assert rc == 1 and "oneadmin" in err
    assert not cloud.entries and not cloud.lines("log/autostart.log")


# ---- the worker ----------------------------------------------------------------------------------------------------


def test_a_vm_that_went_down_with_its_node_is_started_once_and_seen_to_run(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    out = cloud.work()
    assert cloud.calls == ["ssh node1", "onevm show -x 4", "onevm resume 4", "ssh node1", "onevm show -x 4"]
    assert "decision=start" in out and "while it ran" in out and "runs again" in out
    assert not cloud.entries


@pytest.mark.parametrize("ahead", [-7200, -30, 0, 30, 7200])
@pytest.mark.parametrize(("booted", "starts"), [(-60, True), (-6000, False)], ids=["node rebooted", "guest ended"])
def test_the_clock_of_the_node_does_not_matter(cloud, ahead, booted, starts):
    cloud.settings(observe_seconds=0)
    cloud.node(booted=booted, ahead=ahead)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    cloud.work()
    assert bool(cloud.lines("resumed")) == starts
    assert not cloud.entries


def test_the_boot_time_is_taken_for_no_more_exact_than_it_is(cloud):
    """Whole seconds on both sides: a VM that was started in the second of the boot cannot have been lost by it."""
    cloud.settings(undecidable="leave")
    cloud.node(booted=-2999)
    cloud.hook(cloud.vm(4, history(started=-3000)))
    assert "undecidable: node node1 booted when it was started" in cloud.work()
    assert not cloud.lines("resumed")


@pytest.mark.parametrize(
    "now",
    [{"state": 6}, {"state": 3, "lcm": 16}, {"autostart": "never"}],
    ids=["terminated", "unknown", "its owner has just said never"],
)
def test_its_state_is_asked_again_before_it_is_started(cloud, now):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4))
    cloud.vm(4, **now)
    cloud.work()
    assert cloud.calls == ["ssh node1", "onevm show -x 4"] and not cloud.entries


def test_a_vm_that_its_owner_switched_on_and_off_meanwhile_stays_off(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4))
    cloud.vm(4, history(), history(1, action=19, uid=3))
    assert "changed meanwhile" in cloud.work()
    assert not cloud.lines("resumed") and not cloud.entries


def test_a_vm_that_is_gone_is_forgotten(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4))
    (cloud.root / "vm4").unlink()
    assert "no such VM" in cloud.work()
    assert not cloud.entries


def test_each_node_is_asked_once_however_many_vms_it_had(cloud):
    for number in range(8):
        cloud.hook(cloud.vm(number, history(node=f"node{number % 2}"), after_resume=cloud.runs(number)))
    cloud.node("node0", booted=-60)
    cloud.node("node1", booted=-60)
    cloud.work()
    assert sorted(cloud.lines("resumed")) == [str(number) for number in range(8)]
    assert sorted(call for call in cloud.calls if call.startswith("ssh")) == ["ssh node0"] * 2 + ["ssh node1"] * 2


def test_a_node_that_does_not_answer_is_waited_for_and_oned_left_alone(cloud):
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    worker = cloud.start("--work")
    wait_for(lambda: cloud.calls.count("ssh node1") >= 2)
    assert not [call for call in cloud.calls if call.startswith("onevm")]
    cloud.node(booted=-60)
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0 and cloud.lines("resumed") == ["4"] and not cloud.entries
    waits = [line for line in out.decode().splitlines() if "No route to host" in line]
    assert len(waits) == 1, "the same is told once"


def test_a_node_that_never_comes_back_is_given_up(cloud):
    cloud.settings(give_up_seconds=1)
    cloud.hook(cloud.vm(4))
    out = cloud.work()
    assert "gave up: node node1 did not say when it booted" in out and not cloud.entries


def test_what_was_forgotten_in_the_queue_is_not_started_weeks_later(cloud):
    cloud.settings(give_up_seconds=0)
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4))
    cloud.work()
    assert not cloud.lines("resumed") and not cloud.entries


def test_an_oned_that_does_not_answer_is_waited_for(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    cloud.switch("oned-is-down")
    worker = cloud.start("--work")
    wait_for(lambda: "onevm show -x 4" in cloud.calls)
    time.sleep(0.2)
    cloud.switch("oned-is-down", on=False)
    out, err = worker.communicate(timeout=60)
    assert b"could not be read: Failed to open TCP connection" in out
    assert cloud.lines("resumed") == ["4"] and not cloud.entries


def test_a_resume_that_is_refused_is_tried_again_with_growing_pauses_and_then_given_up(cloud):
    cloud.settings(attempts=2)
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4))
    cloud.switch("resume-fails")
    begin = time.monotonic()
    out = cloud.work()
    assert cloud.calls.count("onevm resume 4") == 2
    assert time.monotonic() - begin >= 2 + 4, "pauses double"
    assert "gave up: 2 attempts" in out and not cloud.entries


def test_a_start_that_fails_on_the_node_is_tried_again(cloud):
    """oned accepts the resume, the node cannot: the VM is in poweroff again, with a record of the failed start."""
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=vm_xml(4, history(), FAILED_START)))
    worker = cloud.start("--work")
    wait_for(lambda: cloud.lines("resumed") == ["4"])
    (cloud.root / "vm4.next").write_text(cloud.runs(4))
    worker.communicate(timeout=60)
    assert cloud.lines("resumed") == ["4", "4"] and not cloud.entries


def test_a_resume_without_effect_is_not_repeated_for_ever(cloud):
    cloud.settings(attempts=2)
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4))
    assert "gave up: 2 attempts" in cloud.work()
    assert cloud.lines("resumed") == ["4", "4"] and not cloud.entries


@pytest.mark.parametrize(("policy", "resumed"), [("start", ["4"]), ("leave", [])])
def test_a_node_that_stopped_its_guests_before_it_went_down(cloud, policy, resumed):
    """Poweroff comes while the node is still up: it is watched through its shutdown until it is back."""
    cloud.settings(undecidable=policy)
    cloud.node(booted=-90000)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    worker = cloud.start("--work")
    wait_for(lambda: cloud.calls.count("ssh node1") >= 2)
    assert not cloud.lines("resumed")
    cloud.node(booted=None)
    seen = len(cloud.calls)
    wait_for(lambda: len(cloud.calls) > seen)
    cloud.node(booted=0)
    out, err = worker.communicate(timeout=60)
    assert b"undecidable" in out and cloud.lines("resumed") == resumed and not cloud.entries


def test_a_guest_that_ended_by_itself_is_left_when_the_node_was_watched(cloud):
    cloud.settings(observe_seconds=22)  # it was found gone 20 s ago
    cloud.node(booted=-90000)
    cloud.hook(cloud.vm(4))
    out = cloud.work()
    assert "may be shutting down" in out and "ended by itself" in out
    assert not cloud.lines("resumed") and not cloud.entries


def test_always_is_started_although_its_node_is_up(cloud):
    cloud.node(booted=-90000)
    cloud.hook(cloud.vm(4, autostart="always", after_resume=cloud.runs(4)))
    cloud.work()
    assert cloud.lines("resumed") == ["4"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"half": ',
        b"\xff\xfe\x00\x80",
        b'[4, "web4", 1.0, [0, "node1", "soon", "later", 44, -1]]',
        b'[4, "web4", 1.0, [0, "node1"]]',
        b'[Infinity, "web4", 1.0, [0, "node1", 1, 2, 44, -1]]',
    ],
    ids=["half", "no text", "no times", "too short", "no number"],
)
def test_what_is_no_entry_is_removed_and_hinders_no_other(cloud, content):
    """A file that stays would have systemd start the worker for ever."""
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    (cloud.queue / "3-0").write_bytes(content)
    rc, out, err = cloud.run("--work")
    assert rc == 0 and "is no entry" in err and not cloud.entries
    assert cloud.lines("resumed") == ["4"]


# ---- several workers, killed workers -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
def test_what_is_no_file_is_put_aside_and_hinders_no_other(cloud, make):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    make(cloud.queue / "0-stray")
    rc, _out, err = cloud.run("--work")
    assert rc == 0 and "0-stray is no entry of this queue and is put aside" in err
    assert cloud.lines("resumed") == ["4"]
    assert [name[:9] for name in cloud.entries] == [".0-stray."]


def test_two_workers_start_each_vm_once(cloud):
    cloud.node(booted=-60)
    for number in range(10):
        cloud.hook(cloud.vm(number, after_resume=cloud.runs(number)))
    workers = [cloud.start("--work") for _ in range(3)]
    for worker in workers:
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
    assert sorted(cloud.lines("resumed"), key=int) == [str(number) for number in range(10)]
    assert not cloud.entries


def test_a_vm_that_one_worker_has_is_left_alone_by_another(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    cloud.switch("resume-hangs")
    first = cloud.start("--work")
    wait_for(lambda: cloud.lines("hanging"))
    cloud.hook(cloud.vm(5))
    cloud.vm(5, state=6)
    assert cloud.entries == ["4-0", "5-0"]
    second = cloud.start("--work")
    wait_for(lambda: cloud.entries == ["4-0"])  # the second has done the other one, and has not waited for the first
    time.sleep(2.5)  # more than two of its looks
    assert cloud.calls.count("onevm show -x 4") == 1, "it is locked"
    assert second.poll() is None, "it looks again what becomes of it"
    cloud.switch("resume-hangs", on=False)
    os.kill(int(cloud.lines("hanging")[0]), signal.SIGKILL)
    for worker in (first, second):
        worker.communicate(timeout=60)
    assert cloud.lines("resumed") == ["4"] and not cloud.entries


def test_a_worker_that_was_killed_in_the_middle_leaves_all_to_the_next(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    cloud.switch("resume-hangs")
    worker = cloud.start("--work", start_new_session=True)
    wait_for(lambda: cloud.lines("hanging"))
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert cloud.entries == ["4-0"]
    cloud.switch("resume-hangs", on=False)
    cloud.work()
    assert cloud.lines("resumed") == ["4"] and not cloud.entries


def test_a_worker_that_was_killed_after_the_resume_does_not_resume_again(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    worker = cloud.start("--work", start_new_session=True)
    wait_for(lambda: cloud.lines("resumed"))
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert cloud.entries == ["4-0"]
    cloud.work()
    assert cloud.lines("resumed") == ["4"] and not cloud.entries


def test_a_hook_that_was_killed_while_it_wrote_damages_nothing(cloud):
    cloud.node(booted=-60)
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    (cloud.queue / "4-0").rename(cloud.queue / ".4-0")
    (cloud.queue / ".4-0").write_text('[4, "we')
    cloud.work()
    assert not cloud.lines("resumed") and cloud.entries == [".4-0"], "half an entry is none, and is being written"
    cloud.hook(cloud.vm(4, after_resume=cloud.runs(4)))
    cloud.work()
    assert cloud.lines("resumed") == ["4"] and not cloud.entries


# ---- dry run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("booted", "said"),
    [(-60, "start: node node1 booted"), (-6000, "wait: node node1 has not booted since"), (0, "start: undecidable")],
)
def test_a_dry_run_decides_about_a_saved_vm_and_does_nothing(cloud, booted, said):
    saved = cloud.root / "saved"
    for content in (cloud.vm(4), vm_xml(4).encode()):
        saved.write_bytes(content)
        rc, out, err = cloud.run("--dry-run", str(saved), "--boot-time", str(int(time.time()) + booted))
        assert rc == 0 and out.startswith(said), (out, err)
    assert not cloud.calls and not cloud.entries and not cloud.lines("log/autostart.log")


def test_a_dry_run_without_a_boot_time_asks_the_node_and_nobody_else(cloud):
    saved = cloud.root / "saved"
    saved.write_bytes(cloud.vm(4))
    assert "No route to host" in cloud.run("--dry-run", str(saved))[1]
    cloud.node(booted=-60)
    assert cloud.run("--dry-run", str(saved))[1].startswith("start: ")
    assert cloud.calls == ["ssh node1"] * 2
    saved.write_bytes(cloud.vm(4, history(action=19, uid=0)))
    assert cloud.run("--dry-run", str(saved))[1].startswith("leave: OpenNebula was told so")
    assert cloud.calls == ["ssh node1"] * 2
