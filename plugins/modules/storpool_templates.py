#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: storpool_templates
short_description: StorPool has a template for each datastore of OpenNebula
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Makes and adapts the templates C(<prefix>-ds-<id>) that the StorPool add-on puts a datastore's volumes into.
  - The ids are OpenNebula's, so the datastores have to be there. Templates that are not named are left alone.
options:
  templates:
    description: One entry for each datastore.
    type: list
    elements: dict
    required: true
    suboptions:
      datastore:
        description: Name of the datastore in OpenNebula.
        type: str
        required: true
      replication:
        description: How many copies of the data there are.
        type: int
      place_head:
        description: Placement group of the copy that is read.
        type: str
      place_all:
        description: Placement group of all other copies.
        type: str
      place_tail:
        description: Placement group of the last copy.
        type: str
  prefix:
    description: C(ONE_PX) of this OpenNebula in C(addon-storpoolrc).
    type: str
    default: one
  datastores:
    description: The datastores, as M(kvmcloud.stack.onedatastore_info) returns them.
    type: list
    elements: dict
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: Datastores that there are
  kvmcloud.stack.onedatastore_info:
  register: found

- name: Two copies on HDD, one on SSD, which is read
  kvmcloud.stack.storpool_templates:
    datastores: "{{ found.datastores }}"
    templates:
      - {datastore: images, replication: 3, place_head: hdd, place_all: hdd, place_tail: ssd}
"""

RETURN = r"""
actions:
  description: What was done, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: In plain words.
      type: str
    command:
      description: The command.
      type: list
      elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import PlanError, RunnerError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_templates import (
    TemplateError,
    parse_templates,
    plan_templates,
)

SPEC = {
    "templates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "datastore": {"type": "str", "required": True},
            "replication": {"type": "int"},
            "place_head": {"type": "str"},
            "place_all": {"type": "str"},
            "place_tail": {"type": "str"},
        },
    },
    "prefix": {"type": "str", "default": "one"},
    "datastores": {"type": "list", "elements": "dict", "required": True},
}


class Storpool:
    def __init__(self, module):
        self.module = module

    def change(self, argv):
        rc, out, err = self.module.run_command(list(argv))
        if rc != 0:
            raise RunnerError((err or out).strip() or f"storpool ended with {rc}.")
        return out

    def new_id(self, output):
        raise RunnerError("storpool gives no ids.")


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    module.get_bin_path("storpool", required=not module.check_mode)
    storpool = Storpool(module)
    ids = {str(one["name"]): int(one["id"]) for one in params["datastores"]}
    try:
        present = parse_templates(storpool.change(["storpool", "-B", "-j", "template", "list"]))
        plan = plan_templates(params["templates"], ids, present, params["prefix"], module.check_mode)
        if not module.check_mode:
            plan.apply(storpool)
    except (TemplateError, PlanError, RunnerError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**plan.result())


if __name__ == "__main__":
    main()
