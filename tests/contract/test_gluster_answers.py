# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every captured answer of the real gluster command is judged as what it was."""

from __future__ import annotations

import pytest
from gluster_captures import Call, calls, op_ret, twins

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_errors import Answer, done_already, judge

# What did not do what it was asked for, by name; the XML twin of each is meant as well. All others did.
KINDS = {
    "refused": """
        peer-probe-unresolvable peer-probe-unreachable peer-probe-glusterd-down volume-create-probe-in-flight
        peer-detach-nomode-plain peer-detach-self peer-probe-other-cluster volume-create-right-after-probe
        volume-create-replica2-nomode-plain volume-create-replica2-nomode-n-plain volume-create-exists
        volume-stop-not-started-nomode-plain volume-delete-started volume-stop-nomode-plain
        volume-create-brick-reuse volume-create-brick-reuse-remote-first volume-create-brick-prefix-reuse
        volume-create-stripe-replica volume-create-stripe volume-create-no-bricks volume-create-bad-name
        volume-create-name-volume volume-create-relative-brick volume-create-brick-count volume-create-dup-brick
        volume-create-wrong-order volume-create-wrong-order-plain volume-create-wrong-order-replica3-plain
        volume-create-rootfs volume-create-rootfs-remote volume-create-mountpoint volume-create-mountpoint-plain
        volume-create-missing-parent-force volume-create-disperse-4-xml volume-create-disperse-4-plain
        volume-create-disperse-bad volume-set-bad-key volume-set-bad-value volume-set-bad-bool
        volume-set-bad-group volume-get-bad volume-reset-bad add-brick-wrong-count add-brick-existing
        rebalance-replicate-only remove-brick-wrong-count remove-brick-not-in-volume
        remove-brick-commit-before-start remove-brick-commit-in-progress remove-brick-commit-xml
        remove-brick-commit-again add-brick-reuse-removed rebalance-start-during-remove add-brick-during-remove
        remove-brick-force-xml add-brick-replica4-xml remove-brick-reduce-replica-no-force remove-brick-last
        replace-brick-no-commit-force replace-brick-missing-source-xml replace-brick-distribute
        reset-brick-commit reset-brick-commit-force-xml quota-limit-bad-path quota-disable-nomode-plain
        volume-heal-distribute peer-detach-with-bricks peer-detach-with-bricks-force snapshot-create-no-thin
        volume-rename unknown-command bitrot-status heal-resolve-latest-mtime-xml heal-resolve-missing-file
        heal-resolve-bad-brick heal-resolve-bad-policy heal-resolve-metadata-bigger heal-resolve-by-gfid
        heal-trigger-shd-off heal-resolve-latest-mtime-ctime-on volume-create-host-down volume-delete-host-down
        peer-detach-host-down peer-detach-host-down-force remove-brick-host-down volume-create-on-rejected-peer
        peer-detach-rejected volume-delete-ghost
    """,
    "unreachable": """
        cli-glusterd-down cli-glusterd-down-volinfo
    """,
    "in flight": """
        peer-status-probe-in-flight-0 peer-status-probe-in-flight-1 peer-status-probe-in-flight-xml
        pool-list-probe-in-flight-xml peer-status-probe-in-flight-2 peer-status-probe-in-flight-3
    """,
    "absent": """
        peer-detach-not-peer peer-detach-unknown volume-info-nonexistent volume-status-nonexistent
        volume-start-nonexistent volume-stop-nonexistent volume-delete-nonexistent heal-info-nonexistent
        volume-set-nonexistent add-brick-nonexistent volume-info-ghost-on-gs2
    """,
    "stopped": """
        volume-status-created volume-status-mixed-created volume-heal-not-started
        volume-heal-trigger-not-started volume-profile volume-status-ghost
    """,
    "settled": """
        volume-stop-not-started volume-start-again rebalance-start-again quota-list-disabled quota-enable-xml
        quota-disable-xml heal-resolve-bigger-file-again heal-resolve-not-split volume-stop-host-down-xml
    """,
    "empty": """
        rebalance-status-none rebalance-stop-idle-xml remove-brick-status-none remove-brick-status-after-commit
        remove-brick-stop-xml quota-list-empty-xml
    """,
    "busy": """
        concurrent-volume-set-5 concurrent-volume-set-2 concurrent-volume-set-1 concurrent-volume-set-3
        concurrent-volume-set-4
    """,
}
# The second of two commands that change something finds it done.
CHANGED_BETWEEN = {
    "volume-create-disperse-4",
    "remove-brick-stop",
    "remove-brick-force",
    "add-brick-replica4",
    "reset-brick-commit-force",
    "quota-enable",
    "quota-disable",
    "volume-stop-host-down",
}
# The plain answer to this question is a success, the XML one a failure.
DIFFERENT_BY_ITSELF = {"quota-list-empty"}

CALLS = calls()
BY_NAME = {name: kind for kind, names in KINDS.items() for name in names.split()}


def kind_of(call: Call) -> str:
    twin = call.name[: -len("-xml")] if call.name.endswith("-xml") else call.name
    return BY_NAME.get(call.name, BY_NAME.get(twin, ""))


