# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kvmcloud.stack.plugins.filter.opennebula_release import opennebula_release
from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import (
    PLATFORMS,
    ReleaseError,
    describe,
    frontend_units,
    platform_status,
)


@pytest.mark.parametrize(
    ("release", "system", "version", "role", "status"),
    [
        ("7.4", "Debian", "12.8", "frontend", "certified"),
        ("7.4", "Debian", "13.1", "node", "certified"),
        ("7.4", "Debian", "11.9", "frontend", "refused"),
        # Ubuntu 22.04 and EL 8 are not certified on 7.4
        ("7.4", "Ubuntu", "22.04", "frontend", "refused"),
        ("7.4", "AlmaLinux", "8.10", "node", "refused"),
        # 7.4 certifies Rocky 9 and 10; no earlier notes mention Rocky at all
        ("7.4", "Rocky", "9.5", "node", "certified"),
        ("7.4", "Rocky", "8.9", "node", "refused"),
        ("7.2", "Rocky", "9.5", "node", "not known"),
        # 7.2: Debian 13 as front-end only
        ("7.2", "Debian", "13", "frontend", "certified"),
        ("7.2", "Debian", "13", "node", "not known"),
        ("7.2", "RedHat", "10.0", "node", "certified"),
        ("6.10", "Debian", "13", "frontend", "refused"),
        ("6.10", "AlmaLinux", "10.1", "frontend", "refused"),
        # notes of 7.0 at hand may be older than the release
        ("7.0", "Debian", "13", "frontend", "not known"),
        ("7.0", "Debian", "12", "frontend", "certified"),
        ("5.12", "Ubuntu", "20.04", "node", "certified"),
        ("5.12", "Debian", "12", "node", "refused"),
        ("7.4", "CentOS", "9", "node", "not known"),
        ("7.4", "openSUSE Leap", "15.6", "node", "refused"),
        # names of /etc/os-release
        ("7.4", "rhel", "9.4", "node", "certified"),
        ("7.4", "debian", "12", "node", "certified"),
    ],
)
def test_pair_of_release_and_system(release: str, system: str, version: str, role: str, status: str) -> None:
    assert platform_status(release, system, version, role)[0] == status


def test_refusal_names_what_is_listed_and_what_would_fit() -> None:
    with pytest.raises(ReleaseError) as caught:
        describe("7.4", "Ubuntu", "22.04")
    sentence = str(caught.value)
    assert "OpenNebula 7.4 does not exist for Ubuntu 22.04" in sentence
    assert "Ubuntu 24.04, Ubuntu 26.04" in sentence
    assert "6.10 or 7.0 or 7.2" in sentence


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("7.6", "7.6 is not known here"),
        ("latest", "wanted a release like"),
        (7.4, None),  # YAML's number 7.4 reads the same as the text
        (6.1, 'write "6.10"'),  # YAML's number 6.10 does not
        ("", "wanted a release like"),
    ],
)
def test_odd_release_values(release: object, words: str | None) -> None:
    if words is None:
        assert describe(release, "Debian", "12")["release"] == "7.4"  # type: ignore[arg-type]
        return
    with pytest.raises(ReleaseError, match="(?s)" + words):
        describe(release, "Debian", "12")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("release", "system", "version", "expected"),
    [
        ("7.4", "Debian", "12.8", "7.4/Debian/12"),
        ("7.4", "Ubuntu", "24.04", "7.4/Ubuntu/24.04"),
        ("7.4", "RedHat", "9.4", "7.4/RedHat/$releasever/$basearch"),
        ("7.4", "Rocky", "9.4", "7.4/RedHat/$releasever/$basearch"),
        ("7.4", "AlmaLinux", "9.4", "7.4/AlmaLinux/$releasever/$basearch"),
        # the Enterprise Edition also has folders X.Y.Z
        ("6.10.5", "Debian", "12", "6.10.5/Debian/12"),
    ],
)
def test_repository_path(release: str, system: str, version: str, expected: str) -> None:
    assert describe(release, system, version)["repository_path"] == expected


@pytest.mark.parametrize(
    ("release", "has", "has_not"),
    [
        # 6.x has a scheduler of its own, 7.x drops it with Sunstone's and noVNC's units
        ("6.8", {"opennebula-scheduler", "opennebula-sunstone", "opennebula-novnc", "opennebula-fireedge"}, set()),
        ("6.10", {"opennebula-scheduler", "opennebula-fireedge"}, {"opennebula-sunstone"}),
        ("7.4", {"opennebula-fireedge", "opennebula-gate"}, {"opennebula-scheduler", "opennebula-sunstone"}),
        ("5.12", {"opennebula-sunstone", "opennebula-scheduler"}, {"opennebula-fireedge"}),
    ],
)
def test_units(release: str, has: set, has_not: set) -> None:
    system = ("Debian", "10") if release in ("5.12", "6.8") else ("Debian", "12")
    units = describe(release, *system)["frontend_units"]
    assert units[0]["name"] == "opennebula"
    names = {unit["name"] for unit in units}
    assert has <= names
    assert not has_not & names


