#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nfs_exports
short_description: Export directories with the kernel's NFS server
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Keeps one file of C(/etc/exports.d) as declared, and sees to it that the server exports what it says. Exports of
    other files are not touched.
  - Whether the server has to be told follows from its table C(/var/lib/nfs/etab), not from whether the file changed. A
    run that was killed in between is repaired by the next one, except that an export which was just taken away may be
    served until the server reads its files again.
options:
  name:
    description: Name of the file in C(/etc/exports.d), without C(.exports). Letters, digits, '_' and '-'.
    type: str
    required: true
  exports:
    description: All exports of this file. An empty list removes it.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Directory that is exported. It must be there, except in check mode.
        type: path
        required: true
      clients:
        description: Who may mount it, as exports(5) takes it, such as V(192.0.2.0/24).
        type: list
        elements: str
        default: ["*"]
      options:
        description: Options of exports(5). The default lets every client work as user and group 36, as oVirt needs it.
        type: list
        elements: str
        default: [rw, sync, no_subtree_check, all_squash, anonuid=36, anongid=36]
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
---
- name: The export domain can be mounted by the hosts of oVirt
  kvmcloud.stack.nfs_exports:
    name: ovirt
    exports:
      - path: /srv/export
        clients: [192.0.2.0/24]
"""

RETURN = r"""
---
told:
  description: What the server did not export yet, so that it was told to read its files.
  returned: success
  type: list
  elements: str
  sample: ["/srv/export for 192.0.2.0/24"]
"""

import os
import re
import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    make_directories,
    plan_files,
    read_file,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.nfs_exports import (
    Export,
    declaration_faults,
    file_text,
    host_names,
    not_exported,
    parse_table,
)

FOLDER = "/etc/exports.d"
TABLE = "/var/lib/nfs/etab"
OPTIONS = ["rw", "sync", "no_subtree_check", "all_squash", "anonuid=36", "anongid=36"]
SPEC = {
    "name": {"type": "str", "required": True},
    "exports": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "clients": {"type": "list", "elements": "str", "default": ["*"]},
            "options": {"type": "list", "elements": "str", "default": OPTIONS},
        },
    },
}


def table():
    found = read_file(TABLE)
    return parse_table(found.content.decode("utf-8", "replace") if found else "")


def official_names(exports):
    """What the names of clients are called officially, by the name that was given."""
    names = {}
    for name in host_names(exports):
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        except OSError:
            continue
        names[name] = found[0][3] or name
    return names


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    name = module.params["name"]
    exports = [Export(one["path"], tuple(one["clients"]), tuple(one["options"])) for one in module.params["exports"]]
    faults = declaration_faults(exports)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        faults.append(f"name {name!r}: it has letters, digits, '_' and '-' only.")
    if not module.check_mode:
        faults += [
            f"{one.path} is no directory, so it cannot be exported." for one in exports if not os.path.isdir(one.path)
        ]
    if faults:
        module.fail_json(msg="\n".join(faults))

    path = f"{FOLDER}/{name}.exports"
    wanted = ManagedFile(path, file_text(exports).encode() if exports else None, mode=0o644)
    files = plan_files([wanted], {path: read_file(path)})
    official = official_names(exports)
    missing = not_exported(exports, table(), official)
    if (files.changes or missing) and not module.check_mode:
        make_directories(FOLDER)
        apply_plan(module, files)
        status, _out, err = module.run_command(["exportfs", "-r"])
        missing_still = not_exported(exports, table(), official)
        if status or missing_still:
            module.fail_json(
                changed=True,
                msg=f"{path} is written, but the server does not export {'; '.join(missing_still) or 'all of it'}. "
                f"exportfs says: {err.strip() or 'nothing'}. Does nfs-server run? Correct the cause and run again.",
            )
    module.exit_json(changed=bool(files.changes or missing), told=missing, diff=files.diff)


if __name__ == "__main__":
    main()
