# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that speaks against a deployment, found from one probe per host and the inventory, before anything is changed.

Each rule is one small function from the cloud to findings. No rule depends on another, none stops at its first finding,
and one that crashes takes no other with it.
"""

from __future__ import annotations

import inspect
import os
import traceback
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

FRONTENDS, NODES = "opennebula_frontends", "opennebula_nodes"
WHOLE_CLOUD = "all"
ERROR, WARNING, ACCEPTED = "error", "warning", "accepted"


@dataclass(frozen=True)
class Finding:
    host: str
    what: str
    remedy: str
    severity: str = ERROR
    rule: str = ""
    crash: bool = False  # not what a rule found, but that the rule itself failed

    @property
    def sentence(self) -> str:
        """All of it on one line: 'error: node1: what was found. What to do. [rule]'"""
        return f"{self.severity}: {self.host}: {self.what} {self.remedy} [{self.rule}]"


@dataclass
class Host:
    """One host: what the inventory wants of it, and what the probe found; probe None where it could not be read."""

    name: str
    groups: set[str] = field(default_factory=set)
    address: str = ""
    address_declared: bool = False  # host_network_address is set, so it must be an address of this very host
    names: list[str] = field(default_factory=list)
    manages_hosts_file: bool = True
    release: str | None = None
    domain_type: str = "kvm"
    database_backend: str = "sqlite"
    secrets: dict[str, str | None] = field(default_factory=dict)
    required: dict[str, str | None] = field(default_factory=dict)
    network: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # links of host_network, by kind
    network_faults: list[str] = field(default_factory=list)  # what its module would not take of them
    isolation: dict[str, Any] | None = None  # options of the module vm_isolation, where it is declared
    isolation_faults: list[str] = field(default_factory=list)
    datastore_mounts: list[dict[str, Any]] = field(default_factory=list)  # that host_storage is going to make
    datastore_disks: list[dict[str, Any]] = field(default_factory=list)
    disk_findings: list[str] = field(default_factory=list)  # what the host itself has against its datastore_disks
    brick_findings: list[str] = field(default_factory=list)  # ... and against its gluster_bricks
    addon_findings: list[dict[str, str]] = field(default_factory=list)  # ... and against opennebula_storage_addons
    gluster_mounts: list[dict[str, Any]] = field(default_factory=list)  # that gluster_client is going to make
    gluster_gateway: dict[str, list[str]] = field(default_factory=dict)  # volumes that it gives, by nfs or smb
    probe: dict[str, Any] | None = None
    unreachable: str | None = None
    high_availability: dict[str, Any] = field(default_factory=dict)  # HA_VARIABLES that are set
    ovirt: dict[str, Any] = field(default_factory=dict)  # OVIRT_VARIABLES that are set, on hosts of oVirt

    @property
    def network_declared(self) -> bool:
        return any(self.network.values()) or bool(self.network_faults)

    @property
    def links(self) -> list[str]:
        """Links that host_network is going to make."""
        return [str(one.get("name")) for kind in ("bonds", "vlans", "bridges") for one in self.network.get(kind, [])]

    @property
    def deployed(self) -> bool:
        """OpenNebula's packages, which bring the user oneadmin, are already there."""
        return bool(self.probe and self.probe["users"].get("oneadmin"))


@dataclass
class Limits:
    clock_skew_s: float = 2.0
    memory_mb: dict[str, int] = field(default_factory=dict)  # by group
    disk_mb: dict[str, dict[str, int]] = field(default_factory=dict)  # by group, then path
    local_datastore_mb: int = 0  # less is an error
    roomy_datastore_mb: int = 0  # less is a warning


@dataclass
class Declared:
    """What the inventory declares inside OpenNebula: entries by variable, in the form that the modules take."""

    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)  # variable, and what its module would not take

    def wanted(self, variable: str) -> list[dict[str, Any]]:
        """Those that are to be there in the end."""
        return [entry for entry in self.entries.get(variable, []) if entry.get("state") != "absent"]

    @property
    def clusters(self) -> list[dict[str, Any]]:
        return self.wanted("opennebula_clusters")

    @property
    def hosts(self) -> list[dict[str, Any]]:
        return self.wanted("opennebula_hosts")

    @property
    def datastores(self) -> list[dict[str, Any]]:
        return self.wanted("opennebula_datastores")

    @property
    def virtual_networks(self) -> list[dict[str, Any]]:
        return self.wanted("opennebula_virtual_networks")


