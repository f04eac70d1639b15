#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_identity
short_description: SSH key pair of a user, and the host's own host keys
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Makes sure that a user has a key pair without a passphrase, with the owner and modes that SSH insists on.
  - A key pair that exists is used whatever its type; a new one is made only if there is none.
  - Returns the public halves and the public host keys, which M(kvmcloud.stack.ssh_trust) takes on the other hosts.
    Private keys never leave the host.
options:
  user:
    description: The user.
    type: str
    default: oneadmin
  key_type:
    description: Type of a new key.
    type: str
    choices: [ed25519, ecdsa, rsa]
    default: ed25519
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - A user that does not exist yet is an error, but only a warning in check mode, where the task that makes it was
        only predicted.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
seealso:
  - module: kvmcloud.stack.ssh_trust
"""

EXAMPLES = r"""
- name: Key pair of oneadmin
  kvmcloud.stack.ssh_identity:
    user: oneadmin
  register: opennebula_ssh_identity
"""

RETURN = r"""
public_keys:
  description: Public keys of the user. Empty in check mode where the key pair would be made.
  returned: always
  type: list
  elements: str
host_keys:
  description: Public host keys of the host, without comments.
  returned: always
  type: list
  elements: str
key_file:
  description: Path of the private key that was made, or would be.
  returned: when there was none
  type: str
"""

import glob
import os
import pwd
import shutil
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ssh_trust import (
    TrustError,
    parse_key,
    private_key_is_encrypted,
)

SPEC = {
    "user": {"type": "str", "default": "oneadmin"},
    "key_type": {"type": "str", "choices": ["ed25519", "ecdsa", "rsa"], "default": "ed25519"},
}
HOST_KEYS = "/etc/ssh/ssh_host_*_key.pub"
# the names that ssh tries by itself, in its order
KEY_NAMES = ("id_rsa", "id_ecdsa", "id_ed25519")


def host_keys():
    keys = []
    for path in sorted(glob.glob(HOST_KEYS)):
        with open(path, encoding="utf-8", errors="replace") as stream:
            keys.append(str(parse_key(stream.read())))
    return keys


def ssh_keygen(module, *arguments):
    returncode, out, err = module.run_command(["ssh-keygen", *arguments])
    if returncode:
        module.fail_json(msg=f"ssh-keygen failed: {(err or out).strip()}")
    return out


def new_pair(module, comment):
    """(private, public) of a new key. Made where only root can read, so that the user's directory is never trusted."""
    folder = tempfile.mkdtemp(dir=module.tmpdir)
    try:
        path = os.path.join(folder, "key")
        size = ["-b", "4096"] if module.params["key_type"] == "rsa" else []
        ssh_keygen(module, "-q", "-t", module.params["key_type"], *size, "-N", "", "-C", comment, "-f", path)
        with open(path, "rb") as private, open(path + ".pub", "rb") as public:
            return private.read(), public.read()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def public_half(module, private):
    """The public key of a private one. From a copy: ssh-keygen refuses a file whose mode is yet to be corrected."""
    descriptor, path = tempfile.mkstemp(dir=module.tmpdir)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(private)
        return ssh_keygen(module, "-y", "-P", "", "-f", path).encode()
    finally:
        os.unlink(path)


def refuse_links(module, paths):
    for path in paths:
        if os.path.islink(path):
            module.fail_json(
                msg=f"{path} is a symbolic link; keys are not written through links. Replace it by a file."
            )


def prepare_directory(module, account, directory):
    """~/.ssh with the mode that sshd wants; returns the diff entry if it has to change."""
    wanted = (0o700, account.pw_uid, account.pw_gid)
    try:
        state = os.stat(directory)
        found = (stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid)
    except FileNotFoundError:
        found = None
    if found == wanted:
        return []
    if not module.check_mode:
        if found is None:
            os.mkdir(directory, 0o700)
        os.chown(directory, wanted[1], wanted[2])
        os.chmod(directory, wanted[0])
    words = [
        f"mode {found[0]:04o} uid {found[1]} gid {found[2]}\n" if found else "",
        f"mode 0700 uid {wanted[1]} gid {wanted[2]}\n",
    ]
    return [{"before_header": directory, "after_header": directory, "before": words[0], "after": words[1]}]


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    user = module.params["user"]
    try:
        own_host_keys = host_keys()
    except TrustError as error:
        module.fail_json(msg=f"The host keys in /etc/ssh cannot be used: {error}")
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        sentence = f"The user {user} does not exist; install the package that brings it first."
        if not module.check_mode:
            module.fail_json(msg=sentence)
        module.warn(sentence)
        module.exit_json(changed=True, public_keys=[], host_keys=own_host_keys, key_file=f"~{user}/.ssh/id")

    directory = os.path.join(account.pw_dir, ".ssh")
    private_paths = [os.path.join(directory, name) for name in KEY_NAMES]
    paths = [path + suffix for path in private_paths for suffix in ("", ".pub")]
    refuse_links(module, [directory, *paths])
    present = read_files(paths)
    owner = {"uid": account.pw_uid, "gid": account.pw_gid}
    wanted, public_keys, result = [], [], {}
    for path in private_paths:
        private = present[path]
        if private is None:
            continue
        if private_key_is_encrypted(private.content.decode("ascii", "replace")):
            module.fail_json(
                msg=f"{path} has a passphrase, so {user} cannot log in anywhere unattended. "
                "Remove the passphrase with ssh-keygen -p, or move the key away to have a new one made."
            )
        public = present[path + ".pub"]
        content = public.content if public else public_half(module, private.content)
        public_keys.append(content.decode("utf-8", "replace").strip())
        wanted.append(ManagedFile(path, private.content, 0o600, secret=True, **owner))
        wanted.append(ManagedFile(path + ".pub", content, 0o644, **owner))
    if not wanted:
        path = os.path.join(directory, "id_" + module.params["key_type"])
        result["key_file"] = path
        private, public = b"(to be made)\n", b"(to be made)\n"
        if not module.check_mode:
            private, public = new_pair(module, f"{user}@{os.uname().nodename}")
            public_keys.append(public.decode().strip())
        wanted = [
            ManagedFile(path, private, 0o600, secret=True, **owner),
            ManagedFile(path + ".pub", public, 0o644, **owner),
        ]

    plan = plan_files(wanted, present)
    directory_diff = prepare_directory(module, account, directory)
    if not module.check_mode:
        # the private half first: a run that is cut off between the two finds it and derives the public one
        apply_plan(module, plan)
    result.update(
        changed=bool(plan.changes or directory_diff),
        public_keys=public_keys,
        host_keys=own_host_keys,
        diff=directory_diff + plan.diff,
    )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
