# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the double of the vendor's package has spoilt is whole again, and its drivers are corrected."""

from __future__ import annotations

import re

import pytest

testinfra_hosts = ["front1"]
REMOTES = "/var/lib/one/remotes"


def test_oned_conf_is_closed_again(host):
    file = host.file("/etc/one/oned.conf")
    assert (file.mode, file.user, file.group) == (0o640, "root", "oneadmin")
    text = file.content_string
    entries = re.findall(r'^(\w+)\s*= \[\s*NAME\s*= "vitastor"([^\]]*)\]', text, re.MULTILINE)
    assert sorted(name for name, _keys in entries) == ["DS_MAD_CONF", "TM_MAD_CONF"], "the package's own was taken over"
    assert "DS_MIGRATE_SNAP" in dict(entries)["TM_MAD_CONF"]
    assert "deploy=deploy-kvmcloud.vitastor" in text and "save=" not in text


def test_the_downloader_is_whole(host):
    """Also after an upgrade of OpenNebula, whose package has put its own file back."""
    assert "upgrade opennebula:all" in host.file("/var/log/dpkg.log").content_string
    assert host.file("/run/oned-before-packages").content_string.split()[-1] == "inactive", "stopped before"
    assert host.service("opennebula").is_running
    text = host.file(f"{REMOTES}/datastore/downloader.sh").content_string
    assert text.count("get_vitastor_cmd") == 2
    host.check_output(f"bash -n {REMOTES}/datastore/downloader.sh")


@pytest.mark.parametrize("path", ["tm/vitastor/mkswap", "datastore/vitastor/snap_flatten", "vmm/kvm/save.vitastor"])
def test_the_vendors_driver_is_kept_beside_ours(host, path):
    assert "kvmcloud.stack override" in host.file(f"{REMOTES}/{path}").content_string
    assert host.run(f"test -L {REMOTES}/{path}.vendor -o -e {REMOTES}/{path}.vendor").rc == 0


def test_a_corrected_driver_runs_where_it_lies(host):
    """Without arguments it fails with Python's own word about them, so its libraries were found."""
    done = host.run(f"runuser -u oneadmin -- {REMOTES}/tm/vitastor/cpds")
    assert done.rc == 1 and "missing 5 required positional arguments" in done.stderr


def test_rights_and_snapshots(host):
    assert host.file("/etc/sudoers.d/opennebula-vitastor").mode == 0o440
    host.check_output("visudo -c")
    line = host.check_output("grep ^LIVE_DISK_SNAPSHOTS /etc/one/vmm_exec/vmm_execrc")
    assert line.count("kvm-vitastor") == 1 and line.count("qemu-vitastor") == 1
