# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host itself has against a storage add-on, with the double of vitastor-cli and programs of a host."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from host_module import run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addon_host import (
    Answer,
    Directory,
    bridge_notes,
    pool_notes,
    slice_notes,
    staging_dirs,
    staging_notes,
)
from ansible_collections.kvmcloud.stack.plugins.modules import storage_addon_info

DOUBLES = Path(__file__).resolve().parents[3] / "doubles"
POOLS = {"pools": {"one": {}, "two": {}}, "images": {}}


class SmallHost:
    """Its packages, the cluster that it reaches, and the hosts that OpenNebula says there are."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self.capsys = folder, capsys
        self.config = folder / "vitastor.conf"
        self.config.write_text("{}")
        (folder / "bin").mkdir()
        self.cluster(POOLS)
        self.packages()

    def program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def packages(self, *installed: str) -> None:
        """dpkg knows removed packages, too, and says so with status 0."""
        cases = "".join(f"  {name}) printf installed; exit 0 ;;\n" for name in installed)
        self.program("dpkg-query", f'case "$4" in\n{cases}  removed) printf config-files; exit 0 ;;\nesac\nexit 1\n')

    def cluster(self, state: dict[str, Any]) -> None:
        (self.folder / "state").write_text(json.dumps(state))

    def opennebula(self, **states: int) -> None:
        hosts = "".join(f"<HOST><NAME>{name}</NAME><STATE>{state}</STATE></HOST>" for name, state in states.items())
        self.program("onehost", f"[ \"$1 $2\" = 'list -x' ] && echo '<HOST_POOL>{hosts}</HOST_POOL>'\n")

    def images(self, *known: tuple[str, str]) -> None:
        """By ID and driver; releases that do not tell the driver in the list leave it out."""
        rows = "".join(
            f"<IMAGE><ID>{number}</ID>{f'<TM_MAD>{driver}</TM_MAD>' if driver else ''}</IMAGE>"
            for number, driver in known
        )
        self.program("oneimage", f"[ \"$1 $2\" = 'list -x' ] && echo '<IMAGE_POOL>{rows}</IMAGE_POOL>'\n")

    def store(self, name: str = "images", driver: str = "vitastor", **template: str) -> dict[str, Any]:
        given = {"TM_MAD": driver, "BRIDGE_LIST": "node1 node2", "POOL_NAME": "one", "VITASTOR_CONF": str(self.config)}
        return {"name": name, "template": {**given, "STAGING_DIR": str(self.folder), **template}}

    def told(self, *datastores: dict[str, Any], **given: Any) -> list[str]:
        given = {"addons": ["vitastor"], "host": "node1", "staging_mb": 1, "user": "root", **given}
        result = run_module(self.capsys, storage_addon_info, datastores=list(datastores), **given)
        assert not result["changed"]
        return [f"{one['severity']}: {one['what']} {one['remedy']}" for one in result["findings"]]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: Any, capsys: Any) -> SmallHost:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{DOUBLES}:{os.environ['PATH']}")
    monkeypatch.setenv("VITASTOR_DOUBLE", str(tmp_path / "state"))
    return SmallHost(tmp_path, capsys)


def test_nothing_speaks_against_a_host_that_has_it_all(host: SmallHost) -> None:
    host.opennebula(node1=2, node2=2)
    assert host.told(host.store(), host.store("system", TYPE="SYSTEM_DS"), frontend=True) == []


def test_the_token_of_another_cluster_is_in_no_log(host: SmallHost, monkeypatch: Any) -> None:
    logged: list[str] = []
    monkeypatch.setattr(storage_addon_info.AnsibleModule, "log", lambda _self, text, **_more: logged.append(text))
    store = host.store(driver="storpool", SP_AUTH_TOKEN="12345678901234567890")
    result = run_module(host.capsys, storage_addon_info, addons=["vitastor"], datastores=[store], user="root")
    assert "12345678901234567890" not in json.dumps(result) + "".join(logged)


# ---- packages of an older name ---------------------------------------------------------------------------------------


def test_the_package_of_the_older_name(host: SmallHost) -> None:
    host.packages("opennebula-vitastor")
    (told,) = host.told()
    assert told.startswith("error: The package opennebula-vitastor is installed, the older name of vitastor-opennebula")
    assert "apt-get remove opennebula-vitastor" in told
    assert host.told(addons=["storpool"], host="") == [], "it is nothing to StorPool"


def test_the_package_of_the_right_name_and_one_that_was_removed(host: SmallHost, monkeypatch: Any) -> None:
    host.packages("vitastor-opennebula")
    assert host.told() == []
    monkeypatch.setitem(storage_addon_info.core.OLD_PACKAGES["vitastor"], "removed", "new")
    assert host.told() == []


# ---- space for imports -----------------------------------------------------------------------------------------------


def test_no_space_where_images_are_imported(host: SmallHost) -> None:
    (told,) = host.told(host.store(), staging_mb=1 << 40)
    assert told.startswith(f"error: {host.folder}, the STAGING_DIR of images, has ")
    assert f"MiB free; {1 << 40} are wanted" in told


def test_a_staging_directory_that_is_not_there(host: SmallHost) -> None:
    (told,) = host.told(host.store(STAGING_DIR=f"{host.folder}/gone"))
    assert told.startswith(f"error: There is no directory {host.folder}/gone, the STAGING_DIR of images")
    assert "There is no directory" in host.told(host.store(STAGING_DIR=str(host.config)))[0], "a file is none"


@pytest.mark.parametrize(
    "changed, given",
    [
        ({"BRIDGE_LIST": "node2"}, {}),  # drivers do not come to this host
        ({"TYPE": "SYSTEM_DS"}, {}),  # nothing is imported into a system datastore
        ({"TM_MAD": "ceph"}, {}),
        ({}, {"host": ""}),
    ],
)
def test_where_nothing_is_imported_no_space_is_needed(host: SmallHost, changed: Any, given: Any) -> None:
    assert host.told({**host.store(**changed)}, staging_mb=1 << 40, **given) == []
    assert host.told({**host.store(), "state": "absent"}, staging_mb=1 << 40) == []


def test_a_staging_directory_that_oneadmin_cannot_write_to(host: SmallHost) -> None:
    host.program("test", f'[ "$*" = "-w {host.folder}" ] && exit 1\nexit 0\n')
    (told,) = host.told(host.store())
    assert told.startswith(f"error: The user oneadmin cannot write to {host.folder}, the STAGING_DIR of images.")


def test_how_much_is_enough() -> None:
    directories = {"/var/tmp": ["a", "b"]}
    assert [note.what for note in staging_notes(directories, {"/var/tmp": Directory(9)}, 10)] == [
        "/var/tmp, the STAGING_DIR of a, b, has 9 MiB free; 10 are wanted, and every image that is imported has to fit "
        "in as a whole."
    ]
    assert list(staging_notes(directories, {"/var/tmp": Directory(10)}, 10)) == []
    assert staging_dirs([{"name": "a", "template": {"TM_MAD": "vitastor", "BRIDGE_LIST": "n"}}], "n") == {
        "/var/tmp": ["a"]
    }, "the directory that the drivers take by default"


# ---- pools -----------------------------------------------------------------------------------------------------------


def test_a_pool_that_is_not_there(host: SmallHost) -> None:
    (told,) = host.told(host.store(POOL_NAME="three"), host.store("system", POOL_NAME="three"))
    assert told.startswith(f"error: The Vitastor cluster of {host.config} has no pool three, which images, system use")
    assert "it has: one, two." in told
    assert host.told(host.store(POOL_NAME="three"), cluster_to_come=True)[0].startswith("warning: ")


def test_a_pool_that_is_not_active(host: SmallHost) -> None:
    host.cluster({"pools": {"one": {"status": "inactive"}}, "images": {}})
    (told,) = host.told(host.store())
    assert told.startswith(
        "error: The Vitastor pool one, which images uses, is inactive: nothing can be read or written"
    )


def test_a_pool_that_is_degraded_is_a_warning(host: SmallHost) -> None:
    host.cluster({**POOLS, "osds_down": 1})
    (told,) = host.told(host.store())
    assert told.startswith("warning: ")
    assert "is degraded: 64 placement groups are active+degraded, 2 of 3 OSDs are up." in told


def test_a_cluster_that_does_not_answer(host: SmallHost) -> None:
    (told,) = host.told(host.store(VITASTOR_CONF="/etc/vitastor/gone.conf"))
    assert told.startswith(
        "error: The Vitastor cluster of /etc/vitastor/gone.conf cannot be asked: Error reading config"
    )


def test_before_anything_of_vitastor_is_installed_there_is_nobody_to_ask(host: SmallHost, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", f"{host.folder / 'bin'}:/usr/bin:/bin")
    assert host.told(host.store(POOL_NAME="three")) == []


def test_complaints_before_the_answer_and_rows_of_a_pool_that_goes() -> None:
    listed = Answer(0, 'Pool 2 PG 1 configuration is invalid\n[{"id": 2}, {"name": "one", "status": "active"}]\n')
    assert list(pool_notes("c", {"one": ["d"]}, listed, None, False)) == []
    (note,) = pool_notes("c", {"one": ["d"]}, Answer(0, "no JSON at all"), None, False)
    assert "cannot be asked: vitastor-cli ls-pools printed no JSON" in note.what
    assert list(pool_notes("c", {"one": ["d"]}, listed, Answer(0, "no JSON"), False)) == []


# ---- images of others --------------------------------------------------------------------------------------------


def image(pool: str = "one", parent: str = "") -> dict[str, Any]:
    return {"size": 1 << 20, "pool": pool, "parent": parent}


def test_images_of_another_opennebula(host: SmallHost) -> None:
    names = ("one-1", "one-2-7-0", "one-2@3", "one-11", "one-3", "one-4", "one-sys-9-1", "done-8", "one-x")
    host.cluster({**POOLS, "images": {**{name: image() for name in names}, "one-5": image("two")}})
    host.images(("1", "vitastor"), ("3", "ssh"), ("4", ""))
    (told,) = host.told(host.store(), host.store("more"), host.store("system", TYPE="SYSTEM_DS"), frontend=True)
    assert told.startswith(
        "warning: The Vitastor pool one has images named as those of images, more are, which this OpenNebula does not "
        "have: one-2, one-3, one-11. If they belong to another one,"
    )
    assert host.told(host.store(IMAGE_PREFIX="north"), frontend=True) == []
    host.cluster({**POOLS, "images": {f"one-{number}": image() for number in range(9)}})
    assert "one-0, one-2, one-3 and 4 more." in host.told(host.store(), frontend=True)[0]


def test_images_are_nobody_elses_where_it_cannot_be_known(host: SmallHost) -> None:
    host.cluster({**POOLS, "images": {"one-1": image()}})
    assert host.told(host.store(), frontend=True) == [], "no oneimage yet"
    host.program("oneimage", "echo 'oned is off' >&2; exit 255\n")
    assert host.told(host.store(), frontend=True) == []
    host.images()
    assert len(host.told(host.store(), frontend=True)) == 1, "an OpenNebula without images"
    assert host.told(host.store()) == [], "a node does not ask OpenNebula"


# ---- bridge hosts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state, word", [(3, "in error"), (4, "disabled"), (5, "in error"), (8, "offline")])
def test_a_bridge_host_that_is_off(host: SmallHost, state: int, word: str) -> None:
    host.opennebula(node1=2, node2=state)
    (told,) = host.told(host.store(), frontend=True, host="")
    assert told.startswith(f"warning: Bridge hosts of the datastore images are off in OpenNebula: node2 is {word}")
    (told,) = host.told(host.store(BRIDGE_LIST="node2"), frontend=True, host="")
    assert told.startswith("error: ") and "have no other" in told
    assert host.told(host.store(), host="") == [], "a node does not ask OpenNebula"


def test_bridge_hosts_of_storpool_and_of_datastores_that_are_no_add_ons(host: SmallHost) -> None:
    host.opennebula(node1=8, node2=8)
    stores = [host.store("sp", driver="storpool"), host.store("rbd", driver="ceph")]
    (told,) = host.told(*stores, addons=["storpool"], frontend=True, host="")
    assert "the datastore sp" in told
    assert host.told(*stores, addons=["vitastor"], frontend=True, host="") == [], "StorPool is on its way out"


def test_a_host_that_opennebula_does_not_have_yet(host: SmallHost) -> None:
    assert list(bridge_notes([host.store()], {"node1": "1"})) == []
    host.program("onehost", "echo 'oned is off' >&2; exit 255\n")
    assert host.told(host.store(), frontend=True, host="") == []
    host.program("onehost", "echo 'no XML'\n")
    assert host.told(host.store(), frontend=True, host="") == []


# ---- StorPool itself -------------------------------------------------------------------------------------------------


def with_storpool(there: SmallHost, block: str = "exit 0", **given: Any) -> list[str]:
    there.program("systemctl", f'[ "$3" = storpool_block.service ] || exit 9\n{block}\n')
    return there.told(addons=["storpool"], **given)


def test_a_storpool_that_answers_and_has_its_devices(host: SmallHost) -> None:
    assert with_storpool(host) == []
    assert with_storpool(host, block="exit 3", host="") == [], "a front-end that is no node needs no devices"


def test_a_node_without_storpools_devices(host: SmallHost) -> None:
    (told,) = with_storpool(host, block="exit 3")
    assert told.startswith("error: The service storpool_block does not run on this host")


def test_a_storpool_that_refuses_the_token(host: SmallHost) -> None:
    host.program("storpool", "echo 'Error: invalid auth token.' >&2; exit 1\n")
    (told,) = with_storpool(host)
    assert told.startswith("error: StorPool does not answer this host: Error: invalid auth token. Look at the address")


def test_a_host_without_storpools_command_line(host: SmallHost, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", f"{host.folder / 'bin'}:/usr/bin:/bin")
    (told,) = with_storpool(host, host="")
    assert told.startswith("error: The program storpool is not on this host")
    assert host.told(addons=["vitastor"], host="") == []


# ---- what is reserved for StorPool -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limit, words",
    [
        (None, "There is no machine.slice: "),
        ("max", "machine.slice has no limit of memory: "),
        ("9223372036854771712", "machine.slice has no limit of memory: "),  # of control groups of version 1
        ("8589934592", ""),
    ],
)
def test_a_node_without_storpools_control_groups(host: SmallHost, monkeypatch: Any, limit: Any, words: str) -> None:
    path = host.folder / "memory.max"
    if limit is not None:
        path.write_text(limit + "\n")
    monkeypatch.setattr(storage_addon_info, "LIMITS", (str(host.folder / "v1"), str(path)))
    told = with_storpool(host, reserve=True)
    assert len(told) == bool(words) and all(one.startswith(f"warning: {words}") for one in told)
    assert with_storpool(host, reserve=False) == [] and host.told(reserve=True) == []
    assert list(slice_notes("8589934592")) == []
