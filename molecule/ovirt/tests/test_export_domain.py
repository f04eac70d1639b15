# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains on the NFS server, judged without the collection's own code."""

from __future__ import annotations

import hashlib

import pytest

testinfra_hosts = ["nfs.debian.test"]
EXPORT = "/srv/export/37e0e64b-5445-4bc3-8675-ceff4637e8e3"
SEAL = "_SHA_CKSUM="


def lines_of(host, domain: str) -> list[str]:
    return host.file(f"{domain}/dom_md/metadata").content_string.splitlines()


def iso_of(host) -> str:
    (name,) = host.file("/srv/iso").listdir()
    return f"/srv/iso/{name}"


def test_the_guides_own_example_has_its_checksum(host):
    assert lines_of(host, EXPORT)[-1] == f"{SEAL}5737f1270bf93fdd660fea819655b01a34c315b9"


@pytest.mark.parametrize("kind", ["Backup", "Iso"])
def test_the_seal_is_that_of_the_lines_without_separators(host, kind):
    lines = lines_of(host, EXPORT if kind == "Backup" else iso_of(host))
    *keys, seal = lines
    assert keys == sorted(keys) and f"CLASS={kind}" in keys
    assert seal == SEAL + hashlib.sha1("".join(keys).encode()).hexdigest()


def test_owners_and_modes_and_sizes(host):
    for top in ("/srv/export", "/srv/iso"):
        assert host.check_output(f"find {top} ! -user 36 -o ! -group 36") == ""
    found = dict(
        line.split(" ", 1) for line in host.check_output(f"find {EXPORT}/dom_md -printf '%f %m %s %b\\n'").splitlines()
    )
    assert found["dom_md"].startswith("775 ")
    assert (found["ids"], found["leases"][:8]) == ("660 0 0", "660 512 ")
    assert found["inbox"] == found["outbox"] == f"660 {16 * 1024**2} 0"
    assert found["metadata"].startswith("644 ")


def test_both_are_exported_to_the_hosts_of_ovirt(host):
    table = host.check_output("exportfs -v | tr -s '\\n\\t ' ' '")
    for path in ("/srv/export", "/srv/iso"):
        assert f"{path} 10.213.134.0/24(" in table
    assert table.count("anonuid=36,anongid=36") == 2 and table.count("all_squash") == 2
