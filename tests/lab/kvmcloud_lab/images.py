# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image definitions: one small YAML file per image in tests/lab/images; `extends` adds to another one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kvmcloud_lab.model import CONTAINER
from kvmcloud_lab.paths import IMAGE_DEFINITIONS, SOURCE
from kvmcloud_lab.programs import LabError

# What decides how an image comes out, beside its definition.
RECIPE = (SOURCE / "image_recipe.py", IMAGE_DEFINITIONS / "customize")


@dataclass(frozen=True)
class Image:
    name: str
    kind: str
    suite: str
    packages: tuple[str, ...]
    mirror_packages: tuple[tuple[str, ...], ...]  # each tuple is installable in one transaction

    @property
    def tag(self) -> str:
        """Name and a digest of all that makes the image: it is built again when, and only when, that changes."""
        digest = hashlib.sha256(json.dumps(self.__dict__, sort_keys=True).encode())
        for file in RECIPE:
            digest.update(file.read_bytes())
        return f"{self.name}-{digest.hexdigest()[:12]}"

    @property
    def reference(self) -> str:
        """The image's name in podman."""
        return f"localhost/kvmcloud-lab:{self.tag}"


def known_images(directory: Path = IMAGE_DEFINITIONS) -> dict[str, Image]:
    definitions = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(directory.glob("*.yml"))}
    return {name: _image(name, definitions) for name in definitions}


def _image(name: str, definitions: dict[str, dict[str, Any]]) -> Image:
    definition = dict(definitions[name])
    unknown = definition.keys() - {"extends", "kind", "suite", "packages", "mirror_packages"}
    if unknown:
        raise LabError(f"tests/lab/images/{name}.yml has {', '.join(sorted(unknown))}, which mean nothing here.")
    base = _image(definition["extends"], definitions) if "extends" in definition else None
    if base is None and "suite" not in definition:
        raise LabError(f"tests/lab/images/{name}.yml has neither a suite nor an image it extends.")
    packages = [*(base.packages if base else ()), *definition.get("packages", [])]
    groups = [tuple(group.split()) for group in definition.get("mirror_packages", [])]
    return Image(
        name=name,
        kind=definition.get("kind", base.kind if base else CONTAINER),
        suite=definition.get("suite", base.suite if base else ""),
        packages=tuple(dict.fromkeys(packages)),
        mirror_packages=tuple(dict.fromkeys([*(base.mirror_packages if base else ()), *groups])),
    )
