# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a change of bricks: what must hold before, what is waited for between, what is put back after. Pure.

Whatever a run leaves unfinished is seen by the next one: a removal in the tasks of the volume, a rebalance by a mark in
its options, a replacement in its bricks.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_bricks_change import Change
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import (
    AUTH_ALLOW,
    HEAL_MARK,
    REBALANCE_MARK,
    Options,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import (
    ONLINE,
    UNKNOWN,
    Status,
    Task,
    Volume,
    brick_state,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Step


class BrickSteps:
    def __init__(
        self,
        declaration: Mapping[str, Any],
        form: Form,
        volume: Volume,
        change: Change,
        options: Options,
        status: Status | None,
        pool: Pool | None,
    ) -> None:
        self.declaration = declaration
        self.form = form
        self.volume = volume
        self.change = change
        self.options = options
        self.status = status
        self.pool = pool
        self.states = {brick.name: brick_state(brick, volume, status, pool) for brick in volume.bricks}
        self.dead = self._dead()
        if not self.rebuilt:
            self.states.update(dict.fromkeys(self.dead, ONLINE))  # it is seen to first
        self.steps: list[Step] = []
        self.findings: list[str] = list(change.findings)
        self.renamed: dict[str, str] = {}  # what was replaced so far
        self.ends: list[str] = []  # the marks to take away

    @property
    def rebuilt(self) -> list[str]:
        """Bricks on a new empty disk. One whose process runs has its mark and needs nothing more."""
        named = self.declaration.get("rebuilt_bricks") or [] if self.volume.started else []
        return [name for name in named if self.states.get(name, ONLINE) != ONLINE]

    @property
    def marks(self) -> list[str]:
        """What a run before this has begun, and not ended."""
        return gluster_options.begun(self.volume.options)

    @property
    def needed(self) -> bool:
        change = self.change
        begun = self.marks or self._removal()
        return bool(self.findings or change.leaving or change.coming or self.rebuilt or begun)

    def plan(self) -> tuple[list[Step], list[str]]:
        self._check_consent()
        self._check_tasks()
        self._check_copies()
        later = self._revive()
        self._wait_for_running_rebalance()
        allow = self._prepare()
        self._take_back()
        self._raise_replica()
        self._lower_replica()
        self._rebuild()
        steps = [self._replace, self._add, self._remove]
        if set(self.change.removed) & set(self.change.outdated):
            # What is moved away makes the room that another brick of the same disk needs.
            steps = [self._remove, self._replace, self._add]
        for step in steps:
            step()
        self._rebalance()
        self._finish(allow)
        self._wait_online(later)
        return self.steps, self.findings

    def restart(self) -> list[Step]:
        """Where nothing else is to be done."""
        self._start()
        self._wait_online(self.dead)
        return self.steps

    # -- what speaks against it --------------------------------------------------------------------------------------

    def _check_consent(self) -> None:
        named = self.declaration.get("confirm_remove") or []
        silent = [brick for brick in self.change.leaving if brick not in named]
        if silent:
            self.findings.append(
                f"the bricks {', '.join(silent)} are part of the volume and not declared. If they shall leave it: "
                f"confirm_remove: [{', '.join(silent)}]. Their data is copied or moved first."
            )
        changes = self.change.raised or self.change.lowered
        if changes and self.declaration.get("confirm_replica_from") != self.volume.form.replica:
            self.findings.append(
                f"it is {self.volume.form} and would become {self.form}; that needs "
                f"confirm_replica_from: {self.volume.form.replica}."
            )

    def _check_tasks(self) -> None:
        task = self._removal()
        if task and set(task.bricks) != set(self.change.removed) and set(task.bricks) & set(self.change.leaving):
            bricks = " ".join(task.bricks)
            self.findings.append(
                f"a removal of {bricks} was begun ({task.status}) and is not committed. Declare the volume without "
                f"them, or end it: gluster volume remove-brick {self.volume.name} {bricks} stop."
            )

    def _check_copies(self) -> None:
        """Before a brick goes, enough of its set must be there. One goes at a time, and is healed before the next."""
        going = {old for old, _new in self.change.replaced} | set(self.change.lowered) | set(self.rebuilt)
        missing = [name for name, state in self.states.items() if state not in (ONLINE, UNKNOWN) and name not in going]
        if missing and (self.change.raised or self.change.lowered):
            self.findings.append(f"{', '.join(missing)} must be online before the number of copies can change.")
        away = [brick for brick in self.change.removed if not self._is_up(brick)]
        if away:
            self.findings.append(
                f"{', '.join(away)} is {self.states[away[0]]}, so that the data of its set cannot be moved away. Bring "
                "it back, or replace it first."
            )
        for one in self.volume.sets if self.volume.started else []:
            names = [brick.name for brick in one]
            down = [name for name in names if self.states[name] != ONLINE]
            leaving = [name for name in names if name in going]
            if not leaving:
                continue
            # One that is started again has missed what one that is lost may have had.
            lost = set(leaving) & set(down)
            whole = [name for name in names if name not in down and not (lost and name in self.dead)]
            if self.volume.form.disperse:
                # The next one to go is missing as well.
                missed = len(names) - len(whole) + (not set(leaving) <= set(down))
                enough = missed <= self.volume.form.redundancy
            else:
                copies = [b.name for b in one if not b.arbiter and b.name not in going and b.name in whole]
                # Of a set that is whole, all may be replaced: each new brick is filled before the next old one goes.
                in_turn = not down and not set(leaving) & {*self.change.lowered, *self.rebuilt}
                enough = (bool(copies) or in_turn) and set(down) <= going
            if enough and down and HEAL_MARK in self.marks:
                stay = ", ".join(name for name in names if name not in {*going, *down})
                self.findings.append(
                    f"a change of bricks was cut off, and it is not known whether {stay} is complete without "
                    f"{', '.join(down)}. Bring that back and run again; or, if it is lost for ever: gluster volume set "
                    f"{self.volume.name} {HEAL_MARK} {gluster_options.ENDED}."
                )
            if not enough:
                states = ", ".join(f"{name} is {self.states[name]}" for name in down) or "no copy would stay"
                self.findings.append(
                    f"{', '.join(leaving)} cannot be taken away now: {states}. Bring back what is missing of the set "
                    "and let it heal first."
                )

    # -- steps -------------------------------------------------------------------------------------------------------

    def _dead(self) -> list[str]:
        """A process that has ended is missing until glusterd is asked to start it, or starts anew itself."""
        if self.status is None or self.declaration["state"] != "started":
            return []
        going = {*self.change.lowered, *(old for old, _new in self.change.replaced), *self.rebuilt}
        down = [name for name, process in self.status.bricks.items() if not process.online]
        return [name for name in self.volume.brick_names if name in down and name not in going]

    def _start(self) -> None:
        if self.dead:
            start = ("gluster", "volume", "start", self.volume.name, "force")  # what runs is left alone by that
            self._step(f"start {', '.join(self.dead)} of volume {self.volume.name} again", *start)

    def _revive(self) -> list[str]:
        """Starts what is dead. Returns those that nothing here needs: one with a broken disk is told at the end."""
        if self.rebuilt:
            return self.dead  # 'start force' would take their new and empty directories for whole bricks
        self._start()
        everything = self.marks or self.change.raised or self.change.lowered
        first = [name for name in self.dead if everything or set(self._members(name)) & set(self.change.leaving)]
        self._wait_online(first)
        return [name for name in self.dead if name not in first]

    def _wait_online(self, bricks: Sequence[str]) -> None:
        if bricks:
            self._wait(f"{', '.join(bricks)} is online", "online", *bricks)

    def _wait_for_running_rebalance(self) -> None:
        for task in self._tasks():
            if task.running and not task.removes:
                self._wait("the rebalance that runs", "rebalance")

    def _prepare(self) -> str | None:
        """Marks what is to follow. Returns what auth.allow shall be afterwards, where it has to be changed."""
        name = self.volume.name
        allow, wider = self._allow_peers()
        spread = self.change.added or self._wanted_back()
        marks = [REBALANCE_MARK] if spread and self.declaration.get("rebalance", True) else []
        marks += [HEAL_MARK] if self.change.replaced or self.change.raised or self.rebuilt else []
        marks = [mark for mark in marks if mark not in self.marks]
        self.ends = [*self.marks, *marks]
        left = gluster_options.left_bricks(self.volume.options, self.change.leaving)
        values = {**dict.fromkeys(marks, gluster_options.WANTED), **({AUTH_ALLOW: wider} if wider else {})}
        if left != gluster_options.left_bricks(self.volume.options):
            values[gluster_options.LEFT] = ",".join(left)
        if values:
            what = "let the hosts of the pool into auth.allow and note" if wider else "note"
            pairs = [word for pair in values.items() for word in pair]
            self._step(f"{what} what is to follow (volume {name})", "gluster", "volume", "set", name, *pairs)
        return allow if wider else None

    def _allow_peers(self) -> tuple[str, str]:
        """auth.allow as it shall be, and with all hosts of the pool, if they are not all in it.

        While bricks change, gluster writes the peers into auth.allow that are missing there, each host those that it
        calls peers. The definitions then differ, and the next restart of glusterd ends in rejected peers. So they all
        are put into it before, the same on every host. (Resetting it would let everybody mount the volume meanwhile.)
        """
        present = self.volume.options.get(AUTH_ALLOW)
        if present is not None:
            present = self.volume.options.get(gluster_options.OLD_AUTH_ALLOW, present)
        allow = self.options.values.get(AUTH_ALLOW, present)
        changes = self.change.leaving or self.change.coming or self.rebuilt
        if not changes or allow is None or AUTH_ALLOW in self.options.reset or "*" in gluster_options.listed(allow):
            return "", ""
        hosts = {brick.host for brick in self.volume.bricks}
        wider = gluster_options.allowed_with_peers(allow, sorted({*hosts, *(self.pool.names() if self.pool else ())}))
        return allow, ("" if wider == allow else wider)

    def _finish(self, allow: str | None) -> None:
        name = self.volume.name
        if HEAL_MARK in self.marks:
            gone = (*self.change.removed, *self.change.lowered)
            stay = [brick.name for brick in self.volume.bricks if brick.name not in gone]
            if all(self._is_up(brick) or brick in self.renamed or brick in self.rebuilt for brick in stay):
                kept = [self.renamed.get(brick, brick) for brick in stay]
                self._wait_healed("what a run before this has begun is complete", kept)
            else:
                # What a brick that is down has missed is healed when it is back; until then it is not known.
                self.ends.remove(HEAL_MARK)
        marks = [word for mark in self.ends for word in (mark, gluster_options.ENDED)]
        pairs = [*((AUTH_ALLOW, allow) if allow is not None else ()), *marks]
        if pairs:
            what = ["auth.allow is as it was"] if allow is not None else []
            what += ["what was marked has ended"] if marks else []
            self._step(f"{' and '.join(what)} (volume {name})", "gluster", "volume", "set", name, *pairs)

    def _wanted_back(self) -> Sequence[str]:
        """Bricks of a removal that was not committed, and that are declared."""
        task = self._removal()
        return () if task is None or set(task.bricks) & set(self.change.leaving) else task.bricks

    def _take_back(self) -> None:
        bricks, name = self._wanted_back(), self.volume.name
        if bricks:
            argv = ("gluster", "volume", "remove-brick", name, *bricks, "stop")
            self._step(f"end the removal of {', '.join(bricks)}, which volume {name} shall have", *argv)

    def _raise_replica(self) -> None:
        if self.change.raised:
            words = (*str(self.form).split(), *self.change.raised)
            argv = ("gluster", "volume", "add-brick", self.volume.name, *words)
            self._step(f"make volume {self.volume.name} {self.form} with {', '.join(self.change.raised)}", *argv)
            self._wait_healed("the new copies are complete")

    def _lower_replica(self) -> None:
        lowered = self.change.lowered
        if not lowered:
            return
        there = [brick for brick in lowered if self._is_up(brick)]
        if there:
            # They may have what the others have not got yet. What is meant for one that is down is never healed.
            members = [name for brick in there for name in self._members(brick)]
            self._wait_healed("the copies that stay are complete", members)
        argv = (
            "gluster",
            "volume",
            "remove-brick",
            self.volume.name,
            "replica",
            str(self.form.replica),
            *lowered,
            "force",
        )
        self._step(f"make volume {self.volume.name} {self.form} without {', '.join(lowered)}", *argv)
        if len(there) < len(lowered) and self.form.width > 1:
            self._wait_healed("the copies that stayed are complete")

    def _rebuild(self) -> None:
        reset = ("gluster", "volume", "reset-brick", self.volume.name)
        for brick in self.rebuilt:
            self._step(f"take {brick} out of use", *reset, brick, "start")
            self._step(f"take {brick} into use on its new disk", *reset, brick, brick, "commit", "force")
        if self.rebuilt:
            self._start()
        self._fill([(brick, brick) for brick in self.rebuilt])

    def _replace(self) -> None:
        pairs = self.change.replaced
        if pairs and self.form.width == 1:
            self.findings.append("a brick without a copy cannot be replaced; add the new one and remove the old one.")
        # Those that are down first, and all of them: as long as one is there, the others have something to heal for it.
        down = [pair for pair in pairs if not self._is_up(pair[0])]
        for old, new in down:
            self._replace_one(old, new)
        self._fill(down)
        for old, new in (pair for pair in pairs if pair not in down):
            # It may have what the others have not got yet.
            self._wait_healed(f"nothing is only on {old}", self._members(old))
            self._replace_one(old, new)
            self._fill([(old, new)])

    def _replace_one(self, old: str, new: str) -> None:
        argv = ("gluster", "volume", "replace-brick", self.volume.name, old, new, "commit", "force")
        self._step(f"replace {old} by {new} in volume {self.volume.name}", *argv)
        self.renamed[old] = new

    def _fill(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Have what is new and empty filled from the others of its set, and wait for it."""
        if not pairs:
            return
        name, new = self.volume.name, [pair[1] for pair in pairs]
        self._step(f"wait until {', '.join(new)} is online", "await", "online", name, *new)
        if self.form.disperse:
            # A replaced copy is marked as incomplete by gluster, a replaced fragment is not: it has to be looked for.
            self._step(f"have all files of volume {name} looked at", "gluster", "volume", "heal", name, "full")
        members = [brick for old, _new in pairs for brick in self._members(old)]
        self._wait_healed(f"{', '.join(new)} is complete", list(dict.fromkeys(members)))

    def _members(self, brick: str) -> list[str]:
        """The set of the brick, as it is at this step."""
        names = next(
            [one.name for one in members] for members in self.volume.sets if brick in [b.name for b in members]
        )
        return [self.renamed.get(name, name) for name in names]

    def _is_up(self, brick: str) -> bool:
        return self.states[brick] in (ONLINE, UNKNOWN)  # not started: it is before this

    def _add(self) -> None:
        added, name = self.change.added, self.volume.name
        if added:
            argv = ("gluster", "volume", "add-brick", name, *added)
            self._step(f"add {', '.join(added)} to volume {name}", *argv)
            self._step(f"wait until the new bricks of volume {name} are online", "await", "online", name, *added)

    def _remove(self) -> None:
        bricks = self.change.removed
        if not bricks:
            return
        remove = ("gluster", "volume", "remove-brick", self.volume.name, *bricks)
        listed, name = ", ".join(bricks), self.volume.name
        task = self._removal()
        failed = task is not None and not task.running and task.status != "completed"
        if failed:
            # It stays failed, and is in the way of another try.
            self._step(f"end the removal of {listed} from volume {name}, which has failed", *remove, "stop")
        if failed or task is None:
            self._step(f"begin to move the data away from {listed} of volume {name}", *remove, "start")
        self._step(f"wait until the data of {listed} was moved", "await", "removal", name, *bricks)
        self._step(f"take {listed} out of volume {name}", *remove, "commit")

    def _rebalance(self) -> None:
        name = self.volume.name
        bricks = len(self.volume.bricks) + len(self.change.added) - len(self.change.removed)
        wanted = REBALANCE_MARK in self.ends and self.declaration.get("rebalance", True)
        if wanted and bricks > self.form.width:
            argv = ("gluster", "volume", "rebalance", name, "start")
            self._step(f"spread the data of volume {name} over its bricks", *argv)
            self._wait("the data is spread", "rebalance")

    def _tasks(self) -> tuple[Task, ...]:
        return self.status.tasks if self.status else ()

    def _removal(self) -> Task | None:
        return next((task for task in self._tasks() if task.removes), None)

    def _wait_healed(self, what: str, bricks: Sequence[str] = ()) -> None:
        """Of these bricks alone: a brick of another set may be down, and what it misses is healed when it is back."""
        if self.form.width > 1 or self.volume.form.width > 1:
            self._wait(what, "healed", *bricks)

    def _wait(self, what: str, kind: str, *bricks: str) -> None:
        self._step(f"wait until {what} (volume {self.volume.name})", "await", kind, self.volume.name, *bricks)

    def _step(self, sentence: str, *argv: str) -> None:
        self.steps.append(Step(sentence, argv))
