# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell-style rc files: what counts as an assignment, and its edits."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.shell import Script, encode

# A busy machine is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# text, (name, value or None where the shell works it out, conditional)
READ = [
    ("A=1\n", [("A", "1", False)]),
    ("export A=1 B='x y' # c\n", [("A", "1", False), ("B", "x y", False)]),
    ('declare -x A="1"\n', [("A", "1", False)]),
    ("A=\n", [("A", "", False)]),
    ('A="a\\"b \\$x \\z"\n', [("A", 'a"b $x \\z', False)]),
    ("A=a\\ b'c d'\"e\"\n", [("A", "a bc de", False)]),
    ('A="two\nB=2"\n', [("A", "two\nB=2", False)]),
    ('A="$HOME/x"\n', [("A", None, False)]),
    ('A="costs 5$"\n', [("A", "costs 5$", False)]),
    ("A=`date`\nB=2\n", [("A", None, False), ("B", "2", False)]),
    ("A=$(echo \")\" 'x)'; B=3)\nC=1\n", [("A", None, False), ("C", "1", False)]),
    ("A=(x B=2)\n", [("A", None, False)]),
    ("A+=x\n", [("A", None, False)]),
    ("A=~/x B=a~\n", [("A", None, False), ("B", "a~", False)]),
    ("A=1 env\n", []),
    ("echo A=1\n", []),
    ("# A=1\n", []),
    ("x#A=1 # B=2\n", []),
    ("A=1; B=2\n", [("A", "1", False), ("B", "2", False)]),
    ("cat <<END\nA=1\nEND\nB=2\n", [("B", "2", False)]),
    ("cat <<-'END'\nA=1\n\tEND\nB=2\n", [("B", "2", False)]),
    ("cat <<< A=1\nB=2\n", [("B", "2", False)]),
    ("if true; then A=1; else B=2; fi\nC=3\n", [("A", "1", True), ("B", "2", True), ("C", "3", False)]),
    ("for x in a b; do A=1; done\nB=2\n", [("A", "1", True), ("B", "2", False)]),
    ("case $x in\na) A=1 ;;\n(b) B=2 ;;\nesac\nC=3\n", [("A", "1", True), ("B", "2", True), ("C", "3", False)]),
    ("f() { A=1; }\nfunction g {\nB=2\n}\nC=3\n", [("A", "1", True), ("B", "2", True), ("C", "3", False)]),
    ("[ -e x ] && A=1\n(B=2)\nC=3 &\nD=4\n", [("A", "1", True), ("B", "2", True), ("C", "3", True), ("D", "4", False)]),
    ("A=1 \\\n  B=2\n", [("A", "1", False), ("B", "2", False)]),
]


@pytest.mark.parametrize("text, assignments", READ, ids=[row[0] for row in READ])
def test_what_counts_as_an_assignment(text, assignments):
    assert [(found.name, found.value, found.conditional) for found in Script(text).assignments] == assignments


