# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of oned.conf. Every row was fed to the scanner and parser of OpenNebula 7.4.0 itself; what stands beside
it is what they made of it, or their sentence, word for word."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import Vector, parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula_layout import encode

ACCEPTED = [
    ("", []),
    ("# only a comment\n", []),
    ("PORT = 2633\n", [("PORT", "2633")]),
    ("PORT=2633", [("PORT", "2633")]),
    ("port\n= 2633\n", [("PORT", "2633")]),
    ('A = "b" ; C = 1\n', [("A", "b"), ("C", "1")]),
    ('A = "a"b"\n', [("A", '"a"b"')]),
    ('A = a"b\n', [("A", 'a"b')]),
    ('A = "two\nlines"\n', [("A", "two\nlines")]),
    ('A = "say \\"x\\""\n', [("A", 'say "x"')]),
    ('A = say\\"x\n', [("A", 'say"x')]),
    ('A = "unclosed\n', [("A", '"unclosed')]),
    ("A = # none\n", [("A", "none")]),
    ('A = "x"\r\n', [("A", '"x"\r')]),
    ("V = [ ]\n", [("V", {})]),
    ("V = [ a = 1, A = 2 ]\n", [("V", {"A": "1"})]),
    ("V = [ A = 1, # why\n  B = 2 # that\n]\n", [("V", {"A": "1", "B": "2"})]),
    ('V = [A="]", B=",#="] W = 1\n', [("V", {"A": "]", "B": ",#="}), ("W", "1")]),
    ("- A = 1\n", [("A", "1")]),
]

REFUSED = [
    (
        'A = "ends with \\"\nB = "x"\n',
        "syntax error, unexpected $end, expecting EQUAL or EQUAL_EMPTY at line 3, columns 26:27",
    ),
    ("TÄST = 1\n", "syntax error, unexpected VARIABLE, expecting EQUAL or EQUAL_EMPTY at line 1, columns 4:6"),
    ("PORT 2633\n", "syntax error, unexpected VARIABLE, expecting EQUAL or EQUAL_EMPTY at line 1, columns 6:10"),
    ("= 1\n", "syntax error, unexpected EQUAL, expecting $end at line 1, columns 1:3"),
    ("PORT = 1\n]\n", "syntax error, unexpected CBRACKET, expecting $end at line 3, columns 9:12"),
    ("PORT =", "syntax error, unexpected $end, expecting OBRACKET or CCDATA or STRING at line 1, columns 5:7"),
    ("PORT", "syntax error, unexpected $end, expecting EQUAL or EQUAL_EMPTY at line 1, columns 1:5"),
    (
        "A = 1\n# last line without newline",
        "syntax error, unexpected VARIABLE, expecting EQUAL or EQUAL_EMPTY at line 2, columns 14:18",
    ),
    ("V = [\n", "syntax error, unexpected $end, expecting CBRACKET or VARIABLE at line 2, columns 5:7"),
    ("V = [ A = 1\n", "syntax error, unexpected $end, expecting COMMA or CBRACKET at line 2, columns 12:13"),
    (
        "V = [ A = 1 B = 2 ]\n",
        "syntax error, unexpected VARIABLE, expecting COMMA or CBRACKET at line 1, columns 13:14",
    ),
    (
        "V = [\n  A = 1\n  B = 2\n]\n",
        "syntax error, unexpected VARIABLE, expecting COMMA or CBRACKET at line 3, columns 17:18",
    ),
    ("V = [ A = 1, ]\n", "syntax error, unexpected CBRACKET, expecting VARIABLE at line 2, columns 14:16"),
    ("V = [ A ]\n", "syntax error, unexpected CBRACKET, expecting EQUAL at line 2, columns 8:11"),
    ("V = [ A = ]\n", "syntax error, unexpected $end, expecting STRING at line 1, columns 12:13"),
    ("V = [ A =\n ]\n", "syntax error, unexpected EQUAL_EMPTY, expecting EQUAL at line 2, columns 8:11"),
    ("V = [ A = [ B = 1 ] ]\n", "syntax error, unexpected OBRACKET, expecting STRING at line 1, columns 11:13"),
    (
        'PORT = "2633\n\n# "quoted"\nB = "x"\n',
        "syntax error, unexpected VARIABLE, expecting EQUAL or EQUAL_EMPTY at line 4, columns 26:27",
    ),
    ("V = [ = 1 ]\n", "syntax error, unexpected EQUAL, expecting CBRACKET or VARIABLE at line 1, columns 7:9"),
    ('A = "ä" B\n', "syntax error, unexpected $end, expecting EQUAL or EQUAL_EMPTY at line 2, columns 11:12"),
    ('V = [ A = "x",\n B = "]]>" ]\n', "syntax error, unexpected CCDATA, expecting STRING at line 2, columns 21:28"),
]


