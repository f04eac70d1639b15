# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the storage acceptance, on an OpenNebula in memory whose drivers can fail one by one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from small_opennebula import SmallOpennebula

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_rows import ROWS, not_run, run_rows
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_session import RowFailed, Session, Settings

GUIDES = Path(__file__).resolve().parents[4] / "shared/guides"
WHOLE = Settings("images", other_datastore="other", backup_datastore="backups", timeout=3)


def session(cloud: SmallOpennebula, settings: Settings = WHOLE) -> Session:
    return Session(cloud.run, lambda _seconds: None, settings)


def outcomes(cloud: SmallOpennebula, settings: Settings = WHOLE) -> dict[str, tuple[str, str]]:
    one = session(cloud, settings)
    results = run_rows(one, lambda: 0.0)
    assert len(results) == len(ROWS)
    assert one.remove_all() == []
    words = {
        result["name"]: (
            "not applicable" if result["skipped"] else "passed" if result["ok"] else "failed",
            result["detail"],
        )
        for result in results
    }
    assert len(words) == len(ROWS), "no two rows have one name"
    return words


def of(found: dict[str, tuple[str, str]], outcome: str) -> list[str]:
    return [name for name, (which, _detail) in found.items() if which == outcome]


def test_every_row_of_both_guides_is_here() -> None:
    texts = [path.read_text() for path in sorted(GUIDES.glob("00[01]_*.txt"))]
    if len(texts) < 2:
        pytest.skip("the guides are not beside this checkout (../shared/guides)")
    for text in texts:
        named = set(re.findall(r"^\|? ?((?:vmm/kvm|datastore|tm)/[\w.]+)\s", text, re.MULTILINE))
        scripts = {name.replace(".vitastor", "") for name in named}
        assert len(scripts) >= 34
        assert scripts <= {row.script for row in ROWS}, scripts - {row.script for row in ROWS}


DUMPXML = "virsh --connect qemu:///system dumpxml one-5"
NEVER = {
    "datastore/stat: the size of an image is told",
    "tm/failmigrate: a migration fails",
    "consistency of a live backup: what is backed up is one moment of a disk that is written",
}


def test_where_everything_works_everything_passes_and_nothing_is_left() -> None:
    cloud = SmallOpennebula()
    found = outcomes(cloud)
    assert of(found, "failed") == []
    assert set(of(found, "not applicable")) == NEVER
    assert cloud.stored == {} and cloud.images == {} and cloud.files == {}, "backups and files of the import among them"


def test_a_system_datastore_of_another_driver() -> None:
    """Volatile disks are there, and nobody looks for them where the images are."""
    cloud = SmallOpennebula()
    cloud.stores[101] = ("system", "ssh", "1")
    found = outcomes(cloud)
    assert of(found, "failed") == []
    unseen = [name for name, (_outcome, detail) in found.items() if detail == "the storage was not looked at"]
    assert len(unseen) == 4 and all("volatile" in name for name in unseen), unseen
    assert "is in the storage" in found["tm/clone: another image is a disk of the VM"][1], "of the images' driver"


@pytest.mark.parametrize(
    "where, driver, seen",
    [
        ("<CLONE>YES</CLONE><CLONE_TARGET>SELF</CLONE_TARGET>", "ssh", True),
        ("<CLONE>YES</CLONE><CLONE_TARGET>SYSTEM</CLONE_TARGET>", "ssh", False),
        ("<CLONE>YES</CLONE><CLONE_TARGET>SYSTEM</CLONE_TARGET>", "vitastor", True),
        ("<CLONE>NO</CLONE><CLONE_TARGET>SYSTEM</CLONE_TARGET><LN_TARGET>NONE</LN_TARGET>", "ssh", True),
        ("<CLONE>NO</CLONE><LN_TARGET>SYSTEM</LN_TARGET>", "ssh", False),
    ],
)
def test_where_a_copy_is(where: str, driver: str, seen: bool) -> None:
    cloud = SmallOpennebula()
    cloud.stores[101] = ("system", driver, "1")
    one = session(cloud)
    disk = ElementTree.fromstring(f"<DISK><SOURCE>one-1</SOURCE>{where}</DISK>")
    assert (one.storage_of_disk(disk) is one.storage) is seen


