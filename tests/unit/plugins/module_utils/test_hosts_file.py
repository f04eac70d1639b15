# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.hosts_file import (
    Entry,
    HostsFileError,
    check_entries,
    edited,
    parse_line,
)

DEBIAN = """\
127.0.0.1\tlocalhost
127.0.1.1\tnode1.example.org node1

# The following lines are desirable for IPv6 capable hosts
::1     localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
"""
NODE1 = Entry("10.0.0.11", ("node1.example.org", "node1"))


@pytest.mark.parametrize(
    ("before", "entries", "absent", "after"),
    [
        pytest.param(
            DEBIAN,
            [NODE1],
            [],
            DEBIAN.replace("127.0.1.1\tnode1.example.org node1\n", "") + "10.0.0.11\tnode1.example.org node1\n",
            id="Debian's own-name line goes",
        ),
        pytest.param(
            "127.0.1.1 node1 printer\n",
            [NODE1],
            [],
            "127.0.1.1 printer\n10.0.0.11\tnode1.example.org node1\n",
            id="a foreign name on the own-name line stays",
        ),
        pytest.param("", [NODE1], [], "10.0.0.11\tnode1.example.org node1\n", id="empty file"),
        pytest.param("# x", [NODE1], [], "# x\n10.0.0.11\tnode1.example.org node1\n", id="no newline at the end"),
        pytest.param("# x", [], [], "# x", id="nothing to do keeps even the missing newline"),
        pytest.param(
            "10.0.0.11   node1.example.org node1 # rack 3\n",
            [NODE1],
            [],
            "10.0.0.11   node1.example.org node1 # rack 3\n",
            id="as wanted: spaces and comment stay",
        ),
        pytest.param(
            "10.0.0.11   node1 alias # rack 3\n",
            [NODE1],
            [],
            "10.0.0.11   node1.example.org node1 alias # rack 3\n",
            id="edited in place, an alias of others stays",
        ),
        pytest.param(
            "10.0.0.11 node1.example.org\n10.0.0.11 node1 old\n",
            [NODE1],
            [],
            "10.0.0.11 node1.example.org node1\n10.0.0.11 old\n",
            id="the address twice",
        ),
        pytest.param(
            "10.0.0.99 node1 # was here\n",
            [NODE1],
            [],
            "# was here\n10.0.0.11\tnode1.example.org node1\n",
            id="a stale address goes, its comment stays",
        ),
        pytest.param("10.0.0.99 NODE1\n", [NODE1], [], "10.0.0.11\tnode1.example.org node1\n", id="names have no case"),
        pytest.param("10.0.0.9 gone kept\n", [], ["gone"], "10.0.0.9 kept\n", id="absent name"),
        pytest.param(
            "FD00:0:0::b node1\n",
            [Entry("fd00::b", ("node1",))],
            [],
            "FD00:0:0::b node1\n",
            id="another spelling of the same IPv6 address",
        ),
        pytest.param(
            "",
            [Entry("10.0.0.1", ("a",)), Entry("fd00::1", ("a",))],
            [],
            "10.0.0.1\ta\nfd00::1\ta\n",
            id="one address per family",
        ),
        pytest.param(
            "fe80::1%eth0 x\n10.0.0.300 y\nrubbish\n",
            [],
            ["z"],
            "fe80::1%eth0 x\n10.0.0.300 y\nrubbish\n",
            id="lines that are no entries stay",
        ),
        pytest.param("127.0.0.1 localhost\r\n", [], [], "127.0.0.1 localhost\r\n", id="Windows line ends stay"),
    ],
)
def test_edit(before: str, entries: list[Entry], absent: list[str], after: str) -> None:
    assert edited(before, entries, absent) == after
    assert edited(after, entries, absent) == after


def test_own_names_leave_the_loopback_lines_only() -> None:
    before = "127.0.0.1 localhost\n127.0.1.1 node1 x\n10.0.0.11 node1\n"
    assert edited(before, [], [], ["node1", "localhost"]) == "127.0.0.1 localhost\n127.0.1.1 x\n10.0.0.11 node1\n"


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{"address": "10.0.0.300", "names": ["a"]}], "'10.0.0.300' is no IP address"),
        ([{"address": "10.0.0.1", "names": []}], "10.0.0.1 has no names"),
        ([{"address": "10.0.0.1", "names": ["a b"]}], "'a b' (of 10.0.0.1) is no host name"),
        ([{"address": "10.0.0.1", "names": ["a\n6.6.6.6 bank"]}], "is no host name"),
        ([{"address": "10.0.0.1", "names": ["#a"]}], "is no host name"),
        ([{"address": "10.0.0.1", "names": ["localhost"]}], "belongs to the loopback interface"),
        ([{"address": "10.0.0.1", "names": ["gone"]}], "in absent_names too"),
        (
            [{"address": "10.0.0.1", "names": ["a"]}, {"address": "10.0.0.2", "names": ["A"]}],
            "A has two addresses, 10.0.0.1 and 10.0.0.2",
        ),
    ],
)
def test_contradictions_are_refused(entries: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(HostsFileError) as caught:
        check_entries(entries, ["gone"])
    assert sentence in str(caught.value)


def test_all_contradictions_are_told_at_once() -> None:
    with pytest.raises(HostsFileError) as caught:
        check_entries([{"address": "x", "names": ["a"]}, {"address": "10.0.0.1", "names": ["-"]}], [])
    assert "'x' is no IP address; '-' (of 10.0.0.1) is no host name" in str(caught.value)


def test_entries_of_one_address_are_merged() -> None:
    entries = [{"address": "10.0.0.1", "names": ["a", "b"]}, {"address": "10.0.0.1 ", "names": ["b", "c"]}]
    assert check_entries(entries, []) == [Entry("10.0.0.1", ("a", "b", "c"))]


NAMES = st.sampled_from(["node1", "node2", "front1", "printer", "localhost", "Node2"])
ADDRESSES = st.sampled_from(["127.0.0.1", "127.0.1.1", "10.0.0.1", "10.0.0.2", "fd00::1", "::1"])
LINES = st.one_of(
    st.builds(
        lambda a, n, c: f"{a} {' '.join(n)}{c}", ADDRESSES, st.lists(NAMES, min_size=1), st.sampled_from(["", " # c"])
    ),
    st.text(alphabet="# ab\t.1", max_size=12),
)
ENTRIES = st.sampled_from(
    [[], [Entry("10.0.0.1", ("node1",))], [Entry("10.0.0.2", ("node2", "node1")), Entry("fd00::1", ("node2",))]]
)


@given(st.lists(LINES, max_size=6), st.sampled_from(["", "\n"]), ENTRIES)
def test_properties(lines: list[str], end: str, entries: list[Entry]) -> None:
    before = "\n".join(lines) + end
    after = edited(before, entries, [])
    assert edited(after, entries, []) == after
    found = [line for line in map(parse_line, after.split("\n")) if line.address]
    managed = {name.lower() for entry in entries for name in entry.names}
    for entry in entries:
        assert next(line for line in found if line.address == entry.address).names[: len(entry.names)] == entry.names
    places = sorted((name.lower(), line.address) for line in found for name in line.names if name.lower() in managed)
    assert places == sorted((name.lower(), entry.address) for entry in entries for name in entry.names)

    def untouched(text: str) -> list[str]:
        return [
            line.text for line in map(parse_line, text.split("\n")) if not line.address and line.text not in ("", "# c")
        ]

    assert untouched(before) == untouched(after)
