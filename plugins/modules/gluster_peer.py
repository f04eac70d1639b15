#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_peer
short_description: The trusted pool of GlusterFS as a list of its hosts
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Adds hosts to the pool by name, waits until each of them is in the cluster, gives hosts further names, and takes
    hosts out that have no bricks.
  - Peers that are absent, in flight (a probe has not ended), disconnected or rejected are told apart. During a probe
    gluster lists no peers; this is not taken for an empty pool.
  - A host that was probed knows the prober by whatever its address resolves to. Run this on a second host of the pool
    as well, with the same O(peers), and the first one gets its name there.
  - Hosts that are not named are left alone.
options:
  peers:
    description:
      - Names of the hosts that shall be in the pool. This host itself may be among them.
      - A name must resolve here, and not to a loopback address, with which gluster would take this host for it.
    type: list
    elements: str
    default: []
  other_names:
    description:
      - Further names of hosts in O(peers), such as those of a storage network, by the name of the host. Those of this
        host itself are given by running on another one.
    type: dict
    default: {}
  detached:
    description: Names of hosts that shall not be in the pool. One that has bricks of a volume is refused.
    type: list
    elements: str
    default: []
  server_name:
    description: Name by which the pool knows this host, if it is not its host name.
    type: str
  timeout:
    description: For how long to wait until a peer is in the cluster, in seconds.
    type: int
    default: 60
  pool_options:
    description:
      - Options of the whole pool, such as C(cluster.server-quorum-ratio).
      - C(cluster.op-version) may be V(max), the highest that all hosts of the pool have. It cannot be lowered.
    type: dict
    default: {}
  definitions:
    description:
      - The C(definitions) that M(kvmcloud.stack.gluster_peer_info) returned, by host. Where they differ, it is told in
        which volume and in which of its settings, before a restart of glusterd makes rejected peers of it.
    type: dict
    default: {}
  cure_rejected:
    description:
      - Rejected peers that may be cured. The cure is made on the rejected host itself, where the module runs there; on
        other hosts it is no error that they see these peers as rejected.
      - It stops glusterd and with it, under Debian's unit, the bricks of the host; puts C(/var/lib/glusterd) aside but
        for the identity of the host; and fetches everything anew from O(cure_from). No brick is touched.
      - If the others differ among themselves, the rejection comes back; make O(definitions) agree first.
    type: list
    elements: str
    default: []
  cure_from:
    description: The peer whose definitions a cured host takes.
    type: str
extends_documentation_fragment:
  - kvmcloud.stack.gluster
  - kvmcloud.stack.gluster.change
"""

EXAMPLES = r"""
- name: Three hosts are one pool
  kvmcloud.stack.gluster_peer:
    peers: [gs1, gs2, gs3]
    other_names:
      gs2: [gs2-storage]
    pool_options:
      cluster.op-version: max

- name: A dead host is taken out, after its bricks were replaced
  kvmcloud.stack.gluster_peer:
    detached: [gs4]

- name: A rejected host takes the definitions of gs1 (on that host)
  kvmcloud.stack.gluster_peer:
    peers: [gs1, gs2, gs3]
    cure_rejected: [gs3]
    cure_from: gs1
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
      description: The command. C(await) and C(put-aside) are the module's own deeds.
      type: list
      elements: str
uuid:
  description: UUID of this host in the pool.
  returned: success
  type: str
peers:
  description: The other hosts of the pool as they are afterwards, as M(kvmcloud.stack.gluster_peer_info) returns them.
  returned: success
  type: list
  elements: dict
named:
  description:
    - Whether the other hosts know this one by O(server_name) and its O(other_names), which they learn when one of
      them probes this host by these names. V(false) without O(server_name).
  returned: success
  type: bool
differences:
  description: A sentence for each volume of which O(definitions) differ.
  returned: success
  type: list
  elements: str
findings:
  description: Every reason why the declaration was refused, before anything was changed.
  returned: when the declaration is refused
  type: list
  elements: str