@dataclass
class Gluster:
    """What the inventory declares of GlusterFS."""

    volumes: list[dict[str, Any]] = field(default_factory=list)
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)  # variables of all servers, looked at or not
    faults: list[tuple[str, str]] = field(default_factory=list)  # host, and what a module would not take


@dataclass
class Cloud:
    hosts: list[Host]
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    started: float = 0.0  # the controller's clock before and after the probes
    finished: float = 0.0
    limits: Limits = field(default_factory=Limits)
    upgrade: bool = False  # by the playbook opennebula_upgrade
    declared: Declared = field(default_factory=Declared)
    oned_edits: list[dict[str, Any]] = field(default_factory=list)
    storage_addons: list[str] = field(default_factory=list)
    addon_settings: dict[str, dict[str, Any]] = field(default_factory=dict)  # by add-on, what is set
    protected_networks: list[str] = field(default_factory=list)
    vitastor_networks: list[str] = field(default_factory=list)  # where servers of Vitastor listen
    datastore_location: str = "/var/lib/one/datastores"
    gluster: Gluster = field(default_factory=Gluster)

    def probed(self, group: str | None = None) -> Iterator[tuple[Host, dict[str, Any]]]:
        for host in self.hosts:
            if host.probe is not None and (group is None or group in host.groups):
                yield host, host.probe

    def host_names(self, group: str) -> list[str]:
        return list(self.groups.get(group) or [])

    @property
    def deployed(self) -> bool:
        """Whether there may be an OpenNebula that knows more than the inventory declares."""
        looked_at = [host for host, _probe in self.probed(FRONTENDS)]
        return not looked_at or any(host.deployed for host in looked_at)

    @property
    def release(self) -> str | None:
        """The release of the front-ends; another rule sees to it that there is only one."""
        releases = [host.release for host in self.hosts if host.release and host.groups & {FRONTENDS, NODES}]
        return releases[0] if releases else None


@dataclass(frozen=True)
class Rule:
    """A rule bears the name of its function and is explained by its docstring."""

    check: Callable[[Cloud], Iterable[Finding]]
    acceptable: bool = True  # False: no run could come to a good end with it, so there is nothing to accept

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def explanation(self) -> str:
        return " ".join((inspect.getdoc(self.check) or "").split())


def findings(cloud: Cloud, rules: Sequence[Rule]) -> list[Finding]:
    """All findings of all rules, errors first; the order of the rules within."""
    found = [replace(finding, rule=rule.name) for rule in rules for finding in _guarded(rule, cloud)]
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def _guarded(rule: Rule, cloud: Cloud) -> Iterator[Finding]:
    """What a rule finds up to its end or its crash, and the crash as a finding of its own."""
    try:
        yield from rule.check(cloud)
    except Exception as crash:  # whatever it is, it must not cost the other findings
        yield Finding(
            WHOLE_CLOUD,
            f"The rule {rule.name} crashed, so not all of what it looks at was looked at: {_told(crash, cloud)}.",
            "This is a fault of the collection, not of your cloud: report it, and add the rule to preflight_accepted "
            "to go on without it.",
            crash=True,
        )


def _told(crash: Exception, cloud: Cloud) -> str:
    """Kind, text and place of an exception; its text may quote what it stumbled over, and that may be a secret."""
    place = traceback.extract_tb(crash.__traceback__)[-1]
    text = " ".join(str(crash).split())
    for secret in (value for host in cloud.hosts for value in host.secrets.values() if value):
        text = text.replace(secret, "(hidden)")
    return f"{type(crash).__name__}: {text or 'no text'} ({os.path.basename(place.filename)}, line {place.lineno})"
