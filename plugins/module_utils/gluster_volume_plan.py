# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared volumes and those that are there to the steps: create, options, start, bricks, limits, delete. Pure.

All that speaks against it is found here, before the first command. A creation that gluster refuses leaves marks on the
bricks that it had looked at, and a wrong number of bricks even a ghost of a volume.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    gluster_options,
    gluster_pool,
    gluster_quota,
    gluster_volume_diff,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_bricks_change import difference, planned, sets_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_bricks_plan import BrickSteps
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form, FormError, form_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_inventory import host_from
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import Options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_picture import Host
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_quota import Quota
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Brick, Status, Volume, ghost
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Refused, Step

Declaration = Mapping[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")
_BRICK = re.compile(r"(?P<host>[^/\s]+):(?P<path>/\S*)\Z")
# Words of the command line, which it takes for something else than a name.
_RESERVED = frozenset({"volume", "all", "force", "replica", "disperse", "arbiter", "stripe", "transport", "help"})


class Known(NamedTuple):
    """What was read. Pool, status and quota are None where nothing declared needs them."""

    volumes: Sequence[Volume]
    groups: Mapping[str, Mapping[str, str]] = {}
    pool: Pool | None = None
    own_names: frozenset[str] = frozenset()  # of this host, which the pool lists as localhost only
    status: Mapping[str, Status] = {}
    quota: Mapping[str, Quota] = {}
    lenient: bool = False  # check mode, in which another task would have probed the hosts
    bare: bool = False  # and installed the packages
    prepared: Sequence[str] | None = None  # hosts whose disks somebody has looked at; None: it is not told which

    def volume(self, name: str) -> Volume | None:
        return next((one for one in self.volumes if one.name == name), None)

    def host_uuid(self, host: str) -> str:
        """The host, whichever of its names is used; the name itself if the pool does not know it."""
        if self.pool is None:
            return host
        if host.lower() in self.own_names:
            return self.pool.uuid or host
        peer = self.pool.find(host)
        return peer.uuid if peer else host


def brick_names(declaration: Declaration) -> list[str]:
    return [_tidy(str(brick)) for brick in declaration.get("bricks") or []]


def _tidy(brick: str) -> str:
    found = _BRICK.match(brick)
    return f"{found['host']}:{posixpath.normpath(found['path'])}" if found else brick


def needs_pool(declarations: Sequence[Declaration], volumes: Sequence[Volume]) -> bool:
    """Whether something is to be created, deleted or done to bricks; the converged case needs one read less."""
    present = {volume.name: volume for volume in volumes}
    for declaration in declarations:
        found = present.get(declaration["name"])
        absent = declaration["state"] == "absent"
        if found is None or absent:
            if bool(found) == absent:
                return True
            continue
        other_bricks = found.brick_names != brick_names(declaration) or declaration.get("rebuilt_bricks")
        if other_bricks or gluster_options.begun(found.options):
            return True
    return False


class VolumePlanner:
    def __init__(self, known: Known) -> None:
        self.known = known
        self.findings: list[str] = []
        self.warnings: list[str] = []
        self.steps: list[Step] = []
        self.diff: list[dict[str, str]] = []

    def plan(self, declarations: Sequence[Declaration]) -> Plan:
        self._check_together(declarations)
        for declaration in declarations:
            before = len(self.findings)
            found = self.known.volume(declaration["name"])
            if found is not None and found.is_ghost:
                self._find(declaration, ghost(found))
            elif declaration["state"] == "absent":
                self._delete(declaration, found)
            else:
                form = self._form(declaration, found)
                if form and len(self.findings) == before:
                    self._present(declaration, form, found)
        for volume in self.known.volumes:
            if volume.is_ghost and not any(one["name"] == volume.name for one in declarations):
                self.warnings.append(f"volume {volume.name}: {ghost(volume)}")
        if self.findings:
            raise Refused(self.findings)
        return Plan(self.steps, self.diff, self.warnings)

    # -- what speaks against it --------------------------------------------------------------------------------------

    def _check_together(self, declarations: Sequence[Declaration]) -> None:
        names: set[str] = set()
        owners: dict[str, str] = {}
        for declaration in declarations:
            name = declaration["name"]
            if name in names:
                self._find(declaration, "it is declared twice; keep one of the two.")
            names.add(name)
            for brick in brick_names(declaration) if declaration["state"] != "absent" else []:
                other = owners.setdefault(brick, name)
                if other != name:
                    self._find(declaration, f"its brick {brick} is one of volume {other} too; give each a directory.")

    def _form(self, declaration: Declaration, found: Volume | None) -> Form | None:
        """The wanted form, with everything checked that the declaration says by itself."""
        name = declaration["name"]
        if not _NAME.match(name) or name.lower() in _RESERVED:
            self._find(declaration, "a volume is called by letters, digits, - and _, and not by a word of the command.")
        try:
            form = form_of(declaration)
        except FormError as error:
            self.findings.append(str(error))
            return None
        bricks = brick_names(declaration)
        if not bricks:
            self._find(declaration, "it has no bricks; give them in order, or let gluster_brick_layout order them.")
            return None
        for brick in bricks:
            if not _BRICK.match(brick) or brick.endswith(":/"):
                self._find(declaration, f"brick {brick!r} is not of the form HOST:/ABSOLUTE/PATH.")
        for brick in sorted({brick for brick in bricks if bricks.count(brick) > 1}):
            self._find(declaration, f"brick {brick} is there twice.")
        if len(bricks) % form.width:
            self._find(
                declaration,
                f"it has {len(bricks)} bricks, which is no multiple of {form.width}, the size of a set of {form}. "
                "gluster would leave a ghost of the volume behind.",
            )
        self._check_sets(declaration, form, bricks, found)
        for finding in gluster_quota.check_quota(declaration.get("quota") or []):
            self._find(declaration, finding)
        return form

    def _check_sets(self, declaration: Declaration, form: Form, bricks: Sequence[str], found: Volume | None) -> None:
        if form.width == 1:
            return
        # Made so by hand, with force; that is no reason to leave its options alone.
        tell = self._warn if found and found.brick_names == list(bricks) else self._find
        for one in sets_of(bricks, form.width):
            hosts: dict[str, str] = {}
            for brick in one:
                uuid = self.known.host_uuid(Brick(brick).host)
                if uuid in hosts:
                    tell(
                        declaration,
                        f"{hosts[uuid]} and {brick} are of one set and on one host, with which both would be lost. "
                        "Bricks of a set stand side by side; gluster_brick_layout orders them so.",
                    )
                hosts.setdefault(uuid, brick)

    def _check_hosts(self, declaration: Declaration, bricks: Sequence[str]) -> None:
        pool = self.known.pool or Pool("")
        for host in dict.fromkeys(Brick(brick).host for brick in bricks):
            if host.lower() in self.known.own_names:
                continue
            peer = pool.find(host)
            if peer is None and self.known.lenient:
                self._warn(
                    declaration, f"{host} is no peer yet; check mode takes it as one that an earlier task probed."
                )
            elif peer is None:
                self._find(declaration, f"{host} is no peer of this pool; add it with gluster_peer.")
            elif peer.condition != gluster_pool.CONNECTED:
                self._find(
                    declaration, f"host {host} is {peer.condition}; its bricks can only be used when it is connected."
                )
        self._check_prepared(declaration, bricks)

    def _check_prepared(self, declaration: Declaration, bricks: Sequence[str]) -> None:
        """gluster takes a replaced brick into use on whatever disk its directory is, be it that of the root."""
        if self.known.prepared is None:
            return
        prepared = {self.known.host_uuid(host) for host in self.known.prepared}
        unseen = [brick for brick in bricks if self.known.host_uuid(Brick(brick).host) not in prepared]
        if unseen:
            self._find(
                declaration,
                f"{', '.join(unseen)} would be taken into use, and nobody has looked whether the disk is mounted "
                "there, since the host has no part in this run. Run without --limit.",
            )

    # -- volumes that shall be there ---------------------------------------------------------------------------------

    def _present(self, declaration: Declaration, form: Form, found: Volume | None) -> None:
        name = declaration["name"]
        options = gluster_options.wanted_options(declaration, self.known.groups)
        for finding in options.findings:
            (self._warn if self.known.bare else self._find)(declaration, finding)
        first = len(self.steps)
        if found is None:
            self._create(declaration, form)
        elif gluster_options.switches_sharding_off(options, found.options):
            self._find(
                declaration,
                "it has features.shard on. Files that were stored in pieces would be unreadable without it; it stays "
                "on for the life of the volume.",
            )
        self._set_options(name, options, found)
        starts = declaration["state"] == "started" and not (found and found.started)
        if starts:
            self._step(f"start volume {name}", "gluster", "volume", "start", name)
            self._step(f"wait until the bricks of volume {name} are online", "await", "online", name)
        if found is not None:
            self._change_bricks(declaration, form, found, options)
        self._set_quota(declaration, found)
        if declaration["state"] == "stopped" and found is not None and found.started:
            self._step(f"stop volume {name}", "gluster", "volume", "stop", name)
        if len(self.steps) > first:
            quota = self.known.quota.get(name, Quota(False))
            shown = gluster_volume_diff.declared(declaration, brick_names(declaration), form, options, found, quota)
            self.diff += gluster_volume_diff.difference(name, gluster_volume_diff.present(found, quota), shown)

    def _create(self, declaration: Declaration, form: Form) -> None:
        bricks = brick_names(declaration)
        self._check_hosts(declaration, bricks)
        self._check_free(declaration, bricks)
        # 'replica 3 arbiter 1', 'disperse 6 redundancy 2': as the command takes it. A redundancy left out is asked for.
        words = [] if form.width == 1 else str(form).split()
        sentence = f"create volume {declaration['name']} ({form}) of {', '.join(bricks)}"
        self._step(sentence, "gluster", "volume", "create", declaration["name"], *words, *bricks)

    def _check_free(self, declaration: Declaration, bricks: Sequence[str]) -> None:
        """A brick belongs to one volume, and must not lie in another one."""
        there = [(brick, volume.name) for volume in self.known.volumes for brick in volume.bricks]
        there += [(Brick(name), declaration["name"]) for name in bricks]
        used = [(other.host_uuid or self.known.host_uuid(other.host), other, name) for other, name in there]
        for name in bricks:
            brick, uuid = Brick(name), self.known.host_uuid(Brick(name).host)
            for host, other, owner in used:
                if host == uuid and other.path == brick.path and owner != declaration["name"]:
                    self._find(declaration, f"brick {name} belongs to volume {owner}.")
                elif host == uuid and brick.path.startswith(f"{other.path}/"):
                    self._find(
                        declaration, f"brick {name} lies in {other.name} (volume {owner}); give it its own place."
                    )
                elif host == uuid and other.path.startswith(f"{brick.path}/"):
                    self._find(declaration, f"brick {name} holds {other.name} (volume {owner}); give it its own place.")

    def _set_options(self, name: str, wanted: Options, found: Volume | None) -> None:
        present = found.options if found else {}
        differ = {k: v for k, v in wanted.values.items() if not gluster_options.same(k, v, present.get(k))}
        rewritten = present.get(gluster_options.OLD_AUTH_ALLOW)
        allow = present.get(gluster_options.AUTH_ALLOW)
        declared = gluster_options.AUTH_ALLOW in (*wanted.values, *wanted.reset)
        if rewritten and allow and gluster_options.listed(allow) != gluster_options.listed(rewritten):
            if not declared:
                differ[gluster_options.AUTH_ALLOW] = rewritten
            self.warnings.append(
                f"volume {name}: a change of bricks has rewritten auth.allow, on every host in another way; the next "
                "restart of glusterd would split the pool. It becomes the same everywhere again."
            )
        granular = differ.pop(gluster_options.GRANULAR, None) if found and found.started else None
        if differ:
            # One transaction: either all of them hold afterwards or none.
            pairs = [word for key, value in differ.items() for word in (key, value)]
            self._step(f"set {', '.join(differ)} of volume {name}", "gluster", "volume", "set", name, *pairs)
        if granular is not None:
            # 'volume set' refuses this one once the volume was started.
            word = "enable" if gluster_options.same("", granular, "on") else "disable"
            argv = ("gluster", "volume", "heal", name, "granular-entry-heal", word)
            self._step(f"{word} granular-entry-heal of volume {name}", *argv)
        for key in wanted.reset:
            if key in present:
                self._step(f"reset {key} of volume {name}", "gluster", "volume", "reset", name, key)

    def _set_quota(self, declaration: Declaration, found: Volume | None) -> None:
        name = declaration["name"]
        steps = gluster_quota.plan_quota(name, declaration.get("quota"), self.known.quota.get(name, Quota(False)))
        if steps and declaration["state"] == "stopped":
            self._find(declaration, "quota can only be changed while the volume is started.")
        self.steps += steps

    def _change_bricks(self, declaration: Declaration, form: Form, found: Volume, options: Options) -> None:
        hosts = [host_from(host) for host in declaration.get("hosts") or []]
        if any(host.disks for host in hosts):
            present = self._by_declared_name(found.bricks, hosts)
            left = self._by_declared_name(map(Brick, gluster_options.left_bricks(found.options)), hosts)
            change = planned(present, found.form, hosts, form, found.name, list(left))
        else:
            change = difference(found.brick_names, found.form, self._as_present(brick_names(declaration), found), form)
        part = BrickSteps(declaration, form, found, change, options, self.known.status.get(found.name), self.known.pool)
        if not part.needed:
            self.steps += part.restart()
            return
        self._check_hosts(declaration, [*change.coming, *part.rebuilt])
        self._check_free(declaration, change.coming)
        if declaration["state"] == "stopped":
            self._find(declaration, "bricks can only be changed while the volume is started; nothing would be healed.")
        steps, findings = part.plan()
        self.steps += steps
        for finding in findings:
            self._find(declaration, finding)
        if change.outdated:
            self._warn(
                declaration,
                f"the files of {', '.join(change.outdated)} are copied or moved to other bricks, and stay in the "
                "directory too. Its disk gets another brick: when the volume is healed, remove the old directory.",
            )

    def _by_declared_name(self, bricks: Iterable[Brick], hosts: Sequence[Host]) -> dict[str, str]:
        """The names of the bricks, by what they would be with the declared names of their hosts."""
        names = {self.known.host_uuid(host.name): host.name for host in hosts}
        uuids = {brick: brick.host_uuid or self.known.host_uuid(brick.host) for brick in bricks}
        return {f"{names.get(uuid, brick.host)}:{brick.path}": brick.name for brick, uuid in uuids.items()}

    def _as_present(self, wanted: Sequence[str], found: Volume) -> list[str]:
        """The same brick by another name of its host is the same brick."""
        names = {(brick.host_uuid, brick.path): brick.name for brick in found.bricks}
        return [names.get((self.known.host_uuid(Brick(name).host), Brick(name).path), name) for name in wanted]

    # -- volumes that shall not be there -----------------------------------------------------------------------------

    def _delete(self, declaration: Declaration, found: Volume | None) -> None:
        if found is None:
            return
        name = found.name
        if declaration.get("confirm_delete") != name:
            self._find(
                declaration,
                f"it is there, {found.status.lower()}, with {len(found.bricks)} bricks. Its deletion needs "
                f"confirm_delete: {name}.",
            )
        away = [peer.name for peer in (self.known.pool or Pool("")).peers if peer.condition != gluster_pool.CONNECTED]
        if away:
            self._find(declaration, f"it can only be deleted while all peers are connected; {', '.join(away)} is not.")
        if found.started:
            self._step(f"stop volume {name}", "gluster", "volume", "stop", name)
        self._step(f"delete volume {name}", "gluster", "volume", "delete", name)
        self._warn(
            declaration,
            f"the files stay on {', '.join(found.brick_names)}, and so do the marks of the volume. To use these bricks "
            "again, name them in 'reset' of gluster_brick.",
        )
        self.diff += gluster_volume_diff.difference(name, gluster_volume_diff.present(found, Quota(False)), {})

    def _step(self, sentence: str, *argv: str) -> None:
        self.steps.append(Step(sentence, argv))

    def _find(self, declaration: Declaration, reason: str) -> None:
        self.findings.append(f"volume {declaration['name']}: {reason}")

    def _warn(self, declaration: Declaration, reason: str) -> None:
        self.warnings.append(f"volume {declaration['name']}: {reason}")
