#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: storage_acceptance
short_description: Whether everything that OpenNebula does with a datastore works
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Runs the test table of Vitastor's guide row by row through OpenNebula's own commands, on a datastore of any driver.
    Images are made, imported, copied and deleted; a VM is started, gets and loses disks, moves, stops, is backed up
    and restored.
  - Where the storage can be asked (C(vitastor-cli) on this host), each row also looks there.
  - What it makes is named C(kvmcloud-acceptance-...), and is removed again also when a row failed or an earlier run
    was killed.
  - On an emulated OpenNebula no row is run, and none is counted as passed.
options:
  datastore:
    description: The image datastore, by name or id.
    type: str
    required: true
  system_datastore:
    description:
      - Where the VM runs. By default the first system datastore of the same driver, else the first at all.
      - What drivers put there is looked for there.
    type: str
    default: ""
  other_datastore:
    description: An image datastore that an image is copied into. Without it that row is not applicable.
    type: str
    default: ""
  backup_datastore:
    description: A backup datastore. Without it the rows about backups are not applicable.
    type: str
    default: ""
  size_mb:
    description: Size of the disks that are made, in MiB.
    type: int
    default: 64
  timeout:
    description: How long one action may take, in seconds.
    type: int
    default: 300
  keep:
    description: Whether what was made stays, to be looked at.
    type: bool
    default: false
  user:
    description: Who runs OpenNebula's commands.
    type: str
    default: oneadmin
attributes:
  check_mode:
    description: No row is run.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  platform:
    description: A front-end.
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: The datastore works
  kvmcloud.stack.storage_acceptance:
    datastore: images
    backup_datastore: backups
  register: storage_report_result
"""

RETURN = r"""
checks:
  description: One result per row, as M(kvmcloud.stack.acceptance_report) takes them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Script and action.
      type: str
    script:
      description: The script of the driver, as the guide calls it.
      type: str
    expected:
      description: What was to be seen.
      type: str
    ok:
      description: Whether it was.
      type: bool
    skipped:
      description: Whether the row was not run.
      type: bool
    detail:
      description: What was seen, or why it was not run.
      type: str
    emulated:
      description: Whether OpenNebula is emulated.
      type: bool
    seconds:
      description: How long it took.
      type: float
left:
  description: What was made and could not be removed.
  returned: success
  type: list
  elements: str
epoch:
  description: The host's clock, before the rows.
  returned: success
  type: float
"""

import os
import pwd
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_checks import is_emulated
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_rows import not_run, run_rows
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import (
    RowFailed,
    Session,
    Settings,
    TemplateFile,
)

SPEC = {
    "datastore": {"type": "str", "required": True},
    "system_datastore": {"type": "str", "default": ""},
    "other_datastore": {"type": "str", "default": ""},
    "backup_datastore": {"type": "str", "default": ""},
    "size_mb": {"type": "int", "default": 64},
    "timeout": {"type": "int", "default": 300},
    "keep": {"type": "bool", "default": False},
    "user": {"type": "str", "default": "oneadmin"},
}


def runner(module):
    """Runs a command as the user; a template becomes a file that this user alone can read."""
    try:
        account = pwd.getpwnam(module.params["user"])
    except KeyError:
        module.fail_json(msg=f"There is no user {module.params['user']}; run this on a front-end.")
    prefix = [] if account.pw_uid == os.geteuid() else ["runuser", "-u", account.pw_name, "--"]

    def run(argv):
        files = []
        words = list(prefix)
        try:
            for word in argv:
                if isinstance(word, TemplateFile):
                    descriptor, path = tempfile.mkstemp(prefix="kvmcloud-acceptance-")
                    files.append(path)
                    with os.fdopen(descriptor, "w") as stream:
                        stream.write(word)
                        os.fchown(stream.fileno(), account.pw_uid, account.pw_gid)
                    words.append(path)
                else:
                    words.append(word)
            return module.run_command(words, cwd="/", environ_update={"LC_ALL": "C.UTF-8"})
        finally:
            for path in files:
                os.unlink(path)

    return run


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    epoch = time.time()
    emulated = is_emulated(module)
    if emulated or module.check_mode:
        reason = "this OpenNebula is emulated" if emulated else "check mode"
        module.exit_json(changed=False, checks=not_run(reason, emulated), left=[], epoch=epoch)
    settings = Settings(**{name: module.params[name] for name in Settings._fields})
    left = []
    try:
        session = Session(runner(module), time.sleep, settings)
        session.remove_all()
        try:
            checks = run_rows(session, time.monotonic)
        finally:
            if not module.params["keep"]:
                left = session.remove_all()
    except RowFailed as problem:
        module.fail_json(msg=str(problem))
    for name in left:
        module.warn(f"Could not be removed: {name}")
    # What it made is gone again; only what is kept, or could not be removed, changed the cloud.
    module.exit_json(changed=bool(left) or module.params["keep"], checks=checks, left=left, epoch=epoch)


if __name__ == "__main__":
    main()
