# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What storage add-ons want of oned.conf: the guides' edits, one owner per action, and no trace when they go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import (
    declared_addons,
    sharing,
    storage_addon_edits,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.opennebula import parse
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import plan_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import ONED_CONF, VMM_EXECRC, AddonError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_addon import transfer_settings

SMALL = """\
VM_MAD = [
    NAME      = "kvm",
    ARGUMENTS = "-t 15 -r 0 kvm -p",
    TYPE      = "kvm"
]
VM_MAD = [ NAME = "qemu", ARGUMENTS = "-t 15 -r 0 kvm" ]
TM_MAD = [ EXECUTABLE = "one_tm", ARGUMENTS = "-t 15 -d dummy,ssh,ceph" ]
DATASTORE_MAD = [ EXECUTABLE = "one_datastore", ARGUMENTS = "-t 15 -d dummy,fs -s shared,ssh" ]
INHERIT_DATASTORE_ATTR = "POOL_NAME"
VM_RESTRICTED_ATTR = "CONTEXT/FILES"
TM_MAD_CONF = [ NAME = "ceph", LN_TARGET = "NONE" ]
DS_MAD_CONF = [ NAME = "ceph", REQUIRED_ATTRS = "DISK_TYPE" ]
"""
EXECRC = 'LIVE_DISK_SNAPSHOTS="kvm-qcow2 kvm-ceph"\n'
STORPOOL = {"version": "26.04.0"}
BOTH = ["vitastor", "storpool"]


def after(names: list[str], given: dict[str, Any], text: str = SMALL, release: str = "7.2", own: Any = ()) -> str:
    # Without our corrections unless the test is about them.
    given = {"vitastor": {}, **given}
    given["vitastor"] = {"corrections": [], **given["vitastor"]}
    return plan_edits("oned.conf", text, storage_addon_edits(names, release, given, own)[ONED_CONF]).after


def execrc(names: list[str], given: dict[str, Any], text: str = EXECRC) -> str:
    return plan_edits("vmm_execrc", text, storage_addon_edits(names, "7.2", given)[VMM_EXECRC]).after


def value(text: str, attribute: str, name: str = "", key: str = "ARGUMENTS") -> str:
    for node in parse(text).named(attribute):
        keys = {entry.name: entry.value for entry in node.entries}  # type: ignore[union-attr]
        if not name or keys.get("NAME") == name:
            return keys[key]
    raise AssertionError(f"no {attribute} {name}")


def items(text: str, attribute: str) -> list[str]:
    return [node.value for node in parse(text).named(attribute)]  # type: ignore[union-attr]


def test_the_four_edits_of_the_vitastor_guide() -> None:
    text = after(["vitastor"], {})
    assert value(text, "VM_MAD", "kvm") == "-t 15 -r 0 kvm -p -l deploy=deploy.vitastor"
    assert value(text, "TM_MAD") == "-t 15 -d dummy,ssh,ceph,vitastor"
    assert value(text, "DATASTORE_MAD") == "-t 15 -d dummy,fs,vitastor -s shared,ssh,vitastor"
    assert items(text, "INHERIT_DATASTORE_ATTR") == ["POOL_NAME", "VITASTOR_CONF", "IMAGE_PREFIX"]
    assert value(text, "TM_MAD_CONF", "vitastor", "TM_MAD_SYSTEM") == "ssh,shared"
    assert value(text, "DS_MAD_CONF", "vitastor", "REQUIRED_ATTRS") == "DISK_TYPE,BRIDGE_LIST"
    assert value(text, "VM_MAD", "qemu") == "-t 15 -r 0 kvm", "no node of this type: left alone"


def test_memory_snapshots_are_the_guides_option() -> None:
    text = after(["vitastor"], {"vitastor": {"memory_snapshots": True}})
    assert value(text, "VM_MAD", "kvm").endswith(
        "-l deploy=deploy.vitastor,save=save.vitastor,restore=restore.vitastor"
    )
    back = after(["vitastor"], {}, text)
    assert value(back, "VM_MAD", "kvm").endswith("-l deploy=deploy.vitastor"), "switched off, they go again"


