#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: guarded_service
short_description: systemd units that run with the configuration on disk, or go back to the former one
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Enables and starts units, in the order given, all in one run.
  - Restarts a unit if one of its configuration files is newer than its running daemon. The times of the files decide,
    not what this play changed, so a play that was killed between edit and restart is repaired by the next one, and no
    handler is needed.
  - A start has a time limit and counts as done when the port answers. Until then a daemon that hangs is waited for and
    then killed; systemd alone may take minutes.
  - After each good start the configuration files are kept under C(/var/lib/kvmcloud.stack/last-good). If a start fails,
    these are put back, the service is started with them, and the module fails with the daemon's own words.
options:
  units:
    description: The units, in the order in which they are started.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the unit. Without a suffix it is a service.
        type: str
        required: true
      enabled:
        description: Whether it starts at boot.
        type: bool
        default: true
      state:
        description: Whether it runs.
        type: str
        choices: [started, stopped]
        default: started
      config_files:
        description: Files that the daemon reads when it starts. Those that do not exist are ignored.
        type: list
        elements: path
        default: []
      port:
        description: TCP port that answers when the daemon is up. Without it, a daemon that stays for a second is up.
        type: int
      start_timeout:
        description: Time limit of a start, in seconds.
        type: int
        default: 90
      kill:
        description:
          - Whether a daemon that does not come up within the time limit is killed. For one that ignores its signals and
            keeps no data of its own in memory, such as oned with a driver that hangs.
          - Without it a daemon that is still starting or stopping is never killed; a database may be in the middle of
            its recovery.
        type: bool
        default: false
      log_files:
        description: Logs in which the daemon explains itself, besides the journal.
        type: list
        elements: path
        default: []
  predicted_changes:
    description:
      - Files that earlier tasks change.
      - Used in check mode only, where those tasks have only predicted the change and the times of files cannot tell.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - A unit that does not exist is an error, but in check mode it is taken as one that a package is going to bring.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
  platform:
    description: Target OS/families that can be operated against.
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: OpenNebula runs with the configuration on disk
  kvmcloud.stack.guarded_service:
    units:
      - name: opennebula
        config_files: [/etc/one/oned.conf, /etc/one/monitord.conf]
        port: 2633
        start_timeout: 120
        log_files: [/var/log/one/oned.log]
      - name: opennebula-gate
        config_files: [/etc/one/onegate-server.conf]
        port: 5030

- name: A unit that is not wanted
  kvmcloud.stack.guarded_service:
    units:
      - name: opennebula-novnc
        enabled: false
        state: stopped
"""

RETURN = r"""
units:
  description: What was done with each unit, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the unit.
      type: str
    actions:
      description: C(enable), C(disable), C(reload), C(start), C(restart), C(stop), C(wait); empty if it was as wanted.
      type: list
      elements: str
    reasons:
      description: Why.
      type: list
      elements: str
restored:
  description: Files that were put back because the start failed.
  returned: failure of a start
  type: list
  elements: str
