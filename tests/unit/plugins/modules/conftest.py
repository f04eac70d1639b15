# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small pool of GlusterFS for the modules that run the gluster command."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from small_gluster import SmallGluster

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_command, gluster_module, gluster_names


class Clock:
    """Waits take no time."""

    time = 0.0

    @classmethod
    def now(cls) -> float:
        cls.time += 0.01
        return cls.time

    @classmethod
    def sleep(cls, seconds: float) -> None:
        cls.time += seconds


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SmallGluster:
    small = SmallGluster()
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: small.warnings.append(text))
    monkeypatch.setattr(AnsibleModule, "run_command", lambda _self, argv, **more: small.run_command(argv, **more))
    monkeypatch.setattr(AnsibleModule, "get_bin_path", lambda _self, name, *_a, **_k: f"/usr/sbin/{name}")
    monkeypatch.setattr(gluster_module, "STATE_FOLDER", str(tmp_path))
    monkeypatch.setattr(gluster_names.socket, "gethostname", lambda: "gs1")
    monkeypatch.setattr(gluster_command.Gluster.__init__, "__defaults__", (Clock.now, Clock.sleep))
    groups = tmp_path / "groups"
    groups.mkdir()
    (groups / "virt").write_text("cluster.eager-lock=enable\nnetwork.remote-dio=disable\nfeatures.shard=on\n")
    return small
