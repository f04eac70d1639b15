# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the defaults of KVM guests become, held against the files as releases ship them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils.kvm_defaults import (
    AT_START,
    PLACES,
    DefaultsError,
    kvm_files,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import open_editor, plan_edits

CHECKOUT = Path(__file__).parents[4]
ROLE = yaml.safe_load((CHECKOUT / "roles/opennebula_frontend/defaults/main.yml").read_text())
PREFIX = "opennebula_frontend_kvm_"
GUIDE = {name[len(PREFIX) :]: value for name, value in ROLE.items() if name.startswith(PREFIX)}
NOTHING: list[str] = []

# The text of a release whose vectors are written as the guide shows them, and its kvmrc, where all is commented out.
OLD_VMM = """\
FEATURES = [ PAE = "no", ACPI = "yes", APIC = "no", HYPERV = "no", GUEST_AGENT = "no", VIRTIO_SCSI_QUEUES = "0" ]
DISK     = [ driver = "raw" , cache = "none"]
#NIC     = [ model="virtio" ]
"""
OLD_KVMRC = """\
export SHUTDOWN_TIMEOUT=300
#DEFAULT_ATTACH_CACHE=none
#DEFAULT_ATTACH_DISCARD=unmap
#DEFAULT_ATTACH_IO=
#DEFAULT_ATTACH_NIC_MODEL=virtio
#DEFAULT_ATTACH_NIC_FILTER=clean-traffic
"""


def edited(path: str, text: str, defaults: dict[str, Any]) -> str:
    (file,) = [file for file in kvm_files(defaults) if file["path"].endswith(path)]
    return plan_edits(path, text, file["edits"]).after


def vector(text: str, name: str) -> dict[str, str]:
    (found,) = open_editor(text, "opennebula").document.named(name)  # type: ignore[attr-defined]
    return {entry.name.upper(): entry.value for entry in found.entries}


def test_each_default_of_the_role_has_its_place() -> None:
    assert GUIDE.keys() == {name for name, *_places in PLACES}


def test_the_guides_tuning() -> None:
    after = edited("vmm_exec_kvm.conf", OLD_VMM, GUIDE)
    assert after.splitlines()[0] == OLD_VMM.splitlines()[0].replace('GUEST_AGENT = "no"', 'GUEST_AGENT = "yes"')
    assert vector(after, "DISK") == {"DRIVER": "raw", "CACHE": "none", "IO": "native", "DISCARD": "unmap"}
    assert vector(after, "NIC") == {"MODEL": "virtio"}
    assert edited("vmm_exec_kvm.conf", after, GUIDE) == after


def test_the_same_for_what_is_attached_later() -> None:
    after = edited("kvmrc", OLD_KVMRC, GUIDE)
    active = [line for line in after.splitlines() if not line.startswith("#")]
    assert active == [
        "export SHUTDOWN_TIMEOUT=300",
        "DEFAULT_ATTACH_CACHE=none",
        "DEFAULT_ATTACH_DISCARD=unmap",
        "DEFAULT_ATTACH_IO=native",
        "DEFAULT_ATTACH_NIC_MODEL=virtio",
    ]


@pytest.mark.parametrize("release", ["6.10.0", "7.4.0"])
def test_what_a_release_ships_beside_them_stays(release: str) -> None:
    shipped = CHECKOUT / "../shared/contract/opennebula" / release / "etc/vmm_exec_kvm.conf"
    if not shipped.exists():
        pytest.skip("OpenNebula's own files are not part of this project")
    before = shipped.read_text()
    after = edited("vmm_exec_kvm.conf", before, GUIDE)
    assert vector(after, "DISK") == {**vector(before, "DISK"), "IO": "native"}
    assert {name: vector(after, name) for name in ("FEATURES", "NIC", "OS")} == {
        name: vector(before, name) for name in ("FEATURES", "NIC", "OS")
    }
    assert [line for line in after.splitlines() if line not in before.splitlines()] != NOTHING
    assert len(after.splitlines()) == len(before.splitlines()) + 1, "all it takes is one key"


@pytest.mark.parametrize(
    ("defaults", "edits"),
    [
        pytest.param({}, NOTHING, id="nothing is declared"),
        pytest.param(dict.fromkeys(GUIDE, ""), NOTHING, id="all is left to the release"),
        pytest.param({"guest_agent": False}, [{"attribute": "FEATURES", "values": {"GUEST_AGENT": "no"}}], id="off"),
        pytest.param(
            {"virtio_scsi_queues": 4}, [{"attribute": "FEATURES", "values": {"VIRTIO_SCSI_QUEUES": "4"}}], id="a number"
        ),
    ],
)
def test_edits(defaults: dict[str, Any], edits: list[Any]) -> None:
    files = kvm_files(defaults)
    assert files == ([{"path": AT_START, "edits": edits}] if edits else [])


@pytest.mark.parametrize(
    ("defaults", "sentence"),
    [
        (
            {"disk_io": "native", "disk_cache": "writeback"},
            "libvirt starts no guest so.*Set disk_cache to none or direct",
        ),
        ({"nic_model": "virtio net"}, "wanted one word"),
        ({"nic_model": " virtio"}, "wanted one word"),
        ({"disk_cahce": "none"}, "disk_cahce is no default"),
    ],
)
def test_refused(defaults: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefaultsError, match=sentence):
        kvm_files(defaults)


@pytest.mark.parametrize("cache", ["none", "directsync", ""])
def test_native_io_goes_past_the_page_cache(cache: str) -> None:
    assert kvm_files({"disk_io": "native", "disk_cache": cache})
