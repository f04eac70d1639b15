# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.fstab import Entry, edited, parse_line

ROOT = "UUID=1111 /  ext4\terrors=remount-ro 0 1  # by the installer\n"
NFS = Entry("nfs1:/images", "/ds/100", "nfs", "hard,_netdev")
LINE = "nfs1:/images /ds/100 nfs hard,_netdev 0 0\n"


@pytest.mark.parametrize(
    ("before", "wanted", "absent", "after"),
    [
        pytest.param(ROOT, [NFS], [], ROOT + LINE, id="a new line comes last"),
        pytest.param(ROOT.rstrip("\n"), [NFS], [], ROOT + LINE, id="a last line without its end gets one"),
        pytest.param(ROOT.rstrip("\n"), [], [], ROOT.rstrip("\n"), id="nothing to do is nothing done"),
        pytest.param("", [NFS], [], LINE, id="an empty file"),
        pytest.param(LINE + ROOT, [NFS], [], LINE + ROOT, id="as wanted, where it is"),
        pytest.param(
            "nfs1:/images\t/ds//100/  nfs hard,_netdev 0 0 # ours\n",
            [NFS],
            [],
            "nfs1:/images\t/ds//100/  nfs hard,_netdev 0 0 # ours\n",
            id="the same in another dress is left alone",
        ),
        pytest.param(f"nfs9:/images /ds/100 nfs hard 0 0\n{ROOT}", [NFS], [], LINE + ROOT, id="changed in its place"),
        pytest.param(LINE + ROOT + LINE, [NFS], [], LINE + ROOT, id="a second line of the mount point goes"),
        pytest.param(f"#{LINE}{ROOT}", [NFS], [], f"#{LINE}{ROOT}{LINE}", id="a comment is no entry"),
        pytest.param(LINE + ROOT, [], ["/ds/100"], ROOT, id="no longer wanted"),
        pytest.param(LINE + ROOT, [], ["/ds/10"], LINE + ROOT, id="another path that begins alike"),
        pytest.param("/dev/sdb none swap sw 0 0\n", [], ["/ds/100"], "/dev/sdb none swap sw 0 0\n", id="swap stays"),
        pytest.param(
            "",
            [Entry("nfs1:/my images", "/ds/100", "nfs", "a#b")],
            [],
            "nfs1:/my\\040images /ds/100 nfs a\\043b 0 0\n",
            id="white space is escaped",
        ),
    ],
)
def test_only_the_lines_of_given_mount_points_change(before, wanted, absent, after):
    assert edited(before, wanted, absent) == after
    assert edited(after, wanted, absent) == after


def test_an_entry_without_options_has_the_default_ones():
    assert parse_line("proc /proc proc\n") == Entry("proc", "/proc", "proc", "defaults")


OURS = ("/ds/100", "/ds/7")
LINES = st.lists(st.sampled_from([ROOT, LINE, "# a remark\n", "\n", "half a\n", "tmpfs /tmp tmpfs\n", "x /ds/7 y z\n"]))


def is_foreign(line: str) -> bool:
    entry = parse_line(line)
    return entry is None or entry.path not in OURS


@given(LINES)
def test_any_file_converges_and_keeps_foreign_lines(lines):
    once = edited("".join(lines), [NFS], ["/ds/7"])
    assert edited(once, [NFS], ["/ds/7"]) == once
    assert [line for line in once.splitlines(keepends=True) if is_foreign(line)] == list(filter(is_foreign, lines))
    assert once.count(LINE) == 1


@given(st.text(min_size=1))
def test_what_is_written_is_read_back(source):
    entry = Entry(source, "/ds/1", "nfs", "hard")
    assert parse_line(entry.line()) == entry
    assert edited(entry.line() + "\n", [entry]) == entry.line() + "\n"
