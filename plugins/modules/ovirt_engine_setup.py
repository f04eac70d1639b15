#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ovirt_engine_setup
short_description: Run engine-setup of oVirt, where it is due
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Runs C(engine-setup) when the engine of this host is not set up, or was set up by another version than is installed,
    and at no other time. Its input is closed, so a question that no answer file answers ends it.
  - It runs for many minutes, apart from the connection. What it prints is shown while it runs, its secrets masked. When
    the connection breaks, the next run looks after the one that is under way or has ended since, and does not begin
    another. One that went down with its host is begun anew, and so is one after a restore that has not come to its end.
  - It has succeeded when its exit code, its last words and the configuration that it left agree. A renamed engine, a
    database newer than the packages, and one too old to be upgraded are refused.
options:
  fqdn:
    description: Name that the engine has or shall have.
    type: str
    required: true
  answer_files:
    description: Files of answers, as M(kvmcloud.stack.ovirt_answer_file) writes them. Of one key the last file counts.
    type: list
    elements: path
    required: true
  offline:
    description: Whether packages are left as they are (C(--offline)). Names are resolved all the same.
    type: bool
    default: true
  timeout:
    description: How long it may take, in seconds. After that it is left running, and the next run looks after it.
    type: int
    default: 3600
  poll:
    description: Seconds between two looks at it, at most; the first come sooner.
    type: float
    default: 5
  phase:
    description: For the module's own use; tells what its part on the host shall do.
    type: str
    choices: [start, look]
    default: start
  place:
    description: For the module's own use; what of the output was shown already, in bytes.
    type: int
    default: 0
extends_documentation_fragment:
  - kvmcloud.stack.ovirt.change
seealso:
  - module: kvmcloud.stack.ovirt_answer_file
  - module: kvmcloud.stack.ovirt_engine_info
"""

EXAMPLES = r"""
---
- name: The engine is set up
  kvmcloud.stack.ovirt_engine_setup:
    fqdn: engine.example.org
    answer_files: [/etc/ovirt-engine/kvmcloud-answers.conf, /etc/ovirt-engine/kvmcloud-secrets.conf]
"""

RETURN = r"""
---
action:
  description: What C(engine-setup) was run for, or would be in check mode - V(setup), V(upgrade) or V(none).
  returned: success
  type: str
log:
  description: Log file that C(engine-setup) named.
  returned: when it was run
  type: str
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.detached_command import DetachedCommand
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import read_file
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_host import RESTORED, RUN, read_engine
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_state import (
    NOTHING,
    SET_UP,
    Decision,
    decide,
    excerpt,
    log_file,
    masked,
    outcome,
    secret_values,
)

SPEC = {
    "fqdn": {"type": "str", "required": True},
    "answer_files": {"type": "list", "elements": "path", "required": True},
    "offline": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 3600},
    "poll": {"type": "float", "default": 5},
    "phase": {"type": "str", "choices": ["start", "look"], "default": "start"},
    "place": {"type": "int", "default": 0},
}
LOGS = "/var/log/ovirt-engine/setup"
MISSING = (
    "{0} is not there; engine-setup would only warn of that, and go on without it. Write it with ovirt_answer_file."
)


def secrets_in(paths):
    """What must not be shown; of all releases, so that no secret is taken for something else."""
    found = [read_file(path) for path in paths]
    texts = [one.content.decode("utf-8", "replace") for one in found if one]
    return [value for keys in RELEASES.values() for value in secret_values(texts, keys)]


def start(module, command):
    """Begins it where it is due; one that nobody has seen the end of is looked after, and none is begun beside it."""
    former = command.look().state
    if former in ("running", "ended"):
        module.exit_json(changed=True, started=not module.check_mode, action=SET_UP)
    decision = decide(read_engine(module), module.params["fqdn"])
    if decision.refusal:
        module.fail_json(msg=decision.refusal)
    if former == "lost" and decision.action == NOTHING:
        decision = Decision(SET_UP)  # its last deeds come after the file that tells that an engine is set up
    if decision.action == NOTHING or module.check_mode:
        module.exit_json(changed=decision.action != NOTHING, action=decision.action)
    missing = [path for path in module.params["answer_files"] if not os.path.isfile(path)]
    if missing:
        module.fail_json(msg=MISSING.format(", ".join(missing)))
    program = module.get_bin_path("engine-setup", required=True)
    argv = [program, "--accept-defaults", f"--config-append={':'.join(module.params['answer_files'])}"]
    try:
        command.start([*argv, *(["--offline"] if module.params["offline"] else [])])
    except OSError as error:
        module.fail_json(msg=f"engine-setup cannot be started: {error}.")
    module.exit_json(changed=True, started=True, action=decision.action)


def look(module, command):
    seen = command.look(module.params["place"])
    secrets = secrets_in(module.params["answer_files"])
    result = {"changed": True, "state": seen.state, "lines": masked(seen.output, secrets).splitlines()}
    if seen.state == "running":
        module.exit_json(place=seen.place, **result)
    whole = command.look().output
    result["log"] = log_file(whole)
    told = f"It says:\n{excerpt(whole, secrets) or 'nothing'}\nIts log is {result['log'] or 'in ' + LOGS}."
    command.forget()  # its output may quote secrets; its own log does not
    if seen.state in ("lost", "none"):
        module.fail_json(msg=f"engine-setup is gone, and left no exit code; the host went down? {told}", **result)
    fault = outcome(seen.status, whole)
    if fault:
        module.fail_json(msg=f"{fault} {told} Correct the cause and run again.", **result)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(RESTORED)
    left = decide(read_engine(module), module.params["fqdn"])
    if left.action != NOTHING or left.refusal:
        why = left.refusal or "the file that it writes at its end does not say that an engine is set up"
        module.fail_json(msg=f"engine-setup says that it succeeded, but {why}. {told}", **result)
    module.exit_json(**result)


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    command = DetachedCommand(RUN)
    if module.params["phase"] == "start":
        start(module, command)
    look(module, command)


if __name__ == "__main__":
    main()