"""

import contextlib
import os
import socket
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.guarded_service import (
    SHOWN,
    ServiceError,
    Verdict,
    daemon_words,
    failure_sentence,
    judge_start,
    newer_files,
    parse_states,
    plan_unit,
    unit_name,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.host_probe import sockets
from ansible_collections.kvmcloud.stack.plugins.module_utils.last_good import LastGood

LAST_GOOD = "/var/lib/kvmcloud.stack/last-good"
STOP_SECONDS = 10
LOOK_SECONDS = 0.2

SPEC = {
    "units": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "enabled": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "config_files": {"type": "list", "elements": "path", "default": []},
            "port": {"type": "int"},
            "start_timeout": {"type": "int", "default": 90},
            "kill": {"type": "bool", "default": False},
            "log_files": {"type": "list", "elements": "path", "default": []},
        },
    },
    "predicted_changes": {"type": "list", "elements": "path", "default": []},
}


class Systemd:
    def __init__(self, module):
        self.module = module

    def states(self, names):
        # rc 1 only says that a unit does not exist, which its state says too
        _returncode, out, _err = self.module.run_command(["systemctl", "show", "--property=" + ",".join(SHOWN), *names])
        return parse_states(out, len(names))

    def state(self, name):
        return self.states([name])[0]

    def do(self, *arguments):
        returncode, out, err = self.module.run_command(["systemctl", *arguments])
        if returncode:
            raise ServiceError(f"systemctl {' '.join(arguments)} failed: {(err or out).strip()}")

    def wait_for_stop(self, name, seconds):
        deadline = time.monotonic() + seconds
        while self.state(name).active == "deactivating" and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return self.state(name)

    def force_down(self, name):
        """Stop at once, also a daemon that ignores its signals: systemd alone would wait for its own, long limit."""
        self.do("stop", "--no-block", name)
        self.module.run_command(["systemctl", "kill", "-s", "KILL", name])
        deadline = time.monotonic() + STOP_SECONDS
        while self.state(name).active not in ("inactive", "failed") and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        self.module.run_command(["systemctl", "reset-failed", name])

    def journal(self, invocation):
        """What the daemon itself printed during one start, without systemd's remarks about it."""
        if not invocation:
            return ""
        command = ["journalctl", "--no-pager", "-o", "cat", "-n", "60", f"_SYSTEMD_INVOCATION_ID={invocation}"]
        return self.module.run_command(command)[1]


def port_answers(port):
    """Whether something accepts on the port, on whichever address it listens."""
    for protocol in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open("/proc/net/" + protocol, encoding="ascii") as stream:
            for entry in sockets(stream.read(), protocol):
                if entry["port"] == port:
                    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(entry["address"], entry["address"])
                    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
                        return True
    return False


def file_times(paths):
    """When each file was last changed in any way; a rename of an older file over it counts too."""
    times = {}
    for path in paths:
        try:
            times[path] = os.stat(path).st_ctime
        except FileNotFoundError:
            times[path] = None
    return times


def wait_until_up(systemd, unit, former_invocation):
    name, port = unit_name(unit["name"]), unit["port"]
    deadline = time.monotonic() + unit["start_timeout"]
    active_since = None
    while True:
        state = systemd.state(name)
        now = time.monotonic()
        if state.active != "active" or state.invocation == former_invocation:
            active_since = None
        elif active_since is None:
            active_since = now
        answers = bool(port) and state.active == "active" and port_answers(port)
        verdict = judge_start(
            state, former_invocation, port, answers, 0 if active_since is None else now - active_since, deadline - now
        )
        if verdict.outcome != "wait":
            return verdict
        time.sleep(LOOK_SECONDS)


def start(systemd, unit, action):
    """Start in the background and watch; systemctl itself would block as long as the daemon hangs."""
    name = unit_name(unit["name"])
    state = systemd.state(name)
    if action == "wait" or (action == "start" and state.active == "active"):
        # The unit before it in the list may have pulled it in (oned does so with its scheduler).
        return wait_until_up(systemd, unit, "")
    if state.active == "deactivating":
        state = systemd.wait_for_stop(name, unit["start_timeout"])
    if state.active in ("activating", "deactivating"):
        if not unit["kill"]:
            return Verdict("failed", f"it is still {state.active}, and is left to that")
        systemd.force_down(name)
    systemd.module.run_command(["systemctl", "reset-failed", name])
    systemd.do("--no-block", "restart" if action == "restart" else "start", name)
    return wait_until_up(systemd, unit, state.invocation)


def appended(path, size):
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
        stream.seek(size if os.path.getsize(path) >= size else 0)
        return stream.read()
    return ""


