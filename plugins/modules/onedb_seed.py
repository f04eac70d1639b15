#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: onedb_seed
short_description: Give a front-end the database of the zone that it joins
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Fetches what M(kvmcloud.stack.onedb_snapshot) wrote on another front-end, directly from there over oneadmin's SSH,
    checks it, and puts database and credentials in place. oned of this host is stopped before and not started after.
  - A database that is there is replaced only where O(replace) says so, and a copy of it is kept in any case, together
    with the credentials that are replaced by others. Without O(replace) a filled one is an error.
  - Before the database is put in place, C(oned.conf) gets O(server_id), and what M(kvmcloud.stack.guarded_service) kept
    to go back to is forgotten. An oned that started on the zone's database as the server it was before, or as none,
    would be a second leader.
  - A run that is cut off leaves a mark, by which M(kvmcloud.stack.one_raft_info) and the next run know that the
    database is half of one. SQLite is replaced by renaming, so it is never half.
options:
  source:
    description: The front-end to fetch from, as oneadmin's SSH knows it.
    type: str
    required: true
  path:
    description: The file there.
    type: path
    required: true
  endpoint:
    description: Endpoint of this server; the database must know it.
    type: str
    required: true
  server_id:
    description: Number that the zone gave this server, C(SERVER_ID) of C(oned.conf).
    type: int
    required: true
  replace:
    description: Whether a database that is there may be replaced.
    type: bool
    default: false
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
  - Runs on a front-end as root. It needs the trust that M(kvmcloud.stack.ssh_trust) makes, and space for two databases.
"""

EXAMPLES = r"""
- name: front2 has the database of the zone
  kvmcloud.stack.onedb_seed:
    source: front1
    path: /var/lib/one/.seed-front2
    endpoint: http://10.0.0.12:2633/RPC2
    server_id: 1
"""

RETURN = r"""
kept:
  description:
    - Directory with a copy of the database that was there, as C(database), and of the files of C(.one) that were
      replaced by others. Empty where there were none.
  returned: success
  type: str
  sample: /var/lib/one/before-seed.20261121-021503
index:
  description: Newest record of the log in the database that was put in place.
  returned: when it was seeded
  type: int
"""

import contextlib
import filecmp
import json
import os
import pwd
import shutil
import tarfile
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import ManagedFile, read_file, replace_file
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed, Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.file import back_up
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import ZoneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone_database import (
    MARKER,
    DatabaseError,
    database_at,
    digest,
    settings_of,
    state_of,
)

OWNER = "oneadmin"
# Of guarded_service. Without it there is no former configuration to go back to.
LAST_GOOD_RECORD = "/var/lib/kvmcloud.stack/last-good/opennebula.service/record.json"
BACKUPS = 5  # of oned.conf, as one_config keeps them
# ConnectTimeout is for the first answer, the others for a source that dies while it sends.
SSH_OPTIONS = ("BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=4")


def fetch(module, folder):
    """As oneadmin, whose trust between front-ends it is."""
    params = module.params
    target = os.path.join(folder, "seed")
    command = ["runuser", "-u", OWNER, "--", "scp", "-q"]
    command += [word for option in SSH_OPTIONS for word in ("-o", option)]
    command += [f"{params['source']}:{params['path']}", target]
    returncode, out, err = module.run_command(command)
    if returncode:
        raise DatabaseError(
            f"{OWNER} could not fetch {params['path']} from {params['source']}: {(err or out).strip()[-300:]}. "
            "It needs the trust between front-ends (role opennebula_ssh) and free space."
        )
    with tarfile.open(target) as archive:
        for entry in archive.getmembers():
            # only plain files of known places: names from the archive become paths
            folder_name, _slash, name = entry.name.rpartition("/")
            if not entry.isfile() or folder_name not in ("", "auth") or name in ("", ".", ".."):
                raise DatabaseError(f"The seed has an entry that does not belong there: {entry.name}.")
            with archive.extractfile(entry) as source, open(
                os.path.join(folder, entry.name.replace("/", "-")), "wb"
            ) as to:
                for block in iter(lambda: source.read(1 << 20), b""):
                    to.write(block)
    os.unlink(target)


def checked_manifest(folder, backend):
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as stream:
        manifest = json.load(stream)
    if manifest["backend"] != backend:
        raise DatabaseError(
            f"The seed is of the backend {manifest['backend']}, and oned.conf of this front-end names {backend}. All "
            "servers of a zone have one kind of database."
        )
    if digest(os.path.join(folder, "database")) != manifest["sha256"]:
        raise DatabaseError("The seed was damaged on the way: its digest is another. Run again.")
    return manifest


def credentials(module, folder):
    """Pairs of a file of the seed and the one that it is going to replace."""
    keys = os.path.join(module.params["home"], ".one")
    names = sorted(name[len("auth-") :] for name in os.listdir(folder) if name.startswith("auth-"))
    return [(os.path.join(folder, f"auth-{name}"), os.path.join(keys, name)) for name in names]


def keep(module, database, state, folder):
    """A copy of what is there and goes, or an empty string. Half a seed is nothing to keep."""
    others = [
        target
        for source, target in credentials(module, folder)
        if os.path.exists(target) and not filecmp.cmp(source, target, shallow=False)
    ]
    if state["database"] != "filled" and not others:
        return ""
    kept = os.path.join(module.params["home"], f"before-seed.{time.strftime('%Y%m%d-%H%M%S')}")
    os.mkdir(kept, 0o700)
    if state["database"] == "filled":
        database.dump(os.path.join(kept, "database"))
    for target in others:
        # one_key among them: without it nobody can read what the database holds encrypted
        shutil.copyfile(target, os.path.join(kept, os.path.basename(target)))
    return kept


def become_server(module, plan):
    """Written down before the zone's database is here, so that oned never starts on it as anybody else."""
    conf = module.params["conf"]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(LAST_GOOD_RECORD)
    if plan.changed:
        back_up(module, conf, read_file(conf), BACKUPS)
        replace_file(module, ManagedFile(conf, plan.after.encode("utf-8", "surrogateescape")))


