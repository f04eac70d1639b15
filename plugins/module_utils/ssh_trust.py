# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lossless edits of authorized_keys, known_hosts and ~/.ssh/config: ours added, revoked removed, the rest kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Any, Iterable, NamedTuple

KEY_IN_LINE = re.compile(r"(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/]+={0,2})(?=\s|$)")
NAME = re.compile(r"^[A-Za-z0-9_.:-]+$")
BEGIN = "# BEGIN kvmcloud.stack: hosts whose keys are pinned in known_hosts"
END = "# END kvmcloud.stack"


class TrustError(ValueError):
    """A key or a name cannot be used; the text is the sentence for the user."""


class Key(NamedTuple):
    """A public key without its comment: what makes two lines mean the same."""

    kind: str
    blob: str

    def __str__(self) -> str:
        return f"{self.kind} {self.blob}"


class Identity(NamedTuple):
    names: tuple[str, ...]
    host_keys: tuple[Key, ...]
    public_keys: tuple[str, ...]  # whole lines, with their comments


def parse_key(line: str) -> Key:
    """The key of a public key line; refuses what sshd would ignore or read as something else."""
    match = KEY_IN_LINE.match(line.strip())
    if not match or "\n" in line.strip():
        raise TrustError(f"{line.strip()[:40]!r} is no public SSH key; wanted 'type base64 comment' on one line.")
    key = Key(match.group(1), match.group(2))
    try:
        binary = base64.b64decode(key.blob, validate=True)
    except (binascii.Error, ValueError):
        binary = b""
    length = int.from_bytes(binary[:4], "big")
    if binary[4 : 4 + length] != key.kind.encode():
        raise TrustError(f"The public SSH key {key.kind} {key.blob[:20]}... is damaged: its inside says another type.")
    return key


def key_in(line: str) -> Key | None:
    """The key in any line of authorized_keys, behind whatever options stand before it."""
    if line.lstrip().startswith("#"):
        return None
    match = KEY_IN_LINE.search(line)
    return Key(match.group(1), match.group(2)) if match else None


def check_identities(identities: Iterable[dict[str, Any]]) -> list[Identity]:
    """Identities with parsed keys. One name with the keys of two hosts is a contradiction."""
    result: list[Identity] = []
    owner: dict[str, Identity] = {}
    for entry in identities:
        for name in entry["names"]:
            if not NAME.match(name):
                raise TrustError(f"{name!r} is no host name or address.")
        identity = Identity(
            tuple(dict.fromkeys(name.lower() for name in entry["names"])),
            tuple(dict.fromkeys(parse_key(line) for line in entry["host_keys"])),
            tuple(dict.fromkeys(line.strip() for line in entry["public_keys"] if parse_key(line))),
        )
        if identity.host_keys and not identity.names:
            raise TrustError("An identity has host keys and no names.")
        for name in identity.names if identity.host_keys else ():
            former = owner.setdefault(name, identity)
            if former.host_keys != identity.host_keys:
                raise TrustError(f"{name} is the name of two hosts with different host keys. Nothing was changed.")
        result.append(identity)
    return result


def private_key_is_encrypted(text: str) -> bool:
    """Whether a private key file has a passphrase, in both formats of OpenSSH."""
    if "ENCRYPTED" in text:
        return True
    match = re.search(r"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", text, re.DOTALL)
    if not match:
        return False
    try:
        binary = base64.b64decode("".join(match.group(1).split()))
    except (binascii.Error, ValueError):
        return False
    # "openssh-key-v1\0", then the length and the name of the cipher
    length = int.from_bytes(binary[15:19], "big")
    return binary[19 : 19 + length] != b"none"


def edited_authorized_keys(content: str, public_keys: Iterable[str], revoked: Iterable[str]) -> str:
    removed = {parse_key(line) for line in revoked}
    lines = [line for line in content.splitlines() if key_in(line) not in removed]
    present = {key_in(line) for line in lines}
    for line in public_keys:
        key = parse_key(line)
        if key not in present and key not in removed:
            present.add(key)
            lines.append(line.strip())
    return _joined(content, lines)


def edited_known_hosts(content: str, identities: Iterable[Identity]) -> str:
    """Each name has exactly the keys given for it: a stale or foreign key of it is removed, hashed entries too.

    A pattern that means it, too, is kept for all others.
    """
    pinned = {name: identity.host_keys for identity in identities if identity.host_keys for name in identity.names}
    placed: set[tuple[str, Key]] = set()
    lines: list[str] = []
    for line in content.splitlines():
        fields = line.split()
        key = key_in(line)
        if key is None or not fields or fields[0].startswith(("#", "@")):
            lines.append(line)
            continue
        kept = []
        for entry in fields[0].split(","):
            name = _named(entry, pinned)
            if name is None:
                kept.append(entry)
            elif key in pinned[name] and (name, key) not in placed:
                placed.add((name, key))
                kept.append(entry)
        if any(character in fields[0] for character in "*?"):
            kept += [f"!{name}" for name in pinned if key not in pinned[name] and _meant(name, kept)]
        if kept == fields[0].split(","):
            lines.append(line)
        elif kept:
            lines.append(line.replace(fields[0], ",".join(kept), 1))
    for identity in identities:
        for key in identity.host_keys:
            names = [name for name in identity.names if (name, key) not in placed]
            placed.update((name, key) for name in names)
            if names:
                lines.append(f"{','.join(names)} {key}")
    return _joined(content, lines)


def _meant(name: str, entries: list[str]) -> bool:
    """Whether entries of one line, with patterns among them, mean this name, as ssh reads them: a negation wins."""

    def matches(pattern: str) -> bool:
        expression = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
        return re.match(expression + r"\Z", name) is not None

    if any(matches(entry[1:]) for entry in entries if entry.startswith("!")):
        return False
    return any(matches(entry) for entry in entries)


def _named(entry: str, pinned: dict[str, tuple[Key, ...]]) -> str | None:
    """Which of our names an entry of known_hosts means; an entry may be the name hashed with a salt."""
    if not entry.startswith("|1|"):
        return entry.lower() if entry.lower() in pinned else None
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in entry[3:].split("|"))
    except (binascii.Error, ValueError):
        return None
    return next((name for name in pinned if hmac.new(salt, name.encode(), hashlib.sha1).digest() == digest), None)


BLOCK = re.compile(rf"^{re.escape(BEGIN)}\n(.*?)^{re.escape(END)}\n\n?", re.DOTALL | re.MULTILINE)


def edited_config(content: str, names: Iterable[str]) -> str:
    """Our block at the top, where the first value wins, whatever the rest, an Include or /etc/ssh lets through.

    Names of an earlier run are kept: a run with --limit knows a part of the hosts only.
    """
    block = BLOCK.search(content)
    former = re.findall(r"^Host (.*)$", block.group(1), re.MULTILINE)[0].split() if block else []
    rest = BLOCK.sub("", content)
    wanted = sorted({*former, *(name.lower() for name in names)})
    if not wanted:
        return rest
    options = "  StrictHostKeyChecking yes\n  UserKnownHostsFile ~/.ssh/known_hosts\n"
    # what follows must go on holding for all hosts, not for ours only
    return f"{BEGIN}\nHost {' '.join(wanted)}\n{options}Match all\n{END}\n\n{rest}"


def _joined(content: str, lines: list[str]) -> str:
    if lines == content.splitlines():
        return content
    return "".join(line + "\n" for line in lines)
