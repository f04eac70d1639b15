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
  - Restarts a unit if one of its files is not what its running daemon was started with. The files decide, not what this
    play changed, so a play that was killed between edit and restart is repaired by the next one, and no handler is
    needed. What a daemon was started with is recorded with the copies; where nobody recorded it, the times of the files
    tell.
  - Restarts, once, a unit that is frozen - it takes connections and answers none - if O(units[].http_path) says what to
    ask it for.
  - A start has a time limit and counts as done when the port answers. Until then a daemon that hangs is waited for and
    then killed; systemd alone may take minutes.
  - After each good start the configuration files are kept under C(/var/lib/kvmcloud.stack/last-good). If a start fails,
    these are put back, the service is started with them, and the module fails with the daemon's own words. A file that
    names another database of oned than the present one is never put back.
  - What somebody else has started is kept with O(record), before its files are edited.
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
      reads:
        description:
          - Further files that it reads when it starts, and that are never put back, such as passwords. A change
            restarts it; no copy is kept.
        type: list
        elements: path
        default: []
      port:
        description: TCP port that answers when the daemon is up. Without it, a daemon that stays for a second is up.
        type: int
      port_setting:
        description:
          - Regular expression, of which the first group finds the port in the first of O(units[].config_files). Where
            it finds one, that is what answers in place of O(units[].port).
        type: str
      http_path:
        description:
          - Path of an HTTP request that the daemon has to answer on O(units[].port). Any answer proves that it is
            alive, also a refusal. Without it, a connection is enough, which the kernel gives for a frozen daemon, too.
        type: str
      answer_timeout:
        description:
          - How long the answer may take, in seconds. The default is as long as OpenNebula's own commands wait.
        type: int
        default: 30
      start_timeout:
        description: Time limit of a start, in seconds. In a restart the former daemon has as long to end.
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
  record:
    description:
      - Only keeps, as after a good start, what the units run with that somebody else has started, so that there is
        something to go back to when the files are edited next. A file that is younger than its daemon is not kept.
      - Nothing is started, stopped or enabled, and units that do not exist are no error.
    type: bool
    default: false
  predicted_changes:
    description:
      - Files that earlier tasks change.
      - Used in check mode only, where those tasks have only predicted the change and the times of files cannot tell.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - A unit that does not exist is an error, but in check mode it is taken as one that a package is going to bring.
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: OpenNebula runs with the configuration on disk
  kvmcloud.stack.guarded_service:
    units:
      - name: opennebula
        config_files: [/etc/one/oned.conf, /etc/one/monitord.conf]
        reads: [/var/lib/one/.one/one_auth]
        port: 2633
        http_path: /RPC2
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
import re
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.guarded_service import (
    ANSWERS,
    ServiceError,
    Verdict,
    changed_files,
    daemon_words,
    failure_sentence,
    judge_start,
    plan_unit,
    stuck_sentence,
    unit_name,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.last_good import LastGood
from ansible_collections.kvmcloud.stack.plugins.module_utils.listening_port import look_at
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_database import OTHER_DATABASE
from ansible_collections.kvmcloud.stack.plugins.module_utils.systemd_units import LOOK_SECONDS, Systemd

LAST_GOOD = "/var/lib/kvmcloud.stack/last-good"

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
            "reads": {"type": "list", "elements": "path", "default": []},
            "port": {"type": "int"},
            "port_setting": {"type": "str"},
            "http_path": {"type": "str"},
            "answer_timeout": {"type": "int", "default": 30},
            "start_timeout": {"type": "int", "default": 90},
            "kill": {"type": "bool", "default": False},
            "log_files": {"type": "list", "elements": "path", "default": []},
        },
    },
    "record": {"type": "bool", "default": False},
    "predicted_changes": {"type": "list", "elements": "path", "default": []},
}


def with_port(unit):
    """The unit with the port of its configuration on disk, which is where a daemon that starts now listens."""
    found = None
    if unit["port_setting"] and unit["config_files"]:
        with contextlib.suppress(OSError), open(unit["config_files"][0], encoding="utf-8", errors="replace") as stream:
            found = re.search(unit["port_setting"], stream.read(), re.MULTILINE)
    return {**unit, "port": int(found.group(1))} if found else unit


def port_of(unit, left=None):
    """What a look at the unit's port finds; None where there is no port to look at."""
    if not unit["port"]:
        return None
    seconds = unit["answer_timeout"] if left is None else max(1, min(unit["answer_timeout"], left))
    return look_at(unit["port"], unit["http_path"], seconds)


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
    unit = with_port(unit)
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
        answers = state.active == "active" and port_of(unit, deadline - now) == ANSWERS
        verdict = judge_start(
            state, former_invocation, port, answers, 0 if active_since is None else now - active_since, deadline - now
        )
        if verdict.outcome != "wait":
            return verdict
        time.sleep(LOOK_SECONDS)