def test_without_hosts_no_row_about_guests_is_run_or_passed() -> None:
    found = outcomes(SmallOpennebula(hosts=()))
    assert of(found, "failed") == ["datastore/rm: an image is deleted"] or of(found, "failed") == []
    guests = [name for name in found if name.startswith(("tm/", "vmm/")) and not name.startswith("tm/monitor")]
    for name in guests:
        outcome, detail = found[name]
        assert outcome == "not applicable", name
        assert "no monitored host" in detail or "no backup" in detail or name in NEVER, (name, detail)


def test_one_host_cannot_migrate() -> None:
    found = outcomes(SmallOpennebula(hosts=("node1",)))
    assert found["tm/mv: the VM goes to another host while it runs"] == (
        "not applicable",
        "not applicable: fewer than two monitored hosts",
    )
    assert of(found, "failed") == []


def test_without_backup_and_other_datastore() -> None:
    found = outcomes(SmallOpennebula(), Settings("images", timeout=3))
    for name in ("tm/prebackup", "tm/prebackup_live", "tm/postbackup", "tm/postbackup_live", "tm/restore"):
        (row,) = [key for key in found if key.startswith(name + ":")]
        assert found[row] == ("not applicable", "not applicable: no backup datastore was named")
    assert "no other image datastore" in found["datastore/export: an image is copied into another datastore"][1]
    assert of(found, "failed") == []


def test_without_a_tool_the_storage_is_not_looked_at_and_that_is_said() -> None:
    found = outcomes(SmallOpennebula(storage_tool=False))
    assert of(found, "failed") == []
    assert found["datastore/mkfs: an image with a file system is made"][1] == "the storage was not looked at"


@pytest.mark.parametrize(
    "fault, rows",
    [
        ("mkfs", ["datastore/mkfs"]),
        ("cp", ["datastore/cp"]),
        ("clone", ["datastore/clone", "datastore/export"]),
        ("clone has a parent", ["datastore/clone"]),
        ("deploy", ["vmm/kvm/deploy"]),
        ("deploy without context", ["vmm/kvm/deploy"]),
        ("attach live", ["attach to a running VM"]),
        ("attach swap", ["tm/mkswap"]),
        ("attach fs", ["tm/mkimage"]),
        ("disk-detach", ["tm/delete"]),
        ("disk-resize", ["tm/resize"]),
        ("disk-snapshot-create", ["tm/snap_create", "tm/snap_create_live"]),
        ("disk-snapshot-revert", ["tm/snap_revert"]),
        ("disk-snapshot-delete", ["tm/snap_delete"]),
        ("disk-saveas", ["tm/cpds"]),
        ("migrate", ["tm/premigrate", "tm/mv", "tm/postmigrate"]),
        ("stop", ["vmm/kvm/save"]),
        ("resume", ["vmm/kvm/restore"]),
        ("backup", ["tm/prebackup", "tm/prebackup_live"]),
        ("files left", ["tm/postbackup", "tm/postbackup_live"]),
        ("restore", ["tm/restore"]),
        ("terminate leaves a disk", ["tm/mvds"]),
        ("snapshot-revert", ["datastore/snap_revert"]),
        ("snapshot-flatten", ["datastore/snap_flatten"]),
        ("rm", ["datastore/rm"]),
        ("vitastor-cli", ["datastore/mkfs", "datastore/cp"]),
        ("cp spoils", ["datastore/cp"]),
        ("clone spoils", ["datastore/clone"]),
        ("export spoils", ["datastore/export"]),
        ("disk-snapshot-revert spoils", ["tm/snap_revert"]),
        ("disk-saveas spoils", ["tm/cpds"]),
        ("restore spoils", ["tm/restore"]),
        ("snapshot-revert spoils", ["datastore/snap_revert"]),
        ("snapshot-flatten spoils", ["datastore/snap_flatten"]),
    ],
)
def test_a_driver_that_fails_is_seen_in_its_row(fault: str, rows: list[str]) -> None:
    cloud = SmallOpennebula()
    cloud.faults[fault] = "the driver failed"
    found = outcomes(cloud)
    failed = of(found, "failed")
    own = [name for name in failed if "not reached" not in found[name][1]]
    assert {name.partition(":")[0] for name in own} >= set(rows)
    # What could not be reached says so, and names what was missing.
    for name in set(failed) - {name for name in own if name.partition(":")[0] in rows}:
        assert re.search(
            r"not reached|not available|not ready|is in use|still has|driver failed|not in the storage", found[name][1]
        )


