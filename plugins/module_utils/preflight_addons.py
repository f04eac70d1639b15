# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about storage add-ons: whether they get along, and whether their datastores can work."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any, Iterable, Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import storage_addon_edits
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    NODES,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_drivers import release_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import attributes, label_of, set_aside
from ansible_collections.kvmcloud.stack.plugins.module_utils.storage_addons import AddonError

# What the drivers need in practice, whatever oned's REQUIRED_ATTRS say, with the reason.
NEEDED = {
    "vitastor": {
        "POOL_NAME": "without it the driver cannot tell the pool's size, and the datastore cannot be used",
        "BRIDGE_LIST": "every program of the driver runs on one of these hosts, also for a system datastore",
    },
    "storpool": {},
}
NEEDED_BY_IMAGES = {
    "vitastor": {
        "DISK_TYPE": "oned refuses the datastore without it",
        "VITASTOR_CONF": "the driver's export makes a URL without it that the downloader cannot read",
    },
    "storpool": {"DISK_TYPE": "oned refuses the datastore without it"},
}
DEFAULT_VITASTOR_CONF = "/etc/vitastor/vitastor.conf"


def storage_addons_agree(cloud: Cloud) -> Iterator[Finding]:
    """Storage add-ons, or one of them and opennebula_frontend_oned_edits, want the same action of the KVM driver; or a
    release of an add-on does not fit this OpenNebula.
    """
    release = release_of(cloud)
    if release is None or not cloud.storage_addons:
        return
    try:
        storage_addon_edits(cloud.storage_addons, release, cloud.addon_settings, cloud.oned_edits)
    except AddonError as error:
        yield Finding(WHOLE_CLOUD, str(error), "Change the declaration; nothing was changed on any host.")


def addon_is_declared(cloud: Cloud) -> Iterator[Finding]:
    """A datastore that is to be there uses the driver of an add-on that is being removed."""
    for entry in cloud.declared.datastores:
        driver = attributes(entry).get("TM_MAD", "").lower()
        if cloud.addon_settings.get(driver, {}).get("state") == "absent" and driver in cloud.storage_addons:
            yield Finding(
                WHOLE_CLOUD,
                f"The datastore {label_of(entry)} uses TM_MAD {driver}, and {driver}_opennebula_state is absent.",
                "Remove the datastore first (state: absent), then the add-on.",
            )


def addon_datastores_are_complete(cloud: Cloud) -> Iterator[Finding]:
    """A datastore of an add-on lacks an attribute without which its drivers do not work."""
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        driver = template.get("TM_MAD", "").lower()
        needed = dict(NEEDED.get(driver, {}))
        if template.get("TYPE", "IMAGE_DS").upper() == "IMAGE_DS":
            needed.update(NEEDED_BY_IMAGES.get(driver, {}))
        for name, reason in needed.items():
            if not template.get(name):
                yield Finding(
                    WHOLE_CLOUD,
                    f"The datastore {label_of(entry)} (TM_MAD {driver}) has no {name}: {reason}.",
                    f"Give it {name}.",
                )


def vitastor_conf_reaches_qemu(cloud: Cloud) -> Iterator[Finding]:
    """A Vitastor datastore names another file than /etc/vitastor/vitastor.conf: the vendor's monitor does not read it,
    and the vendor's deploy writes it where libvirt does not look. Only a warning.
    """
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        path = template.get("VITASTOR_CONF", DEFAULT_VITASTOR_CONF)
        if template.get("TM_MAD", "").lower() == "vitastor" and path != DEFAULT_VITASTOR_CONF:
            yield Finding(
                WHOLE_CLOUD,
                f"The datastore {label_of(entry)} has VITASTOR_CONF {path}: the space it reports is that of "
                f"{DEFAULT_VITASTOR_CONF}, and without the correction deploy its guests use that cluster, too.",
                f"Use {DEFAULT_VITASTOR_CONF} where one cluster is enough.",
                WARNING,
            )


def bridge_hosts_are_on(cloud: Cloud) -> Iterator[Finding]:
    """BRIDGE_LIST of an add-on's datastore names a host that is declared to be set aside, or no declared host; the
    latter is only a warning, because it may have been made by hand.
    """
    declared = {str(entry.get("name")) for entry in cloud.declared.hosts}
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        if template.get("TM_MAD", "").lower() not in NEEDED:
            continue
        named = template.get("BRIDGE_LIST", "").split()
        what = f"BRIDGE_LIST of the datastore {label_of(entry)} names"
        off = [name for name in named if name in set_aside(cloud)]
        if named and len(off) == len(named):
            yield Finding(
                WHOLE_CLOUD,
                f"{what} only hosts that are set aside ({', '.join(off)}); the drivers use none of them.",
                "Name a host that is on; one that shall run no VMs is still enabled.",
            )
        unknown = [name for name in named if name not in declared]
        if unknown:
            yield Finding(
                WHOLE_CLOUD,
                f"{what} {', '.join(unknown)}, which no declaration makes a host of OpenNebula.",
                "Use the names that hosts have in OpenNebula, or make them hosts.",
                WARNING,
            )


