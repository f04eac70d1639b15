# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine reaches Debian packages: its own apt configuration, read and passed on to the building of images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kvmcloud_lab.programs import LabError, run

APT = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Source:
    uri: str
    suite: str

    def line(self) -> str:
        return f"deb [signed-by={KEYRING}] {self.uri} {self.suite} main"


def debian_sources(suite: str, apt: Path = APT) -> list[Source]:
    """The machine's own Debian sources, for another suite if need be: wherever bookworm comes from, trixie does too."""
    own = _codename()
    configured = [*_one_line_sources(apt), *_deb822_sources(apt)]
    sources = [
        Source(source.uri, suite + source.suite[len(own) :])
        for source in configured
        if source.suite == own or source.suite in (f"{own}-updates", f"{own}-security")
    ]
    if not any(source.suite == suite for source in sources):
        raise LabError(
            f"No package mirror: neither {apt}/sources.list nor {apt}/sources.list.d names a source for {own}. "
            "Lab images are made from this machine's own Debian sources; configure one."
        )
    return list(dict.fromkeys(sources))


def acquire_options() -> str:
    """Proxies, certificates and the like that apt needs on this machine, as apt.conf text."""
    return run(["apt-config", "dump", "Acquire"])


def _codename() -> str:
    release = Path("/etc/os-release").read_text()
    match = re.search(r"^VERSION_CODENAME=(\w+)$", release, re.MULTILINE)
    if "ID=debian" not in release.splitlines() or not match:
        raise LabError("Lab images are made on Debian from its own package sources; this machine is not Debian.")
    return match[1]


def _one_line_sources(apt: Path) -> list[Source]:
    sources = []
    for file in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]:
        lines = file.read_text().splitlines() if file.exists() else []
        for line in lines:
            match = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
            if match and "main" in match[3].split():
                sources.append(Source(match[1].rstrip("/"), match[2]))
    return sources


def _deb822_sources(apt: Path) -> list[Source]:
    sources = []
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        text = re.sub(r"^#.*\n?", "", file.read_text(), flags=re.MULTILINE)
        for stanza in re.split(r"\n\s*\n", text):
            unfolded = re.sub(r"\n[ \t]+", " ", stanza.strip())
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", unfolded, re.MULTILINE))
            if "deb" not in fields.get("Types", "").split() or fields.get("Enabled", "yes").lower() in ("no", "false"):
                continue
            if "main" in fields.get("Components", "").split():
                sources += [
                    Source(uri.rstrip("/"), suite)
                    for uri in fields.get("URIs", "").split()
                    for suite in fields.get("Suites", "").split()
                ]
    return sources
