# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client has of the volumes, seen from outside of the collection."""

from __future__ import annotations

import pytest

testinfra_hosts = ["client1"]


@pytest.mark.parametrize("volume", ["mirror", "vms", "pairs", "archive"])
def test_what_is_written_is_read_again(host, volume):
    assert host.mount_point(f"/srv/{volume}").filesystem == "fuse.glusterfs"
    host.check_output(f"dd if=/dev/urandom of=/srv/{volume}/.test bs=1M count=4 conv=fsync status=none")
    wanted = host.check_output(f"sha256sum < /srv/{volume}/.test")
    host.check_output("echo 1 > /proc/sys/vm/drop_caches || :")
    assert host.check_output(f"sha256sum < /srv/{volume}/.test && rm /srv/{volume}/.test") == wanted


@pytest.mark.parametrize(("volume", "owner"), [("mirror", "0:0"), ("vms", "9869:9869"), ("archive", "36:36")])
def test_the_root_of_a_volume_belongs_to_its_owner(host, volume, owner):
    assert host.check_output(f"stat -c %u:%g /srv/{volume}") == owner


def test_the_quota_is_what_df_shows(host):
    assert host.check_output("df --output=size --block-size=1M /srv/pairs | tail -1").strip() == "500"


def test_a_mount_has_all_servers_to_ask(host):
    lines = [line for line in host.file("/etc/fstab").content_string.splitlines() if "glusterfs" in line]
    assert len(lines) == 4
    assert all("gs1:/" in line and "backup-volfile-servers=gs2:gs3:gs4" in line for line in lines)
    assert all({"_netdev", "nofail"} <= set(line.split()[3].split(",")) for line in lines)
