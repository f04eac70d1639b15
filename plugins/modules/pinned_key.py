#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pinned_key
short_description: The public key of a repository as a file, pinned by fingerprint
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Writes exactly the keys whose primary fingerprints are listed, and refuses a file that holds any other.
  - For package managers that read the key from a file, such as dnf with C(gpgkey=file:///etc/pki/rpm-gpg/...).
    M(kvmcloud.stack.apt_signed_source) does the same for apt.
  - A key on the target that has the listed fingerprint is not fetched again.
options:
  path:
    description: Where the key is wanted.
    type: path
    required: true
  key:
    description:
      - The public key, armoured or binary.
      - Either the armoured text itself, or an address, or the absolute path of a file on the target.
    type: str
    required: true
  key_fingerprint:
    description: Full fingerprints (40 or 64 hex digits; blanks are allowed) of all primary keys that it may hold.
    type: list
    elements: str
    required: true
  refresh_key:
    description: Fetch a key given as address even if the one on the target already has a listed fingerprint.
    type: bool
    default: false
  timeout:
    description: Time limit of the connection, in seconds.
    type: int
    default: 30
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - A key that cannot be fetched is a warning only, because what it is fetched from may be planned, too.
  diff_mode:
    support: full
  platform:
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: The key of OpenNebula's repository
  kvmcloud.stack.pinned_key:
    path: /etc/pki/rpm-gpg/RPM-GPG-KEY-opennebula
    key: https://downloads.opennebula.io/repo/repo2.key
    key_fingerprint: "{{ opennebula_repository_key_fingerprint }}"
"""

RETURN = r"""
fingerprints:
  description: Fingerprints of the primary keys in the file.
  returned: success
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import (
    ManagedFile,
    apply_plan,
    make_directories,
    plan_files,
    read_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.openpgp_keys import KeyFileError
from ansible_collections.kvmcloud.stack.plugins.module_utils.pinned_key import KeyOutOfReach, wanted_key

SPEC = {
    "path": {"type": "path", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
    "key_fingerprint": {"type": "list", "elements": "str", "required": True, "no_log": False},
    "refresh_key": {"type": "bool", "default": False, "no_log": False},
    "timeout": {"type": "int", "default": 30},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    path = module.params["path"]
    present = read_files([path])
    try:
        key, fingerprints = wanted_key(module.params, present[path])
    except KeyOutOfReach as error:
        if not module.check_mode:
            module.fail_json(msg=str(error))
        module.warn(str(error))
        key, fingerprints = b"(the key that could not be fetched)\n", []
    except KeyFileError as error:
        module.fail_json(msg=str(error))
    plan = plan_files([ManagedFile(path, key, 0o644, 0, 0)], present)
    if plan.changes and not module.check_mode:
        make_directories(os.path.dirname(path))
        apply_plan(module, plan)
    module.exit_json(changed=bool(plan.changes), fingerprints=fingerprints, diff=plan.diff)


if __name__ == "__main__":
    main()
