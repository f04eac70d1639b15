# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of verify_storage, as the playbook writes it, and what stays of a run: nothing, unless it is asked to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible.module_utils.basic import AnsibleModule
from small_opennebula import SmallOpennebula

from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_rows import ROWS, run_rows
from ansible_collections.kvmcloud.stack.plugins.modules import storage_acceptance

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "tests/unit/plugins/modules"))

from host_module import run_module  # noqa: E402  (found through the line above)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The playbook, on a host whose OpenNebula says that it is emulated, and that has none of its commands."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/oned").write_text("#!/bin/sh\necho 'OpenNebula 7.4.0 (emulated)'\n")
    (tmp_path / "bin/oned").chmod(0o755)
    hosts = {"opennebula_frontends": {"hosts": {"front1": {"ansible_connection": "local", "ansible_become": False}}}}
    (tmp_path / "hosts.json").write_text(json.dumps(hosts))
    given = {"datastore": "without_size", "storage_report_directory": str(tmp_path / "report")}
    given["ansible_python_interpreter"] = sys.executable
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts.json"),
            *("-e", json.dumps(given), CHECKOUT / "playbooks/verify_storage.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_BECOME_ALLOW_SAME_USER": "false",
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        },
    )
    assert done.returncode == 0 and "changed=0" in done.stdout, done.stdout + done.stderr
    return tmp_path / "report"


def test_on_an_emulated_opennebula_every_row_is_told_in_every_form_and_none_is_passed(written: Path) -> None:
    """Whatever its datastores are like: it is not asked."""
    told = json.loads((written / "report.json").read_text())
    assert told["summary"] == {"total": len(ROWS), "passed": 0, "emulated": len(ROWS), "skipped": 0, "failed": 0}
    assert {row["outcome"] for row in told["checks"]} == {"emulated"}
    (suite,) = ElementTree.parse(written / "report.xml").getroot()
    assert suite.get("tests") == suite.get("skipped") == str(len(ROWS)) and suite.get("failures") == "0"
    assert len(suite.findall("testcase/skipped")) == len(ROWS)
    text = (written / "report.txt").read_text()
    assert (
        text.count("emulated") >= len(ROWS) and f"{len(ROWS)} were not run, because this OpenNebula is EMULATED" in text
    )


# ---- what stays ------------------------------------------------------------------------------------------------------


class Acceptance:
    """The module, on the OpenNebula in memory."""

    def __init__(self, monkeypatch: Any, capsys: Any) -> None:
        self.cloud, self.capsys, self.monkeypatch = SmallOpennebula(), capsys, monkeypatch
        monkeypatch.setattr(storage_acceptance, "runner", lambda _module: self.cloud.run)
        monkeypatch.setattr(storage_acceptance, "is_emulated", lambda _module: False)
        monkeypatch.setattr(storage_acceptance.time, "sleep", lambda _seconds: None)

    def run(self, **given: Any) -> dict[str, Any]:
        given = {"datastore": "images", "backup_datastore": "backups", "timeout": 3, **given}
        return run_module(self.capsys, storage_acceptance, **given)

    def left(self) -> list[str]:
        cloud = self.cloud
        vms = [vm["name"] for vm in cloud.vms.values() if vm["state"] != "DONE"]
        return vms + [image["name"] for image in cloud.images.values()] + list(cloud.files)


@pytest.fixture
def acceptance(monkeypatch: Any, capsys: Any) -> Acceptance:
    return Acceptance(monkeypatch, capsys)


@pytest.mark.parametrize("fault", ["", "deploy", "disk-saveas", "snapshot-flatten", "stop", "attach live"])
def test_nothing_stays_whatever_has_failed(acceptance: Acceptance, fault: str) -> None:
    acceptance.cloud.faults[fault] = "the driver failed"
    result = acceptance.run()
    assert not result["changed"] and result["left"] == [] and acceptance.left() == []
    assert any(not check["ok"] for check in result["checks"]) == bool(fault)
    assert all(check["seconds"] >= 0 for check in result["checks"])


def test_nothing_stays_of_a_run_that_broke_off(acceptance: Acceptance) -> None:
    """By a fault of the program itself: what was made up to there is removed all the same."""

    def broken(session: Any, clock: Any) -> Any:
        run_rows(session, clock, ROWS[:12])
        assert acceptance.left() != []
        raise RuntimeError("a fault of the program")

    acceptance.monkeypatch.setattr(storage_acceptance, "run_rows", broken)
    with pytest.raises(RuntimeError):
        acceptance.run()
    assert acceptance.left() == []


def test_what_is_kept_stays_until_the_next_run(acceptance: Acceptance) -> None:
    acceptance.cloud.faults["snapshot-flatten"] = "the driver failed"
    result = acceptance.run(keep=True)
    assert result["changed"] and {"kvmcloud-acceptance-import", "kvmcloud-acceptance-saved"} <= set(acceptance.left())
    acceptance.run()
    # Backups of a VM that is gone bear a name of OpenNebula's.
    assert [name for name in acceptance.left() if name != "backup" and "/102/" not in name] == []


def test_what_cannot_be_removed_is_told(acceptance: Acceptance) -> None:
    refuse = acceptance.cloud.oneimage_delete
    stuck = ("kvmcloud-acceptance-saved",)

    def delete(number: str) -> None:
        if acceptance.cloud.images[int(number)]["name"] in stuck:
            acceptance.cloud.images[int(number)]["state"] = "2"
        refuse(number)

    warnings: list[str] = []
    acceptance.monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    acceptance.monkeypatch.setattr(acceptance.cloud, "oneimage_delete", delete)
    result = acceptance.run()
    assert result["changed"] and ["kvmcloud-acceptance-saved (" in one for one in result["left"]] == [True]
    assert "kvmcloud-acceptance-saved (" in warnings[0] and acceptance.left() == ["kvmcloud-acceptance-saved"]
