# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role vm_isolation hands to its module, for every node that declares it."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_defaults import (
    LINK_KINDS,
    KnownHosts,
    node_defaults,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import FRONTENDS
from ansible_collections.kvmcloud.stack.plugins.modules import vm_isolation
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.host_variables import list_of, value_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.module_options import refusal

NETWORKS = "opennebula_virtual_networks"
OF_A_HOST = ("host_network_address", "ansible_host")
LINKS_OF_A_HOST = tuple(f"host_network_{kind}" for kind in LINK_KINDS)
OF_A_NODE = (
    NETWORKS,
    "vm_isolation_bridges",
    "vm_isolation_protected_networks",
    "vm_isolation_infrastructure_macs",
)


class Isolation(NamedTuple):
    options: dict[str, Any] | None = None  # None where nothing is declared, or it is refused
    faults: tuple[str, ...] = ()


NOT_DECLARED = Isolation()


def isolations_of(
    hosts: Iterable[str],
    groups: Mapping[str, list[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    register: str,
) -> dict[str, Isolation]:
    """By host. What all hosts together come to is worked out once, and only where some host declares isolation."""
    declaring = [name for name in hosts if value_of(hostvars[name], "vm_isolation_state") is not None]
    given = {name: _given(hostvars[name]) for name in declaring}
    accepted = [name for name, one in given.items() if not one.faults]
    if not accepted:
        return given
    everybody = list(groups.get("all") or hostvars)
    told = {name: _told(hostvars[name], register) for name in everybody}
    known = KnownHosts(everybody, told)
    speaker = next(iter(groups.get(FRONTENDS) or []), None)
    networks = [] if speaker is None else list_of(hostvars[speaker], NETWORKS).entries
    for name in accepted:
        own = {variable: list_of(hostvars[name], variable).entries for variable in OF_A_NODE}
        variables = {**(told.get(name) or _told(hostvars[name], register)), **own}
        options = {**(given[name].options or {}), **node_defaults(variables, known, networks)}
        given[name] = Isolation(options)
    return given


def _given(variables: Mapping[str, Any]) -> Isolation:
    """The variables as options of the module, and what that would refuse."""
    faults: list[str] = []
    options: dict[str, Any] = {}
    for option, spec in vm_isolation.SPEC.items():
        variable = f"vm_isolation_{option}"
        if spec["type"] == "list":
            found = list_of(variables, variable)
            faults += [found.fault] if found.fault else []
            options[option] = found.entries
        else:
            options[option] = value_of(variables, variable, spec.get("default"))
    result = ArgumentSpecValidator(vm_isolation.SPEC).validate(dict(options))
    faults += [f"vm_isolation: {refusal(error)}." for error in result.errors.errors]
    return Isolation(None, tuple(faults)) if faults else Isolation(options)


def _told(variables: Mapping[str, Any], register: str) -> dict[str, Any]:
    """What is asked of every host of the inventory, whether it has guests or not."""
    return {
        **{name: value_of(variables, name) for name in OF_A_HOST},
        **{name: list_of(variables, name).entries for name in LINKS_OF_A_HOST},
        "preflight_probe": value_of(variables, register),
    }
