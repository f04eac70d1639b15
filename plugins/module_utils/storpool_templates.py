# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The StorPool template of each datastore: its name has the datastore's id, so it is made after the datastore."""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, Step

# Ours, the word of the command, the key of its JSON.
SETTINGS = (
    ("replication", "replication", "replication"),
    ("place_head", "placeHead", "placeHead"),
    ("place_all", "placeAll", "placeAll"),
    ("place_tail", "placeTail", "placeTail"),
)


class TemplateError(ValueError):
    """The templates cannot be made so; the text is the sentence for the user."""


def parse_templates(printed: str) -> dict[str, dict[str, Any]]:
    """From `storpool -B -j template list`, by name."""
    try:
        data = json.loads(printed)["data"]
        return {str(one["name"]): one for one in (data["templates"] if isinstance(data, dict) else data)}
    except (ValueError, KeyError, TypeError) as error:
        raise TemplateError(f"storpool printed no list of templates: {error!r}.") from error


def plan_templates(
    wanted: Iterable[Mapping[str, Any]],
    datastores: Mapping[str, int],
    present: Mapping[str, Mapping[str, Any]],
    prefix: str,
    check_mode: bool = False,
) -> Plan:
    plan, unknown = Plan(), []
    for one in wanted:
        name = str(one["datastore"])
        if name not in datastores:
            unknown.append(name)
            continue
        template = f"{prefix}-ds-{datastores[name]}"
        found = present.get(template)
        words = []
        for option, word, key in SETTINGS:
            value = one.get(option)
            if value is not None and (found is None or str(found.get(key)) != str(value)):
                words += [word, str(value)]
        if found is not None and not words:
            continue
        sentence = f"{'make' if found is None else 'change'} template {template} of the datastore {name}"
        plan.steps.append(Step(sentence, ("storpool", "-B", "template", template, *words)))
        before = "" if found is None else _shown({key: found.get(key) for _option, _word, key in SETTINGS})
        plan.diff.append(
            {
                "before_header": template,
                "after_header": template,
                "before": before,
                "after": _shown({key: one.get(option) for option, _word, key in SETTINGS}),
            }
        )
    if unknown and not check_mode:
        raise TemplateError(f"OpenNebula has no datastore {', '.join(unknown)}; declare it in opennebula_datastores.")
    for name in unknown:  # in check mode the datastore itself may be only planned
        plan.steps.append(Step(f"make the template of the datastore {name}", ("storpool", "-B", "template", "...")))
    return plan


def _shown(settings: Mapping[str, Any]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in settings.items() if value is not None)
