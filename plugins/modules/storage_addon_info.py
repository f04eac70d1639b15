#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: storage_addon_info
short_description: What speaks against storage add-ons on a host
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Looks whether packages of an older name are installed, whether directories for imports have space, whether pools
    of Vitastor are there and active and have no images of another OpenNebula, whether hosts that drivers work on are on
    in OpenNebula, whether StorPool answers and has its devices on the node, and whether its control groups are set up.
  - Changes nothing. What cannot be asked yet, because the programs for it are not installed, is no finding.
options:
  addons:
    description: Those that are declared and stay.
    type: list
    elements: str
    choices: [vitastor, storpool]
    required: true
  datastores:
    description: As O(kvmcloud.stack.onedatastore#module:datastores) takes them.
    type: list
    elements: dict
    default: []
  host:
    description:
      - Name of this host in OpenNebula. Directories and pools of datastores that have it in C(BRIDGE_LIST) are looked
        at. Empty on a host that is no node.
    type: str
    default: ""
  frontend:
    description: Whether OpenNebula is asked for the states of hosts, and for its images.
    type: bool
    default: false
  staging_mb:
    description: Least free space of a directory for imports, in MiB.
    type: int
    default: 5000
  cluster_to_come:
    description: Whether this run makes the cluster of Vitastor. Then what it misses is a warning.
    type: bool
    default: false
  reserve:
    description: Whether this node is to tell OpenNebula what is reserved for StorPool.
    type: bool
    default: false
  user:
    description: Who runs commands of OpenNebula and Vitastor, where this user exists.
    type: str
    default: oneadmin
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: What speaks against the add-ons here
  kvmcloud.stack.storage_addon_info:
    addons: [vitastor]
    datastores: "{{ opennebula_datastores }}"
    host: node1
  register: found
"""

RETURN = r"""
findings:
  description: What was found.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: What was found, as a sentence.
      type: str
    remedy:
      description: What to do about it.
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
"""

import os
import pwd
from xml.etree import ElementTree

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import storage_addon_host as core
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import secrets

SPEC = {
    "addons": {"type": "list", "elements": "str", "choices": ["vitastor", "storpool"], "required": True},
    "datastores": {"type": "list", "elements": "dict", "default": []},
    "host": {"type": "str", "default": ""},
    "frontend": {"type": "bool", "default": False},
    "staging_mb": {"type": "int", "default": 5000},
    "cluster_to_come": {"type": "bool", "default": False},
    "reserve": {"type": "bool", "default": False},
    "user": {"type": "str", "default": "oneadmin"},
}
ANSWER_SECONDS = "15"
# Of the memory of guests, with control groups of version 2 and 1.
LIMITS = (
    "/sys/fs/cgroup/machine.slice/memory.max",
    "/sys/fs/cgroup/memory/machine.slice/memory.limit_in_bytes",
)
QUERIES = (
    ("dpkg-query", ["-W", "-f", "${db:Status-Status}"], "installed"),
    ("rpm", ["-q", "--qf", "installed"], "installed"),
)


class Host:
    def __init__(self, module):
        self.module = module

    def installed(self, packages):
        found = []
        for program, options, word in QUERIES:
            path = self.module.get_bin_path(program)
            for package in packages if path else ():
                rc, out, _err = self.module.run_command([path, *options, package])
                if rc == 0 and out.strip() == word:
                    found.append(package)
        return found

    def directory(self, path):
        if not os.path.isdir(path):
            return None
        state = os.statvfs(path)
        written = self.ask("test", "-w", path)
        return core.Directory(state.f_bavail * state.f_frsize >> 20, written is None or written.returncode == 0)

    def ask(self, *argv):
        """None where the program, or the user that it belongs to, is not there yet."""
        path = self.module.get_bin_path(argv[0])
        if path is None:
            return None
        try:
            account = pwd.getpwnam(self.module.params["user"])
        except KeyError:
            account = None
        prefix = [] if account is None or account.pw_uid == os.geteuid() else ["runuser", "-u", account.pw_name, "--"]
        command = ["timeout", ANSWER_SECONDS, *prefix, path, *argv[1:]]
        return core.Answer(*self.module.run_command(command, cwd="/", environ_update={"LC_ALL": "C.UTF-8"}))

    def bridge_states(self):
        """By name; nothing where oned does not answer: this run may be the one that brings it up."""
        answer = self.ask("onehost", "list", "-x")
        if answer is None:
            return {}
        try:
            pool = ElementTree.fromstring(answer.out)
        except ElementTree.ParseError:
            return {}
        return {one.findtext("NAME", ""): one.findtext("STATE", "") for one in pool}

    def images(self):
        """IDs of those that are on Vitastor; None where oned does not answer."""
        answer = self.ask("oneimage", "list", "-x")
        try:
            pool = ElementTree.fromstring(answer.out if answer else "")
        except ElementTree.ParseError:
            return None
        return {one.findtext("ID", "") for one in pool if one.findtext("TM_MAD", "vitastor") == "vitastor"}

    def is_active(self, unit):
        return self.module.run_command(["systemctl", "is-active", "--quiet", unit])[0] == 0

    def slice_limit(self):
        for path in LIMITS:
            if os.path.exists(path):
                with open(path) as stream:
                    return stream.read().strip()
        return None


def notes(module):
    host, given = Host(module), module.params
    addons = given["addons"]
    old = [name for addon in addons for name in core.OLD_PACKAGES[addon]]
    found = list(core.old_package_notes(addons, host.installed(old)))
    if "vitastor" in addons:
        directories = core.staging_dirs(given["datastores"], given["host"])
        there = {path: host.directory(path) for path in directories}
        found += core.staging_notes(directories, there, given["staging_mb"])
        for config, pools in core.clusters(given["datastores"], given["host"]).items():
            cli = ("vitastor-cli", "--config_path", config)
            listed = host.ask(*cli, "ls-pools", "--json")
            if listed is not None:
                status = host.ask(*cli, "status", "--json")
                found += core.pool_notes(config, pools, listed, status, given["cluster_to_come"])
    if "vitastor" in addons and given["frontend"]:
        known = host.images()
        for place, names in core.places(given["datastores"]).items() if known is not None else ():
            listed = host.ask(
                "vitastor-cli", "--config_path", place.config, "ls", "--json", "-p", place.pool, f"{place.prefix}-*"
            )
            if listed is not None:
                found += core.foreign_notes(place, names, listed, known)
    if "storpool" in addons:
        block = host.is_active("storpool_block.service") if given["host"] else None
        found += core.storpool_notes(host.ask("storpool", "-B", "-j", "service", "list"), block)
    if "storpool" in addons and given["reserve"]:
        found += core.slice_notes(host.slice_limit())
    if given["frontend"]:
        stays = [one for one in given["datastores"] if core.attributes(one).get("TM_MAD", "").lower() in addons]
        found += core.bridge_notes(stays, host.bridge_states())
    return found


def main():
    # The journal would get the arguments as they are, and a datastore may have the token of another cluster.
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True, no_log=True)
    for datastore in module.params["datastores"]:
        module.no_log_values.update(secrets(datastore.get("template")))
    module.exit_json(changed=False, findings=[one._asdict() for one in notes(module)])


if __name__ == "__main__":
    main()
