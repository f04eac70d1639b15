#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: one_config
short_description: Edit OpenNebula's configuration files without touching what is not edited
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Applies any number of edits to one or several configuration files in one run. Comments, order, blank lines and
    quoting of everything that is not edited stay byte for byte.
  - Knows the grammar of C(oned.conf) (also C(monitord.conf), C(sched.conf), C(rank.conf), C(vmm_exec_kvm.conf)),
    shell-style rc files (C(vmm_execrc), C(kvmrc)) and YAML files (C(onegate-server.conf), C(oneflow-server.conf),
    C(fireedge-server.conf), C(sunstone-server.conf)).
  - A file that oned would reject is refused with line and column, and nothing is written, also to no other file.
  - Conflicts are errors. Two entries of which the program uses one, a driver action that already has another script,
    and edits that contradict each other are refused with a sentence.
  - The file is replaced atomically and keeps its owner, mode and SELinux context. It is written only when it changes.
    No service is restarted.
options:
  path:
    description:
      - The file to edit. A symbolic link is followed. Needed without O(files).
    type: path
  format:
    description:
      - The grammar of the file. V(auto) tells it by the name of the file and refuses a name that it does not know.
      - V(yaml) needs C(ruamel.yaml) on the managed host (Debian C(python3-ruamel.yaml), EL C(python3-ruamel-yaml)).
    type: str
    choices: [auto, opennebula, shell, yaml]
    default: auto
  edits:
    description:
      - What shall hold in the file, each edit for one thing. All hold after the run, or none. Needed with O(path).
      - An edit has exactly one of O(edits[].value), O(edits[].values), O(edits[].item), O(edits[].members) and
        O(edits[].command_line); with O(edits[].state=absent) it may have none.
    type: list
    elements: dict
    suboptions: &edit
      attribute:
        description:
          - Name of the attribute (compared without case) or of the shell variable.
          - In a YAML file the path of keys, separated by C(/), such as V(leases/terminate/edit). The symbol keys of
            the Ruby servers are written as in the file, V(:host).
        type: str
        required: true
      state:
        description:
          - Whether the subject of the edit shall be there. V(absent) without a subject removes the attribute, or with
            O(edits[].key) the one key of a vector.
          - An edit removes its own and nothing else. What is not there, or is there with another value, is left
            alone.
        type: str
        choices: [present, absent]
        default: present
      value:
        description:
          - The value of an attribute that is there once, of the key O(edits[].key) of a vector, of a shell variable,
            or of a YAML key (there it keeps its type, and may be a list or a dictionary).
          - For a file without types a boolean is refused. Quote it the way the program expects it, such as V("YES").
        type: raw
      values:
        description:
          - Keys and values of a vector attribute. A vector that is not there is added.
        type: dict
      merge:
        description:
          - With V(true) other keys of the vector stay, with V(false) the vector has the keys of O(edits[].values) and
            O(edits[].where) and no others.
        type: bool
        default: true
      where:
        description:
          - Selects one of several vectors of the same name by the values of keys, such as the one whose C(NAME) is
            V(kvm). A C(NAME) is the same in any case, as it is to oned.
          - It is an error when several match, because oned uses the first only.
        type: dict
      key:
        description:
          - One key of a vector attribute, for O(edits[].value), O(edits[].members), O(edits[].command_line) or
            removal.
        type: str
      item:
        description:
          - One of the values of an attribute that is repeated, such as C(INHERIT_DATASTORE_ATTR) or
            C(VM_RESTRICTED_ATTR), or of a YAML list.
        type: raw
      members:
        description:
          - Members of a list that is kept in one value, such as C(LIVE_DISK_SNAPSHOTS). Others stay.
        type: list
        elements: str
      separator:
        description:
          - What separates the members. The default is a comma, in a shell-style file a blank.
        type: str
        choices: [',', ' ']
      command_line:
        description:
          - An option in a value that is the command line of a driver, such as V(-t 15 -d dummy,ssh -l deploy=mine
            -p).
          - It has exactly one of O(edits[].command_line.members), O(edits[].command_line.entries) and
            O(edits[].command_line.value). An option whose argument becomes empty is removed.
        type: dict
        suboptions:
          option:
            description:
              - The option with its dash, such as V(-d).
            type: str
            required: true
          members:
            description:
              - Members of the option's list. Others stay.
            type: list
            elements: str
          entries:
            description:
              - Entries of the option's map from an action to its script. An empty value names an action without a
                script.
              - An action that has another script already is an error. V(absent) removes an entry only when it has
                this script.
            type: dict
          value:
            description:
              - The whole argument of the option.
            type: str
  create:
    description:
      - Make the file when it does not exist, with mode 0640 unless O(mode) says otherwise. Without it a missing file
        is an error, in check mode a planned change.
    type: bool
    default: false
  backup:
    description:
      - Keep a copy of the former file when it changes, with a time stamp in its name, and its owner and mode.
    type: bool
    default: true
  backup_count:
    description:
      - How many copies of each file are kept, V(0) for all. Older ones that this module made are removed.
      - A password that was changed stays readable in them, for those who may read the file itself.
    type: int
    default: 5
  secret_keys:
    description:
      - Names of further keys whose values are secrets. Names that end in C(PASSWD), C(PASSWORD), C(PASS),
        C(PASSPHRASE), C(SECRET), C(TOKEN), C(SECRET_KEY), C(ACCESS_KEY) or C(PRIVATE_KEY) are known.
      - Secrets appear neither in the diff, nor in the result, nor in the log of the managed host.
    type: list
    elements: str
    default: []
  files:
    description:
      - Several files in one run, in place of O(path). Nothing is written unless all edits of all files can be made.
    type: list
    elements: dict
    suboptions:
      path:
        description: As O(path).
        type: path
        required: true
      format:
        description: As O(format).
        type: str
        choices: [auto, opennebula, shell, yaml]
        default: auto
      edits:
        description: As O(edits).
        type: list
        elements: dict
        required: true
        suboptions: *edit
      create:
        description: As O(create).
        type: bool
        default: false
