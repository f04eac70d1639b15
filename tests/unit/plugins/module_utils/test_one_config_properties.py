# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every file and every edit of oned's grammar, on generated files."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config import opennebula
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula_layout import encode
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits

# A busy machine is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PATH = "/etc/one/oned.conf"
NAMES = ("PORT", "Db", "VM_MAD", "TM_MAD_CONF", "ATTR")
KEYS = ["NAME", "Args", "DRIVER", "X1"]

blank = st.sampled_from(["", " ", "  ", "\t"])
values = st.one_of(
    st.sampled_from(["", "kvm", "ssh", "-t 15 -d a,b -p", 'say "x"', "two\nlines", "a, [b] = #c", "/var/lib", "ä€"]),
    st.text(alphabet='aB1_ "\\#=,[]\n-ü', max_size=12),
)
end_of_line = st.sampled_from(["\n", "\n", " # why\n", "\n\n", "\n# NAME = x, y]\n", "\n\t\n"])


@st.composite
def written(draw, value):
    try:
        return encode(value, draw(st.booleans()))
    except Refused:
        return '"refused"'


@st.composite
def entry(draw, names):
    name = draw(st.sampled_from(names))
    return name + draw(blank) + "=" + draw(blank) + draw(written(draw(values)))


@st.composite
def vector(draw, names=NAMES, first=()):
    different = st.lists(entry(KEYS), min_size=1, max_size=4, unique_by=lambda text: text.split("=")[0].strip().upper())
    entries = [*first, *draw(different)]
    separator = draw(st.sampled_from([", ", ",", ",\n    ", " ,\n    ", ", # about\n  ", "\n  # about\n  , "]))
    opening = draw(st.sampled_from(["[", "[ ", "[\n    ", "[ # about\n  "]))
    closing = draw(st.sampled_from(["]", " ]", "\n]", "\n  # left, out = [\n]", " # about\n]"]))
    return draw(st.sampled_from(names)) + draw(blank) + "=" + draw(blank) + opening + separator.join(entries) + closing


@st.composite
def configuration(draw, names=NAMES, always=()):
    parts = draw(st.lists(st.tuples(st.one_of(entry(names), vector(names)), end_of_line), max_size=6))
    for node in always:
        parts.insert(draw(st.integers(0, len(parts))), (draw(node), draw(end_of_line)))
    text = draw(st.sampled_from(["", "\n", "# head\n\n"])) + "".join(node + ending for node, ending in parts)
    return text[:-1] if draw(st.booleans()) and text.endswith(('"\n', "]\n")) else text


def well_formed(text):
    try:
        return opennebula.parse(text)
    except NotParsed:
        assume(False)


def plan(text, *edits):
    return plan_edits(PATH, text, list(edits), new=True)


@settings(UNHURRIED)
@given(configuration())
def test_a_file_renders_as_it_was(text):
    assert well_formed(text).render() == text


@settings(UNHURRIED)
@given(st.text(alphabet='AB1_=[],#"\\ \t\n\r;é>', max_size=60))
def test_any_text_is_parsed_or_refused_with_a_position(text):
    try:
        assert opennebula.parse(text).render() == text
    except NotParsed as refusal:
        assert 1 <= refusal.line <= text.count("\n") + 1
        assert 1 <= refusal.column <= len(text) + 1


def test_ten_thousand_damaged_files_are_parsed_or_refused_with_a_position():
    whole = (
        'PORT = 2633\nVM_MAD = [\n    NAME = "kvm", # here\n    ARGUMENTS = "-t 15 \\"x\\" -p"\n]\n\n# end\nEMPTY =\n'
        * 3
    )
    seed = random.Random(20261121)
    refused = 0
    for _attempt in range(10_000):
        start = seed.randrange(len(whole))
        damaged = (
            whole[:start]
            + seed.choice(['"', "[", "]", ",", "=", "#", "\n", "é", "]]>", ""])
            + whole[start + seed.randrange(9) :]
        )
        try:
            assert opennebula.parse(damaged).render() == damaged
        except NotParsed as refusal:
            refused += 1
            assert 1 <= refusal.line <= damaged.count("\n") + 1
    assert 1_000 < refused < 9_000, "the damage must neither spare nor spoil every file"


