# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches as switches, with the real program patch(1) on files as a package has them."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.vendor_patches import PatchError, changes_of
from ansible_collections.kvmcloud.stack.plugins.modules import vendor_patches

ATTACH = "".join(f"attach line {number}\n" for number in range(1, 30))
TPROXY = "".join(f"proxy line {number}\n" for number in range(1, 30))
FIXED = ATTACH.replace("line 10\n", "line 10, fixed\n")
FIXED_TWICE = FIXED.replace("line 10, fixed\n", "line 10, fixed twice\n")  # what the former has made
LOCAL = TPROXY.replace("line 5\n", "line 5\nlocal\n")


def diff(path: str, before: str, after: str) -> str:
    names = (f"{path}.orig", path)
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names)
    return f"diff -urN {names[0]} {names[1]}\n" + "".join(lines)


class Patched:
    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self.capsys, self.record = folder, capsys, folder / "state/record.json"
        self.attach, self.tproxy = folder / "root/remotes/attach", folder / "root/remotes/tproxy.rb"
        self.attach.parent.mkdir(parents=True)
        self.package()
        self.attach.chmod(0o750)
        self.source("vmm/7.2/01-fix.patch", diff("remotes/attach", ATTACH, FIXED))
        self.source("vmm/7.2/02-fix.patch", diff("remotes/attach", FIXED, FIXED_TWICE))
        self.source("vnm/7.2/00-local.patch", "# why\n\n" + diff("remotes/tproxy.rb", TPROXY, LOCAL) + "\n")

    def package(self) -> None:
        """As an upgrade puts its files back."""
        self.attach.write_text(ATTACH)
        self.tproxy.write_text(TPROXY)

    def source(self, name: str, text: str) -> Path:
        path = self.folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def switch(self, check: bool = False, release: str = "7.2", **switches: bool) -> dict[str, Any]:
        groups = [
            {"name": name, "directory": f"{self.folder}/src/{name}/{release}", "state": "present" if on else "absent"}
            for name, on in switches.items()
        ]
        given = {"root": str(self.folder / "root"), "record": str(self.record), "groups": groups}
        return run_module(self.capsys, vendor_patches, check=check, **given)

    def recorded(self) -> list[str]:
        return [one["patch"] for one in json.loads(self.record.read_text())] if self.record.exists() else []


@pytest.fixture
def patched(tmp_path: Path, capsys: Any) -> Patched:
    return Patched(tmp_path, capsys)


def test_a_switch_applies_all_of_its_group_and_records_them(patched: Patched) -> None:
    planned = patched.switch(check=True, vmm=True)
    assert planned["changed"] and patched.attach.read_text() == ATTACH and not patched.record.exists()
    done = patched.switch(vmm=True)
    assert done["files"] == [str(patched.attach)] and done["diff"] == planned["diff"]
    assert patched.attach.read_text() == FIXED_TWICE and patched.tproxy.read_text() == TPROXY
    assert patched.attach.stat().st_mode & 0o777 == 0o750, "the mode stays"
    assert done["applied"] == patched.recorded() == ["vmm/01-fix.patch", "vmm/02-fix.patch"]
    assert not patched.switch(vmm=True)["changed"] and not patched.switch(check=True, vmm=True)["changed"]
    assert sorted(path.name for path in patched.attach.parent.iterdir()) == ["attach", "tproxy.rb"], "no .orig, no .rej"


def test_switched_off_the_files_are_as_they_were(patched: Patched) -> None:
    patched.switch(vmm=True, vnm=True)
    assert patched.tproxy.read_text() == LOCAL
    assert patched.switch(vmm=False)["changed"]
    assert patched.attach.read_text() == ATTACH and patched.tproxy.read_text() == LOCAL
    assert patched.recorded() == ["vnm/00-local.patch"], "what is not named stays"
    patched.switch(vmm=False, vnm=False)
    assert patched.tproxy.read_text() == TPROXY and not patched.record.exists()
    assert not patched.switch(vmm=False, vnm=False)["changed"]


def test_nothing_is_patched_that_is_not_switched_on(patched: Patched) -> None:
    assert not patched.switch()["changed"] and not patched.switch(vmm=False, vnm=False)["changed"]
    assert patched.attach.read_text() == ATTACH and not patched.record.exists()


def test_switched_off_they_go_also_when_the_sources_are_gone(patched: Patched) -> None:
    patched.switch(vmm=True)
    (patched.folder / "src").rename(patched.folder / "elsewhere")
    patched.switch(vmm=False)
    assert patched.attach.read_text() == ATTACH and not patched.record.exists()


def test_an_upgrade_of_the_patched_package_is_patched_again(patched: Patched) -> None:
    patched.switch(vmm=True, vnm=True)
    patched.attach.write_text(ATTACH)  # one of both files is replaced
    assert patched.switch(vmm=True, vnm=True)["files"] == [str(patched.attach)]
    assert patched.attach.read_text() == FIXED_TWICE and patched.tproxy.read_text() == LOCAL
    patched.package()
    assert patched.switch(vmm=False)["changed"], "the record goes"
    assert patched.attach.read_text() == ATTACH


