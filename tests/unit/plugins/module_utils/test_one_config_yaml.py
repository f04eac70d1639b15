# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files: bytes outside of the edited value stay, and types are kept."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config import yaml_positions
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits

yaml = pytest.importorskip("ruamel.yaml")

# A busy machine is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

GATE = """\
# Sinatra
:server:
    :bind:  127.0.0.1   # address
    :port: 5030

#:ssl_server: https://fqdn:port/

:log:
  :level: 2
  :system: 'file'
:restricted_attrs:
  - SCHED_REQUIREMENTS   # one
  - "SERVICE_ID"
# tail
"""

# id, text, edit, text after
DONE = [
    ("nested value", GATE, {"attribute": ":server/:bind", "value": "0.0.0.0"}, GATE.replace("127.0.0.1 ", "0.0.0.0 ")),
    ("equal", GATE, {"attribute": ":server/:port", "value": 5030}, GATE),
    ("null", "a:\n  b: ~ # c\nd: 1\n", {"attribute": "a/b/x", "value": 2}, "a:\n  b: # c\n    x: 2\nd: 1\n"),
    ("null, last", "a: null", {"attribute": "a/x", "value": 2}, "a:\n  x: 2"),
    ("a directive", "%YAML 1.1\n---\na: 1\n", {"attribute": "a", "value": 2}, "%YAML 1.1\n---\na: 2\n"),
    ("type differs", GATE, {"attribute": ":server/:port", "value": "5030"}, GATE.replace("5030", "'5030'")),
    ("quotes kept", GATE, {"attribute": ":log/:system", "value": "it's"}, GATE.replace("'file'", "'it''s'")),
    (
        "below its example",
        GATE,
        {"attribute": ":ssl_server", "value": "https://x:1/"},
        GATE.replace("port/\n", "port/\n:ssl_server: https://x:1/\n"),
    ),
    (
        "key added to a mapping",
        GATE,
        {"attribute": ":log/:x", "value": True},
        GATE.replace("'file'\n", "'file'\n  :x: true\n"),
    ),
    ("key added at the end", GATE, {"attribute": "new", "value": ""}, GATE.replace("# tail", "new: ''\n# tail")),
    ("path added", GATE, {"attribute": "a/b/c", "value": 1}, GATE.replace("# tail", "a:\n  b:\n    c: 1\n# tail")),
    ("key removed", GATE, {"attribute": ":server/:port", "state": "absent"}, GATE.replace("    :port: 5030\n", "")),
    (
        "block removed",
        GATE,
        {"attribute": ":log", "state": "absent"},
        GATE.replace(":log:\n  :level: 2\n  :system: 'file'\n", ""),
    ),
    ("only key removed with its parent", "a:\n  b: 1\nc: 2\n", {"attribute": "a/b", "state": "absent"}, "c: 2\n"),
    ("not there", GATE, {"attribute": "none/here", "state": "absent"}, GATE),
    ("item added", GATE, {"attribute": ":restricted_attrs", "item": "X"}, GATE.replace('ID"\n', 'ID"\n  - X\n')),
    ("item there, quoted", GATE, {"attribute": ":restricted_attrs", "item": "SERVICE_ID"}, GATE),
    (
        "item removed",
        GATE,
        {"attribute": ":restricted_attrs", "item": "SCHED_REQUIREMENTS", "state": "absent"},
        GATE.replace("  - SCHED_REQUIREMENTS   # one\n", ""),
    ),
    ("last item removed", "a:\n  - x\nb: 1\n", {"attribute": "a", "item": "x", "state": "absent"}, "a: []\nb: 1\n"),
    ("item of a list that is not there", "a: 1\n", {"attribute": "b", "item": "x"}, 'a: 1\nb: ["x"]\n'),
    ("flow list", "a: [x, y] # c\n", {"attribute": "a", "item": "z"}, "a: [x, y, z] # c\n"),
    ("empty flow list", "a: []\n", {"attribute": "a", "item": "z"}, "a: [z]\n"),
    ("flow mapping", "a: {b: 1}\n", {"attribute": "a/c/d", "value": 2}, "a: {b: 1, c: {d: 2}}\n"),
    ("empty flow mapping", "a: {}\n", {"attribute": "a/c", "value": 2}, "a: {c: 2}\n"),
    ("null gets a value", "a:   # c\nb: 1\n", {"attribute": "a", "value": "x"}, "a: x   # c\nb: 1\n"),
    ("null becomes a mapping", "a:\nb: 1\n", {"attribute": "a/c", "value": "x"}, "a:\n  c: x\nb: 1\n"),
    ("list as value", "a:\n  - x\n  - y # c\nb: 1\n", {"attribute": "a", "value": ["z"]}, 'a: ["z"] # c\nb: 1\n'),
    (
        "equal mapping",
        "a:\n  b: 1\n  c: [x]\n",
        {"attribute": "a", "value": {"c": ["x"], "b": 1}},
        "a:\n  b: 1\n  c: [x]\n",
    ),
    ("block text", "a: |\n  one\n  two\nb: 1\n", {"attribute": "a", "value": "x"}, "a: x\nb: 1\n"),
    ("only comments", "# nothing\n", {"attribute": "a", "value": 1}, "# nothing\na: 1\n"),
    ("no newline at the end", "a: 1", {"attribute": "b", "value": 1}, "a: 1\nb: 1"),
    ("CRLF stays", "a: 1\r\nb: x\r\n", {"attribute": "a", "value": 2}, "a: 2\r\nb: x\r\n"),
    ("CRLF is used", "a: 1\r\n", {"attribute": "b", "value": 2}, "a: 1\r\nb: 2\r\n"),
    (
        "yes means different things to Ruby and to JavaScript",
        "a: yes\n",
        {"attribute": "a", "value": True},
        "a: true\n",
    ),
    ("1 is not true", "a: 1\n", {"attribute": "a", "value": True}, "a: true\n"),
    ("a colon and a blank", "a: 1\n", {"attribute": "a", "value": "b: c"}, "a: 'b: c'\n"),
    ("null removed", "a:\n  # - b\nc: 1\n", {"attribute": "a", "state": "absent"}, "  # - b\nc: 1\n"),
    ("null with comments below", "a:\n  # b\nc: 1\n", {"attribute": "a/d", "value": 1}, "a:\n  d: 1\n  # b\nc: 1\n"),
    ("last line without newline removed", "a: 1\nb: 2", {"attribute": "b", "state": "absent"}, "a: 1"),
    ("last item without newline", "a:\n- b\n- c", {"attribute": "a", "item": "c", "state": "absent"}, "a:\n- b"),
    ("yes as a text", "a: yes\n", {"attribute": "a", "value": "yes"}, "a: 'yes'\n"),
    (
        "a long line is not wrapped",
        "a: 1\nb: " + "x " * 100 + "x\n",
        {"attribute": "a", "value": 2},
        "a: 2\nb: " + "x " * 100 + "x\n",
    ),
]


