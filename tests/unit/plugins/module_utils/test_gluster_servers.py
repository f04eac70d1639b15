# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_servers import (
    gluster_other_names,
    gluster_server_names,
)

HOSTVARS = {
    "a": {},
    "b": {"gluster_server_name": "b-storage", "gluster_server_other_names": ["b"]},
    "c": {"gluster_server_name": None, "gluster_server_other_names": None},
}


def test_names_of_the_pool() -> None:
    assert gluster_server_names("abc", HOSTVARS) == ["a", "b-storage", "c"]
    assert gluster_other_names("abc", HOSTVARS) == {"b-storage": ["b"]}