def read_by_oned(text):
    return [
        (node.name.upper(), {entry.name.upper(): node.value_of(entry.name) for entry in node.entries})
        if isinstance(node, Vector)
        else (node.name.upper(), node.value)
        for node in parse(text).nodes
    ]


@pytest.mark.parametrize("text, attributes", ACCEPTED, ids=repr)
def test_what_oned_accepts_is_read_as_oned_reads_it(text, attributes):
    assert read_by_oned(text) == attributes
    assert parse(text).render() == text


@pytest.mark.parametrize("text, sentence", REFUSED, ids=repr)
def test_what_oned_refuses_is_refused_in_its_words(text, sentence):
    with pytest.raises(NotParsed) as refusal:
        parse(text)
    assert str(refusal.value).endswith(f"(oned: {sentence})")


@pytest.mark.parametrize("text", ['A = "x]]>"\nB = 1\n', 'V = [ A = "]]>" ]\n'])
def test_what_makes_oned_drop_the_rest_of_the_file_in_silence_is_refused(text):
    """oned stops at ]]>, reports success and runs with half a configuration."""
    with pytest.raises(NotParsed, match="ignore the rest of the file") as refusal:
        parse(text)
    assert refusal.value.line == 1


@pytest.mark.parametrize(
    "text, line, column, says",
    [
        ("V = [\n  A = 1\n  B = 2\n]\n", 3, 3, "a comma is missing after the value of A in V"),
        ("V = [ A = 1, ]\n", 1, 14, "a KEY = value must follow the comma in V"),
        ("A = 1\nV = [\n  A = 1\n\n\n", 3, 8, "the file ends inside of the vector V, its ']' is missing"),
        ("PORT 2633\n", 1, 6, "a name without '=' after it"),
        ("A = 1\n  ]\n", 2, 3, "an attribute must begin here, with its name"),
        ("PORT =", 1, 7, "an attribute without a value"),
        ("V = [ A ]\n", 1, 9, "a key of V without '=' after it"),
        ("V = [ A = ]\n", 1, 12, "the file ends inside of the vector V"),
        ("V = [ A = [ B = 1 ] ]\n", 1, 11, "a key of V without a value"),
        ("V = [ = 1 ]\n", 1, 7, "a KEY = value or ']' must follow the opening '[' of V"),
        ('PORT = "2633\n\n# "quoted"\n', 3, 11, "the value of PORT runs over several lines up to here"),
    ],
)
def test_a_refusal_says_where_and_what_is_wrong(text, line, column, says):
    with pytest.raises(NotParsed) as refusal:
        parse(text)
    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert refusal.value.problem.startswith(says)


def test_a_refusal_does_not_quote_values():
    with pytest.raises(NotParsed) as refusal:
        parse('DB = [ PASSWD = "geheim" USER = "x" ]\n')
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize(
    "value, quoted, raw",
    [
        ("2633", False, "2633"),
        ("2633", True, '"2633"'),
        ("a b", False, '"a b"'),
        ("", False, '""'),
        ('say "x"', True, '"say \\"x\\""'),
        ('a\\"b', True, '"a\\\\"b"'),
        ("a#b", False, '"a#b"'),
        ("C:\\dir", True, '"C:\\dir"'),
        ("C:\\", True, "C:\\"),  # in quotes its last character would take the closing quote along
        ("two\nlines", False, '"two\nlines"'),
    ],
)
def test_encode(value, quoted, raw):
    assert encode(value, quoted) == raw
    assert read_by_oned(f"A = {raw}\n") == [("A", value)]


@pytest.mark.parametrize(
    "value, says", [("a b\\", "backslash"), ("a\0", "NUL"), ("a\r", "carriage return"), ("x]]>y", "]]>")]
)
def test_a_value_that_the_grammar_cannot_carry_is_refused(value, says):
    with pytest.raises(Refused, match=says):
        encode(value)
