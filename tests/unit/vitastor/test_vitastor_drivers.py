# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our drivers for disks and images as OpenNebula runs them. Each first shows what the vendor's commands come to."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest
from small_vitastor import ROLE, SmallVitastor, datastore_xml, disk, encoded, vm_xml


@pytest.fixture
def vitastor(tmp_path: Path) -> SmallVitastor:
    return SmallVitastor(tmp_path)


@pytest.mark.parametrize("file", sorted(path.name for path in (ROLE / "files").glob("*.py")))
def test_it_is_python_3_6(file: str) -> None:
    """The system's own interpreter of Enterprise Linux 8."""
    ast.parse((ROLE / "files" / file).read_text(), feature_version=(3, 6))


# ---- datastore/snap_flatten ------------------------------------------------------------------------------------------


def with_snapshots(vitastor: SmallVitastor) -> None:
    vitastor.image("one-5@1", "first")
    vitastor.image("one-5@2", "second", parent="one-5@1")
    vitastor.image("one-5", "now", parent="one-5@2")
    vitastor.image("one-50@1", "of another image")


def flatten(vitastor: SmallVitastor, snapshot: str = "1", **template: str):
    action = (
        f"<DS_DRIVER_ACTION_DATA>{datastore_xml(**template)}<IMAGE><SOURCE>one-5</SOURCE>"
        f"<TARGET_SNAPSHOT>{snapshot}</TARGET_SNAPSHOT></IMAGE></DS_DRIVER_ACTION_DATA>"
    )
    return vitastor.run("datastore/vitastor/snap_flatten", "5", stdin=encoded(action))


def test_the_vendors_flatten_renames_over_the_image(vitastor: SmallVitastor) -> None:
    with_snapshots(vitastor)
    assert vitastor.cli("flatten", "one-5@1").returncode == 0
    refused = vitastor.cli("modify", "one-5@1", "--rename", "one-5")
    assert refused.returncode == 11 and "was modified by someone else" in refused.stderr


def test_flatten_makes_the_image_what_the_snapshot_is(vitastor: SmallVitastor) -> None:
    with_snapshots(vitastor)
    done = flatten(vitastor)
    assert (done.returncode, done.stderr) == (0, "")
    assert vitastor.images.keys() == {"one-5", "one-50@1"}
    assert vitastor.data("one-5") == "first" and vitastor.images["one-5"]["parent"] is None
    assert vitastor.hosts == ["node2"], "one of the bridge hosts, by the image's id"


@pytest.mark.parametrize("ended_after", ["copy", "removal", "rename"])
def test_a_flatten_that_was_ended_goes_on_where_it_was(vitastor: SmallVitastor, ended_after: str) -> None:
    with_snapshots(vitastor)
    vitastor.image("one-5.flatten", "half" if ended_after == "copy" else "first")
    if ended_after != "copy":
        assert vitastor.cli("rm", "one-5").returncode == 0
    if ended_after == "rename":
        assert vitastor.cli("modify", "one-5.flatten", "--rename", "one-5").returncode == 0
    assert flatten(vitastor).returncode == 0
    assert vitastor.data("one-5") == "first" and vitastor.images.keys() == {"one-5", "one-50@1"}


def test_the_image_is_independent_before_its_snapshots_go(vitastor: SmallVitastor) -> None:
    with_snapshots(vitastor)
    failing(vitastor, "--matching")
    assert flatten(vitastor).returncode == 1
    assert vitastor.data("one-5") == "first" and vitastor.images["one-5"]["parent"] is None
    assert "one-5@2" in vitastor.images


@pytest.mark.parametrize(
    "template, sentence",
    [
        ({"BRIDGE_LIST": ""}, "Datastore d100 has no BRIDGE_LIST"),
        ({"POOL_NAME": ""}, "names no source, no snapshot or no POOL_NAME"),
        ({"POOL_NAME": "gone"}, "Pool gone does not exist"),
        ({"VITASTOR_CONF": "/nowhere.conf"}, "Error reading configuration from etcd"),
    ],
)
def test_a_flatten_that_cannot_be_done_leaves_the_image(vitastor, template, sentence) -> None:
    with_snapshots(vitastor)
    before = vitastor.images
    done = flatten(vitastor, **template)
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    assert vitastor.images == before