@pytest.mark.parametrize("version, script", [("3.0.8", "deploy-kvmcloud.vitastor"), ("3.1.0", "deploy.vitastor")])
def test_no_script_is_named_that_is_not_installed(version: str, script: str) -> None:
    """A release that is not corrected has the vendor's own deploy, and nothing for attaching."""
    given = {"vitastor": {"version": version, "corrections": ["deploy", "attach_disk"]}}
    line = value(after(["vitastor"], given), "VM_MAD", "kvm")
    assert f"deploy={script}" in line and ("attach_disk" in line) == (version == "3.0.8")


def test_corrected_memory_snapshots_need_no_entry() -> None:
    given = {"vitastor": {"memory_snapshots": True, "corrections": ["memory_snapshots"]}}
    assert value(after(["vitastor"], given), "VM_MAD", "kvm").endswith("-l deploy=deploy.vitastor")


def test_nodes_without_kvm_are_served_too() -> None:
    given = {"vitastor": {"domain_types": ["kvm", "qemu"]}}
    assert value(after(["vitastor"], given), "VM_MAD", "qemu").endswith("-l deploy=deploy.vitastor")
    assert execrc(["vitastor"], given) == 'LIVE_DISK_SNAPSHOTS="kvm-qcow2 kvm-ceph kvm-vitastor qemu-vitastor"\n'
    assert execrc(["vitastor"], {}, execrc(["vitastor"], given)).split('"')[1] == "kvm-qcow2 kvm-ceph kvm-vitastor"


@pytest.mark.parametrize(
    "release, has",
    [("6.0", False), ("6.10", False), ("7.0", False), ("7.2", True), ("7.4", True)],
)
def test_the_newer_releases_have_two_more_keys(release: str, has: bool) -> None:
    assert ("DS_LIVE_MIGRATE" in after(["vitastor"], {}, release=release)) == has


def test_5_12_is_refused_with_the_reason() -> None:
    with pytest.raises(AddonError, match="does not work with OpenNebula 5.12: its deploy script needs the file vm.xml"):
        declared_addons(["vitastor"], "5.12", {})
    declared_addons(["vitastor"], "5.12", {"vitastor": {"state": "absent"}})


# -- StorPool ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version, systems, disk_type_ssh, actions, restricted",
    [
        ("20.07.0", "ssh,shared", "BLOCK", "", 3),  # the guide's values
        ("21.08.0", "ssh,shared,qcow2", "NONE", "", 3),
        ("21.11.2", "ssh,shared,qcow2", "NONE", "export", 3),
        ("24.06.0", "ssh,shared,qcow2", "NONE", "export", 4),
        ("24.09.1", "", None, "export", 4),
        ("v26.04.0", "", None, "export", 4),
    ],
)
def test_values_of_each_release_of_the_storpool_addon(version, systems, disk_type_ssh, actions, restricted) -> None:
    assert transfer_settings(version)["TM_MAD_SYSTEM"] == systems
    assert transfer_settings(version).get("DISK_TYPE_SSH") == disk_type_ssh
    text = after(["storpool"], {"storpool": {"version": version}}, release="5.12")
    assert value(text, "DS_MAD_CONF", "storpool", "MARKETPLACE_ACTIONS") == actions
    assert len(items(text, "VM_RESTRICTED_ATTR")) == 1 + restricted


def test_another_release_of_the_addon_leaves_no_key_of_the_former() -> None:
    old = after(["storpool"], {"storpool": {"version": "20.07.0"}}, release="5.12")
    new = after(["storpool"], {"storpool": {"version": "26.04.0"}}, old, release="5.12")
    assert "DISK_TYPE_SSH" in old and "DISK_TYPE_SSH" not in new


@pytest.mark.parametrize(
    "release, version, sentence",
    [
        ("7.4", "26.04.0", "No release of the StorPool add-on is known to fit OpenNebula 7.4"),
        ("7.0", "25.06.2", "does not know OpenNebula 7.0; use 25.07 or newer"),
        ("6.10", "24.06.0", "use 24.09 or newer"),
        ("7.2", "master", "wanted a release of the add-on like 26.04.0"),
        ("7.2", "", "wanted a release of the add-on like 26.04.0"),
    ],
)
def test_a_pair_that_is_not_known_is_refused(release: str, version: str, sentence: str) -> None:
    with pytest.raises(AddonError, match=sentence):
        declared_addons(["storpool"], release, {"storpool": {"version": version}})