def bring_up(module, systemd, unit, action, last_good):
    """Start; on failure go back to the last good configuration and fail with the daemon's words."""
    name = unit_name(unit["name"])
    sizes = {path: os.path.getsize(path) if os.path.exists(path) else 0 for path in unit["log_files"]}
    former = systemd.state(name)
    verdict = start(systemd, unit, action)
    if verdict.outcome == "up":
        return
    if action == "wait" and former.active == "active" and not last_good.differing():
        # It was not started here and nothing else is known to work: leave it to a person.
        module.fail_json(msg=f"{name} runs, but {verdict.why}. See journalctl -u {name}.", restored=[])
    logs = [appended(path, size) for path, size in sizes.items()]
    words = daemon_words(systemd.journal(systemd.state(name).invocation), logs)
    if unit["kill"]:
        systemd.force_down(name)
    restored = last_good.restore()
    second = None
    if restored:
        second = start(systemd, unit, "start" if unit["kill"] else "restart")
        if second.outcome == "up":
            last_good.save(systemd.state(name).invocation)
        elif unit["kill"]:
            systemd.force_down(name)
    sentence = failure_sentence(name, verdict.why, words, restored, last_good.refused, second, unit["kill"])
    module.fail_json(msg=sentence, restored=restored)


def apply(module, systemd, unit, state, plan, last_good):
    if "reload" in plan.actions:
        systemd.do("daemon-reload")
    for verb in ("enable", "disable", "stop"):
        if verb in plan.actions:
            systemd.do(verb, plan.name)
    for action in ("wait", "start", "restart"):
        if action in plan.actions:
            bring_up(module, systemd, unit, action, last_good)
    if unit["state"] == "started" and unit["config_files"]:
        invocation = systemd.state(plan.name).invocation if plan.actions else state.invocation
        if not last_good.proven(invocation):
            last_good.save(invocation)


def shown(units, states, plans):
    """One line per unit, before and after."""
    before = [f"{unit_name(u['name'])}: {s.file or s.load}, {s.active}" for u, s in zip(units, states)]
    after = []
    for line, unit, state, plan in zip(before, units, states, plans):
        if not plan.changes:
            after.append(line)
            continue
        enabled = "enabled" if "enable" in plan.actions else "disabled" if "disable" in plan.actions else state.file
        active = "active" if unit["state"] == "started" else "inactive"
        restarted = ", restarted because " + " and ".join(plan.reasons) if "restart" in plan.actions else ""
        after.append(f"{plan.name}: {enabled}, {active}{restarted}")
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    units = module.params["units"]
    systemd = Systemd(module)
    plans, last_goods, wrong = [], [], []
    try:
        states = systemd.states([unit_name(unit["name"]) for unit in units]) if units else []
    except ServiceError as error:
        module.fail_json(msg=str(error))
    for unit, state in zip(units, states):
        last_good = LastGood(module, LAST_GOOD, unit_name(unit["name"]), unit["config_files"])
        newer = newer_files(state, file_times(unit["config_files"]), time.monotonic(), time.time())
        if newer and last_good.proven(state.invocation):
            newer = []  # touched, but the daemon is known to have started with this very content
        answers = port_answers(unit["port"]) if unit["port"] and state.active == "active" else None
        try:
            if module.check_mode:
                newer = newer or [path for path in unit["config_files"] if path in module.params["predicted_changes"]]
            plans.append(plan_unit(unit, state, newer, answers, module.check_mode))
        except ServiceError as error:
            wrong.append(str(error))
        last_goods.append(last_good)
    if wrong:
        module.fail_json(msg=" ".join(wrong))

    result = {
        "changed": any(plan.changes for plan in plans),
        "units": [{"name": p.name, "actions": list(p.actions), "reasons": list(p.reasons)} for p in plans],
        "diff": shown(units, states, plans),
    }
    if not module.check_mode:
        try:
            for unit, state, plan, last_good in zip(units, states, plans, last_goods):
                apply(module, systemd, unit, state, plan, last_good)
        except ServiceError as error:
            module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
