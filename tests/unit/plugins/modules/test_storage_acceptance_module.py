# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.acceptance_report import as_junit, as_text, counts, rows_of
from ansible_collections.kvmcloud.stack.plugins.modules import storage_acceptance

ONED = '#!/bin/sh\necho "OpenNebula 7.4.0 {which}"\n'
ONE = """#!/bin/sh
echo "$(basename $0) $*" >> {root}/calls
case "$(basename $0) $1" in
  "onedatastore list") echo '<P><DATASTORE><ID>100</ID><NAME>images</NAME><TM_MAD>ssh</TM_MAD><TOTAL_MB>9</TOTAL_MB>' \
    '<TYPE>0</TYPE></DATASTORE></P>' ;;
  "onehost list"|"onevm list"|"onetemplate list") echo '<P></P>' ;;
  "oneimage list") echo '<P></P>' ;;
  "oneimage create")
    cp "$4" {root}/template && ls -l "$4" | cut -c1-10 > {root}/mode
    echo "nothing works" >&2; exit 255 ;;
  *) echo "nothing works" >&2; exit 255 ;;
esac
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Any:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def run(which: str = "", check: bool = False, **given: Any) -> dict[str, Any]:
        texts = {"oned": ONED.format(which=which)}
        texts.update(
            dict.fromkeys(("onedatastore", "onehost", "onevm", "oneimage", "onetemplate"), ONE.format(root=tmp_path))
        )
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        user = pwd.getpwuid(os.geteuid()).pw_name
        given = {"datastore": "images", "user": user, "timeout": 1, **given}
        return run_module(capsys, storage_acceptance, check=check, **given)

    run.root = tmp_path
    return run


def test_an_emulated_opennebula_passes_nothing(run: Any) -> None:
    result = run("(emulated)")
    number = counts(rows_of({"front1": result}))
    assert number["emulated"] == number["total"] > 40 and number["passed"] == number["failed"] == 0
    assert not (run.root / "calls").exists(), "and it is not asked"
    rows = rows_of({"front1": result})
    assert 'message="not run: this OpenNebula is emulated"' in as_junit(rows)
    assert "42 were not run, because this OpenNebula is EMULATED; 0 failed" in as_text(rows) and "hold" not in as_text(
        rows
    )


def test_check_mode_runs_nothing(run: Any) -> None:
    number = counts(rows_of({"front1": run(check=True)}))
    assert number["skipped"] == number["total"] and not (run.root / "calls").exists()


def test_where_nothing_works_nothing_is_passed_but_what_was_seen(run: Any) -> None:
    checks = run()["checks"]
    assert [check["script"] for check in checks if check["ok"] and not check["skipped"]] == ["datastore/monitor"]
    (mkfs,) = [check for check in checks if check["script"] == "datastore/mkfs"]
    assert "nothing works" in mkfs["detail"] and "expected: READY" in mkfs["detail"]


def test_templates_are_files_of_the_user_alone_and_are_gone(run: Any) -> None:
    run(size_mb=32)
    template = (run.root / "template").read_text()
    assert 'NAME = "kvmcloud-acceptance-' in template
    assert (run.root / "mode").read_text().strip() == "-rw-------"
    path = [word for word in (run.root / "calls").read_text().split() if "/kvmcloud-acceptance-" in word][0]
    assert not os.path.exists(path)


def test_a_datastore_that_is_not_there_and_a_user_that_is_not_there(run: Any) -> None:
    with pytest.raises(ModuleFailed, match="OpenNebula has no datastore gone"):
        run(datastore="gone")
    with pytest.raises(ModuleFailed, match="There is no user nobody-at-all"):
        run(user="nobody-at-all")
