#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_peer_info
short_description: The trusted pool of GlusterFS as one of its hosts sees it
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Returns the peers of this host with their names and conditions. Each host has a view of its own, so that this is
    asked of all of them; a peer may be rejected by one and accepted by another.
  - A list that cannot be had because a probe is under way is told as such, and not as a pool without peers.
options:
  definitions:
    description:
      - Return the definitions of the volumes as well, as the disk of this host has them. Where they differ between
        hosts, the next restart of glusterd ends in a rejected peer; M(kvmcloud.stack.gluster_peer) compares them.
    type: bool
    default: false
  op_version:
    description: Return the operating version of the pool, and the highest that all of its hosts have.
    type: bool
    default: false
extends_documentation_fragment:
  - kvmcloud.stack.gluster
  - kvmcloud.stack.gluster.info
"""

EXAMPLES = r"""
- name: The pool as each of its hosts sees it
  kvmcloud.stack.gluster_peer_info:
    definitions: true
  register: view
"""

RETURN = r"""
uuid:
  description: UUID of this host in the pool.
  returned: success
  type: str
in_flight:
  description: Whether a probe is under way, during which glusterd lists no peers.
  returned: success
  type: bool
peers:
  description: The other hosts of the pool.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: UUID of the host.
      type: str
    name:
      description: The name that gluster shows.
      type: str
    names:
      description: All names by which the host is known.
      type: list
      elements: str
    condition:
      description:
        - V(connected), V(disconnected) (host or glusterd is down), V(rejected) (its definitions differ) or V(joining).
      type: str
    state:
      description: State of the peer in gluster's words.
      type: str
definitions:
  description: Of each volume its C(checksum), and in C(info) the settings that it is the checksum of.
  returned: when O(definitions) is set
  type: dict
op_version:
  description: Operating version of the pool, as C(cluster.op-version) and C(cluster.max-op-version).
  returned: when O(op_version) is set
  type: dict
  sample: {cluster.op-version: "100000", cluster.max-op-version: "100000"}
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_module
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_module import GlusterModule
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_pool import Pool
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import parse_option

SPEC = {
    "definitions": {"type": "bool", "default": False},
    "op_version": {"type": "bool", "default": False},
}
OP_VERSIONS = ("cluster.op-version", "cluster.max-op-version")


def main():
    call = GlusterModule(SPEC)
    more = {}
    with call.sentences():
        # Not waited for: that a probe is under way is part of the picture.
        found = Pool("") if call.bare else call.steps.pool()
        if call.params["op_version"] and not call.bare:
            more["op_version"] = {key: parse_option(call.cli.tree("volume", "get", "all", key)) for key in OP_VERSIONS}
    if call.params["definitions"]:
        more["definitions"] = gluster_module.definitions(gluster_module.STATE_FOLDER)
    pool = found or Pool("")
    call.module.exit_json(
        changed=False, uuid=pool.uuid, in_flight=found is None, peers=[peer.shown() for peer in pool.peers], **more
    )


if __name__ == "__main__":
    main()
