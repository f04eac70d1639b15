# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about oVirt: systems, names, answers, and what does not go together."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answers import declared, faults_of, misplaced
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_variables import (
    DATABASE_VARIABLES,
    PREFIX,
    VARIABLES,
    ovirt_engine_answers,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_requirements import variable_faults
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_hosted_engine_variables import (
    VARIABLES as HE_VARIABLES,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    FRONTENDS,
    NODES,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)

ENGINES, HOSTED, HOSTS = "ovirt_engines", "ovirt_hosted_engine_hosts", "ovirt_hosts"
OVIRT_GROUPS = {ENGINES, HOSTED, HOSTS}
STORAGE_DOMAINS = "ovirt_resources_storage_domains"
RELEASE = "4.5.7"
# Of the family of Enterprise Linux, by the id in os-release.
FAMILY = ("rhel", "centos", "almalinux", "rocky", "ol")
# Variables that the rules read.
OVIRT_VARIABLES: tuple[str, ...] = (
    *(f"{PREFIX}{name}" for table in (VARIABLES, *DATABASE_VARIABLES.values()) for name in table),
    "ovirt_engine_offline",
    "ovirt_engine_extra_answers",
    "ovirt_engine_extra_secrets",
    STORAGE_DOMAINS,
    *HE_VARIABLES,
)
OVIRT_SECRETS = {ENGINES: ("ovirt_engine_admin_password",), HOSTED: ("he_admin_password", "he_appliance_password")}
NO_EL = "Take Enterprise Linux 9 or 10 on x86_64, or take the host out of the groups of oVirt."


def first_of(cloud: Cloud, group: str) -> Host | None:
    """The host whose variables the role has, if it is part of this run."""
    names = cloud.host_names(group)
    return next((host for host in cloud.hosts if names and host.name == names[0]), None)


def release_of(probe: Mapping[str, Any]) -> str | None:
    """Major release of Enterprise Linux; None on another system."""
    system = probe["os_release"]
    return str(system.get("version_id", "")).partition(".")[0] if system.get("id") in FAMILY else None


def ovirt_on_system(cloud: Cloud) -> Iterator[Finding]:
    """A host of oVirt runs a system that oVirt is not packaged for."""
    for host, probe in cloud.probed():
        if host.groups & OVIRT_GROUPS:
            system = probe["os_release"]
            name = f"{system.get('id')} {system.get('version_id')}"
            if release_of(probe) not in ("9", "10"):
                yield Finding(host.name, f"oVirt 4.5 is not packaged for {name}.", NO_EL)
            elif probe.get("architecture", "x86_64") != "x86_64":
                yield Finding(host.name, f"oVirt 4.5 is not packaged for {probe['architecture']}.", NO_EL)


def ovirt_gluster_needs_release_9(cloud: Cloud) -> Iterator[Finding]:
    """A GlusterFS domain is declared, and a host runs Enterprise Linux 10, where oVirt has no GlusterFS any more."""
    declared_by = [host for host in (first_of(cloud, ENGINES), first_of(cloud, HOSTED)) if host]
    domains = [
        str(one.get("name"))
        for host in declared_by
        for one in host.ovirt.get(STORAGE_DOMAINS) or []
        if isinstance(one, Mapping) and one.get("glusterfs") and one.get("state") != "absent"
    ]
    domains += ["hosted_storage" for host in declared_by if host.ovirt.get("he_domain_type") == "glusterfs"]
    if not domains:
        return
    for host, probe in cloud.probed():
        if host.groups & {HOSTED, HOSTS} and release_of(probe) == "10":
            yield Finding(
                host.name,
                f"The storage domain {', '.join(dict.fromkeys(domains))} is on GlusterFS, which oVirt gave up on "
                "Enterprise Linux 10.",
                "Take Enterprise Linux 9 for the hosts, or another type of storage.",
            )


def ovirt_has_one_engine(cloud: Cloud) -> Iterator[Finding]:
    """More than one engine is declared, or a stand-alone one beside a hosted one."""
    engines = cloud.host_names(ENGINES)
    if len(engines) > 1 or (engines and cloud.host_names(HOSTED)):
        yield Finding(
            WHOLE_CLOUD,
            f"There is one engine to a cloud, and declared are {', '.join([*engines, *cloud.host_names(HOSTED)])}.",
            f"Put one host into {ENGINES}, or use {HOSTED} instead.",
        )


def ovirt_hosts_are_not_shared(cloud: Cloud) -> Iterator[Finding]:
    """A host belongs to oVirt and to OpenNebula: both would rule its libvirt."""
    for host in cloud.hosts:
        if host.groups & {HOSTED, HOSTS, ENGINES} and host.groups & {FRONTENDS, NODES}:
            yield Finding(
                host.name,
                f"{host.name} is declared as a host of oVirt and of OpenNebula; both would rule its libvirt.",
                "Give each of them hosts of its own.",
            )


def ovirt_engine_name_resolves(cloud: Cloud) -> Iterator[Finding]:
    """The name of the engine does not resolve on a host of oVirt, or resolves to a loopback address."""
    speaker = first_of(cloud, ENGINES) or first_of(cloud, HOSTED)
    name = speaker and (speaker.ovirt.get("ovirt_engine_fqdn") or speaker.ovirt.get("he_fqdn"))
    if not name:
        return
    for host, probe in cloud.probed():
        if not host.groups & OVIRT_GROUPS or name not in probe["names"]:
            continue
        addresses = probe["names"][name]
        remedy = f"Enter {name} into the name server, or into /etc/hosts of every host."
        if not addresses:
            yield Finding(host.name, f"The engine's name {name} does not resolve.", remedy)
        elif any(one.startswith("127.") or one == "::1" for one in addresses):
            yield Finding(host.name, f"The engine's name {name} resolves to {', '.join(addresses)}.", remedy)


def ovirt_answers_are_taken(cloud: Cloud) -> Iterator[Finding]:
    """A variable of the engine is one that engine-setup would not take, or would take in another way than was meant."""
    host = first_of(cloud, ENGINES)
    if host:
        given = ovirt_engine_answers(host.ovirt)
        both = {**given["answers"], **given["secrets"]}
        for sentence in [
            *misplaced(given["answers"], given["secrets"], RELEASE),
            *faults_of(declared(both, "variables"), RELEASE),
        ]:
            yield Finding(host.name, sentence, "Correct the variables ovirt_engine_* of this host.")


def ovirt_hosted_engine_variables_are_taken(cloud: Cloud) -> Iterator[Finding]:
    """A variable he_* is missing, unknown to the official role, or of another type."""
    host = first_of(cloud, HOSTED)
    if host:
        given = {name: host.ovirt[name] for name in HE_VARIABLES if host.ovirt.get(name) is not None}
        for sentence in variable_faults(given, HE_VARIABLES):
            yield Finding(host.name, sentence, "Correct the variables he_* of this host.")


OVIRT_RULES: tuple[Rule, ...] = (
    Rule(ovirt_on_system, acceptable=False),
    Rule(ovirt_gluster_needs_release_9),
    Rule(ovirt_has_one_engine),
    Rule(ovirt_hosts_are_not_shared),
    Rule(ovirt_engine_name_resolves),
    Rule(ovirt_answers_are_taken, acceptable=False),
    Rule(ovirt_hosted_engine_variables_are_taken, acceptable=False),
)
