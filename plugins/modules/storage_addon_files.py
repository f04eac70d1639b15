#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: storage_addon_files
short_description: Files of a storage add-on of OpenNebula are whole and as they must be
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Puts right in one run what the installers of storage add-ons leave undone or half done, by what is on disk and not
    by what an installer has said.
  - All is read and planned first. What another program has to accept (C(sudoers), shell scripts) is checked before the
    first file is replaced; when one is refused, nothing is changed.
options:
  files:
    description: Whole files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where it is. Directories that are missing are made.
        type: path
        required: true
      content:
        description: The whole of it. Needed unless O(files[].state=absent).
        type: str
      state:
        description: Whether it shall be there.
        type: str
        choices: [present, absent]
        default: present
      mode:
        description: Its permissions, in octal digits.
        type: str
        default: "0644"
      owner:
        description: Its owner and group.
        type: str
        default: root
      check:
        description:
          - The program that has to accept it; the path of a copy is added. A program that is not there accepts
            nothing.
        type: list
        elements: str
      secret:
        description: Whether the diff hides what is in it.
        type: bool
        default: false
  overrides:
    description:
      - Programs in the place of a vendor's. The vendor's file is kept beside it as C(<path>.vendor), and returns when
        the override is not wanted. A newer one that a package has put there since is kept instead.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the vendor's file is.
        type: path
        required: true
      content:
        description:
          - The whole program, with the words C(kvmcloud.stack override) in its first lines.
          - Without it, the vendor's file is in its place.
        type: str
  owner:
    description: Owner and group of overrides and their directories.
    type: str
    default: oneadmin
  lines:
    description:
      - Lines in files that belong to others. A file that does not exist is not made, unless another one that is there
        includes it.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      line:
        description: The line, compared without the blanks around it.
        type: str
        required: true
      included_by:
        description: A file that includes O(lines[].path). With it, O(lines[].path) is made when it is missing.
        type: path
      state:
        description: Whether it shall be there.
        type: str
        choices: [present, absent]
        default: present
  trees:
    description:
      - Files that are copied as they are from the unpacked sources of an add-on on the managed host, links followed.
        One in whose place there is an override goes beside it.
      - An add-on has different files in different releases; what O(trees[].src) does not match is left out, unless it
        is required.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: A pattern of files, such as C(/usr/src/addon/tm/storpool/*).
        type: path
        required: true
      dest:
        description: The directory that they are copied into. It is made when it is missing.
        type: path
        required: true
      mode:
        description: Their permissions, in octal digits.
        type: str
        default: "0755"
      owner:
        description: Their owner and group.
        type: str
        default: oneadmin
      required:
        description: Whether it is an error when no file matches.
        type: bool
        default: true
      new_only:
        description: Leave alone what is there already, because people edit it.
        type: bool
        default: false
      state:
        description: Whether the files shall be there. V(absent) removes those that the sources have.
        type: str
        choices: [present, absent]
        default: present
  downloader:
    description:
      - OpenNebula's C(downloader.sh), which shall understand C(vitastor://) addresses. A file that the vendor's patch
        has changed by half is completed.
    type: path
  downloader_state:
    description: Whether it shall understand them. V(absent) takes out what this module has put there.
    type: str
    choices: [present, absent]
    default: present
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
- name: The downloader understands vitastor addresses, and oneadmin may map its disks
  kvmcloud.stack.storage_addon_files:
    downloader: /var/lib/one/remotes/datastore/downloader.sh
    files:
      - path: /etc/sudoers.d/opennebula-vitastor
        content: "oneadmin ALL=(ALL) NOPASSWD: /usr/bin/vitastor-nbd\n"
        mode: "0440"
        check: [visudo, -cf]
    lines:
      - path: /etc/apparmor.d/local/abstractions/libvirt-qemu
        line: '"/etc/vitastor/vitastor.conf" r,'

- name: Swap disks can be made
  kvmcloud.stack.storage_addon_files:
    overrides:
      - path: /var/lib/one/remotes/tm/vitastor/mkswap
        content: "{{ lookup('ansible.builtin.file', 'mkswap.py', rstrip=false) }}"
"""

RETURN = r"""
files:
  description: Files that were changed, made or removed.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/one/remotes/datastore/downloader.sh]
kept:
  description: Files of the vendor that were put aside for an override.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/one/remotes/tm/vitastor/mkswap.vendor]
missing:
  description: Files that lines or vitastor addresses belong into and that do not exist; in check mode they may come.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.vendor_override import SUFFIX
from ansible_collections.kvmcloud.stack.plugins.module_utils.wanted_addon_files import WantedFiles

SPEC = {
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "check": {"type": "list", "elements": "str"},
            "secret": {"type": "bool", "default": False, "no_log": False},
        },
    },
    "overrides": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"path": {"type": "path", "required": True}, "content": {"type": "str"}},
    },
    "owner": {"type": "str", "default": "oneadmin"},
    "lines": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "line": {"type": "str", "required": True},
            "included_by": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "trees": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "src": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "mode": {"type": "str", "default": "0755"},
            "owner": {"type": "str", "default": "oneadmin"},
            "required": {"type": "bool", "default": True},
            "new_only": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "downloader": {"type": "path"},
    "downloader_state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    wanted = WantedFiles(module)
    wanted.refuse_what_is_not_accepted()
    if not module.check_mode:
        wanted.apply()
    overridden = [(file, steps) for file, steps, _found in wanted.overrides if steps.any]
    changed = wanted.plan.changed_paths + [file.path for file, _steps in overridden]
    # A file that only its package brings will be edited once it is there, and sources that come will be copied.
    coming = [module.params["downloader"], *(tree["src"] for tree in module.params["trees"])]
    planned = module.check_mode and bool(set(coming) & set(wanted.missing))
    module.exit_json(
        changed=bool(changed) or planned,
        files=changed,
        kept=[file.path + SUFFIX for file, steps in overridden if steps.keep],
        missing=wanted.missing,
        diff=wanted.diff(),
    )


if __name__ == "__main__":
    main()