def test_bridge_hosts_that_are_off_are_left_out(vitastor: SmallVitastor) -> None:
    with_snapshots(vitastor)
    vitastor.have("onehost", "pool", vitastor.hosts_xml(node1=2, node2=8))
    assert flatten(vitastor).returncode == 0 and vitastor.hosts == ["node1"]
    vitastor.have("onehost", "pool", vitastor.hosts_xml(node1=4, node2=3))
    assert "All hosts from 'BRIDGE_LIST' are offline, error or disabled: node1 node2" in flatten(vitastor).stderr


# ---- tm/cpds ---------------------------------------------------------------------------------------------------------


def save_as(vitastor: SmallVitastor, snapshot: str = "-1", lcm: int = 3, **attributes: str):
    vitastor.have("onevm", 7, vm_xml(disk(0, **{"SOURCE": "one-5", "CLONE": "YES", **attributes}), lcm=lcm))
    return vitastor.run("tm/vitastor/cpds", "node1:/var/lib/one/datastores/101/7/disk.0", "one-8", snapshot, "7", "100")


def test_the_vendors_copy_does_not_know_the_pool(vitastor: SmallVitastor) -> None:
    vitastor.image("one-5-7-0", "guest's")
    refused = vitastor.cli("--pool", "one", "dd", "iimg=one-5-7-0", "oimg=one-8")
    assert refused.returncode == 2 and "Pool to create output image one-8 is not specified" in refused.stderr


def test_a_disk_becomes_an_image_where_there_are_two_pools(vitastor: SmallVitastor) -> None:
    vitastor.image("one-5-7-0", "guest's", size=3 << 20)
    done = save_as(vitastor)
    assert (done.returncode, done.stderr) == (0, "")
    assert vitastor.images["one-8"] == {"pool": "one", "size": 3 << 20, "parent": None, "data": "guest's"}
    assert set(vitastor.hosts) == {"node1"}


def test_a_snapshot_of_a_persistent_disk_becomes_an_image(vitastor: SmallVitastor) -> None:
    vitastor.image("one-5@3", "earlier")
    vitastor.image("one-5", "now")
    assert save_as(vitastor, "3", CLONE="NO").returncode == 0
    assert vitastor.data("one-8") == "earlier"


def test_a_vm_without_host_is_saved_from_a_bridge_host(vitastor: SmallVitastor) -> None:
    vitastor.image("one-5-7-0", "x")
    assert save_as(vitastor, lcm=68).returncode == 0 and set(vitastor.hosts) == {"node2"}


def test_a_copy_that_fails_leaves_no_image(vitastor: SmallVitastor) -> None:
    vitastor.image("one-5-7-0", "x")
    failing(vitastor, "dd")
    done = save_as(vitastor)
    assert done.returncode == 1 and "Error copying one-5-7-0 to one-8 on node1" in done.stderr
    assert "one-8" not in vitastor.images


def failing(vitastor: SmallVitastor, word: str) -> None:
    """vitastor-cli fails at this word."""
    real = shutil.which("vitastor-cli", path=vitastor.environment["PATH"])
    path = vitastor.root / "bin/vitastor-cli"
    path.write_text(f'#!/bin/sh\ncase "$*" in *{word}*) echo "Failed to write" >&2; exit 5 ;; esac\nexec {real} "$@"\n')
    path.chmod(0o755)


def test_an_image_that_is_not_there_is_named(vitastor: SmallVitastor) -> None:
    assert "There is no image one-5-7-0" in save_as(vitastor).stderr


# ---- tm/mkswap -------------------------------------------------------------------------------------------------------


def swap(vitastor: SmallVitastor, **attributes: str):
    vitastor.have("onevm", 7, vm_xml(disk(2, TYPE="swap", **attributes)))
    directory = vitastor.root / "datastores/101/7"
    return vitastor.run("tm/vitastor/mkswap", "64", f"node1:{directory}/disk.2", "7", "101")


