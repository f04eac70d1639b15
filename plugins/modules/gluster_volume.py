#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_volume
short_description: Volumes of GlusterFS as a list
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Creates, sets up, starts, stops and deletes volumes, and changes their bricks with the data moved and healed.
  - Everything is checked before the first command, since a creation that gluster refuses leaves marks on bricks, and
    one with a wrong number of bricks even a ghost of a volume. All that speaks against it is told at once.
  - It never uses C(force) to create a volume, and takes no copy away before the others of its set are complete.
  - A run that was killed is taken up by the next one, also in the middle of a removal, a replacement or a rebalance.
    For this, options C(user.kvmcloud-rebalance) and C(user.kvmcloud-heal) are V(wanted) while bricks change, and then
    V(ended), since gluster does not take options of this name space away. C(user.kvmcloud-left) has the bricks that
    have left the volume, whose directories are not used again.
  - While bricks change, all hosts of the pool are in C(auth.allow), if it is set at all. Otherwise gluster would write
    them there itself, on every host in another way, and the next restart of glusterd would end in rejected peers.
  - Volumes that are not named are left alone.
options:
  volumes:
    description: The volumes. The filter P(kvmcloud.stack.gluster_brick_layout#filter) makes them from declared disks.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the volume.
        type: str
        required: true
      state:
        description:
          - V(started) and V(stopped) mean that it is there. Of one that is started, bricks whose process has ended are
            started again. V(absent) deletes it, for which O(volumes[].confirm_delete) is needed. The files stay on the
            bricks.
        type: str
        choices: [started, stopped, absent]
        default: started
      bricks:
        description:
          - The bricks as V(HOST:/DIRECTORY), in gluster's order; those of a set stand side by side, an arbiter last.
          - Of a volume that is there, bricks that are not declared leave it (see O(volumes[].confirm_remove)), and
            those that are new come. The order of sets is of no account.
          - Prepare new bricks with M(kvmcloud.stack.gluster_brick) before. When a brick is replaced, gluster itself
            does not look whether the disk is mounted.
        type: list
        elements: str
        default: []
      replica:
        description: Bricks of a set that are copies of one another, with the arbiter.
        type: int
      arbiter:
        description: V(1) if the last brick of each set holds names and no data.
        type: int
      disperse:
        description: Bricks of a set over which files are spread with redundancy.
        type: int
      redundancy:
        description: How many bricks of such a set may be lost.
        type: int
      stripe:
        description: Refused. GlusterFS has no striped volumes any more; the option C(features.shard) spreads large
          files.
        type: int
      accept_split_brain_risk:
        description: Needed for O(volumes[].replica=2), in which two copies may come to differ with none of them right.
        type: bool
        default: false
      options:
        description:
          - Options of the volume. They are set in one transaction, and compared by what they mean, so that V(on) and
            V(enable) are one, and 1GB and 1024MB. V(null) resets an option.
          - Options that are not named are left alone.
        type: dict
        default: {}
      group:
        description:
          - Groups of options, such as V(virt) for disks of guests, as they are in C(/var/lib/glusterd/groups) of this
            host. They are expanded and compared one by one; O(volumes[].options) has precedence.
        type: list
        elements: str
        default: []
      owner:
        description: Owner of the root of the volume, 36 and 36 for oVirt, 9869 and 9869 for OpenNebula.
        type: dict
        suboptions:
          uid:
            description: User id.
            type: int
          gid:
            description: Group id.
            type: int
      quota:
        description:
          - Limits of directories. They are all there are; others are taken away. An empty list switches quota off, and
            without this quota is left alone.
        type: list
        elements: dict
        suboptions:
          path:
            description: Directory within the volume, which must exist; V(/) for all of it.
            type: str
            required: true
          limit:
            description: Most that it may hold, such as V(10GB), in powers of 1024.
            type: str
            required: true
          soft_limit:
            description: Share of the limit from which on it is logged.
            type: str
            default: 80%
      rebalance:
        description: Whether the data is spread over all bricks after some were added.
        type: bool
        default: true
      confirm_delete:
        description: Name of the volume once more, if it may be deleted.
        type: str
      confirm_remove:
        description: Bricks that may leave the volume. Their data is moved or copied before.
        type: list
        elements: str
        default: []
      confirm_replica_from:
        description: The number of copies that the volume has now, if that may be changed.
        type: int
      rebuilt_bricks:
        description:
          - Bricks whose disk was replaced by a new one, at the same place. They are filled from the others of their
            set. A brick that is online is left alone.
        type: list
        elements: str
        default: []
      hosts:
        description:
          - From P(kvmcloud.stack.gluster_brick_layout#filter). With it, the bricks of a volume that is there change as
            little as possible, instead of to exactly O(volumes[].bricks).
        type: list
        elements: dict
        default: []
      capacity_mb:
        description: From P(kvmcloud.stack.gluster_brick_layout#filter); not used.
        type: int
      survives:
        description: From P(kvmcloud.stack.gluster_brick_layout#filter); not used.
        type: list
        elements: str
  server_name:
    description: Name by which the pool knows this host, if it is not its host name.
    type: str
  prepared_hosts:
    description:
      - Hosts whose disks M(kvmcloud.stack.gluster_brick) has looked at in this run, by a name of the pool. Bricks of
        other hosts are not taken into use then. Without it, that is left to you.
    type: list
    elements: str
  data_timeout:
    description:
      - For how long to wait for each move of data (healing, removal, rebalance), in seconds. It goes on when the time
        is up, and another run waits on.
    type: int
    default: 3600
extends_documentation_fragment:
  - kvmcloud.stack.gluster
  - kvmcloud.stack.gluster.change
"""

EXAMPLES = r"""
- name: A volume for disks of guests, with two copies and an arbiter
  kvmcloud.stack.gluster_volume:
    volumes:
      - name: vms
        replica: 3
        arbiter: 1
        bricks: ["gs1:/bricks/b1/vms", "gs2:/bricks/b1/vms", "gs3:/bricks/b1/vms"]
        group: virt
        owner: {uid: 9869, gid: 9869}
        options:
          network.ping-timeout: 10
          auth.allow: 10.0.0.*

- name: The brick of a dead host is replaced
  kvmcloud.stack.gluster_volume:
    volumes:
      - name: images
        replica: 3
        bricks: ["gs1:/bricks/b1/images", "gs2:/bricks/b1/images", "gs4:/bricks/b1/images"]
        confirm_remove: ["gs3:/bricks/b1/images"]

- name: A volume goes
  kvmcloud.stack.gluster_volume:
    volumes:
      - name: scratch
        state: absent
        confirm_delete: scratch
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in order.
  returned: success, or failure after the first change
  type: list
  elements: dict
  contains:
    action:
      description: The step as a phrase.
      type: str
    command:
      description: The command. C(await) is a wait of the module itself.
      type: list
      elements: str
volumes:
  description: The declared volumes that are there afterwards, as M(kvmcloud.stack.gluster_volume_info) returns them,
    with the state of bricks where it was needed. In check mode, as they are.
  returned: success
  type: list
  elements: dict
checksums:
  description:
    - Of each declared volume, the checksum of its definition on this host. It must be the same on all hosts of the
      pool, or the next restart of glusterd ends in a rejected peer.
  returned: success
  type: dict
  sample: {vms: "1886912133"}
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""


from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    gluster_errors,
    gluster_module,
    gluster_names,
    gluster_options,
    gluster_pool,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import GlusterError
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_leftovers import Leftovers
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_module import GlusterModule
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_quota import Quota
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volume_plan import (
    Known,
    VolumePlanner,
    brick_names,
    needs_pool,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volume_verify import verify
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import (
    Brick,
    describe,
    parse_progress,
    parse_quota,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError

VOLUME = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
    "bricks": {"type": "list", "elements": "str", "default": []},
    "replica": {"type": "int"},
    "arbiter": {"type": "int"},
    "disperse": {"type": "int"},
    "redundancy": {"type": "int"},
    "stripe": {"type": "int"},
    "accept_split_brain_risk": {"type": "bool", "default": False},
    "options": {"type": "dict", "default": {}},
    "group": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "dict", "options": {"uid": {"type": "int"}, "gid": {"type": "int"}}},
    "quota": {
        "type": "list",
        "elements": "dict",
        "options": {
            "path": {"type": "str", "required": True},
            "limit": {"type": "str", "required": True},
            "soft_limit": {"type": "str", "default": "80%"},
        },
    },
    "rebalance": {"type": "bool", "default": True},
    "confirm_delete": {"type": "str"},
    "confirm_remove": {"type": "list", "elements": "str", "default": []},
    "confirm_replica_from": {"type": "int"},
    "rebuilt_bricks": {"type": "list", "elements": "str", "default": []},
    "hosts": {"type": "list", "elements": "dict", "default": []},
    "capacity_mb": {"type": "int"},
    "survives": {"type": "list", "elements": "str"},
}
SPEC = {
    "volumes": {"type": "list", "elements": "dict", "required": True, "options": VOLUME},
    "server_name": {"type": "str"},
    "prepared_hosts": {"type": "list", "elements": "str"},
    "data_timeout": {"type": "int", "default": 3600},
}


class Volumes:
    def __init__(self):
        self.call = GlusterModule(SPEC)
        self.declared = self.call.params["volumes"]
        self.own_names = gluster_names.own_names(self.call.params["server_name"])
        self.call.steps.deeds["gluster"] = self.command

    def known(self):
        """One read of the volumes and of their processes, and of more only where something is to be done."""
        present = self.call.volumes()
        pool = None
        status = self.status(present)
        if needs_pool(self.declared, present):
            pool = self.pool(present)
            hosts = {Brick(brick).host for one in self.declared for brick in brick_names(one)}
            unknown = [host for host in sorted(hosts) if not pool.find(host) and host.lower() not in self.own_names]
            own = {host for host, address in gluster_names.resolved(unknown).items() if address.own}
            self.own_names |= {host.lower() for host in own}
        names = {one["name"] for one in self.declared if one["quota"] is not None and one["state"] != "absent"}
        quota = {volume.name: self.quota(volume) for volume in present if volume.name in names}
        groups = gluster_module.option_groups({name for one in self.declared for name in one["group"]})
        check, bare = self.call.check_mode, self.call.bare
        prepared = self.call.params["prepared_hosts"]
        return Known(present, groups, pool, self.own_names, status, quota, lenient=check, bare=bare, prepared=prepared)

    def pool(self, present):
        """Where clients are limited, with the names by which the peers know this host: they must not be shut out."""
        pool = self.call.pool()
        options = [*(volume.options for volume in present), *(one["options"] or {} for one in self.declared)]
        if not any(gluster_options.AUTH_ALLOW in one for one in options):
            return pool
        asked = [peer for peer in pool.peers if peer.condition == gluster_pool.CONNECTED]
        called = [name for peer in asked for name in self.call.steps.called(pool, peer)]
        return pool._replace(called=tuple(dict.fromkeys(called)))

    def status(self, present):
        """A removal that has left files behind is told as completed by gluster too."""
        found = self.call.status() if any(volume.started for volume in present) else {}
        for name, status in found.items():
            tasks = tuple(self.task(name, task) for task in status.tasks)
            found[name] = status._replace(tasks=tasks)
        return found

    def task(self, name, task):
        if not task.removes or task.status != "completed":
            return task
        progress = parse_progress(self.call.cli.tree("volume", "remove-brick", name, *task.bricks, "status"))
        left = any(one.failures or one.skipped for one in progress)
        return task._replace(status="completed with failures") if left else task

    def quota(self, volume):
        if volume.options.get("features.quota") != "on" or not volume.started:
            return Quota(volume.options.get("features.quota") == "on")
        answer = self.call.cli.ask("volume", "quota", volume.name, "list")
        if answer.kind == gluster_errors.EMPTY:  # switched on, and no directory has a limit
            return Quota(True)
        if not answer.ok or answer.tree is None:
            raise GlusterError(answer, f"gluster volume quota {volume.name} list")
        return Quota(True, parse_quota(answer.tree))

    def command(self, *words):
        """A command of gluster; of a creation that it refuses, nothing is left on the bricks of this host."""
        argv = ("gluster", *words)
        if words[:2] != ("volume", "create"):
            self.call.cli.change(argv)
            return
        # Groups of words that are no bricks have no ':/'.
        bricks = [Brick(word) for word in words[3:] if ":/" in word]
        paths = [brick.path for brick in bricks if brick.host.lower() in self.own_names]
        leftovers = Leftovers(paths)
        try:
            self.call.cli.change(argv)
        except GlusterError as error:
            if error.kind != gluster_errors.REFUSED:
                raise  # turned away, or without an answer: then it may go on
            self.clean(leftovers, bricks, error)

    def clean(self, leftovers, bricks, error):
        taken = [brick for volume in self.call.volumes() for brick in volume.bricks]
        in_use = [brick.path for brick in taken if brick.host.lower() in self.own_names]
        gone = leftovers.remove(in_use)
        here = {brick.name for brick in taken}  # of a volume that somebody else has made meanwhile
        others = [brick.name for brick in bricks if brick.host.lower() not in self.own_names and brick.name not in here]
        sentence = f" Its marks were taken from {', '.join(gone)} again." if gone else ""
        if others:
            sentence += (
                f" Of {', '.join(others)} some may bear them now: if the next try says 'already part of a volume', "
                "name these in 'reset' of gluster_brick on their hosts."
            )
        raise RunnerError(f"{error}{sentence}") from error

    def after(self, plan):
        """What became of it; where bricks were changed, held against what was declared."""
        present = self.call.volumes()
        if plan.changed and not self.call.check_mode:
            wrong = verify(self.declared, present)
            if wrong:
                actions = plan.result()["actions"]
                self.call.module.fail_json(msg="\n".join(wrong), changed=True, actions=actions)
        return present


def main():
    volumes = Volumes()
    call = volumes.call
    with call.sentences():
        known = volumes.known()
        plan = VolumePlanner(known).plan(volumes.declared)
        present = known.volumes
        if plan.changed and not call.check_mode:
            plan.apply(call.steps)
            present = volumes.after(plan)
        names = {one["name"] for one in volumes.declared}
        shown = [describe(one, known.status.get(one.name), known.pool) for one in present if one.name in names]
    found = gluster_module.definitions(gluster_module.STATE_FOLDER)
    checksums = {name: found[name]["checksum"] for name in sorted(names) if name in found}
    call.finish(plan, volumes=shown, checksums=checksums)


if __name__ == "__main__":
    main()
