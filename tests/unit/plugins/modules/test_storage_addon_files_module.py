# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils.vitastor_downloader import downloader_text
from ansible_collections.kvmcloud.stack.plugins.modules import storage_addon_files

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the files belong to root")

DOWNLOADER = (
    'function get_rbd_cmd\n{\n  :\n}\ncase "$1" in\nrbd://*)\n    command="$(get_rbd_cmd "$FROM")"\n    ;;\nesac\n'
)
OURS = "#!/bin/sh\n# kvmcloud.stack override\necho ours\n"
VENDOR = "#!/bin/sh\necho vendor\n"


class Remotes:
    def __init__(self, root: Path, capsys: Any) -> None:
        self.root, self.capsys = root, capsys
        self.downloader, self.mkswap = root / "downloader.sh", root / "tm/vitastor/mkswap"
        self.apparmor, self.sudoers = root / "libvirt-qemu", root / "sudoers.d/vitastor"
        self.mkswap.parent.mkdir(parents=True)
        (root / "tm/ceph").mkdir()
        (root / "tm/ceph/mkswap").write_text("#!/bin/sh\necho ceph\n")
        self.downloader.write_text(DOWNLOADER)
        self.downloader.chmod(0o750)
        self.mkswap.symlink_to("../ceph/mkswap")
        self.apparmor.write_text("  # local\n")

    def run(self, check: bool = False, **given: Any) -> dict[str, Any]:
        return run_module(self.capsys, storage_addon_files, check=check, owner="root", **given)

    def everything(self, check: bool = False, **given: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "downloader": str(self.downloader),
            "overrides": [{"path": str(self.mkswap), "content": OURS}],
            "lines": [{"path": str(self.apparmor), "line": '  "/etc/vitastor/vitastor.conf" r,'}],
            "files": [{"path": str(self.sudoers), "content": "x\n", "mode": "0440", "check": ["true"]}],
            **given,
        }
        return self.run(check, **arguments)

    def state(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_symlink() or path.is_file()
        }


@pytest.fixture
def remotes(tmp_path: Path, capsys: Any) -> Remotes:
    return Remotes(tmp_path, capsys)


def test_all_is_put_right_once_and_check_mode_knows_it_beforehand(remotes: Remotes) -> None:
    before = remotes.state()
    planned = remotes.everything(check=True)
    assert remotes.state() == before
    done = remotes.everything()
    assert planned["files"] == done["files"] and len(done["files"]) == 4 and done["changed"]
    assert remotes.downloader.read_text() == downloader_text("d", DOWNLOADER, True)
    assert oct(remotes.downloader.stat().st_mode & 0o777) == "0o750", "the mode of an edited file stays"
    assert oct(remotes.sudoers.stat().st_mode & 0o777) == "0o440"
    assert remotes.apparmor.read_text().endswith('  "/etc/vitastor/vitastor.conf" r,\n')
    assert not remotes.everything()["changed"]
    assert not remotes.everything(check=True)["changed"]


def test_a_link_of_the_vendor_is_kept_and_what_it_points_to_is_not_touched(remotes: Remotes) -> None:
    assert remotes.everything()["kept"] == [f"{remotes.mkswap}.vendor"]
    assert remotes.mkswap.read_text() == OURS and not remotes.mkswap.is_symlink()
    assert os.readlink(f"{remotes.mkswap}.vendor") == "../ceph/mkswap"
    assert "ceph" in (remotes.root / "tm/ceph/mkswap").read_text()
    assert os.access(remotes.mkswap, os.X_OK)


def test_switched_off_the_vendors_file_returns(remotes: Remotes) -> None:
    before = remotes.state()
    remotes.everything()
    gone = {
        "downloader_state": "absent",
        "overrides": [{"path": str(remotes.mkswap)}],
        "lines": [{"path": str(remotes.apparmor), "line": '"/etc/vitastor/vitastor.conf" r,', "state": "absent"}],
        "files": [{"path": str(remotes.sudoers), "state": "absent"}],
    }
    assert remotes.everything(**gone)["changed"]
    now = {name: text for name, text in remotes.state().items() if "~" not in name}
    assert now == before
    assert not remotes.everything(**gone)["changed"]


