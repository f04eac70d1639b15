# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError
from ansible_collections.kvmcloud.stack.plugins.module_utils.vendor_override import is_ours
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_addon import (
    CORRECTED_ATTACH,
    CORRECTED_DEPLOY,
    CORRECTIONS,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_install import PYTHON, vitastor_install

ROLE = Path(__file__).parents[4] / "roles/vitastor_opennebula"
VARIABLES = yaml.safe_load((ROLE / "vars/main.yml").read_text())
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
PROGRAMS = VARIABLES["vitastor_opennebula_programs"]
TEXTS = {path.name: path.read_text() for path in (ROLE / "files").iterdir() if path.is_file()}
TM = "/var/lib/one/remotes/tm/vitastor/"
KVM = "/var/lib/one/remotes/vmm/kvm/"


def install(**changed: Any) -> dict[str, Any]:
    settings = {
        "os_family": "Debian",
        "state": "present",
        "version": "",
        "corrections": DEFAULTS["vitastor_opennebula_corrections"],
        "memory_snapshots": False,
        "conf_files": DEFAULTS["vitastor_opennebula_conf_files"],
        "libraries": VARIABLES["vitastor_opennebula_libraries"],
        "storage_addons": ["vitastor"],
        "datastores": [],
        **changed,
    }
    return vitastor_install(settings, PROGRAMS, TEXTS)


def placed(**changed: Any) -> dict[str, str]:
    return {one["path"]: one["content"] for one in install(**changed)["overrides"] if "content" in one}


def test_by_default_everything_known_is_corrected() -> None:
    assert DEFAULTS["vitastor_opennebula_corrections"] == list(CORRECTIONS)
    assert {program["correction"] for program in PROGRAMS} == set(CORRECTIONS)
    paths = placed()
    assert paths[TM + "mkswap"] == PYTHON + TEXTS["tm_mkswap.py"] and len(paths) == len(PROGRAMS) - 1
    assert KVM + CORRECTED_DEPLOY in paths and KVM + CORRECTED_ATTACH in paths, "where oned.conf names them"


def test_every_program_says_that_it_is_an_override() -> None:
    for name in [program["file"] for program in PROGRAMS] + ["vmm_checkpoint_stays"]:
        assert is_ours(TEXTS[name].encode()), name


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_each_can_be_left_out_alone(correction: str) -> None:
    kept = placed(corrections=[one for one in CORRECTIONS if one != correction])
    of_it = {"/var/lib/one/remotes/" + program["path"] for program in PROGRAMS if program["correction"] == correction}
    assert set(kept) == set(placed()) - of_it


def test_memory_of_guests_stays_unless_it_is_wanted_in_vitastor() -> None:
    assert placed()[KVM + "save.vitastor"] == TEXTS["vmm_checkpoint_stays"]
    assert placed(memory_snapshots=True)[KVM + "save.vitastor"] == PYTHON + TEXTS["vmm_save.py"]
    assert placed(memory_snapshots=True)[KVM + "restore.vitastor"] == PYTHON + TEXTS["vmm_restore.py"]


BOTH = {"storage_addons": ["vitastor", "storpool"], "storpool": {"overrides": ["deploy", "attach_disk"]}}


def test_beside_storpool_the_deploy_is_a_tweak_and_attaching_hands_on() -> None:
    paths = placed(**BOTH)
    assert KVM + "deploy-tweaks.d/90-kvmcloud-vitastor.py" in paths
    assert "attach_disk.storpool" in paths[KVM + "attach_disk-kvmcloud.next"]
    without = placed(**BOTH, corrections=[])
    assert set(without) == {KVM + "deploy-tweaks.d/90-kvmcloud-vitastor.py"}, "nobody else would do it"
    gone = placed(storage_addons=BOTH["storage_addons"], storpool={"state": "absent"})
    assert KVM + "deploy-tweaks.d/90-kvmcloud-vitastor.py" not in gone


@pytest.mark.parametrize("version, corrected", [("3.0.8", True), ("1.9.0", True), ("1.8.3", False), ("3.1.0", False)])
def test_another_release_of_the_vendor_is_not_corrected_unseen(version: str, corrected: bool) -> None:
    assert (TM + "mkswap" in placed(version=version)) == corrected
    assert (install(version=version)["not_corrected"] == []) == corrected


def test_absent_takes_everything_of_ours() -> None:
    gone = install(state="absent", **BOTH)
    assert {one["path"] for one in gone["overrides"]} >= set(placed(**BOTH))
    assert not any("content" in one for one in gone["overrides"])
    assert {one["state"] for one in [*gone["files"], *gone["lines"]]} == {"absent"}


def test_drivers_come_from_a_source_tree_that_is_named() -> None:
    assert install()["trees"] == [] and install(source="/src", state="absent")["trees"] == []
    assert {tree["src"]: tree["dest"] for tree in install(source="/src")["trees"]} == {
        "/src/opennebula/remotes/datastore/vitastor/*": "/var/lib/one/remotes/datastore/vitastor",
        "/src/opennebula/remotes/tm/vitastor/*": "/var/lib/one/remotes/tm/vitastor",
        "/src/opennebula/remotes/vmm/kvm/*vitastor*": "/var/lib/one/remotes/vmm/kvm",
    }


@pytest.mark.parametrize(
    "family, version, wanted",
    [
        ("Debian", "", ["vitastor-client", "vitastor-opennebula", "jq"]),
        ("Debian", "3.0.8", ["vitastor-client=3.0.8*", "vitastor-opennebula=3.0.8*", "jq"]),
        ("RedHat", "3.0.8", ["vitastor-client-3.0.8*", "vitastor-opennebula-3.0.8*", "jq"]),
    ],
)
def test_packages(family: str, version: str, wanted: list[str]) -> None:
    """Not the meta package vitastor, which asks for an exact release of fio."""
    assert install(os_family=family, version=version)["packages"]["frontend"] == wanted
    assert "vitastor" not in install(os_family=family)["packages"]["node"]


def test_the_distributions_qemu_and_libvirt_are_exchanged() -> None:
    """They came with OpenNebula's package: by their names alone apt would have nothing to do."""
    exact = [name for name in install()["packages"]["node"] if "vitastor*" in name]
    assert [name.partition("=")[0] for name in exact] == [
        "qemu-system-x86",
        "qemu-utils",
        "qemu-block-extra",
        "libvirt-daemon-system",
    ]
    pattern = exact[0].partition("=")[2]
    builds = ("1:8.2+vitastor5", "1:8.2+vitastor12", "9.0.0-4+deb12u2+vitastor2", "1:7.2+dfsg-7+deb12u7")
    assert [fnmatch(build, pattern) for build in builds] == [True, True, True, False]
    assert not pattern.endswith("*"), "apt takes that as the beginning of a version"


def test_nodes_are_judged_by_what_is_installed() -> None:
    checks = install()["node_checks"]
    assert [check["contains"] for check in checks] == ["vitastor"] * 4
    assert checks[0]["argv"] == ["qemu-img", "--help"] and checks[1]["argv"][-1] == "qemu-system-x86"
    assert install(os_family="RedHat")["node_checks"][1]["argv"][0] == "rpm"


def test_every_configuration_in_use_is_readable_for_qemu() -> None:
    lines = install(conf_files=["/etc/vitastor/vitastor.conf", "/etc/v2.conf"])["lines"]
    assert [line["line"] for line in lines] == ['  "/etc/vitastor/vitastor.conf" r,', '  "/etc/v2.conf" r,']
    stores = [
        {"name": "a", "template": {"TM_MAD": "vitastor", "VITASTOR_CONF": "/etc/vitastor/vitastor.conf"}},
        {"name": "b", "template": {"TM_MAD": "vitastor", "VITASTOR_CONF": "/etc/vitastor/b.conf"}},
        {"name": "c", "template": {"TM_MAD": "ssh"}},
    ]
    lines = install(conf_files=["/etc/vitastor/vitastor.conf"], datastores=stores)["lines"]
    assert [line["line"] for line in lines] == ['  "/etc/vitastor/vitastor.conf" r,', '  "/etc/vitastor/b.conf" r,']


def test_a_correction_that_nobody_knows() -> None:
    with pytest.raises(AddonError, match="names flatten; there are attach_disk, cpds"):
        install(corrections=["flatten"])