@settings(UNHURRIED)
@given(st.text(max_size=30), st.booleans())
def test_a_value_that_can_be_written_is_read_back(value, quoted):
    try:
        raw = encode(value, quoted)
    except Refused:
        assume(False)
    (node,) = opennebula.parse(f"A = {raw}\n").nodes
    assert node.value == value
    (node,) = opennebula.parse(f"A = [ B = {raw}, C = 1 ]\n").nodes
    assert node.value_of("b") == value


def edits():
    simple = st.sampled_from(["", "kvm", "2633", "a b", 'q"uote', "-d x -p", "it's #1"])
    name = st.sampled_from(NAMES)
    keyed = st.dictionaries(st.sampled_from(KEYS), simple, min_size=1, max_size=3)
    state = st.sampled_from(["present", "absent"])
    return st.one_of(
        st.fixed_dictionaries({"attribute": name, "value": simple}),
        st.fixed_dictionaries({"attribute": name, "values": keyed, "merge": st.booleans()}),
        st.fixed_dictionaries({"attribute": name, "values": keyed, "where": st.just({"NAME": "kvm"})}),
        st.fixed_dictionaries({"attribute": name, "item": simple, "state": state}),
        st.fixed_dictionaries({"attribute": name, "key": st.sampled_from(KEYS), "value": simple}),
        st.fixed_dictionaries({"attribute": name, "key": st.sampled_from(KEYS), "state": st.just("absent")}),
        st.fixed_dictionaries({"attribute": name, "state": st.just("absent")}),
        st.fixed_dictionaries({"attribute": name, "members": st.just(["x", "y"]), "state": state}),
        st.fixed_dictionaries(
            {
                "attribute": name,
                "key": st.just("Args"),
                "command_line": st.just({"option": "-d", "members": ["x"]}),
                "state": state,
            }
        ),
    )


@settings(UNHURRIED, max_examples=400)
@given(configuration(), st.lists(edits(), min_size=1, max_size=3))
def test_edits_hold_and_touch_nothing_else(text, wanted):
    document = well_formed(text)
    try:
        planned = plan(text, *wanted)
    except Refused as refusal:
        assert str(refusal).startswith(PATH)
        return
    assert plan(planned.after, *wanted).after == planned.after, "a second run changes nothing"
    assert bool(planned.changes) == planned.changed
    edited = {edit["attribute"].upper() for edit in wanted}
    others = [node.render()[len(node.lead) :] for node in document.nodes if node.name.upper() not in edited]
    after = opennebula.parse(planned.after)
    assert [node.render()[len(node.lead) :] for node in after.nodes if node.name.upper() not in edited] == others
    for comment in ("# head", "# left, out = [", "\n# NAME = x, y]"):
        kept = planned.after.count(comment) - text.count(comment)
        assert kept == 0 or any(edit.get("state") == "absent" or edit.get("merge") is False for edit in wanted)


ADDED = [
    {"attribute": "FRESH", "value": "1"},
    {"attribute": "FRESH", "item": "one"},
    {"attribute": "PORT", "item": "only here"},
    {"attribute": "FRESH", "where": {"NAME": "new"}, "values": {"A": "1", "LONGER": "two words"}},
    {"attribute": "VM_MAD", "where": {"NAME": "only here"}, "values": {"A": "1"}},
    {"attribute": "VM_MAD", "key": "FRESH", "value": "1"},
    {"attribute": "VM_MAD", "key": "LINE", "command_line": {"option": "-z", "members": ["m"]}},
    {"attribute": "VM_MAD", "key": "LINE", "command_line": {"option": "-d", "members": ["m", "n"]}},
    {"attribute": "VM_MAD", "key": "LINE", "command_line": {"option": "-l", "entries": {"deploy": "mine"}}},
    {"attribute": "VM_MAD", "key": "LIST", "members": ["m", "n"]},
]
MOST_NAMES = ["PORT", "DB"]
VM_MAD = vector(["VM_MAD", "Vm_mad"], first=['LINE = "-t 15 -d a,b kvm -p"', 'LIST = "a, b"'])


@pytest.mark.parametrize("edit", ADDED, ids=str)
@settings(UNHURRIED, max_examples=100)
@given(text=configuration(MOST_NAMES, always=[VM_MAD]))
def test_removing_what_was_added_gives_the_file_back(edit, text):
    document = well_formed(text)
    assume("item" not in edit or not any(isinstance(node, opennebula.Vector) for node in document.named("PORT")))
    removal = {name: value for name, value in edit.items() if name not in ("value", "values")}
    planned = plan(text, edit)
    assert planned.changed
    assert plan(planned.after, {**removal, "state": "absent"}).after == text
