#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: onedb_snapshot
short_description: What another front-end needs to become a server of the zone
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Writes one file with the database as of one moment, while oned goes on, and with the credentials of OpenNebula's own
    services, which have to be the same on all front-ends. M(kvmcloud.stack.onedb_seed) takes it from there.
  - The database must know the server it is made for. One that was seeded from a database which does not know it would
    think itself the only server, and lead.
  - The file belongs to oneadmin and can be read by nobody else. Remove it when it was taken.
options:
  path:
    description: The file to write. Needed unless O(state=absent).
    type: path
  endpoint:
    description:
      - Endpoint of the server that it is made for; waited for in the database for a moment. Needed unless
        O(state=absent).
    type: str
  state:
    description:
      - V(absent) removes the file. Without O(path) it removes whatever runs that were killed have left of seeds on this
        host; each is a copy of the database and of the credentials. No front-end may be seeded meanwhile.
    type: str
    choices: [present, absent]
    default: present
  conf:
    description: The configuration of oned.
    type: path
    default: /etc/one/oned.conf
  home:
    description: Home of oneadmin.
    type: path
    default: /var/lib/one
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    description: There is nothing to show but secrets.
    support: none
  platform:
    platforms: posix
    support: full
notes:
  - Runs on a front-end as root. With the MySQL backend it needs python3-pymysql and the client programs there.
  - The file needs as much space as the database.
"""

EXAMPLES = r"""
- name: Seed for front2
  kvmcloud.stack.onedb_snapshot:
    path: /var/lib/one/.seed-front2
    endpoint: http://10.0.0.12:2633/RPC2

- name: Nothing is left of seeds
  kvmcloud.stack.onedb_snapshot:
    state: absent
"""

RETURN = r"""
manifest:
  description: What the file holds.
  returned: when it was written
  type: dict
  contains:
    backend:
      description: V(sqlite) or V(mysql).
      type: str
    index:
      description: Newest record of the replicated log.
      type: int
    term:
      description: Term of that record.
      type: int
    version:
      description: Version of the database.
      type: str
    sha256:
      description: Digest of the database.
      type: str
"""

import glob
import io
import json
import os
import pwd
import shutil
import tarfile
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import ZoneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_database import (
    LEFTOVERS,
    NOT_SHARED,
    DatabaseError,
    database_at,
    digest,
    settings_of,
    state_of,
)

OWNER = "oneadmin"
KNOWN_WITHIN = 20


def wait_until_known(module, database):
    """The state of the database once it knows the server; a follower is a heartbeat behind its leader."""
    deadline = time.monotonic() + KNOWN_WITHIN
    while True:
        state = state_of(database, module.params["home"])
        servers = (state["zone"] or {}).get("servers", [])
        if any(server["endpoint"] == module.params["endpoint"] for server in servers):
            return state
        if time.monotonic() > deadline:
            raise DatabaseError(
                f"The database of this front-end does not know the server {module.params['endpoint']}. Add it to the "
                "zone first (onezone server-add): seeded now, it would take itself for the only server and lead."
            )
        time.sleep(0.5)


def write(module, database):
    """Beside and renamed, never readable for others."""
    path, owner = module.params["path"], pwd.getpwnam(OWNER)
    keys = os.path.join(module.params["home"], ".one")
    state = wait_until_known(module, database)
    with tempfile.TemporaryDirectory(prefix=".snapshot.", dir=os.path.dirname(path)) as folder:
        dump, seed = os.path.join(folder, "database"), os.path.join(folder, "seed")
        database.dump(dump)
        manifest = {key: state[key] for key in ("index", "term", "version")}  # the dump has at least this record
        manifest.update(backend=database.backend, sha256=digest(dump))
        with tarfile.open(seed, "w") as archive:
            add(archive, "manifest.json", json.dumps(manifest).encode())
            for name in sorted(os.listdir(keys)):
                file = os.path.join(keys, name)
                if name not in NOT_SHARED and os.path.isfile(file):
                    archive.add(file, f"auth/{name}")
            archive.add(dump, "database")
        os.chown(seed, owner.pw_uid, owner.pw_gid)
        os.chmod(seed, 0o600)
        os.replace(seed, path)
    return manifest


def add(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def remove(module):
    """The file, or what killed runs have left; whether there was any."""
    path, home = module.params["path"], module.params["home"]
    everything = [name for pattern in LEFTOVERS for name in glob.glob(os.path.join(home, pattern))]
    found = [name for name in ([path] if path else everything) if os.path.exists(name)]
    for name in [] if module.check_mode else found:
        if os.path.isdir(name):
            shutil.rmtree(name)
        else:
            os.unlink(name)
    return bool(found)


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "endpoint": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "conf": {"type": "path", "default": "/etc/one/oned.conf"},
            "home": {"type": "path", "default": "/var/lib/one"},
        },
        required_if=[("state", "present", ("path", "endpoint"))],
        supports_check_mode=True,
    )
    if module.params["state"] == "absent":
        module.exit_json(changed=remove(module))
    if module.check_mode:
        module.exit_json(changed=True)
    os.umask(0o077)
    try:
        with open(module.params["conf"], encoding="utf-8", errors="surrogateescape") as stream:
            values, _server_id = settings_of(stream.read())
        manifest = write(module, database_at(module.params["home"], values))
    except NotParsed as problem:
        module.fail_json(
            msg=f"{module.params['conf']} cannot be read: {problem}. Which database it names is not known."
        )
    except (DatabaseError, ZoneError, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=True, manifest=manifest)


if __name__ == "__main__":
    main()