def test_a_newer_file_of_the_vendor_is_the_one_that_is_kept(remotes: Remotes) -> None:
    """An upgraded package puts its file back where ours was."""
    remotes.everything()
    remotes.mkswap.unlink()
    remotes.mkswap.write_text(VENDOR)
    assert remotes.everything()["kept"]
    assert Path(f"{remotes.mkswap}.vendor").read_text() == VENDOR and remotes.mkswap.read_text() == OURS
    remotes.everything(overrides=[{"path": str(remotes.mkswap)}])
    assert remotes.mkswap.read_text() == VENDOR and not os.path.lexists(f"{remotes.mkswap}.vendor")


def test_a_kept_file_that_the_vendor_has_replaced_is_forgotten(remotes: Remotes) -> None:
    remotes.everything()
    remotes.mkswap.unlink()
    remotes.mkswap.write_text(VENDOR)
    remotes.everything(overrides=[{"path": str(remotes.mkswap)}])
    assert remotes.mkswap.read_text() == VENDOR and not os.path.lexists(f"{remotes.mkswap}.vendor")


def test_an_override_where_the_vendor_has_nothing(remotes: Remotes) -> None:
    path = str(remotes.root / "tm/vitastor/other")
    assert remotes.run(overrides=[{"path": path, "content": OURS}])["changed"]
    assert remotes.run(overrides=[{"path": path}])["changed"] and not os.path.exists(path)


def test_the_mode_of_an_override_is_put_right(remotes: Remotes) -> None:
    remotes.everything()
    remotes.mkswap.chmod(0o644)
    assert remotes.everything()["files"] == [str(remotes.mkswap)]
    assert os.access(remotes.mkswap, os.X_OK)


@pytest.mark.skipif(not shutil.which("visudo"), reason="visudo is not installed")
def test_what_sudo_would_refuse_is_not_installed(remotes: Remotes) -> None:
    before = remotes.state()
    files = [{"path": str(remotes.sudoers), "content": "oneadmin ALL=(ALL NOPASSWD\n", "check": ["visudo", "-cf"]}]
    with pytest.raises(ModuleFailed, match="visudo does not accept what .*sudoers.d/vitastor would become"):
        remotes.everything(files=files)
    assert remotes.state() == before, "nothing else was changed either"


def test_a_downloader_that_bash_cannot_read_stays_as_it_was(remotes: Remotes) -> None:
    remotes.downloader.write_text(DOWNLOADER + "if true; then\n")
    before = remotes.state()
    with pytest.raises(ModuleFailed, match="bash does not accept what .*downloader.sh would become"):
        remotes.everything()
    assert remotes.state() == before


def test_a_program_that_is_not_there_accepts_nothing(remotes: Remotes) -> None:
    files = [{"path": str(remotes.sudoers), "content": "x\n", "check": ["no-such-program"]}]
    with pytest.raises(ModuleFailed, match="which is not on this host. Nothing was changed"):
        remotes.everything(files=files)


def test_opennebula_is_not_installed(remotes: Remotes) -> None:
    remotes.downloader.unlink()
    with pytest.raises(ModuleFailed, match="OpenNebula is not installed on this host"):
        remotes.everything()
    planned = remotes.everything(check=True)
    assert planned["changed"] and planned["missing"] == [str(remotes.downloader)]
    assert not remotes.run(downloader=str(remotes.downloader), downloader_state="absent")["changed"]


def test_without_apparmor_there_is_no_line(remotes: Remotes) -> None:
    remotes.apparmor.unlink()
    assert remotes.everything()["missing"] == [str(remotes.apparmor)]
    assert not remotes.apparmor.exists()


def test_where_apparmor_reads_a_file_that_is_missing_it_is_made(remotes: Remotes) -> None:
    remotes.apparmor.unlink()
    (remotes.root / "abstraction").write_text("include if exists <local/abstractions/libvirt-qemu>\n")
    line = {"path": str(remotes.apparmor), "line": '  "/x" r,', "included_by": str(remotes.root / "abstraction")}
    assert not remotes.run(lines=[{**line, "state": "absent"}])["changed"]
    assert remotes.run(lines=[line])["changed"] and remotes.apparmor.read_text() == '  "/x" r,\n'
    assert not remotes.run(lines=[line])["changed"]


def sources(remotes: Remotes) -> list[dict[str, Any]]:
    source, target = remotes.root / "src", remotes.root / "remotes"
    (source / "tm").mkdir(parents=True)
    (source / "tm/clone").write_text("clone\n")
    (source / "tm/restore").symlink_to("clone")
    (source / "rc").write_text("# options\n")
    return [
        {"src": f"{source}/tm/*", "dest": f"{target}/tm/storpool", "owner": "root"},
        {"src": f"{source}/rc", "dest": str(target), "mode": "0644", "owner": "root", "new_only": True},
        {"src": f"{source}/newer/*", "dest": str(target), "owner": "root", "required": False},
    ]


