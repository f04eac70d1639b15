#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_answer_file
short_description: Answer files of engine-setup of oVirt
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Writes the answers that C(engine-setup) shall not ask for, after each key, type and value was found good for the
    release. All that is wrong is told at once, and then nothing is written.
  - C(engine-setup) itself passes over unknown keys, takes C(bool:no) for true and finds a wrong application mode only
    after it has made the database.
  - Secrets stand in a file of their own, of mode 0600, which is to be removed when setup has ended.
options:
  path:
    description: File for O(answers). A ':' in it would be taken for two paths by C(engine-setup).
    type: path
    required: true
  answers:
    description:
      - Values by key, such as C(OVESETUP_ENGINE_CORE/enable). A key has a value of its type (bool, int or str), not a
        text that looks like one. V(null) is otopi's C(none).
    type: dict
    default: {}
  secrets_path:
    description: File for O(secrets).
    type: path
    required: true
  secrets:
    description: Values of the keys that are secrets, such as C(OVESETUP_CONFIG/adminPassword).
    type: dict
    default: {}
  own_files:
    description:
      - Answer files on the host, written by hand, which C(engine-setup) is going to read as well. They are judged
        together with the answers given here, and not changed.
    type: list
    elements: path
    default: []
  release:
    description: Release of the engine, whose keys are known.
    type: str
    choices: [4.5.7]
    default: 4.5.7
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.change_with_diff
"""

EXAMPLES = r"""
---
- name: What engine-setup shall not ask for
  kvmcloud.stack.ovirt_answer_file:
    path: /etc/ovirt-engine/kvmcloud-answers.conf
    answers:
      OVESETUP_ENGINE_CORE/enable: true
      OVESETUP_ENGINE_CONFIG/fqdn: engine.example.org
      OVESETUP_CONFIG/fqdn: engine.example.org
      OVESETUP_CONFIG/applicationMode: virt
      OVESETUP_CONFIG/updateFirewall: true
      OVESETUP_CONFIG/firewallManager: firewalld
    secrets_path: /etc/ovirt-engine/kvmcloud-secrets.conf
    secrets:
      OVESETUP_CONFIG/adminPassword: "{{ ovirt_engine_admin_password }}"
"""

RETURN = r"""
---
findings:
  description: All that is wrong with the answers; nothing was written.
  returned: when the answers are refused
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answers import (
    declared,
    faults_of,
    file_text,
    misplaced,
    parse_text,
)

SPEC = {
    "path": {"type": "path", "required": True},
    "answers": {"type": "dict", "default": {}},
    "secrets_path": {"type": "path", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "own_files": {"type": "list", "elements": "path", "default": []},
    "release": {"type": "str", "choices": list(RELEASES), "default": "4.5.7"},
}


def own_answers(paths):
    """Answers and faults of files that were written by hand."""
    answers, faults = [], []
    for path, found in read_files(paths).items():
        if found is None:
            faults.append(f"{path} is not there; engine-setup would only warn of that, and go on without it.")
            continue
        if found.mode & 0o077:
            faults.append(f"{path} has the mode {found.mode:04o}; it may hold secrets, so set it to 0600.")
        try:
            its_answers, its_faults = parse_text(found.content.decode("utf-8"), path)
        except UnicodeDecodeError:
            faults.append(
                f"{path} is not written in UTF-8, and engine-setup would pass over the whole file in silence."
            )
            continue
        answers += its_answers
        faults += its_faults
    return answers, faults


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    wanted = module.params
    paths = [wanted["path"], wanted["secrets_path"], *wanted["own_files"]]
    findings = [f"{path}: engine-setup takes a ':' for the end of a path." for path in paths if ":" in path]
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        findings.append("path, secrets_path and own_files name one file twice.")
    findings += misplaced(wanted["answers"], wanted["secrets"], wanted["release"])
    own, faults = own_answers(wanted["own_files"])
    answers = [*declared(wanted["answers"], "answers"), *declared(wanted["secrets"], "secrets"), *own]
    findings += faults + faults_of(answers, wanted["release"])
    if findings:
        module.fail_json(msg="\n".join(findings), findings=findings)
    files = [
        ManagedFile(wanted["path"], file_text(wanted["answers"]).encode(), mode=0o600),
        ManagedFile(wanted["secrets_path"], file_text(wanted["secrets"]).encode(), mode=0o600, secret=True),
    ]
    plan = plan_files(files, read_files(file.path for file in files))
    if not module.check_mode:
        apply_plan(module, plan)
    module.exit_json(changed=bool(plan.changes), diff=plan.diff)


if __name__ == "__main__":
    main()
