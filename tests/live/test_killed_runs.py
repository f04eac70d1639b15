# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at any task, then a second run: the same cloud as an undisturbed run makes."""

from __future__ import annotations

import difflib
import random

import cloud
import pytest
from conftest import renew

# What a cloud consists of, without what differs between two equal ones: keys, passwords, times, sizes, databases.
STATE = r"""
cd /
one=var/lib/one
for f in $(find etc/one etc/hosts etc/hostname etc/apt $one/.ssh $one/.one $one/remotes -type f | sort); do
  case $f in
    *~) ;;  # backups carry the time in their names
    *id_*|*authorized_keys*|*known_hosts*|*_auth|*_key) stat -c '%n %U:%G %a' $f;;
    *) echo "$(stat -c '%n %U:%G %a' $f) $(md5sum < $f)";;
  esac
done
wc -l < /var/lib/one/.ssh/authorized_keys; wc -l < /var/lib/one/.ssh/known_hosts
for unit in opennebula opennebula-gate opennebula-flow opennebula-fireedge libvirtd.socket; do
  echo $unit $(systemctl is-enabled $unit 2>&1) $(systemctl is-active $unit 2>&1)
done
for kind in cluster host datastore vnet hook; do
  [ ! -x /usr/bin/one$kind ] || one$kind list -x |
    grep -E '<(NAME|STATE|IM_MAD|VM_MAD|TM_MAD|DS_MAD|CLUSTER|IP|SIZE|BRIDGE|COMMAND)>'
done
true
"""


def state() -> dict[str, list[str]]:
    return {host: cloud.on(host, STATE).splitlines() for host in ("front1", "node1")}


def difference(found: dict, wanted: dict) -> list[str]:
    return [
        line
        for host in wanted
        for line in difflib.unified_diff(wanted[host], found[host], "undisturbed " + host, "killed and repeated", n=0)
    ]


@pytest.fixture(scope="module")
def undisturbed(lab_hosts) -> dict:
    renew()
    cloud.converge()
    again = cloud.converge()
    assert again.changed == 0, again.output
    return {"state": state(), "tasks": again.counts["barriers"]}


def kill_and_repeat(task: int, undisturbed: dict) -> None:
    renew()
    title = cloud.kill_at_task(task)
    cloud.converge()
    lines = difference(state(), undisturbed["state"])
    assert not lines, "\n".join([f"killed at task {task}: {title}", *lines])
    assert cloud.converge().changed == 0, f"killed at task {task}: {title}"


@pytest.mark.parametrize("half", [0, 1], ids=["in the first half", "in the second half"])
def test_a_killed_run_is_repaired_by_the_next(undisturbed, half):
    middle = undisturbed["tasks"] // 2
    kill_and_repeat(random.randint(2, middle) + half * middle, undisturbed)


@pytest.mark.full
@pytest.mark.parametrize("point", range(20))
def test_killed_at_twenty_points(undisturbed, point):
    kill_and_repeat(2 + (undisturbed["tasks"] - 3) * point // 19, undisturbed)