def judged(call: Call) -> Answer:
    return judge(call.rc, call.stdout, call.stderr)


@pytest.fixture(scope="module", autouse=True)
def _captures_are_there(contract_dir):
    assert len(CALLS) > 500, "there are captures, but hardly any of gluster"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_what_it_was(call: Call) -> None:
    assert judged(call).kind == kind_of(call), judged(call)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_neither_rc_nor_text_alone_tells(call: Call) -> None:
    """Held against the bare numbers, read without a parser."""
    if call.stdout.startswith("<?xml"):
        succeeded = op_ret(call) == "0" and call.rc == 0
    else:
        succeeded = call.rc == 0 and "cli read error" not in call.stdout
    assert judged(call).ok == succeeded


def test_failures_of_xml_end_with_0_but_for_a_few() -> None:
    failed = [call for call in CALLS if call.stdout.startswith("<?xml") and op_ret(call) != "0"]
    told_by_rc = {(call.name, call.rc) for call in failed if call.rc}
    assert told_by_rc == {
        ("volume-get-bad-xml", 1),
        ("rebalance-status-none-xml", 1),
        ("rebalance-stop-idle-xml", 1),
        ("quota-list-disabled-xml", 2),
        ("heal-info-nonexistent-xml", 254),
        ("volume-heal-distribute-xml", 234),
        ("volume-heal-not-started-xml", 251),
    }
    assert len(failed) == 62 + len(told_by_rc)


def test_a_prompt_without_an_answer_ends_with_0_and_did_nothing() -> None:
    prompts = [call for call in CALLS if "cli read error" in call.stdout and call.rc == 0]
    assert {call.words[1] for call in prompts} == {"detach", "stop", "quota"}
    assert all(not call.script and not judged(call).ok for call in prompts)


@pytest.mark.parametrize(("plain", "xml"), twins(), ids=lambda call: call.id)
def test_both_ways_of_asking_get_the_same_judgement(plain: Call, xml: Call) -> None:
    same = judged(plain).kind == judged(xml).kind
    assert same != (plain.name in CHANGED_BETWEEN | DIFFERENT_BY_ITSELF), (judged(plain), judged(xml))


@pytest.mark.parametrize("call", [call for call in CALLS if kind_of(call)], ids=lambda call: call.id)
def test_each_failure_is_told_in_a_sentence(call: Call) -> None:
    sentence = judged(call).sentence("gluster " + " ".join(call.words))
    assert sentence.endswith((".", ".)")) and "\n" not in sentence
    assert "Usage" not in sentence and "<" not in sentence.replace("<HOSTNAME>:<export-dir-abs-path>", "").replace(
        "<volname> <dst-brick>", ""
    )
    assert len(sentence) < 1400


@pytest.mark.parametrize(
    ("name", "done"),
    [
        # What a step wants is so already: somebody else did it, or the run before, which was killed.
        ("volume-start-again-xml", True),
        ("volume-stop-not-started-xml", True),
        ("volume-delete-nonexistent-xml", True),
        ("peer-detach-not-peer-xml", True),
        ("quota-enable-xml", True),
        ("quota-disable-xml", True),
        ("rebalance-start-again-xml", True),
        ("heal-resolve-bigger-file-again", True),
        ("heal-resolve-not-split", True),
        # These mean something else.
        ("volume-start-nonexistent-xml", False),
        ("volume-set-nonexistent-xml", False),
        ("volume-create-exists-xml", False),
        ("quota-list-disabled-xml", False),
        # Another host says it of a volume that is there: a ghost, which this delete has not removed.
        ("volume-delete-ghost", False),
        ("volume-delete-started-xml", False),
        ("peer-detach-with-bricks-xml", False),
    ],
)
def test_what_counts_as_done(name: str, done: bool) -> None:
    (call,) = [call for call in CALLS if call.name == name]
    assert done_already(["gluster", *call.words], judged(call).said) is done


def test_a_lock_that_somebody_else_holds_is_the_only_reason_to_try_again() -> None:
    busy = [call for call in CALLS if judged(call).kind == "busy"]
    assert len(busy) == 5, "of six at once, one got through"
    assert all("Another transaction is in progress" in call.stderr for call in busy)


@pytest.mark.parametrize("rc", [124, 137])
def test_a_command_that_was_stopped_may_still_go_on(rc: int) -> None:
    answer = judge(rc, "", "", 180)
    assert answer.kind == "timeout" and "180 s" in answer.sentence("gluster volume start v0")


def test_a_return_code_is_a_failure_whatever_the_xml_says() -> None:
    (call,) = [call for call in CALLS if call.name == "volume-start-force-started-xml"]
    assert judge(0, call.stdout, "").ok and not judge(1, call.stdout, "").ok


def test_xml_that_is_cut_off_is_no_success() -> None:
    (call,) = [call for call in CALLS if call.name == "volume-info-all-xml"]
    answer = judge(0, call.stdout[: len(call.stdout) // 2], "")
    assert not answer.ok and "cannot be read" in answer.sentence("gluster volume info")
