# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import bridge_filter
from ansible_collections.kvmcloud.stack.plugins.module_utils.bridge_filter import (
    ask_kernel,
    errors,
    meaning,
    question,
)

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin") is None,
    reason="compares with nft, which needs root",
)
UNKNOWN_FAMILY, NAME_OF_THE_CARD = 99, 6  # the latter is `meta iifname`, which every kernel with nftables has


def told(sequence: int, error: int) -> bytes:
    """As the kernel acknowledges, with the head of what it answers to."""
    return struct.pack("=IHHIIi16x", 36, 2, 0, sequence, 0, -error)


ANSWERS = {
    "all of it": ({2: 0, 3: 0, 4: 0}, (True, True)),
    "bridges, without a way to tell them apart": ({2: 0, 3: 0, 4: errno.EOPNOTSUPP}, (True, False)),
    "an expression whose module cannot be loaded": ({2: 0, 3: 0, 4: errno.ENOENT}, (True, False)),
    "a family that is not there": ({2: errno.EOPNOTSUPP, 3: errno.ENOENT, 4: errno.ENOENT}, (False, False)),
    "chains that are not there": ({2: 0, 3: errno.ENOENT, 4: errno.ENOENT}, (False, False)),
    "somebody who may not ask": ({1: errno.EPERM}, (None, None)),
    "no answer": ({}, (None, None)),
}


@pytest.mark.parametrize("numbers, found", ANSWERS.values(), ids=ANSWERS.keys())
def test_what_the_answer_means(numbers: dict[int, int], found: tuple[bool, bool]) -> None:
    answer = b"".join(told(sequence, error) for sequence, error in numbers.items())
    assert errors(answer) == numbers
    assert tuple(meaning(errors(answer)).values()) == found


def test_an_answer_that_is_cut_off_ends_nothing() -> None:
    assert errors(told(2, 0)[:19]) == {} and errors(b"\0" * 40) == {}


def test_a_kernel_without_nftables(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(bridge_filter.socket, "socket", refused)
    assert ask_kernel() == {"loads": False, "tells_bridges": False}


def test_a_kernel_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_filter, "SECONDS", 0.05)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    monkeypatch.setattr(ours.__class__, "bind", lambda _self, _address: None)
    monkeypatch.setattr(bridge_filter.socket, "socket", lambda *_arguments: ours)
    assert ask_kernel() == {"loads": None, "tells_bridges": None}
    assert theirs.recv(65536) == question()
    theirs.close()


@needs_root
def test_this_kernel_says_the_same_to_nft() -> None:
    """And nothing of what it was asked stays."""

    def nft(family: str, key: str) -> bool:
        text = f'table {family} kvmcloud_compares {{ chain c {{ meta {key} "x" drop; }}; }}'
        return subprocess.run(["nft", "--check", text], capture_output=True, check=False).returncode == 0

    assert ask_kernel() == {"loads": nft("bridge", "iifname"), "tells_bridges": nft("bridge", "ibrname")}
    assert ask_kernel(question(key=NAME_OF_THE_CARD))["tells_bridges"] == nft("bridge", "iifname")
    assert ask_kernel(question(UNKNOWN_FAMILY)) == {"loads": False, "tells_bridges": False}
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    assert bridge_filter.TABLE not in tables
