# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where lab hosts get OpenNebula from: upstream if it answers, else packages of the emulator - and it is said which."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from kvmcloud_lab.model import Lab, OpenNebulaSource
from kvmcloud_lab.package_server import server_url
from kvmcloud_lab.paths import EMULATOR, LABS, MIRROR, SCRATCH
from kvmcloud_lab.programs import LabError, run
from kvmcloud_lab.repository import SigningKey, publish
from kvmcloud_lab.state import read_state

ANSWER_WITHIN = 4  # seconds
EMULATED, UPSTREAM, NONE = "emulated", "upstream", "none"
PASSTHROUGH = "/upstream/opennebula"
KEY_FILE = "repo2.key"
DEBIAN_VERSIONS = ("12", "13")
TRUSTED, WRONG_KEY = "opennebula", "opennebula-wrong-key"
UNUSED_FOR = 3600  # seconds


@dataclass(frozen=True)
class OpenNebulaRepository:
    source: str  # emulated | upstream | none
    url: str = ""
    key: str = ""
    key_fingerprint: str = ""
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def choose_source(wanted: OpenNebulaSource, former: dict[str, str]) -> tuple[str, str]:
    """Which source, and why that one. A lab that is up keeps what it found when it was made."""
    if wanted.wanted != "auto":
        return wanted.wanted, f"lab_opennebula is {wanted.wanted}"
    if former.get("source") in (UPSTREAM, EMULATED):
        return former["source"], former["why"]
    if not (wanted.upstream_url and wanted.upstream_key_fingerprint):
        return EMULATED, "the inventory names no upstream repository with a pinned key (lab_opennebula_upstream_*)"
    key = f"{wanted.upstream_url}/{KEY_FILE}"
    problem = _problem_with(key)
    return (EMULATED, f"{key} {problem}") if problem else (UPSTREAM, f"{key} answers")


def _problem_with(key: str) -> str:
    """Empty if a key is there. In a thread: no time limit of urllib's covers a name server that does not answer."""
    outcome = [f"does not answer within {ANSWER_WITHIN} s"]

    def ask() -> None:
        try:
            with urllib.request.urlopen(key, timeout=ANSWER_WITHIN) as answer:
                outcome[0] = "" if answer.read(5) == b"-----" else "is not a key"
        except OSError as error:
            outcome[0] = f"does not answer: {error}"

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN)
    return outcome[0]


def opennebula_repository(lab: Lab, former: dict[str, str]) -> OpenNebulaRepository:
    source, why = choose_source(lab.opennebula, former)
    here = server_url(lab)
    if source == UPSTREAM:
        # Through the lab's server, since hosts have no route outside; upstream's own signature is what they check.
        url, fingerprint = here + PASSTHROUGH, lab.opennebula.upstream_key_fingerprint
        return OpenNebulaRepository(source, url, f"{url}/{KEY_FILE}", fingerprint, why)
    if source == EMULATED:
        edition = _digest(lab.opennebula.releases)
        key = publish_emulated(lab.opennebula.releases, edition)
        url = f"{here}/{TRUSTED}/{edition}"
        return OpenNebulaRepository(source, url, f"{url}/{KEY_FILE}", key.fingerprint, why)
    return OpenNebulaRepository(NONE, why=why)


def publish_emulated(releases: tuple[str, ...], edition: str) -> SigningKey:
    """The repository, laid out as upstream's, and beside it the same signed by somebody else.

    Labs of several checkouts run side by side: each emulator has an edition of its own, which is never replaced.
    """
    if not (EMULATOR / "build.py").exists():
        raise LabError(
            f"There is no {EMULATOR}/build.py, which makes the emulator's packages; this checkout is incomplete."
        )
    keys = {name: SigningKey(name) for name in (WRONG_KEY, TRUSTED)}
    for name in keys:
        (MIRROR / name).mkdir(parents=True, exist_ok=True)
    with (MIRROR / ".opennebula.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((MIRROR / name / edition).exists() for name in keys):
            built = {release: _build(release) for release in releases}
            for name, key in keys.items():
                _publish_edition(MIRROR / name / edition, built, key)
        _remove_unused(edition)
    return keys[TRUSTED]


def _build(release: str) -> list[Path]:
    built = SCRATCH / f"opennebula-{release}"
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir(parents=True)
    run([sys.executable, EMULATOR / "build.py", "--release", release, "--output", built])
    debs = sorted(built.glob("*.deb"))
    if not debs:
        raise LabError(f"{EMULATOR}/build.py --release {release} made no packages.")
    return debs


def _publish_edition(place: Path, built: dict[str, list[Path]], key: SigningKey) -> None:
    """What has its final name is complete."""
    fresh = place.with_name(f".{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for release, debs in built.items():
        for version in DEBIAN_VERSIONS:
            repository = fresh / ".".join(release.split(".")[:2]) / "Debian" / version
            repository.parent.mkdir(parents=True, exist_ok=True)
            publish(repository, debs, "stable", "opennebula", key)
    (fresh / KEY_FILE).write_text(key.public())
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)


def _remove_unused(edition: str) -> None:
    """Editions that no lab takes packages from, and that no lab which is just being made is about to take."""
    used = {edition} | {
        str(read_state(lab.name).get("opennebula", {}).get("url", "")).rpartition("/")[2] for lab in LABS.glob("*")
    }
    for place in [*(MIRROR / TRUSTED).glob("*"), *(MIRROR / WRONG_KEY).glob("*")]:
        if place.name not in used and time.time() - place.stat().st_mtime > UNUSED_FOR:
            shutil.rmtree(place, ignore_errors=True)


def _digest(releases: tuple[str, ...]) -> str:
    """Of all that decides how the repository comes out."""
    digest = hashlib.sha256(repr(releases).encode())
    sources = [file for file in EMULATOR.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    for file in sorted(sources, key=str) + [Path(__file__)]:
        digest.update(f"{file.name} {file.stat().st_mode}".encode() + file.read_bytes())
    return digest.hexdigest()[:12]
