# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab host's apt knows: the repository made with its image, and its lists, as after an apt-get update."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Files = dict[str, tuple[str, int]]

KEYRING = "etc/apt/keyrings/lab.asc"
SOURCE = """\
Types: deb
URIs: {uri}
Suites: {suite}
Components: main
Signed-By: /{keyring}
"""


@dataclass(frozen=True)
class PackageSource:
    uri: str
    suite: str
    key: str
    lists: Path | None  # the repository on this machine, to take the lists from
    distribution: str = ""  # deb822 text of further sources

    def files(self) -> Files:
        files: Files = {
            "etc/apt/sources.list.d/lab.sources": (
                SOURCE.format(uri=self.uri, suite=self.suite, keyring=KEYRING),
                0o644,
            ),
            KEYRING: (self.key, 0o644),
        }
        if self.distribution:
            files["etc/apt/sources.list.d/distribution.sources"] = (self.distribution, 0o644)
        if self.lists:
            for name in ("InRelease", "main/binary-amd64/Packages"):
                text = (self.lists / "dists" / self.suite / name).read_text()
                files[f"var/lib/apt/lists/{self._list_name(name)}"] = (text, 0o644)
        return files

    def _list_name(self, name: str) -> str:
        """apt's own way to name a downloaded list after its address."""
        address = self.uri.partition("://")[2].replace("_", "%5f")
        return f"{address}/dists/{self.suite}/{name}".replace("/", "_")
