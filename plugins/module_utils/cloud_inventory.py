# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of its hosts, in the shape the modules take."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any, Iterable, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_cluster import MEMBERS

HostVars = Mapping[str, Mapping[str, Any]]
# What a node may say of itself as a host of OpenNebula.
NODE_VARIABLES = (
    "opennebula_node_domain_type",
    "opennebula_node_cluster",
    "opennebula_node_template",
    "opennebula_node_state",
)


def address_of(host: str, variables: Mapping[str, Any]) -> str:
    """Where the other hosts of the cloud reach this one: declared, else where Ansible reaches it, else its name."""
    return str(variables.get("host_network_address") or variables.get("ansible_host") or host)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def names_of(host: str, variables: Mapping[str, Any]) -> list[str]:
    """The host name, its short form and the inventory's name, each once, the full one first."""
    full = str(variables.get("host_network_hostname") or host)
    short = full if is_address(full) else full.split(".", maxsplit=1)[0]
    return list(dict.fromkeys([full, short, host]))


def own_names(hosts: Iterable[str], hostvars: HostVars) -> dict[str, list[str]]:
    """The names that mean each host and no other of these."""
    names = {host: names_of(host, hostvars[host]) for host in hosts}
    holders = Counter(name for own in names.values() for name in own)
    # web.a.example and web.b.example: a short name that two hosts have means neither of them.
    return {host: [name for name in own if holders[name] == 1 or name == own[0]] for host, own in names.items()}


def host_entries(hosts: Iterable[str], hostvars: HostVars) -> list[dict[str, Any]]:
    """Lines of /etc/hosts. A host known by name only is left to the name server that knows it."""
    entries = []
    for host, own in own_names(hosts, hostvars).items():
        address = address_of(host, hostvars[host])
        meant = [name for name in own if not is_address(name)]
        if is_address(address) and meant:
            entries.append({"address": address, "names": meant})
    return entries


def host_addresses(hosts: Iterable[str], hostvars: HostVars) -> dict[str, str | None]:
    """The full name of each host and the address it has to mean; None where a name server decides."""
    addresses: dict[str, str | None] = {}
    for host in hosts:
        address = address_of(host, hostvars[host])
        addresses[names_of(host, hostvars[host])[0]] = address if is_address(address) else None
    return addresses


def hosts_that_declare(hosts: Iterable[str], hostvars: HostVars, *variables: str) -> list[str]:
    """Those for which one of the variables is set, and not to an empty list."""
    # A syntax check knows no variables of hosts.
    return [
        host for host in hosts if host in hostvars and any(hostvars[host].get(name, []) != [] for name in variables)
    ]


def datastores_with_storage(
    datastores: Iterable[Mapping[str, Any]], hosts: Iterable[str], hostvars: HostVars
) -> list[dict[str, Any]]:
    """The datastores, told which of them some host mounts storage for: those are not used before it is there."""
    names = {
        entry.get("datastore")
        for host in hosts
        for variable in ("host_storage_datastore_mounts", "host_storage_datastore_disks")
        for entry in hostvars[host].get(variable) or []
        if entry.get("state") != "absent"
    }
    return [
        {**datastore, "awaits_storage": True} if datastore.get("name") in names else dict(datastore)
        for datastore in datastores
    ]


def hosts_with_storage(
    entries: Iterable[Mapping[str, Any]], hosts: Iterable[str], hostvars: HostVars
) -> list[dict[str, Any]]:
    """The hosts of OpenNebula, told which of them mount storage of datastores: no guest gets there before it."""
    names = {
        name
        for host in hosts
        for variable in ("host_storage_datastore_mounts", "host_storage_datastore_disks")
        if any(entry.get("state") != "absent" for entry in hostvars[host].get(variable) or [])
        for name in names_of(host, hostvars[host])
    }
    return [{**entry, "awaits_storage": True} if entry.get("name") in names else dict(entry) for entry in entries]