def plan(text, *edits):
    return plan_edits("/etc/one/onegate-server.conf", text, list(edits))


@pytest.mark.parametrize("text, edit, after", [row[1:] for row in DONE], ids=[row[0] for row in DONE])
def test_edit(text, edit, after):
    assert plan(text, edit).after == after
    assert not plan(after, edit).changed


@pytest.mark.parametrize(
    "text, edits, says",
    [
        ("a: 1\nb: [\n", [{"attribute": "a", "value": 2}], "line 3, column 1: "),
        ("a:\n\tb: 1\n", [{"attribute": "a", "value": 2}], "line 2, column 1: .*cannot start any token"),
        ("a: 1\na: 2\n", [{"attribute": "a", "value": 1}], r"the file has the key a 2 times \(lines 1, 2\)"),
        ("a: &x 1\nb: *x\n", [{"attribute": "a", "value": 2}], "line 1 shares its value by an anchor"),
        ("a: &x 1\nb: *x\n", [{"attribute": "b", "value": 2}], "line 2 shares its value by an anchor"),
        ("a: 1\n", [{"attribute": "a/b", "value": 2}], "a is a single value or a list, it has no key b"),
        ("- a\n", [{"attribute": "a", "value": 2}], "no mapping"),
        ("a: 1\n---\nb: 1\n", [{"attribute": "a", "value": 2}], "line 2, column 1: "),
        ("a: {b: 1, c: 2}\n", [{"attribute": "a/b", "state": "absent"}], "shares line 1 with others"),
        ("a: 1\n", [{"attribute": "a", "item": "x"}], "a is not a list"),
        ("a: 1\n", [{"attribute": "a", "value": 2}, {"attribute": "a", "value": 3}], "contradicts edit 2"),
        (
            "a: 1\n",
            [{"attribute": "b", "value": {"c": 2}}, {"attribute": "b/c", "value": 3}],
            r"edit 1 \(b\) does not hold after all edits: it contradicts another one",
        ),
        ("a: \x07\n", [{"attribute": "a", "value": 2}], "not YAML"),
    ],
)
def test_refusal(text, edits, says):
    with pytest.raises(Refused, match=says):
        plan(text, *edits)


@settings(UNHURRIED)
@given(
    st.one_of(st.text(max_size=20), st.text("ab:y1.- #'", max_size=6), st.booleans(), st.integers(), st.none()),
    st.sampled_from([None, "'", '"']),
)
def test_a_value_is_read_back_by_both_kinds_of_reader(value, style):
    """Ruby reads YAML 1.1, JavaScript 1.2."""
    line = f"a: {yaml_positions.encode(value, style)}\n"
    for version in ("1.1", "1.2"):
        reader = yaml.YAML(typ="safe", pure=True)
        reader.version = version
        assert reader.load(line) == {"a": value}
    assert yaml_positions.same(yaml_positions.data_of(yaml_positions.read_yaml(line).value[0][1]), value)


def test_without_the_library_it_says_so_and_other_files_do_not_need_it():
    script = """if True:
        import sys
        sys.modules["ruamel.yaml"] = None  # an import of it fails
        from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import LibraryMissing
        from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits
        assert plan_edits("oned.conf", "A = 1\\n", [{"attribute": "A", "value": 2}]).after == "A = 2\\n"
        try:
            plan_edits("onegate-server.conf", "a: 1\\n", [{"attribute": "a", "value": 2}])
        except LibraryMissing:
            print("said so")
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout == "said so\n", result.stderr
