# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A front-end and its hosts in one folder: our drivers where the role puts them, and doubles of what they call.

`ssh HOST ...` runs the command here and notes the host. vitastor-cli is the double with the measured behaviour.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_install import PYTHON

CHECKOUT = Path(__file__).resolve().parents[3]
ROLE = CHECKOUT / "roles/vitastor_opennebula"
DOUBLES = CHECKOUT / "tests/doubles"
VARIABLES = yaml.safe_load((ROLE / "vars/main.yml").read_text())

SSH = """#!/bin/sh
echo "$1" >> {root}/hosts
shift
[ "$1" = bash ] && exec "$@"
exec sh -c "$*"
"""
SUDO = """#!/bin/sh
[ "$1" = -n ] && shift
exec "$@"
"""
ONE = """#!/bin/sh
[ "$1 $2" = "show -x" ] && exec cat {root}/objects/{kind}.$3
[ "$1 $2" = "list -x" ] && exec cat {root}/objects/{kind}.pool
exit 255
"""
VIRSH = """#!/bin/sh
echo "$1 $2 $3 $4" >> {root}/virsh
cat "$5" > {root}/virsh.xml
[ ! -e {root}/virsh.fails ] || {{ echo "error: Failed to attach device" >&2; exit 1; }}
"""


def disk(number: int, **attributes: Any) -> str:
    given = {"DISK_ID": number, "TM_MAD": "vitastor", "POOL_NAME": "one", "DATASTORE_ID": 100, **attributes}
    return "<DISK>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in given.items()) + "</DISK>"


def vm_xml(*disks: str, number: int = 7, context: bool = True, lcm: int = 3) -> str:
    context_xml = "<CONTEXT><DISK_ID>9</DISK_ID></CONTEXT>" if context else ""
    return (
        f"<VM><ID>{number}</ID><LCM_STATE>{lcm}</LCM_STATE><TEMPLATE>{''.join(disks)}{context_xml}</TEMPLATE>"
        "<HISTORY_RECORDS><HISTORY><SEQ>0</SEQ><DS_ID>99</DS_ID></HISTORY>"
        "<HISTORY><SEQ>1</SEQ><DS_ID>101</DS_ID></HISTORY></HISTORY_RECORDS></VM>"
    )


def datastore_xml(number: int = 100, **template: str) -> str:
    given = {"POOL_NAME": "one", "BRIDGE_LIST": "node1 node2", **template}
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in given.items() if value)
    mad = given.get("DS_MAD", "vitastor")
    head = f"<ID>{number}</ID><NAME>d{number}</NAME><DS_MAD>{mad}</DS_MAD>"
    return f"<DATASTORE>{head}<TEMPLATE>{inside}</TEMPLATE></DATASTORE>"


class SmallVitastor:
    def __init__(self, root: Path, pools: tuple[str, ...] = ("one", "two")) -> None:
        self.root, self.remotes, self.objects = root, root / "remotes", root / "objects"
        self.objects.mkdir()
        self.state = root / "vitastor.json"
        self.state.write_text(json.dumps({"pools": {pool: {} for pool in pools}, "images": {}}))
        for library in VARIABLES["vitastor_opennebula_libraries"]:
            self._put(ROLE / "files" / library, self.remotes / library)
        for program in VARIABLES["vitastor_opennebula_programs"]:
            self._put(ROLE / "files" / program["file"], self.remotes / program["path"])
        programs = {"ssh": SSH, "sudo": SUDO, "virsh": VIRSH}
        programs.update(dict.fromkeys(("onevm", "oneimage", "onedatastore", "onehost"), ONE))
        (root / "bin").mkdir()
        for name, text in programs.items():
            self.program(name, text.format(root=root, kind=name))
        self.have("onehost", "pool", self.hosts_xml(node1=2, node2=2))
        self.have("onedatastore", 100, datastore_xml())

    @staticmethod
    def _put(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text()
        target.write_text(text if text.startswith("#!") else PYTHON + text)
        target.chmod(0o755)

    def program(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    @staticmethod
    def hosts_xml(**states: int) -> str:
        hosts = "".join(f"<HOST><NAME>{name}</NAME><STATE>{state}</STATE></HOST>" for name, state in states.items())
        return f"<HOST_POOL>{hosts}</HOST_POOL>"

    def have(self, kind: str, number: Any, xml: str) -> None:
        (self.objects / f"{kind}.{number}").write_text(xml)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.root / 'bin'}:{DOUBLES}:{os.environ['PATH']}",
            "VITASTOR_DOUBLE": str(self.state),
            "ONE_CONFIG": str(self.root / "one.config"),
            "SCRIPTS_REMOTE_DIR": str(self.remotes),
        }

    def run(self, path: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.remotes / path), *arguments],
            input=stdin,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the vendor's drivers, as they call it."""
        return subprocess.run(
            ["vitastor-cli", *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def image(self, name: str, data: str = "", size: int = 1 << 20, pool: str = "one", parent: str = "") -> None:
        state = json.loads(self.state.read_text())
        state["images"][name] = {"pool": pool, "size": size, "parent": parent or None, "data": data}
        self.state.write_text(json.dumps(state))

    @property
    def images(self) -> dict[str, Any]:
        return json.loads(self.state.read_text())["images"]

    def data(self, name: str) -> str:
        return self.images[name]["data"]

    @property
    def hosts(self) -> list[str]:
        path = self.root / "hosts"
        return path.read_text().split() if path.exists() else []


def encoded(xml: str) -> bytes:
    """As oned hands an action to a driver."""
    return base64.b64encode(xml.encode())
