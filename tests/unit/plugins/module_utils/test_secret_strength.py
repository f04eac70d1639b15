# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that nobody chose."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.secret_strength import weakness


@pytest.mark.parametrize(
    "secret, words",
    [
        ("", "is empty"),
        ("two words", "white space"),
        (" lead", "white space"),
        ("line\n", "white space"),
        ("bell\a", "control character"),
        ("opennebula", "looks like a default"),
        ("OpenNebula", "looks like a default"),
        ("opennebula123", "looks like a default"),
        ("password", "looks like a default"),
        ("Password123!", "looks like a default"),
        ("P@ssw0rd", "looks like a default"),
        ("changeme", "looks like a default"),
        ("change-me", "looks like a default"),
        ("CHANGE_ME!", "looks like a default"),
        ("changeit", "looks like a default"),
        ("your_password", "looks like a default"),
        ("TODO", "looks like a default"),
        ("oneadmin", "user's own name"),
        ("<password>", "is a placeholder"),
        ("{{ vault }}", "white space"),
        ("{vault}", "is a placeholder"),
        ("xxxxxxxx", "is a placeholder"),
        ("********", "is a placeholder"),
        ("aabbaabb", "fewer than 4 different"),
        ("11111111", "fewer than 4 different"),
        ("12345678", "keyboard or the alphabet"),
        ("87654321", "keyboard or the alphabet"),
        ("qwertyuiop", "keyboard or the alphabet"),
        ("aK3-x", "fewer than 8 characters"),
    ],
)
def test_weak(secret: str, words: str) -> None:
    reason = weakness(secret, "oneadmin")
    assert reason is not None and words in reason


@pytest.mark.parametrize(
    "secret",
    ["kdjf873hkjsd", "a:b:c:dEf9", "žluťoučký-kůň", 'quote"#and$ign', "correct-horse-battery", "Pass-1234567890-7788"],
)
def test_strong_enough(secret: str) -> None:
    assert weakness(secret, "oneadmin") is None


def test_blanks_within_are_fine_where_what_takes_the_secret_takes_them():
    assert weakness("correct horse battery", blanks=True) is None
    for secret in ("line\nbreak", "tab\there", "no\u00a0break"):
        assert "white space" in weakness(secret, blanks=True)
    assert weakness("        ", blanks=True) is not None
