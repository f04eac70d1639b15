# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The isolation beside Debian's own firewalld and ufw: what they reload stays theirs, and ours stays in force."""

from __future__ import annotations

import json

import pytest
from test_isolation import CHECKOUT, PROGRAM, playbook, until_isolated

testinfra_hosts = ["node2"]

# Each lets SSH in; what shows that it filters; what it does to the kernel.
FIREWALLS = {
    "firewalld": (
        ["systemctl start firewalld"],
        "nft list table inet firewalld",
        [
            "firewall-cmd --reload",
            "firewall-cmd --complete-reload",
            "systemctl restart firewalld",
            "systemctl stop firewalld && systemctl start firewalld",
        ],
    ),
    "ufw": (
        ["ufw allow 22/tcp", "ufw --force enable", "systemctl start ufw"],
        "nft list chain ip filter ufw-before-input",
        ["ufw reload", "systemctl restart ufw", "ufw disable && ufw --force enable"],
    ),
}


@pytest.fixture(scope="module", params=FIREWALLS)
def firewall(request, host):
    """Active, and gone with all of its rules afterwards."""
    start, shows, _harms = FIREWALLS[request.param]
    host.run_expect([0], "apt-get -q update")
    install = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install"
    host.run_expect([0], f"{install} {request.param}")
    for command in start:
        host.run_expect([0], command)
    host.run_expect([0], shows)
    yield request.param
    host.run("systemctl stop firewalld; ufw disable")
    host.run_expect([0], f"DEBIAN_FRONTEND=noninteractive apt-get -q -y purge {request.param}")
    host.run_expect([0], "nft flush ruleset")
    until_isolated(host, 5)


@pytest.fixture
def active(host, firewall):
    """With its name the commands that load its rules anew."""
    until_isolated(host, 5)
    return FIREWALLS[firewall][2], FIREWALLS[firewall][1]


def test_it_is_told(host, firewall):
    assert f"{firewall} filters on this node, too" in host.check_output(f"{PROGRAM} check")


def test_whatever_it_reloads_both_are_in_force(host, active):
    harms, shows = active
    for harm in harms:
        host.run_expect([0], harm)
        until_isolated(host, 5)
        host.run_expect([0], shows)


def test_what_it_loses_with_a_flush_comes_back_of_ours(host, active):
    """As its own iptables backend, or an admin, would do it."""
    host.run_expect([0], "nft flush ruleset")
    until_isolated(host, 5)
    host.run_expect([0], active[0][2])
    until_isolated(host, 5)


def test_nothing_leaks_and_what_it_cuts_is_told(firewall):
    """Both drop what guests send where frames of bridges are shown to them; that is theirs, and seen."""
    playbook("verify_isolation")
    report = json.loads((CHECKOUT / ".cache/isolation-report/isolation.json").read_text())
    tried = [one for one in report["checks"] if one["host"] == "node2"]
    assert len([one for one in tried if ": stopped: " in one["name"]]) > 20
    assert [one["name"] for one in tried if one["outcome"] != "passed" and ": kept: " not in one["name"]] == []


def test_a_second_run_changes_nothing(firewall):
    done = playbook("vm_isolation")
    assert done.returncode == 0 and done.stdout.count("changed=0") == 2, done.stdout
