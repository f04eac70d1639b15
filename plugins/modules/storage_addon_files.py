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
    description: Lines in files that belong to others. A file that does not exist is not made.
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
      state:
        description: Whether it shall be there.
        type: str
        choices: [present, absent]
        default: present
  trees:
    description:
      - Files that are copied as they are from the unpacked sources of an add-on on the managed host, links followed.
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
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
  platform:
    description: Target OS/families that can be operated against.
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

import contextlib
import glob
import os
import pwd
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    make_directories,
    plan_files,
    read_file,
    read_files,
    write_file,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.vendor_override import (
    SUFFIX,
    Place,
    is_ours,
    plan_override,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_downloader import NotRepaired, downloader_text

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


class Wanted:
    """What the task wants, read against what is there."""

    def __init__(self, module):
        self.module, self.missing, self.checks = module, [], {}
        self.files = [self._whole(file) for file in module.params["files"]]
        self.files += [file for tree in module.params["trees"] for file in self._tree(tree)]
        self.files += [*self._lines(), *self._downloader()]
        self.plan = plan_files(self.files, read_files(file.path for file in self.files))
        self.overrides = [self._override(one) for one in module.params["overrides"]]

    def _ids(self, name):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            if self.module.check_mode:  # the package that brings the user is only planned
                return None, None
            self.module.fail_json(msg=f"There is no user {name}; install OpenNebula first.")
        return found.pw_uid, found.pw_gid

    def _whole(self, file):
        if file["state"] == "absent":
            return ManagedFile(file["path"], None)
        if file["content"] is None:
            self.module.fail_json(msg=f"{file['path']} has no content; give it, or say state: absent.")
        try:
            mode = int(file["mode"], 8)
        except ValueError:
            self.module.fail_json(msg=f"The mode of {file['path']} is {file['mode']!r}; wanted digits such as 0644.")
        if file["check"]:
            self.checks[file["path"]] = file["check"]
        return ManagedFile(
            file["path"], file["content"].encode(), mode, *self._ids(file["owner"]), secret=file["secret"]
        )

    def _tree(self, tree):
        """One file per match; the sources are small, and what is equal already is not written."""
        found = sorted(path for path in glob.glob(tree["src"]) if os.path.isfile(path))
        if not found and tree["required"] and tree["state"] == "present":
            # In check mode the sources themselves may be only planned.
            if not self.module.check_mode:
                self.module.fail_json(
                    msg=f"There is no {tree['src']}; these are not the sources of a release that is known here. "
                    "Nothing was changed."
                )
            self.missing.append(tree["src"])
        files = []
        for path in found:
            target = os.path.join(tree["dest"], os.path.basename(path))
            if tree["state"] == "absent":
                files.append(ManagedFile(target, None))
            elif not (tree["new_only"] and os.path.exists(target)):
                content = read_file(path).content
                files.append(ManagedFile(target, content, int(tree["mode"], 8), *self._ids(tree["owner"])))
        return files

    def _lines(self):
        """All lines of one file together."""
        texts = {}
        for one in self.module.params["lines"]:
            path = one["path"]
            if path not in texts:
                found = read_file(path)
                texts[path] = found and found.content.decode("utf-8", "surrogateescape")
            if texts[path] is None:
                self.missing.append(path)
                continue
            lines = texts[path].splitlines(keepends=True)
            there = [line for line in lines if line.strip() == one["line"].strip()]
            if one["state"] == "absent":
                texts[path] = "".join(line for line in lines if line not in there)
            elif not there:
                end = "" if not texts[path] or texts[path].endswith("\n") else "\n"
                texts[path] += f"{end}{one['line']}\n"
        return [
            ManagedFile(path, text.encode("utf-8", "surrogateescape"), backup=True)
            for path, text in texts.items()
            if text is not None
        ]

    def _downloader(self):
        path = self.module.params["downloader"]
        found = read_file(path) if path else None
        if found is None:
            if path and self.module.params["downloader_state"] == "present":
                if not self.module.check_mode:
                    self.module.fail_json(msg=f"{path} does not exist; OpenNebula is not installed on this host.")
                self.missing.append(path)
            return []
        text = found.content.decode("utf-8", "surrogateescape")
        try:
            text = downloader_text(path, text, self.module.params["downloader_state"] == "present")
        except NotRepaired as problem:
            self.module.fail_json(msg=str(problem))
        self.checks[path] = ["bash", "-n"]
        return [ManagedFile(path, text.encode("utf-8", "surrogateescape"))]

    def _override(self, one):
        path, content = one["path"], one["content"]
        wanted = None if content is None else content.encode()
        if wanted is not None and not is_ours(wanted):
            self.module.fail_json(msg=f"The override of {path} does not say that it is one; see the option's text.")
        link = os.path.islink(path)
        found = None if link else read_file(path)
        place = Place(link or found is not None, found and found.content, os.path.lexists(path + SUFFIX))
        steps = plan_override(place, wanted)
        uid, gid = self._ids(self.module.params["owner"])
        file = ManagedFile(path, wanted, 0o755, uid, gid)
        if wanted is not None and found and not steps.write and (found.mode, found.uid, found.gid) != file[2:5]:
            steps = steps._replace(write=uid is not None)
        return file, steps, found

    def refuse_what_is_not_accepted(self):
        """Each program looks at a copy of what it is to accept, before anything is replaced."""
        for file in self.plan.changes:
            program = self.checks.get(file.path)
            if not program or file.content is None:
                continue
            if not shutil.which(program[0]):
                self.module.fail_json(
                    msg=f"{file.path} has to be accepted by {program[0]}, which is not on this host. "
                    "Nothing was changed."
                )
            descriptor, copy = tempfile.mkstemp(dir=self.module.tmpdir)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(file.content)
            rc, out, err = self.module.run_command([*program, copy])
            if rc != 0:
                said = " ".join((err or out).replace(copy, file.path).split())
                self.module.fail_json(
                    msg=f"{program[0]} does not accept what {file.path} would become: {said}. Nothing was changed."
                )

    def apply(self):
        for file in self.plan.changes:
            if file.content is not None:
                make_directories(os.path.dirname(file.path))
        apply_plan(self.module, self.plan)
        for file, steps, _found in self.overrides:
            kept = file.path + SUFFIX
            if steps.keep:
                os.replace(file.path, kept)
            if steps.write:
                make_directories(os.path.dirname(file.path))
                write_file(self.module, file)
            if steps.restore:
                os.replace(kept, file.path)
            if steps.remove:
                os.unlink(file.path)
            if steps.forget:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(kept)

    def diff(self):
        shown = list(self.plan.diff)
        for file, steps, found in self.overrides:
            if steps.any:
                before = found.content.decode("utf-8", "replace") if found else ""
                after = file.content.decode() if file.content else "(the vendor's file)\n"
                shown.append({"before_header": file.path, "after_header": file.path, "before": before, "after": after})
        return shown


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    wanted = Wanted(module)
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
