# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration editor against OpenNebula's own files, and against what its oned said about damaged ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import Vector, parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import format_of, open_editor, plan_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.shell import Script

RELEASES = ("6.10.0", "7.4.0")
FILES = {
    "oned.conf": "diff_oned",
    "vmm_exec_kvm.conf": "diff_kvm",
    "vmm_execrc": "diff_execrc",
    "monitord.conf": "diff_monitord",
}


@pytest.fixture(scope="module", params=RELEASES)
def release(request, contract_dir: Path) -> Path:
    folder = contract_dir / "opennebula" / request.param
    return folder if folder.is_dir() else pytest.skip(f"no captures of {request.param}")


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def test_every_file_of_a_release_renders_as_it_was(release):
    files = sorted((release / "etc").iterdir())
    assert len(files) >= 5
    for path in files:
        text = read(path)
        assert open_editor(text, format_of(str(path))).render() == text
        if format_of(str(path)) == "opennebula":
            document = parse(text)
            assert document.nodes and document.render() == text


def damaged(release: Path, record: dict) -> dict[str, str]:
    """The files of a case, rebuilt from the differences that were recorded with it."""
    texts = {}
    for name, field in FILES.items():
        if record[field]:
            texts[name] = patched(read(release / "etc" / name), record[field])
    return texts


def patched(text: str, difference: str) -> str:
    """Applies a unified difference without context lines. The captured vmm_exec_kvm.conf of 7.4.0 is some lines shorter
    than the one of the run, so an addition behind the end goes to the end."""
    lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
    result, at = [], 0
    for hunk in re.split(r"^@@ ", difference, flags=re.MULTILINE)[1:]:
        start, count = re.match(r"-(\d+)(?:,(\d+))? ", hunk).groups()
        first, removed = int(start), 1 if count is None else int(count)
        first = min(first if removed == 0 else first - 1, len(lines))
        body = hunk.split("\n")[1:]
        assert [line[1:] for line in body if line.startswith("-")] == lines[first : first + removed]
        result += lines[at:first] + [line[1:] for line in body if line.startswith("+")]
        at = first + removed
    return "\n".join(result + lines[at:]) + "\n"


