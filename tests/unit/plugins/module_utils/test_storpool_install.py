# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError
from ansible_collections.kvmcloud.stack.plugins.module_utils.storpool_install import (
    reserved_template,
    storpool_hooks,
    storpool_install,
)


def install(**changed: Any) -> dict[str, Any]:
    settings = {
        "os_family": "Debian",
        "release": "7.2",
        "version": "26.04.0",
        "folder": "/src",
        "state": "present",
        "tweaks": [],
        "options": {},
        "patches": {},
        **changed,
    }
    return storpool_install(settings)


def sources(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tree["src"]: tree for tree in plan["trees"]}


def present(plan: dict[str, Any]) -> list[str]:
    return [file["path"] for file in plan["files"] if file["state"] == "present"]


def test_today_there_are_timers_and_no_crontab() -> None:
    plan = install()
    assert plan["units"] == ["monitor_helper-sync.timer", "vc-policy.timer"] and present(plan) == []
    assert sources(plan)["/src/misc/etc/systemd/system/vc-policy.*"]["owner"] == "root"
    assert storpool_hooks("present", "7.2")[0]["call"] == "one.vm.update"


@pytest.mark.parametrize("release, version", [("5.12", "20.07.0"), ("5.12", "26.04.0"), ("6.4", "24.02.1")])
def test_before_there_was_a_crontab(release: str, version: str) -> None:
    plan = install(release=release, version=version)
    assert plan["units"] == [] and present(plan) == ["/etc/cron.d/addon-storpool"]
    assert storpool_hooks("present", "5.12") == []
    assert not any("systemd" in source for source in sources(plan))


def test_sources_of_another_release_are_told_by_their_installer() -> None:
    assert sources(install())["/src/scripts/install-7.2*.sh"]["required"]
    with pytest.raises(AddonError, match="does not know OpenNebula 7.0"):
        install(release="7.0", version="24.11.0")


def test_options_that_people_edit_are_not_overwritten() -> None:
    plan = install(options={"ONE_PX": "two"})
    assert sources(plan)["/src/addon-storpoolrc"]["new_only"]
    assert plan["rc_edits"] == [{"attribute": "ONE_PX", "value": "two"}]


def test_a_tweak_that_is_asked_for_has_to_be_there() -> None:
    example = "/src/vmm/kvm/deploy-tweaks.d.example/"
    found = sources(install(tweaks=["cpu.py"]))
    assert found[example + "cpu.py"]["required"] and found[example + "volatile2dev.py"]["required"]
    assert not found[example + "persistent-cdrom.py"]["required"]


@pytest.mark.parametrize(
    "release, patches, has",
    [("7.2", {"vnm": True}, True), ("7.2", {"vnm": False}, False), ("6.8", {"vnm": True}, False)],
)
def test_the_right_that_the_patched_network_driver_needs(release: str, patches: dict[str, bool], has: bool) -> None:
    (file,) = install(release=release, patches=patches)["node_files"]
    assert file["path"] == "/etc/sudoers.d/opennebula-storpool" and (file["state"] == "present") == has


def test_absent_removes_whatever_the_release() -> None:
    plan = install(state="absent", version="", release="7.4")
    assert {one["state"] for one in [*plan["trees"], *plan["files"], *plan["node_files"]]} == {"absent"}
    assert storpool_hooks("absent", "7.4")[0]["state"] == "absent"


PRINTED = 'RESERVED_CPU=200\nRESERVED_MEM=4194304\nSP_OURID=12\nISOLCPUS="0,1"\n'


def test_what_a_host_has_reserved() -> None:
    assert reserved_template(PRINTED, 1600, 64 << 20) == {
        "RESERVED_CPU": "200",
        "RESERVED_MEM": "4194304",
        "SP_OURID": "12",
        "ISOLCPUS": "0,1",
    }
    assert "RESERVED_CPU" not in reserved_template("RESERVED_MEM=5\n", 1600, 64 << 20)


@pytest.mark.parametrize(
    "printed, sentence",
    [
        ("RESERVED_CPU=1600\nRESERVED_MEM=5\n", "RESERVED_CPU=1600, and the host has 1600"),  # no machine.slice
        ("RESERVED_CPU=0\nRESERVED_MEM=67108864\n", "RESERVED_MEM=67108864, and the host has 67108864"),
        ("RESERVED_CPU=0\nRESERVED_MEM=-5\n", "RESERVED_MEM=-5"),
        ("", "printed no number as RESERVED_MEM: nothing"),
        ("RESERVED_CPU=all\nRESERVED_MEM=5\n", "printed no number as RESERVED_CPU"),
    ],
)
def test_a_host_that_would_be_reserved_as_a_whole(printed: str, sentence: str) -> None:
    with pytest.raises(AddonError, match=sentence):
        reserved_template(printed, 1600, 64 << 20)


def test_patches_are_switches_and_all_go_with_the_addon() -> None:
    assert install()["patches"] == [] and "patch" not in install()["packages"]["frontend"]
    plan = install(patches={"vmm": True, "vnm": False})
    assert plan["patches"] == [
        {"name": "vmm", "directory": "/src/patches/vmm/7.2", "state": "present"},
        {"name": "vnm", "directory": "/src/patches/vnm/7.2", "state": "absent"},
    ]
    assert "patch" in plan["packages"]["frontend"]
    gone = install(state="absent", patches={"vmm": True})["patches"]
    assert {one["name"]: one["state"] for one in gone} == dict.fromkeys(("vmm", "vnm", "datastore", "im"), "absent")