def put_in_place(module, database, folder, manifest, owner):
    home = module.params["home"]
    marker = os.path.join(home, MARKER)
    with open(marker, "w", encoding="ascii") as stream:
        stream.write("A seed is being put in place; without its end this database is half of one.\n")
        stream.flush()
        os.fsync(stream.fileno())
    for source, target in credentials(module, folder):
        os.chmod(source, 0o600)
        os.chown(source, owner.pw_uid, owner.pw_gid)
        module.atomic_move(source, target)
        os.chown(target, owner.pw_uid, owner.pw_gid)
        os.chmod(target, 0o600)
    database.load(os.path.join(folder, "database"), owner.pw_uid, owner.pw_gid)
    os.unlink(marker)
    state = state_of(database, home)
    servers = (state["zone"] or {}).get("servers", [])
    known = any(server["endpoint"] == module.params["endpoint"] for server in servers)
    if state["index"] < manifest["index"] or not known:
        with open(marker, "w", encoding="ascii") as stream:
            stream.write("The seed is not what its manifest says.\n")
        raise DatabaseError(
            f"The database that was put in place has record {state['index']} where {manifest['index']} was promised"
            + ("" if known else f", and does not know {module.params['endpoint']}")
            + ". It is marked as unusable; run again."
        )
    return state


def seed(module, owner):
    params = module.params
    with open(params["conf"], encoding="utf-8", errors="surrogateescape", newline="") as stream:
        text = stream.read()
    identity = {"attribute": "FEDERATION", "values": {"SERVER_ID": str(params["server_id"])}}
    server = plan_edits(params["conf"], text, [identity])
    values, _server_id = settings_of(text)
    database = database_at(params["home"], values)
    state = state_of(database, params["home"])
    if state["database"] == "filled" and not params["replace"]:
        raise DatabaseError(
            "This front-end has a filled database, and nothing says that it may be replaced. Nothing was changed."
        )
    if module.check_mode:
        return {"kept": ""}
    # root's alone while it is looked into; oneadmin writes one file there
    with tempfile.TemporaryDirectory(prefix=".seed.", dir=params["home"]) as folder:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        fetch(module, folder)
        os.chown(folder, 0, 0)
        manifest = checked_manifest(folder, database.backend)
        module.run_command(["systemctl", "stop", "opennebula.service"], check_rc=True)
        kept = keep(module, database, state, folder)
        become_server(module, server)
        placed = put_in_place(module, database, folder, manifest, owner)
    return {"kept": kept, "index": placed["index"]}


def main():
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "endpoint": {"type": "str", "required": True},
            "server_id": {"type": "int", "required": True},
            "replace": {"type": "bool", "default": False},
            "conf": {"type": "path", "default": "/etc/one/oned.conf"},
            "home": {"type": "path", "default": "/var/lib/one"},
        },
        supports_check_mode=True,
    )
    if module.check_mode and not os.path.exists(module.params["conf"]):
        module.exit_json(changed=True, kept="")
    os.umask(0o077)
    try:
        result = seed(module, pwd.getpwnam(OWNER))
    except NotParsed as problem:
        module.fail_json(
            msg=f"{module.params['conf']} cannot be read: {problem}. Which database it names is not known."
        )
    except (DatabaseError, Refused, ZoneError, OSError, tarfile.TarError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