def datastore_mount_checks(
    pool: Iterable[Mapping[str, Any]],
    location: str,
    mounts: Iterable[Mapping[str, Any]],
    disks: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """What has to be mounted on a host for its declared datastores, as checks of the module acceptance."""
    ids = {str(one["name"]): one["id"] for one in pool}
    sources = {
        str(one["datastore"]): (one["src"], one.get("fstype", "nfs")) for one in mounts if one.get("state") != "absent"
    }
    sources.update(
        {
            str(one["datastore"]): (f"/dev/{one['volume_group']}/{one['logical_volume']}", one.get("fstype", "xfs"))
            for one in disks
        }
    )
    return [
        {
            "type": "mounted",
            "name": f"datastore {name} is on its storage",
            "path": f"{location}/{ids.get(name, f'<id of {name}>')}",
            "src": src,
            "fstype": fstype,
            "owner": "oneadmin",
        }
        for name, (src, fstype) in sources.items()
    ]


def with_edits(
    files: Iterable[Mapping[str, Any]], more: Mapping[str, Iterable[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """The files with their edits, and more edits by path: a file is named once, its further edits come last."""
    edits: dict[str, list[Mapping[str, Any]]] = {}
    rest: dict[str, dict[str, Any]] = {}
    for one in files:
        edits.setdefault(one["path"], []).extend(one["edits"])
        rest.setdefault(one["path"], {}).update(one)
    for path, further in more.items():
        edits.setdefault(path, []).extend(further)
    return [{**rest.get(path, {}), "path": path, "edits": of_file} for path, of_file in edits.items()]


def opennebula_node_hosts(hosts: Iterable[str], hostvars: HostVars) -> list[dict[str, Any]]:
    """The nodes of the inventory as hosts of OpenNebula, as each says of itself."""
    declared = []
    for host in hosts:
        variables = hostvars[host]
        driver = str(variables.get("opennebula_node_domain_type") or "kvm")
        entry: dict[str, Any] = {"name": names_of(host, variables)[0], "im_mad": driver, "vm_mad": driver}
        for option in ("cluster", "template", "state"):
            if variables.get(f"opennebula_node_{option}"):
                entry[option] = variables[f"opennebula_node_{option}"]
        declared.append(entry)
    return declared


def declaration_passes(declared: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """What is declared by kind, in the order in which the kinds need one another, as the calls that apply it.

    What a cluster names as its members may be made by the same run, so it gets them after all else. Removal goes the
    other way and comes last: by then nothing that stays uses what goes.
    """
    passes = []
    late: list[dict[str, Any]] = []
    for kind, entries in declared.items():
        wanted = [dict(entry) for entry in entries if entry.get("state") != "absent"]
        # The module sees the two in different calls: it would make one and then delete it.
        for key in ("name", "id"):
            gone = {entry[key] for entry in entries if entry.get("state") == "absent" and entry.get(key) is not None}
            for one in wanted:
                if one.get(key) in gone:
                    raise ValueError(f"{kind}: {one[key]} is declared to be there and to be absent; keep one of both.")
        if kind == "clusters":
            late = [entry for entry in wanted if any(entry.get(option) for option in MEMBERS)]
            wanted = [{key: value for key, value in entry.items() if key not in MEMBERS} for entry in wanted]
        passes.append({"kind": kind, "entries": wanted})
    # A cluster that was renamed has its new name by now.
    late = [{key: value for key, value in entry.items() if key != "rename_from"} for entry in late]
    passes.append({"kind": "clusters", "entries": late})
    for kind, entries in reversed(list(declared.items())):
        passes.append({"kind": kind, "entries": [dict(entry) for entry in entries if entry.get("state") == "absent"]})
    return [one for one in passes if one["entries"]]


def declared_names(entries: Iterable[Mapping[str, Any]], *states: str) -> list[str]:
    """Names of the entries that are to be there, or of those with one of the states. One by id alone has no name."""
    wanted = [entry for entry in entries if entry.get("name") is not None]
    if states:
        return [str(entry["name"]) for entry in wanted if entry.get("state") in states]
    return [str(entry["name"]) for entry in wanted if entry.get("state") != "absent"]


def ssh_identities(hosts: Iterable[str], hostvars: HostVars, register: str) -> list[dict[str, Any]]:
    """What the hosts of this run said of themselves: their names, host keys and public keys.

    A host that this run was limited away from said nothing, and nothing is changed about it.
    """
    known = []
    for host, own in own_names(hosts, hostvars).items():
        variables = hostvars[host]
        identity = variables.get(register)
        if identity and not identity.get("skipped"):
            names = [*own, address_of(host, variables)]
            known.append(
                {
                    "names": list(dict.fromkeys(names)),
                    "host_keys": list(identity.get("host_keys") or []),
                    "public_keys": list(identity.get("public_keys") or []),
                }
            )
    return known
