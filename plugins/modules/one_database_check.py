#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: one_database_check
short_description: Refuse to leave the database of a running OpenNebula behind
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - oned that is pointed to another database starts there as a new, empty cloud, without a word of warning.
  - Compares the database that C(oned.conf) names with the one that is wanted, and fails where oned has used the
    former already.
  - With O(installs_server), fails where MySQL, Percona or the like is on the host, or has left its data there.
  - Changes nothing.
options:
  path:
    description: The configuration of oned. One that does not exist yet has no database.
    type: path
    default: /etc/one/oned.conf
  home:
    description:
      - Home of oneadmin. Whether oned was ever started is told by what it makes there at its first start - C(one.db),
        or C(.one/sunstone_auth).
    type: path
    default: /var/lib/one
  installs_server:
    description: Whether the packages of MariaDB's server are going to be installed on this host.
    type: bool
    default: false
  data_directory:
    description: Where a database server on this host keeps its data.
    type: path
    default: /var/lib/mysql
  wanted:
    description: Keys of the DB section that tell one database from another, as far as they are declared.
    type: dict
    required: true
  moved:
    description: Whether the data was moved, so that the new database is the cloud's.
    type: bool
    default: false
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Changes nothing, in check mode or not.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: The cloud keeps its database
  kvmcloud.stack.one_database_check:
    wanted:
      BACKEND: mysql
      SERVER: db.cloud.example
      DB_NAME: opennebula
"""

RETURN = r"""
present:
  description: The database that C(oned.conf) names now, as a phrase.
  returned: success
  type: str
  sample: SQLite (/var/lib/one/one.db)
in_use:
  description: Whether oned was started before.
  returned: success
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import NotParsed
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_database import (
    database_of,
    name_of,
    other_server,
    present_database,
    refusal,
)

SPEC = {
    "path": {"type": "path", "default": "/etc/one/oned.conf"},
    "home": {"type": "path", "default": "/var/lib/one"},
    "installs_server": {"type": "bool", "default": False},
    "data_directory": {"type": "path", "default": "/var/lib/mysql"},
    "wanted": {"type": "dict", "required": True},
    "moved": {"type": "bool", "default": False},
}


def was_started(home):
    database = os.path.join(home, "one.db")
    filled = os.path.exists(database) and os.path.getsize(database) > 0
    return filled or os.path.exists(os.path.join(home, ".one", "sunstone_auth"))


def server_in_the_way(module, directory):
    program = module.get_bin_path("mysqld", opt_dirs=["/usr/sbin", "/usr/libexec"])
    version = "".join(module.run_command([program, "--version"])[1:]) if program else ""
    return other_server(version, os.listdir(directory) if os.path.isdir(directory) else [])


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    text = ""
    if os.path.exists(params["path"]):
        with open(params["path"], encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read()
    try:
        present = present_database(parse(text))
    except NotParsed as problem:
        module.fail_json(msg=f"{params['path']} cannot be read: {problem}. Which database it names is not known.")
    in_use = was_started(params["home"])
    sentence = None if params["moved"] else refusal(present, database_of(params["wanted"]), in_use)
    if not sentence and params["installs_server"]:
        sentence = server_in_the_way(module, params["data_directory"])
    if sentence:
        module.fail_json(msg=sentence)
    module.exit_json(changed=False, present=name_of(present), in_use=in_use)


if __name__ == "__main__":
    main()
