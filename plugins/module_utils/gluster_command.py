# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the gluster command of this host: no prompts, both streams, a time limit, and patience for locks."""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Sequence
from xml.etree import ElementTree

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_errors import Answer
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError


class GlusterError(RunnerError):
    """A command failed; the text is a sentence."""

    def __init__(self, answer: Answer, command: str) -> None:
        self.kind = answer.kind
        self.said = answer.said
        super().__init__(answer.sentence(command))


class Gluster:
    def __init__(
        self,
        module: Any,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.module = module
        self.clock = clock
        self.sleep = sleep
        self.limit: int = module.params["command_timeout"]
        self.patience: int = module.params["busy_timeout"]
        self.path: str | None = module.get_bin_path("gluster")

    @property
    def installed(self) -> bool:
        return self.path is not None

    def ask(self, *words: str, limit: int | None = None, at: str = "") -> Answer:
        """What the command answers, good or bad; a lock that somebody else holds is waited for.

        `at`: another host of the pool, whose glusterd answers questions of its peers, and takes no orders from them.
        """
        give_up = self.clock() + self.patience
        pause = 0.5
        while True:
            answer = self._once(words, limit or self.limit, at)
            if answer.kind != gluster_errors.BUSY or self.clock() + pause > give_up:
                return answer
            # Of two controllers that were turned away at the same moment, one shall come first the next time.
            self.sleep(pause + random.uniform(0, pause))
            pause = min(pause * 2, 5)

    def run(self, *words: str, limit: int | None = None) -> Answer:
        answer = self.ask(*words, limit=limit)
        if not answer.ok:
            raise GlusterError(answer, "gluster " + " ".join(words))
        return answer

    def tree(self, *words: str, limit: int | None = None) -> ElementTree.Element:
        answer = self.run(*words, limit=limit)
        if answer.tree is None:
            said = answer._replace(kind=gluster_errors.REFUSED, advice="XML was expected of it.")
            raise GlusterError(said, "gluster " + " ".join(words))
        return answer.tree

    def change(self, argv: Sequence[str]) -> str:
        """One step of a plan. What somebody else has done in the meantime is done."""
        answer = self.ask(*argv[1:])
        other = () if answer.ok else gluster_errors.other_way(argv, answer.said)
        if other:
            return self.change(other)
        if not answer.ok and not gluster_errors.done_already(argv, answer.said):
            raise GlusterError(answer, " ".join(argv))
        return answer.said

    def _once(self, words: Sequence[str], limit: int, at: str) -> Answer:
        if self.path is None:
            advice = (
                "The command 'gluster' is not installed on this host. Run on a server of the pool, after its packages."
            )
            return Answer(gluster_errors.UNREACHABLE, "", None, advice)
        # Of the heal commands only 'info' knows XML; the others answer in plain text even if asked for it.
        xml = () if words[:2] == ("volume", "heal") and "info" not in words[3:] else ("--xml",)
        remote = (f"--remote-host={at}",) if at else ()
        command = ["timeout", "--kill-after=5", str(limit), self.path, *remote, "--mode=script", *xml, *words]
        rc, stdout, stderr = self.module.run_command(
            # Without stdin no question can wait for an answer; --mode=script does not cover all of them.
            ["sh", "-c", 'exec "$@" < /dev/null', "sh", *command],
            environ_update={"LC_ALL": "C.UTF-8"},
        )
        return gluster_errors.judge(rc, stdout, stderr, limit)
