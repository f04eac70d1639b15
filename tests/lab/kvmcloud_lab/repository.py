# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed apt repositories from a set of .deb files."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from kvmcloud_lab.paths import GNUPG
from kvmcloud_lab.programs import run


class SigningKey:
    """A key of the lab's own, made when first used. `name` tells several apart (right, wrong, ...)."""

    def __init__(self, name: str) -> None:
        self._home = GNUPG / name
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.public():
            identity = f"kvmcloud.stack lab, {name} <lab@invalid>"
            self.gpg("--passphrase", "", "--quick-generate-key", identity, "ed25519", "sign", "never")

    def gpg(self, *arguments: str | Path) -> str:
        with (self._home / "lab.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            output = run(["gpg", "--homedir", self._home, "--batch", "--quiet", "--yes", *arguments])
            # No agent outlives the lab. (The lock: another thread's is not to be ended in the midst of signing.)
            run(["gpgconf", "--homedir", self._home, "--kill", "gpg-agent"])
            return output

    @property
    def fingerprint(self) -> str:
        records = self.gpg("--with-colons", "--list-keys").splitlines()
        return next(record.split(":")[9] for record in records if record.startswith("fpr:"))

    def public(self) -> str:
        return self.gpg("--armor", "--export")


def publish(repository: Path, debs: list[Path], suite: str, component: str, key: SigningKey) -> None:
    """Makes `repository` a complete, signed apt repository of these packages; a former one is replaced."""
    fresh = repository.with_name(f".{repository.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    pool = fresh / "pool"
    pool.mkdir(parents=True)
    for deb in debs:
        _link_or_copy(deb, pool / deb.name)
    packages = run(["apt-ftparchive", "packages", "pool"], cwd=fresh)
    dists = fresh / "dists" / suite
    index = dists / component / "binary-amd64"
    index.mkdir(parents=True)
    (index / "Packages").write_text(packages)
    fields = {"Origin": "kvmcloud.stack lab", "Suite": suite, "Codename": suite}
    fields |= {"Components": component, "Architectures": "amd64"}
    options = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in fields.items()]
    (dists / "Release").write_text(run(["apt-ftparchive", *options, "release", dists]))
    key.gpg("--clearsign", "--output", dists / "InRelease", dists / "Release")
    key.gpg("--armor", "--detach-sign", "--output", dists / "Release.gpg", dists / "Release")
    former = repository.with_name(f".{repository.name}.old")
    shutil.rmtree(former, ignore_errors=True)
    if repository.exists():
        repository.rename(former)
    fresh.rename(repository)
    shutil.rmtree(former, ignore_errors=True)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
