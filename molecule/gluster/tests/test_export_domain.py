# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export domain of oVirt on a real volume, made by a client and read by a server through a mount of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
testinfra_hosts = ["client1"]
pytestmark = pytest.mark.full

UUID = "37e0e64b-5445-4bc3-8675-ceff4637e8e3"
SEAL = "5737f1270bf93fdd660fea819655b01a34c315b9"  # of the domain that guides make by hand, with these values
FOLDER = "/srv/archive/export"
DOMAIN = {"path": FOLDER, "uuid": UUID, "remote_path": "192.168.1.108:/home/nfs_exports", "mounted": True}


def export_domain(**more) -> dict:
    done = subprocess.run(
        ["ansible", "-i", "molecule/gluster/inventory", "client1", "-m", "kvmcloud.stack.ovirt_export_domain"]
        + ["-a", json.dumps({**DOMAIN, **more})],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "0",  # which molecule sets
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    answer = done.stdout.partition("=> ")[2]
    return json.loads(answer[: answer.rindex("}") + 1])


@pytest.fixture
def domain(host):
    yield export_domain()
    host.check_output(f"rm -rf {FOLDER}")


def test_the_domain_is_whole_for_another_host(host, domain):
    assert domain["changed"] and domain["metadata"]["_SHA_CKSUM"] == SEAL, domain
    assert export_domain()["changed"] is False
    assert set(host.check_output(f"find {FOLDER} -printf '%U:%G\\n'").split()) == {"36:36"}
    listing = "cd {} && find . -type f -printf '%P %s %m\\n' -exec sha256sum {{}} + | sort"
    written = host.check_output(listing.format(FOLDER))
    other = host.get_host("ssh://gs2", ssh_config="/var/lib/kvmcloud-lab/labs/gluster/ssh/config")
    other.check_output("mkdir /run/seen && mount -t glusterfs gs2:/archive /run/seen")
    try:
        assert other.check_output(listing.format("/run/seen/export")) == written
        assert f"_SHA_CKSUM={SEAL}" in other.file(f"/run/seen/export/{UUID}/dom_md/metadata").content_string
    finally:
        other.check_output("umount /run/seen && rmdir /run/seen")


def test_damage_is_told_and_left(host, domain):
    metadata = f"{FOLDER}/{UUID}/dom_md/metadata"
    host.check_output(f"sed -i s/DESCRIPTION=Export/DESCRIPTION=Esport/ {metadata}")
    told = export_domain()
    assert any("_SHA_CKSUM" in line or "checksum" in line for line in told["damage"]), told
    assert "Esport" in host.file(metadata).content_string


def test_a_volume_that_is_not_mounted_is_refused(host):
    host.check_output("mkdir -p /srv/unmounted")
    told = export_domain(path="/srv/unmounted/export")
    assert "lies on the root file system" in told["msg"] and not host.file("/srv/unmounted/export").exists, told
    host.check_output("rmdir /srv/unmounted")
