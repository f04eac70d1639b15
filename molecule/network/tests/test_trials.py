# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may come between the trial of a network and its confirmation."""

from __future__ import annotations

import signal

import pytest
from network_hosts import SOON, TRIAL, output_of, said_of, signalled

GUESTS = {"bridges": [{"name": "brg", "interfaces": ["eth1"]}]}
NO_LEASE = {"ethernets": [{"name": "eth2", "dhcp4": True}]}  # which cuts nobody off
LATE, WAITING, LOST = "bare1", "bare2", "bare3"


@pytest.fixture(scope="module")
def before(lab):
    return {host: lab.state(host) for host in (LATE, WAITING, LOST)}


@pytest.fixture(scope="module")
def runs(lab, before):
    """Three runs beside one another, as each of them waits most of the time."""
    # netplan renames the card, and does not take that back by itself.
    mac = lab.on(WAITING, "cat /sys/class/net/eth2/address").strip()
    renamed = {"ethernets": [{"name": "lan", "mac": mac, "dhcp4": True}]}
    late = lab.begun({LATE: GUESTS}, SOON)
    lab.wait_for(LATE, f"test -e {TRIAL}")
    signalled(late.pid, signal.SIGSTOP)
    try:
        yield {LATE: late, WAITING: lab.begun({WAITING: renamed}, SOON + 10), LOST: lab.begun({LOST: NO_LEASE}, 120)}
    finally:
        if late.poll() is None:
            signalled(late.pid, signal.SIGCONT)


def test_a_second_run_is_refused_while_the_first_one_tries_and_a_card_gets_its_name_back(lab, runs, before):
    lab.wait_for(WAITING, f"test -e {TRIAL}/applied")
    second = lab.links({WAITING: GUESTS})
    assert second.rc != 0
    assert "Another run tries a configuration of this host's network since" in " ".join(second.output.split())
    text = output_of(runs[WAITING])
    assert "no IPv4 address came by DHCP to lan" in text and "Tried was: rename eth2 to lan" in text, text
    assert lab.state(WAITING) == before[WAITING]


def test_a_controller_that_comes_back_late_does_not_confirm_what_was_taken_back(lab, runs, before):
    lab.wait_for(LATE, f"test -e {TRIAL}.last -a ! -e {TRIAL}", 2 * SOON + 30)
    signalled(runs[LATE].pid, signal.SIGCONT)
    assert f"was rolled back: nobody confirmed it from outside within {SOON} s" in output_of(runs[LATE])
    assert runs[LATE].returncode != 0
    assert lab.state(LATE) == before[LATE]


def test_a_power_loss_between_trial_and_confirmation_brings_the_former_network(lab, runs, before):
    lab.wait_for(LOST, f"test -e {TRIAL}/applied")
    lab.power_loss(LOST)
    text = output_of(runs[LOST])
    assert runs[LOST].returncode != 0
    # A container shares the number of its boot with the machine below, so it cannot tell that it was restarted.
    assert "The host knows nothing of this trial any more; its network is as the last confirmed one." in text
    after = lab.state(LOST)
    assert (after["files"], after["routes"]) == (before[LOST]["files"], before[LOST]["routes"])
    assert after["links"]["eth0"] == before[LOST]["links"]["eth0"]


FULL = """
cp --archive /etc/netplan /run/netplan-of-before
mount -t tmpfs -o size=16k none /etc/netplan
cp --archive /run/netplan-of-before/. /etc/netplan
! cp /dev/zero /etc/netplan/filler
"""


@pytest.mark.full
def test_a_change_that_there_is_no_room_for_is_taken_back_at_once(lab, before):
    lab.on(LOST, FULL)
    full = lab.state(LOST)
    run = lab.links({LOST: GUESTS}, host_network_confirm_timeout=300)
    after = lab.state(LOST)
    lab.on(LOST, "umount /etc/netplan; rm -r /run/netplan-of-before")
    said = said_of(LOST, run)
    assert "rolled back: it works, and its files cannot be kept below /etc: " in said, run.output
    assert "No space left on device" in said and "Tried was: create bridge brg" in said
    assert after == full and lab.state(LOST)["files"] == before[LOST]["files"]
