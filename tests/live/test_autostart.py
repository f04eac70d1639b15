# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The autostart on lab hosts: hook, queue, systemd, SSH to the node, oned's answer - and away again.

The emulator has no virtual machines. So the test gives the program what a hook would give it, as oneadmin, and oned
answers that there is no such VM: a resume is not proven here. A container has the boot time of its machine, so the VM
is said to have been started before that.
"""

from __future__ import annotations

import base64
import json
import time
import xml.etree.ElementTree as ElementTree

import cloud
import pytest

pytestmark = pytest.mark.full

PROGRAM = "/usr/local/lib/opennebula-autostart/opennebula_autostart.py"
HOOKS = {
    "autostart_vm_on_node_restart": ("POWEROFF", "LCM_INIT"),
    "autostart_vm_on_cluster_restart": ("ACTIVE", "UNKNOWN"),
}
FILES = (
    "/usr/local/lib/opennebula-autostart /etc/one/autostart.conf /etc/logrotate.d/opennebula-autostart"
    " /etc/systemd/system/opennebula-autostart.path /etc/systemd/system/opennebula-autostart.service"
)
ON = {"opennebula_autostart_enabled": True, "opennebula_autostart_retry_seconds": 2}
OFF = {"opennebula_autostart_enabled": False}
VM = """<VM><ID>{number}</ID><NAME>web</NAME><STATE>8</STATE><LCM_STATE>0</LCM_STATE><USER_TEMPLATE/><HISTORY_RECORDS>
<HISTORY><SEQ>0</SEQ><HOSTNAME>{node}</HOSTNAME><RSTIME>{started}</RSTIME><RETIME>{ended}</RETIME>
<ACTION>44</ACTION><UID>-1</UID></HISTORY></HISTORY_RECORDS></VM>"""


def deploy(variables: dict, *arguments: str) -> cloud.Run:
    run = cloud.playbook("opennebula", "-e", json.dumps(variables), *arguments)
    assert run.rc == 0, run.output
    return run


def hooks() -> dict[str, dict[str, str]]:
    pool = ElementTree.fromstring(cloud.on("front1", "onehook list -x"))
    return {one.findtext("NAME"): {item.tag: item.text for item in one.find("TEMPLATE")} for one in pool}


def fire(number: int, started: int, ended: int) -> None:
    """What the hook engine does when a VM reaches poweroff: the hook's own command, as oneadmin, XML by input."""
    vm = VM.format(number=number, node="node1", started=started, ended=ended)
    given = base64.b64encode(vm.encode()).decode()
    cloud.on("front1", f"echo {given} | runuser -u oneadmin -- {PROGRAM}")


def log(number: int) -> list[str]:
    lines = cloud.on("front1", "cat /var/log/one/autostart.log").splitlines()
    return [line for line in lines if f"vm={number} " in line]


def queue() -> list[str]:
    return cloud.on("front1", "ls /var/lib/one/autostart 2>/dev/null", check=False).split()


def unit(name: str, of: str = "ActiveState") -> str:
    return cloud.on("front1", f"systemctl show -p {of} --value opennebula-autostart.{name}").strip()


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, cloud.on("front1", "journalctl -n 40 -u 'opennebula-autostart*'")
        time.sleep(0.5)


@pytest.fixture(scope="module")
def switched_on(converged) -> cloud.Run:
    """A cloud in which somebody made one of the hooks by hand before, with a program that resumes everything."""
    by_hand = (
        'NAME=autostart_vm_on_node_restart\\nRESOURCE=VM\\nTYPE=state\\nCOMMAND="/usr/local/bin/vmresume.py"\\n'
        'ARGUMENTS="$TEMPLATE"\\nSTATE=POWEROFF\\nLCM_STATE=LCM_INIT\\nON=CUSTOM\\n'
    )
    cloud.on("front1", f"printf '{by_hand}' > /tmp/hook; onehook create /tmp/hook")
    return deploy(ON)