def test_a_storage_that_does_not_answer_is_no_storage_that_was_not_looked_at() -> None:
    cloud = SmallOpennebula()
    cloud.faults["vitastor-cli"] = "connect: Connection refused"
    found = outcomes(cloud)
    name = "datastore/mkfs: an image with a file system is made"
    assert found[name][0] == "failed" and "the storage does not answer: connect: Connection refused" in found[name][1]


def test_contents_that_cannot_be_read_are_not_compared_and_that_is_said() -> None:
    found = outcomes(SmallOpennebula(storage_tool=False))
    for name in ("tm/cpds: a disk is saved as a new image", "tm/restore: disks of the VM are restored from the backup"):
        assert found[name] == ("passed", "the storage was not looked at; the content was not compared")
    copied = found["datastore/export: an image is copied into another datastore"]
    assert copied == ("passed", "copied into other; the content is the same"), "that one is a file of the front-end"


def test_contents_are_compared_where_they_can_be_read() -> None:
    found = outcomes(SmallOpennebula())
    same = {name.partition(":")[0] for name, (_which, detail) in found.items() if "the content is the same" in detail}
    assert same == {
        *("datastore/cp", "datastore/clone", "datastore/export", "datastore/snap_revert", "datastore/snap_flatten"),
        *("tm/cpds", "tm/restore", "tm/snap_revert"),
    }
    assert [detail.count("same") for name, (_which, detail) in found.items() if name.startswith("tm/cpds")] == [1, 1]


def test_an_answer_that_nobody_foresaw_costs_its_row_alone() -> None:
    cloud = SmallOpennebula()
    answer = cloud.answer
    cloud.answer = lambda argv: "<VM><NAME" if argv[:3] == ["ssh", "node1", DUMPXML] else answer(argv)  # type: ignore
    found = outcomes(cloud)
    deploy = "vmm/kvm/deploy: a VM with persistent, other and volatile disk is started"
    assert found[deploy][0] == "failed" and "unexpected answer: ParseError" in found[deploy][1]
    assert found["tm/cpds: a disk is saved as a new image"][0] == "passed"


def test_a_guest_whose_disks_are_files_is_no_success() -> None:
    """What StorPool's deploy of a Vitastor guest came to, before one of both stood back."""
    cloud = SmallOpennebula()
    cloud.domain_type = "file"
    found = outcomes(cloud)
    name = "vmm/kvm/deploy: a VM with persistent, other and volatile disk is started"
    assert found[name][0] == "failed" and "disks of the guest are file, file, file, expected network" in found[name][1]


def test_a_datastore_without_size() -> None:
    cloud = SmallOpennebula()
    cloud.sizes[100] = 0
    found = outcomes(cloud)
    assert found["datastore/monitor: space of the image datastore is reported"] == (
        "failed",
        "images has no size (expected: a size above 0)",
    )


def test_a_datastore_that_is_not_there() -> None:
    with pytest.raises(RowFailed, match="OpenNebula has no datastore gone"):
        session(SmallOpennebula(), Settings("gone"))


def test_what_a_killed_run_left_is_removed_and_nothing_else() -> None:
    cloud = SmallOpennebula()
    mine = cloud.make_image("kvmcloud-acceptance-data", 100, 16, "YES")
    others = cloud.make_image("golden", 100, 16)
    cloud.onevm_create(f'NAME = "kvmcloud-acceptance-vm"\nDISK = [ IMAGE_ID = "{mine}" ]\n')
    cloud.onevm_create('NAME = "database"\n')
    assert session(cloud).remove_all() == []
    assert list(cloud.images) == [others]
    assert [vm["name"] for vm in cloud.vms.values() if vm["state"] != "DONE"] == ["database"]


@pytest.mark.parametrize("emulated", [True, False])
def test_what_was_not_run_is_never_passed(emulated: bool) -> None:
    results: list[dict[str, Any]] = not_run("this OpenNebula is emulated", emulated)
    assert len(results) == len(ROWS)
    for result in results:
        assert result["emulated"] is emulated and result["skipped"] is not emulated
        assert result["detail"].startswith("not run:")
