# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the preflight about servers, volumes and clients of GlusterFS."""

from __future__ import annotations

import ipaddress
from typing import Any, Iterator

from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_gateway import nfs_findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_inventory import (
    InventoryError,
    volumes_with_bricks,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.gluster_servers import server_name
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import (
    WARNING,
    WHOLE_CLOUD,
    Cloud,
    Finding,
    Host,
    Rule,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_network import as_address, will_be_written

SERVERS = "gluster_servers"
# What the layout of volumes is made of, of each server.
SERVER_VARIABLES = (
    "gluster_server_name",
    "gluster_server_other_names",
    "gluster_server_failure_domain",
    "gluster_bricks",
)
MANAGEMENT_PORT = 24007
OFF = ("off", "no", "false", "disable", "0")


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."


def gluster_declarations(cloud: Cloud) -> Iterator[Finding]:
    """gluster_volumes, gluster_bricks, gluster_client_mounts or a list of gluster_gateway have an entry that would be
    refused, such as an export that names no clients, or two with one id.
    """
    for where, fault in cloud.gluster.faults:
        yield Finding(where, _sentence(fault), "Correct the entry; ansible-doc tells what it may have.")


def volumes_need_servers(cloud: Cloud) -> Iterator[Finding]:
    """Volumes are declared, and the group gluster_servers is empty."""
    if cloud.gluster.volumes and not cloud.host_names(SERVERS):
        yield Finding(
            WHOLE_CLOUD,
            f"gluster_volumes declares volumes, and the group {SERVERS} has no hosts.",
            f"Put the servers into {SERVERS}.",
        )


def volumes_can_be_laid_out(cloud: Cloud) -> Iterator[Finding]:
    """A volume of GlusterFS cannot be built of the declared disks, or would lose files with one host; what can be
    built instead is told. Two copies without an arbiter need accept_split_brain_risk.
    """
    if not cloud.host_names(SERVERS):
        return
    try:
        volumes_with_bricks(cloud.gluster.volumes, cloud.gluster.servers, cloud.host_names(SERVERS), "")
    except InventoryError as error:
        for line in str(error).splitlines():
            yield Finding(WHOLE_CLOUD, _sentence(line), "Change gluster_volumes, or gluster_bricks of the servers.")


def bricks_can_be_used(cloud: Cloud) -> Iterator[Finding]:
    """gluster_bricks names a disk that is not there, is in use or holds anything, or a mount point that is none, so
    that bricks would be on the disk of the root.
    """
    for host in cloud.hosts:
        for sentence in host.brick_findings:
            yield Finding(host.name, _sentence(sentence), "Nothing was changed on its disks.")


def _names(cloud: Cloud) -> dict[str, str]:
    """By the name of the inventory, that of the pool."""
    return {name: server_name(name, variables) for name, variables in cloud.gluster.servers.items()}


def gluster_names_resolve(cloud: Cloud) -> Iterator[Finding]:
    """A server, client or gateway of GlusterFS does not know the name of a server, or takes it for itself because the
    name means a loopback address.
    """
    known = {host.name: host for host in cloud.hosts}
    for host, probe in cloud.probed():
        if SERVERS not in host.groups and not host.gluster_mounts and not host.gluster_gateway:
            continue
        unknown, loopback = [], []
        for server, name in _names(cloud).items():
            if server == host.name or as_address(name) or _written(host, known.get(server), name):
                continue
            found = probe["names"].get(name)
            if found == []:
                unknown.append(name)
            elif found and ipaddress.ip_address(found[0].split("%")[0]).is_loopback:
                loopback.append(f"{name} to {found[0]}")
        remedy = "Enter the names into the name server, or into host_network_extra_hosts."
        if unknown:
            yield Finding(host.name, f"These servers of GlusterFS do not resolve: {', '.join(unknown)}.", remedy)
        if loopback:
            yield Finding(
                host.name,
                f"These servers of GlusterFS resolve to this very host: {'; '.join(loopback)}.",
                "Remove the names from the loopback lines of /etc/hosts.",
            )


def _written(host: Host, server: Host | None, name: str) -> bool:
    return server is not None and name in server.names and will_be_written(host, server)


def _listeners(probe: dict[str, Any], port: int) -> list[dict[str, Any]]:
    return [entry for entry in probe["ports"] if entry["protocol"] == "tcp" and entry["port"] == port]


def gluster_port_taken(cloud: Cloud) -> Iterator[Finding]:
    """The port 24007 of a server of GlusterFS is taken by another program."""
    for host, probe in cloud.probed(SERVERS):
        for entry in _listeners(probe, MANAGEMENT_PORT)[:1]:
            # A process whose name could not be read is not held against the host.
            if entry["process"] not in (None, "", "glusterd"):
                yield Finding(
                    host.name,
                    f"Port {MANAGEMENT_PORT}/tcp, which glusterd needs, is taken by {entry['process']} (pid "
                    f"{entry['pid']}).",
                    "Stop that program.",
                )


def nfs_port_is_free(cloud: Cloud) -> Iterator[Finding]:
    """A gateway of GlusterFS cannot serve NFS, because the kernel's NFS server, or another program, has port 2049, or
    will have it after a boot.
    """
    for host, probe in cloud.probed():
        for sentence in nfs_findings(probe) if "nfs" in host.gluster_gateway else []:
            yield Finding(
                host.name, sentence, "Let another host be the gateway, or: systemctl disable --now nfs-server."
            )


def nfs_comes_from_a_gateway(cloud: Cloud) -> Iterator[Finding]:
    """A volume has nfs.disable switched off, which once made GlusterFS serve NFS by itself and does nothing today."""
    for volume in cloud.gluster.volumes:
        value = (volume.get("options") or {}).get("nfs.disable")
        if value is not None and str(value).lower() in OFF:
            yield Finding(
                WHOLE_CLOUD,
                f"The volume {volume['name']} sets nfs.disable to {value}, and GlusterFS has no NFS server any more.",
                "Leave the option out; gluster_gateway_nfs_exports of a host gives volumes by NFS-Ganesha.",
                WARNING,
            )


def mounts_name_volumes(cloud: Cloud) -> Iterator[Finding]:
    """gluster_client_mounts, or an export or share of a gateway, names a volume that gluster_volumes does not declare;
    it may have been made by hand.
    """
    declared = {str(volume.get("name")) for volume in cloud.gluster.volumes if volume.get("state") != "absent"}
    for host in cloud.hosts:
        for mount in host.gluster_mounts:
            volume = str(mount.get("volume")).strip("/").split("/", maxsplit=1)[0]
            # One that names its servers may be of another pool.
            if mount.get("state") != "absent" and not mount.get("servers") and volume not in declared:
                yield Finding(
                    host.name,
                    f"gluster_client_mounts names the volume {volume}, which gluster_volumes does not declare.",
                    "Correct the name, or declare the volume.",
                    WARNING,
                )
        # A gateway may be of another pool, too, as long as no volume is declared here.
        for kind, volumes in host.gluster_gateway.items() if declared else ():
            for volume in volumes:
                if volume not in declared:
                    yield Finding(
                        host.name,
                        f"By {kind.upper()} it gives the volume {volume}, which gluster_volumes does not declare.",
                        "Correct the name, or declare the volume.",
                        WARNING,
                    )


GLUSTER_RULES: tuple[Rule, ...] = (
    Rule(gluster_declarations, acceptable=False),
    Rule(volumes_need_servers),
    Rule(volumes_can_be_laid_out, acceptable=False),
    Rule(bricks_can_be_used, acceptable=False),
    Rule(gluster_names_resolve),
    Rule(gluster_port_taken),
    Rule(nfs_port_is_free),
    Rule(nfs_comes_from_a_gateway),
    Rule(mounts_name_volumes),
)