def test_nothing_is_looked_at_where_it_is_not_declared(converged):
    again = cloud.playbook("opennebula")
    assert again.rc == 0 and again.changed == 0, again.output
    assert "opennebula_autostart" not in again.counts["modules"]["front1"]
    assert not set(HOOKS) & set(hooks())


def test_hooks_program_and_unit_are_there(switched_on):
    assert switched_on.changed
    present = hooks()
    for name, states in HOOKS.items():
        assert (present[name]["STATE"], present[name]["LCM_STATE"]) == states
        assert (present[name]["COMMAND"], present[name]["ARGUMENTS_STDIN"]) == (PROGRAM, "YES")
    assert (unit("path"), unit("path", "UnitFileState"), unit("service")) == ("active", "enabled", "inactive")
    cloud.on("front1", "systemd-analyze verify /etc/systemd/system/opennebula-autostart.path")


def test_a_second_run_and_check_mode_change_nothing_and_cost_one_module(switched_on):
    again = deploy(ON)
    assert again.changed == 0, again.output
    assert deploy(ON, "--check", "--diff").changed == 0
    assert again.counts["modules"]["front1"]["opennebula_autostart"] == 1


def test_a_vm_that_went_down_with_its_node_is_asked_for_at_once(switched_on):
    fire(4711, started=1, ended=2_000_000_000)
    wait_for(lambda: not queue())
    first, last = log(4711)
    assert "decision=wait" in first and "no such VM any more" in last, "node and oned were asked"
    wait_for(lambda: unit("service") == "inactive")
    assert unit("path") == "active"


def test_a_node_that_is_down_is_waited_for(switched_on):
    cloud.lab("kill", "node1", "-i", cloud.INVENTORY)
    try:
        fire(4713, started=1, ended=2_000_000_000)
        wait_for(lambda: "did not say when it booted" in "".join(log(4713)))
        worker = unit("service", "MainPID")
        assert worker != "0" and queue() == ["4713-0"]
        cloud.on("front1", f"kill -9 {worker}")
        wait_for(lambda: unit("service", "MainPID") not in ("0", worker))
    finally:
        cloud.lab("start", "node1", "-i", cloud.INVENTORY)
    wait_for(lambda: not queue())
    assert "no such VM any more" in log(4713)[-1]


def test_the_queue_survives_a_power_loss_of_the_front_end(switched_on):
    """oned is kept from answering, so that the entry is still there when the power goes."""
    cloud.on("front1", "systemctl stop opennebula")
    fire(4714, started=1, ended=2_000_000_000)
    wait_for(lambda: "could not be read" in "".join(log(4714)))
    cloud.lab("kill", "front1", "-i", cloud.INVENTORY)
    cloud.lab("start", "front1", "-i", cloud.INVENTORY)
    wait_for(lambda: cloud.on("front1", "systemctl is-active opennebula", check=False).strip() == "active")
    wait_for(lambda: not queue())
    assert "no such VM any more" in log(4714)[-1]


def test_its_log_belongs_to_oneadmin_and_no_hook_leaves_anything_else(switched_on):
    owners = cloud.on("front1", "stat -c %U /var/log/one/autostart.log /var/lib/one/autostart")
    assert owners.split() == ["oneadmin", "oneadmin"]
    assert cloud.on("front1", "ls -A /usr/local/lib/opennebula-autostart").split() == [
        "autostart_rule.py",
        "opennebula_autostart.py",
    ]


def test_switched_off_everything_goes_and_the_log_stays(switched_on):
    kept = set(hooks()) - set(HOOKS)
    assert deploy(OFF).changed
    assert set(hooks()) == kept
    assert not cloud.on("front1", f"ls -d {FILES} 2>/dev/null", check=False).strip()
    assert cloud.on("front1", "systemctl list-unit-files 'opennebula-autostart*' --no-legend", check=False) == ""
    assert log(4711)
    again = deploy(OFF)
    assert again.changed == 0, again.output