extends_documentation_fragment:
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    description: Reports what a run would change. A file whose package is not installed yet counts as changed.
  diff_mode:
    support: full
    description: Shows the file before and after, without the values of secrets.
  platform:
    support: full
    platforms: posix
    description: The managed host.
"""

EXAMPLES = r"""
- name: Database and API port of oned
  kvmcloud.stack.one_config:
    path: /etc/one/oned.conf
    edits:
      - attribute: PORT
        value: 2633
      - attribute: DB
        values:
          BACKEND: mysql
          SERVER: localhost
          USER: oneadmin
          PASSWD: "{{ opennebula_database_password }}"
          DB_NAME: opennebula

- name: A storage driver is known to oned
  kvmcloud.stack.one_config:
    path: /etc/one/oned.conf
    edits:
      - attribute: TM_MAD
        key: ARGUMENTS
        command_line: {option: -d, members: [vitastor]}
      - attribute: VM_MAD
        where: {NAME: kvm}
        key: ARGUMENTS
        command_line:
          option: -l
          entries: {deploy: deploy.vitastor}
      - attribute: TM_MAD_CONF
        where: {NAME: vitastor}
        values:
          LN_TARGET: NONE
          CLONE_TARGET: SELF
          SHARED: "YES"
      - attribute: INHERIT_DATASTORE_ATTR
        item: VITASTOR_CONF

- name: The same driver is gone
  kvmcloud.stack.one_config:
    path: /etc/one/oned.conf
    edits:
      - attribute: TM_MAD
        key: ARGUMENTS
        command_line: {option: -d, members: [vitastor]}
        state: absent
      - attribute: TM_MAD_CONF
        where: {NAME: vitastor}
        state: absent

- name: Live snapshots for the driver
  kvmcloud.stack.one_config:
    path: /etc/one/vmm_exec/vmm_execrc
    edits:
      - attribute: LIVE_DISK_SNAPSHOTS
        members: [kvm-vitastor]

- name: Defaults of KVM guests, at their start and for what is attached later
  kvmcloud.stack.one_config:
    files:
      - path: /etc/one/vmm_exec/vmm_exec_kvm.conf
        edits:
          - attribute: DISK
            values: {CACHE: none, IO: native}
      - path: /var/lib/one/remotes/etc/vmm/kvm/kvmrc
        edits:
          - attribute: DEFAULT_ATTACH_IO
            value: native

- name: OneGate listens on the address of the front-end
  kvmcloud.stack.one_config:
    path: /etc/one/onegate-server.conf
    edits:
      - attribute: ":host"
        value: 192.0.2.10
