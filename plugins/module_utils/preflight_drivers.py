# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver of datastores and networks which release has, and which of them work together.

The tables say what the packaged oned.conf of each release from 5.12 to 7.4 has in TM_MAD_CONF, DS_MAD_CONF and
VN_MAD_CONF: a resource is creatable when its driver stands there, whatever the driver directory holds.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.kvmcloud.stack.plugins.module_utils.opennebula_releases import (
    PLATFORMS,
    ReleaseError,
    known_release,
    release_key,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    ERROR,
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_topology import attributes, label_of

FIRST, LAST = "5.12", "7.4"


class Span(NamedTuple):
    """The releases that have a driver, both ends included."""

    first: str = FIRST
    last: str = LAST

    def has(self, release: str) -> bool:
        return release_key(self.first) <= release_key(release) <= release_key(self.last)


def _always(*names: str) -> dict[str, Span]:
    return dict.fromkeys(names, Span())


DRIVERS: dict[str, dict[str, Span]] = {
    "TM_MAD": {
        **_always("ceph", "dev", "dummy", "fs_lvm", "iscsi_libvirt", "lvm", "qcow2", "shared", "ssh"),
        "fs_lvm_ssh": Span(first="6.2"),
        "local": Span(first="7.0"),
        "netapp": Span(first="7.0"),
        "purefa": Span(first="7.2"),
        "vcenter": Span(last="6.10"),
        "virtiofs": Span(first="7.2"),
    },
    "DS_MAD": {
        **_always("ceph", "dev", "dummy", "fs", "iscsi_libvirt", "lvm"),
        "interactive": Span(first="7.4"),
        "netapp": Span(first="7.0"),
        "purefa": Span(first="7.2"),
        "restic": Span(first="6.6"),
        "rsync": Span(first="6.6"),
        "vcenter": Span(last="6.10"),
        "virtiofs": Span(first="7.2"),
    },
    "VN_MAD": {
        **_always("802.1Q", "bridge", "dummy", "fw", "ovswitch", "ovswitch_vxlan", "vxlan"),
        "ebtables": Span(last="6.10"),
        "elastic": Span(first="6.0"),
        "nodeport": Span(first="6.2"),
        "vcenter": Span(last="6.10"),
    },
}
# REQUIRED_ATTRS of the drivers that every release has so; what differs between releases is left to oned.
REQUIRED: dict[str, tuple[str, ...]] = {
    "ceph": ("DISK_TYPE", "BRIDGE_LIST"),
    "dev": ("DISK_TYPE",),
    "iscsi_libvirt": ("DISK_TYPE", "ISCSI_HOST"),
    "restic": ("RESTIC_PASSWORD",),
    "rsync": ("RSYNC_HOST", "RSYNC_USER"),
}
# TM_MAD_SYSTEM: the system datastores, besides those of its own kind, that an image datastore's images can run in.
_SYSTEM_MODES: dict[str, dict[str, Span]] = {
    "ceph": {"ssh": Span(), "shared": Span(last="7.0")},
    "dev": {"ssh": Span(last="7.0"), "shared": Span(last="7.0")},
    "qcow2": {"ssh": Span()},
    "shared": {"ssh": Span()},
}
# What each add-on brings, by the name it has in opennebula_storage_addons.
_ADDON_DRIVERS = {"vitastor": ("TM_MAD", "DS_MAD"), "storpool": ("TM_MAD", "DS_MAD")}


def runs_in(image_driver: str, system_driver: str, release: str) -> bool:
    """Whether oned runs images of the one driver in system datastores of the other."""
    if image_driver == system_driver:
        return True
    span = _SYSTEM_MODES.get(image_driver, {}).get(system_driver)
    return span is not None and span.has(release)


def declared_drivers(cloud: Cloud, kind: str) -> set[str]:
    """Drivers, in lower case, that an edit of oned.conf or an add-on makes or changes; nothing is known of them."""
    found = {name for name in cloud.storage_addons if kind in _ADDON_DRIVERS.get(name, ())}
    for edit in cloud.oned_edits:
        if str(edit.get("attribute", "")).upper() == f"{kind}_CONF" and edit.get("state") != "absent":
            for place in (edit.get("where"), edit.get("values")):
                names = {str(key).upper(): value for key, value in (place or {}).items()}
                if "NAME" in names:
                    found.add(str(names["NAME"]).lower())
    return found


def release_of(cloud: Cloud) -> str | None:
    """The release as X.Y; None where another rule has to say what is wrong with it."""
    try:
        return known_release(cloud.release) if cloud.release else None
    except ReleaseError:
        return None


def drivers_exist(cloud: Cloud) -> Iterator[Finding]:
    """A datastore or network names a driver that the release does not have, and neither opennebula_storage_addons nor
    opennebula_frontend_oned_edits brings it.
    """
    release = release_of(cloud)
    if release is None:
        return
    for what, kind, driver in _named_drivers(cloud):
        known = {name.lower(): span for name, span in DRIVERS[kind].items()}  # oned compares them without case
        span = known.get(driver.lower())
        if driver.lower() in declared_drivers(cloud, kind) or (span and span.has(release)):
            continue
        if span:
            reason = f"which OpenNebula {release} does not have ({_releases(span)} have it)"
        else:
            reason = f"which no release from {FIRST} to {LAST} has"
        yield Finding(
            WHOLE_CLOUD,
            f"{what} names {kind} {driver}, {reason}; oned would refuse it.",
            f"Name one of {', '.join(_present(DRIVERS[kind], release))}; one of your own needs a {kind}_CONF in "
            "opennebula_frontend_oned_edits.",
        )


def drivers_have_what_they_need(cloud: Cloud) -> Iterator[Finding]:
    """A datastore lacks an attribute that its DS_MAD requires; only a warning where it may exist already."""
    own = declared_drivers(cloud, "DS_MAD")
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        driver = template.get("DS_MAD", "").lower()
        missing = [name for name in REQUIRED.get(driver, ()) if not template.get(name)]
        # oned gives system datastores no DS_MAD, whatever is declared
        if missing and driver not in own and template.get("TYPE", "").upper() != "SYSTEM_DS":
            yield Finding(
                WHOLE_CLOUD,
                f"The datastore {label_of(entry)} has DS_MAD {driver} and no {' and no '.join(missing)}; oned would "
                "refuse it.",
                f"Give it {' and '.join(missing)}.",
                WARNING if cloud.deployed else ERROR,
            )


def _named_drivers(cloud: Cloud) -> Iterator[tuple[str, str, str]]:
    """What names it, kind of driver, driver."""
    for entry in cloud.declared.datastores:
        template = attributes(entry)
        kind_of = template.get("TYPE", "").upper()
        # oned gives system datastores no DS_MAD and backup datastores no TM_MAD, whatever is declared
        ignored = {"SYSTEM_DS": "DS_MAD", "BACKUP_DS": "TM_MAD"}.get(kind_of)
        for kind in ("TM_MAD", "DS_MAD"):
            if template.get(kind) and kind != ignored:
                yield f"The datastore {label_of(entry)}", kind, template[kind]
    for entry in cloud.declared.virtual_networks:
        driver = attributes(entry).get("VN_MAD")
        if driver:
            yield f"The virtual network {label_of(entry)}", "VN_MAD", driver


def _present(drivers: Mapping[str, Span], release: str) -> Iterable[str]:
    return (name for name, span in sorted(drivers.items()) if span.has(release))


def _releases(span: Span) -> str:
    return ", ".join(release for release in sorted(PLATFORMS, key=release_key) if span.has(release))


def type_is_known(cloud: Cloud) -> Iterator[Finding]:
    """A backup datastore is declared for a release before 6.6, which has none."""
    release = release_of(cloud)
    if release is None or release_key(release) >= (6, 6):
        return
    for entry in cloud.declared.datastores:
        if attributes(entry).get("TYPE", "").upper() == "BACKUP_DS":
            yield Finding(
                WHOLE_CLOUD,
                f"The datastore {label_of(entry)} is of TYPE BACKUP_DS, which OpenNebula {release} does not know; "
                "it would silently make an image datastore of it.",
                "Take it out, or use release 6.6 or newer.",
            )


DRIVER_RULES: tuple[Rule, ...] = (
    Rule(drivers_exist),
    Rule(drivers_have_what_they_need),
    Rule(type_is_known),
)
