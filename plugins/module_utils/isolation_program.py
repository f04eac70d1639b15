# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kvmcloud-isolation: keeps guests of this node from storage and hypervisors."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_declaration import Declaration
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_host import misfits
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_node import (
    IsolationError,
    Node,
    as_json,
    read,
    write,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_ruleset import NOTHING
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_state import counted_drops
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_trial import LOCK_SECONDS, Trials, read_bytes
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_watch import watch


class Program:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.node = Node(options.root)
        self.trials = Trials(self.node, lambda: read_bytes(os.path.abspath(sys.argv[0])))

    def chosen(self) -> Declaration:
        found = self.node.declaration(self.options.declaration)
        if found is None:
            raise IsolationError(f"Nothing is declared on this node: {self.node.settings} does not exist.")
        return found

    # -- commands ----------------------------------------------------------------------------------------------------

    def render(self) -> int:
        say(self.node.wanted(self.chosen()).text)
        return 0

    def check(self) -> int:
        """What speaks against the rules, and what should be known about them; loads nothing."""
        declaration = self.chosen()
        links = self.node.links()
        found = misfits(declaration, links)
        for sentence in self.node.remarks(declaration):
            say(f"remark: {sentence}\n")
        for sentence in found:
            say(f"error: {sentence}\n")
        self.node.validate(self.node.wanted(declaration))
        return 1 if found else 0

    def apply(self) -> int:
        with self.node.alone(self.options.held):
            if not self.options.held:
                self.trials.end_overdue()
                self.trials.refuse_second()
            if self.options.declaration is None and self.options.confirm is None:
                # At boot: bridges need not be there yet, and rules that do not fit are better than none.
                declaration = self.chosen() if self.options.required else self.node.declaration()
                self.node.load(self.node.wanted(declaration))
                return 0
            declaration = self.chosen()
            found = misfits(declaration, self.node.links())
            if found:
                raise IsolationError(" ".join([*found, "Nothing was changed."]))
            text = read(self.options.declaration or self.node.settings) or ""
            if self.options.confirm is not None:
                record = self.trials.begin(text, declaration, self.options.confirm)
                say(as_json({"id": record.id, "boot": record.boot, "seconds": record.seconds}))
                return 0
            self.node.load(self.node.wanted(declaration))
            write(self.node.settings, text, 0o644)
        return 0

    def confirm(self) -> int:
        if self.options.id and self.trials.was_confirmed(self.options.id):
            return 0
        with self.node.alone(patience=LOCK_SECONDS):
            self.trials.confirm(self.options.id)
        return 0

    def rollback(self) -> int:
        if self.options.after:
            # Where no systemd has timers.
            time.sleep(self.options.after)
        with self.node.alone(patience=LOCK_SECONDS):
            self.trials.rollback(self.options.id)
        return 0

    def status(self) -> int:
        declaration = self.node.declaration()
        record = self.trials.record()
        listings = self.node.listings()
        drops = {
            f"{family} {chain}: {comment}": packets
            for family, listing in listings.items()
            for (chain, comment), packets in counted_drops(listing).items()
        }
        told = {
            "declared": declaration is not None,
            "mode": declaration.mode if declaration else None,
            "bridges": [bridge.name for bridge in declaration.bridges] if declaration else [],
            "tells_bridges": self.node.tells_bridges(),
            "trial": {"id": record.id, "seconds_left": round(record.left)} if record else None,
            "differences": [] if record else self.node.differences(self.node.wanted(declaration)),
            "dropped": drops,
        }
        say(as_json(told))
        return 0

    def verify(self) -> int:
        """Whether the rules are loaded as they shall be; those on trial, while there is a trial."""
        path = self.trials.path("declaration.json") if self.trials.record() else None
        declaration = self.node.declaration(path)
        found = self.node.differences(self.node.wanted(declaration))
        if declaration is not None:
            found += misfits(declaration, self.node.links())
        for sentence in found or [
            "Guests are isolated as declared." if declaration else "Nothing is declared or loaded."
        ]:
            say(f"{sentence}\n")
        return 1 if found else 0

    def watch(self) -> int:
        own = self.trials.program()

        def look() -> None:
            try:
                with self.node.alone():
                    self.trials.end_overdue()
                    newer = os.path.exists(self.node.program) and read_bytes(self.node.program) != own
                    if not newer:
                        self._load_again(own)
            except IsolationError as error:
                say(f"{error}\n")
            else:
                if newer:
                    say("The program was replaced; going on as the new one.\n")
                    os.execv(self.node.program, [self.node.program, *sys.argv[1:]])

        watch(look, self.options.rounds)
        return 0

    def _load_again(self, own: bytes) -> None:
        trial = self.trials.record()
        if trial and read_bytes(self.trials.path("program")) != own:
            return  # its rules are those of another program, to which this one's would be the wrong ones
        wanted = self.node.wanted(self.node.declaration(self.trials.path("declaration.json") if trial else None))
        found = self.node.differences(wanted) if wanted != NOTHING else []
        if found:
            self.node.load(wanted)
            say(f"loaded again: {' '.join(found)}\n")

    def remove(self) -> int:
        with self.node.alone():
            self.trials.refuse_second()
            self.node.forget()
        say(
            f"Rules and settings are gone. {self.node.program} and its units stay: they load nothing, and libvirt does "
            "not start while they find nothing to load. vm_isolation_state: absent takes them away, too.\n"
        )
        return 0


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="kvmcloud-isolation", description=__doc__)
    top.add_argument("--root", default="/", help=argparse.SUPPRESS)  # tests keep files of their own
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    about = {
        "render": "print the rules",
        "check": "say what speaks against them; changes nothing",
        "apply": "load them; with --confirm on trial",
        "confirm": "keep the rules that are on trial",
        "rollback": "end the trial: load the former rules",
        "status": "what is declared and loaded, and what was dropped, as JSON",
        "verify": "whether all is loaded as declared; exit code 1 and the differences if not",
        "watch": "load again whatever somebody else takes away; for the service",
        "remove": "take rules and settings away",
    }
    for name, text in about.items():
        one = commands.add_parser(name, help=text, description=text)
        if name in ("render", "check", "apply"):
            one.add_argument("--declaration", metavar="FILE", help="another declaration than the one that is kept")
        if name == "apply":
            one.add_argument("--confirm", type=int, metavar="SECONDS", help="roll back unless confirmed by then")
            one.add_argument("--required", action="store_true", help="fail if nothing is declared; for the service")
            one.add_argument("--held", action="store_true", help=argparse.SUPPRESS)
        if name in ("confirm", "rollback"):
            one.add_argument("--id", help=argparse.SUPPRESS)
        if name == "rollback":
            one.add_argument("--after", type=float, default=0, help=argparse.SUPPRESS)
        if name == "watch":
            one.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    return top


def main() -> int:
    options = parser().parse_args()
    if os.geteuid() != 0:
        raise SystemExit("kvmcloud-isolation: needs root.")
    try:
        result: int = getattr(Program(options), options.command)()
        return result
    except IsolationError as error:
        raise SystemExit(f"kvmcloud-isolation: {error}") from error
    except json.JSONDecodeError as error:
        raise SystemExit(f"kvmcloud-isolation: an answer cannot be read: {error}") from error