def test_the_vendors_filter_leaves_no_command() -> None:
    """It asks for a raw disk: the only generated line is one of qemu-img, and lines of qemu-img are dropped."""
    generated = "qemu-img create -f raw $NBD 64M\n"
    assert [line for line in generated.splitlines() if "qemu-img" not in line] == []


def test_a_swap_disk_is_made_and_formatted(vitastor: SmallVitastor) -> None:
    done = swap(vitastor)
    assert (done.returncode, done.stderr) == (0, "")
    assert vitastor.images["one-sys-7-2"]["size"] == 64 << 20 and vitastor.images["one-sys-7-2"]["pool"] == "one"
    device = vitastor.root / "nbd.one-sys-7-2"
    assert device.read_bytes()[4086:4096] == b"SWAPSPACE2", "mkswap itself has been there"
    assert (vitastor.root / "unmapped").read_text().split() == [str(device)]
    assert (vitastor.root / "datastores/101/7").is_dir() and vitastor.hosts == ["node1"]


def test_the_prefix_and_the_cluster_of_the_datastore(vitastor: SmallVitastor) -> None:
    config = vitastor.root / "other.conf"
    config.write_text("{}")
    assert swap(vitastor, IMAGE_PREFIX="two", VITASTOR_CONF=str(config)).returncode == 0
    assert "two-sys-7-2" in vitastor.images


def test_a_swap_disk_that_cannot_be_formatted_leaves_nothing(vitastor: SmallVitastor) -> None:
    vitastor.program("vitastor-nbd", "#!/bin/sh\necho 'Failed to open /dev/nbd0' >&2\nexit 1\n")
    done = swap(vitastor)
    assert done.returncode == 1 and "Error making the swap disk one-sys-7-2 on node1: Failed to open" in done.stderr
    assert vitastor.images == {}


def test_a_swap_disk_needs_a_pool(vitastor: SmallVitastor) -> None:
    assert "The system datastore of VM 7 has no POOL_NAME" in swap(vitastor, POOL_NAME="").stderr


# ---- tm/restore ------------------------------------------------------------------------------------------------------

LS = """#!/bin/sh
[ "$1 $2" = "-i 0" ] || exit 1
grep -q '<DS_DRIVER_ACTION_DATA>.*<DATASTORE>.*<VM>.*<IMAGE>' || { echo "no action" >&2; exit 1; }
cat {root}/listed
"""
QEMU_IMG = """#!/bin/sh
case "$1" in
  info) echo '{{"virtual-size": {size}}}' ;;
  convert)
    for last; do :; done; from=$7
    image=${{last#vitastor:image=}}
    exec vitastor-cli dd if="$from" oimg="${{image%%:config_path=*}}" conv=nocreat ;;
esac
"""
DOWNLOADER = """#!/bin/sh
[ "$1" = --nodecomp ] || exit 1
[ "$2" != rsync://broken ] || { echo "Error copying" >&2; exit 255; }
printf 'backup of %s' "$2" > "$3"
"""


def backed_up(vitastor: SmallVitastor, size: int = 1 << 20, **urls: str) -> None:
    vitastor.have("onevm", 7, vm_xml(disk(0, SOURCE="one-5", CLONE="YES"), disk(1, SOURCE="one-6", CLONE="NO")))
    vitastor.have("oneimage", 30, "<IMAGE><ID>30</ID><DATASTORE_ID>110</DATASTORE_ID></IMAGE>")
    vitastor.have("onedatastore", 110, datastore_xml(110, DS_MAD="RSYNC", POOL_NAME="", BRIDGE_LIST=""))
    vitastor.image("one-5-7-0@0", "old snapshot")
    vitastor.image("one-5-7-0", "spoilt", parent="one-5-7-0@0")
    vitastor.image("one-6", "spoilt too")
    listed = {number[1:]: url for number, url in urls.items()} or {"0": "rsync://a", "1": "rsync://b"}
    (vitastor.root / "listed").write_text(json.dumps({**listed, "tpm": "rsync://tpm"}))
    for path, text in (("datastore/rsync/ls", LS), ("datastore/downloader.sh", DOWNLOADER)):
        program = vitastor.remotes / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text.replace("{root}", str(vitastor.root)))
        program.chmod(0o755)
    vitastor.program("qemu-img", QEMU_IMG.format(size=size))


