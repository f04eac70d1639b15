# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both add-ons on one front-end: one owner per action, and a run that changes nothing any more."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "tests" / "bench"))

from budget import exceeded  # noqa: E402  (found through the line above)

testinfra_hosts = ["front1"]


def test_the_definition_is_storpools_and_attaching_ours(host):
    oned = host.file("/etc/one/oned.conf").content_string
    assert oned.count("-l attach_disk=attach_disk-kvmcloud.vitastor,deploy=deploy-tweaks") == 2, "kvm and qemu"
    assert oned.count("deploy=") == 2
    remotes = "/var/lib/one/remotes/vmm/kvm"
    assert "attach_disk.storpool" in host.file(f"{remotes}/attach_disk-kvmcloud.next").content_string
    tweak = host.file(f"{remotes}/deploy-tweaks.d/90-kvmcloud-vitastor.py")
    assert tweak.mode == 0o755 and tweak.user == "oneadmin"
    assert host.file(f"{remotes}/deploy-tweaks.d/volatile2dev.py").exists


def test_ceph_and_all_others_stay(host):
    oned = host.file("/etc/one/oned.conf").content_string
    assert "ssh,ceph,dev,vcenter,iscsi_libvirt,vitastor,storpool" in oned
    assert 'NAME = "ceph"' in oned or '"ceph"' in oned


def test_the_tweak_works_where_it_lies(host):
    host.check_output("mkdir -p /tmp/tweak")
    host.check_output(
        "cat > /tmp/tweak/d.xml <<'E'\n<domain><devices><disk type='file' device='disk'>"
        "<source file='/x/disk.0'/></disk></devices></domain>\nE\n"
        "cat > /tmp/tweak/vm.xml <<'E'\n<VM><ID>7</ID><TEMPLATE><DISK><DISK_ID>0</DISK_ID><TM_MAD>vitastor</TM_MAD>"
        "<SOURCE>one-5</SOURCE><CLONE>YES</CLONE></DISK></TEMPLATE></VM>\nE"
    )
    path = "/var/lib/one/remotes/vmm/kvm/deploy-tweaks.d/90-kvmcloud-vitastor.py"
    host.check_output(f"chmod -R a+rwX /tmp/tweak && runuser -u oneadmin -- {path} /tmp/tweak/d.xml /tmp/tweak/vm.xml")
    assert 'name="one-5-7-0"' in host.file("/tmp/tweak/d.xml").content_string


def test_the_converged_run_kept_to_its_budget(host):
    counts = json.loads(Path(os.environ["KVMCLOUD_COUNT_FILE"]).read_text())
    assert sum(counts["changed"].values()) == 0
    groups = {"opennebula_frontends": ["front1"], "opennebula_nodes": ["node1"]}
    assert exceeded(counts, "both", groups) == []
