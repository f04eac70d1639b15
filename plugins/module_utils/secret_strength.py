# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is wrong with a secret that nobody chose: empty, with white space, or as a default or placeholder looks."""

from __future__ import annotations

import re

# Compared in lower case, without anything but letters, and so also with digits or signs around: "Password123!".
# fmt: off
_DEFAULT_WORDS = frozenset([
    "admin", "administrator", "ansible", "changeit", "changeme", "changethis", "cloud", "default", "demo", "dummy",
    "example", "fixme", "kvmcloud", "mypassword", "mysecret", "none", "null", "one", "oneadmin", "opennebula", "pass",
    "passw", "passwd", "password", "passwort", "placeholder", "pwd", "replace", "replaceme", "root", "sample", "secret",
    "secure", "sunstone", "supersecret", "temp", "test", "testing", "todo", "topsecret", "undefined", "unset", "vault",
    "welcome", "youchangeme", "yourpassword", "yoursecret",
])
# fmt: on
_SUBSTITUTES = str.maketrans("013457@$!", "oleastasi")
_PLACEHOLDER = re.compile(r"^(<.*>|\[.*\]|\{.*\}|\$\{.*\}|%.*%|x+|\*+|\.+|_+|-+)$", re.IGNORECASE)
_KEYBOARD = ("0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "asdfghjkl")
_FEWEST_DIFFERENT = 4
_SHORTEST = 8
_LONG = 16  # from here on a common word within is no weakness


def weakness(secret: str, user: str = "", blanks: bool = False) -> str | None:
    """Why the secret must not be used, as a phrase that goes on after 'it'; None if nothing speaks against it. blanks:
    whether what takes the secret takes blanks within it."""
    if not secret:
        return "is empty"
    if any((sign.isspace() and not (blanks and sign == " ")) or not sign.isprintable() for sign in secret):
        return "contains white space or a control character"
    plain = secret.lower()
    if _PLACEHOLDER.match(secret):
        return "is a placeholder"
    if user and plain == user.lower():
        return "is the user's own name"
    if len(secret) < _LONG and any(
        word in _DEFAULT_WORDS for word in (_letters(plain), _letters(plain.translate(_SUBSTITUTES)))
    ):
        return "looks like a default"
    if len(set(plain)) < _FEWEST_DIFFERENT:
        return f"has fewer than {_FEWEST_DIFFERENT} different characters"
    if any(plain in row or plain in row[::-1] for row in _KEYBOARD):
        return "is a row of the keyboard or the alphabet"
    if len(secret) < _SHORTEST:
        return f"has fewer than {_SHORTEST} characters"
    return None


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text)
