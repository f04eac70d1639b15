# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our drivers for guests: starting, attaching, saved memory."""

from __future__ import annotations

import base64
from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_vitastor import ROLE, SmallVitastor, disk, encoded, vm_xml

DOMAIN = """<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>one-7</name><devices>
<disk type='file' device='disk'><source file='/var/lib/one//datastores/101/7/disk.0'/><target dev='vda'/>
<driver type='raw'/></disk>
<disk type='file' device='disk'><source file='/var/lib/one//datastores/101/7/disk.1'/><target dev='vdb'/></disk>
<disk type='file' device='disk'><source file='/var/lib/one//datastores/101/7/disk.2'/><target dev='vdc'/></disk>
<disk type='file' device='disk'><source file='/var/lib/one//datastores/101/7/disk.3'/><target dev='vdd'/></disk>
<disk type='file' device='cdrom'><source file='/var/lib/one//datastores/101/7/disk.9'/><target dev='hda'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='one/one-3'/><target dev='vde'/></disk>
</devices><metadata><one:vm xmlns:one='http://opennebula.org/xmlns/libvirt/1.0'/></metadata>
<qemu:commandline><qemu:arg value='-foo'/></qemu:commandline></domain>"""
DISKS = (
    disk(0, SOURCE="one-5", CLONE="YES", VITASTOR_CONF="/etc/vitastor/vitastor.conf"),
    disk(1, SOURCE="one-6", CLONE="NO"),
    disk(2, TYPE="fs", IMAGE_PREFIX="two"),
    disk(3, TM_MAD="ssh", SOURCE="/somewhere"),
)


@pytest.fixture
def vitastor(tmp_path: Path) -> SmallVitastor:
    return SmallVitastor(tmp_path)


def sources(domain: str) -> list[tuple[str, str]]:
    found = []
    for element in ElementTree.fromstring(domain).findall("./devices/disk"):
        source = element.find("./source")
        found.append((element.get("type"), source.get("name") or source.get("file")))
    return found


WANTED = [
    ("network", "one-5-7-0"),
    ("network", "one-6"),
    ("network", "two-sys-7-2"),
    ("file", "/var/lib/one//datastores/101/7/disk.3"),
    ("file", "/var/lib/one//datastores/101/7/disk.9"),
    ("network", "one/one-3"),
]

# ---- vmm/kvm/deploy --------------------------------------------------------------------------------------------------

DEPLOY = """#!/bin/sh
echo "$@" > {root}/deploy.arguments
cat > {root}/deployed.xml
[ ! -e {root}/deploy.fails ] || {{ echo "Could not create domain from $1" >&2; exit 255; }}
echo 6a1c-uuid
"""


def deploy(vitastor: SmallVitastor, vm: str, ds: str = "<DATASTORE><ID>101</ID></DATASTORE>"):
    local = vitastor.root / "vms/7"
    local.mkdir(parents=True, exist_ok=True)
    (local / "vm.xml").write_bytes(encoded(vm))
    (local / "ds.xml").write_bytes(encoded(ds))
    (vitastor.root / "one.config").write_text(
        f"DATASTORE_LOCATION={vitastor.root}/stores\nSCRIPTS_REMOTE_DIR={vitastor.remotes}\n"
    )
    stock = vitastor.remotes / "vmm/kvm/deploy"
    stock.write_text(DEPLOY.format(root=vitastor.root))
    stock.chmod(0o755)
    arguments = (str(local / "deployment.1"), "node1", "7", "node1")
    return vitastor.run("vmm/kvm/deploy-kvmcloud.vitastor", *arguments, stdin=encoded(DOMAIN))


def test_the_vendors_deploy_needs_a_context() -> None:
    """It looks for the disk of the context in every VM; where there is none, Python ends it."""
    vm = ElementTree.fromstring(vm_xml(context=False))
    with pytest.raises(AttributeError):
        vm.find("./TEMPLATE/CONTEXT/DISK_ID").text  # noqa: B018  (what the vendor's program does first)