def test_the_guides_overrides_and_those_of_all_snapshots() -> None:
    given = {**STORPOOL, "overrides": ["deploy", "attach_disk", "save", "restore"], "vm_snapshots": True}
    assert value(after(["storpool"], {"storpool": given}), "VM_MAD", "kvm").endswith(
        "-l deploy=deploy-tweaks,attach_disk=attach_disk.storpool,save=tmsave,restore=tmrestore,"
        "snapshotcreate=snapshot_create-storpool,snapshotrevert=snapshot_revert-storpool,"
        "snapshotdelete=snapshot_delete-storpool"
    )


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"overrides": ["deploy", "reboot"]}, "names reboot, which the add-on has no script for"),
        ({"overrides": ["save"]}, "one of save and restore"),
    ],
)
def test_overrides_that_make_no_sense(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AddonError, match=sentence):
        declared_addons(["storpool"], "7.2", {"storpool": {**STORPOOL, **given}})


# -- together ----------------------------------------------------------------------------------------------------------


def test_with_both_storpool_has_the_definition_of_guests() -> None:
    text = after(BOTH, {"storpool": STORPOOL})
    assert value(text, "VM_MAD", "kvm") == "-t 15 -r 0 kvm -p -l deploy=deploy-tweaks"
    assert sharing(BOTH, {"storpool": STORPOOL}).deploy_tweak
    assert value(text, "TM_MAD") == "-t 15 -d dummy,ssh,ceph,vitastor,storpool", "ceph stays"


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]])
def test_the_order_of_the_list_does_not_matter(order: list[str]) -> None:
    assert after(order, {"storpool": STORPOOL}) == after(BOTH, {"storpool": STORPOOL})


def test_the_action_changes_its_owner_when_the_other_comes_or_goes() -> None:
    alone = after(["vitastor"], {})
    both = after(BOTH, {"storpool": STORPOOL}, alone)
    assert value(both, "VM_MAD", "kvm").endswith("-l deploy=deploy-tweaks")
    left = after(BOTH, {"storpool": {**STORPOOL, "state": "absent"}}, both)
    assert value(left, "VM_MAD", "kvm").endswith("-l deploy=deploy.vitastor")


def test_storpool_without_its_deploy_leaves_the_definition_to_vitastor() -> None:
    given = {"storpool": {**STORPOOL, "overrides": []}}
    assert value(after(BOTH, given), "VM_MAD", "kvm").endswith("-l deploy=deploy.vitastor")
    assert not sharing(BOTH, given).deploy_tweak


def test_attaching_is_ours_and_hands_on() -> None:
    given = {
        "vitastor": {"corrections": ["attach_disk"]},
        "storpool": {**STORPOOL, "overrides": ["deploy", "attach_disk"]},
    }
    line = value(after(BOTH, given), "VM_MAD", "kvm")
    assert line.endswith("-l attach_disk=attach_disk-kvmcloud.vitastor,deploy=deploy-tweaks")
    assert sharing(BOTH, given).attach_chain


def test_two_owners_of_one_action_are_both_named() -> None:
    given = {
        "vitastor": {"memory_snapshots": True},
        "storpool": {**STORPOOL, "overrides": ["deploy", "save", "restore"]},
    }
    with pytest.raises(AddonError) as refused:
        after(BOTH, given)
    assert "the action save of VM_MAD kvm has one script" in str(refused.value)
    assert "the storage add-on vitastor wants save.vitastor, the storage add-on storpool wants tmsave" in str(
        refused.value
    )


def test_the_inventorys_own_script_is_a_side_too() -> None:
    own = [
        {
            "attribute": "vm_mad",
            "where": {"name": "kvm"},
            "key": "ARGUMENTS",
            "command_line": {"option": "-l", "entries": {"DEPLOY": "mine"}},
        }
    ]
    with pytest.raises(AddonError, match="the storage add-on vitastor wants deploy.vitastor, opennebula_frontend_oned"):
        after(["vitastor"], {}, own=own)
    after(["vitastor"], {}, own=[{**own[0], "state": "absent"}])
    after(["vitastor"], {"vitastor": {"state": "absent"}}, own=own)


