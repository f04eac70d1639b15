# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole modules against the emulated OpenNebula (not the real one): what they declare becomes so, and stays so.

The captures prove single answers; here one command follows another, as in a run of a playbook.
"""

from __future__ import annotations

import importlib
import os
import pwd
import re
from pathlib import Path
from typing import Any

import pytest
from emulator_replay import PASSWORD, Machine
from one_resources_emulated import MODULES, a_module, becomes

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_command

CLUSTERS = [{"name": "edge", "template": {"RESERVED_CPU": 5}}, {"name": "core"}]


@pytest.fixture
def clusters(run: Any) -> None:
    run("onecluster", clusters=CLUSTERS)
    assert run("onecluster", clusters=CLUSTERS)["changed"] is False


def test_clusters(run: Any, clusters: None) -> None:
    becomes(run, "onecluster", name="tmp", template={"A": 1, "B": [{"X": 1}, {"X": 2}]})
    becomes(run, "onecluster", name="tmp2", rename_from="tmp", datastores=["default"], purge=["A"])
    (found,) = run("onecluster_info", name=["tmp2"])["clusters"]
    assert found["members"]["datastores"] == [1]
    assert found["template"]["B"] == [{"X": "1"}, {"X": "2"}] and "A" not in found["template"]
    refused = run("onecluster", name="tmp2", state="absent")
    assert "still has 1 datastores" in refused["msg"]
    becomes(run, "onedatastore", name="default", clusters=["default"])
    becomes(run, "onecluster", name="tmp2", state="absent")


def test_datastores(run: Any, clusters: None) -> None:
    template = {
        "TYPE": "IMAGE_DS",
        "DS_MAD": "fs",
        "TM_MAD": "ssh",
        "DISK_TYPE": "block",
        "CLONE_TARGET": "SELF",
        "SAFE_DIRS": "/var/tmp /srv",
        "NOTE": 'žluť "q"\nsecond line',
        "VEC": [{"a": 1}, {"b": "x,y"}],
    }
    wanted = {"name": "img", "permissions": "644", "group": "users", "clusters": ["default", "edge"]}
    assert becomes(run, "onedatastore", **wanted, template=template) == [
        "onedatastore create",
        "onecluster adddatastore",
        "onedatastore chmod",
        "onedatastore chgrp",
    ]
    changed = {**wanted, "name": "img2", "rename_from": "img", "clusters": ["core"], "permissions": "600"}
    becomes(run, "onedatastore", **changed, template={"TM_MAD": "shared", "VEC": {"c": 2}}, purge=["NOTE"])
    (found,) = run("onedatastore_info", name=["img2"])["datastores"]
    assert found["permissions"] == "600" and found["group"] == "users"
    assert found["template"]["TM_MAD"] == "shared" and found["template"]["VEC"] == {"C": "2"}
    assert found["template"]["SAFE_DIRS"] == "/var/tmp /srv", "a purge keeps all that it does not name"
    assert "NOTE" not in found["template"]
    assert int(found["fields"]["total_mb"]) > 0, "it was waited for until it was measured"
    becomes(run, "onedatastore", name="sys", state="disabled", template={"TYPE": "SYSTEM_DS", "TM_MAD": "shared"})
    becomes(run, "onedatastore", name="sys", state="enabled")
    becomes(run, "onedatastore", datastores=[{"name": name, "state": "absent"} for name in ("img2", "sys")])


def driver_in(oned_conf: Path, name: str) -> dict[str, str]:
    """TM_MAD_CONF of this driver, as a person reads it."""
    vectors = re.findall(
        r"^TM_MAD_CONF\s*=\s*\[(.*?)\]", oned_conf.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    pairs = [dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', vector)) for vector in vectors]
    (found,) = [one for one in pairs if one["NAME"] == name]
    return {key: value for key, value in found.items() if key != "NAME"}


@pytest.mark.parametrize("kind", ["IMAGE_DS", "SYSTEM_DS"])
def test_a_datastore_is_as_its_driver_has_it_and_loses_what_a_former_one_had(
    run: Any, machine: Machine, kind: str
) -> None:
    driver = driver_in(machine.root / "etc/one/oned.conf", "shared")
    name = f"renewed {kind}"
    template = {"TYPE": kind, "TM_MAD": "shared", "NOTE": "mine", "CLONE_TARGET_FORMER": "SELF"}
    mad = {"DS_MAD": "fs"} if kind == "IMAGE_DS" else {}
    assert run("onedatastore", name=name, template={**template, **mad})["changed"] is True
    (made,) = run("onedatastore_info", name=[name])["datastores"]
    if kind == "IMAGE_DS":
        becomes(run, "onedatastore", name=name, driver=driver)
        (found,) = run("onedatastore_info", name=[name])["datastores"]
        del made["template"]["CLONE_TARGET_FORMER"]
        assert found["template"] == made["template"]
    assert run("onedatastore", name=name, driver=driver)["changed"] is False
    becomes(run, "onedatastore", name=name, state="absent")


def test_hosts(run: Any, clusters: None) -> None:
    aside = {"name": "h2", "state": "disabled", "im_mad": "qemu", "vm_mad": "qemu", "cluster": "edge"}
    becomes(run, "onehost", hosts=[{"name": "h1"}, {**aside, "template": {"RESERVED_CPU": 10, "x": True}}], wait=False)
    becomes(run, "onehost", name="h2", state="offline", cluster="core", im_mad="kvm", purge=["X"])
    (found,) = run("onehost_info", name=["h2"])["hosts"]
    assert found["state"] == "offline" and found["fields"]["cluster"] == "core"
    assert found["template"]["IM_MAD"] == "kvm" and found["template"]["RESERVED_CPU"] == "10"
    assert "X" not in found["template"]
    becomes(run, "onehost", hosts=[{"name": "h1", "state": "absent"}, {"name": "h2", "state": "absent"}])


def test_a_host_that_cannot_be_reached_fails_with_what_to_try(
    run: Any, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = importlib.import_module(f"{MODULES}.onehost")
    monkeypatch.setattr(loaded, "ERROR_GRACE", 0)
    result = run("onehost", name="unreachable", wait_timeout=20)
    assert "Expected every host to be monitored" in result["msg"]
    assert re.search(r"Error monitoring Host unreachable \(\d+\); OpenNebula gives no reason", result["msg"])
    assert "runuser -u oneadmin -- ssh unreachable true" in result["msg"] and result["changed"] is True
    again = run("onehost", name="unreachable", wait_timeout=20)
    assert [action["command"][1] for action in again["actions"]] == ["enable"], "a later run tries it again"
    becomes(run, "onehost", name="unreachable", state="absent")


def test_networks(run: Any, clusters: None) -> None:
    first, second = {"TYPE": "IP4", "IP": "192.0.2.10", "SIZE": 20}, {"TYPE": "ETHER", "SIZE": 3}
    template = {"VN_MAD": "fw", "BRIDGE": "br0", "SECURITY_GROUPS": "0", "FILTER_IP_SPOOFING": True}
    becomes(run, "onevnet", name="g", template=template, address_ranges=[first, second], clusters=["edge"])
    grown = {**first, "SIZE": 30, "NOTE": "x"}
    third = {"TYPE": "IP4", "IP": "192.0.2.100", "SIZE": 3}
    ranges = [third, grown]
    assert becomes(run, "onevnet", name="g", address_ranges=ranges, purge_address_ranges=True, permissions="644") == [
        "onevnet addar",
        "onevnet updatear",
        "onevnet rmar",
        "onevnet chmod",
    ]
    (found,) = run("onevnet_info", name=["g"])["vnets"]
    kept = {one["IP"]: one for one in found["address_ranges"]}
    assert kept["192.0.2.10"]["SIZE"] == "30" and kept["192.0.2.10"]["NOTE"] == "x"
    assert kept["192.0.2.10"]["AR_ID"] == "0", "updated in place and not made anew"
    becomes(run, "onevnet", name="net", rename_from="g", template={"BRIDGE": "br9"}, purge=["FILTER_IP_SPOOFING"])
    becomes(run, "onevnet", name="vlan", template={"VN_MAD": "802.1Q", "PHYDEV": "eth0", "AUTOMATIC_VLAN_ID": True})
    becomes(run, "onevnet", vnets=[{"name": name, "state": "absent"} for name in ("net", "vlan")])


def test_a_network_that_oned_could_not_make_is_made_anew_later(run: Any, machine: Machine, tmp_path: Path) -> None:
    """The module refuses such a range, so the command is called as a person would."""
    cli = one_command.OneCommand(a_module(tmp_path))
    path = tmp_path / "bad.tmpl"
    path.write_text('NAME="bad"\nVN_MAD="bridge"\nBRIDGE=br0\nAR=[TYPE=IP4,IP="999.1.1.1",SIZE=1]\n')
    cli.run(["onevnet", "create", str(path)])
    wanted = {"name": "bad", "template": {"VN_MAD": "bridge", "BRIDGE": "br0"}}
    good = [{"TYPE": "IP4", "IP": "10.1.1.1", "SIZE": 1}]
    assert becomes(run, "onevnet", **wanted, address_ranges=good) == [
        "onevnet delete",
        "wait-for-deletion onevnet",
        "onevnet create",
    ]
    assert run("onevnet_info", name=["bad"])["vnets"][0]["state"] == "ready"


def test_hooks(run: Any) -> None:
    common = {"resource": "VM", "command": "/usr/local/bin/autostart", "arguments": "$TEMPLATE"}
    becomes(
        run,
        "onehook",
        hooks=[
            {**common, "name": "off", "resource_state": "POWEROFF", "lcm_state": "LCM_INIT", "arguments_stdin": True},
            {**common, "name": "unknown", "on_state": "UNKNOWN"},
            {"name": "api", "type": "api", "call": "one.vm.allocate", "command": "/bin/true"},
        ],
    )
    assert becomes(run, "onehook", **common, name="off", remote=True) == ["onehook update"]
    host = {"name": "unknown", "resource": "HOST", "resource_state": "error", "command": "ft/host_error.rb"}
    assert becomes(run, "onehook", **host) == ["onehook delete", "onehook create"]
    api = {"name": "api", "call": "one.host.allocate", "command": "/bin/true"}
    assert becomes(run, "onehook", **api) == ["onehook delete", "onehook create"]
    becomes(run, "onehook", hooks=[{"name": name, "state": "absent"} for name in ("off", "unknown", "api")])


def test_a_locked_hook_is_refused_before_any_change(run: Any, tmp_path: Path) -> None:
    becomes(run, "onehook", name="locked", resource="HOST", resource_state="ERROR", command="/x")
    (found,) = run("onehook_info", name=["locked"])["hooks"]
    cli = one_command.OneCommand(a_module(tmp_path))
    cli.run(["onehook", "lock", str(found["id"])])
    result = run("onehook", hooks=[{"name": "locked", "command": "/y"}, {"name": "new", "command": "/z"}])
    assert f"onehook unlock {found['id']}" in result["msg"] and len(result["findings"]) == 2
    assert run("onehook", name="locked", command="/x")["changed"] is False, "as wanted, so the lock is no matter"


def test_the_password_of_oneadmin(run: Any, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Last, for it changes how all others would be let in."""
    auth = machine.root / "var/lib/one/.one/one_auth"
    owner = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr("pwd.getpwnam", lambda _name: owner)
    new = "nEw:se?ond-87"
    assert run("oneadmin_password", password=new, auth_file=str(auth))["method"] == "api"
    assert auth.read_text() == f"oneadmin:{new}\n"
    assert run("oneadmin_password", password=new, auth_file=str(auth))["changed"] is False
    auth.write_text(f"oneadmin:{PASSWORD}\n")
    assert run("oneadmin_password", password=new, auth_file=str(auth))["method"] == "file", "repaired from oned's view"
    assert run("onehook_info")["changed"] is False
    wrong = run("oneadmin_password", password="an0ther-one", auth_file=str(auth), _ansible_check_mode=True)
    assert wrong["method"] == "api" and auth.read_text() == f"oneadmin:{new}\n"
