# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An oned that does not come back with what a storage add-on wants: both files are what they were, and it runs again.

The edits are the add-on's own, the editing and the guarding module the real ones; the daemon refuses its driver.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import storage_addon_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import frontend_units
from ansible_collections.kvmcloud.stack.plugins.modules import guarded_service, one_config

pytest_plugins = ["guarded_unit"]

ONED_CONF = """\
# Configuration of oned, edited by hand
VM_MAD = [ NAME = "kvm", ARGUMENTS = "-t 15 -r 0 kvm -p" ]
TM_MAD = [ EXECUTABLE = "one_tm", ARGUMENTS = "-t 15 -d dummy,ssh,ceph" ]
DATASTORE_MAD = [ EXECUTABLE = "one_datastore", ARGUMENTS = "-t 15 -d dummy,fs -s shared,ssh" ]
"""
EXECRC = 'LIVE_DISK_SNAPSHOTS="kvm-qcow2 kvm-ceph"\n'
REFUSES = """\
import pathlib, socket, sys
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if "DRIVER" in (folder / "oned.conf").read_text():
    print("Transfer Driver 'DRIVER' not available", flush=True)
    sys.exit(255)
listener = socket.create_server(("127.0.0.1", port))
(folder / "ready").touch()
while True:
    listener.accept()[0].close()
"""


@pytest.mark.parametrize("addon, settings", [("vitastor", {}), ("storpool", {"storpool": {"version": "26.04.0"}})])
def test_the_former_files_return(unit: Any, capsys: Any, addon: str, settings: dict[str, Any]) -> None:
    files = {"oned.conf": (ONED_CONF, 0o640), "vmm_execrc": (EXECRC, 0o644)}
    for name, (text, mode) in files.items():
        (unit.folder / name).write_text(text)
        (unit.folder / name).chmod(mode)
    (unit.folder / "daemon.py").write_text(REFUSES.replace("DRIVER", addon))
    params = unit.params(config_files=[str(unit.folder / name) for name in files], start_timeout=10)
    run_module(capsys, guarded_service, **params)

    wanted = storage_addon_edits([addon], "7.2", settings)
    edits = [{"path": str(unit.folder / Path(path).name), "edits": list(of_file)} for path, of_file in wanted.items()]
    assert run_module(capsys, one_config, files=edits)["changed"]
    assert all(addon in (unit.folder / name).read_text() for name in files)

    with pytest.raises(ModuleFailed, match=f"(?s)Transfer Driver '{addon}' not available.*is back"):
        run_module(capsys, guarded_service, **params)
    for name, (text, mode) in files.items():
        assert (unit.folder / name).read_text() == text and (unit.folder / name).stat().st_mode & 0o777 == mode
    assert not run_module(capsys, guarded_service, **params)["changed"], "and it runs with them"


@pytest.mark.parametrize("release", [(5, 12), (6, 10), (7, 4)])
def test_both_files_are_guarded_on_every_release(release: tuple[int, int]) -> None:
    guarded = frontend_units(release)[0]["config_files"]
    assert {"/etc/one/oned.conf", "/etc/one/vmm_exec/vmm_execrc"} <= set(guarded)
