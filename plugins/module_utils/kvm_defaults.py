# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of KVM guests as edits of the two files that hold them.

oned writes the definition of a guest from vmm_exec_kvm.conf; what is attached to one that runs, the driver on the node
defines from kvmrc. Both get the same values, so that a disk behaves alike whenever it came.
"""

from __future__ import annotations

from typing import Any, Mapping

AT_START = "/etc/one/vmm_exec/vmm_exec_kvm.conf"
ATTACHED = "/var/lib/one/remotes/etc/vmm/kvm/kvmrc"

# Our name, vector and key in vmm_exec_kvm.conf, variable of kvmrc.
PLACES: tuple[tuple[str, str, str, str | None], ...] = (
    ("guest_agent", "FEATURES", "GUEST_AGENT", None),
    ("virtio_scsi_queues", "FEATURES", "VIRTIO_SCSI_QUEUES", None),
    ("disk_driver", "DISK", "DRIVER", None),
    ("disk_cache", "DISK", "CACHE", "DEFAULT_ATTACH_CACHE"),
    ("disk_io", "DISK", "IO", "DEFAULT_ATTACH_IO"),
    ("disk_discard", "DISK", "DISCARD", "DEFAULT_ATTACH_DISCARD"),
    ("nic_model", "NIC", "MODEL", "DEFAULT_ATTACH_NIC_MODEL"),
)
WITHOUT_PAGE_CACHE = ("none", "directsync")


class DefaultsError(ValueError):
    """No guest would start with these; the text is the sentence for the user."""


def kvm_files(defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files with their edits, as one_config takes them. An empty value is left as the release ships it."""
    unknown = sorted(set(defaults) - {name for name, *_places in PLACES})
    if unknown:
        raise DefaultsError(f"{', '.join(unknown)} is no default of KVM guests that is known here.")
    texts = {name: _text(name, defaults.get(name, "")) for name, *_places in PLACES}
    if texts["disk_io"] == "native" and texts["disk_cache"] not in ("", *WITHOUT_PAGE_CACHE):
        raise DefaultsError(
            f"disk_io is native and disk_cache is {texts['disk_cache']}: libvirt starts no guest so, since native I/O "
            f"goes past the page cache. Set disk_cache to {' or '.join(WITHOUT_PAGE_CACHE)}, or disk_io to threads."
        )
    vectors: dict[str, dict[str, str]] = {}
    variables = []
    for name, vector, key, variable in PLACES:
        if texts[name]:
            vectors.setdefault(vector, {})[key] = texts[name]
            if variable:
                variables.append({"attribute": variable, "value": texts[name]})
    at_start = [{"attribute": vector, "values": values} for vector, values in vectors.items()]
    return [{"path": path, "edits": edits} for path, edits in ((AT_START, at_start), (ATTACHED, variables)) if edits]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if text.split() not in ([], [text]):
        # The driver ignores a line of kvmrc whose value has a blank in it.
        raise DefaultsError(f"{name} is {text!r}; wanted one word.")
    return text
