# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import cloud_inventory


@pytest.mark.parametrize(
    ("variables", "entry"),
    [
        ({"ansible_host": "10.0.0.1"}, {"address": "10.0.0.1", "names": ["node1.example"]}),
        (
            {"ansible_host": "198.51.100.7", "host_network_address": "10.0.0.1"},
            {"address": "10.0.0.1", "names": ["node1.example"]},
        ),
        ({"ansible_host": "2001:db8::1"}, {"address": "2001:db8::1", "names": ["node1.example"]}),
    ],
    ids=["reached by Ansible there", "declared address wins", "IPv6"],
)
def test_a_host_with_an_address_gets_a_line(variables, entry):
    entry["names"].insert(1, "node1")
    assert cloud_inventory.host_entries(["node1.example"], {"node1.example": variables}) == [entry]


def test_a_host_known_by_name_only_is_left_to_its_name_server():
    assert cloud_inventory.host_entries(["a"], {"a": {"ansible_host": "a.example"}}) == []


def test_an_inventory_of_addresses_does_not_make_an_address_a_name():
    assert cloud_inventory.host_entries(["10.0.0.1"], {"10.0.0.1": {"host_network_hostname": "front"}}) == [
        {"address": "10.0.0.1", "names": ["front"]}
    ]


def test_nodes_become_hosts_with_the_driver_of_their_domain_type():
    hostvars = {"n1": {"opennebula_node_domain_type": "qemu", "opennebula_node_cluster": "lab"}, "n2": {}}
    assert cloud_inventory.opennebula_node_hosts(["n1", "n2"], hostvars) == [
        {"name": "n1", "im_mad": "qemu", "vm_mad": "qemu", "cluster": "lab"},
        {"name": "n2", "im_mad": "kvm", "vm_mad": "kvm"},
    ]


def test_a_node_may_have_attributes_and_a_state_of_its_own():
    own = {"opennebula_node_template": {"RESERVED_CPU": 200}, "opennebula_node_state": "offline"}
    assert cloud_inventory.opennebula_node_hosts(["n1"], {"n1": own}) == [
        {"name": "n1", "im_mad": "kvm", "vm_mad": "kvm", "template": {"RESERVED_CPU": 200}, "state": "offline"}
    ]


def shown(declared):
    return [(one["kind"], *one["entries"]) for one in cloud_inventory.declaration_passes(declared)]


def test_declarations_are_applied_in_the_order_given_and_removed_in_reverse():
    owner, gone, cluster = {"name": "alice"}, {"name": "bob", "state": "absent"}, {"name": "old", "state": "absent"}
    host = {"name": "n1", "cluster": "new", "state": "disabled"}
    declared = {"users": [owner, gone], "clusters": [cluster], "datastores": [], "hosts": [host]}
    assert shown(declared) == [("users", owner), ("hosts", host), ("clusters", cluster), ("users", gone)]


def test_a_cluster_gets_its_members_after_they_were_made():
    east = {"name": "east", "rename_from": "west", "hosts": ["n1"], "template": {"A": "1"}}
    empty = {"name": "far", "hosts": []}
    assert shown({"clusters": [east, empty], "hosts": [{"name": "n1"}]}) == [
        ("clusters", {"name": "east", "rename_from": "west", "template": {"A": "1"}}, {"name": "far"}),
        ("hosts", {"name": "n1"}),
        ("clusters", {"name": "east", "hosts": ["n1"], "template": {"A": "1"}}),
    ]


@pytest.mark.parametrize("key", ["name", "id"])
def test_what_is_to_be_there_and_to_be_absent_is_neither_made_nor_deleted(key):
    twice = [{key: 7}, {key: 7, "state": "absent"}]
    with pytest.raises(ValueError, match="datastores: 7 is declared to be there and to be absent"):
        cloud_inventory.declaration_passes({"datastores": twice})


def test_nothing_declared_is_nothing_to_apply():
    assert cloud_inventory.declaration_passes({"clusters": [], "hosts": []}) == []


@pytest.mark.parametrize(
    ("states", "expected"), [((), ["a", "b"]), (("locked", "offline"), ["b"]), (("absent",), ["gone"])]
)
def test_names_of_declared_resources(states, expected):
    entries = [{"name": "a"}, {"name": "b", "state": "locked"}, {"name": "gone", "state": "absent"}, {"id": 0}]
    assert cloud_inventory.declared_names(entries, *states) == expected


def test_a_host_outside_the_limit_has_said_nothing():
    hostvars = {
        "n1": {
            "ansible_host": "10.0.0.1",
            "identity": {"host_keys": ["ssh-ed25519 H"], "public_keys": ["ssh-ed25519 P"]},
        },
        "n2": {"ansible_host": "10.0.0.2"},
        "n3": {"ansible_host": "10.0.0.3", "identity": {"skipped": True}},
    }
    assert cloud_inventory.ssh_identities(["n1", "n2", "n3"], hostvars, "identity") == [
        {"names": ["n1", "10.0.0.1"], "host_keys": ["ssh-ed25519 H"], "public_keys": ["ssh-ed25519 P"]}
    ]


def test_a_name_server_decides_what_a_host_without_an_address_means():
    hostvars = {"a.example": {"ansible_host": "10.0.0.1"}, "b": {"host_network_hostname": "b.example"}}
    assert cloud_inventory.host_addresses(hostvars, hostvars) == {"a.example": "10.0.0.1", "b.example": None}