def restore(vitastor: SmallVitastor, which: str = "-1"):
    return vitastor.run("tm/vitastor/restore", "node1:/var/lib/one/datastores/101/7", "7", "30", "0", which)


def test_the_vendors_restore_uses_a_command_that_is_not_there(vitastor: SmallVitastor) -> None:
    vitastor.image("one-6")
    assert vitastor.cli("mv", "one-6", "one-6.old").returncode == 22


def test_all_disks_become_what_their_backup_is(vitastor: SmallVitastor) -> None:
    backed_up(vitastor)
    done = restore(vitastor)
    assert (done.returncode, done.stderr) == (0, "")
    assert vitastor.images.keys() == {"one-5-7-0", "one-6"}, "no snapshot and nothing of the restoring is left"
    assert vitastor.data("one-5-7-0") == "backup of rsync://a" and vitastor.data("one-6") == "backup of rsync://b"
    assert set(vitastor.hosts) == {"node2"}


def test_one_disk_alone(vitastor: SmallVitastor) -> None:
    backed_up(vitastor)
    assert restore(vitastor, "1").returncode == 0
    assert vitastor.data("one-6") == "backup of rsync://b" and vitastor.data("one-5-7-0") == "spoilt"


def test_sizes_are_rounded_as_vitastor_wants_them(vitastor: SmallVitastor) -> None:
    backed_up(vitastor, size=(1 << 20) + 512)
    assert restore(vitastor).returncode == 0
    assert vitastor.images["one-6"]["size"] == (1 << 20) + 4096


def test_when_one_disk_does_not_arrive_all_stay_as_they_were(vitastor: SmallVitastor) -> None:
    backed_up(vitastor, _0="rsync://a", _1="rsync://broken")
    before = vitastor.images
    done = restore(vitastor)
    assert done.returncode == 1 and "Error uploading the backup of one-6 on node2: Error copying" in done.stderr
    assert vitastor.images == before


def test_a_restore_that_was_ended_is_repeated(vitastor: SmallVitastor) -> None:
    """Ended while it uploaded, and ended between the two renamings."""
    backed_up(vitastor)
    vitastor.image("one-5-7-0.restore", "half")
    vitastor.cli("modify", "one-6", "--rename", "one-6.old")
    assert restore(vitastor).returncode == 0
    assert vitastor.data("one-6") == "backup of rsync://b" and vitastor.images.keys() == {"one-5-7-0", "one-6"}


def test_a_restore_that_was_ended_while_it_removed_the_former_disk_is_repeated(vitastor: SmallVitastor) -> None:
    """Removing takes long; renaming onto what it left would be refused ever after."""
    backed_up(vitastor)
    vitastor.image("one-6.old", "half removed")
    done = restore(vitastor)
    assert (done.returncode, done.stderr) == (0, "")
    assert vitastor.data("one-6") == "backup of rsync://b" and vitastor.images.keys() == {"one-5-7-0", "one-6"}


def test_the_former_disk_returns_when_the_repeated_restore_fails(vitastor: SmallVitastor) -> None:
    backed_up(vitastor, _0="rsync://a", _1="rsync://broken")
    vitastor.cli("modify", "one-6", "--rename", "one-6.old")
    assert restore(vitastor).returncode == 1
    assert vitastor.data("one-6") == "spoilt too" and "one-6.old" not in vitastor.images


def test_a_backup_without_the_disk(vitastor: SmallVitastor) -> None:
    backed_up(vitastor)
    assert "Backup image 30 has no disk 4 of VM 7" in restore(vitastor, "4").stderr
