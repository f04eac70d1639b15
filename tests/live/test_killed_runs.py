# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 or Ctrl-C at any task, then a second run: the same cloud as an undisturbed run makes."""

from __future__ import annotations

import contextlib
import difflib
import os
import random
import signal
import subprocess

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
    run = cloud.converge()
    return {"state": state(), "tasks": run.counts["barriers"]}


def end_at_task(number: int, how: signal.Signals) -> str:
    """Starts the deployment and signals it and all its children while its n-th task runs; returns that task's title."""
    # Programs in the background inherit that Ctrl-C is ignored; at a terminal it is not.
    heard = ["env", "--default-signal=INT"]
    process = subprocess.Popen(
        [*heard, "ansible-playbook", "-i", cloud.INVENTORY, "playbooks/site.yml"],
        cwd=cloud.CHECKOUT,
        env=cloud.environment("/dev/null"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    seen, title = 0, "(the run ended before)"
    for line in process.stdout:
        if line.startswith("TASK ["):
            seen += 1
            if seen == number:
                title = line.strip()
                break
    # Ansible does not always hear a Ctrl-C, and can wait for ever for a worker that the same one has ended: whoever
    # pressed it presses again, and kills it then.
    for one in [*[how] * 12, signal.SIGKILL]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, one)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)
            break
    assert process.returncode != 0 or title.startswith("("), "it was to be cut off"
    return title


def cut_off_and_repeat(task: int, undisturbed: dict, how: signal.Signals = signal.SIGKILL) -> str:
    renew()
    title = f"{how.name} at task {task}: {end_at_task(task, how)}"
    cloud.converge()
    lines = difference(state(), undisturbed["state"])
    assert not lines, "\n".join([title, *lines])
    return title


@pytest.mark.parametrize("half", [0, 1], ids=["in the first half", "in the second half"])
def test_a_killed_run_is_repaired_by_the_next(undisturbed, half):
    middle = undisturbed["tasks"] // 2
    cut_off_and_repeat(random.randint(2, middle) + half * middle, undisturbed)


@pytest.mark.full
def test_a_run_that_was_interrupted_is_repaired_by_the_next(undisturbed):
    """Ctrl-C reaches Ansible, its workers and their ssh alike; it ends in its own time."""
    cut_off_and_repeat(random.randint(2, undisturbed["tasks"] - 1), undisturbed, signal.SIGINT)


@pytest.mark.full
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("point", range(20))
def test_cut_off_at_twenty_points(undisturbed, point, how):
    title = cut_off_and_repeat(2 + (undisturbed["tasks"] - 3) * point // 19, undisturbed, how)
    assert cloud.converge().changed == 0, title