@pytest.mark.parametrize("context", [True, False])
def test_a_guest_starts_with_or_without_context(vitastor: SmallVitastor, context: bool) -> None:
    done = deploy(vitastor, vm_xml(*DISKS, context=context))
    assert (done.returncode, done.stdout, done.stderr) == (0, "6a1c-uuid\n", "")
    assert sources((vitastor.root / "deployed.xml").read_text()) == WANTED, "volatile disks have a name, too"
    assert vitastor.hosts == ["node1"]


def test_the_node_finds_what_opennebulas_own_deploy_looks_for(vitastor: SmallVitastor) -> None:
    """The VM's directory on the node, not the front-end's: snapshots are defined again from there."""
    vm = vm_xml(*DISKS)
    deploy(vitastor, vm)
    directory = vitastor.root / "stores/101/7"
    assert (vitastor.root / "deploy.arguments").read_text().split() == [
        f"{directory}/deployment.1",
        "node1",
        "7",
        "node1",
    ]
    assert (directory / "vm.xml").read_text() == vm
    assert (directory / "ds.xml").read_text() == "<DATASTORE><ID>101</ID></DATASTORE>"


def test_the_definition_is_otherwise_as_it_was(vitastor: SmallVitastor) -> None:
    deploy(vitastor, vm_xml(*DISKS))
    text = (vitastor.root / "deployed.xml").read_text()
    assert "<qemu:commandline>" in text and "<one:vm" in text, (
        "prefixes stay: libvirt reads the command line by its own"
    )
    element = ElementTree.fromstring(text).find("./devices/disk")
    assert [child.tag for child in element] == ["source", "target", "driver"]
    config = element.find("./source/config")
    assert config.attrib == {"file": "/etc/vitastor/vitastor.conf"} and config.text is None
    assert element.find("./source").get("protocol") == "vitastor"


@pytest.mark.parametrize(
    "break_it, sentence",
    [
        (lambda v: (v.root / "deploy.fails").touch(), "Error starting VM 7 on node1: Could not create domain"),
        (lambda v: (v.root / "vms/7/vm.xml").unlink(), "vm.xml; OpenNebula before 6.0 does not write it"),
    ],
)
def test_a_guest_that_does_not_start(vitastor: SmallVitastor, break_it, sentence: str) -> None:
    deploy(vitastor, vm_xml(*DISKS))
    break_it(vitastor)
    arguments = (str(vitastor.root / "vms/7/deployment.1"), "node1", "7", "node1")
    done = vitastor.run("vmm/kvm/deploy-kvmcloud.vitastor", *arguments, stdin=encoded(DOMAIN))
    assert done.returncode == 1 and sentence in done.stderr and done.stdout == ""


def test_with_storpool_it_is_a_tweak(vitastor: SmallVitastor) -> None:
    deployment, vm = vitastor.root / "deployment.xml", vitastor.root / "vm.xml"
    deployment.write_text(DOMAIN)
    vm.write_text(vm_xml(*DISKS, context=False))
    done = vitastor.run("vmm/kvm/deploy-tweaks.d/90-kvmcloud-vitastor.py", str(deployment), str(vm))
    assert (done.returncode, done.stderr) == (0, "")
    assert sources(deployment.read_text()) == WANTED


# ---- vmm/kvm/attach_disk ---------------------------------------------------------------------------------------------


def attach(vitastor: SmallVitastor, *disks: str):
    action = f"<VMM_DRIVER_ACTION_DATA>{vm_xml(*disks)}</VMM_DRIVER_ACTION_DATA>"
    arguments = ("one-7", "/var/lib/one/datastores/101/7/disk.4", "vdc", "2", encoded(action).decode(), "7", "node1")
    return vitastor.run("vmm/kvm/attach_disk-kvmcloud.vitastor", *arguments, stdin=encoded(action))


def attached(vitastor: SmallVitastor) -> ElementTree.Element:
    return ElementTree.fromstring((vitastor.root / "virsh.xml").read_text())


