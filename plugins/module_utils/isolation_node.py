# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node itself: its files, its links, and the rules in its kernel. Everything that reads or changes is here."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from typing import Any, Iterator, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import isolation_guide_rules as guide
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import GUIDE, Declaration, declared
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import (
    READ_LINKS,
    HostLink,
    parse_links,
    quieten,
    remarks,
    surroundings,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_rules import TABLE
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import (
    FAMILIES,
    NOTHING,
    Ruleset,
    ruleset,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_state import (
    Loaded,
    differences,
    digest,
    live_digest,
    remembered,
)

COMMAND_SECONDS = 60
# Whether the kernel can tell by which bridge a frame came; asked of the kernel, nothing is loaded.
ASKS_FOR_BRIDGES = 'table bridge kvmcloud_asks {\n chain asks {\n meta ibrname "asks" drop\n }\n}\n'

LEGACY = "/proc/net/ip_tables_names"
LEGACY_REMARK = (
    "There are rules of iptables-legacy beside those of nftables: they stay in force, and what they drop is dropped "
    "whatever the isolation lets pass. See iptables-legacy -S."
)
# By what each has in the kernel while it is active.
OTHER_FILTERS = {
    "firewalld": ("nft", "list", "table", "inet", "firewalld"),
    "ufw": ("nft", "list", "chain", "ip", "filter", "ufw-before-input"),
}
OTHER_REMARK = (
    "{name} filters on this node, too: what it drops is dropped whatever the isolation lets pass, and frames between "
    "guests as well where net.bridge.bridge-nf-call-iptables is 1. Its reloads leave the isolation in force."
)
# Also where PATH is a user's.
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


class IsolationError(Exception):
    """The text is a sentence."""


class Node:
    def __init__(self, root: str = "/") -> None:
        self.root = root
        self.program = os.path.join(root, "usr/local/sbin/kvmcloud-isolation")
        self.settings = os.path.join(root, "etc/kvmcloud-isolation/declaration.json")
        self.run_directory = os.path.join(root, "run/kvmcloud-isolation")
        self.memory_file = os.path.join(self.run_directory, "loaded.json")

    # -- commands and files ------------------------------------------------------------------------------------------

    def ask(self, argv: Sequence[str], text: str = "") -> tuple[int, str, str]:
        try:
            done = subprocess.run(
                list(argv),
                input=text,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
                env={**os.environ, "LC_ALL": "C", "PATH": SEARCH},
            )
        except FileNotFoundError as error:
            raise IsolationError(f"{argv[0]} cannot be found on this node; install it. Nothing was changed.") from error
        except subprocess.TimeoutExpired as error:
            raise IsolationError(f"{' '.join(argv)} did not end within {COMMAND_SECONDS} s.") from error
        return done.returncode, done.stdout, done.stderr

    def do(self, argv: Sequence[str], text: str = "") -> str:
        returncode, out, err = self.ask(argv, text)
        if returncode:
            raise IsolationError(f"{' '.join(argv)} failed: {(err or out).strip()[:2000]}")
        return out

    @contextlib.contextmanager
    def alone(self, held: bool = False, patience: float = 3.0) -> Iterator[None]:
        """Nobody else changes anything meanwhile. Who comes second waits for a look of the watch, not for more.

        held: the caller of this program has the lock.
        """
        os.makedirs(self.run_directory, mode=0o700, exist_ok=True)
        with open(os.path.join(self.run_directory, "lock"), "w", encoding="utf-8") as lock:
            deadline = time.monotonic() + patience
            while not held:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise IsolationError(
                            "Another process is changing the isolation of this node at this moment. Nothing was "
                            "changed by this one; run it again."
                        ) from error
                time.sleep(0.05)
            yield

    # -- reading -----------------------------------------------------------------------------------------------------

    def declaration(self, path: str | None = None) -> Declaration | None:
        """The one that is kept, or that of a file; None where there is none. Raises where it is none."""
        given = read(path or self.settings)
        if given is None:
            if path:
                raise IsolationError(f"{path} does not exist.")
            return None
        try:
            found, findings = declared(json.loads(given))
        except (ValueError, TypeError, AttributeError) as error:
            raise IsolationError(f"{path or self.settings} is no declaration: {error}") from error
        if findings:
            raise IsolationError(" ".join(findings))
        return found

    def links(self) -> dict[str, HostLink]:
        return parse_links(self.do(READ_LINKS))

    def tells_bridges(self) -> bool:
        return self.ask(["nft", "--check", "--file", "-"], ASKS_FOR_BRIDGES)[0] == 0

    def wanted(self, declaration: Declaration | None) -> Ruleset:
        if declaration is None:
            return NOTHING
        return ruleset(declaration, surroundings(declaration, self.links(), self.tells_bridges()))

    def listings(self) -> dict[str, str]:
        """By family what the kernel says of our tables; "" for one that is not there."""
        found = {}
        for family in FAMILIES:
            returncode, out, _err = self.ask(["nft", "--json", "list", "table", family, TABLE])
            found[family] = "" if returncode else out
        return found

    def iptables(self) -> str:
        if not has("iptables"):
            return ""
        return self.do(["iptables", "-w", "10", "-S"])

    def remarks(self, declaration: Declaration) -> list[str]:
        links = self.links()
        said = remarks(declaration, links, surroundings(declaration, links, self.tells_bridges()))
        if (read(LEGACY) or "").split():
            said.append(LEGACY_REMARK)
        active = [name for name, question in OTHER_FILTERS.items() if self.ask(question)[0] == 0]
        said += [OTHER_REMARK.format(name=name) for name in active]
        if declaration.mode == GUIDE:
            said.append(guide.LEAVES_OPEN)
        return said

    def memory(self) -> Loaded | None:
        text = read(self.memory_file)
        return None if text is None else remembered(text)

    def differences(self, wanted: Ruleset) -> list[str]:
        """How the kernel differs from what is wanted."""
        listings = self.listings()
        own = guide.own_lines(self.iptables()) if wanted.iptables is not None else []
        found = differences(wanted.text, self.memory(), live_digest(listings.values(), own), wanted.tables, listings)
        if wanted.iptables is not None:
            lost = [line for line in guide.expected_lines(wanted.iptables) if line not in own]
            found += [f"iptables lacks: {'; '.join(lost)}."] if lost else []
        if wanted == NOTHING:
            return [f"The table {family} {TABLE} is loaded." for family, text in listings.items() if text]
        return found + [f"The bridge {name} learns from frames to reserved groups." for name in self._learning(wanted)]

    def _learning(self, wanted: Ruleset) -> list[str]:
        links = self.links() if wanted.quiet else {}
        return [name for name in wanted.quiet if name in links and links[name].learns]

    # -- changing ----------------------------------------------------------------------------------------------------

    def validate(self, wanted: Ruleset) -> None:
        self.do(["nft", "--check", "--file", "-"], wanted.nft)

    def load(self, wanted: Ruleset) -> None:
        """Each of the two programs loads all or nothing; only one of them has rules in any mode."""
        before = self.iptables()
        chains = guide.chains_of(before)
        if wanted.iptables is not None:
            self.do(
                ["iptables-restore", "-w", "10", "--noflush"], guide.restore_text(wanted.iptables, guide.jumps(before))
            )
        self.do(["nft", "--file", "-"], wanted.nft)
        removal = guide.removal_text(guide.jumps(before), chains) if wanted.iptables is None else ""
        if removal:
            self.do(["iptables-restore", "-w", "10", "--noflush"], removal)
        quiet = self._quieten(wanted)
        if wanted == NOTHING:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.memory_file)
        else:
            own = guide.own_lines(self.iptables()) if wanted.iptables is not None else []
            loaded = Loaded(digest(wanted.text), live_digest(self.listings().values(), own), quiet)
            write(self.memory_file, loaded.as_json())

    def _quieten(self, wanted: Ruleset) -> tuple[str, ...]:
        """Those that shall not learn do not, those that are let go learn as before; returns whom that is for."""
        memory, learning = self.memory(), self._learning(wanted)
        before = memory.quiet if memory else ()
        for name in learning:
            self.do(quieten(name, True))
        gone = [name for name in before if name not in wanted.quiet]
        links = self.links() if gone else {}
        for name in gone:
            if name in links:
                self.do(quieten(name, False))
        return tuple(sorted({*learning, *before} - {*gone}))

    def forget(self) -> None:
        """Not a trace: rules, what is kept, what is remembered."""
        self.load(NOTHING)
        shutil.rmtree(os.path.dirname(self.settings), ignore_errors=True)
        shutil.rmtree(self.run_directory, ignore_errors=True)


def has(program: str) -> bool:
    return shutil.which(program, path=SEARCH) is not None


def read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def write(path: str, text: str | bytes, mode: int = 0o600) -> None:
    """By rename: a reader, or a boot after a power failure, finds the former or the new file."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    beside = f"{path}.new"
    data = text.encode() if isinstance(text, str) else text
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
        os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, path)


def boot_id() -> str:
    return (read("/proc/sys/kernel/random/boot_id") or "").strip()


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
