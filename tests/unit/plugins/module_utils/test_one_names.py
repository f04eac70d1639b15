# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: what oned forbids on creation and on rename, and who is meant by a name."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_names import Named, Names, NoSuchName, unusable
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import Resource

POOL = [Resource(0, "default"), Resource(100, "web"), Resource(101, "twin"), Resource(102, "twin")]


@pytest.mark.parametrize("sign", list("&|:\\\";/'#{}$<>"))
def test_signs_that_oned_forbids_in_every_name(sign: str) -> None:
    assert unusable(f"a{sign}b") == f"the name holds {sign!r}, which oned does not allow."


@pytest.mark.parametrize("name", ["a b", "žluť", "a.b-c_d", "(x)", "a@b", "a+b=c", "1a", "[x]", "!", "a,b", "é" * 64])
def test_names_that_oned_takes(name: str) -> None:
    assert unusable(name) is None


@pytest.mark.parametrize(
    "name, words",
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("  ", "empty", id="blanks"),
        pytest.param("12", "digits only", id="taken for an id"),
        pytest.param("-a", "as an option", id="taken for an option"),
        pytest.param("x" * 129, "129 bytes", id="one too long"),
        pytest.param("é" * 65, "130 bytes", id="oned counts bytes and not letters"),
        pytest.param("a\tb", "does not allow", id="a tabulator"),
        pytest.param("a\x7fb", "does not allow", id="a control character"),
    ],
)
def test_names_that_are_refused(name: str, words: str) -> None:
    assert words in (unusable(name) or "")


def test_who_is_meant() -> None:
    names = Names("security group", POOL)
    assert names.find("web") == Named("web", "100")
    assert names.find("100") == names.find("0100") == Named("web", "100")
    assert names.name(100) == "web" and names.name(7) == "7"
    with pytest.raises(NoSuchName, match="no security group nosuch; declare it"):
        names.find("nosuch")
    with pytest.raises(NoSuchName, match="no security group 10²"):
        names.find("10²")
    with pytest.raises(NoSuchName, match="2 security groups are named twin, with the ids 101, 102"):
        names.find("twin")


def test_check_mode_takes_an_unknown_name_as_one_to_come_and_still_guesses_nothing() -> None:
    names = Names("group", POOL, lenient=True)
    assert names.find("later") == Named("later", "later")
    assert names.missing == ["later"]
    with pytest.raises(NoSuchName):
        names.find("twin")