def test_a_release_with_other_patches_takes_the_former_out_first(patched: Patched) -> None:
    patched.switch(vmm=True)
    other = ATTACH.replace("line 10\n", "line 10, otherwise\n")
    patched.source("vmm/7.3/00-new.patch", diff("remotes/attach", ATTACH, other))
    patched.switch(vmm=True, release="7.3")
    assert patched.attach.read_text() == other and patched.recorded() == ["vmm/00-new.patch"]


def test_when_one_does_not_apply_none_does(patched: Patched) -> None:
    patched.tproxy.write_text(TPROXY.replace("line 5\n", "another line\n").replace("line 6\n", "and more\n"))
    before = patched.tproxy.read_text()
    for check in (True, False):
        with pytest.raises(ModuleFailed, match=r"vnm/00-local.patch does not apply to remotes/tproxy.rb as a whole"):
            patched.switch(check=check, vmm=True, vnm=True)
    assert patched.attach.read_text() == ATTACH and patched.tproxy.read_text() == before and not patched.record.exists()


def test_a_patch_of_which_one_part_applies_is_not_applied_by_half(patched: Patched) -> None:
    both = ATTACH.replace("line 3\n", "line 3, new\n").replace("line 25\n", "line 25, new\n")
    patched.source("im/7.2/00-two.patch", diff("remotes/attach", ATTACH, both))
    damaged = ATTACH.replace("line 25\n", "something else\n").replace("line 24\n", "and here\n")
    patched.attach.write_text(damaged)
    with pytest.raises(ModuleFailed, match="does not apply to remotes/attach as a whole"):
        patched.switch(im=True)
    assert patched.attach.read_text() == damaged


def test_a_patched_file_that_somebody_changed_is_left_alone(patched: Patched) -> None:
    patched.switch(vnm=True)
    changed = LOCAL.replace("local\n", "local, by hand\n")
    patched.tproxy.write_text(changed)
    with pytest.raises(ModuleFailed, match="the file was changed since, so that it cannot be taken out"):
        patched.switch(vnm=False)
    assert patched.tproxy.read_text() == changed and patched.recorded() == ["vnm/00-local.patch"]


def test_what_the_vendors_installer_has_applied_is_taken_over(patched: Patched) -> None:
    patched.tproxy.write_text(LOCAL)
    done = patched.switch(vnm=True)
    assert done["files"] == [] and patched.recorded() == ["vnm/00-local.patch"]
    patched.switch(vnm=False)
    assert patched.tproxy.read_text() == TPROXY


def test_what_was_applied_and_never_recorded_goes_too(patched: Patched) -> None:
    patched.tproxy.write_text(LOCAL)
    assert patched.switch(vnm=False)["files"] == [str(patched.tproxy)]
    assert patched.tproxy.read_text() == TPROXY


def test_a_file_of_another_release_has_nothing_to_be_taken_out(patched: Patched) -> None:
    patched.tproxy.write_text("a file of another release\n")
    assert not patched.switch(vnm=False)["changed"]
    assert patched.tproxy.read_text() == "a file of another release\n"


def test_a_folder_of_a_fuller_number(patched: Patched) -> None:
    """The vendor has vnm/6.10.1 to 6.10.5, and no vnm/6.10."""
    for name, text in (("6.10.9", TPROXY), ("6.10.10", LOCAL), ("6.100", TPROXY), ("6.10.x", TPROXY)):
        patched.source(f"vnm/{name}/00.patch", diff("remotes/tproxy.rb", TPROXY, text + "\n# end\n"))
    patched.switch(release="6.10", vnm=True)
    assert patched.tproxy.read_text() == LOCAL + "\n# end\n"


def test_sources_without_such_patches(patched: Patched) -> None:
    with pytest.raises(
        ModuleFailed, match=r"There are no patches in .*/im/7.2; these sources have none of the group im"
    ):
        patched.switch(im=True)
    assert not patched.switch(im=False)["changed"]


def test_a_file_that_is_not_there(patched: Patched) -> None:
    patched.tproxy.unlink()
    with pytest.raises(ModuleFailed, match=r"is for remotes/tproxy.rb, which is not there. Nothing was changed"):
        patched.switch(vnm=True)
    assert patched.switch(check=True, vnm=True)["changed"], "in check mode its package may be only planned"


@pytest.mark.parametrize("path", ["/etc/passwd", "remotes/../../etc/passwd"])
def test_a_patch_of_something_else_is_refused(path: str) -> None:
    with pytest.raises(PatchError, match="not below the directory"):
        changes_of("vmm/x.patch", diff(path, ATTACH, FIXED))
    with pytest.raises(PatchError, match="is no patch"):
        changes_of("vmm/x.patch", "some text\n")


def test_one_patch_of_two_files(patched: Patched) -> None:
    text = diff("remotes/attach", ATTACH, FIXED) + diff("remotes/tproxy.rb", TPROXY, LOCAL)
    assert [change.path for change in changes_of("im/x.patch", text)] == ["remotes/attach", "remotes/tproxy.rb"]
    patched.source("im/7.2/00.patch", text)
    patched.switch(im=True)
    patched.tproxy.write_text(TPROXY)
    assert patched.switch(im=True)["files"] == [str(patched.tproxy)], "each file tells for itself"
    assert (patched.attach.read_text(), patched.tproxy.read_text()) == (FIXED, LOCAL)
