#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onedatastore
short_description: Manage datastores of OpenNebula
version_added: 0.1.0
description:
  - Creates, renames, changes and deletes datastores of all types, with their clusters, permissions and owner.
  - Attributes that oned always takes from C(TM_MAD_CONF) of oned.conf (C(ALLOW_ORPHANS), C(CLONE_TARGET),
    C(DS_MIGRATE),
    C(LN_TARGET), C(SHARED)) are left out with a warning.
options:
  datastores:
    description:
      - The datastores, each with the options described here. One call reads the pool once, then makes only the
        changes.
      - Cannot be combined with options of a single datastore.
    type: list
    elements: dict
    suboptions: &datastore
      name:
        description:
          - Name of the datastore. Names are case-sensitive and at most 128 bytes long.
          - A name of digits only is refused, since the commands take it for an id.
        type: str
      id:
        description:
          - Id of an existing datastore, instead of or together with its name. Given with O(name), it is renamed if
            need be.
          - Ids are given by oned; one that does not exist is an error unless O(state=absent).
        type: int
      rename_from:
        description:
          - Former name. If it exists and O(name) does not, it is renamed; if both exist, that is an error.
        type: str

      template:
        description:
          - Attributes of the datastore. A new one needs C(TM_MAD) and C(DS_MAD), a system datastore C(TM_MAD) only and
            a backup datastore C(DS_MAD) only.
          - C(TYPE) is one of C(IMAGE_DS) (what oned takes if none is given), C(SYSTEM_DS), C(FILE_DS) and
            C(BACKUP_DS), and cannot be changed.
          - What else a driver needs, such as C(RSYNC_HOST) and C(RSYNC_USER) of V(rsync), is asked for by oned itself.
        type: raw

      purge:
        description:
          - Template attributes to remove from the datastore, if it has them. All others are kept.
        type: list
        elements: str

      clusters:
        description:
          - Names or ids of all clusters the datastore is to be in; it is taken out of others. An empty list means
            none.
          - If not given, a new datastore is in C(default) and an existing one stays where it is.
        type: list
        elements: str

      driver:
        description:
          - What C(TM_MAD_CONF) of oned.conf says of the datastore's C(TM_MAD), as a dictionary of its attributes.
          - oned copies that into a datastore when it is made or updated, and never again. An existing one that has
            something else is updated; C(TM_MAD_SYSTEM), and the attributes for the kinds of system datastores that the
            driver has no longer, are removed, which oned does not do.
        type: dict

      awaits_storage:
        description:
          - Create a system datastore disabled, with the attribute C(KVMCLOUD_AWAITS_STORAGE), so that no guest is put
            there before its storage is mounted. Who has mounted it enables it and purges the attribute, as the role
            P(kvmcloud.stack.host_storage#role) does.
          - It counts at creation only, and not for other types, which cannot be disabled. O(state=enabled) leaves a
            datastore that still has the attribute as it is.
        type: bool
        default: false

      permissions:
        description:
          - Rights of owner, group and others as a quoted string of exactly three octal digits, such as V("640").
          - Use is 4, manage is 2, admin is 1. Any other form is refused, for the command would silently set
            something else.
        type: raw
      owner:
        description:
          - Name or id of the user it belongs to.
        type: str
      group:
        description:
          - Name or id of the group it belongs to.
        type: str

      state:
        description:
          - V(present) creates the datastore if it does not exist, and changes what differs.
          - V(absent) deletes it.
          - V(enabled) and V(disabled) also create it, and are for system datastores only.
          - A datastore that holds images, or disks of VMs, is not deleted, and the datastores 0 to 2 never are.
        type: str
        choices: [present, absent, enabled, disabled]
        default: present
  <<: *datastore
  wait:
    description:
      - Wait until oned has measured the datastores that this call created; before, images cannot be created in them.
      - System datastores are not waited for.
    type: bool
    default: true
  wait_timeout:
    description:
      - How long to wait for all of them together, in seconds. One that is not measured by then is a warning.
    type: int
    default: 60
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.resource
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: Datastores on a network mount, and one for backups
  kvmcloud.stack.onedatastore:
    datastores:
      - name: images_nfs
        template:
          TYPE: IMAGE_DS
          DS_MAD: fs
          TM_MAD: shared
        permissions: "640"
      - name: system_nfs
        template:
          TYPE: SYSTEM_DS
          TM_MAD: shared
        clusters: [default, edge]
      - name: backups
        template:
          TYPE: BACKUP_DS
          DS_MAD: rsync
          RSYNC_HOST: backup1.example
          RSYNC_USER: oneadmin

- name: A limit for the default system datastore
  kvmcloud.stack.onedatastore:
    id: 0
    template:
      LIMIT_MB: 500000
"""

RETURN = r"""
---
actions:
  description: What was done, or would be done in check mode, in order. Secrets travel in files and do not appear.
  returned: success, or failure after the first change
  type: list
  elements: dict
  contains:
    action:
      description: The step as a phrase.
      type: str
    command:
      description: The command with its arguments.
      type: list
      elements: str
  sample:
    - action: create datastore images_nfs
      command: [onedatastore, create, "<file>"]
findings:
  description: Every reason why the declarations were refused, before anything was changed.
  returned: when declarations are refused
  type: list
  elements: str
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_datastore import (
    DatastorePlanner,
    deletes_system,
    unmeasured,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import (
    COMMON_OPTIONS,
    OWNER_OPTIONS,
    ResourceModule,
    state_option,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import NotSettled, wait_until
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan

OPTIONS = {
    **COMMON_OPTIONS,
    "clusters": {"type": "list", "elements": "str"},
    "driver": {"type": "dict"},
    "awaits_storage": {"type": "bool", "default": False},
    **OWNER_OPTIONS,
    **state_option("enabled", "disabled"),
}
CALL_OPTIONS = {"wait": {"type": "bool", "default": True}, "wait_timeout": {"type": "int", "default": 60}}


def main() -> None:
    resources = ResourceModule("datastores", OPTIONS, CALL_OPTIONS)
    with resources.sentences():
        declared = resources.declarations()
        present = resources.read(DatastorePlanner, declared)
        clusters = resources.cli.pool("onecluster") if any(item.get("clusters") for item in declared) else []
        machines = resources.cli.pool("onevm") if deletes_system(declared, present) else []
        plan = DatastorePlanner(present, clusters, resources.check_mode, machines).plan(declared)
        if not resources.check_mode:
            created = resources.apply(plan)
            if created and resources.params["wait"]:
                wait_for_sizes(resources, plan, created)
    resources.finish(plan)


def wait_for_sizes(resources: ResourceModule, plan: Plan, created: list[int]) -> None:
    try:
        wait_until(
            read=lambda: resources.cli.pool("onedatastore"),
            judge=lambda pool: (unmeasured(pool, created), {}),
            wanted="every new datastore to be measured",
            limit=resources.params["wait_timeout"],
        )
    except NotSettled as late:
        # It exists and a second run would find nothing to do: to fail here would be to fail once and never again.
        plan.warnings.append(str(late))


if __name__ == "__main__":
    main()
