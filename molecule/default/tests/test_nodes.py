# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes, seen from outside of the collection."""

from __future__ import annotations

testinfra_hosts = ["node1", "node2"]


def test_libvirt_answers_oneadmin(host):
    assert host.service("libvirtd").is_enabled
    assert host.check_output("su -s /bin/sh oneadmin -c 'virsh -c qemu:///system uri'") == "qemu:///system"
