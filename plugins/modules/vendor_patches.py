#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vendor_patches
short_description: A vendor's patches of another's files, as switches
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Applies groups of patches, or takes them out again. All of it is tried on copies first; when one patch does not
    apply as a whole, nothing is changed.
  - What is applied is recorded. When the patches of a group are others than those that were applied, the former are
    taken out first; when a package has put its own files back, they are applied again.
options:
  root:
    description: Directory that the patches name files in.
    type: path
    required: true
  strip:
    description: How many leading directories of the names in the patches are left out.
    type: int
    default: 0
  record:
    description: File that keeps what was applied.
    type: path
    required: true
  groups:
    description: The switches. What is not named is left as it is.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the group.
        type: str
        required: true
      directory:
        description:
          - Directory with its patches, which are taken in the order of their names.
          - If it is not there, the newest beside it with a further number is taken, C(6.10.5) for C(6.10). If there is
            none either, that is an error when they are to be applied.
        type: path
        required: true
      state:
        description: Whether they are to be in the files.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - In check mode patches that are not there yet are taken as ones that apply.
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Patches of drivers are applied, those of the network are not
  kvmcloud.stack.vendor_patches:
    root: /var/lib/one
    record: /var/lib/kvmcloud.stack/patches.json
    groups:
      - {name: vmm, directory: /usr/local/src/addon/patches/vmm/7.2}
      - {name: vnm, directory: /usr/local/src/addon/patches/vnm/7.2, state: absent}
"""

RETURN = r"""
files:
  description: Files that were changed.
  returned: success
  type: list
  elements: str
applied:
  description: Patches that are in the files now, of all groups.
  returned: success
  type: list
  elements: str
"""

import glob
import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    make_directories,
    plan_files,
    read_file,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.vendor_patches import (
    Change,
    PatchError,
    changes_of,
    plan_patches,
    recorded_changes,
)

SPEC = {
    "root": {"type": "path", "required": True},
    "strip": {"type": "int", "default": 0},
    "record": {"type": "path", "required": True},
    "groups": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
}


def text_of(path):
    found = read_file(path)
    return None if found is None else found.content.decode("utf-8", "surrogateescape")


def attempt_by(module, program):
    """patch(1) on a copy. It leaves no file of its own, and what applies in parts counts as not applied."""

    def attempt(text, change, reverse):
        with tempfile.TemporaryDirectory(dir=module.tmpdir) as folder:
            names = {"file": text, "patch": change}
            for name, content in names.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8", errors="surrogateescape") as stream:
                    stream.write(content)
            # --batch would turn a patch round that looks as if it were in the file already
            command = [program, "--force", "--silent", "--no-backup-if-mismatch", "--reject-file=-"]
            command += [*(["--reverse"] if reverse else []), f"--input={folder}/patch", f"{folder}/file"]
            rc, _out, _err = module.run_command(command, cwd=folder, environ_update={"LC_ALL": "C"})
            return text_of(os.path.join(folder, "file")) if rc == 0 else None

    return attempt


def directory_of(path):
    if os.path.isdir(path):
        return path
    numbered = [one for one in glob.glob(glob.escape(path) + ".*") if one[len(path) + 1 :].isdigit()]
    return max(numbered, key=lambda one: int(one[len(path) + 1 :]), default=path)


def patches_of(module, group):
    """Changes of a group's patches, in the order of their names."""
    paths = sorted(glob.glob(os.path.join(glob.escape(directory_of(group["directory"])), "*.patch")))
    if not paths and group["state"] == "present" and not module.check_mode:
        raise PatchError(
            f"There are no patches in {group['directory']}; these sources have none of the group {group['name']} for "
            "this release. Take its switch out. Nothing was changed."
        )
    strip = module.params["strip"]
    changes = []
    for path in paths:
        for one in changes_of(f"{group['name']}/{os.path.basename(path)}", text_of(path)):
            below = one.path.split("/")[strip:]
            changes.append(Change(one.patch, "/".join(below), one.text))
    return changes


def recorded(path):
    text = text_of(path)
    return recorded_changes(json.loads(text)) if text else []


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    root, groups = module.params["root"], module.params["groups"]
    program = module.get_bin_path("patch")
    if program is None and not module.check_mode:
        module.fail_json(msg="The program patch is not on this host; install it.")
    try:
        record = recorded(module.params["record"])
        changes = {group["name"]: patches_of(module, group) for group in groups}
        wanted = [one for group in groups if group["state"] == "present" for one in changes[group["name"]]]
        unwanted = [one for group in groups if group["state"] == "absent" for one in changes[group["name"]]]
        paths = {one.path for one in [*record, *wanted, *unwanted]}
        present = {path: text_of(os.path.join(root, path)) for path in paths}
        if program is None or (module.check_mode and None in present.values()):
            module.exit_json(changed=bool(wanted), files=[], applied=[one.patch for one in record])
        names = [group["name"] for group in groups]
        texts, new = plan_patches(present, record, wanted, unwanted, names, attempt_by(module, program))
    except PatchError as problem:
        module.fail_json(msg=str(problem))
    files = [
        ManagedFile(os.path.join(root, path), text.encode("utf-8", "surrogateescape"))
        for path, text in sorted(texts.items())
    ]
    kept = json.dumps([one._asdict() for one in new], indent=1, sort_keys=True) + "\n" if new else None
    # Last, so that a run that is killed leaves files that tell by themselves what is in them.
    files.append(ManagedFile(module.params["record"], kept and kept.encode(), 0o644, 0, 0))
    plan = plan_files(files, read_files(file.path for file in files))
    if not module.check_mode and plan.changes:
        make_directories(os.path.dirname(module.params["record"]))
        apply_plan(module, plan)
    module.exit_json(
        changed=bool(plan.changes),
        files=[path for path in plan.changed_paths if path != module.params["record"]],
        applied=list(dict.fromkeys(one.patch for one in new)),
        diff=plan.diff,
    )


if __name__ == "__main__":
    main()
