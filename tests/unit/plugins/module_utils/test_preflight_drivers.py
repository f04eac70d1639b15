# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cloud_samples import cloud, declared, host, told

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Declared, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_drivers import (
    DRIVER_RULES,
    DRIVERS,
    REQUIRED,
    Span,
    runs_in,
)

DRIVERS_OF_EVERY_RELEASE = {name for name, span in DRIVERS["DS_MAD"].items() if span == Span()}
CAPTURES = Path(__file__).resolve().parents[5] / "shared/contract/opennebula"


def of(release: str, declarations: Declared, **changes: Any) -> Cloud:
    return cloud(host("front1", "opennebula_frontends", release=release), declared=declarations, **changes)


def datastore(**template: str) -> Declared:
    return declared(datastores=[{"name": "d", "template": template}])


def network(driver: str) -> Declared:
    return declared(virtual_networks=[{"name": "n", "template": {"VN_MAD": driver}}])


RSYNC = {"RSYNC_HOST": "backup1", "RSYNC_USER": "oneadmin"}
LOCAL_EDIT = {"attribute": "TM_MAD_CONF", "where": {"NAME": "local"}, "values": {"SHARED": "NO"}}


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (
            of("6.10", datastore(TM_MAD="local")),
            "The datastore d names TM_MAD local, which OpenNebula 6.10 does not have",
        ),
        (of("6.10", datastore(TM_MAD="local")), "(7.0, 7.2, 7.4 have it)"),
        (of("7.4", datastore(TM_MAD="vcenter")), "5.12, 6.0, 6.2, 6.4, 6.6, 6.8, 6.10 have it"),
        (
            of("5.12", datastore(DS_MAD="restic", TYPE="BACKUP_DS")),
            "DS_MAD restic, which OpenNebula 5.12 does not have",
        ),
        (of("5.12", datastore(DS_MAD="fs", TYPE="backup_ds")), "TYPE BACKUP_DS, which OpenNebula 5.12 does not know"),
        (of("7.4", datastore(DS_MAD="vitastor")), "DS_MAD vitastor, which no release from 5.12 to 7.4 has"),
        (of("7.4", network("ebtables")), "The virtual network n names VN_MAD ebtables, which OpenNebula 7.4"),
        (of("7.4", network("brigde")), "VN_MAD brigde, which no release"),
        (of("6.10.2", datastore(tm_mad="local")), "which OpenNebula 6.10 does not have"),
        (
            of("6.10", datastore(TM_MAD="local"), oned_edits=[{**LOCAL_EDIT, "state": "absent"}]),
            "TM_MAD local, which OpenNebula 6.10 does not have",
        ),
        (
            of("6.10", datastore(TM_MAD="local"), oned_edits=[{**LOCAL_EDIT, "attribute": "DS_MAD_CONF"}]),
            "TM_MAD local, which OpenNebula 6.10 does not have",
        ),
    ],
)
def test_a_driver_that_the_release_does_not_have(refused: Cloud, words: str) -> None:
    finding = told(findings(refused, DRIVER_RULES), words)
    assert finding.severity == "error"


