# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that makes one report of what acceptance found on the hosts of a play."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HELD = {"name": "it runs", "ok": True, "detail": "since noon", "seconds": 0.1}
BROKEN = {"name": "it answers", "ok": False, "detail": "connection refused", "seconds": 0.1}

# Hosts without a connection: what each of them found is a variable of the inventory.
PLAY = """
- name: A report
  hosts: all
  gather_facts: false
  tasks:
    - name: Everything holds
      kvmcloud.stack.acceptance_report: {given}
      run_once: true
"""


def report(
    folder: Path, found: dict[str, Any], *arguments: str, **given: Any
) -> tuple[subprocess.CompletedProcess[str], Path]:
    told = {"register": "found", "directory": str(folder / "reports/new"), **given}
    hosts = {name: {"ansible_host": "192.0.2.1", **({} if of is None else {"found": of})} for name, of in found.items()}
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (folder / "play.yml").write_text(PLAY.format(given=json.dumps(told)))
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("ansible-playbook"), "-i", folder / "hosts.json"),
            *(*arguments, folder / "play.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )
    return done, folder / "reports/new"


def test_everything_holds_and_the_table_is_shown(tmp_path: Path) -> None:
    done, written = report(tmp_path, {"one": {"checks": [HELD]}, "two": {"checks": [HELD]}, "left_out": None})
    assert done.returncode == 0 and "changed=0" in done.stdout, done.stdout + done.stderr
    assert "one   it runs  passed  since noon" in done.stdout
    assert sorted(file.name for file in written.iterdir()) == ["report.json", "report.txt", "report.xml"]
    assert json.loads((written / "report.json").read_text())["summary"]["passed"] == 2
    assert "left_out" not in (written / "report.txt").read_text()


def test_a_failed_check_and_a_host_without_a_result_fail_the_run_after_the_files_are_written(tmp_path: Path) -> None:
    found = {"one": {"checks": [HELD, BROKEN]}, "two": {"unreachable": True, "msg": "no route"}}
    done, written = report(tmp_path, found, name="other")
    assert done.returncode == 2
    assert f"2 of 3 checks failed; see above and {written}." in done.stdout
    assert "FAILED: one: it answers: connection refused" in done.stdout
    assert "FAILED: two: host can be asked: no route" in (written / "other.txt").read_text()


def test_check_mode_tells_and_writes_nothing(tmp_path: Path) -> None:
    done, written = report(tmp_path, {"one": {"checks": [BROKEN]}}, "--check")
    assert done.returncode == 2 and "FAILED: one: it answers" in done.stdout
    assert not written.exists()


def test_clocks_are_compared_between_the_controllers_two_times(tmp_path: Path) -> None:
    found = {"one": {"checks": [], "epoch": 1000.5}, "two": {"checks": [], "epoch": 1007}}
    done, written = report(tmp_path, found, started=1000, finished=1001)
    assert done.returncode == 2 and "1 of 2 checks failed" in done.stdout
    assert "FAILED: two: clock agrees with the controller's: differs by +6.0 s" in (written / "report.txt").read_text()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"started": 1000}, "required together"),
        ({"colour": "red"}, "Unsupported"),
        ({"register": "fuond"}, "nothing was checked"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, given: dict[str, Any], sentence: str) -> None:
    done, written = report(tmp_path, {"one": {"checks": [HELD]}}, **given)
    assert done.returncode == 2 and sentence in done.stdout and not written.exists(), done.stdout


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    done, _written = report(tmp_path, {"one": {"checks": [HELD]}})
    assert done.returncode == 2 and "The report cannot be written: " in done.stdout
