# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server after another gets new packages: the same ones, rebuilt under a higher version number."""

from __future__ import annotations

import os

import cloud
import pool
import pytest
from pool import MOUNT, on

pytestmark = pytest.mark.full

DATA = {"name": "data", "replica": 3, "arbiter": 1, "disks": ["brick1"], "options": {"network.ping-timeout": 5}}
LONELY = {"name": "lonely", "disks": ["brick2"], "hosts": ["gs1"]}
WANTED = {"volumes": [DATA], "mounts": [{"volume": "data", "path": MOUNT}]}

REBUILD = r"""
set -e
mkdir -p /srv/repo && cd /srv/repo
apt-get download -q $(dpkg-query -W -f '${source:Package} ${binary:Package}\n' | sed -n 's/^glusterfs //p')
for package in *.deb; do
  dpkg-deb -R $package tree
  version=$(sed -n 's/^Version: //p' tree/DEBIAN/control)
  sed -i "s/$version/$version+lab1/g" tree/DEBIAN/control
  dpkg-deb --root-owner-group -Zgzip -z1 -b tree new-$package > /dev/null
  rm -r tree $package
done
for package in *.deb; do
  dpkg-deb -f $package
  echo "Filename: ./$package"
  echo "Size: $(stat -c %s $package)"
  echo "SHA256: $(sha256sum < $package | cut -d' ' -f1)"
  echo
done > Packages
echo 'deb [trusted=yes] file:/srv/repo ./' > /etc/apt/sources.list.d/lab-newer.list
"""


@pytest.fixture(scope="module")
def built():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", pool.HOSTS)
    cloud.lab("up", "-i", pool.HOSTS, "--limit", "gs1,gs2,gs3,client1")
    pool.converge(**WANTED)
    pool.write_data()
    for host in ("gs1", "gs2", "gs3"):
        on(host, REBUILD)
    yield
    cloud.lab("down", "-i", pool.HOSTS)


def versions() -> set[str]:
    return {on(host, "dpkg-query -W -f '${Version}' glusterfs-server") for host in ("gs1", "gs2", "gs3")}


def test_an_upgrade_that_would_cut_a_volume_does_not_begin(built):
    lonely = {**WANTED, "volumes": [DATA, LONELY]}
    pool.converge(**lonely)
    refused = pool.playbook("gluster_rolling_upgrade", **lonely)
    assert refused.rc != 0 and "without it volume lonely" in refused.words, refused.output
    on("gs3", "kill -9 $(pgrep -f '[g]lusterfsd.*brick1-data')")
    refused = pool.playbook("gluster_rolling_upgrade", "-e", '{"gluster_accept_outage": ["lonely"]}', **lonely)
    assert refused.rc != 0 and "is offline. Bring it back first" in refused.words, refused.output
    assert all("lab1" not in one for one in versions())
    pool.converge(**{**lonely, "volumes": [DATA, {"name": "lonely", "state": "absent", "confirm_delete": "lonely"}]})


def test_servers_are_upgraded_while_a_client_writes(built):
    checked = pool.playbook("gluster_rolling_upgrade", "--check", **WANTED)
    assert checked.rc == 0 and all("lab1" not in one for one in versions()), checked.output
    with pool.Writer() as writer:
        pool.converge(book="gluster_rolling_upgrade", **WANTED)
    assert writer.assert_complete() > 10
    assert len(versions()) == 1 and "+lab1" in versions().pop()
    again = pool.converge(book="gluster_rolling_upgrade", **WANTED)
    assert again.changed == 0, again.output
    assert pool.converge(**WANTED).changed == 0
    pool.assert_data()
    pool.converge(book="verify", **WANTED)