def test_a_disk_is_attached_as_a_network_disk(vitastor: SmallVitastor) -> None:
    kvmrc = vitastor.remotes / "etc/vmm/kvm/kvmrc"
    kvmrc.parent.mkdir(parents=True)
    kvmrc.write_text(
        "export LIBVIRT_URI=qemu:///session\n#DEFAULT_ATTACH_IO=threads\n"
        "DEFAULT_ATTACH_CACHE=writeback\nDEFAULT_ATTACH_DISCARD=unmap # given back\n"
    )
    done = attach(vitastor, *DISKS, disk(4, SOURCE="one-8", CLONE="YES", ATTACH="YES", ORDER="2", TOTAL_IOPS_SEC="100"))
    assert (done.returncode, done.stderr) == (0, "")
    element = attached(vitastor)
    assert element.find("./source").attrib == {"protocol": "vitastor", "name": "one-8-7-4"}
    assert element.find("./driver").attrib == {"name": "qemu", "type": "raw", "cache": "writeback", "discard": "unmap"}
    assert element.find("./target").get("dev") == "vdc" and element.find("./boot").get("order") == "2"
    assert element.findtext("./iotune/total_iops_sec") == "100"
    assert (vitastor.root / "virsh").read_text() == "--connect qemu:///session attach-device one-7\n"
    assert vitastor.hosts == ["node1"]


def test_what_the_disk_says_wins_over_the_defaults(vitastor: SmallVitastor) -> None:
    attach(vitastor, disk(4, SOURCE="one-8", ATTACH="YES", CACHE="none", IO="native", READONLY="YES", SERIAL="a b!1"))
    element = attached(vitastor)
    assert element.find("./driver").attrib == {"name": "qemu", "type": "raw", "cache": "none"}, "no native I/O here"
    assert element.find("./readonly") is not None and element.findtext("./serial") == "ab1"
    assert element.find("./shareable") is None


def test_a_volatile_disk_and_a_cdrom(vitastor: SmallVitastor) -> None:
    attach(vitastor, disk(4, ATTACH="YES", TYPE="fs"))
    assert attached(vitastor).find("./source").get("name") == "one-sys-7-4"
    attach(vitastor, disk(4, ATTACH="YES", TYPE="CDROM", SOURCE="one-9", CLONE="NO"))
    assert attached(vitastor).get("device") == "cdrom" and attached(vitastor).find("./readonly") is not None


OTHERS = """#!/bin/sh
echo "{who} $1 $3 $6 $7" > {root}/others
exit {status}
"""


@pytest.mark.parametrize("status", [0, 3])
def test_disks_of_others_go_to_opennebulas_own(vitastor: SmallVitastor, status: int) -> None:
    stock = vitastor.remotes / "vmm/kvm/attach_disk"
    stock.write_text(OTHERS.format(who="stock", root=vitastor.root, status=status))
    stock.chmod(0o755)
    assert attach(vitastor, disk(4, TM_MAD="ssh", ATTACH="YES")).returncode == status
    assert (vitastor.root / "others").read_text() == "stock one-7 vdc 7 node1\n"
    assert not (vitastor.root / "virsh").exists() and vitastor.hosts == ["node1"]


def test_or_to_storpools_where_that_is_used_too(vitastor: SmallVitastor) -> None:
    storpools = vitastor.remotes / "vmm/kvm/attach_disk.storpool"
    storpools.write_text(OTHERS.format(who="storpool", root=vitastor.root, status=0))
    storpools.chmod(0o755)
    (vitastor.remotes / "vmm/kvm/attach_disk-kvmcloud.next").symlink_to("attach_disk.storpool")
    assert attach(vitastor, disk(4, TM_MAD="storpool", ATTACH="YES")).returncode == 0
    assert (vitastor.root / "others").read_text() == "storpool one-7 vdc 7 node1\n"
    assert vitastor.hosts == [], "it runs on the front-end"