def test_a_short_name_of_two_hosts_means_neither():
    hostvars = {"srv.a.example": {"ansible_host": "10.0.0.1"}, "srv.b.example": {"ansible_host": "10.0.0.2"}}
    assert [entry["names"] for entry in cloud_inventory.host_entries(hostvars, hostvars)] == [
        ["srv.a.example"],
        ["srv.b.example"],
    ]


def test_a_short_name_of_two_hosts_has_no_key_of_either():
    said = {"identity": {"host_keys": ["ssh-ed25519 H"]}}
    hostvars = {
        "srv.a.example": {"ansible_host": "10.0.0.1", **said},
        "srv.b.example": {"ansible_host": "10.0.0.2", **said},
    }
    assert [one["names"] for one in cloud_inventory.ssh_identities(hostvars, hostvars, "identity")] == [
        ["srv.a.example", "10.0.0.1"],
        ["srv.b.example", "10.0.0.2"],
    ]


@pytest.mark.parametrize("address", ["10.213.80.11", "fd00::1"])
def test_an_address_is_neither_split_nor_a_name(address):
    assert cloud_inventory.names_of(address, {}) == [address]
    assert cloud_inventory.host_entries([address], {address: {}}) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"disks": [{"name": "x"}]}, True, id="declared"),
        pytest.param({"disks": []}, False, id="an empty list declares nothing"),
        pytest.param({"enabled": False}, True, id="what is switched off has to be removed"),
        pytest.param({"other": 1}, False, id="something else"),
    ],
)
def test_hosts_that_declare_something(variables: dict, expected: bool) -> None:
    hostvars = {"one": variables, "two": {}}
    found = cloud_inventory.hosts_that_declare(["one", "two"], hostvars, "disks", "enabled")
    assert found == (["one"] if expected else [])


def test_a_syntax_check_knows_no_variables_of_hosts() -> None:
    assert cloud_inventory.hosts_that_declare(["one"], {}, "disks") == []


def test_datastores_whose_storage_some_host_mounts_wait_for_it() -> None:
    hostvars = {
        "front1": {"host_storage_datastore_mounts": [{"datastore": "images"}, {"datastore": "old", "state": "absent"}]},
        "node1": {"host_storage_datastore_disks": [{"datastore": "fast"}]},
        "node2": {},
    }
    declared = [{"name": name} for name in ("images", "fast", "old", "other")]
    found = cloud_inventory.datastores_with_storage(declared, list(hostvars), hostvars)
    assert [entry["name"] for entry in found if entry.get("awaits_storage")] == ["images", "fast"]
    assert declared == [{"name": name} for name in ("images", "fast", "old", "other")]


def test_hosts_that_mount_storage_wait_for_it() -> None:
    hostvars = {
        "node1": {"host_storage_datastore_disks": [{"datastore": "fast"}]},
        "node2.example": {"host_storage_datastore_mounts": [{"datastore": "images"}], "ansible_host": "10.0.0.2"},
        "node3": {"host_storage_datastore_mounts": [{"datastore": "images", "state": "absent"}]},
        "node4": {},
    }
    entries = [{"name": name} for name in ("node1", "node2.example", "node3", "node4", "elsewhere")]
    found = cloud_inventory.hosts_with_storage(entries, list(hostvars), hostvars)
    assert [entry["name"] for entry in found if entry.get("awaits_storage")] == ["node1", "node2.example"]
    assert [entry["name"] for entry in found] == [entry["name"] for entry in entries]
    only = cloud_inventory.hosts_with_storage(entries, ["node2.example"], hostvars)
    assert [entry["name"] for entry in only if entry.get("awaits_storage")] == ["node2.example"]


def test_declared_storage_is_checked_at_the_mount_point_of_the_datastore() -> None:
    mounts = [
        {"datastore": "images", "src": "gs1:/images", "fstype": "glusterfs"},
        {"datastore": "files", "src": "nfs1:/files"},
        {"datastore": "former", "state": "absent"},
    ]
    disks = [{"datastore": "system", "devices": ["/dev/vdb"], "volume_group": "stores", "logical_volume": "system"}]
    pool = [{"id": 100, "name": "images"}, {"id": 101, "name": "system"}]
    checks = cloud_inventory.datastore_mount_checks(pool, "/ds", mounts, disks)
    assert [(one["path"], one["src"], one["fstype"]) for one in checks] == [
        ("/ds/100", "gs1:/images", "glusterfs"),
        (
            "/ds/<id of files>",
            "nfs1:/files",
            "nfs",
        ),  # there is none: nothing can be mounted there, and the check says so
        ("/ds/101", "/dev/stores/system", "xfs"),
    ]
    assert {one["owner"] for one in checks} == {"oneadmin"}


def test_a_file_is_named_once_with_all_its_edits() -> None:
    files = [{"path": "a", "edits": [1]}, {"path": "b", "edits": [2], "create": True}, {"path": "a", "edits": [3]}]
    assert cloud_inventory.with_edits(files, {"b": [4], "c": [5]}) == [
        {"path": "a", "edits": [1, 3]},
        {"path": "b", "edits": [2, 4], "create": True},
        {"path": "c", "edits": [5]},
    ]
    assert files[0]["edits"] == [1], "what the role's variables are stays"
