#!/usr/bin/python
# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vitastor_osd_removal
short_description: A host gives up its OSDs of a Vitastor cluster
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Moves the data of all OSDs of the host to others, waits until none is left on them, and removes them then.
  - Ends before anything is changed where a pool would have fewer hosts (or what its failure domain is) than it wants
    copies, misses copies already, or where the data does not fit on the other OSDs. It also ends where the cluster has
    OSDs of this host whose disks are not seen here.
  - What is done by when is decided by the cluster, so a run that was ended, or waited too long, is repeated.
  - A host that is dead cannot run it; see docs/vitastor.md.
options:
  wait:
    description: How long the data may take to move, in seconds. It goes on moving after that.
    type: int
    default: 3600
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
    support: full
"""

EXAMPLES = r"""
- name: This host holds no data of the cluster any more
  kvmcloud.stack.vitastor_osd_removal:
    wait: 86400
"""

RETURN = r"""
osds:
  description: Numbers of the OSDs that were removed, or would be.
  returned: success
  type: list
  elements: int
"""

import glob
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_cluster import ClusterError, last_json
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_removal import (
    listed,
    present,
    refuse_removal,
    refuse_unseen,
    to_drain,
)

SPEC = {"wait": {"type": "int", "default": 3600}}
LINKS = "/dev/vitastor/osd*-data"  # udev makes one for each OSD of the host
PAUSE = 10


class Cluster:
    def __init__(self, module):
        self.module = module

    def run(self, *argv):
        rc, out, err = self.module.run_command(list(argv))
        if rc != 0:
            raise ClusterError(f"'{' '.join(argv)}' failed: {(err or out).strip() or rc}")
        return out

    def tree(self):
        return last_json(self.run("vitastor-cli", "osd-tree", "--json"), "vitastor-cli osd-tree")

    def pools(self):
        return last_json(self.run("vitastor-cli", "ls-pools", "--json"), "vitastor-cli ls-pools")

    def drain(self, numbers):
        for number in numbers:
            self.run("vitastor-cli", "modify-osd", "--reweight", "0", str(number))

    def wait_until_empty(self, numbers):
        """rm-osd itself knows: it looks which placement groups have, or had and still need, one of the OSDs."""
        until = time.monotonic() + self.module.params["wait"]
        asked = ["vitastor-cli", "rm-osd", "--allow-up", "--dry-run", *[str(number) for number in numbers]]
        while True:
            rc, out, err = self.module.run_command(asked)
            if rc == 0:
                return
            if time.monotonic() >= until:
                said = " ".join((err or out).split()) or f"rm-osd ended with {rc}"
                raise ClusterError(
                    f"The OSDs {listed(numbers)} still have data that others need, which goes on moving: {said} Run "
                    "this again later; `vitastor-cli status` tells how far it is."
                )
            time.sleep(PAUSE)

    def remove(self, links):
        self.run("vitastor-disk", "purge", "--json", *links)


def osds_of_host():
    """Device by number."""
    found = {int(re.search(r"(\d+)-data$", path).group(1)): path for path in glob.glob(LINKS)}
    return dict(sorted(found.items()))


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    links, cluster = osds_of_host(), Cluster(module)
    try:
        tree = cluster.tree()
        refuse_unseen(links, tree, os.uname().nodename)
        if links:
            refuse_removal(links, tree, cluster.pools())
            if not module.check_mode:
                cluster.drain(to_drain(links, tree))
                cluster.wait_until_empty(links)
                cluster.remove(links.values())
                left = present(links, cluster.tree())
                if left:
                    raise ClusterError(
                        f"vitastor-disk purge has said nothing, and the cluster still has the OSDs {listed(left)}; "
                        "look at its journal and run again."
                    )
    except ClusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(links), osds=list(links))


if __name__ == "__main__":
    main()
