#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onecluster_info
short_description: List clusters of OpenNebula
version_added: 0.1.0
description:
  - Returns the clusters of OpenNebula, all or those of given names and ids, by one read of the pool.
options:
  name:
    description:
      - Return the clusters of these names. A name that does not exist is not an error.
    type: list
    elements: str
  id:
    description:
      - Return the clusters of these ids, in addition to those given by O(name).
    type: list
    elements: int
extends_documentation_fragment:
  - kvmcloud.stack.opennebula
  - kvmcloud.stack.opennebula.info
author:
  - kvmcloud.stack contributors (@kvmcloud)
"""

EXAMPLES = r"""
---
- name: All clusters
  kvmcloud.stack.onecluster_info:
  register: found

- name: One of them
  kvmcloud.stack.onecluster_info:
    name: edge
"""

RETURN = r"""
---
clusters:
  description: The clusters, by ascending id.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the cluster.
      type: int
    name:
      description: Name of the cluster.
      type: str
    template:
      description:
        - Attributes of the cluster; a repeated attribute is a list, a vector attribute a dictionary. Secrets are
          hidden.
      type: dict
    locked:
      description: Whether it is locked.
      type: bool
    members:
      description: Ids of what belongs to it, by kind, such as C(clusters), C(images), C(vms).
      type: dict
    fields:
      description: Its other elements as oned has them, with names in lower case.
      type: dict
"""

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_module import run_info


def main() -> None:
    run_info("onecluster", "clusters", {})


if __name__ == "__main__":
    main()