@pytest.mark.parametrize("text", [row[0] for row in READ if not any(c for _n, _v, c in row[1])])
def test_a_real_shell_reads_the_same_values(text):
    """bash itself is the judge of every literal value of the table."""
    bash = shutil.which("bash") or pytest.skip("no bash on this machine")
    for found in Script(text).assignments:
        if found.value is not None:
            script = f'{text}\nprintf %s "${found.name}" >&3'
            result = subprocess.run(
                ["sh", "-c", '"$0" -c "$1" 3>&1 >/dev/null 2>&1', bash, script],
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.stdout == found.value


@pytest.mark.parametrize(
    "text, line, column, says",
    [
        ("A=1\nthis is ; garbage $(\n", 2, 20, r"'\(' is never closed, so a shell stops reading here"),
        ('A=1\nB="x\n', 2, 3, "the quote is never closed"),
        ("A='x\n", 1, 3, "the quote is never closed"),
        ("A=`x\n", 1, 3, "the backquote is never closed"),
        ("A=${x\n", 1, 4, "'{' is never closed"),
        ("if true\nthen A=1\n", 1, 1, "'if' is never closed"),
        ("A=1\nfi\n", 2, 1, "'fi' closes nothing"),
    ],
)
def test_a_file_that_a_shell_would_not_read_to_its_end_is_refused(text, line, column, says):
    with pytest.raises(NotParsed, match=says) as refusal:
        Script(text)
    assert (refusal.value.line, refusal.value.column) == (line, column)


@settings(UNHURRIED, max_examples=300)
@given(st.text(alphabet="AB=1 \n\"'\\$`(){}<>#;&|xfi", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        script = Script(text)
    except NotParsed as refusal:
        assert 1 <= refusal.line <= text.count("\n") + 1
    else:
        for found in script.assignments:
            assert text[found.start :].startswith(found.name) or found.start < found.value_start
            assert found.value_start <= found.end <= len(text)


@settings(UNHURRIED)
@given(
    st.text(alphabet=st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["", "x", "'x'", '"x"']),
)
def test_a_value_is_read_back(value, raw):
    (found,) = Script(f"A={encode(value, raw)}\n").assignments
    assert found.value == value


RC = '# pairs\nLIVE_DISK_SNAPSHOTS="kvm-qcow2 kvm-ssh"\n\n#MIGRATE_OPTIONS=--unsafe\nexport LANG=C # why\n'

# id, text, edit, text after
DONE = [
    (
        "words added",
        RC,
        {"attribute": "LIVE_DISK_SNAPSHOTS", "members": ["kvm-x"]},
        RC.replace("kvm-ssh", "kvm-ssh kvm-x"),
    ),
    (
        "words removed",
        RC,
        {"attribute": "LIVE_DISK_SNAPSHOTS", "members": ["kvm-qcow2"], "state": "absent"},
        RC.replace("kvm-qcow2 ", ""),
    ),
    ("value set", RC, {"attribute": "LANG", "value": "C.UTF-8"}, RC.replace("LANG=C ", "LANG=C.UTF-8 ")),
    ("value that needs quotes", RC, {"attribute": "LANG", "value": "a $b"}, RC.replace("LANG=C ", 'LANG="a \\$b" ')),
    (
        "added below its example",
        RC,
        {"attribute": "MIGRATE_OPTIONS", "value": "--x"},
        RC.replace("--unsafe\n", "--unsafe\nMIGRATE_OPTIONS=--x\n"),
    ),
    ("example with export", "#export A=1\nB=2\n", {"attribute": "A", "value": "3"}, "#export A=1\nexport A=3\nB=2\n"),
    (
        "an example in a condition or a text is none",
        "#A=1\nif x; then\n  #A=2\n  B=1\nfi\ncat <<END\n#A=3\nEND\nC='\n#A=4'\n",
        {"attribute": "A", "value": "5"},
        "#A=1\nA=5\nif x; then\n  #A=2\n  B=1\nfi\ncat <<END\n#A=3\nEND\nC='\n#A=4'\n",
    ),
    ("added at the end", "A=1", {"attribute": "B", "value": "x y"}, 'A=1\nB="x y"'),
    ("added to nothing", "", {"attribute": "B", "value": ""}, 'B=""\n'),
    ("removed with its comment", RC, {"attribute": "LANG", "state": "absent"}, RC.replace("export LANG=C # why\n", "")),
    ("not there", RC, {"attribute": "NONE", "state": "absent"}, RC),
    ("worked out by the shell, replaced", "A=$B\n", {"attribute": "A", "value": "x"}, "A=x\n"),
    ("names have case", "a=1\n", {"attribute": "A", "value": "2"}, "a=1\nA=2\n"),
]


def plan(text, edit):
    return plan_edits("/etc/one/vmm_exec/vmm_execrc", text, [edit])


@pytest.mark.parametrize("text, edit, after", [row[1:] for row in DONE], ids=[row[0] for row in DONE])
def test_edit(text, edit, after):
    assert plan(text, edit).after == after
    assert not plan(after, edit).changed


@pytest.mark.parametrize(
    "text, edit, says",
    [
        ("A=1\nA=2\n", {"attribute": "A", "value": "1"}, r"set 2 times \(lines 1, 2\) and the shell takes the last"),
        ("if x; then A=1; fi\n", {"attribute": "A", "value": "2"}, r"inside of a condition.*\(line 1\)"),
        ("B=1\nA+=x\n", {"attribute": "A", "value": "x"}, r"line 2 appends to it with '\+='"),
        ('A="$A x"\n', {"attribute": "A", "members": ["y"]}, "worked out by the shell"),
        ("A=1; B=2\n", {"attribute": "A", "state": "absent"}, "shares line 1 with other statements"),
        ("A=1\r\n", {"attribute": "A", "value": "2"}, "line 1 ends with a carriage return"),
        ("A=1\n", {"attribute": "A", "value": "x\ry"}, "a carriage return"),
        ("A=1\n", {"attribute": "A", "values": {"x": "y"}}, "values has no meaning in a file of format shell"),
        ("A=1\n", {"attribute": "A", "where": {"x": "y"}, "value": "1"}, "only format opennebula has"),
    ],
)
def test_refusal(text, edit, says):
    with pytest.raises(Refused, match=says):
        plan(text, edit)
