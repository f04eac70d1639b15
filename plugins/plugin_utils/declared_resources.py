# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares inside OpenNebula and in its files, as the modules take it."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.kvmcloud.stack.plugins.module_utils.autostart_hooks import autostart_hooks
from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import (
    NODE_VARIABLES,
    opennebula_node_hosts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.edits import read_edit
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import format_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.secrets import secret_values
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Declared
from ansible_collections.kvmcloud.stack.plugins.modules import (
    one_config,
    onecluster,
    onedatastore,
    onehook,
    onehost,
    onesecgroup,
    oneuser,
    onevnet,
)
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.host_variables import list_of, one_line, value_of
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.module_options import as_modules_take, refusal, without

# By variable, what each entry may have: the module that applies it says so.
DECLARED_OPTIONS = {
    "opennebula_clusters": onecluster.OPTIONS,
    "opennebula_datastores": onedatastore.OPTIONS,
    "opennebula_security_groups": onesecgroup.OPTIONS,
    "opennebula_virtual_networks": onevnet.OPTIONS,
    "opennebula_hooks": onehook.OPTIONS,
    "opennebula_users": oneuser.OPTIONS,
    "opennebula_hosts": onehost.OPTIONS,
}
ONED_EDITS = "opennebula_frontend_oned_edits"
FILE_EDITS = "opennebula_frontend_file_edits"


def node_hosts(nodes: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What opennebula_hosts is where the inventory does not set it: the nodes, as the role's default has them."""
    used = ("host_network_hostname", *NODE_VARIABLES)
    return opennebula_node_hosts(
        nodes, {host: {name: value_of(hostvars[host], name) for name in used} for host in nodes}
    )


def hooks_of_autostart(variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that the role adds to the declared ones."""
    enabled = value_of(variables, "opennebula_autostart_enabled")
    return [] if enabled is None else autostart_hooks(boolean(enabled))


def declared_by(variables: Mapping[str, Any], nodes: list[dict[str, Any]]) -> Declared:
    declared = Declared()
    for variable, options in DECLARED_OPTIONS.items():
        found = list_of(variables, variable, nodes if variable == "opennebula_hosts" else ())
        if variable == "opennebula_hooks":
            found = found._replace(entries=[*found.entries, *hooks_of_autostart(variables)])
        entries, faults = as_modules_take(found.entries, options, variable)
        declared.entries[variable] = entries
        declared.faults += [(variable, fault) for fault in ([found.fault] if found.fault else faults)]
    oned, files = list_of(variables, ONED_EDITS), value_of(variables, FILE_EDITS, {})
    declared.faults += [(ONED_EDITS, fault) for fault in [oned.fault, *edit_faults(oned.entries, ONED_EDITS)] if fault]
    if not isinstance(files, Mapping):
        declared.faults.append((FILE_EDITS, f"{FILE_EDITS} is {files!r}, and wanted are lists of edits by path."))
        return declared
    for path in files:
        found = list_of(files, path)
        label = f"{FILE_EDITS} of {path}"
        faults = [found.fault, *edit_faults(found.entries, label, path)]
        declared.faults += [(FILE_EDITS, fault) for fault in faults if fault]
    return declared


def edit_faults(edits: Iterable[Any], name: str, path: str = "/etc/one/oned.conf") -> list[str]:
    """What the editor of the file would refuse whatever is in it."""
    validator = ArgumentSpecValidator(one_config.EDIT)
    faults = []
    for number, edit in enumerate(edits, 1):
        if not isinstance(edit, Mapping):
            faults.append(f"{name} has the entry {edit!r}, and wanted is a dictionary with an attribute.")
            continue
        label = f"{name}, edit {number} ({edit.get('attribute', 'without attribute')})"
        result = validator.validate(dict(edit))
        refused = [refusal(error) for error in result.errors.errors]
        if not refused:
            try:
                read_edit(number, result.validated_parameters, format_of(path))
            except Refused as problem:
                refused.append(one_line(problem).split("): ", 1)[-1])
        faults += [without(secret_values(dict(edit)), f"{label}: {sentence}.") for sentence in refused]
    return faults
