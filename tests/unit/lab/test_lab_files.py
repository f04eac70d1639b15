# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written for a host, and what apt and the build of images are told."""

from __future__ import annotations

import dataclasses
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from kvmcloud_lab import apt_sources, seed
from kvmcloud_lab.describe import describe
from kvmcloud_lab.images import Image, known_images
from kvmcloud_lab.package_source import PackageSource
from kvmcloud_lab.programs import LabError
from kvmcloud_lab.ssh import HostKey

IMAGES = {"bookworm": "container"}


@pytest.fixture
def lab():
    common = {"lab_networks": {"management": "10.9.1.0/24", "storage": "10.9.2.0/24", "guests": None}}
    nics = [{"name": "eth1", "network": "storage", "address": "10.9.2.12"}, {"name": "eth2", "network": "guests"}]
    hosts = {
        "front1": {"ansible_host": "10.9.1.11"},
        "node1.example.org": {"ansible_host": "10.9.1.12", "lab_nics": nics, "lab_debian_hosts_line": True},
    }
    return describe({name: {**common, **variables} for name, variables in hosts.items()}, IMAGES)


def test_hosts_know_each_other_by_full_and_short_name(lab):
    lines = seed.hosts_file(lab, lab.hosts[0]).splitlines()
    assert "10.9.1.11 front1" in lines
    assert "10.9.1.12 node1.example.org node1" in lines
    assert not any(line.startswith("127.0.1.1") for line in lines)


def test_debians_own_name_line_is_there_where_asked_for(lab):
    assert "127.0.1.1 node1.example.org node1" in seed.hosts_file(lab, lab.hosts[1]).splitlines()


def test_without_lab_names_a_host_knows_itself_at_most(lab):
    unnamed = dataclasses.replace(lab, names=False)
    assert "10.9.1." not in seed.hosts_file(unnamed, lab.hosts[0])


def test_netplan_configures_nics_with_an_address_and_no_others(lab):
    network = yaml.safe_load(seed.netplan(lab.hosts[1]))["network"]
    assert network["renderer"] == "networkd"
    assert {name: nic["addresses"] for name, nic in network["ethernets"].items()} == {
        "eth0": ["10.9.1.12/24"],
        "eth1": ["10.9.2.12/24"],
    }


def test_networkmanager_configures_them_where_that_is_asked_for(lab):
    host = dataclasses.replace(lab.hosts[1], renderer="NetworkManager")
    assert yaml.safe_load(seed.netplan(host))["network"]["renderer"] == "NetworkManager"


def test_a_seed_holds_the_keys_with_their_modes_and_packs_into_a_tar(lab, tmp_path, monkeypatch):
    monkeypatch.setattr("kvmcloud_lab.seed.host_dir", lambda lab_name, host: tmp_path / host)
    source = PackageSource("http://10.9.1.1:8071/debian/x", "bookworm", "KEY", None)
    seed.write_seed(lab, lab.hosts[0], HostKey("PRIVATE", "PUBLIC"), "ssh-ed25519 AAAA", source)
    with tarfile.open(seed.pack_seed(lab.name, "front1")) as tar:
        modes = {member.name.removeprefix("./"): member.mode for member in tar.getmembers() if member.isfile()}
    assert modes["etc/ssh/ssh_host_ed25519_key"] == 0o600
    assert modes["root/.ssh/authorized_keys"] == 0o600
    assert modes["etc/netplan/50-lab.yaml"] == 0o600
    assert modes["etc/hosts"] == 0o644
    assert (tmp_path / "front1/seed/root/.ssh").stat().st_mode & 0o777 == 0o700


def test_lists_are_named_as_apt_names_them(tmp_path):
    (tmp_path / "dists/bookworm/main/binary-amd64").mkdir(parents=True)
    for name in ("InRelease", "main/binary-amd64/Packages"):
        (tmp_path / "dists/bookworm" / name).write_text("")
    source = PackageSource("http://10.9.1.1:8071/debian/book_worm", "bookworm", "KEY", tmp_path)
    lists = [Path(name).name for name in source.files() if name.startswith("var/lib/apt/lists/")]
    (tmp_path / "x.list").write_text("deb [trusted=yes arch=amd64] http://10.9.1.1:8071/debian/book_worm bookworm main")
    options = [f"-oDir::Etc::SourceList={tmp_path}/x.list", "-oDir::Etc::SourceParts=/dev/null"]
    asked = subprocess.run(["apt-get", *options, "--print-uris", "update"], capture_output=True, text=True, check=True)
    assert asked.stdout.split()[1] == next(name for name in lists if name.endswith("InRelease"))
    assert lists[1] == lists[0].replace("InRelease", "main_binary-amd64_Packages")


def test_both_forms_of_apt_sources_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(apt_sources, "_codename", lambda: "bookworm")
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "deb [arch=amd64] http://one/debian/ bookworm main contrib\n"
        "# deb http://off/debian bookworm main\n"
        "deb-src http://one/debian bookworm main\n"
        "deb http://foreign/apt stable main\n"
    )
    (tmp_path / "sources.list.d/debian.sources").write_text(
        "Types: deb\nURIs: http://two/debian\n# a comment\nSuites: bookworm\n bookworm-updates\nComponents: main\n\n"
        "Types: deb\nURIs: http://three/security\nSuites: bookworm-security\nComponents: main\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://off/debian\nSuites: bookworm\nComponents: main\n"
    )
    found = [(source.uri, source.suite) for source in apt_sources.debian_sources("trixie", tmp_path)]
    assert found == [
        ("http://one/debian", "trixie"),
        ("http://two/debian", "trixie"),
        ("http://two/debian", "trixie-updates"),
        ("http://three/security", "trixie-security"),
    ]


def test_no_mirror_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(apt_sources, "_codename", lambda: "bookworm")
    with pytest.raises(LabError, match="No package mirror: .* names a source for bookworm"):
        apt_sources.debian_sources("bookworm", tmp_path)


def test_images_of_the_project_are_whole():
    images = known_images()
    assert {"bookworm", "trixie", "bookworm-kvm", "bookworm-vm"} <= images.keys()
    assert set(images["bookworm"].packages) < set(images["bookworm-kvm"].packages)
    assert (images["trixie"].suite, images["bookworm-vm"].kind) == ("trixie", "vm")
    assert images["trixie"].packages == images["bookworm"].packages


def test_an_image_is_another_one_when_its_definition_changes():
    image = Image("x", "container", "bookworm", ("a",), (("b",),))
    tags = {image.tag, *(dataclasses.replace(image, **change).tag for change in CHANGES)}
    assert len(tags) == 1 + len(CHANGES)
    assert all(tag.startswith("x-") for tag in tags)


CHANGES = [{"suite": "trixie"}, {"packages": ("a", "c")}, {"mirror_packages": (("b", "c"),)}, {"kind": "vm"}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("suite: bookworm\npackage: [a]\n", "x.yml has package, which mean nothing here"),
        ("packages: [a]\n", "x.yml has neither a suite nor an image it extends"),
    ],
)
def test_a_bad_image_definition_is_a_sentence(tmp_path, text, sentence):
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(LabError, match=sentence):
        known_images(tmp_path)
