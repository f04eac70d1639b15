#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: apt_signed_source
short_description: One signed apt repository, its key pinned by fingerprint
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Writes a deb822 source, its key, its credentials and its pins as one unit.
  - The key is accepted only if every primary key in it is listed by its full fingerprint. The fingerprint is computed
    from the key packets by this module, so neither gpg nor any Python package is needed on the target.
  - The new source is tried with C(apt-get update) from a staging directory before anything under C(/etc/apt) changes.
    If it is unreachable or wrongly signed, the former state stays and apt's own sentences are reported.
  - When nothing is to be changed no network access takes place.
  - What a run that was killed left in its staging directory under C(/run) is removed by the next one.
options:
  name:
    description: Base name of the files. Letters, digits, C(-) and C(_).
    type: str
    required: true
  state:
    description: Whether the repository is configured.
    type: str
    choices: [present, absent]
    default: present
  uris:
    description: Base addresses (C(https://), C(http://) or C(file:/)) of the repository. Needed with O(state=present).
    type: list
    elements: str
  suites:
    description: Suites. One that ends with C(/) names a flat repository. Needed with O(state=present).
    type: list
    elements: str
  components:
    description: Components. Empty for flat repositories only.
    type: list
    elements: str
    default: []
  architectures:
    description: Architectures to fetch. By default those of the system.
    type: list
    elements: str
    default: []
  key:
    description:
      - The public key of the repository, armoured or binary. Needed with O(state=present).
      - Either the armoured text itself, or an address, or the absolute path of a file on the target.
    type: str
  key_fingerprint:
    description:
      - Full fingerprints (40 or 64 hex digits) of all primary keys that the file may hold.
      - Needed with O(state=present). List two while the publisher changes keys.
    type: list
    elements: str
  refresh_key:
    description:
      - Fetch a key given as address even if the key on the target already has a listed fingerprint, for example because
        its expiry date was extended.
    type: bool
    default: false
  username:
    description: User name for the repository. Goes to a file of mode 0600. Needs O(password) and https.
    type: str
  password:
    description: Password or token for the repository.
    type: str
  pins:
    description: Preferences of this repository, see apt_preferences(5).
    type: list
    elements: dict
    default: []
    suboptions:
      package:
        description: Package name or pattern.
        type: str
        required: true
      pin:
        description: What is pinned, for example C(release o=OpenNebula).
        type: str
        required: true
      priority:
        description: Priority of the pin.
        type: int
        required: true
  replaces:
    description:
      - Files of other sources (absolute paths) that this one takes the place of. They are removed, with a backup.
      - Without it the module fails if another file names the same repository, because apt refuses to work with two.
    type: list
    elements: path
    default: []
  timeout:
    description: Time limit of each network connection, in seconds.
    type: int
    default: 30
  lock_timeout:
    description: How long to wait for another apt to finish, in seconds.
    type: int
    default: 60
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - The key is fetched and checked in check mode too. A key that cannot be fetched is a warning there, because an
        earlier task that was only predicted may be what makes it reachable.
      - Whether the repository itself is reachable is not tried in check mode.
  diff_mode:
    support: full
  platform:
    platforms: debian
    support: full
"""

EXAMPLES = r"""
- name: The OpenNebula repository
  kvmcloud.stack.apt_signed_source:
    name: opennebula
    uris: https://downloads.opennebula.io/repo/7.4/Debian/12
    suites: stable
    components: opennebula
    key: https://downloads.opennebula.io/repo/repo2.key
    key_fingerprint: "{{ opennebula_repository_key_fingerprint }}"

- name: The Enterprise Edition, with credentials
  kvmcloud.stack.apt_signed_source:
    name: opennebula
    uris: https://enterprise.opennebula.io/repo/7.4/Ubuntu/26.04
    suites: stable
    components: opennebula
    key: "{{ lookup('ansible.builtin.file', 'opennebula.asc') }}"
    key_fingerprint: "{{ opennebula_repository_key_fingerprint }}"
    username: "{{ opennebula_repository_username }}"
    password: "{{ opennebula_repository_password }}"
    pins:
      - package: nodejs
        pin: release o=OpenNebula
        priority: 600
"""

RETURN = r"""
files:
  description: Files that were written or removed, or would be.
  returned: success
  type: list
  elements: str
  sample: [/etc/apt/keyrings/opennebula.asc, /etc/apt/sources.list.d/opennebula.sources]
refreshed:
  description: Whether the package lists of this source were fetched, or would be.
  returned: success
  type: bool
distribution_refreshed:
  description:
    - Whether the lists of the other sources were fetched, or would be. That is done where none of them is there, as in
      a fresh image of a cloud, because no package of the distribution could be installed then.
  returned: success
  type: bool
fingerprints:
  description: Fingerprints of the primary keys in the key file.
  returned: when the key could be read
  type: list
  elements: str
backups:
  description: Backups of the files in O(replaces).
  returned: success
  type: list
  elements: str
"""

import glob
import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.apt_source import (
    LOCKED,
    Paths,
    SourceError,
    check_source,
    names_a_repository,
    other_sources_of,
    paths_of,
    release_files,
    render_source,
    update_command,
    update_failure,
    wanted_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.apt_stage import locked_stage, remove_stages_of_the_dead
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    FilePlan,
    ManagedFile,
    apply_plan,
    make_directories,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.openpgp_keys import KeyFileError
from ansible_collections.kvmcloud.stack.plugins.module_utils.pinned_key import KeyOutOfReach, wanted_key

ETC = "/etc/apt"
LISTS = "/var/lib/apt/lists"
# apt's unprivileged user must be able to read a staged key, so not below a private directory.
STAGES = "/run"

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "uris": {"type": "list", "elements": "str"},
    "suites": {"type": "list", "elements": "str"},
    "components": {"type": "list", "elements": "str", "default": []},
    "architectures": {"type": "list", "elements": "str", "default": []},
    "key": {"type": "str", "no_log": False},
    "key_fingerprint": {"type": "list", "elements": "str", "no_log": False},
    "refresh_key": {"type": "bool", "default": False, "no_log": False},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "pins": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "package": {"type": "str", "required": True},
            "pin": {"type": "str", "required": True},
            "priority": {"type": "int", "required": True},
        },
    },
    "replaces": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 30},
    "lock_timeout": {"type": "int", "default": 60},
}


def lists_are_there(uris, suites):
    return all(any(os.path.exists(os.path.join(LISTS, name)) for name in pair) for pair in release_files(uris, suites))


def other_sources(params, own):
    """Texts of the source files beside ours and those that it replaces, by path."""
    texts = {}
    patterns = [f"{ETC}/sources.list", f"{ETC}/sources.list.d/*.list", f"{ETC}/sources.list.d/*.sources"]
    for path in [path for pattern in patterns for path in glob.glob(pattern)]:
        if path != own and path not in params["replaces"]:
            with open(path, encoding="utf-8", errors="replace") as stream:
                texts[path] = stream.read()
    return texts


def distribution_lists_missing(params, texts):
    """Other sources are configured, and no list of theirs is there: a fresh image, where nothing can be installed."""
    own = {name for pair in release_files(params["uris"], params["suites"]) for name in pair}
    there = os.listdir(LISTS) if os.path.isdir(LISTS) else []
    found = any(name.endswith("Release") and name not in own for name in there)
    return not found and any(map(names_a_repository, texts.values()))


def update(module, command):
    """Run apt-get update, waiting for another apt to finish; (exit code, all that it said)."""
    deadline = time.monotonic() + module.params["lock_timeout"]
    while True:
        returncode, out, err = module.run_command(command, environ_update={"LC_ALL": "C"})
        if not (returncode and LOCKED.search(err)) or time.monotonic() > deadline:
            return returncode, out + "\n" + err
        time.sleep(1)


def refuse_twins(params, texts):
    """apt fails for good when two files give one repository different keys: say so before making the second."""
    twins = other_sources_of(params["uris"], params["suites"], texts)
    if twins:
        raise SourceError(
            f"{params['uris'][0]} is to be configured here, but {', '.join(twins)} names it too, and apt refuses "
            "to work with both. Remove that file, or list it in replaces (for the repository of OpenNebula: in the "
            "variable opennebula_repository_replaces)."
        )


def try_source(module, paths, files):
    """Fetch the lists of the new source from a staged copy of its files; fail with apt's words if that fails."""
    with locked_stage(STAGES) as stage:
        os.chmod(stage, 0o755)
        staged = Paths(*(os.path.join(stage, os.path.basename(path)) for path in paths))
        auth_directory = os.path.join(stage, "auth")
        make_directories(auth_directory)
        for other in glob.glob(f"{ETC}/auth.conf.d/*.conf"):
            if other != paths.auth:
                os.symlink(other, os.path.join(auth_directory, os.path.basename(other)))
        staged_auth = os.path.join(auth_directory, os.path.basename(paths.auth))
        moves = {paths.key: staged.key, paths.auth: staged_auth, paths.source: staged.source}
        copies = [file._replace(path=moves[file.path]) for file in files if file.path in moves]
        copies[-1] = copies[-1]._replace(content=render_source(module.params, staged.key).encode())
        apply_plan(module, FilePlan(copies, []))
        command = update_command(staged.source, auth_directory, module.params["timeout"])
        failure = update_failure(*update(module, command))
    if failure:
        failure = failure.replace(stage, ETC)
        module.fail_json(
            msg=f"The source {module.params['name']} ({' '.join(module.params['uris'])}) does not work: {failure} "
            "The former configuration is unchanged."
        )


def main():
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        required_if=[("state", "present", ("uris", "suites", "key", "key_fingerprint"))],
        required_together=[("username", "password")],
    )
    params = module.params
    present_wanted = params["state"] == "present"
    fingerprints = []
    try:
        paths = paths_of(params["name"], ETC)
        present = read_files([*paths, *params["replaces"]])
        key = None
        if present_wanted:
            check_source(params)
            others = other_sources(params, paths.source)
            refuse_twins(params, others)
            try:
                key, fingerprints = wanted_key(params, present[paths.key])
            except KeyOutOfReach as error:
                if not module.check_mode:
                    raise
                module.warn(str(error))
                key = b"(the key that could not be fetched)\n"
    except (SourceError, KeyFileError, KeyOutOfReach) as error:
        module.fail_json(msg=str(error))

    files = wanted_files(params, paths, key)
    replaced = [ManagedFile(path, None, backup=True) for path in params["replaces"]]
    plan = plan_files([*files, *replaced], present)
    # The lists are part of the state: they may be gone (an image without them), and pins do not concern them.
    tried = {paths.source, paths.key, paths.auth}.intersection(plan.changed_paths)
    refresh = present_wanted and (bool(tried) or not lists_are_there(params["uris"], params["suites"]))

    bare = present_wanted and distribution_lists_missing(params, others)

    backups = []
    if not module.check_mode:
        remove_stages_of_the_dead(STAGES)
        if refresh:
            try_source(module, paths, files)
        for directory in {os.path.dirname(path) for path in plan.changed_paths}:
            make_directories(directory)
        backups = apply_plan(module, plan)
        if bare:
            _code, said = update(module, ["apt-get", "update", "-q"])
            bare = not distribution_lists_missing(params, others)
            if not bare:
                what = "No lists of the other sources could be fetched, so nothing of them can be installed"
                module.warn(f"{what}: {said.strip()}")
    module.exit_json(
        changed=bool(plan.changes) or refresh or bare,
        files=plan.changed_paths,
        refreshed=refresh,
        distribution_refreshed=bare,
        fingerprints=fingerprints,
        backups=backups,
        diff=plan.diff,
    )


if __name__ == "__main__":
    main()
