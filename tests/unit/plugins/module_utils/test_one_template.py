# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates: what oned keeps of what it is given, and what its grammar cannot say."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template


@pytest.mark.parametrize(
    "declared, expected",
    [
        pytest.param({"ds_mad": "fs"}, {"DS_MAD": ["fs"]}, id="names are upper-cased"),
        pytest.param({"LIMIT_MB": 1000}, {"LIMIT_MB": ["1000"]}, id="every value is a string"),
        pytest.param({"REMOTE": False, "X": True}, {"REMOTE": ["NO"], "X": ["YES"]}, id="an unquoted yes of YAML"),
        pytest.param({"PHYDEV": None}, {"PHYDEV": [""]}, id="an empty value is kept as an empty element"),
        pytest.param({"DUP": [1, 2]}, {"DUP": ["1", "2"]}, id="duplicates are kept in order"),
        pytest.param({"VEC": {"a": 1}}, {"VEC": [{"A": "1"}]}, id="keys of vectors are upper-cased"),
        pytest.param({"VEC": [{"a": 1}, {"b": "x,y"}]}, {"VEC": [{"A": "1"}, {"B": "x,y"}]}, id="repeated vectors"),
        pytest.param({"P": "c:\\dir\\x"}, {"P": ["c:\\dir\\x"]}, id="a backslash is kept"),
        pytest.param({"M": "line1\nline2\t."}, {"M": ["line1\nline2\t."]}, id="line ends and tabs are kept"),
    ],
)
def test_canonical(declared: dict[str, Any], expected: dict[str, Any]) -> None:
    assert one_template.canonical(declared) == expected


@pytest.mark.parametrize(
    "declared, words",
    [
        ({"a": 1, "A": 2}, "A is given twice"),
        ({"V": {"a": 1, "A": 2}}, "V/A is given twice"),
        ({"two words": 1}, "'two words' is not an attribute name"),
        ({"V": {"x-y": 1}}, "'x-y' in V is not an attribute name"),
        ({"X": []}, "name it in 'purge'"),
        ({"X": {}}, "an empty dictionary"),
        ({"X": [[1]]}, "nested too deeply"),
        ({"X": {"Y": {"Z": 1}}}, "X/Y is nested too deeply"),
        ({"X": "ends\\"}, "backslash at its end"),
        ({"X": 'a\\"b'}, "before a quote"),
        ({"X": "a\r\nb"}, "control character"),
        ({"X": "a]]>b"}, "could not give it back"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(declared: dict[str, Any], words: str) -> None:
    with pytest.raises(one_template.TemplateError, match=words.replace("'", ".")):
        one_template.canonical(declared)


def test_render_quotes_always_and_escapes_quotes() -> None:
    template = one_template.canonical({"NAME": "a b", "Q": 'say "x", #1', "V": [{"A": 1, "B": "x,y"}], "E": ""})
    assert one_template.render(template) == (
        'NAME = "a b"\nQ = "say \\"x\\", #1"\nV = [ A = "1", B = "x,y" ]\nE = ""\n'
    )


_names = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
_texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\\\r", exclude_categories=["Cc", "Cs"]), max_size=20
).filter(lambda text: "]]>" not in text)
_values = st.one_of(_texts, st.dictionaries(_names, _texts, min_size=1, max_size=3))


@given(st.dictionaries(_names, st.lists(_values, min_size=1, max_size=3), max_size=5))
def test_what_is_wanted_differs_from_its_own_xml_in_nothing(declared: dict[str, Any]) -> None:
    """As oned gives it back: alphabetical, as elements. The plan of a converged state is empty."""
    wanted = one_template.canonical(declared)
    root = ElementTree.Element("TEMPLATE")
    for name in sorted(wanted):
        for value in wanted[name]:
            element = ElementTree.SubElement(root, name)
            if isinstance(value, dict):
                for key in sorted(value):
                    ElementTree.SubElement(element, key).text = value[key]
            else:
                element.text = value
    present = one_template.from_xml(ElementTree.fromstring(ElementTree.tostring(root, encoding="unicode")))
    assert one_template.differences(wanted, present) == {}


@pytest.mark.parametrize(
    "wanted, present, caseless, differs",
    [
        pytest.param("yes", "YES", (), False, id="oned reads a boolean in any case"),
        pytest.param("no", "YES", (), True, id="another boolean"),
        pytest.param("block", "BLOCK", ("X",), False, id="oned upper-cases DISK_TYPE"),
        pytest.param("block", "BLOCK", (), True, id="values keep their case elsewhere"),
        pytest.param({"A": "1"}, {"A": "1", "B": "2"}, (), True, id="a vector counts as a whole, append replaces it"),
        pytest.param({"A": "1"}, "1", (), True, id="a vector is no value"),
        pytest.param("", None, (), True, id="an empty attribute is not a missing one"),
    ],
)
def test_differences(wanted: Any, present: Any, caseless: tuple[str, ...], differs: bool) -> None:
    stored = {} if present is None else {"X": [present]}
    found = one_template.differences({"X": [wanted]}, stored, frozenset(caseless))
    assert bool(found) is differs


def test_nobody_declared_what_is_only_present() -> None:
    assert one_template.differences({}, {"CLONE_TARGET": ["SYSTEM"], "SAFE_DIRS": ["/var/tmp"]}) == {}


@pytest.mark.parametrize("name", ["RESTIC_PASSWORD", "CEPH_SECRET", "NETAPP_PASS", "PUREFA_API_TOKEN", "NSX_PASSWORD"])
def test_secrets_are_hidden_from_people(name: str) -> None:
    assert one_template.plain({name: ["k3y"], "V": [{name: "k3y", "A": "1"}]}) == {
        name: "(hidden)",
        "V": {name: "(hidden)", "A": "1"},
    }


def test_secrets_are_found_at_any_depth() -> None:
    declared = {"NOTE": "x", "ceph_secret": "s1", "V": {"PASSWORD": "s2"}, "W": [{"A": 1, "token": 33}], "PASS": ""}
    assert one_template.secrets(declared) == {"s1", "s2", "33"}


@pytest.mark.parametrize("declared", ['CEPH_SECRET="s3cr3t', ["A"], 7])
def test_what_is_no_dictionary_is_refused_without_showing_it(declared: Any) -> None:
    with pytest.raises(one_template.TemplateError, match="a template is a dictionary of attributes, not") as caught:
        one_template.canonical(declared)
    assert "s3cr3t" not in str(caught.value)
    assert one_template.secrets(declared) == set()
