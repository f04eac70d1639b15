# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds on every host, seen from outside of the collection."""

from __future__ import annotations

import pytest

FRONT, NODES = "front1", ["node1", "node2"]
testinfra_hosts = [FRONT, *NODES]


@pytest.mark.parametrize("other", [FRONT, *NODES])
def test_oneadmin_logs_in_everywhere_without_being_asked(host, other):
    command = f"ssh -o BatchMode=yes -o StrictHostKeyChecking=yes {other} hostname"
    assert host.check_output(f"su -s /bin/sh oneadmin -c '{command}'") == other


def test_every_host_has_its_own_private_key(host):
    keys = host.check_output("cat /var/lib/one/.ssh/id_*.pub | cut -d' ' -f2 | sort -u").split()
    others = host.check_output("cut -d' ' -f2 /var/lib/one/.ssh/authorized_keys | sort -u").split()
    assert set(keys) <= set(others) and len(others) == 3


def test_a_name_means_the_same_address_everywhere(host):
    for number, name in ((11, FRONT), (21, "node1"), (22, "node2")):
        assert host.check_output(f"getent ahostsv4 {name} | cut -d' ' -f1 | sort -u") == f"10.213.32.{number}"


def test_the_repository_is_trusted_for_itself_alone(host):
    source = host.file("/etc/apt/sources.list.d/opennebula.sources").content_string
    assert "Signed-By: /etc/apt/keyrings/opennebula.asc" in source
    assert not host.check_output("ls /etc/apt/trusted.gpg.d | grep -i opennebula || :")