def start(systemd, unit, action):
    """Start in the background and watch; systemctl itself would block as long as the daemon hangs."""
    name, patience = unit_name(unit["name"]), unit["start_timeout"]
    state = systemd.state(name)
    if action == "wait" or (action == "start" and state.active == "active"):
        # The unit before it in the list may have pulled it in (oned does so with its scheduler).
        return wait_until_up(systemd, unit, "")
    if state.active == "active":
        systemd.do("--no-block", "restart", name)
    # systemd ends the former daemon with the unit's own patience; only beyond ours it is our turn.
    ended = state.active in ("active", "deactivating") and systemd.wait_for_end(name, state.invocation, patience)
    now = systemd.state(name)
    if ended and (now.job or now.invocation != state.invocation):
        return wait_until_up(systemd, unit, state.invocation)
    if now.active in ("active", "activating", "deactivating"):
        if not unit["kill"]:
            return Verdict("failed", f"it is still {now.active}, and is left to that")
        systemd.force_down(name)
    systemd.forget_failures(name)
    systemd.do("--no-block", "start", name)
    return wait_until_up(systemd, unit, now.invocation)


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
    database = last_good.database_change()
    try:
        restored = [] if database == OTHER_DATABASE else last_good.restore()
    except OSError as error:
        module.fail_json(msg=stuck_sentence(name, verdict.why, words, error, last_good.folder), restored=[])
    second = None
    if restored:
        second = start(systemd, unit, "start" if unit["kill"] else "restart")
        if second.outcome == "up":
            with contextlib.suppress(OSError):  # a full disk must not hide why we are here
                last_good.save(systemd.state(name).invocation, last_good.digests())
        elif unit["kill"]:
            systemd.force_down(name)
    sentence = failure_sentence(name, verdict.why, words, restored, last_good.refused, second, unit["kill"], database)
    module.fail_json(msg=sentence, restored=restored)


def keep(module, name, last_good, invocation, digests):
    try:
        last_good.save(invocation, digests)
    except OSError as error:
        module.warn(
            f"{name} runs, but its configuration could not be kept in {last_good.folder} to go back to: "
            f"{error.strerror}. Make room and run again."
        )


def record(module, unit, state):
    """Of a daemon that we have not started, or not last: files that are older than it are what it runs with."""
    last_good = LastGood(module, LAST_GOOD, unit_name(unit["name"]), unit["config_files"], unit["reads"])
    if state.active != "active" or last_good.started_with(state.invocation) or not last_good.watched:
        return
    digests = last_good.digests()
    younger = changed_files(state, digests, {}, file_times(digests), time.monotonic(), time.time())
    known = {path: digest for path, digest in digests.items() if path not in younger}
    keep(module, unit_name(unit["name"]), last_good, state.invocation, known)


def apply(module, systemd, unit, state, plan, last_good, digests):
    if "reload" in plan.actions:
        systemd.do("daemon-reload")
    for verb in ("enable", "disable", "stop"):
        if verb in plan.actions:
            systemd.do(verb, plan.name)
    for action in ("wait", "start", "restart"):
        if action in plan.actions:
            if action != "wait":
                digests = last_good.digests()  # what it is going to read, which later edits are compared with
            bring_up(module, systemd, unit, action, last_good)
    if unit["state"] == "started" and last_good.watched:
        invocation = systemd.state(plan.name).invocation if plan.actions else state.invocation
        if last_good.started_with(invocation) != digests:
            keep(module, plan.name, last_good, invocation, digests)


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
    units = [with_port(unit) for unit in module.params["units"]]
    systemd = Systemd(module)
    plans, kept, wrong = [], [], []
    try:
        states = systemd.states([unit_name(unit["name"]) for unit in units])
    except ServiceError as error:
        module.fail_json(msg=str(error))
    if module.params["record"]:
        for unit, state in zip(units, states) if not module.check_mode else ():
            record(module, unit, state)
        module.exit_json(changed=False, units=[])
    for unit, state in zip(units, states):
        last_good = LastGood(module, LAST_GOOD, unit_name(unit["name"]), unit["config_files"], unit["reads"])
        digests = last_good.digests()
        started_with = last_good.started_with(state.invocation)
        changed = changed_files(state, digests, started_with, file_times(digests), time.monotonic(), time.time())
        port = port_of(unit) if state.active == "active" else None
        try:
            if module.check_mode:
                changed = changed or [path for path in digests if path in module.params["predicted_changes"]]
            plans.append(plan_unit(unit, state, changed, port, module.check_mode))
        except ServiceError as error:
            wrong.append(str(error))
        kept.append((last_good, digests))
    if wrong:
        module.fail_json(msg=" ".join(wrong))

    result = {
        "changed": any(plan.changes for plan in plans),
        "units": [{"name": p.name, "actions": list(p.actions), "reasons": list(p.reasons)} for p in plans],
        "diff": shown(units, states, plans),
    }
    if not module.check_mode:
        try:
            for unit, state, plan, (last_good, digests) in zip(units, states, plans, kept):
                apply(module, systemd, unit, state, plan, last_good, digests)
        except ServiceError as error:
            module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