def test_a_disk_that_libvirt_refuses(vitastor: SmallVitastor) -> None:
    (vitastor.root / "virsh.fails").touch()
    done = attach(vitastor, disk(4, SOURCE="one-8", ATTACH="YES"))
    assert done.returncode == 1
    assert "Could not attach disk 4 (vdc) to one-7 on node1: error: Failed to attach device" in done.stderr


def test_an_action_that_attaches_nothing(vitastor: SmallVitastor) -> None:
    assert "The action attaches 0 disks to VM 7, wanted one" in attach(vitastor, *DISKS).stderr


# ---- vmm/kvm/save and restore ----------------------------------------------------------------------------------------


def action(**template: str) -> bytes:
    given = {"POOL_NAME": "two", **template}
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in given.items() if value)
    datastore = f"<DATASTORE><TEMPLATE>{inside}</TEMPLATE></DATASTORE>"
    return f"<VMM_DRIVER_ACTION_DATA>{datastore}</VMM_DRIVER_ACTION_DATA>".encode()


def checkpoint(vitastor: SmallVitastor) -> Path:
    path = vitastor.root / "checkpoint"
    path.write_text("memory")
    return path


def test_what_the_vendors_save_reads_is_empty() -> None:
    """With -l the action is base64, which it gives to an XML parser; without, its first ssh has read it."""
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(base64.b64encode(action()))


@pytest.mark.parametrize("prefix", ["", "mine"])
def test_saved_memory_goes_to_vitastor_and_comes_back(vitastor: SmallVitastor, prefix: str) -> None:
    path, xml = checkpoint(vitastor), action(IMAGE_PREFIX=prefix)
    saved = vitastor.run("vmm/kvm/save.vitastor", "one-7", str(path), "node1", "7", "101", stdin=xml)
    assert (saved.returncode, saved.stderr) == (0, "")
    name = f"{prefix or 'one'}-sys-7-checkpoint"
    assert vitastor.images[name] == {"pool": "two", "size": 4096, "parent": None, "data": "memory"}
    assert not path.exists() and vitastor.hosts == [], "it runs on the node itself, and saves nothing again"
    back = vitastor.run("vmm/kvm/restore.vitastor", str(path), "node1", "one-7", "7", "101", stdin=xml)
    assert (back.returncode, back.stderr) == (0, "")
    assert path.read_text() == "memory" and vitastor.images == {}


def test_an_older_checkpoint_is_replaced(vitastor: SmallVitastor) -> None:
    vitastor.image("one-sys-7-checkpoint", "older")
    path = checkpoint(vitastor)
    assert vitastor.run("vmm/kvm/save.vitastor", "one-7", str(path), "n", "7", "101", stdin=action()).returncode == 0
    assert vitastor.data("one-sys-7-checkpoint") == "memory"


def test_memory_that_cannot_be_moved_stays_in_its_file(vitastor: SmallVitastor) -> None:
    path = checkpoint(vitastor)
    xml = action(POOL_NAME="gone")
    done = vitastor.run("vmm/kvm/save.vitastor", "one-7", str(path), "node1", "7", "101", stdin=xml)
    assert done.returncode == 1 and "Pool gone does not exist" in done.stderr and path.read_text() == "memory"


def test_a_guest_that_was_saved_before_is_restored_from_its_file(vitastor: SmallVitastor) -> None:
    path = checkpoint(vitastor)
    done = vitastor.run("vmm/kvm/restore.vitastor", str(path), "node1", "one-7", "7", "101", stdin=action())
    assert (done.returncode, done.stderr) == (0, "") and path.read_text() == "memory"


def test_where_checkpoints_stay_nothing_is_done(vitastor: SmallVitastor) -> None:
    stays = vitastor.remotes / "vmm/kvm/save.vitastor"
    stays.write_text((ROLE / "files/vmm_checkpoint_stays").read_text())
    path = checkpoint(vitastor)
    assert vitastor.run("vmm/kvm/save.vitastor", "one-7", str(path), "n", "7", "1", stdin=action()).returncode == 0
    assert path.exists() and vitastor.images == {}
