# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of a resource does around its planner: one resource or a list in, sentences and a diff out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kvmcloud.stack.plugins.module_utils import one_template
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_command import OneCommand
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_planner import (
    Declaration,
    Planner,
    Refused,
    to_decrypt,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_pool import PoolError, Resource
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_wait import NotSettled
from ansible_collections.kvmcloud.stack.plugins.module_utils.plan import Plan, PlanError, Runner, RunnerError

CALL_OPTIONS: dict[str, Any] = {
    "api_timeout": {"type": "int", "default": 30},
    "assume_fresh_in_check_mode": {"type": "bool", "default": False},
}
COMMON_OPTIONS: dict[str, Any] = {
    "name": {"type": "str"},
    "id": {"type": "int"},
    "rename_from": {"type": "str"},
    # raw: as a dict, Ansible would take text for key=value pairs and guess what an unclosed quote means.
    "template": {"type": "raw"},
    "purge": {"type": "list", "elements": "str"},
}
OWNER_OPTIONS: dict[str, Any] = {
    # raw: YAML reads an unquoted 0640 as 416, and as a string that would be three octal digits.
    "permissions": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
}


def state_option(*others: str) -> dict[str, Any]:
    return {"state": {"type": "str", "choices": ["present", "absent", *others], "default": "present"}}


class ResourceModule:
    """One call of a module that manages one kind of resource."""

    def __init__(self, plural: str, options: dict[str, Any], call_options: dict[str, Any]) -> None:
        self.plural = plural
        self.options = options
        listed = {"type": "list", "elements": "dict", "options": options, "required_one_of": [("name", "id")]}
        self.module = AnsibleModule(
            argument_spec={**options, plural: listed, **CALL_OPTIONS, **call_options},
            required_one_of=[("name", "id", plural)],
            mutually_exclusive=[(plural, option) for option in options if "default" not in options[option]],
            supports_check_mode=True,
            # The journal would get the arguments as they are; a template may hold a secret among much that is none.
            no_log=True,
        )
        self.params: dict[str, Any] = self.module.params
        self.check_mode: bool = self.module.check_mode
        self.cli = OneCommand(self.module, self.params["assume_fresh_in_check_mode"])
        self.applied: list[dict[str, Any]] = []
        for declaration in self.declarations():
            self.module.no_log_values.update(one_template.secrets(declaration.get("template")))

    def declarations(self) -> list[dict[str, Any]]:
        listed = self.params[self.plural]
        return [{option: self.params[option] for option in self.options}] if listed is None else listed

    def read(self, kind: type[Planner], declared: Sequence[Declaration]) -> list[Resource]:
        """The pool of the kind, with those attributes decrypted that the declarations are about."""
        pool = self.cli.pool(kind.command)
        secret = to_decrypt(kind.encrypted, declared, pool)
        return [self.cli.decrypted(kind.command, one) if one.id in secret else one for one in pool]

    def apply(self, plan: Plan, runner: Runner | None = None) -> list[int]:
        """Apply the plan, and return the ids of what it created."""
        ids = plan.apply(runner or self.cli)
        self.applied = plan.result()["actions"]
        return [int(ids[step.creates]) for step in plan.steps if step.creates]

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Ends the module with the sentence of whatever went wrong."""
        try:
            yield
        except Refused as refused:
            self.module.fail_json(msg=str(refused), findings=refused.findings)
        except PlanError as error:
            self.module.fail_json(
                msg=str(error), changed=bool(error.done), actions=[step.shown() for step in error.done]
            )
        except NotSettled as error:
            self.module.fail_json(msg=str(error), changed=bool(self.applied), actions=self.applied)
        except (RunnerError, PoolError) as error:
            self.module.fail_json(msg=f"Could not read the present state: {error}")

    def finish(self, plan: Plan) -> None:
        for warning in plan.warnings:
            self.module.warn(warning)
        self.module.exit_json(**plan.result())


def describe(resource: Resource, states: dict[str, str]) -> dict[str, Any]:
    """A resource as an _info module returns it; secrets of the template are hidden."""
    fields = resource.fields
    found: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "template": one_template.plain(resource.template),
        "locked": resource.locked,
    }
    if "STATE" in fields:
        found["state"] = states.get(fields["STATE"], fields["STATE"])
    if resource.permissions is not None:
        found.update(permissions=resource.permissions, owner=fields.get("UNAME", ""), group=fields.get("GNAME", ""))
    found["members"] = {name.lower(): list(ids) for name, ids in resource.ids.items() if ids}
    if "VN_MAD" in fields:
        found["address_ranges"] = [dict(one) for one in resource.address_ranges]
    plain = {"ID", "NAME", "STATE", "UID", "GID", "UNAME", "GNAME"}
    # A pool of users holds the hashes of their passwords.
    shown = {name for name in fields if name not in plain and not one_template.is_secret(name)}
    found["fields"] = {name.lower(): text for name, text in fields.items() if name in shown and text}
    return found


def run_info(
    command: str,
    plural: str,
    states: dict[str, str],
    more: Callable[[Resource], dict[str, Any]] = lambda _resource: {},
) -> None:
    """The whole of an _info module: one read of the pool, narrowed to the names and ids that were asked for."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "list", "elements": "str"},
            "id": {"type": "list", "elements": "int"},
            **CALL_OPTIONS,
        },
        supports_check_mode=True,
    )
    cli = OneCommand(module, module.params["assume_fresh_in_check_mode"])
    names, ids = module.params["name"], module.params["id"]
    try:
        pool = sorted(cli.pool(command), key=lambda resource: resource.id)
    except (RunnerError, PoolError) as error:
        module.fail_json(msg=f"Could not read the present state: {error}")
    chosen = [
        one for one in pool if (names is None and ids is None) or one.name in (names or []) or one.id in (ids or [])
    ]
    module.exit_json(changed=False, **{plural: [{**describe(one, states), **more(one)} for one in chosen]})