def test_facts_that_moved_between_releases() -> None:
    old, new = describe("7.2", "Debian", "12"), describe("7.4", "Debian", "12")
    assert (old["onegate_bind_key"], new["onegate_bind_key"]) == (":host", ":server/:bind")
    assert describe("6.10", "Debian", "12")["scheduler_config"] == "/etc/one/sched.conf"
    assert new["scheduler_config"] == "/etc/one/schedulers/rank.conf"
    assert describe("5.12", "Debian", "10")["packages"]["node"] == ["opennebula-node"]
    assert describe("5.12", "CentOS", "7")["packages"]["node"] == ["opennebula-node-kvm"]


def test_extras() -> None:
    assert describe("7.4", "Ubuntu", "26.04")["apt"]["pins"] == [
        {"package": "nodejs", "pin": "release o=OpenNebula", "priority": 600}
    ]
    assert describe("7.4", "Ubuntu", "24.04")["apt"]["pins"] == []
    assert describe("6.10", "AlmaLinux", "8.9")["enterprise_linux"]["repositories"] == ["powertools", "ha"]
    assert describe("7.4", "AlmaLinux", "9.4")["enterprise_linux"]["repositories"] == ["crb", "highavailability"]
    redhat = describe("7.4", "RedHat", "9.4", architecture="x86_64")["enterprise_linux"]
    assert redhat["subscription_repositories"][0] == "codeready-builder-for-rhel-9-x86_64-rpms"
    assert any("9 and 10 only" in w for w in describe("7.2", "AlmaLinux", "8.10")["warnings"])


def test_every_row_can_be_described() -> None:
    for release, row in PLATFORMS.items():
        for column in ("redhat", "almalinux", "rocky", "ubuntu", "debian"):
            for version in getattr(row, column):
                assert describe(release, column, version)["status"] == "certified"


def test_filter_takes_facts_and_os_release_alike() -> None:
    by_facts = opennebula_release("7.4", {"distribution": "Debian", "distribution_version": "12.8"})
    by_os_release = opennebula_release("7.4", {"id": "debian", "version_id": "12"})
    assert by_facts == by_os_release
    with pytest.raises(AnsibleFilterError, match="does not exist for Debian 10"):
        opennebula_release("7.4", {"id": "debian", "version_id": "10"})
    with pytest.raises(AnsibleFilterError, match="no distribution"):
        opennebula_release("7.4", {})
    with pytest.raises(AnsibleFilterError, match="wanted frontend or node"):
        opennebula_release("7.4", {"id": "debian", "version_id": "12"}, "router")


def test_what_oned_reads_moved_between_releases() -> None:
    """6.x: the scheduler is a unit of its own with sched.conf; 7.x: it is part of oned and reads rank.conf."""
    old, new = (describe(release, "Debian", "12")["frontend_units"] for release in ("6.10", "7.4"))
    assert "/etc/one/schedulers/rank.conf" in new[0]["config_files"]
    # Where a storage add-on is known by LIVE_DISK_SNAPSHOTS; the driver reads it when oned starts it.
    assert all("/etc/one/vmm_exec/vmm_execrc" in units[0]["config_files"] for units in (old, new))
    assert {"name": "opennebula-scheduler", "config_files": ["/etc/one/sched.conf"]} in old
    assert {unit.get("port") for unit in new} == {2633, 2616, 5030, 2474}


SOCKETS = ["libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket"]


@pytest.mark.parametrize(
    ("system", "version", "started", "stopped"),
    [
        ("Debian", "12", SOCKETS, 0),
        ("AlmaLinux", "8.10", SOCKETS, 0),
        # notes of EL 9: libvirtd without socket activation
        ("AlmaLinux", "9.4", ["libvirtd"], 3),
    ],
)
def test_units_of_a_node(system: str, version: str, started: list[str], stopped: int) -> None:
    units = describe("7.2", system, version)["node_units"]
    assert [unit["name"] for unit in units if unit.get("state") != "stopped"] == started
    assert len([unit for unit in units if unit.get("state") == "stopped"]) == stopped


@pytest.mark.parametrize(
    ("unit", "text", "port"),
    [
        ("opennebula", 'DB = [ BACKEND = "mysql",\n       PORT = 3306 ]\n#PORT = 1\nPORT = 2634\n', "2634"),
        ("opennebula", 'PORT="2635"\n', "2635"),
        ("opennebula-fireedge", "log: prod\nport: 2617\nguacd:\n  port: 4822\n", "2617"),
        ("opennebula-gate", ":server:\n  :bind: 127.0.0.1\n  :port: 5031\n", "5031"),
        ("opennebula-flow", ":host: 127.0.0.1\n:port: 2475\n", "2475"),
        ("opennebula-sunstone", ":vnc_proxy_port: 29876\n:port: 9870\n", "9870"),
    ],
)
def test_where_a_server_is_told_its_port(unit, text, port):
    (setting,) = {one["port_setting"] for one in frontend_units((6, 8)) if one["name"] == unit}
    assert re.search(setting, text, re.MULTILINE).group(1) == port
