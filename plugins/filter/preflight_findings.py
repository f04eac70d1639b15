# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter preflight_findings: all that speaks against a deployment."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import AnsibleValidationError, UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from jinja2 import Undefined

from ansible_collections.kvmcloud.stack.plugins.module_utils import gluster_gateway
from ansible_collections.kvmcloud.stack.plugins.module_utils.autostart_hooks import autostart_hooks
from ansible_collections.kvmcloud.stack.plugins.module_utils.cloud_inventory import (
    NODE_VARIABLES,
    address_of,
    names_of,
    opennebula_node_hosts,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import VARIABLES
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_defaults import (
    LINK_KINDS,
    vm_isolation_defaults,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.edits import read_edit
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.errors import Refused
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.plan import format_of
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_config.secrets import secret_values
from ansible_collections.kvmcloud.stack.plugins.module_utils.one_template import HIDDEN, secrets
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    NODES,
    WHOLE_CLOUD,
    Cloud,
    Declared,
    Finding,
    Gluster,
    Host,
    Limits,
    findings,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_acceptance import accept
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_gluster import SERVER_VARIABLES, SERVERS
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ha import HA_VARIABLES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ovirt import (
    OVIRT_GROUPS,
    OVIRT_SECRETS,
    OVIRT_VARIABLES,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_rules import ALL_RULES
from ansible_collections.kvmcloud.stack.plugins.modules import (
    gluster_brick,
    gluster_mount,
    gluster_volume,
    netplan,
    one_config,
    onecluster,
    onedatastore,
    onehook,
    onehost,
    onesecgroup,
    oneuser,
    onevnet,
    vm_isolation,
)

DOCUMENTATION = r"""
name: preflight_findings
short_description: All that speaks against a deployment, as sentences
version_added: 0.1.0
author:
  - kvmcloud.stack contributors (@kvmcloud)
description:
  - Compares the inventory with one probe per host and returns every finding of every rule at once.
  - Secrets are judged, and named by their variables; their values are in no finding.
  - A host whose probe variable does not exist was left out of this run and is not looked at.
  - What is declared inside OpenNebula is taken from the variables of the first front-end, as the role
    P(kvmcloud.stack.opennebula_resources#role) does.
positional: hostvars, groups
options:
  _input:
    description: Names of the hosts of the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  groups:
    description: Ansible's C(groups).
    type: dict
    required: true
  register:
    description: Variable in which the result of M(kvmcloud.stack.host_probe) was registered on each host.
    type: str
    default: preflight_probe
  started:
    description: The controller's clock before the probes, in seconds since 1970.
    type: float
    required: true
  finished:
    description: The controller's clock after the probes.
    type: float
    required: true
  clock_skew:
    description: Largest difference of clocks that is no finding, in seconds.
    type: float
    default: 2
  minimum_memory_mb:
    description: Least memory by group, in MiB.
    type: dict
    default: {}
  minimum_disk_mb:
    description: Least free space by group and path, in MiB.
    type: dict
    default: {}
  minimum_datastore_mb:
    description: Least free space of a node for guests of local system datastores, in MiB.
    type: int
    default: 0
  roomy_datastore_mb:
    description: Free space of a node for guests of local system datastores below which there is a warning, in MiB.
    type: int
    default: 0
  accepted:
    description:
      - Rules whose findings do not end the run, by name, or by name and host.
      - A rule that does not exist, or that cannot be accepted, is an error.
    type: list
    elements: raw
    default: []
"""

EXAMPLES = r"""
- name: Nothing speaks against the deployment
  ansible.builtin.assert:
    that: preflight_errors | length == 0
    fail_msg: "{{ preflight_errors | map(attribute='sentence') | join('\n') }}"
  vars:
    preflight_errors: >-
      {{ groups['all'] | kvmcloud.stack.preflight_findings(hostvars, groups, started=preflight_started,
      finished=preflight_finished) | selectattr('severity', 'eq', 'error') }}
"""

RETURN = r"""
_value:
  description: Findings, errors first.
  type: list
  elements: dict
  contains:
    host:
      description: Host or hosts concerned, V(all) for the cloud as a whole.
      type: str
    what:
      description: What was found, as a sentence.
      type: str
    remedy:
      description: What to do about it.
      type: str
    severity:
      description: V(error), V(warning) or V(accepted).
      type: str
    rule:
      description: Name of the rule that found it.
      type: str
    crash:
      description: Whether the rule itself failed.
      type: bool
    sentence:
      description: All of it in one line.
      type: str
"""


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
ROLES = Path(__file__).resolve().parents[2] / "roles"
ONED_EDITS = "opennebula_frontend_oned_edits"
FILE_EDITS = "opennebula_frontend_file_edits"


def value_of(variables: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """A variable, or the default where it is not set or is made from one that is not (a vault that is not there)."""
    try:
        value = variables[name]
    except (KeyError, AnsibleError):
        return default
    # ansible-core 2.19 hands out a marker for what cannot be resolved, where older releases raise
    return default if value is None or isinstance(value, Undefined) else value


def secrets_of(groups: set[str], variables: Mapping[str, Any]) -> dict[str, str | None]:
    """The secrets that this host's roles will use."""
    names: list[str] = []
    if FRONTENDS in groups:
        names.append("opennebula_oneadmin_password")
        if value_of(variables, "opennebula_database_backend", "sqlite") == "mysql":
            names.append("opennebula_database_password")
    enterprise = value_of(variables, "opennebula_repository_edition", "community") == "enterprise"
    if enterprise and groups & {FRONTENDS, NODES}:
        names += ["opennebula_repository_username", "opennebula_repository_password"]
    names += [name for group, secrets_of_it in OVIRT_SECRETS.items() if group in groups for name in secrets_of_it]
    values = {name: value_of(variables, name) for name in names}
    return {name: None if value is None else str(value) for name, value in values.items()}


class Listed(NamedTuple):
    entries: list[Any]
    fault: str | None = None


def list_of(variables: Mapping[str, Any], name: str, default: Iterable[Any] = ()) -> Listed:
    """A list with all that is in it worked out; the fault says why it cannot be."""
    try:
        value = variables[name]
    except KeyError:
        return Listed(list(default))
    except AnsibleError as error:
        return Listed([], f"{name} cannot be worked out: {one_line(error)}.")
    try:
        value = worked_out(value)
    except Exception as error:  # templating raises as it likes, which differs between releases of Ansible
        return Listed([], f"{name} cannot be worked out: {one_line(error)}.")
    if not isinstance(value, (list, tuple)):
        return Listed([] if value is None else [], None if value is None else f"{name} is {value!r}, and no list.")
    return Listed(list(value))


def worked_out(value: Any) -> Any:
    """The value with every template in it resolved; ansible-core 2.19 does that as late as it can."""
    if isinstance(value, Undefined):
        raise AnsibleError(getattr(value, "_undefined_message", None) or "a variable in it is not set")
    if isinstance(value, Mapping):
        return {str(key): worked_out(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [worked_out(one) for one in value]
    return value


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def as_modules_take(
    entries: Iterable[Any], options: dict[str, Any], name: str, named: bool = True
) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries as the module would have them after its own check of arguments, and what that check refuses."""
    validator = ArgumentSpecValidator(options, required_one_of=[["name", "id"]] if named else None)
    taken, faults = [], []
    for entry in entries:
        if not isinstance(entry, Mapping):
            faults.append(f"{name} has the entry {entry!r}, and wanted is a dictionary with a name.")
            continue
        result = validator.validate(dict(entry))
        if result.error_messages:
            label = f"{name}, entry {entry.get('name', entry.get('id', '(without name or id)'))}"
            faults += [without(secrets(entry), f"{label}: {refusal(error)}.") for error in result.errors.errors]
        else:
            taken.append(result.validated_parameters)
    return taken, faults


def refusal(error: AnsibleValidationError) -> str:
    unknown = "there is no option " if isinstance(error, UnsupportedError) else ""
    return unknown + one_line(error)


def without(hidden: Iterable[str], sentence: str) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        sentence = sentence.replace(secret, HIDDEN)
    return sentence


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


def dictionaries(variables: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [entry for entry in list_of(variables, name).entries if isinstance(entry, Mapping)]


def disk_findings(result: Mapping[str, Any]) -> list[str]:
    """What the module datastore_disks_info found, or why it could not look; {} where it was not asked."""
    if not result or result.get("unreachable"):
        return []  # the latter is told of the host itself
    return [str(one) for one in result.get("findings", [result.get("msg")])]


# Volumes as the role takes them: disks, of which the filter makes bricks, and hosts by their names.
NAMES: dict[str, Any] = {"type": "list", "elements": "str"}
VOLUME_OPTIONS = {**gluster_volume.VOLUME, "hosts": NAMES, "disks": NAMES, "arbiter_disks": NAMES}
BRICK_OPTIONS = gluster_brick.SPEC["bricks"]["options"]
GATEWAY = (gluster_gateway.EXPORTS, gluster_gateway.SHARES, gluster_gateway.USERS)
MOUNT_OPTIONS = gluster_mount.SPEC["mounts"]["options"]


def brick_findings(result: Mapping[str, Any]) -> list[str]:
    """What gluster_brick, in check mode, has against the disks of a host; {} where it was not asked."""
    if not result or result.get("unreachable") or "bricks" in result:
        return []
    return [str(one) for one in result.get("findings") or [result.get("msg")]]


@functools.lru_cache(maxsize=None)
def role_options(role: str) -> dict[str, Any]:
    """What the role itself would check, after other roles of the run had changed hosts."""
    specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return options


def gluster_of(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], servers: Iterable[str]) -> Gluster:
    """Volumes are declared for all servers alike, as the role takes them from the first one."""
    servers = [name for name in servers if name in hostvars]
    gluster = Gluster()

    def taken(host: str, where: str, variable: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        found = list_of(hostvars[host], variable)
        entries, faults = as_modules_take(found.entries, options, variable, named=False)
        gluster.faults += [(where, fault) for fault in ([found.fault] if found.fault else faults)]
        return entries

    gateway = role_options("gluster_gateway")

    speaker = next(iter(servers or hosts), None)
    if speaker is not None:
        gluster.volumes = taken(speaker, WHOLE_CLOUD, "gluster_volumes", VOLUME_OPTIONS)
    for name in servers:
        gluster.servers[name] = {variable: value_of(hostvars[name], variable) for variable in SERVER_VARIABLES}
        gluster.servers[name]["gluster_bricks"] = taken(name, name, "gluster_bricks", BRICK_OPTIONS)
    for name in hosts:
        taken(name, name, "gluster_client_mounts", MOUNT_OPTIONS)
        given = [taken(name, name, variable, gateway[variable]["options"]) for variable in GATEWAY]
        gluster.faults += [(name, fault) for fault in gluster_gateway.gluster_gateway_findings(*given)]
    return gluster


def network_of(variables: Mapping[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The declared links of a host by kind, as the module netplan takes them, and what it would refuse."""
    network: dict[str, list[dict[str, Any]]] = {}
    faults: list[str] = []
    for kind, options in netplan.OPTIONS.items():
        name = f"host_network_{kind}"
        found = list_of(variables, name)
        network[kind], refused = as_modules_take(found.entries, options, name)
        faults += [found.fault] if found.fault else refused
    return network, faults


def ovirt_of(groups: set[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """What is set of the engine's variables, on hosts of oVirt; what cannot be worked out counts as not set."""
    found: dict[str, Any] = {}
    for name in OVIRT_VARIABLES if groups & OVIRT_GROUPS else ():
        with contextlib.suppress(Exception):  # templating raises as it likes, which differs between releases of Ansible
            found[name] = worked_out(value_of(variables, name))
    return found


def isolation_of(
    name: str, groups: Mapping[str, list[str]], hostvars: Mapping[str, Mapping[str, Any]], register: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """What the role vm_isolation hands to its module, and what that would refuse; None where nothing is declared."""
    if value_of(hostvars[name], "vm_isolation_state") is None:
        return None, []
    faults: list[str] = []
    given: dict[str, Any] = {}
    for option, spec in vm_isolation.SPEC.items():
        variable = f"vm_isolation_{option}"
        if spec["type"] == "list":
            found = list_of(hostvars[name], variable)
            faults += [found.fault] if found.fault else []
            given[option] = found.entries
        else:
            given[option] = value_of(hostvars[name], variable, spec.get("default"))
    result = ArgumentSpecValidator(vm_isolation.SPEC).validate(dict(given))
    faults += [f"vm_isolation: {refusal(error)}." for error in result.errors.errors]
    if faults:
        return None, faults
    lists = ("opennebula_virtual_networks", "vm_isolation_bridges", *(f"host_network_{kind}" for kind in LINK_KINDS))
    lists += ("vm_isolation_protected_networks", "vm_isolation_infrastructure_macs")
    known: dict[str, dict[str, Any]] = {}
    for host in groups.get("all") or [name]:
        known[host] = {variable: list_of(hostvars[host], variable).entries for variable in lists}
        for variable in ("host_network_address", "ansible_host"):
            known[host][variable] = value_of(hostvars[host], variable)
        known[host]["preflight_probe"] = value_of(hostvars[host], register)
    return {**given, **vm_isolation_defaults(name, known, known, next(iter(groups.get(FRONTENDS) or []), ""))}, []


def host_of(
    name: str, groups: Mapping[str, list[str]], hostvars: Mapping[str, Mapping[str, Any]], register: str
) -> Host:
    variables = hostvars[name]
    isolation, isolation_faults = isolation_of(name, groups, hostvars, register)
    member_of = {group for group, members in groups.items() if name in members}
    result = value_of(variables, register, {})
    required = ["opennebula_release", "opennebula_repository_key_fingerprint"] if member_of & {FRONTENDS, NODES} else []
    release = value_of(variables, "opennebula_release")
    network, network_faults = network_of(variables)
    known = {key: value_of(variables, key) for key in ("host_network_address", "ansible_host", "host_network_hostname")}
    return Host(
        name=name,
        groups=member_of,
        address=address_of(name, known),
        address_declared=bool(known["host_network_address"]),
        names=names_of(name, known),
        # `-e name=false` on the command line is the text "false"
        manages_hosts_file=boolean(value_of(variables, "host_network_manage_hosts_file", True)),
        release=None if release is None else str(release),
        domain_type=str(value_of(variables, "opennebula_node_domain_type", "kvm")),
        database_backend=str(value_of(variables, "opennebula_database_backend", "sqlite")),
        secrets=secrets_of(member_of, variables),
        required={variable: value_of(variables, variable) for variable in required},
        network=network,
        network_faults=network_faults,
        isolation=isolation,
        isolation_faults=isolation_faults,
        datastore_mounts=dictionaries(variables, "host_storage_datastore_mounts"),
        datastore_disks=dictionaries(variables, "host_storage_datastore_disks"),
        disk_findings=disk_findings(value_of(variables, "preflight_disks", {})),
        brick_findings=brick_findings(value_of(variables, "preflight_bricks", {})),
        gluster_mounts=dictionaries(variables, "gluster_client_mounts"),
        gluster_gateway=gluster_gateway.volumes_given(*(dictionaries(variables, name) for name in GATEWAY[:2])),
        probe=result.get("probe"),
        unreachable=str(result.get("msg") or "") or None,
        high_availability={variable: value_of(variables, variable) for variable in HA_VARIABLES},
        ovirt=ovirt_of(member_of, variables),
    )


def merged(found: list[Finding]) -> list[Finding]:
    """The same finding about several hosts is told once."""
    hosts: dict[Finding, list[str]] = {}
    for finding in found:
        hosts.setdefault(replace(finding, host=""), []).append(finding.host)
    return [replace(finding, host=", ".join(names)) for finding, names in hosts.items()]


def node_hosts(nodes: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What opennebula_hosts is where the inventory does not set it: the nodes, as the role's default has them."""
    used = ("host_network_hostname", *NODE_VARIABLES)
    return opennebula_node_hosts(
        nodes, {host: {name: value_of(hostvars[host], name) for name in used} for host in nodes}
    )


def protected_networks(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = [text for host in hosts for text in list_of(hostvars[host], "vm_isolation_protected_networks").entries]
    return list(dict.fromkeys(map(str, found)))


def addon_settings(
    variables: Mapping[str, Any], groups: Mapping[str, list[str]], hostvars: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What the role opennebula_frontend takes of the storage add-ons."""
    types = [str(value_of(hostvars[host], "opennebula_node_domain_type", "kvm")) for host in groups.get(NODES) or []]
    settings: dict[str, dict[str, Any]] = {}
    for addon, names in VARIABLES.items():
        settings[addon] = {"domain_types": list(dict.fromkeys(["kvm", *types]))}
        for setting, variable in names.items():
            value = value_of(variables, variable)
            if value is not None:
                settings[addon][setting] = worked_out(value)
    return settings


def preflight_findings(
    hosts: list[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, list[str]],
    register: str = "preflight_probe",
    started: float = 0.0,
    finished: float = 0.0,
    clock_skew: float = 2.0,
    minimum_memory_mb: Mapping[str, Any] | None = None,
    minimum_disk_mb: Mapping[str, Mapping[str, Any]] | None = None,
    minimum_datastore_mb: int = 0,
    roomy_datastore_mb: int = 0,
    accepted: Any = (),
) -> list[dict[str, Any]]:
    looked_at = [host for host in hosts if value_of(hostvars[host], register) is not None]
    # Whose variables the role has that applies what is declared.
    speaker: Mapping[str, Any] = hostvars[next(iter(groups.get(FRONTENDS) or looked_at))] if looked_at else {}
    cloud = Cloud(
        hosts=[host_of(host, groups, hostvars, register) for host in looked_at],
        groups=groups,
        started=float(started),
        finished=float(finished),
        limits=Limits(
            float(clock_skew),
            {group: int(value) for group, value in (minimum_memory_mb or {}).items()},
            {group: {path: int(v) for path, v in paths.items()} for group, paths in (minimum_disk_mb or {}).items()},
            int(minimum_datastore_mb),
            int(roomy_datastore_mb),
        ),
        declared=declared_by(speaker, node_hosts(groups.get(NODES) or [], hostvars)),
        oned_edits=dictionaries(speaker, ONED_EDITS),
        storage_addons=[str(name) for name in list_of(speaker, "opennebula_storage_addons").entries],
        addon_settings=addon_settings(speaker, groups, hostvars),
        protected_networks=protected_networks(looked_at, hostvars),
        datastore_location=str(value_of(speaker, "host_storage_datastore_location", "/var/lib/one/datastores")),
        gluster=gluster_of(looked_at, hostvars, groups.get(SERVERS) or []),
    )
    found = merged(accept(findings(cloud, ALL_RULES), accepted, ALL_RULES, hosts))
    return [{**asdict(f), "sentence": f.sentence} for f in found]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"preflight_findings": preflight_findings}
