# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `lab` makes it removes: in order, after a crash, and nothing else."""

from __future__ import annotations

import time

import pytest
from conftest import end_at_once, users_world

ONE = {"ansible_host": "10.213.201.11", "lab_disks": [{"name": "brick1", "size": "64M"}]}
TWO = {"ansible_host": "10.213.201.12"}


def test_down_leaves_nothing_and_the_users_own_things_are_as_before(fresh_lab):
    before = users_world()
    fresh_lab.write({"one": ONE, "two": TWO})
    fresh_lab("up")
    assert {"links", "namespaces", "loops", "processes", "state"} <= fresh_lab.remains().keys()
    assert users_world() == before
    fresh_lab("down")
    assert fresh_lab.remains() == {}
    assert users_world() == before


@pytest.mark.parametrize("moment", [0.9, 1.1, 1.3, 1.5, 1.8])
def test_a_lab_command_killed_at_any_moment_is_removed_or_completed(fresh_lab, moment):
    fresh_lab.write({"one": ONE, "two": TWO, "three": {"ansible_host": "10.213.201.13"}})
    process = fresh_lab.begin_up()
    time.sleep(moment)
    end_at_once(process)
    if moment in (1.1, 1.5):  # every other time: complete it first
        fresh_lab("up")
        fresh_lab.on("three", "ping -c1 -W2 one")
        fresh_lab.on("one", "test -b /dev/disk/by-id/virtio-brick1")
    fresh_lab("down")
    assert fresh_lab.remains() == {}


def test_a_lab_goes_by_its_name_alone(fresh_lab):
    fresh_lab.write({"two": TWO})
    fresh_lab("up")
    fresh_lab.inventory.write_text("all: {hosts: {}}\n")
    fresh_lab("down", "--name", fresh_lab.name)
    assert fresh_lab.remains() == {}
    fresh_lab.write({"two": TWO})


def test_the_lab_follows_the_inventory(fresh_lab):
    fresh_lab.write({"one": ONE, "two": TWO})
    assert "two (container" not in fresh_lab("up", "--limit", "one")
    assert "absent" in fresh_lab("status", rc=1)
    fresh_lab("up")
    fresh_lab.on("two", "touch /root/mine")
    fresh_lab.write({"two": TWO | {"lab_nics": [{"name": "eth1", "network": "guests"}]}})
    said = fresh_lab("up")
    assert "one removed: the inventory no longer names it" in said
    assert "two (container, bookworm, 10.213.201.12) made anew" in said
    fresh_lab.on("two", "ip link show eth1 && ! test -e /root/mine")


def test_a_network_that_this_machine_already_has_is_refused(fresh_lab):
    fresh_lab.write({"two": TWO})
    fresh_lab("up")
    other = type(fresh_lab)(fresh_lab.inventory.parent / "other", name="selftwo")
    other.inventory.parent.mkdir()
    other.write({"two": TWO})
    try:
        said = other("up", rc=2)
        assert (
            "lab: The lab network management shall be 10.213.201.0/24, but this machine reaches 10.213.201.0/24" in said
        )
    finally:
        other("down")
    assert other.remains() == {}


@pytest.mark.full
def test_purge_leaves_no_file(tmp_path, fresh_lab):
    """In a world of its own: purge takes down every lab there is."""
    world = type(fresh_lab)(tmp_path / "purge", name="gone", prefix="kvlt", KVMCLOUD_LAB_WORLD="t")
    world.inventory.parent.mkdir()
    networks = {"management": "10.213.203.0/24"}
    world.write({"one": ONE | {"ansible_host": "10.213.203.11"}}, lab_networks=networks, lab_opennebula="none")
    fresh_lab.write({"two": TWO})
    fresh_lab("up")
    world("up")
    world("purge")
    assert world.remains() == {}
    assert not world._root().exists()
    fresh_lab.on("two", "true")
