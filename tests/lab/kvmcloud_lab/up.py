# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab up: what the inventory names is made; what is already there is left alone; what it no longer names is removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kvmcloud_lab import container, guest
from kvmcloud_lab.apt_sources import KEYRING, debian_sources
from kvmcloud_lab.disks import free_loops
from kvmcloud_lab.down import down
from kvmcloud_lab.image_build import debian_repository, ensure_image
from kvmcloud_lab.images import Image
from kvmcloud_lab.kernel_limits import raise_limits
from kvmcloud_lab.model import CONTAINER, VM, Host, Lab
from kvmcloud_lab.network import ensure_networks
from kvmcloud_lab.opennebula import PASSTHROUGH, UPSTREAM, OpenNebulaRepository, opennebula_repository
from kvmcloud_lab.package_server import ensure_server, server_url
from kvmcloud_lab.package_source import PackageSource
from kvmcloud_lab.paths import host_dir, lab_dir
from kvmcloud_lab.programs import LabError
from kvmcloud_lab.repository import SigningKey
from kvmcloud_lab.seed import write_seed
from kvmcloud_lab.ssh import ensure_host_key, ensure_lab_key, wait_until_answering, write_client_files
from kvmcloud_lab.state import boot_id, made_as, read_state, set_made_as, write_state

KINDS: dict[str, Any] = {CONTAINER: container, VM: guest}
AT_ONCE = 8  # hosts; making one is mostly waiting for podman's locks and for QEMU

T = TypeVar("T")


def host_states(lab: str) -> dict[str, str]:
    return {**guest.states(lab), **container.states(lab)}


def up(lab: Lab, images: dict[str, Image], chosen: set[str], say: Callable[[str], None]) -> None:
    hosts = [host for host in lab.hosts if host.name in chosen]
    before = read_state(lab.name)
    if before and before["boot_id"] != boot_id():
        say("the machine was restarted since this lab was made: making it anew")
        down(lab.name)
    key = SigningKey("debian")
    _build_images({images[host.image].name: images[host.image] for host in hosts}, key, say)
    write_state(lab.name)
    raise_limits()
    ensure_networks(lab)
    repository = _serve(lab, say)
    authorized_key = ensure_lab_key(lab.name)
    _remove_unnamed(lab, say)
    sources = {host.image: _package_source(lab, images[host.image], key, repository) for host in hosts}
    states = host_states(lab.name)

    def make(host: Host) -> str:
        return _make(lab, host, images[host.image], sources[host.image], authorized_key, states.get(host.name, ""))

    results = in_parallel(make, hosts)
    write_client_files(lab)
    in_parallel(lambda host: wait_until_answering(host, KINDS[host.kind].STARTUP_LIMIT), hosts)
    for host, result in zip(hosts, results, strict=True):
        say(f"{host.name} ({host.kind}, {host.image}, {host.address}) {result}")


def in_parallel(work: Callable[[Host], T], hosts: Iterable[Host]) -> list[T]:
    """Every host gets its turn, also when one fails; all that failed is told."""

    def attempt(host: Host) -> tuple[T | None, str]:
        try:
            return work(host), ""
        except LabError as error:
            return None, f"{host.name}: {error}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(attempt, hosts))
    failures = [failure for _result, failure in outcomes if failure]
    if failures:
        raise LabError("\n".join(failures))
    return [result for result, _failure in outcomes]  # type: ignore[misc]


def forget_host(lab: str, host: str) -> None:
    for kind in KINDS.values():
        kind.remove(lab, host)
    free_loops(lab, host)
    shutil.rmtree(host_dir(lab, host), ignore_errors=True)


def _build_images(images: dict[str, Image], key: SigningKey, say: Callable[[str], None]) -> None:
    def build(image: Image) -> str:
        begin = time.monotonic()
        if ensure_image(image, key):
            say(f"image {image.name} built from Debian's packages in {time.monotonic() - begin:.0f} s")
        return image.name

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, images.values()))


def _serve(lab: Lab, say: Callable[[str], None]) -> OpenNebulaRepository:
    former = read_state(lab.name).get("opennebula", {})
    repository = opennebula_repository(lab, former)
    sites = {PASSTHROUGH: lab.opennebula.upstream_url} if repository.source == UPSTREAM else {}
    if _sees_distribution(lab, repository):
        sites |= {_distribution_path(uri): uri for uri in _distribution_uris("bookworm")}
    ensure_server(lab, lab_dir(lab.name) / "server.log", sites)
    if former != repository.as_dict():
        say(f"OpenNebula: {repository.source} ({repository.why})")
    write_state(lab.name, server=server_url(lab), opennebula=repository.as_dict())
    return repository


def _sees_distribution(lab: Lab, repository: OpenNebulaRepository) -> bool:
    # Upstream's packages need more of the distribution than was laid by with the images.
    return lab.distribution_passthrough or repository.source == UPSTREAM


def _distribution_uris(suite: str) -> list[str]:
    return list(dict.fromkeys(source.uri for source in debian_sources(suite)))


def _distribution_path(uri: str) -> str:
    return "/upstream/debian/" + uri.partition("://")[2].strip("/").replace("/", "-")


def _package_source(lab: Lab, image: Image, key: SigningKey, repository: OpenNebulaRepository) -> PackageSource:
    distribution = ""
    if _sees_distribution(lab, repository):
        for source in debian_sources(image.suite):
            uri = server_url(lab) + _distribution_path(source.uri)
            distribution += (
                f"Types: deb\nURIs: {uri}\nSuites: {source.suite}\nComponents: main\nSigned-By: {KEYRING}\n\n"
            )
    laid_by = debian_repository(image)
    uri = f"{server_url(lab)}/debian/{laid_by.name}"
    return PackageSource(uri, image.suite, key.public(), laid_by, distribution)


def _remove_unnamed(lab: Lab, say: Callable[[str], None]) -> None:
    for name in sorted(host_states(lab.name).keys() - {host.name for host in lab.hosts}):
        forget_host(lab.name, name)
        say(f"{name} removed: the inventory no longer names it")


def _make(lab: Lab, host: Host, image: Image, source: PackageSource, authorized_key: str, state: str) -> str:
    kind = KINDS[host.kind]
    if state and made_as(lab.name, host.name) == host.fingerprint():
        if state == "running":
            return "is up"
        kind.start(lab, host)
        return "started"
    forget_host(lab.name, host.name)
    write_seed(lab, host, ensure_host_key(lab.name, host.name), authorized_key, source)
    kind.create(lab, host, image)
    set_made_as(lab.name, host.name, host.fingerprint())
    return "made anew: the inventory describes it differently, or it was half-made" if state else "made"
