# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ovirt_hosted_engine and its modules on a double of hosted-engine, and on a double of the official role that
only notes what it was given. No engine is there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import ovirt_doubles
import pytest
from overlaid_host import CHECKOUT, OverlaidHost

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_variables import VARIABLES

PASSWORD = "pa%ss 'w\"d#;=7"
VARS: dict[str, Any] = {
    "he_fqdn": "engine.test",
    "he_bridge_if": "eth0",
    "he_domain_type": "nfs",
    "he_storage_domain_addr": "nfs1.test",
    "he_storage_domain_path": "/he",
    "he_gateway": "192.0.2.1",
    "he_appliance_password": PASSWORD,
    "he_admin_password": PASSWORD,
    "ovirt_hosted_engine_check_host": False,
    "ansible_python_interpreter": sys.executable,
}
DOWN = {
    "1": {"host-id": 1, "hostname": "host1", "live-data": True, "engine-status": {"vm": "down"}},
    "global_maintenance": False,
}
UP = {**DOWN, "1": {**DOWN["1"], "engine-status": {"vm": "up", "health": "good", "detail": "Up"}}}  # type: ignore[dict-item]

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="mounts copies of /etc and others for itself, so root is needed"
)


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ovirt_doubles.install(folder, "hosted-engine")
        ovirt_doubles.install_official_role(folder / "collections", folder)
        (folder / "up").write_text(json.dumps(UP))
        self.answers("", 1)
        self.host = OverlaidHost(folder, folder / "bin")

    def answers(self, status: str, code: int, deployed: bool = False) -> None:
        (self.folder / "status").write_text(status)
        (self.folder / "code").write_text(str(code))
        if deployed:
            (self.folder / "deployed").touch()

    def run(self, *options: str, tasks: str = "engine.yml", **variables: Any) -> tuple[int, str]:
        os.environ["ANSIBLE_COLLECTIONS_PATH"] = f"{self.folder / 'collections'}:{CHECKOUT / '.cache/collections'}"
        try:
            groups = ["ovirt_hosted_engine_hosts"]
            given = {name: value for name, value in {**VARS, **variables}.items() if value is not None}
            return self.host.play("ovirt_hosted_engine", tasks, options, groups, vars=given)
        finally:
            del os.environ["ANSIBLE_COLLECTIONS_PATH"]

    def calls(self) -> list[str]:
        return [line for line in (self.folder / "calls").read_text().splitlines() if "--check" not in line]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    found = Host(tmp_path)
    yield found
    found.host.end()
    for said in found.host.told:
        assert PASSWORD not in said and json.dumps(PASSWORD)[1:-1] not in said, "a secret was printed"


def test_deployed_once_and_never_again(host: Host) -> None:
    changed, said = host.run("--check")
    assert changed == 1 and "would deploy engine.test" in said and not (host.folder / "given").exists()
    changed, said = host.run()
    assert changed == 2, said
    names, pause, fqdn = (host.folder / "given").read_text().rsplit(" ", 2)
    assert set(VARS) & set(VARIABLES) <= set(json.loads(names)) and (pause, fqdn) == ("False", "engine.test")
    assert "in_the_journal: false" in said, "what its modules are given, passwords too, is written into the journal"
    (host.folder / "given").unlink()
    changed, said = host.run()
    assert changed == 0 and not (host.folder / "given").exists(), said


def test_no_second_one_beside_that_of_another_host_of_the_group(host: Host) -> None:
    """The first host was made anew, or the group has another order now."""
    other = host.folder / "other"
    ovirt_doubles.install(other, "hosted-engine")
    for name, text in {"deployed": "", "status": json.dumps(UP), "code": "0"}.items():
        (other / name).write_text(text)
    python = other / "python"
    python.write_text(f'#!/bin/sh\nPATH={other}/bin:$PATH exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    host.host.others = {"host2.test": {"ansible_connection": "local", "ansible_python_interpreter": str(python)}}
    for options in (("--check",), ()):
        changed, said = host.run(*options, ansible_python_interpreter=None)
        assert changed == -1 and "The hosted engine is deployed on host2.test" in " ".join(said.split()), said
    assert not (host.folder / "given").exists()


def test_an_engine_that_is_down_is_started(host: Host) -> None:
    host.answers(json.dumps(DOWN), 0, deployed=True)
    changed, said = host.run()
    assert changed == 1 and "--vm-start" in host.calls(), said
    host.answers(json.dumps(DOWN), 0, deployed=True)
    (host.folder / "raced").touch()  # another host has started it meanwhile
    assert host.run()[0] == 1


def test_global_maintenance_is_respected(host: Host) -> None:
    host.answers(json.dumps({**DOWN, "global_maintenance": True}), 0, deployed=True)
    assert host.run()[0] == 0 and "--vm-start" not in host.calls()


@pytest.mark.parametrize(
    ("status", "code", "deployed", "variables", "words"),
    [
        ("", 2, False, {}, "failed half-way on this host, and its local VM still lives"),
        (repr({"exception": "Cannot connect"}), 1, True, {}, "The broker of the hosted engine does not answer"),
        ("", 1, False, {"he_gateway": "", "he_fqnd": "x"}, "he_fqnd: the role ovirt.ovirt.hosted_engine_setup has no"),
    ],
    ids=["half-deployed", "broker down", "bad variables"],
)
def test_what_is_refused(host: Host, status: str, code: int, deployed: bool, variables: dict, words: str) -> None:
    host.answers(status, code, deployed)
    changed, said = host.run(**variables)
    assert changed == -1 and words in said and not (host.folder / "given").exists()


def test_days_after(host: Host) -> None:
    """Status, maintenance and start; what is so already is left."""
    host.answers(json.dumps(DOWN), 0, deployed=True)
    changed, said = host.run(tasks="day2.yml")
    assert changed == 0 and "vm: down" in said and "global_maintenance: false" in said, said
    changed, said = host.run(tasks="day2.yml", ovirt_hosted_engine_vm="started")
    assert changed == 1 and "healthy: true" in said, said
    wanted = {"ovirt_hosted_engine_maintenance": "global", "ovirt_hosted_engine_vm": "started"}
    changed, said = host.run(tasks="day2.yml", **wanted)
    assert changed == 1 and "global_maintenance: true" in said, said
    assert [one for one in host.calls() if "status" not in one] == ["--vm-start", "--set-maintenance --mode=global"]

    host.answers(repr({"exception": "Cannot connect to the HA daemon"}), 1, deployed=True)
    changed, said = host.run(tasks="day2.yml")
    assert changed == 0 and "broker: false" in said, said
    changed, said = host.run(tasks="day2.yml", **wanted)
    assert changed == -1 and "The broker of the hosted engine does not answer" in said


def test_the_variables_are_those_of_the_official_role() -> None:
    """As far as the collection that comes with Ansible names them."""
    found = subprocess.run(
        [sys.executable, "-c", "import ansible_collections.ovirt.ovirt as c; print(list(c.__path__)[0])"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    ).stdout.strip()
    if not found:
        pytest.skip("the collection ovirt.ovirt is not installed")
    role = Path(found) / "roles/hosted_engine_setup"
    text = " ".join(path.read_text() for path in role.rglob("*") if path.suffix in (".md", ".yml", ".j2", ".yaml"))
    newer = {"he_appliance_type", "he_use_uefi", "he_vm_efi_boot_flags"}  # of 3.2.2; Ansible 12 brings 3.2.1
    assert {name for name in VARIABLES if name not in text} <= newer
