# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as Ansible calls it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.filter.gluster_brick_layout import FilterModule

HOSTS = ["gs1", "gs2", "gs3"]
HOSTVARS = {
    name: {"gluster_bricks": [{"name": "b"}], "gluster_server_bricks": {"bricks": [{"name": "b", "size_mb": 7}]}}
    for name in HOSTS
}
layout = FilterModule().filters()["gluster_brick_layout"]


def test_volumes_get_their_bricks():
    (found,) = layout([{"name": "v", "replica": 3}], HOSTVARS, HOSTS)
    assert found["bricks"] == ["gs1:/bricks/b/v", "gs2:/bricks/b/v", "gs3:/bricks/b/v"]
    assert found["capacity_mb"] == 7


def test_what_exists_is_kept():
    present = [{"name": "v", "bricks": ["gs2:/bricks/b/v", "gs1:/bricks/b/v", "gs3:/bricks/b/v"], "replica": 3}]
    assert layout([{"name": "v", "replica": 3}], HOSTVARS, HOSTS, present=present)[0]["bricks"] == present[0]["bricks"]


def test_what_cannot_be_built_fails_with_a_sentence():
    with pytest.raises(AnsibleFilterError, match="volume v: replica 4 needs 4 hosts, and there are 3"):
        layout([{"name": "v", "replica": 4}], HOSTVARS, HOSTS)
