# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.openpgp_keys import armored, dearmored
from ansible_collections.kvmcloud.stack.plugins.modules import pinned_key

sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from openpgp_samples import FIRST, FIRST_FINGERPRINT, SECOND  # noqa: E402  (found through the line above)

ROLE = Path(__file__).resolve().parents[4] / "roles/opennebula_repository"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the file is root's")


@pytest.fixture(name="wanted")
def make_wanted(tmp_path: Path) -> dict[str, Any]:
    spaced = " ".join(FIRST_FINGERPRINT[start : start + 4] for start in range(0, 40, 4))
    return {"path": str(tmp_path / "rpm-gpg/KEY"), "key": FIRST.decode(), "key_fingerprint": spaced}


def test_what_was_checked_is_what_is_written(wanted: dict[str, Any], capsys: Any) -> None:
    wanted["key"] = "text around it\n" + wanted["key"]
    for check, changed in ((True, True), (False, True), (False, False), (True, False)):
        result = run_module(capsys, pinned_key, check=check, **wanted)
        assert result["changed"] is changed and result["fingerprints"] == [FIRST_FINGERPRINT]
    path = Path(wanted["path"])
    assert path.read_bytes() == armored(dearmored(FIRST)) and path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": (FIRST + SECOND).decode()}, "not the pinned one"),
        ({"key": SECOND.decode()}, "not the pinned one"),
        ({"key_fingerprint": " "}, "not a full fingerprint"),
        ({"key_fingerprint": ""}, "not a full fingerprint"),
        ({"key_fingerprint": FIRST_FINGERPRINT[-16:]}, "not a full fingerprint"),
    ],
    ids=["one more key", "another key", "a blank", "nothing", "a short id"],
)
def test_what_is_not_pinned_is_refused(wanted: dict[str, Any], capsys: Any, change: dict[str, str], words: str) -> None:
    with pytest.raises(ModuleFailed, match=words):
        run_module(capsys, pinned_key, **{**wanted, **change})
    assert not Path(wanted["path"]).exists()


def test_a_key_that_has_been_put_there_is_replaced(wanted: dict[str, Any], capsys: Any) -> None:
    path = Path(wanted["path"])
    path.parent.mkdir()
    path.write_bytes(FIRST + SECOND)
    assert run_module(capsys, pinned_key, **wanted)["changed"]
    assert path.read_bytes() == armored(dearmored(FIRST))


def test_a_key_on_the_target_is_not_fetched_again(wanted: dict[str, Any], capsys: Any) -> None:
    run_module(capsys, pinned_key, **wanted)
    nowhere = {**wanted, "key": "http://127.0.0.1:9/repo.key", "timeout": 2}
    assert not run_module(capsys, pinned_key, **nowhere)["changed"]
    Path(wanted["path"]).unlink()
    assert run_module(capsys, pinned_key, check=True, **nowhere)["changed"]
    with pytest.raises(ModuleFailed, match="cannot be fetched"):
        run_module(capsys, pinned_key, **nowhere)


def tasks_of(family: str) -> dict[str, dict[str, Any]]:
    tasks = yaml.safe_load((ROLE / f"tasks/{family}.yml").read_text())
    return {key: value for task in tasks for key, value in task.items() if "." in key}


def test_dnf_trusts_what_was_checked_and_nothing_that_it_fetches_itself() -> None:
    """rpm_key compares nothing where the key is imported already, and imports all that a file holds."""
    tasks = tasks_of("redhat")
    assert "ansible.builtin.rpm_key" not in tasks
    assert tasks["kvmcloud.stack.pinned_key"]["path"] == "{{ opennebula_repository_key_file }}"
    repository = tasks["ansible.builtin.yum_repository"]
    assert repository["gpgkey"] == "file://{{ opennebula_repository_key_file }}"
    assert repository["gpgcheck"] and repository["repo_gpgcheck"]


def test_a_source_that_somebody_else_wrote_may_be_replaced() -> None:
    source = tasks_of("debian")["kvmcloud.stack.apt_signed_source"]
    assert source["replaces"] == "{{ opennebula_repository_replaces }}"