def image_prefixes_differ(cloud: Cloud) -> Iterator[Finding]:
    """Image and system datastores of Vitastor in one pool with different IMAGE_PREFIX: what belongs to this OpenNebula
    can no longer be told by its prefix. Only a warning.
    """
    prefixes: dict[str, dict[str, str]] = {}
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        if template.get("TM_MAD", "").lower() == "vitastor" and template.get("POOL_NAME"):
            of_pool = prefixes.setdefault(template["POOL_NAME"], {})
            of_pool.setdefault(template.get("IMAGE_PREFIX") or "one", label_of(entry))
    for pool, found in prefixes.items():
        if len(found) > 1:
            told = ", ".join(f"{name} has {prefix}" for prefix, name in found.items())
            yield Finding(
                WHOLE_CLOUD,
                f"Datastores in the Vitastor pool {pool} have different IMAGE_PREFIX: {told}.",
                "Use one prefix per OpenNebula, and another one in each OpenNebula that shares the pool.",
                WARNING,
            )


def guests_are_kept_from_vitastor(cloud: Cloud) -> Iterator[Finding]:
    """Guests of a node may reach Vitastor, which knows no authentication: no vm_isolation_protected_networks are
    declared, or those leave out a network that servers of Vitastor listen in, and vitastor_accept_unisolated is not
    true.
    """
    settings = cloud.addon_settings.get("vitastor", {})
    accepted = str(settings.get("accept_unisolated", False)).lower() in ("true", "yes", "1")
    if "vitastor" not in cloud.storage_addons or settings.get("state") == "absent":
        return
    if accepted:
        return
    if cloud.protected_networks:
        open_ones = _not_within(cloud.vitastor_networks, cloud.protected_networks)
        if open_ones:
            yield Finding(
                WHOLE_CLOUD,
                f"vm_isolation_protected_networks leave out {', '.join(open_ones)}, where servers of Vitastor listen; "
                "whoever reaches them reads and writes all disks of all guests.",
                "Add what is missing, or set vitastor_accept_unisolated to true if guests are kept from it otherwise.",
            )
        return
    for host in cloud.hosts:
        if NODES in host.groups:
            yield Finding(
                host.name,
                "Guests of this node may reach Vitastor over the network, and whoever reaches it reads and writes all "
                "disks of all guests.",
                "Declare the storage's networks in vm_isolation_protected_networks, or set vitastor_accept_unisolated "
                "to true if guests are kept from them by other means.",
            )


def _not_within(networks: Iterable[str], protected: Iterable[str]) -> list[str]:
    whole = []
    for text in protected:
        with contextlib.suppress(ValueError):  # told by another rule
            whole.append(ipaddress.ip_network(text))
    return [
        text for text in networks if not any(_is_within(ipaddress.ip_network(text, strict=False), one) for one in whole)
    ]


def _is_within(inner: Any, outer: Any) -> bool:
    return inner.version == outer.version and bool(inner.subnet_of(outer))


def storage_addons_fit_hosts(cloud: Cloud) -> Iterator[Finding]:
    """A host itself speaks against a storage add-on: a package of its older name, no space in STAGING_DIR
    (preflight_minimum_staging_mb), a pool that is missing or not active, bridge hosts that are off in OpenNebula, a
    StorPool that does not answer, a node without storpool_block. Only a warning: a pool that this run makes, a cluster
    that is degraded, images that another OpenNebula may have made, a machine.slice that is missing or has no limit.
    """
    for host in cloud.hosts:
        for one in host.addon_findings:
            yield Finding(host.name, one["what"], one["remedy"], one["severity"])


ADDON_RULES: tuple[Rule, ...] = (
    Rule(storage_addons_agree, acceptable=False),
    Rule(guests_are_kept_from_vitastor, acceptable=False),
    Rule(addon_is_declared),
    Rule(addon_datastores_are_complete),
    Rule(vitastor_conf_reaches_qemu),
    Rule(bridge_hosts_are_on),
    Rule(image_prefixes_differ),
    Rule(storage_addons_fit_hosts),
)
