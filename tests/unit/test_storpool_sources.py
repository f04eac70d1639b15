# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sources of StorPool's add-on come from: the role's own tasks, a bare repository and an archive made here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RELEASES = ("24.09.1", "26.04.0")


def sources(folder: Path, release: str) -> Path:
    for name in ("scripts/install-7.2.sh", "vmm/kvm/deploy-tweaks"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# of {release}\n")
    return folder


def git(*words: str, cwd: Path) -> None:
    given = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    names = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, env={**os.environ, **given, **names})


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: Any) -> Path:
    """A bare repository with a tag for each release, as a mirror of the vendor's is."""
    folder = tmp_path_factory.mktemp("upstream")
    tree = folder / "tree"
    tree.mkdir()
    git("init", "-q", cwd=tree)
    for release in RELEASES:
        sources(tree, release)
        git("add", "-A", cwd=tree)
        git("commit", "-q", "-m", release, cwd=tree)
        git("tag", f"v{release}", cwd=tree)
    git("clone", "-q", "--bare", str(tree), str(folder / "addon.git"), cwd=folder)
    return folder / "addon.git"


def archive(folder: Path, name: str, release: str) -> Path:
    """As GitHub makes them: one folder, in which everything is."""
    inside = sources(folder / f"made-{release}" / "addon-storpool", release)
    with tarfile.open(folder / name, "w:gz") as stream:
        stream.add(inside, arcname=f"addon-storpool-{release}")
    return folder / name


class Run:
    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / "addon"

    def __call__(self, *options: str, **variables: Any) -> str:
        roles = {"include_role": {"name": "kvmcloud.stack.storpool_opennebula", "tasks_from": "sources.yml"}}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [roles]}
        (self.folder / "play.json").write_text(json.dumps([play]))
        # The folder is the role's own; git is on this machine as it is.
        given = {"storpool_opennebula_folder": str(self.place), "storpool_opennebula_git_package": [], **variables}
        given = {"storpool_opennebula_version": "26.04.0", **given}
        program = Path(sys.executable).with_name("ansible-playbook")
        self.done = subprocess.run(
            [program, "-i", "localhost,", "-e", json.dumps(given), *options, self.folder / "play.json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        )
        return " ".join((self.done.stdout + self.done.stderr).split())

    def text(self) -> str:
        return (self.place / "vmm/kvm/deploy-tweaks").read_text()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.full
def test_a_tag_of_a_git_repository(run: Run, upstream: Path) -> None:
    said = run(storpool_opennebula_source=f"file://{upstream}")
    assert run.done.returncode == 0, said
    assert "changed=1" in said and run.text() == "# of 26.04.0\n"
    assert "changed=0" in run(storpool_opennebula_source=f"file://{upstream}")
    said = run(storpool_opennebula_source=f"file://{upstream}", storpool_opennebula_version="v24.09.1")
    assert "changed=1" in said and run.text() == "# of 24.09.1\n", "another release is its own tag"


def test_a_release_that_has_no_tag(run: Run, upstream: Path) -> None:
    said = run(storpool_opennebula_source=f"file://{upstream}", storpool_opennebula_version="25.01.0")
    assert run.done.returncode != 0 and "v25.01.0" in said, "the run ends before anything of it is installed"


def test_an_archive(run: Run) -> None:
    path = archive(run.folder, "addon-storpool-26.04.0.tar.gz", "26.04.0")
    said = run("--check", storpool_opennebula_source=str(path))
    assert run.done.returncode == 0 and not run.place.exists(), said
    said = run(storpool_opennebula_source=str(path))
    assert run.done.returncode == 0, said
    assert run.text() == "# of 26.04.0\n" and not Path(f"{run.place}.new").exists()
    assert "changed=0" in run(storpool_opennebula_source=str(path))


@pytest.mark.full
def test_an_archive_at_an_address_is_the_one_that_was_meant(run: Run) -> None:
    path = archive(run.folder, "addon-storpool-26.04.0.tar.gz", "26.04.0")
    given = {"storpool_opennebula_source": f"file://{path}"}
    said = run(**given, storpool_opennebula_source_sha256="0" * 64)
    assert run.done.returncode != 0 and "checksum" in said and not run.place.exists()
    said = run(**given, storpool_opennebula_source_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    assert run.done.returncode == 0 and run.text() == "# of 26.04.0\n", said
    assert "changed=0" in run(**given, storpool_opennebula_source_sha256="0" * 64), "it is unpacked and left alone"


def test_a_run_that_was_killed_while_it_unpacked(run: Run) -> None:
    """Only whole sources have their name."""
    path = archive(run.folder, "v26.04.0.tar.gz", "26.04.0")
    (Path(f"{run.place}.new") / "scripts").mkdir(parents=True)
    assert run(storpool_opennebula_source=str(path)) and run.done.returncode == 0
    assert run.text() == "# of 26.04.0\n"


@pytest.mark.parametrize("name", ["addon-storpool-24.09.1.tar.gz", "addon-storpool-126.04.0.tgz", "addon.tar.xz"])
def test_an_archive_of_another_release(run: Run, name: str) -> None:
    path = archive(run.folder, name, "24.09.1")
    said = run(storpool_opennebula_source=str(path))
    assert run.done.returncode != 0 and "changed=0" in said
    assert f"storpool_opennebula_version is 26.04.0, and the archive is {name}: it has to have the version" in said
    assert not run.place.exists()


def test_an_unpacked_tree(run: Run) -> None:
    for name in ("addon-storpool-26.04.0", "addon-storpool"):
        tree = sources(run.folder / name, "26.04.0")
        said = run(storpool_opennebula_source=str(tree), storpool_opennebula_folder=str(tree))
        assert run.done.returncode == 0 and "changed=0" in said, said
    said = run(storpool_opennebula_source=str(sources(run.folder / "addon-storpool-24.09.1", "24.09.1")))
    assert run.done.returncode != 0 and "by its name one of 24.09.1. Unpack the release that is declared" in said
