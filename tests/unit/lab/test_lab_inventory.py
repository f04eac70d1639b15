# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's input is any inventory Ansible understands: YAML, INI, group_vars, templates between variables."""

from __future__ import annotations

import pytest
from kvmcloud_lab.inventory import Inventory
from kvmcloud_lab.programs import LabError


def test_group_vars_and_templates(tmp_path):
    (tmp_path / "group_vars" / "all").mkdir(parents=True)
    (tmp_path / "group_vars/all/lab.yml").write_text(
        "site: blue\nlab_name: '{{ site }}1'\nlab_networks: {management: 10.9.1.0/24}\n"
        'secret: \'{{ lookup("file", "/does/not/exist") }}\'\n'
    )
    (tmp_path / "hosts.yml").write_text(
        "gluster_servers:\n  vars: {lab_disks: [{name: brick1, size: 1G}]}\n"
        "  hosts: {g1: {ansible_host: 10.9.1.2}, g2: {ansible_host: '{{ other }}', other: 10.9.1.3}}\n"
    )
    variables = Inventory([tmp_path]).variables()
    assert variables["g2"] == {
        "lab_name": "blue1",
        "lab_networks": {"management": "10.9.1.0/24"},
        "lab_disks": [{"name": "brick1", "size": "1G"}],
        "ansible_host": "10.9.1.3",
    }


def test_ini_and_limit(tmp_path):
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[nodes]\nn[1:3] lab_cpus=2\n[nodes:vars]\nlab_kind=vm\n")
    read = Inventory([inventory])
    assert read.variables()["n2"] == {"lab_cpus": 2, "lab_kind": "vm"}
    assert read.matching("nodes:!n1") == {"n2", "n3"}
    with pytest.raises(LabError, match="No host of the inventory matches --limit other"):
        read.matching("other")


def test_an_inventory_that_is_not_there(tmp_path):
    with pytest.raises(LabError, match="There is no inventory .*/nowhere"):
        Inventory([tmp_path / "nowhere"])
