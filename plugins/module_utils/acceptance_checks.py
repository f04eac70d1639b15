# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a live host what acceptance.py judges: one method per type of check."""

from __future__ import annotations

import contextlib
import grp
import http.client
import os
import platform
import pwd
import shutil
import socket
import stat
import sys
import tempfile
import uuid
import xmlrpc.client
from typing import Any, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils import acceptance
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance import Verdict
from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_gluster import (
    WRITE_TEST,
    LivePool,
    judge_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.mountinfo import MOUNTINFO, family, parse_mounts
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_plan import Surroundings, differences
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import READ_LINKS, READ_ROUTES, parse_state
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_zone import ZoneError, parse_zone
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_directory import read_found
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_domain_plan import inspect_domain
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import RunnerError

Check = Mapping[str, Any]

CONNECT_SECONDS = 5
LOGIN_SECONDS = 10  # keys are agreed on in it, too, on busy hosts; and dead ones are waited for one after another
API_SECONDS = 15
COMMAND_SECONDS = 60
MOUNT_SECONDS = 15  # of a mounted file system whose server may be gone
TIMED_OUT = 124  # status of timeout(1)


class LimitedTransport(xmlrpc.client.Transport):
    """The standard transport waits for a frozen oned for ever."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(host, timeout=API_SECONDS)


class Host:
    """The checks by type; each returns a verdict and raises OSError where the host does not even answer."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def run(self, argv: list[str], seconds: int | None = None) -> tuple[int, str, str]:
        seconds = seconds or COMMAND_SECONDS
        environment = {"LC_ALL": "C", "ONE_XMLRPC_TIMEOUT": str(API_SECONDS)}
        limited = ["timeout", "--kill-after=5", str(seconds), *argv]
        result: tuple[int, str, str] = self.module.run_command(limited, environ_update=environment, cwd="/")
        if result[0] == TIMED_OUT:
            raise OSError(f"{argv[0]} did not end within {seconds} s")
        return result

    def unit_active(self, check: Check) -> Verdict:
        returncode, out, err = self.run(["systemctl", "is-active", check["unit"]])
        return acceptance.judge_unit(returncode, out or err)

    def port_answers(self, check: Check) -> Verdict:
        with socket.create_connection((check["host"], check["port"]), CONNECT_SECONDS):
            return Verdict(True, f"{check['host']}:{check['port']}")

    def command_output(self, check: Check) -> Verdict:
        returncode, out, err = self.run(check["argv"])
        return acceptance.judge_output(returncode, out + err, check["contains"])

    def path(self, check: Check) -> Verdict:
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

    def mounted(self, check: Check) -> Verdict:
        with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as stream:
            at = {mount.path: mount for mount in parse_mounts(stream.read()) if mount.fstype != "autofs"}
        device, owner = "", ""
        if check["src"].startswith("/dev/"):
            number = os.stat(check["src"]).st_rdev
            device = f"{os.major(number)}:{os.minor(number)}"
        if check["path"] in at:
            owner = self.run(["stat", "--format=%U", check["path"]], MOUNT_SECONDS)[1].strip()
        return acceptance.judge_mount(check, at.get(check["path"]), device, owner)

    def names_resolve(self, check: Check) -> Verdict:
        found = {}
        for name in check["names"]:
            with contextlib.suppress(OSError):
                found[name] = sorted({answer[4][0] for answer in socket.getaddrinfo(name, None)})
        return acceptance.judge_names(check["names"], found)

    def links(self, check: Check) -> Verdict:
        answers = []
        for command in (READ_LINKS, *READ_ROUTES):
            returncode, out, err = self.run(list(command))
            if returncode:
                raise OSError((err or out).strip())
            answers.append(out)
        links = declared_links(check["network"])
        lacks = [one.lack for one in differences(links, parse_state(*answers), Surroundings({}))]
        return acceptance.judge_links(lacks, [link.name for link in links])

    def ssh_login(self, check: Check) -> Verdict:
        """With the configuration that the user's programs have, by which a host key may go unchecked, too."""
        ssh = [*self.as_user(check["user"]), "ssh"]
        options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={LOGIN_SECONDS}"]
        answers = {}
        for host in check["hosts"]:
            effective = self.run([*ssh, "-G", host])[1]
            if acceptance.checks_host_keys(effective):
                returncode, _out, err = self.run([*ssh, *options, host, "true"])
                answers[host] = (returncode, err)
            else:
                answers[host] = (1, "its host key is not checked (ssh -G shows what sets StrictHostKeyChecking)")
        return acceptance.judge_logins(answers)

    def as_user(self, user: str) -> list[str]:
        try:
            account = pwd.getpwnam(user)
        except KeyError as error:
            raise OSError(f"the user {user} does not exist") from error
        return [] if account.pw_uid == os.geteuid() else ["runuser", "-u", user, "--"]

    def opennebula_api(self, check: Check) -> Verdict:
        with open(check["auth_file"], encoding="utf-8") as stream:
            session = stream.read().strip()
        proxy = xmlrpc.client.ServerProxy(check["url"], transport=LimitedTransport())
        return acceptance.judge_api(proxy.one.system.version(session), check["release"])

    def opennebula_hosts(self, check: Check) -> Verdict:
        return acceptance.judge_hosts(self.pool("onehost"), check["expected"], check["set_aside"])

    def opennebula_datastores(self, check: Check) -> Verdict:
        return acceptance.judge_datastores(self.pool("onedatastore"), check["expected"], is_emulated(self.module))

    def opennebula_zone(self, check: Check) -> Verdict:
        try:
            return acceptance.judge_zone(parse_zone(self.told(["onezone", "show", "-x", "0"])), check["expected"])
        except ZoneError as error:
            return Verdict(False, str(error))

    def pool(self, command: str) -> str:
        return self.told([command, "list", "-x"])

    def told(self, argv: list[str]) -> str:
        returncode, out, err = self.run(argv)
        if returncode:
            # 5.12 prints its errors on standard output
            raise OSError((err or out).strip() or f"{argv[0]} ended with {returncode}")
        return out

    def vitastor_pools(self, check: Check) -> Verdict:
        return acceptance.judge_pools(*self.vitastor(check, "ls-pools"), check["expected"])

    def vitastor_status(self, check: Check) -> Verdict:
        return acceptance.judge_vitastor_status(*self.vitastor(check, "status"))

    def vitastor(self, check: Check, command: str) -> tuple[int, str, str]:
        """As oneadmin where there is one: it is who runs the drivers."""
        config = ["--config_path", check["path"]] if check.get("path") else []
        argv = ["vitastor-cli", *config, command, "--json"]
        with contextlib.suppress(KeyError):
            argv = [*self.as_user(pwd.getpwnam("oneadmin").pw_name), *argv]
        return self.run(argv)

    def libvirt_domain(self, check: Check) -> Verdict:
        virsh = [*self.as_user("root"), "virsh", "--quiet", "--connect", "qemu:///system"]
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

    def ovirt_domain(self, check: Check) -> Verdict:
        found = read_found(check["path"])
        return acceptance.judge_ovirt_domains(
            {name: inspect_domain(f"{check['path']}/{name}", name, tree) for name, tree in sorted(found.trees.items())}
        )

    def gluster_peers(self, check: Check) -> Verdict:
        return LivePool(self.module).peers(check["expected"])

    def gluster_volumes(self, check: Check) -> Verdict:
        return LivePool(self.module).volumes(check["expected"])

    def gluster_files(self, check: Check) -> Verdict:
        with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as stream:
            at = {mount.path: mount.fstype for mount in parse_mounts(stream.read())}
        if family(at.get(check["path"], "")) != "glusterfs":
            return Verdict(False, "no GlusterFS is mounted there")
        return judge_files(*self.run([sys.executable, "-c", WRITE_TEST, check["path"]], MOUNT_SECONDS))


def is_emulated(module: Any) -> bool:
    """An emulated OpenNebula says so in its version."""
    if not shutil.which("oned"):
        return False
    return "emulated" in "".join(module.run_command(["oned", "--version"])[1:])


def judged(host: Host, check: Check) -> Verdict:
    """The verdict; an error on the way is one too."""
    try:
        verdict: Verdict = getattr(host, check["type"])(check)
        return verdict
    except (xmlrpc.client.Error, http.client.HTTPException) as error:
        return Verdict(False, f"no proper answer: {error}")
    except RunnerError as error:
        return Verdict(False, str(error))
    except OSError as error:
        return Verdict(False, str(error.strerror or error))
