#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: onehost_sync
short_description: Nodes have the front-end's present drivers and probes
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Runs C(onehost sync --force) for the nodes that lack the present content of O(remotes), and for no others.
  - What each node was given is kept in O(record). A run that was killed, or a node that was away, is made up for by
    the next run.
  - The record is this front-end's own. Of several front-ends another may have led since, and given the nodes its
    drivers; after each change of the leader all nodes are given those of this one, once.
  - Nodes that OpenNebula does not reach (in error, offline) are named in a warning and left for a later run.
options:
  remotes:
    description: The directory that OpenNebula copies to its nodes.
    type: path
    default: /var/lib/one/remotes
  record:
    description: Where is kept which node was given what.
    type: path
    default: /var/lib/kvmcloud.stack/remotes.json
  conf:
    description: The configuration of oned, which tells whether this is one of several front-ends.
    type: path
    default: /etc/one/oned.conf
  api_timeout:
    description: How long oned may take to answer one call, in seconds.
    type: int
    default: 30
  sync_timeout:
    description: How long the copying to all nodes may take, in seconds.
    type: int
    default: 600
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: The plan is reported; nothing is copied or recorded.
    support: full
  diff_mode:
    description: The nodes that are given the remotes are listed.
    support: full
  platform:
    platforms: posix
    support: full
notes:
  - Runs on a front-end as root, and copies as oneadmin, whose SSH the nodes trust.
"""

EXAMPLES = r"""
- name: Nodes have the present drivers
  kvmcloud.stack.onehost_sync:
"""

RETURN = r"""
synced:
  description: Names of the nodes that were given the remotes, or would be.
  returned: success
  type: list
  elements: str
waiting:
  description: Names of the nodes that lack them and are not reached.
  returned: success
  type: list
  elements: str
"""

import hashlib
import json
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    make_directories,
    read_file,
    write_file,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_remotes import plan_sync
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import ZoneError, parse_zone
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_database import settings_of

SPEC = {
    "remotes": {"type": "path", "default": "/var/lib/one/remotes"},
    "record": {"type": "path", "default": "/var/lib/kvmcloud.stack/remotes.json"},
    "conf": {"type": "path", "default": "/etc/one/oned.conf"},
    "api_timeout": {"type": "int", "default": 30},
    "sync_timeout": {"type": "int", "default": 600},
}

# `onehost sync` itself touches this file among the remotes.
MARK_OF_SYNC = ".update"


def digest_of(folder):
    """One value for names, modes and contents of everything below the folder but backups of edited files."""
    digest = hashlib.sha256()
    for path, folders, files in os.walk(folder):
        folders.sort()
        digest.update(f"{os.path.relpath(path, folder)}/\0".encode())  # an empty folder may be what a probe looks for
        if path == folder:
            files = [name for name in files if name != MARK_OF_SYNC]
        links = [name for name in folders if os.path.islink(os.path.join(path, name))]
        for name in sorted(name for name in files + links if not name.endswith("~")):
            file = os.path.join(path, name)
            link = os.path.islink(file)
            digest.update(f"{os.path.relpath(file, folder)}\0{0 if link else os.stat(file).st_mode:o}\0".encode())
            if link:
                digest.update(os.readlink(file).encode())
            else:
                with open(file, "rb") as stream:
                    digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()


def read_record(path):
    """None where there is none, or none that can be read: everything is then taken as not yet given."""
    found = read_file(path)
    try:
        return json.loads(found.content) if found else None
    except ValueError:
        return None


def term_of(cli, conf):
    """The term that the leader of the zone began with; None where there is one front-end alone."""
    found = read_file(conf)  # none on a host whose packages are only planned
    if found is None or settings_of(found.content.decode("utf-8", "surrogateescape"))[1] == -1:
        return None
    leader = parse_zone(cli.run(["onezone", "show", "-x", "0"])).leader()
    return leader.term if leader else -1


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    cli = OneCommand(module, assume_fresh=True)
    try:
        pool = cli.pool("onehost")
        term = term_of(cli, params["conf"])
    except (OneError, NotParsed, ZoneError) as error:
        module.fail_json(msg=f"Which nodes there are, and who leads, could not be read: {error}")
    record = read_record(params["record"])
    same_leader = record is not None and record.get("term") == term and term != -1
    plan = plan_sync(pool, record if same_leader else None, digest_of(params["remotes"]))
    wanted = plan.record if term is None else {**plan.record, "term": term}
    names = [host.name for host in plan.sync]
    if plan.waiting:
        module.warn(
            f"OpenNebula does not reach {', '.join(plan.waiting)}, so the present drivers could not be copied there; "
            "run again when it does."
        )
    if not module.check_mode:
        if plan.sync:
            numbers = ",".join(str(host.id) for host in plan.sync)
            cli.answer_limit = params["sync_timeout"]
            try:
                copy = ["runuser", "-u", "oneadmin", "--", "onehost", "sync", "--force", numbers]
                cli.run(copy, {"HOME": os.path.dirname(params["remotes"])})
            except OneError as error:
                module.fail_json(msg=f"The drivers could not be copied to {', '.join(names)}: {error}")
        if wanted != record:
            make_directories(os.path.dirname(params["record"]))
            content = json.dumps(wanted, indent=1, sort_keys=True).encode()
            write_file(module, ManagedFile(params["record"], content, 0o644, 0, 0))
    shown = {"before": "", "after": "".join(f"{name}: present drivers and probes\n" for name in names)}
    module.exit_json(changed=bool(plan.sync), synced=names, waiting=plan.waiting, diff=shown)


if __name__ == "__main__":
    main()
