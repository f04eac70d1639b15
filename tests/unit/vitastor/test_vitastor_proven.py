# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has to have before a datastore of Vitastor is made: the vendor's builds, and the pools."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_install import vitastor_install
from ansible_collections.kvmcloud.stack.plugins.modules import acceptance

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS / "unit/plugins/modules"))

from host_module import run_module  # noqa: E402  (found through the line above)

IMAGES = {"TM_MAD": "vitastor", "POOL_NAME": "one", "VITASTOR_CONF": "<conf>"}


class Node:
    """Answers of a node whose QEMU and libvirt are the vendor's, and of a cluster with one pool."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self.capsys = folder, capsys
        (folder / "bin").mkdir()
        (folder / "conf").write_text("{}")
        self.builds(qemu="7.2+vitastor5", libvirt="9.0+vitastor2", formats="raw qcow2 vitastor")
        self.pools(one={})

    def program(self, name: str, answer: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{answer}\n")
        path.chmod(0o755)

    def builds(self, qemu: str, libvirt: str, formats: str) -> None:
        self.program("qemu-img", f"echo 'Supported formats: {formats}'")
        self.program("dpkg-query", f'case "$4" in libvirt0) echo {libvirt} ;; *) echo {qemu} ;; esac')

    def pools(self, **pools: Any) -> None:
        (self.folder / "state").write_text(json.dumps({"pools": pools, "images": {}}))

    def lacks(self, *templates: dict[str, str]) -> list[str]:
        conf = str(self.folder / "conf")
        stores = [
            {"name": "d", "template": {key: conf if value == "<conf>" else value for key, value in one.items()}}
            for one in templates
        ]
        settings = {"os_family": "Debian", "state": "present", "version": "", "corrections": [], "conf_files": []}
        settings.update(memory_snapshots=False, libraries=[], storage_addons=["vitastor"], datastores=stores)
        plan = vitastor_install(settings, [], {})
        found = run_module(self.capsys, acceptance, checks=plan["node_checks"] + plan["pool_checks"])["checks"]
        return [f"{one['name']}: {one['detail']}" for one in found if not one["ok"]]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Node:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{TESTS / 'doubles'}:{os.environ['PATH']}")
    monkeypatch.setenv("VITASTOR_DOUBLE", str(tmp_path / "state"))
    return Node(tmp_path, capsys)


def test_a_node_that_has_it_all(node: Node) -> None:
    assert node.lacks(IMAGES) == []


def test_a_qemu_that_is_the_distributions(node: Node) -> None:
    node.builds(qemu="7.2+dfsg-7", libvirt="9.0.0-4", formats="raw qcow2")
    assert [one.partition(":")[0] for one in node.lacks()] == [
        "qemu-img knows vitastor",
        "qemu-system-x86 is the vendor's build",
        "qemu-utils is the vendor's build",
        "libvirt0 is the vendor's build",
    ]


def test_a_pool_that_is_missing_or_not_active(node: Node) -> None:
    (told,) = node.lacks(IMAGES, {**IMAGES, "POOL_NAME": "two"})
    assert told.endswith("are active: two is not there") and "the pools one, two of " in told
    node.pools(one={"status": "inactive"})
    (told,) = node.lacks(IMAGES)
    assert told.endswith("one is inactive")


def test_each_cluster_is_asked_for_its_own_pools(node: Node) -> None:
    (told,) = node.lacks(IMAGES, {**IMAGES, "VITASTOR_CONF": "/etc/vitastor/other.conf"})
    assert told.startswith("the pools one of /etc/vitastor/other.conf are active: Error reading configuration")


def test_datastores_of_others_ask_for_no_pool(node: Node) -> None:
    assert node.lacks({"TM_MAD": "ceph", "POOL_NAME": "rbd"}) == []
