# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running cloud and what goes wrong with it later."""

from __future__ import annotations

import json

import cloud
import pytest

pytestmark = pytest.mark.usefixtures("converged")


def test_check_mode_on_a_converged_cloud_reports_nothing():
    run = cloud.playbook("site", "--check", "--diff")
    assert run.rc == 0, run.output
    assert run.changed == 0, run.output


def test_the_cloud_passes_its_own_acceptance():
    run = cloud.playbook("verify")
    assert run.rc == 0, run.output


def test_acceptance_fails_when_something_is_broken():
    cloud.on("front1", "systemctl stop opennebula-gate")
    run = cloud.playbook("verify")
    cloud.on("front1", "systemctl start opennebula-gate")
    assert run.rc != 0
    assert "opennebula-gate" in run.output, run.output


@pytest.mark.full
def test_a_host_that_cannot_be_reached_is_a_line_of_the_report():
    cloud.lab("kill", "node1", "-i", cloud.INVENTORY)
    try:
        run = cloud.playbook("verify")
    finally:
        cloud.lab("start", "node1", "-i", cloud.INVENTORY)
    assert run.rc != 0
    assert "FAILED: node1: host can be asked" in run.output, run.output
    assert "unit opennebula is active" in run.output, "the others are asked all the same"


@pytest.mark.full
def test_libvirt_that_was_stopped_by_hand_is_started_again():
    cloud.on("node1", "systemctl stop libvirtd.socket libvirtd.service")
    assert cloud.converge().changed > 0
    assert cloud.playbook("verify").rc == 0


def test_a_configuration_that_oned_refuses_is_rolled_back():
    """A driver that does not exist passes every check of the grammar; only oned itself finds it."""
    before = cloud.on("front1", "md5sum /etc/one/oned.conf")
    edits = [{"attribute": "PORT", "value": "abc"}]
    run = cloud.playbook("opennebula", "-e", json.dumps({"opennebula_frontend_oned_edits": edits}))
    assert run.rc != 0
    assert "oned" in run.output and "former" in run.output, run.output
    assert cloud.on("front1", "md5sum /etc/one/oned.conf") == before
    assert cloud.on("front1", "systemctl is-active opennebula").strip() == "active"
    assert cloud.on("front1", "onehost list -x | grep -c '<NAME>'").strip() != "0"


@pytest.mark.full
def test_the_password_of_oneadmin_can_be_changed(tmp_path):
    new = "another-Secret-4711"
    run = cloud.playbook("opennebula", "-e", f"opennebula_oneadmin_password={new}")
    assert run.rc == 0, run.output
    assert new not in run.output
    assert cloud.on("front1", "oneuser show -x 0 | grep -c '<NAME>oneadmin</NAME>'").strip() == "1"
    cloud.converge()  # and back


MAIN_PID = "$(systemctl show -p MainPID --value opennebula)"


@pytest.mark.full
def test_a_frozen_oned_is_restarted():
    """The kernel still takes connections for it, and systemd sees an active unit."""
    cloud.on("front1", f"kill -STOP {MAIN_PID}")
    assert cloud.converge().changed == 1
    assert cloud.converge().changed == 0


@pytest.mark.full
def test_the_password_is_changed_although_oned_is_stopped():
    cloud.on("front1", "systemctl stop opennebula")
    password = ("-e", "opennebula_oneadmin_password=another-Secret-4712")
    run = cloud.playbook("opennebula", *password)
    assert run.rc == 0, run.output
    assert cloud.playbook("opennebula", *password).changed == 0
    cloud.converge()  # and back


@pytest.mark.full
def test_the_password_is_changed_although_oned_is_frozen():
    cloud.on("front1", f"kill -STOP {MAIN_PID}")
    run = cloud.playbook("opennebula", "-e", "opennebula_oneadmin_password=another-Secret-4712")
    assert run.rc == 0, run.output
    cloud.converge()  # and back


@pytest.mark.full
def test_who_works_as_oneadmin_is_restarted_with_a_new_password():
    """The emulator's hook service follows oned, upstream's does not: it would go on with the former password."""
    own = "/etc/systemd/system/opennebula-hem.service"
    cloud.on("front1", f"sed /^PartOf=/d /lib/systemd/system/opennebula-hem.service > {own}; systemctl daemon-reload")
    started = "systemctl show -p ExecMainStartTimestampMonotonic --value opennebula opennebula-hem"
    before = cloud.on("front1", started).split()
    run = cloud.playbook("opennebula", "-e", "opennebula_oneadmin_password=another-Secret-4713")
    assert run.rc == 0, run.output
    after = cloud.on("front1", started).split()
    assert [time > former for time, former in zip(map(int, after), map(int, before))] == [True, True]
    cloud.on("front1", f"rm {own}; systemctl daemon-reload")
    cloud.converge()
    # A password of another time is never put back, so there is no copy of it: 1 is grep's "found nowhere".
    cloud.on("front1", "grep -rlE 'another-Secret' /var/lib/kvmcloud.stack /etc/one; [ $? = 1 ]")


@pytest.mark.full
def test_hosts_left_out_by_a_limit_are_named_when_keys_changed():
    cloud.on("node1", "rm /var/lib/one/.ssh/id_*")
    run = cloud.playbook("opennebula", "--limit", "node1")
    assert run.rc == 0, run.output
    assert "Not part of this run: front1." in " ".join(run.output.split()), run.output
    assert "Not part of this run" not in cloud.playbook("opennebula", "--limit", "node1").output
    run = cloud.converge()
    assert run.changed > 0 and "Not part of this run" not in run.output


@pytest.mark.full
def test_check_mode_where_a_host_is_to_become_a_node(tmp_path):
    """The front-end has no libvirt, and the groups that its package brings are not there yet."""
    also_node = tmp_path / "also_node"
    also_node.write_text("[opennebula_nodes]\nfront1\n")
    run = cloud.playbook("opennebula", "--check", "-i", str(also_node))
    assert run.rc == 0, run.output
    assert run.counts["changed"]["front1"] >= 3, "packages, groups and libvirt"


@pytest.mark.full
def test_defaults_of_guests_restart_oned_and_reach_the_nodes():
    tuning = {"opennebula_frontend_kvm_disk_io": "threads"}
    run = cloud.playbook("opennebula", "--check", "-e", json.dumps(tuning))
    assert run.changed == 2, run.output
    run = cloud.playbook("opennebula", "-e", json.dumps(tuning))
    assert run.rc == 0, run.output
    assert run.changed == 3, "the files, oned, the nodes"
    assert "DEFAULT_ATTACH_IO=threads" in cloud.on("node1", "cat /var/tmp/one/etc/vmm/kvm/kvmrc")
    assert cloud.playbook("opennebula", "-e", json.dumps(tuning)).changed == 0
    assert cloud.converge().changed == 3


@pytest.mark.full
def test_a_changed_driver_reaches_the_nodes_once():
    marker = "# changed by a test"
    cloud.on("front1", f"echo '{marker}' >> /var/lib/one/remotes/scripts_common.sh")
    assert cloud.converge().changed == 1
    assert marker in cloud.on("node1", "cat /var/tmp/one/scripts_common.sh")
    assert cloud.converge().changed == 0


@pytest.mark.full
def test_an_edit_is_predicted_with_the_restart_it_brings():
    edits = [{"attribute": "MAC_PREFIX", "value": "02:01"}]
    run = cloud.playbook("opennebula", "--check", "-e", json.dumps({"opennebula_frontend_oned_edits": edits}))
    assert run.rc == 0, run.output
    assert run.changed == 2, run.output
