#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: acceptance
short_description: Whether what was built works, as a list of checks on the live host
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Runs typed checks on a host in one run and returns a result for each. A check that does not hold is a result, not a
    failure of the task; P(kvmcloud.stack.acceptance_report#filter) makes table, JUnit XML and JSON of the results.
  - Nothing is changed. The check V(libvirt_domain) starts a transient guest without disk and network, and removes it.
options:
  checks:
    description: The checks, in the order in which they are run.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description:
          - V(unit_active), systemd unit O(checks[].unit) is active.
          - V(port_answers), TCP port O(checks[].port) of O(checks[].host) accepts a connection.
          - V(command_output), the output of O(checks[].argv) contains O(checks[].contains).
          - V(path), O(checks[].path) exists, with O(checks[].mode), O(checks[].owner), O(checks[].group) and
            O(checks[].kind) where they are given.
          - V(names_resolve), the names of O(checks[].names) resolve, to the given addresses.
          - V(ssh_login), O(checks[].user) logs in to each of O(checks[].hosts) without being asked anything.
          - V(clock), the clock agrees with O(checks[].reference).
          - V(opennebula_api), the XML-RPC API at O(checks[].url) answers with O(checks[].release).
          - V(opennebula_hosts), every host of OpenNebula is monitored, O(checks[].expected) among them.
          - V(opennebula_datastores), every datastore of OpenNebula has a size, O(checks[].expected) among them.
          - V(libvirt_domain), a guest of type O(checks[].domain_type) starts and stops.
        type: str
        required: true
        choices:
          - unit_active
          - port_answers
          - command_output
          - path
          - names_resolve
          - ssh_login
          - clock
          - opennebula_api
          - opennebula_hosts
          - opennebula_datastores
          - libvirt_domain
      name:
        description: What the check is called in the report. By default made from its type and options.
        type: str
      wait:
        description: For how long a check that does not hold is tried again, in seconds.
        type: int
        default: 0
      opennebula:
        description:
          - Whether the check says something about OpenNebula, and so is worth less on an emulated one.
          - The checks whose type begins with V(opennebula_) always do.
        type: bool
        default: false
      emulated:
        description:
          - Mark the result as one of an emulated OpenNebula. By default C(oned --version) tells, on hosts that have it.
        type: bool
      unit:
        description: Name of a systemd unit.
        type: str
      host:
        description: Name or address of a host.
        type: str
        default: 127.0.0.1
      port:
        description: TCP port.
        type: int
      argv:
        description: Command and arguments. No shell is used.
        type: list
        elements: str
      contains:
        description: Text that the output must contain.
        type: str
      path:
        description: A file or directory.
        type: path
      mode:
        description: Octal mode, for example V("0750").
        type: str
      owner:
        description: Owner.
        type: str
      group:
        description: Group.
        type: str
      kind:
        description: What it must be.
        type: str
        choices: [file, directory]
      names:
        description: Names, each with the address that it must resolve to, or with null where any will do.
        type: dict
      user:
        description: User who logs in, or who talks to libvirt.
        type: str
        default: oneadmin
      hosts:
        description: Hosts to log in to.
        type: list
        elements: str
      reference:
        description: The controller's clock, in seconds since 1970, taken when the task is sent.
        type: float
      within:
        description: Largest difference of clocks that is accepted, in seconds.
        type: float
        default: 5
      url:
        description: Address of the XML-RPC API.
        type: str
        default: http://127.0.0.1:2633/RPC2
      auth_file:
        description: File with user and password for the API.
        type: path
        default: /var/lib/one/.one/one_auth
      release:
        description: Release that must answer. By default any.
        type: str
      expected:
        description: Names that must be there.
        type: list
        elements: str
        default: []
      domain_type:
        description: Type of the guest.
        type: str
        choices: [kvm, qemu]
        default: kvm
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - The check V(libvirt_domain) is skipped in check mode.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
  platform:
    description: Target OS/families that can be operated against.
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: The node works
  kvmcloud.stack.acceptance:
    checks:
      - type: unit_active
        unit: libvirtd.socket
      - type: libvirt_domain
        domain_type: "{{ opennebula_node_domain_type }}"
      - type: ssh_login
        hosts: "{{ groups['opennebula_frontends'] }}"
  register: acceptance
"""

RETURN = r"""
checks:
  description: One result per check.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What was checked.
      type: str
    type:
      description: Type of the check.
      type: str
    ok:
      description: Whether it holds.
      type: bool
    skipped:
      description: Whether it was not run.
      type: bool
    detail:
      description: What was seen.
      type: str
    emulated:
      description: Whether it was run on an emulated OpenNebula, and so proves nothing about OpenNebula.
      type: bool
    seconds:
      description: How long it took.
      type: float
"""

import contextlib
import grp
import http.client
import os
import platform
import pwd
import shutil
import socket
import stat
import tempfile
import time
import uuid
import xmlrpc.client

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import acceptance
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance import Verdict

SPEC = {
    "checks": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "type": {"type": "str", "required": True, "choices": list(acceptance.NEEDS)},
            "name": {"type": "str"},
            "wait": {"type": "int", "default": 0},
            "opennebula": {"type": "bool", "default": False},
            "emulated": {"type": "bool"},
            "unit": {"type": "str"},
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int"},
            "argv": {"type": "list", "elements": "str"},
            "contains": {"type": "str"},
            "path": {"type": "path"},
            "mode": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "kind": {"type": "str", "choices": ["file", "directory"]},
            "names": {"type": "dict"},
            "user": {"type": "str", "default": "oneadmin"},
            "hosts": {"type": "list", "elements": "str"},
            "reference": {"type": "float"},
            "within": {"type": "float", "default": 5},
            "url": {"type": "str", "default": "http://127.0.0.1:2633/RPC2"},
            "auth_file": {"type": "path", "default": "/var/lib/one/.one/one_auth"},
            "release": {"type": "str"},
            "expected": {"type": "list", "elements": "str", "default": []},
            "domain_type": {"type": "str", "choices": ["kvm", "qemu"], "default": "kvm"},
        },
    },
}
CONNECT_SECONDS = 5
API_SECONDS = 15
COMMAND_SECONDS = 60
TIMED_OUT = 124  # status of timeout(1)


class LimitedTransport(xmlrpc.client.Transport):
    """The standard transport waits for a frozen oned for ever."""

    def make_connection(self, host):
        return http.client.HTTPConnection(host, timeout=API_SECONDS)


class Host:
    """The checks by type; each returns a verdict and raises OSError where the host does not even answer."""

    def __init__(self, module):
        self.module = module
        self.started = time.time()

    def run(self, argv):
        environment = {"LC_ALL": "C", "ONE_XMLRPC_TIMEOUT": str(API_SECONDS)}
        limited = ["timeout", "--kill-after=5", str(COMMAND_SECONDS), *argv]
        result = self.module.run_command(limited, environ_update=environment, cwd="/")
        if result[0] == TIMED_OUT:
            raise OSError(f"{argv[0]} did not end within {COMMAND_SECONDS} s")
        return result

    def unit_active(self, check):
        returncode, out, err = self.run(["systemctl", "is-active", check["unit"]])
        return acceptance.judge_unit(returncode, out or err)

    def port_answers(self, check):
        with socket.create_connection((check["host"], check["port"]), CONNECT_SECONDS):
            return Verdict(True, f"{check['host']}:{check['port']}")

    def command_output(self, check):
        returncode, out, err = self.run(check["argv"])
        return acceptance.judge_output(returncode, out + err, check["contains"])

    def path(self, check):
        try:
            state = os.stat(check["path"])
        except FileNotFoundError:
            return acceptance.judge_path(check, None)
        owner, group = str(state.st_uid), str(state.st_gid)
        with contextlib.suppress(KeyError):
            owner = pwd.getpwuid(state.st_uid).pw_name
        with contextlib.suppress(KeyError):
            group = grp.getgrgid(state.st_gid).gr_name
        kind = "directory" if stat.S_ISDIR(state.st_mode) else "file" if stat.S_ISREG(state.st_mode) else "other"
        found = {"kind": kind, "mode": f"{stat.S_IMODE(state.st_mode):04o}", "owner": owner, "group": group}
        return acceptance.judge_path(check, found)

    def names_resolve(self, check):
        found = {}
        for name in check["names"]:
            with contextlib.suppress(OSError):
                found[name] = sorted({answer[4][0] for answer in socket.getaddrinfo(name, None)})
        return acceptance.judge_names(check["names"], found)

    def ssh_login(self, check):
        options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}"]
        answers = {}
        for host in check["hosts"]:
            returncode, _out, err = self.run([*self.as_user(check), "ssh", *options, host, "true"])
            answers[host] = (returncode, err)
        return acceptance.judge_logins(answers)

    def as_user(self, check):
        try:
            account = pwd.getpwnam(check["user"])
        except KeyError as error:
            raise OSError(f"the user {check['user']} does not exist") from error
        return [] if account.pw_uid == os.geteuid() else ["runuser", "-u", check["user"], "--"]

    def clock(self, check):
        # the reference was taken when the task was sent: checks that ran before this one do not count
        return acceptance.judge_clock(self.started, check["reference"], check["within"])

    def opennebula_api(self, check):
        with open(check["auth_file"], encoding="utf-8") as stream:
            session = stream.read().strip()
        proxy = xmlrpc.client.ServerProxy(check["url"], transport=LimitedTransport())
        return acceptance.judge_api(proxy.one.system.version(session), check["release"])

    def opennebula_hosts(self, check):
        return acceptance.judge_hosts(self.pool("onehost"), check["expected"])

    def opennebula_datastores(self, check):
        return acceptance.judge_datastores(self.pool("onedatastore"), check["expected"])

    def pool(self, command):
        returncode, out, err = self.run([command, "list", "-x"])
        if returncode:
            # 5.12 prints its errors on standard output
            raise OSError((err or out).strip() or f"{command} ended with {returncode}")
        return out

    def libvirt_domain(self, check):
        virsh = [*self.as_user({"user": "root"}), "virsh", "--quiet", "--connect", "qemu:///system"]
        for name in acceptance.left_over_domains(self.run([*virsh, "list", "--name"])[1]):
            self.run([*virsh, "destroy", name])
        name = acceptance.DOMAIN_PREFIX + uuid.uuid4().hex[:12]
        text = acceptance.domain_xml(name, check["domain_type"], platform.machine())
        descriptor, path = tempfile.mkstemp(suffix=".xml", dir=self.module.tmpdir)
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
            returncode, out, err = self.run([*virsh, "create", path])
            if returncode:
                return Verdict(False, (err or out).strip())
            state = self.run([*virsh, "domstate", name])[1].strip()
        finally:
            os.unlink(path)
            returncode, out, err = self.run([*virsh, "destroy", name])
        if state != "running":
            return Verdict(False, f"the guest is {state or 'gone'} after its start")
        if returncode:
            return Verdict(False, f"the guest {name} could not be stopped: {(err or out).strip()}")
        return Verdict(True, f"type {check['domain_type']}")


def judged(host, check):
    """The verdict; an error on the way is one too."""
    try:
        return getattr(host, check["type"])(check)
    except (xmlrpc.client.Error, http.client.HTTPException) as error:
        return Verdict(False, f"no proper answer: {error}")
    except OSError as error:
        return Verdict(False, str(error.strerror or error))


def is_emulated(module):
    """An emulated OpenNebula says so in its version."""
    if not shutil.which("oned"):
        return False
    return "emulated" in "".join(module.run_command(["oned", "--version"])[1:])


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    checks = module.params["checks"]
    try:
        for check in checks:
            acceptance.require(check)
    except acceptance.CheckError as error:
        module.fail_json(msg=str(error))
    host = Host(module)
    emulated = is_emulated(module)
    results = []
    for check in checks:
        of_opennebula = check["opennebula"] or check["type"] in acceptance.OF_OPENNEBULA
        skipped = module.check_mode and check["type"] == "libvirt_domain"
        began = time.monotonic()
        verdict = Verdict(True, "not run in check mode") if skipped else judged(host, check)
        while not verdict.ok and time.monotonic() - began < check["wait"]:
            time.sleep(1)
            verdict = judged(host, check)
        results.append(
            {
                "name": acceptance.title(check),
                "type": check["type"],
                "ok": verdict.ok,
                "skipped": skipped,
                "detail": verdict.detail,
                "emulated": of_opennebula and emulated if check["emulated"] is None else check["emulated"],
                "seconds": round(time.monotonic() - began, 3),
            }
        )
    module.exit_json(changed=False, checks=results)


if __name__ == "__main__":
    main()
