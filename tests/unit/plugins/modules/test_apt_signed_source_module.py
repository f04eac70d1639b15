# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against the real apt-get, in a root of its own, with repositories signed by real keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.modules import apt_signed_source

pytestmark = [
    pytest.mark.skipif(
        not all(map(shutil.which, ("apt-get", "gpg", "apt-ftparchive"))), reason="apt-get, gpg, apt-utils are needed"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="the module sets owners, so root is needed"),
]


class Signer:
    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.home = home
        self.gpg("--passphrase", "", "--quick-gen-key", home.name, "ed25519", "sign", "never")
        self.key = self.gpg("--export", "--armor").decode()
        shown = self.gpg("--list-keys", "--with-colons").decode().splitlines()
        self.fingerprint = next(line.split(":")[9] for line in shown if line.startswith("fpr:"))

    def gpg(self, *arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--yes", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def repository(self, folder: Path) -> str:
        """A flat, empty, signed repository; returns its address."""
        folder.mkdir()
        (folder / "Packages").write_text("")
        release = subprocess.run(["apt-ftparchive", "release", "."], cwd=folder, check=True, capture_output=True).stdout
        (folder / "Release").write_bytes(release)
        self.gpg("--clearsign", "--output", str(folder / "InRelease"), str(folder / "Release"))
        return f"file:{folder}"


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Signer, Signer]]:
    base = tmp_path_factory.mktemp("signers")
    both = Signer(base / "good"), Signer(base / "other")
    yield both
    for signer in both:
        subprocess.run(["gpgconf", "--homedir", str(signer.home), "--kill", "all"], check=True)