"""

import os
import time

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_module, gluster_names, gluster_pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_command import GlusterError
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_module import GlusterModule
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import text
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_peers import (
    KEPT,
    CureState,
    Known,
    PeerPlanner,
    Wanted,
    plan_cure,
    pool_option,
    unknown_names,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import of_hosts, parse_option
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Refused, RunnerError

SPEC = {
    "peers": {"type": "list", "elements": "str", "default": []},
    "other_names": {"type": "dict", "default": {}},
    "detached": {"type": "list", "elements": "str", "default": []},
    "server_name": {"type": "str"},
    "timeout": {"type": "int", "default": 60},
    "pool_options": {"type": "dict", "default": {}},
    "definitions": {"type": "dict", "default": {}},
    "cure_rejected": {"type": "list", "elements": "str", "default": []},
    "cure_from": {"type": "str"},
}
# Definitions first: without them the host is an empty one to its peers, whatever else is still there.
ASIDE_FIRST = ("vols", "peers")


class Peers:
    def __init__(self):
        self.call = GlusterModule(SPEC)
        self.params = self.call.params
        self.own_names = gluster_names.own_names(self.params["server_name"])
        self.this_host = self.params["server_name"] or sorted(self.own_names - {"localhost"})[0]
        self.call.steps.deeds.update({"systemctl": self.systemctl, "put-aside": self.put_aside})

    # -- the cure ----------------------------------------------------------------------------------------------------

    def cure(self):
        """Plans until nothing is left to do; of a host whose glusterd is stopped, the rest shows once it runs."""
        named = self.own_names.intersection(name.lower() for name in self.params["cure_rejected"])
        if not named or self.call.bare:
            return Plan()
        if not self.params["cure_from"]:
            raise Refused(["cure_rejected needs cure_from, the peer whose definitions this host shall take."])
        done = Plan()
        for _round in range(3):
            part = plan_cure(self.cure_state(), self.params["cure_from"], self.params["peers"])
            if not part.changed:
                break
            done = Plan([*done.steps, *part.steps], [*done.diff, *part.diff])
            if self.call.check_mode:
                break
            part.apply(self.call.steps)
        return done

    def cure_state(self):
        folder = gluster_module.STATE_FOLDER
        held = any(os.path.isdir(f"{folder}/{name}") and os.listdir(f"{folder}/{name}") for name in ASIDE_FIRST)
        running = self.call.module.run_command(["systemctl", "is-active", "--quiet", "glusterd"])[0] == 0
        return CureState(self.call.pool() if running else None, held)

    def systemctl(self, verb, unit):
        rc, stdout, stderr = self.call.module.run_command(["systemctl", verb, unit])
        if rc:
            raise RunnerError(f"systemctl {verb} {unit} says: {(stderr or stdout).strip()}.")

    def put_aside(self, _folder):
        folder = gluster_module.STATE_FOLDER
        aside = f"{folder}.aside-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        os.makedirs(aside, mode=0o700, exist_ok=True)
        entries = sorted(set(os.listdir(folder)) - set(KEPT), key=lambda name: (name not in ASIDE_FIRST, name))
        for name in entries:
            os.rename(f"{folder}/{name}", f"{aside}/{name}")

    # -- the pool ----------------------------------------------------------------------------------------------------

    def wanted(self):
        others = {
            name: [names] if isinstance(names, str) else list(names)
            for name, names in self.params["other_names"].items()
        }
        return Wanted(
            peers=self.params["peers"],
            other_names=others,
            detached=self.params["detached"],
            tolerated=self.params["cure_rejected"],
            pool_options={key: text(value) for key, value in self.params["pool_options"].items()},
        )

    def plan(self):
        wanted = self.wanted()
        pool = self.call.pool()
        options, findings = self.pool_options(wanted.pool_options)
        goes = any(pool.find(name) for name in wanted.detached)
        known = Known(
            pool=pool,
            this_host=self.this_host,
            own_names=self.own_names,
            addresses=gluster_names.resolved(unknown_names(wanted, pool, self.own_names)),
            bricks=of_hosts([brick for volume in self.call.volumes() for brick in volume.bricks]) if goes else {},
            pool_options=options[0],
            lenient=self.call.check_mode,
        )
        planner = PeerPlanner(wanted._replace(pool_options=options[1]), known)
        planner.findings += findings
        return planner.plan(), pool

    def pool_options(self, declared):
        """The present values and the wanted ones, of the options that are declared."""
        if self.call.bare:
            return ({}, {key: value for key, value in declared.items() if value != "max"}), []
        present = {key: self.option(key) for key in declared}
        highest = self.option("cluster.max-op-version") if "cluster.op-version" in declared else ""
        wanted, findings = {}, []
        for key, value in declared.items():
            wanted[key], finding = pool_option(key, value, present[key], highest)
            findings += [finding] if finding else []
        return (present, wanted), findings

    def is_named(self, pool):
        """Whether the others know this host by its names: they are learnt when another host probes it by them."""
        names = {self.params["server_name"], *self.wanted().other_names.get(self.params["server_name"], ())}
        asked = next((peer for peer in pool.peers if peer.condition == gluster_pool.CONNECTED), None)
        if asked is None or not self.params["server_name"]:
            return False
        try:
            return names <= set(self.call.steps.called(pool, asked))
        except GlusterError:
            return False

    def option(self, key):
        return parse_option(self.call.cli.tree("volume", "get", "all", key))


def main():
    peers = Peers()
    call = peers.call
    differences = gluster_pool.differences(peers.params["definitions"])
    for difference in differences:
        call.module.warn(difference)
    cured, plan = Plan(), Plan()
    with call.sentences():
        cured = peers.cure()
        if cured.changed and call.check_mode:
            call.finish(cured, uuid="", peers=[], named=False, differences=differences)
        plan, pool = peers.plan()
        if plan.changed and not call.check_mode:
            plan.apply(call.steps)
            pool = call.pool()
        named = peers.is_named(pool)
    whole = Plan([*cured.steps, *plan.steps], [*cured.diff, *plan.diff], plan.warnings)
    call.finish(
        whole, uuid=pool.uuid, peers=[peer.shown() for peer in pool.peers], named=named, differences=differences
    )


if __name__ == "__main__":
    main()
