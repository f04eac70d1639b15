# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume in lines, as it is and as it is declared, for the diff. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_options, gluster_quota
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_form import Form
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_options import Options
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_quota import Quota
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_volumes import Volume


def present(volume: Volume | None, quota: Quota) -> dict[str, str]:
    if volume is None:
        return {}
    found = {"state": volume.status.lower(), "form": str(volume.form), "bricks": " ".join(volume.brick_names)}
    found.update({f"option {key}": value for key, value in volume.options.items()})
    return {**found, **gluster_quota.lines(None, quota)[0]}


def declared(
    declaration: Mapping[str, Any],
    bricks: Sequence[str],
    form: Form,
    options: Options,
    found: Volume | None,
    quota: Quota,
) -> dict[str, str]:
    lines = {**present(found, Quota(False)), "form": str(form), "bricks": " ".join(bricks)}
    state = declaration["state"]
    if state == "stopped" and not (found and found.started):
        state = found.status.lower() if found else "created"
    lines["state"] = state
    for key, value in options.values.items():
        if not gluster_options.same(key, value, lines.get(f"option {key}")):
            lines[f"option {key}"] = value
    for key in options.reset:
        lines.pop(f"option {key}", None)
    return {**lines, **gluster_quota.lines(declaration.get("quota"), quota)[1]}


def difference(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[dict[str, str]]:
    if before == after:
        return []
    header = f"volume {name}"
    return [{"before_header": header, "after_header": header, "before": _text(before), "after": _text(after)}]


def _text(lines: Mapping[str, str]) -> str:
    return "".join(f"{what}: {value}\n" for what, value in sorted(lines.items()))