class AptRoot:
    def __init__(self, root: Path, good: Signer) -> None:
        self.etc, self.lists, self.stages = root / "etc", root / "state" / "lists", root / "run"
        self.uri = good.repository(root / "repo")
        self.good = good

    def params(self, **changes: Any) -> dict[str, Any]:
        wanted = {"name": "one", "uris": [self.uri], "suites": ["./"], "key": self.good.key}
        return {**wanted, "key_fingerprint": [self.good.fingerprint], **changes}

    def snapshot(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.etc)): path.read_bytes() for path in self.etc.rglob("*") if path.is_file()}


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signers: tuple[Signer, Signer]) -> AptRoot:
    root = AptRoot(tmp_path, signers[0])
    for folder in ("etc/sources.list.d", "etc/auth.conf.d", "etc/keyrings", "state/lists/partial", "cache"):
        (tmp_path / folder).mkdir(parents=True)
    config = tmp_path / "apt.conf"
    config.write_text(
        f'Dir::State "{tmp_path}/state/"; Dir::Cache "{tmp_path}/cache/"; Dir::Etc "{tmp_path}/etc/";\n'
        'APT::Sandbox::User "root"; Dir::State::status "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(config))
    monkeypatch.setattr(apt_signed_source, "ETC", str(root.etc))
    monkeypatch.setattr(apt_signed_source, "LISTS", str(root.lists))
    monkeypatch.setattr(apt_signed_source, "STAGES", str(root.stages))
    root.stages.mkdir()
    return root


def test_present_twice_then_absent(apt: AptRoot, capsys: Any) -> None:
    predicted = run_module(capsys, apt_signed_source, check=True, **apt.params())
    assert apt.snapshot() == {}
    result = run_module(capsys, apt_signed_source, **apt.params())
    assert result["changed"] and result["refreshed"]
    assert {key: result[key] for key in ("files", "refreshed", "diff")} == {
        key: predicted[key] for key in ("files", "refreshed", "diff")
    }
    assert set(apt.snapshot()) == {"sources.list.d/one.sources", "keyrings/one.asc"}
    assert list(apt.lists.glob("*Release")), "the package lists were fetched"

    assert not run_module(capsys, apt_signed_source, **apt.params())["changed"]
    assert not run_module(capsys, apt_signed_source, check=True, **apt.params())["changed"]

    assert run_module(capsys, apt_signed_source, name="one", state="absent")["changed"]
    assert apt.snapshot() == {}
    assert not run_module(capsys, apt_signed_source, name="one", state="absent")["changed"]


def test_lost_lists_are_fetched_again(apt: AptRoot, capsys: Any) -> None:
    run_module(capsys, apt_signed_source, **apt.params())
    for path in apt.lists.glob("*Release"):
        path.unlink()
    result = run_module(capsys, apt_signed_source, **apt.params())
    assert (result["changed"], result["files"], result["refreshed"]) == (True, [], True)


def test_a_fresh_image_without_lists_gets_those_of_its_distribution_too(
    apt: AptRoot, capsys: Any, signers: tuple[Signer, Signer], tmp_path: Path
) -> None:
    distribution = signers[1].repository(tmp_path / "distribution")
    (apt.etc / "keyrings/debian.asc").write_text(signers[1].key)
    entry = f"deb [signed-by={apt.etc}/keyrings/debian.asc] {distribution} ./\n"
    (apt.etc / "sources.list").write_text(entry)
    assert run_module(capsys, apt_signed_source, check=True, **apt.params())["distribution_refreshed"]
    assert run_module(capsys, apt_signed_source, **apt.params())["distribution_refreshed"]
    assert len(list(apt.lists.glob("*Release"))) == 2
    again = run_module(capsys, apt_signed_source, **apt.params())
    assert not again["changed"] and not again["distribution_refreshed"]


@pytest.mark.parametrize("entry", ["", "# deb file:/nowhere ./\n"], ids=["no other source", "commented out"])
def test_where_there_are_no_other_sources_nothing_is_missing(apt: AptRoot, capsys: Any, entry: str) -> None:
    (apt.etc / "sources.list").write_text(entry)
    assert not run_module(capsys, apt_signed_source, **apt.params())["distribution_refreshed"]


def test_other_sources_that_cannot_be_reached_are_a_warning(
    apt: AptRoot, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    (apt.etc / "sources.list").write_text("deb [trusted=yes] file:/nowhere ./\n")
    result = run_module(capsys, apt_signed_source, **apt.params())
    assert result["changed"] and not result["distribution_refreshed"]
    assert "so nothing of them can be installed" in warnings[0]
    assert not run_module(capsys, apt_signed_source, **apt.params())["changed"]


def test_key_with_another_fingerprint_changes_nothing(
    apt: AptRoot, capsys: Any, signers: tuple[Signer, Signer]
) -> None:
    other = signers[1]
    for check in (True, False):
        with pytest.raises(ModuleFailed, match=f"Wanted: {apt.good.fingerprint}. Found: {other.fingerprint}"):
            run_module(capsys, apt_signed_source, check=check, **apt.params(key=other.key))
    with pytest.raises(ModuleFailed, match="not the pinned one"):  # a further key smuggled into the file
        run_module(capsys, apt_signed_source, **apt.params(key=apt.good.key + other.key))
    assert apt.snapshot() == {}


def test_repository_signed_by_another_key_leaves_the_former_state(
    apt: AptRoot, capsys: Any, signers: tuple[Signer, Signer], tmp_path: Path
) -> None:
    run_module(capsys, apt_signed_source, **apt.params())
    before = apt.snapshot()
    foreign = signers[1].repository(tmp_path / "foreign")
    with pytest.raises(ModuleFailed, match=r"(?s)does not work: .*NO_PUBKEY.*former configuration is unchanged"):
        run_module(capsys, apt_signed_source, **apt.params(uris=[foreign]))
    assert apt.snapshot() == before
    assert not run_module(capsys, apt_signed_source, **apt.params())["changed"]


def test_unreachable_repository_leaves_the_former_state(apt: AptRoot, capsys: Any, tmp_path: Path) -> None:
    with pytest.raises(ModuleFailed, match=r"(?s)does not work: .*does not have a Release file"):
        run_module(capsys, apt_signed_source, **apt.params(uris=[f"file:{tmp_path}/nowhere"]))
    assert apt.snapshot() == {}


def test_key_that_cannot_be_fetched(apt: AptRoot, capsys: Any, tmp_path: Path) -> None:
    wanted = apt.params(key=str(tmp_path / "no-such-key"))
    assert run_module(capsys, apt_signed_source, check=True, **wanted)["changed"]
    with pytest.raises(ModuleFailed, match="cannot be read on the target: No such file"):
        run_module(capsys, apt_signed_source, **wanted)


def test_converged_run_does_not_fetch_the_key(apt: AptRoot, capsys: Any) -> None:
    run_module(capsys, apt_signed_source, **apt.params())
    address = "http://127.0.0.1:9/unreachable.key"
    result = run_module(capsys, apt_signed_source, **apt.params(key=address))
    assert not result["changed"]
    assert result["fingerprints"] == [apt.good.fingerprint]
    with pytest.raises(ModuleFailed, match="cannot be fetched"):
        run_module(capsys, apt_signed_source, **apt.params(key=address, refresh_key=True))


def test_key_damaged_on_the_target_is_repaired(apt: AptRoot, capsys: Any) -> None:
    run_module(capsys, apt_signed_source, **apt.params())
    before = apt.snapshot()
    (apt.etc / "keyrings/one.asc").write_text("rubbish")
    assert run_module(capsys, apt_signed_source, **apt.params())["files"] == [str(apt.etc / "keyrings/one.asc")]
    assert apt.snapshot() == before


def test_another_file_for_the_same_repository_is_refused_or_replaced(apt: AptRoot, capsys: Any) -> None:
    old = apt.etc / "sources.list.d" / "old.list"
    old.write_text(f"deb [trusted=yes] {apt.uri} ./\n")
    with pytest.raises(ModuleFailed, match="old.list names it too.*opennebula_repository_replaces"):
        run_module(capsys, apt_signed_source, **apt.params())
    result = run_module(capsys, apt_signed_source, **apt.params(replaces=[str(old)]))
    assert not old.exists()
    assert [Path(path).read_text() for path in result["backups"]] == [f"deb [trusted=yes] {apt.uri} ./\n"]
    assert not run_module(capsys, apt_signed_source, **apt.params(replaces=[str(old)]))["changed"]


def test_a_backup_is_never_read_by_apt(apt: AptRoot, capsys: Any) -> None:
    old = apt.etc / "sources.list.d" / "old.list"
    old.write_text(f"deb [trusted=yes] {apt.uri} ./\n")
    run_module(capsys, apt_signed_source, **apt.params(replaces=[str(old)]))
    active = [path.name for path in (apt.etc / "sources.list.d").iterdir() if path.suffix in (".list", ".sources")]
    assert active == ["one.sources"]


KILLED_WHILE_STAGING = """
import os, sys, time
from ansible_collections.kvmcloud.stack.plugins.module_utils.apt_stage import locked_stage
with locked_stage(sys.argv[1]) as stage:
    open(os.path.join(stage, "credentials"), "w").close()
    print("staged", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_run_staged_is_removed_by_the_next(apt: AptRoot, capsys: Any) -> None:
    """But not what another run is using at this moment."""
    collections = Path(apt_signed_source.__file__).parents[5]
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_STAGING, str(apt.stages)],
        env={**os.environ, "PYTHONPATH": str(collections)},
        stdout=subprocess.PIPE,
    )
    try:
        assert run.stdout is not None and run.stdout.readline() == b"staged\n"
        run_module(capsys, apt_signed_source, **apt.params())
        assert len(list(apt.stages.glob("*/credentials"))) == 1
    finally:
        run.kill()
        run.wait()
    run_module(capsys, apt_signed_source, check=True, **apt.params())
    assert len(list(apt.stages.glob("*/credentials"))) == 1, "check mode changes nothing"
    assert not run_module(capsys, apt_signed_source, **apt.params())["changed"], "it is no change of the source"
    assert list(apt.stages.iterdir()) == []
