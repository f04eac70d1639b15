#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: hosts_file
short_description: Names and addresses in /etc/hosts, without touching other lines
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Makes each given name resolve to its given address, in one edit of the file.
  - A given name is removed from the lines of all other addresses, also from Debian's own-name line C(127.0.1.1).
  - Comments, other names and other lines are kept byte for byte, and so is the order of the lines.
  - The file is replaced atomically and a backup is kept.
options:
  entries:
    description:
      - What shall be in the file. A name may have one IPv4 and one IPv6 address.
      - Contradicting entries (a name with two addresses, a name of the loopback interface) are refused together.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: IPv4 or IPv6 address.
        type: str
        required: true
      names:
        description: Names of the address. The first is the canonical one.
        type: list
        elements: str
        required: true
  absent_names:
    description: Names that shall not be in the file at all, for example of hosts that were taken out.
    type: list
    elements: str
    default: []
  own_names:
    description:
      - Names of the host itself. They are removed from lines of loopback addresses, even if no entry names them
        because a name server knows them.
    type: list
    elements: str
    default: []
  path:
    description: The file.
    type: path
    default: /etc/hosts
  backup:
    description: Whether the former file is kept beside the new one, with the time in its name.
    type: bool
    default: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: All hosts of the cloud resolve each other
  kvmcloud.stack.hosts_file:
    entries:
      - address: 10.0.0.10
        names: [front1.cloud.example.org, front1]
      - address: 10.0.0.11
        names: [node1.cloud.example.org, node1]
    absent_names: [node9]
"""

RETURN = r"""
backup_file:
  description: The former file.
  returned: when the file was changed and backup is true
  type: str
  sample: /etc/hosts.1234.2026-11-21@02:45:00~
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.hosts_file import HostsFileError, check_entries, edited
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    plan_files,
    read_file,
)

SPEC = {
    "entries": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "address": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
        },
    },
    "absent_names": {"type": "list", "elements": "str", "default": []},
    "own_names": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "path", "default": "/etc/hosts"},
    "backup": {"type": "bool", "default": True},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    path = module.params["path"]
    present = read_file(path)
    # Not every hosts file is UTF-8; what cannot be decoded is carried through unchanged.
    content = (present.content if present else b"").decode("utf-8", "surrogateescape")
    try:
        entries = check_entries(module.params["entries"], module.params["absent_names"])
    except HostsFileError as error:
        module.fail_json(msg=str(error))
    after = edited(content, entries, module.params["absent_names"], module.params["own_names"])

    plan = plan_files(
        [ManagedFile(path, after.encode("utf-8", "surrogateescape"), backup=module.params["backup"])], {path: present}
    )
    result = {"changed": bool(plan.changes), "diff": plan.diff}
    if plan.changes and not module.check_mode:
        backups = apply_plan(module, plan)
        if backups:
            result["backup_file"] = backups[0]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