def test_sources_are_copied_with_what_their_links_mean(remotes: Remotes) -> None:
    trees = sources(remotes)
    target = remotes.root / "remotes"
    assert remotes.run(check=True, trees=trees)["changed"] and not target.exists()
    remotes.run(trees=trees)
    assert (target / "tm/storpool/restore").read_text() == "clone\n"
    assert not (target / "tm/storpool/restore").is_symlink() and os.access(target / "tm/storpool/clone", os.X_OK)
    assert not remotes.run(trees=trees)["changed"]
    (target / "tm/storpool/clone").write_text("stock\n")
    (target / "rc").write_text("ONE_PX=two\n")
    assert remotes.run(trees=trees)["files"] == [str(target / "tm/storpool/clone")], (
        "an upgrade is repaired, options stay"
    )
    gone = [{**tree, "state": "absent"} for tree in trees]
    assert remotes.run(trees=gone)["changed"] and not remotes.run(trees=gone)["changed"]
    assert not list(target.rglob("*.*")) and not (target / "rc").exists()


def test_sources_of_another_release_are_refused(remotes: Remotes) -> None:
    trees = [*sources(remotes), {"src": f"{remotes.root}/src/scripts/install-7.2.sh", "dest": "/x", "owner": "root"}]
    before = remotes.state()
    with pytest.raises(ModuleFailed, match="There is no .*install-7.2.sh; these are not the sources"):
        remotes.run(trees=trees)
    assert remotes.state() == before


def test_the_vendors_files_from_sources_go_beside_ours(remotes: Remotes) -> None:
    """They would take each other's place in each run."""
    source, target = remotes.root / "src/tm/vitastor", remotes.root / "tm/vitastor"
    source.mkdir(parents=True)
    (source / "cpds").write_text(VENDOR)
    (source / "mkswap").symlink_to("../ceph/mkswap")  # OpenNebula has it; the sources do not
    (source / "context").symlink_to("mkswap")
    (source / "gone").symlink_to("../ceph/gone")
    trees = [{"src": f"{source}/*", "dest": str(target), "owner": "root"}]
    overrides = [{"path": str(target / name), "content": OURS} for name in ("cpds", "mkswap")]
    for _run in range(2):  # the first finds the vendor's link, the second nothing to do
        changed = remotes.run(trees=trees, overrides=overrides)["changed"]
    assert not changed
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "cpds": OURS,
        "cpds.vendor": VENDOR,
        "mkswap": OURS,
        "mkswap.vendor": "#!/bin/sh\necho ceph\n",
        "context": "#!/bin/sh\necho ceph\n",
    }
    remotes.run(trees=trees, overrides=[{"path": str(target / "cpds")}, overrides[1]])
    assert (target / "cpds").read_text() == VENDOR and not (target / "cpds.vendor").exists()


def test_a_run_that_was_ended_before_ours_was_written(remotes: Remotes) -> None:
    remotes.mkswap.rename(f"{remotes.mkswap}.vendor")
    override = {"path": str(remotes.mkswap)}
    assert remotes.run(overrides=[override])["changed"] and os.readlink(remotes.mkswap) == "../ceph/mkswap"
    assert not remotes.run(overrides=[override])["changed"]


def test_two_lines_of_one_file(remotes: Remotes) -> None:
    lines = [{"path": str(remotes.apparmor), "line": f'  "/etc/vitastor/{name}.conf" r,'} for name in ("one", "two")]
    remotes.run(lines=lines)
    assert remotes.apparmor.read_text().count("vitastor") == 2
    remotes.run(lines=[{**lines[0], "state": "absent"}])
    assert "two.conf" in remotes.apparmor.read_text() and "one.conf" not in remotes.apparmor.read_text()


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"files": [{"path": "/x/y"}]}, "/x/y has no content"),
        ({"files": [{"path": "/x/y", "content": "", "mode": "rw"}]}, "The mode of /x/y is 'rw'"),
        ({"files": [{"path": "/x/y", "content": "", "owner": "nobody-at-all"}]}, "There is no user nobody-at-all"),
        ({"overrides": [{"path": "/x/y", "content": "#!/bin/sh\n"}]}, "does not say that it is one"),
    ],
)
def test_what_the_task_lacks(remotes: Remotes, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModuleFailed, match=sentence):
        remotes.run(**given)
