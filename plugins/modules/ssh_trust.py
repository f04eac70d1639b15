#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_trust
short_description: Whom a user lets in by SSH, and which host keys it accepts
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Takes what M(kvmcloud.stack.ssh_identity) returned on other hosts and writes it into the user's C(authorized_keys)
    and C(known_hosts), so that no first connection has to be trusted blindly.
  - Keys of others in C(authorized_keys), and host keys of hosts that are not named, are kept.
  - A host key of a named host that differs from the given ones is removed, because it is stale or forged.
  - A pattern in C(known_hosts) that stands for a named host, too, with another key, goes on standing for all others.
  - A block at the top of the user's C(config) accepts no unknown or changed host key of the named hosts, whatever the
    rest of it, as that of OpenNebula's packages, or C(/etc/ssh) accepts.
options:
  user:
    description: The user.
    type: str
    default: oneadmin
  identities:
    description: The hosts to trust.
    type: list
    elements: dict
    default: []
    suboptions:
      names:
        description: Names and addresses under which the host is reached.
        type: list
        elements: str
        required: true
      host_keys:
        description: All public host keys of the host. Without any, nothing is changed about its host keys.
        type: list
        elements: str
        default: []
      public_keys:
        description: Public keys that may log in as the user.
        type: list
        elements: str
        default: []
  revoked_keys:
    description: Public keys that may no longer log in as the user.
    type: list
    elements: str
    default: []
  left_out:
    description:
      - Names of hosts that ought to trust this one and take no part in the run, because of a C(--limit) or because they
        failed. If anything changes here, a warning names them.
    type: list
    elements: str
    default: []
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
  - module: kvmcloud.stack.ssh_identity
"""

EXAMPLES = r"""
- name: Every front-end and node trusts every other
  kvmcloud.stack.ssh_trust:
    user: oneadmin
    identities: "{{ opennebula_ssh_hosts | kvmcloud.stack.ssh_identities(hostvars, 'opennebula_ssh_identity') }}"
    left_out: "{{ opennebula_ssh_hosts | difference(ansible_play_hosts) }}"
"""

RETURN = r"""
files:
  description: Files that were written, or would be.
  returned: always
  type: list
  elements: str
"""

import os
import pwd

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ssh_trust import (
    TrustError,
    check_identities,
    edited_authorized_keys,
    edited_config,
    edited_known_hosts,
)

SPEC = {
    "user": {"type": "str", "default": "oneadmin"},
    "identities": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "names": {"type": "list", "elements": "str", "required": True},
            "host_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "public_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
    },
    "revoked_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "left_out": {"type": "list", "elements": "str", "default": []},
}


def edited_files(paths, texts, identities, revoked):
    authorized_keys, known_hosts, config = paths
    public_keys = [key for identity in identities for key in identity.public_keys]
    pinned = [name for identity in identities if identity.host_keys for name in identity.names]
    return {
        authorized_keys: edited_authorized_keys(texts[authorized_keys], public_keys, revoked),
        known_hosts: edited_known_hosts(texts[known_hosts], identities),
        config: edited_config(texts[config], pinned),
    }


def left_out_sentence(user, hosts):
    return (
        f"Not part of this run: {', '.join(hosts)}. They do not learn what changed about the keys of {user} and of "
        f"hosts, so {user} may be refused there. Run again without --limit, or with a --limit that names them besides."
    )


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    user, revoked = module.params["user"], module.params["revoked_keys"]
    try:
        identities = check_identities(module.params["identities"])
        account = pwd.getpwnam(user)
    except TrustError as error:
        module.fail_json(msg=str(error))
    except KeyError:
        account = None
    if account is None:
        sentence = f"The user {user} does not exist; install the package that brings it first."
        if not module.check_mode:
            module.fail_json(msg=sentence)
        module.warn(sentence)
        module.exit_json(changed=True, files=[f"~{user}/.ssh/{name}" for name in ("authorized_keys", "known_hosts")])

    directory = os.path.join(account.pw_dir, ".ssh")
    paths = [os.path.join(directory, name) for name in ("authorized_keys", "known_hosts", "config")]
    for path in [directory, *paths]:
        if os.path.islink(path):
            module.fail_json(
                msg=f"{path} is a symbolic link; trust is not written through links. Replace it by a file."
            )
    present = read_files(paths)
    texts = {path: (file.content if file else b"").decode("utf-8", "surrogateescape") for path, file in present.items()}
    try:
        after = edited_files(paths, texts, identities, revoked)
    except TrustError as error:
        module.fail_json(msg=str(error))

    wanted = []
    for path in paths:
        if after[path] or present[path] is not None:
            # authorized_keys must be the user's alone; the mode of the others is a matter of taste
            mode = 0o600 if present[path] is None or path.endswith("authorized_keys") else None
            content = after[path].encode("utf-8", "surrogateescape")
            wanted.append(ManagedFile(path, content, mode, account.pw_uid, account.pw_gid))
    plan = plan_files(wanted, present)
    # Each host trusts itself too, so that a new key of its own is a change here.
    if plan.changes and module.params["left_out"]:
        module.warn(left_out_sentence(user, module.params["left_out"]))
    if plan.changes and not module.check_mode:
        if not os.path.isdir(directory):
            os.mkdir(directory, 0o700)
            os.chown(directory, account.pw_uid, account.pw_gid)
        apply_plan(module, plan)
    module.exit_json(changed=bool(plan.changes), files=plan.changed_paths, diff=plan.diff)


if __name__ == "__main__":
    main()