def records(release: Path) -> list[dict]:
    with open(release / "oned_conf_tests.jsonl", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def test_what_oned_said_about_a_damaged_oned_conf_is_what_the_editor_says(release):
    judged = {"accepted": 0, "refused": 0}
    for record in records(release):
        text = damaged(release, record).get("oned.conf")
        if text is None:
            continue
        sentence = re.search(r"syntax error, .* at line \d+, columns \d+:\d+", record["stdout"])
        try:
            assert parse(text).render() == text
            assert sentence is None, f"{record['case']}: oned refused it: {sentence}"
            judged["accepted"] += 1
        except NotParsed as refusal:
            assert sentence, f"{record['case']}: oned accepted it, the editor says {refusal}"
            assert f"(oned: {sentence.group()})" in str(refusal), record["case"]
            swallowed = record["case"] == "syntax_unclosed_quote"
            end = record["case"] == "syntax_unclosed_vector"  # for oned the newline at the end begins one more line
            assert swallowed or f"at line {refusal.line + end}," in sentence.group(), record["case"]
            judged["refused"] += 1
    assert judged == ({"accepted": 13, "refused": 4} if release.name == "6.10.0" else {"accepted": 11, "refused": 1})


@pytest.mark.parametrize(
    "case, name, refused",
    [
        ("vmm_exec_kvm_syntax", "vmm_exec_kvm.conf", False),  # a quote that is never closed: oned reads it as a value
        ("monitord_syntax", "monitord.conf", True),
        ("execrc_garbage", "vmm_execrc", True),  # oned does not look; a shell reads up to the garbage and no further
    ],
)
def test_damage_of_the_other_files(release, case, name, refused):
    found = [record for record in records(release) if record["case"] == case]
    if not found:
        pytest.skip(f"{case} was not run with this release")
    text = damaged(release, found[0])[name]
    reader = Script if format_of(name) == "shell" else parse
    if refused:
        with pytest.raises(NotParsed) as refusal:
            reader(text)
        assert refusal.value.line == text.count("\n")
    else:
        assert reader(text).render() == text
        (warning,) = open_editor(text, "opennebula").warnings()
        assert warning.startswith(f"line {text.count(chr(10))}: the value of RAW begins with a quote")


def test_of_two_entries_of_one_name_oned_takes_the_first_so_an_edit_refuses(release):
    record = next(record for record in records(release) if record["case"] == "dup_tm_mad_conf_first")
    edit = {"attribute": "TM_MAD_CONF", "where": {"NAME": "ssh"}, "values": {"SHARED": "NO"}}
    with pytest.raises(Refused, match=r"2 attributes match TM_MAD_CONF\[NAME=ssh\] \(lines 1, \d+\)"):
        plan_edits("oned.conf", damaged(release, record)["oned.conf"], [edit])


def command_line(attribute, option, **subject):
    where = {"where": {"NAME": "kvm"}} if attribute == "VM_MAD" else {}
    return {"attribute": attribute, "key": "ARGUMENTS", "command_line": {"option": option, **subject}, **where}


STORAGE_ADDON = [
    command_line("VM_MAD", "-l", entries={"deploy": "deploy.vitastor"}),
    command_line("TM_MAD", "-d", members=["vitastor"]),
    command_line("DATASTORE_MAD", "-d", members=["vitastor"]),
    command_line("DATASTORE_MAD", "-s", members=["vitastor"]),
    {"attribute": "INHERIT_DATASTORE_ATTR", "item": "VITASTOR_CONF"},
    {"attribute": "VM_RESTRICTED_ATTR", "item": "VMSNAPSHOT_LIMIT"},
    {"attribute": "TM_MAD_CONF", "where": {"NAME": "vitastor"}, "values": {"LN_TARGET": "NONE", "SHARED": "YES"}},
    {"attribute": "DS_MAD_CONF", "where": {"NAME": "vitastor"}, "values": {"REQUIRED_ATTRS": "DISK_TYPE,BRIDGE_LIST"}},
    {"attribute": "ONEGATE_ENDPOINT", "value": "http://192.0.2.1:5030"},
    {"attribute": "DB", "key": "PASSWD", "value": 'a"b #c'},
]


def without_values(edit):
    return {name: value for name, value in edit.items() if name not in ("value", "values")} | {"state": "absent"}


def test_an_addon_that_comes_and_goes_leaves_no_trace(release):
    text = read(release / "etc" / "oned.conf")
    added = plan_edits("oned.conf", text, STORAGE_ADDON)
    assert len(added.changes) >= len(STORAGE_ADDON)
    assert not plan_edits("oned.conf", added.after, STORAGE_ADDON).changed
    assert plan_edits("oned.conf", added.after, [without_values(edit) for edit in STORAGE_ADDON]).after == text
    removed = set(text.split("\n")) - set(added.after.split("\n"))
    assert len(removed) == 4, "the three ARGUMENTS and the last line of DB, which got a comma"


@pytest.mark.parametrize("edit", STORAGE_ADDON, ids=lambda edit: edit["attribute"])
def test_each_edit_alone_comes_and_goes(release, edit):
    text = read(release / "etc" / "oned.conf")
    assert plan_edits("oned.conf", plan_edits("oned.conf", text, [edit]).after, [without_values(edit)]).after == text


def test_tuning_of_kvm_keeps_what_the_release_ships_beside_it(release):
    text = read(release / "etc" / "vmm_exec_kvm.conf")
    wanted = {"GUEST_AGENT": "yes", "VIRTIO_SCSI_QUEUES": "4"}
    after = plan_edits("vmm_exec_kvm.conf", text, [{"attribute": "FEATURES", "values": wanted}]).after
    (before_vector,), (after_vector,) = parse(text).named("FEATURES"), parse(after).named("FEATURES")
    assert isinstance(before_vector, Vector) and isinstance(after_vector, Vector)
    values = {entry.name: entry.value for entry in before_vector.entries}
    assert {entry.name: entry.value for entry in after_vector.entries} == {**values, **wanted}
    assert [line for line in text.split("\n") if "#" in line] == [line for line in after.split("\n") if "#" in line]


def test_live_snapshots_for_a_driver(release):
    text = read(release / "etc" / "vmm_execrc")
    edit = {"attribute": "LIVE_DISK_SNAPSHOTS", "members": ["kvm-vitastor"]}
    after = plan_edits("vmm_execrc", text, [edit]).after
    assert after == re.sub(r'(LIVE_DISK_SNAPSHOTS="[^"]*)"', r'\1 kvm-vitastor"', text)
    assert plan_edits("vmm_execrc", after, [without_values(edit)]).after == text
