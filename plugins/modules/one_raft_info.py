#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: one_raft_info
short_description: How this front-end stands in a zone of several
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Reads the server id of C(oned.conf), looks into the database past oned - whether there is one, how far its log goes
    and which servers it knows - and asks the running oned how every server of the zone stands.
  - Changes nothing. What to do about it is decided by the filter P(kvmcloud.stack.opennebula_ha_plan#filter), from what
    all front-ends say.
options:
  endpoint:
    description: Endpoint under which the zone knows this server.
    type: str
    required: true
  local_endpoint:
    description: Endpoint of the oned on this very host.
    type: str
    default: http://localhost:2633/RPC2
  conf:
    description: The configuration of oned. One that does not exist yet has no database.
    type: path
    default: /etc/one/oned.conf
  home:
    description: Home of oneadmin, where SQLite keeps its file.
    type: path
    default: /var/lib/one
  patience:
    description: How long an election is waited for that is going on among the servers of the zone, in seconds.
    type: int
    default: 40
  api_timeout:
    description: How long oned may take to answer one call, in seconds.
    type: int
    default: 30
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Changes nothing, in check mode or not.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    platforms: posix
    support: full
notes:
  - Runs on a front-end as root. With the MySQL backend it needs python3-pymysql there.
"""

EXAMPLES = r"""
- name: How each front-end stands
  kvmcloud.stack.one_raft_info:
    endpoint: http://10.0.0.11:2633/RPC2
  register: look
"""

RETURN = r"""
look:
  description: What was found.
  returned: success
  type: dict
  contains:
    endpoint:
      description: The endpoint that was given.
      type: str
    server_id:
      description: SERVER_ID of C(oned.conf); -1 of a front-end that stands alone.
      type: int
    running:
      description: Whether oned answers.
      type: bool
    database:
      description: V(none), V(half) where a seed was cut off, or V(filled).
      type: str
    index:
      description: Number of the newest record of the replicated log.
      type: int
    term:
      description: Term of that record.
      type: int
    first_index:
      description: Number of the oldest record that is still there.
      type: int
    version:
      description: Version of the database.
      type: str
    zone:
      description: The zone with its servers, each with state, term, index and commit where oned runs.
      type: dict
    shared:
      description: Digests of the files that have to be the same on all front-ends.
      type: dict
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import ZoneError, parse_zone
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_database import (
    NOT_SHARED,
    DatabaseError,
    database_at,
    digest,
    settings_of,
    state_of,
)

BARE = {"database": "none", "index": -1, "first_index": -1, "term": -1, "version": "", "zone": None}


def digests(home):
    """Of high-entropy secrets that oned and FireEdge made; oneadmin's password is not among them."""
    folder = os.path.join(home, ".one")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    files = {name: os.path.join(folder, name) for name in names if name not in NOT_SHARED}
    return {name: digest(path) for name, path in files.items() if os.path.isfile(path)}


def zone_by_oned(cli, endpoint):
    """The zone with the states of its servers, or None where oned does not run."""
    try:
        return parse_zone(cli.run(["onezone", "show", "-x", "0"], {"ONE_XMLRPC": endpoint}))
    except OneError as error:
        if error.kind == one_errors.UNREACHABLE or not cli.installed("onezone"):
            return None
        raise


def zone_after_election(cli, endpoint, patience):
    """After a power loss all are followers, for the 15 s of oned's warm-up and more."""
    deadline = time.monotonic() + patience
    while True:
        zone = zone_by_oned(cli, endpoint)
        electing = zone is not None and zone.leader() is None
        standing = electing and sum(1 for one in zone.servers if one.state in ("follower", "candidate"))
        if not electing or standing < zone.majority() or time.monotonic() > deadline:
            return zone
        time.sleep(1)


def main():
    module = AnsibleModule(
        argument_spec={
            "endpoint": {"type": "str", "required": True},
            "local_endpoint": {"type": "str", "default": "http://localhost:2633/RPC2"},
            "conf": {"type": "path", "default": "/etc/one/oned.conf"},
            "home": {"type": "path", "default": "/var/lib/one"},
            "patience": {"type": "int", "default": 40},
            "api_timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    look = {"endpoint": params["endpoint"], "server_id": -1, "running": False, **BARE, "shared": {}}
    if os.path.exists(params["conf"]):
        try:
            with open(params["conf"], encoding="utf-8", errors="surrogateescape") as stream:
                values, look["server_id"] = settings_of(stream.read())
            look.update(state_of(database_at(params["home"], values), params["home"]))
            told = zone_after_election(OneCommand(module), params["local_endpoint"], params["patience"])
        except NotParsed as problem:
            module.fail_json(msg=f"{params['conf']} cannot be read: {problem}. Which database it names is not known.")
        except (DatabaseError, ZoneError, OneError) as problem:
            module.fail_json(msg=str(problem))
        look.update(running=told is not None, shared=digests(params["home"]))
        if told:
            look["zone"] = told.as_dict()
    module.exit_json(changed=False, look=look)


if __name__ == "__main__":
    main()
