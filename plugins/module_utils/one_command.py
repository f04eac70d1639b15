# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the commands of OpenNebula: argv without a shell, both output streams, a time limit, templates by file."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Any, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import (
    FRESH_POOLS,
    Resource,
    parse_member,
    parse_pool,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, RunnerError

_NEW_ID = re.compile(r"^(?:[\w ]+ )?ID: (\d+)$", re.MULTILINE)
# A loaded front-end needs up to 10 s to start a command, on top of what oned takes to answer.
_START_UP = 15


class OneError(RunnerError):
    """A command failed; the text is a sentence, the kind says whether oned was reached at all."""

    def __init__(self, kind: str, sentence: str) -> None:
        self.kind = kind
        super().__init__(sentence)


class OneCommand:
    """The commands of OpenNebula on this host, as the user of the auth file that they find (root and oneadmin do)."""

    def __init__(self, module: Any, assume_fresh: bool = False) -> None:
        self.module = module
        self.assume_fresh = assume_fresh
        self.answer_limit: int = module.params.get("api_timeout") or 30
        self.paths: dict[str, str | None] = {}

    @property
    def limit(self) -> int:
        return self.answer_limit + _START_UP

    def installed(self, command: str) -> bool:
        if command not in self.paths:
            self.paths[command] = self.module.get_bin_path(command)
        return self.paths[command] is not None

    def run(self, argv: Sequence[str], environment: dict[str, str] | None = None) -> str:
        """The standard output of the command; an OneError with a sentence if it failed in any way."""
        if not self.installed(argv[0]):
            raise OneError(
                one_errors.REFUSED,
                f"the command '{argv[0]}' is not installed on this host. Run on a front-end, after its packages.",
            )
        rc, stdout, stderr = self.module.run_command(
            [
                self.module.get_bin_path("timeout", required=True),
                "--kill-after=5",
                str(self.limit),
                self.paths[argv[0]],
                *argv[1:],
            ],
            # Plain C would make Ruby refuse UTF-8 in templates ("invalid byte sequence in US-ASCII").
            environ_update={
                "LC_ALL": "C.UTF-8",
                "ONE_XMLRPC_TIMEOUT": str(self.answer_limit),
                **(environment or {}),
            },
        )
        found = one_errors.failure(" ".join(argv[:2]), rc, stdout, stderr, self.limit)
        if found:
            raise OneError(found.kind, found.sentence)
        return stdout

    def change(self, argv: Sequence[str | InputFile], environment: dict[str, str] | None = None) -> str:
        """Run one step of a plan; its input files exist for this one command, readable by this user only."""
        files: list[str] = []
        try:
            plain = [self._written(part, files) if isinstance(part, InputFile) else part for part in argv]
            return self.run(plain, environment)
        finally:
            for path in files:
                os.unlink(path)

    def _written(self, part: InputFile, files: list[str]) -> str:
        # '-' and /dev/stdin are refused by the commands, and stdin is read by some releases only.
        handle, path = tempfile.mkstemp(prefix="one-", dir=self.module.tmpdir)
        files.append(path)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(part.text)
        return path

    def new_id(self, output: str) -> str:
        found = _NEW_ID.search(output)
        if not found:
            raise OneError(one_errors.REFUSED, f"expected 'ID: <number>' from the command and found: {output[:200]!r}.")
        return found.group(1)

    def pool(self, command: str) -> list[Resource]:
        """All resources of a kind by one 'list -x'. Check mode on a host without OpenNebula sees a fresh pool."""
        if self.module.check_mode and not self.installed(command):
            self._warn_fresh(f"the command '{command}' is not installed yet")
            return parse_pool(FRESH_POOLS[command])
        try:
            return parse_pool(self.run([command, "list", "-x"]))
        except OneError as error:
            if not (self.module.check_mode and self.assume_fresh and error.kind == one_errors.UNREACHABLE):
                raise
            self._warn_fresh("oned does not answer")
            return parse_pool(FRESH_POOLS[command])

    def decrypted(self, command: str, resource: Resource) -> Resource:
        """The resource with the attributes in the clear that a pool shows encrypted only."""
        return parse_member(self.run([command, "show", "-x", "--decrypt", str(resource.id)]))

    def _warn_fresh(self, reason: str) -> None:
        self.module.warn(f"Check mode: {reason}; this reports what a run on a fresh OpenNebula would do.")