def test_snapshots_of_all_vms_need_storpool_alone() -> None:
    with pytest.raises(AddonError, match="opennebula_storage_addons also has vitastor"):
        declared_addons(BOTH, "7.2", {"storpool": {**STORPOOL, "vm_snapshots": True}})


def test_an_addon_that_nobody_knows() -> None:
    with pytest.raises(AddonError, match="names linstor; known are vitastor, storpool"):
        declared_addons(["linstor"], "7.2", {})


# -- what the file may already hold -----------------------------------------------------------------------------------


def test_a_script_of_somebody_else_in_the_file_is_named() -> None:
    text = SMALL.replace("kvm -p", "kvm -p -l deploy=mine")
    with pytest.raises(Refused, match="-l already has 'deploy=mine', wanted 'deploy=deploy.vitastor'"):
        after(["vitastor"], {}, text)
    gone = after(["vitastor"], {"vitastor": {"state": "absent"}}, text)
    assert gone == text, "and it stays when the add-on goes"


def test_lower_case_keys_as_oned_takes_them() -> None:
    text = SMALL.replace("EXECUTABLE", "executable").replace("ARGUMENTS", "arguments")
    assert "dummy,ssh,ceph,vitastor" in after(["vitastor"], {}, text)


def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(Refused, match="2 attributes match TM_MAD_CONF"):
        after(["vitastor"], {}, SMALL + 'TM_MAD_CONF = [ NAME = "vitastor" ]\n' * 2)


NAMES = st.sampled_from(["dummy", "ssh", "ceph", "qcow2", "lvm", "fs", "local", "netapp"])


@st.composite
def oned_conf(draw: Any) -> str:
    """An oned.conf as somebody may have left it: other order, other drivers, comments, blanks, case of keys."""
    drivers = ",".join(draw(st.lists(NAMES, min_size=1, unique=True)))
    arguments = draw(st.sampled_from(["ARGUMENTS", "arguments", "Arguments"]))
    options = draw(st.sampled_from(["-t 15 -r 0 kvm -p", "-t 15 -r 0 kvm", "-l migrate=mine -t 15 kvm"]))
    parts = [
        f'VM_MAD = [\n  NAME = "kvm",\n  {arguments} = "{options}"\n]\n',
        f'VM_MAD = [ NAME = "qemu", {arguments} = "-t 15 kvm" ] # nested\n',
        f'TM_MAD = [ executable = "one_tm", {arguments} = "-t 15 -d {drivers}" ]\n',
        f'DATASTORE_MAD = [\n  {arguments}  = "-t 15 -d {drivers}  -s {drivers}" ]\n',
        *draw(
            st.lists(
                st.sampled_from(
                    [
                        'INHERIT_DATASTORE_ATTR  = "CEPH_HOST"\n',
                        '#INHERIT_DATASTORE_ATTR = "VITASTOR_CONF"\n',
                        'VM_RESTRICTED_ATTR = "NIC/MAC"\n',
                        'TM_MAD_CONF = [ NAME = "ceph", SHARED = "YES" ]\n',
                        'DS_MAD_CONF = [\n    NAME = "ceph",\n    PERSISTENT_ONLY = "NO"\n]\n',
                        "\n# a note\n\n",
                        "PORT = 2633\n",
                    ]
                ),
                max_size=8,
            )
        ),
    ]
    return "".join(draw(st.permutations(parts)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(
    oned_conf(),
    st.permutations(BOTH),
    st.lists(st.sampled_from(["attach_disk", "detach_disk"]), unique=True),
    st.booleans(),
)
def test_whoever_comes_first_both_go_without_a_trace(text, order, overrides, corrected) -> None:
    given_settings: dict[str, Any] = {
        "vitastor": {"corrections": ["deploy", "attach_disk"] if corrected else [], "domain_types": ["kvm", "qemu"]},
        "storpool": {**STORPOOL, "overrides": ["deploy", *overrides]},
    }
    one = after(order[:1], given_settings, text)
    both = after(BOTH, given_settings, one)
    assert after(BOTH, given_settings, both) == both
    gone = {name: {**one, "state": "absent"} for name, one in given_settings.items()}
    assert after(BOTH, gone, both) == text
