# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds images with mmdebstrap, and beside each image a repository of the packages its hosts may install later."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kvmcloud_lab.apt_sources import acquire_options, debian_sources
from kvmcloud_lab.image_recipe import DOWNLOADS, mmdebstrap
from kvmcloud_lab.images import Image
from kvmcloud_lab.model import VM
from kvmcloud_lab.paths import IMAGES, LABS, MIRROR, SCRATCH
from kvmcloud_lab.podman import image_exists, podman
from kvmcloud_lab.programs import run
from kvmcloud_lab.repository import SigningKey, publish

GUEST_ROOT_SIZE = "6G"  # sparse


def debian_repository(image: Image) -> Path:
    """The packages for hosts of this image; each image has its own, so that they fit what is installed in it."""
    return MIRROR / "debian" / image.tag


def guest_files(image: Image) -> Path:
    """Where a guest image's `root.img`, `kernel` and `initrd` are."""
    return IMAGES / image.tag


def is_built(image: Image) -> bool:
    if not debian_repository(image).exists():
        return False
    return guest_files(image).exists() if image.kind == VM else image_exists(image.reference)


def ensure_image(image: Image, key: SigningKey) -> bool:
    """True if the image had to be built."""
    with _lock(image):
        if is_built(image):
            return False
        scratch = SCRATCH / image.tag
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            _build(image, scratch, key)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        _forget_former(image)
        return True


def _build(image: Image, scratch: Path, key: SigningKey) -> None:
    scratch.mkdir(parents=True)
    tree = scratch / ("tree" if image.kind == VM else "tree.tar")
    command = mmdebstrap(image, debian_sources(image.suite), acquire_options(), scratch, tree)
    run(command, env={**os.environ, "TMPDIR": str(scratch), "KIND": image.kind})
    _publish_downloads(image, scratch / DOWNLOADS, key)
    if image.kind == VM:
        _make_guest_disk(image, tree)
    else:
        podman("import", "--change", "STOPSIGNAL SIGRTMIN+3", tree, image.reference)


def _publish_downloads(image: Image, downloads: Path, key: SigningKey) -> None:
    repository = debian_repository(image)
    repository.parent.mkdir(parents=True, exist_ok=True)
    publish(repository, sorted(downloads.glob("*.deb")), image.suite, "main", key)


def _make_guest_disk(image: Image, tree: Path) -> None:
    target = guest_files(image)
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copyfile(next((tree / "boot").glob("vmlinuz-*")), fresh / "kernel")
    shutil.copyfile(next((tree / "boot").glob("initrd.img-*")), fresh / "initrd")
    run(["mkfs.ext4", "-q", "-L", "root", "-E", "lazy_itable_init=1", "-d", tree, fresh / "root.img", GUEST_ROOT_SIZE])
    fresh.rename(target)


def _forget_former(image: Image) -> None:
    """Images of this name with another definition. While any lab is up they stay: its hosts may be made of them."""
    if any(LABS.glob("*/lab.json")):
        return
    for parent in (IMAGES, MIRROR / "debian"):
        for former in parent.glob(f"{image.name}-*"):
            if former.name.rpartition("-")[0] == image.name and former.name != image.tag and former.is_dir():
                shutil.rmtree(former, ignore_errors=True)
    tags = podman("images", "--format", "{{.Repository}}:{{.Tag}} {{.Containers}}", "localhost/kvmcloud-lab")
    for line in tags.splitlines():
        reference, _, users = line.partition(" ")
        same_name = reference.rpartition("-")[0] == image.reference.rpartition("-")[0]
        if same_name and reference != image.reference and users == "0":
            podman("rmi", reference)


@contextmanager
def _lock(image: Image) -> Iterator[None]:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (IMAGES / f"{image.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
