#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: oneadmin_password
short_description: Set the password of oneadmin, before or after the first start of OpenNebula
version_added: 0.1.0
description:
  - Before the first start of oned, writes the auth file, from which oned takes the password for its new database.
  - Afterwards changes the password in oned, which must be running, and then writes the auth file.
  - A run that died between the two is repaired, since oned is asked which password it accepts.
  - If oned does not answer and the auth file has the password already, nothing is done and it is no error.
  - Auth files of other users in the same directory (C(sunstone_auth), C(oneflow_auth) and the like) are left alone.
options:
  password:
    description:
      - The password. An empty one, one with white space, and one that looks like a default or a placeholder is refused.
    type: str
    required: true
  auth_file:
    description:
      - The file in which the commands of OpenNebula and oned find user and password.
    type: path
    default: /var/lib/one/.one/one_auth
  api_timeout:
    description:
      - How long oned may take to answer one call, in seconds. A command that needs 15 s more than this is stopped.
    type: int
    default: 30
attributes:
  check_mode:
    support: full
    description: oned is asked which password it accepts; nothing is changed.
  diff_mode:
    support: none
    description: There is nothing to show but a secret.
  platform:
    support: full
    description: Runs on the front-end.
    platforms: posix
notes:
  - Runs on a front-end as root. In check mode the packages need not be installed yet.
  - The file belongs to oneadmin and has mode 0600; both are corrected.
  - oned's drivers, its hook service and up to release 6.10 the scheduler read the file at their start only. Restart
    them when it changed; M(kvmcloud.stack.guarded_service) does so for units that name it in C(reads).
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: The password of oneadmin
  kvmcloud.stack.oneadmin_password:
    password: "{{ opennebula_oneadmin_password }}"
"""

RETURN = r"""
---
actions:
  description: What was done, or would be done in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The step as a phrase.
      type: str
  sample:
    - action: write the auth file /var/lib/one/.one/one_auth
method:
  description:
    - How the password was set. V(api) after a change in oned, V(file) if only the file was written, V(none) otherwise.
  returned: success
  type: str
  sample: file
oned_answers:
  description:
    - V(false) if the only obstacle is that oned is stopped or frozen; bring it up and run again.
  returned: failure
  type: bool
  sample: false
"""

import os
import pwd
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_auth, one_errors
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_auth import Action, Reply
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand, OneError
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import InputFile, RunnerError
from ansible_collections.kvmcloud.stack.plugins.module_utils.secret_strength import weakness

MODE = 0o600


class AuthFile:
    """The auth file on this host: its content, its owner, and how it is replaced."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = os.path.dirname(path)
        try:
            with open(path, encoding="utf-8") as stream:
                self.content = stream.read()
        except FileNotFoundError:
            self.content = None
        try:
            self.owner = pwd.getpwnam(one_auth.USER)
        except KeyError:
            self.owner = None

    def started_before(self) -> bool:
        marks = [os.path.join(self.folder, name) for name in one_auth.WRITTEN_AT_FIRST_START]
        marks.append(os.path.join(os.path.dirname(self.folder), "one.db"))
        return any(os.path.exists(mark) for mark in marks)

    def wrong_attributes(self) -> bool:
        if self.content is None or self.owner is None:
            return False
        found = os.stat(self.path)
        return (found.st_uid, stat.S_IMODE(found.st_mode)) != (self.owner.pw_uid, MODE)

    def correct_attributes(self) -> None:
        os.chown(self.path, self.owner.pw_uid, self.owner.pw_gid)
        os.chmod(self.path, MODE)

    def write(self, password: str) -> None:
        """Replace the file by one that has the right owner and mode from its first moment."""
        handle, path = tempfile.mkstemp(prefix=".one_auth.", dir=self.folder)
        try:
            os.fchown(handle, self.owner.pw_uid, self.owner.pw_gid)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(one_auth.line(password) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(path, self.path)
        except BaseException:
            os.unlink(path)
            raise


def ask(cli: OneCommand, auth: str) -> Reply:
    """Whether oned accepts the user and password of an auth file. User 0 is visible to oneadmin only."""
    try:
        cli.run(["oneuser", "show", "-x", "0"], {"ONE_AUTH": auth})
    except OneError as error:
        if error.kind == one_errors.AUTHENTICATION:
            return Reply.REFUSED
        if error.kind in (one_errors.UNREACHABLE, one_errors.TIMEOUT):
            return Reply.NONE
        raise
    return Reply.ACCEPTED


def ask_password(module: AnsibleModule, cli: OneCommand, password: str) -> Reply:
    handle, path = tempfile.mkstemp(prefix="one_auth.", dir=module.tmpdir)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(one_auth.line(password) + "\n")
        return ask(cli, path)
    finally:
        os.unlink(path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "password": {"type": "str", "required": True, "no_log": True},
            "auth_file": {"type": "path", "default": "/var/lib/one/.one/one_auth"},
            "api_timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    password = module.params["password"]
    reason = weakness(password, one_auth.USER)
    if reason:
        module.fail_json(msg=f"The password for oneadmin {reason}. Choose one of your own, best a long random one.")
    cli = OneCommand(module)
    auth = AuthFile(module.params["auth_file"])
    try:
        action = one_auth.decide(
            auth.content,
            password,
            auth.started_before(),
            ask_file=lambda: ask(cli, auth.path),
            ask_wanted=lambda: ask_password(module, cli, password),
        )
        method = apply(module, cli, auth, action, password)
    except (one_auth.AuthError, RunnerError) as error:
        module.fail_json(msg=str(error), oned_answers=not isinstance(error, one_auth.Unanswered))
    sentences = {
        "api": [f"change the password of {one_auth.USER} in oned", f"write the auth file {auth.path}"],
        "file": [f"write the auth file {auth.path}"],
        "attributes": [f"correct owner and mode of {auth.path}"],
        "none": [],
    }[method]
    module.exit_json(
        changed=bool(sentences),
        actions=[{"action": sentence} for sentence in sentences],
        method="none" if method == "attributes" else method,
    )


def apply(module: AnsibleModule, cli: OneCommand, auth: AuthFile, action: Action, password: str) -> str:
    """Carry out the decision unless in check mode, and say by which means."""
    if action is Action.NOTHING:
        if not auth.wrong_attributes():
            return "none"
        if not module.check_mode:
            auth.correct_attributes()
        return "attributes"
    if module.check_mode:
        return "api" if action is Action.CHANGE_AND_WRITE else "file"
    if auth.owner is None or not os.path.isdir(auth.folder):
        raise one_auth.AuthError(
            f"The user {one_auth.USER} or the directory {auth.folder} does not exist. Install the packages of the "
            "OpenNebula front-end first."
        )
    if action is Action.CHANGE_AND_WRITE:
        # The commands take a password as an argument or from a file; an argument could be read by every user.
        with_file = ["oneuser", "passwd", "0", "-r", InputFile(password)]
        cli.change(with_file, {"ONE_AUTH": auth.path})
    auth.write(password)
    module.set_default_selinux_context(auth.path, False)
    return "api" if action is Action.CHANGE_AND_WRITE else "file"


if __name__ == "__main__":
    main()