@pytest.mark.parametrize(
    "fine",
    [
        of("7.4", datastore(TM_MAD="local", DS_MAD="fs")),
        of("7.4", datastore(TM_MAD="LOCAL")),  # oned compares names of drivers without case
        of("7.4", network("802.1q")),
        of("6.6", datastore(TM_MAD="-", DS_MAD="rsync", TYPE="backup_ds", **RSYNC)),
        of("6.10", datastore(TM_MAD="Local"), oned_edits=[LOCAL_EDIT]),
        of("6.6", datastore(TM_MAD="-", DS_MAD="rsync", TYPE="BACKUP_DS", **RSYNC)),
        # oned gives a system datastore no DS_MAD
        of("7.4", datastore(TM_MAD="ssh", DS_MAD="ceph", TYPE="SYSTEM_DS")),
        # what an edit of oned.conf makes of a driver, it knows best
        of("7.4", datastore(DS_MAD="rsync"), oned_edits=[{"attribute": "DS_MAD_CONF", "where": {"NAME": "rsync"}}]),
        of("7.4", datastore(TM_MAD="ssh", DS_MAD="-", TYPE="SYSTEM_DS")),
        of("6.10", datastore(TM_MAD="local"), oned_edits=[LOCAL_EDIT]),
        of("6.10", datastore(TM_MAD="local"), oned_edits=[{"attribute": "tm_mad_conf", "values": {"name": "Local"}}]),
        of("7.4", datastore(TM_MAD="vitastor", DS_MAD="vitastor"), storage_addons=["vitastor"]),
        of("8.8", datastore(TM_MAD="local")),  # an unknown release is another rule's finding
        of("7.4", declared(datastores=[{"id": 0, "template": {"LIMIT_MB": 5}}])),
        of("6.10", declared(datastores=[{"name": "d", "state": "absent", "template": {"TM_MAD": "local"}}])),
    ],
)
def test_a_driver_that_is_there(fine: Cloud) -> None:
    assert findings(fine, DRIVER_RULES) == []


@pytest.mark.parametrize(
    ("image", "system", "release", "runs"),
    [
        ("shared", "shared", "7.4", True),
        ("shared", "ssh", "7.4", True),
        ("shared", "local", "7.4", False),
        ("shared", "qcow2", "7.4", False),
        ("qcow2", "ssh", "6.10", True),
        ("ssh", "shared", "6.10", False),
        ("ceph", "shared", "7.0", True),
        ("ceph", "shared", "7.2", False),
        ("dev", "ssh", "7.2", False),
        ("local", "local", "7.4", True),
    ],
)
def test_which_images_run_where(image: str, system: str, release: str, runs: bool) -> None:
    assert runs_in(image, system, release) is runs


@pytest.mark.parametrize(("deployed", "severity"), [(False, "error"), (True, "warning")])
def test_an_attribute_that_the_driver_requires(deployed: bool, severity: str) -> None:
    lacking = of("7.4", datastore(DS_MAD="RSYNC", TYPE="BACKUP_DS", RSYNC_HOST="backup1"))
    if deployed:
        lacking.hosts[0].probe["users"] = {"oneadmin": {"uid": 9869}}  # type: ignore[index]
    assert told(findings(lacking, DRIVER_RULES), "has DS_MAD rsync and no RSYNC_USER").severity == severity


def vectors(text: str, name: str) -> dict[str, dict[str, str]]:
    found = {}
    for body in re.findall(rf"^{name}\s*=\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL):
        keys = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', body))
        found[keys["NAME"]] = keys
    return found


@pytest.mark.parametrize("release", ["6.10", "7.4"])
def test_the_tables_are_what_oned_conf_has(release: str) -> None:
    path = CAPTURES / f"{release}.0/etc/oned.conf"
    if not path.exists():
        pytest.skip("the captured configuration of OpenNebula is not part of the project")
    text = re.sub(r"(?m)^\s*#.*$", "", path.read_text())
    for kind, table in DRIVERS.items():
        assert {name for name, span in table.items() if span.has(release)} == set(vectors(text, f"{kind}_CONF"))
    for driver, keys in vectors(text, "DS_MAD_CONF").items():
        # lvm requires something in one release and nothing in the other
        if driver in REQUIRED or (keys["REQUIRED_ATTRS"] and driver in DRIVERS_OF_EVERY_RELEASE - {"lvm"}):
            assert keys["REQUIRED_ATTRS"] == ",".join(REQUIRED[driver])
    transfer = vectors(text, "TM_MAD_CONF")
    for image, keys in transfer.items():
        systems = {image, *filter(None, keys.get("TM_MAD_SYSTEM", "").split(","))}
        assert {system for system in transfer if runs_in(image, system, release)} == systems, image