"""

RETURN = r"""
path:
  description: The file that was edited, links followed.
  returned: success, with O(path)
  type: str
  sample: /etc/one/oned.conf
edits:
  description: What was changed, one sentence each and without secrets; in check mode what would be.
  returned: success, with O(path)
  type: list
  elements: str
  sample: ["set PORT = '2634' (was '2633')", "add DB/PASSWD (its value is not shown)"]
backup_file:
  description: Where the former file was copied to.
  returned: when the file changed and O(backup=true), with O(path)
  type: str
  sample: /etc/one/oned.conf.2026-11-21@03:12:45.204153Z.one_config~
format:
  description: The grammar that the file was read with.
  returned: success, with O(path)
  type: str
  sample: opennebula
files:
  description: RV(path), RV(edits), RV(format), RV(backup_file) and C(changed) of each file.
  returned: success, with O(files)
  type: list
  elements: dict
msg:
  description: Why the edits cannot be made, with line and column where the file is at fault.
  returned: on failure, and in check mode when the file does not exist yet
  type: str
  sample: >-
    /etc/one/oned.conf: line 1455, column 5: a comma is missing after the value of NAME in TM_MAD_CONF (oned: syntax
    error, unexpected VARIABLE, expecting COMMA or CBRACKET at line 1455, columns 57448:57457)
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import LibraryMissing
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.file import look_at_all
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.secrets import secret_values

EDIT = {
    "attribute": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "value": {"type": "raw"},
    "values": {"type": "dict"},
    "merge": {"type": "bool", "default": True},
    "where": {"type": "dict"},
    "key": {"type": "str", "no_log": False},
    "item": {"type": "raw"},
    "members": {"type": "list", "elements": "str"},
    "separator": {"type": "str", "choices": [",", " "]},
    "command_line": {
        "type": "dict",
        "options": {
            "option": {"type": "str", "required": True},
            "members": {"type": "list", "elements": "str"},
            "entries": {"type": "dict"},
            "value": {"type": "str"},
        },
    },
}

FILE = {
    "path": {"type": "path", "required": True},
    "format": {"type": "str", "choices": ["auto", "opennebula", "shell", "yaml"], "default": "auto"},
    "edits": {"type": "list", "elements": "dict", "required": True, "options": EDIT},
    "create": {"type": "bool", "default": False},
}

ARGUMENTS = {
    **FILE,
    "path": {"type": "path"},
    "edits": {"type": "list", "elements": "dict", "options": EDIT},
    "backup": {"type": "bool", "default": True},
    "backup_count": {"type": "int", "default": 5},
    "secret_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "files": {"type": "list", "elements": "dict", "options": FILE},
}


class ConfigModule(AnsibleModule):
    """Secrets are the values of some keys in the edits, no option as a whole is one. They are told apart here."""

    def _log_invocation(self):
        self._learn_secrets()
        super()._log_invocation()

    def _return_formatted(self, kwargs):
        self._learn_secrets()
        super()._return_formatted(kwargs)

    def _learn_secrets(self):
        files = [self.params, *(file for file in self.params.get("files") or [] if isinstance(file, dict))]
        for edit in (edit for file in files for edit in file.get("edits") or []):
            if isinstance(edit, dict):
                for value in secret_values(edit, self.params.get("secret_keys") or []):
                    # The log shows the edits as Python writes them, with its escapes.
                    self.no_log_values.update((value, repr(value)[1:-1]))


def main() -> None:
    module = ConfigModule(
        argument_spec=dict(ARGUMENTS),
        supports_check_mode=True,
        add_file_common_args=True,
        required_one_of=[("path", "files")],
        mutually_exclusive=[("path", "files"), ("edits", "files")],
        required_by={"path": "edits", "edits": "path"},
    )
    try:
        files = look_at_all(module, module.params["files"] if module.params["path"] is None else [module.params])
    except LibraryMissing:
        module.fail_json(
            msg=missing_required_lib("ruamel.yaml (Debian: python3-ruamel.yaml, EL: python3-ruamel-yaml)"),
            exception=traceback.format_exc(),
        )
    diff = [entry for file in files for entry in file.diff()]
    results = [file.apply() for file in files]
    if module.params["path"] is None:
        module.exit_json(changed=any(result["changed"] for result in results), files=results, diff=diff)
    module.exit_json(**results[0], **({"diff": diff[0]} if diff and module._diff else {}))


if __name__ == "__main__":
    main()
