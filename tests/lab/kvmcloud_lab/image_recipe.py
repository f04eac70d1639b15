# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a Debian tree is made from an image definition. A change in this file makes all images anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kvmcloud_lab.paths import IMAGE_DEFINITIONS

if TYPE_CHECKING:
    from kvmcloud_lab.apt_sources import Source
    from kvmcloud_lab.images import Image

DOWNLOADS = "downloads"
# Lean trees: what nobody reads in a lab host is not unpacked.
EXCLUDED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/icons/*")


def mmdebstrap(image: Image, sources: list[Source], acquire: str, scratch: Path, tree: Path) -> list[str]:
    """The command that makes `tree`, and fills scratch/downloads with the packages its hosts may install later."""
    downloads = scratch / DOWNLOADS
    (downloads / "partial").mkdir(parents=True)
    (scratch / "sources.list").write_text("".join(f"{source.line()}\n" for source in sources))
    (scratch / "apt.conf").write_text(acquire)
    hooks = [_download_hook(group, downloads) for group in image.mirror_packages]
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(image.packages)}",
        f"--aptopt={scratch}/apt.conf",
        '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
        # Credentials and certificates apt has on this machine are lent to the build, not left in the image.
        '--setup-hook=mkdir -p "$1/etc/apt/auth.conf.d"',
        '--setup-hook=cp /etc/apt/auth.conf.d/* "$1/etc/apt/auth.conf.d/" 2>/dev/null || :',
        *(f"--customize-hook={hook}" for hook in hooks),
        f"--customize-hook={IMAGE_DEFINITIONS}/customize",
        image.suite,
        str(tree),
        str(scratch / "sources.list"),
    ]


def _download_hook(group: tuple[str, ...], downloads: Path) -> str:
    """What these packages need on top of what is installed in the image, fetched and not installed."""
    return (
        'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --quiet --yes --download-only '
        f"-oDir::Cache::archives={downloads} install {' '.join(group)}"
    )
