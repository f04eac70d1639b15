# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on from its sources (doubles), its options, timers, hook, templates and what a node has reserved."""

from __future__ import annotations

import json
from xml.etree import ElementTree

testinfra_hosts = ["front1"]
REMOTES = "/var/lib/one/remotes"


def test_actions_of_a_cloud_with_storpool_alone(host):
    oned = host.file("/etc/one/oned.conf").content_string
    wanted = "deploy=deploy-tweaks,attach_disk=attach_disk.storpool,save=tmsave,restore=tmrestore"
    assert f"{wanted},snapshotcreate=snapshot_create-storpool" in oned
    assert 'VM_RESTRICTED_ATTR = "SP_QOSCLASS"' in oned


def test_files_are_oneadmins_and_options_are_set(host):
    script = host.file(f"{REMOTES}/tm/storpool/clone")
    assert script.mode == 0o755 and script.user == "oneadmin"
    assert host.file(f"{REMOTES}/vmm/kvm/deploy-tweaks.d/cpu.py").exists
    rc = host.file(f"{REMOTES}/addon-storpoolrc").content_string
    assert "\nONE_PX=lab\n" in rc and "DELAY_DELETE=1s\n" in rc and rc.startswith('#ONE_PX="one"\n')


def test_timers_run_and_no_crontab_beside_them(host):
    for name in ("monitor_helper-sync.timer", "vc-policy.timer"):
        assert host.service(name).is_running and host.service(name).is_enabled
    assert not host.file("/etc/cron.d/addon-storpool").exists


def test_each_datastore_has_its_template(host):
    pool = ElementTree.fromstring(host.check_output("onedatastore list -x"))
    ids = {one.findtext("ID") for one in pool if (one.findtext("TM_MAD") or "") == "storpool"}
    templates = json.loads(host.check_output("storpool -B -j template list"))["data"]["templates"]
    assert {one["name"] for one in templates} == {f"lab-ds-{number}" for number in ids} and len(ids) == 2


def test_the_hook_and_what_is_reserved_are_known_to_opennebula(host):
    assert "vc-policy" in host.check_output("onehook list")
    shown = ElementTree.fromstring(host.check_output("onehost show -x node1"))
    assert shown.findtext("TEMPLATE/RESERVED_MEM") == "1024" and shown.findtext("TEMPLATE/RESERVED_CPU") == "10"
