# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an inventory's variables to a Lab. Pure; reports every mistake it finds at once, each as a sentence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from kvmcloud_lab.model import CONTAINER, MANAGEMENT, VM, Disk, Host, Lab, Network, Nic, OpenNebulaSource
from kvmcloud_lab.programs import LabError

Variables = Mapping[str, Any]

DEFAULT_NETWORKS = {MANAGEMENT: "10.213.1.0/24"}
DEFAULT_IMAGE = {CONTAINER: "bookworm", VM: "bookworm-vm"}
DEFAULT_OPENNEBULA_RELEASES = ("7.4.0", "6.10.0")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

# A link's name has at most 15 characters: "kvl-" (or "kvlx-") + the lab + "-" + a number.
LAB_NAME = re.compile(r"[a-z][a-z0-9]{0,7}")
# A bridge's name: "br-" + the network.
NETWORK_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
NIC_NAME = re.compile(r"eth[0-9]+")
DISK_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")  # a virtio serial has at most 20 characters
RENDERERS = ("networkd", "NetworkManager")
LAB_VARIABLES = (
    "lab_name",
    "lab_networks",
    "lab_names",
    "lab_distribution_passthrough",
    "lab_opennebula",
    "lab_opennebula_releases",
    "lab_opennebula_upstream_url",
    "lab_opennebula_upstream_key_fingerprint",
)
HOST_VARIABLES = (
    "ansible_host",
    "lab_kind",
    "lab_image",
    "lab_nics",
    "lab_disks",
    "lab_memory",
    "lab_cpus",
    "lab_renderer",
    "lab_debian_hosts_line",
)


class Findings(list[str]):
    """Sentences about what is wrong; collected, so that one run tells all of them."""

    def check(self, is_right: object, sentence: str) -> bool:
        if not is_right:
            self.append(sentence)
        return bool(is_right)


def describe(inventory: Mapping[str, Variables], image_kinds: Mapping[str, str]) -> Lab:
    """inventory: lab_* variables and ansible_host of each host; image_kinds: the images there are, and their kinds."""
    findings = Findings()
    if not inventory:
        raise LabError("The inventory names no host, so there is nothing to make.")
    common = _common(inventory, findings)
    lab_name = str(common.get("lab_name", "lab"))
    findings.check(
        LAB_NAME.fullmatch(lab_name),
        f"lab_name is {lab_name!r}; at most 8 small letters and digits, beginning with a letter, make a name.",
    )
    networks = _networks(common.get("lab_networks", DEFAULT_NETWORKS), findings)
    hosts = tuple(_host(name, variables, networks, image_kinds, findings) for name, variables in inventory.items())
    findings.extend(_duplicate_addresses(hosts, networks))
    lab = Lab(
        name=lab_name,
        networks=tuple(networks.values()),
        hosts=hosts,
        names=bool(common.get("lab_names", True)),
        distribution_passthrough=bool(common.get("lab_distribution_passthrough", False)),
        opennebula=_opennebula(common, findings),
    )
    if findings:
        raise LabError("\n".join(findings))
    return lab


def parse_size(text: Any) -> int:
    """4G, 512M, 1.5G or a number of bytes; ValueError otherwise."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)i?B?", str(text).strip())
    if not match or float(match[1]) <= 0:
        raise ValueError(text)
    return int(float(match[1]) * UNITS.get(match[2], 1))


def _common(inventory: Mapping[str, Variables], findings: Findings) -> dict[str, Any]:
    """Variables of the lab itself: one value for all hosts, wherever in the inventory it is written."""
    common: dict[str, Any] = {}
    for variable in LAB_VARIABLES:
        given = {host: variables[variable] for host, variables in inventory.items() if variable in variables}
        if not given:
            continue
        host, common[variable] = next(iter(given.items()))
        for other, value in given.items():
            if not findings.check(
                value == common[variable],
                f"{variable} is {common[variable]!r} for {host} and {value!r} for {other}; it belongs to the whole "
                "lab, write it once in group_vars/all.",
            ):
                break
    return common


def _networks(wanted: Any, findings: Findings) -> dict[str, Network]:
    networks: dict[str, Network] = {}
    if not findings.check(
        isinstance(wanted, Mapping), f"lab_networks is {wanted!r}; a mapping of network names to subnets is wanted."
    ):
        return networks
    for name, subnet in wanted.items():
        findings.check(
            NETWORK_NAME.fullmatch(str(name)),
            f"lab_networks names a network {name!r}; at most 12 small letters and digits make a name.",
        )
        if subnet is None:
            networks[name] = Network(name, None)
            continue
        try:
            networks[name] = Network(name, IPv4Network(str(subnet)))
        except ValueError as error:
            findings.append(f"lab_networks gives {name} the subnet {subnet!r}, which is not an IPv4 network: {error}.")
    management = networks.get(MANAGEMENT)
    if MANAGEMENT not in wanted or (management and management.subnet is None):
        findings.append(
            f"lab_networks has no subnet for `{MANAGEMENT}`, the network over which Ansible reaches the hosts."
        )
    subnets = [(network.name, network.subnet) for network in networks.values() if network.subnet]
    for (first, subnet), (second, other) in itertools.combinations(subnets, 2):
        findings.check(
            not subnet.overlaps(other), f"The lab networks {first} ({subnet}) and {second} ({other}) overlap."
        )
    return networks


def _host(
    name: str,
    variables: Variables,
    networks: Mapping[str, Network],
    image_kinds: Mapping[str, str],
    findings: Findings,
) -> Host:
    """A host with mistakes comes back too, for what can be told about several; the findings keep it from being made."""
    findings.check(HOST_NAME.fullmatch(name), f"{name} is not a host name: small letters, digits and hyphens make one.")
    kind = variables.get("lab_kind", CONTAINER)
    image = ""
    if findings.check(kind in DEFAULT_IMAGE, f"{name}: lab_kind is {kind!r}; it is either container or vm."):
        image = variables.get("lab_image", DEFAULT_IMAGE[kind])
        if findings.check(
            image in image_kinds,
            f"{name}: lab_image is {image!r}; known images are {', '.join(sorted(image_kinds))} (tests/lab/images).",
        ):
            findings.check(
                image_kinds[image] == kind,
                f"{name}: lab_image {image} is for lab_kind {image_kinds[image]}, but lab_kind is {kind}.",
            )
    nics = tuple(_nics(name, variables, networks, findings))
    disks = tuple(_disks(name, variables, findings))
    memory = _number(name, "lab_memory", variables.get("lab_memory", "1G"), findings) // UNITS["M"]
    cpus = variables.get("lab_cpus", 1)
    findings.check(isinstance(cpus, int) and cpus > 0, f"{name}: lab_cpus is {cpus!r}; a number above 0 is wanted.")
    renderer = variables.get("lab_renderer", RENDERERS[0])
    findings.check(
        renderer in RENDERERS, f"{name}: lab_renderer is {renderer!r}; it is either {' or '.join(RENDERERS)}."
    )
    hosts_line = bool(variables.get("lab_debian_hosts_line", False))
    return Host(name, kind, image, nics, disks, memory, cpus, hosts_line, renderer)


def _nics(host: str, variables: Variables, networks: Mapping[str, Network], findings: Findings) -> Iterator[Nic]:
    address = variables.get("ansible_host")
    if findings.check(
        address, f"{host} has no ansible_host; lab hosts have a fixed address of the management network."
    ):
        yield Nic("eth0", MANAGEMENT, _address(host, "eth0", address, networks.get(MANAGEMENT), findings))
    names = {"eth0"}
    for nic in variables.get("lab_nics", []):
        if not findings.check(
            isinstance(nic, Mapping) and {"name", "network"} <= nic.keys() <= {"name", "network", "address"},
            f"{host}: a NIC of lab_nics is {nic!r}; wanted are name, network and, where it shall have one, address.",
        ):
            continue
        name, network = str(nic["name"]), nic["network"]
        findings.check(
            NIC_NAME.fullmatch(name), f"{host}: a NIC is called {name!r}; NICs of lab hosts are eth0, eth1, ..."
        )
        findings.check(
            name not in names, f"{host}: there are two NICs called {name} (eth0 is the management network's)."
        )
        names.add(name)
        if findings.check(
            network in networks,
            f"{host}: {name} is plugged into the network {network!r}, which lab_networks does not name.",
        ):
            wanted = nic.get("address")
            yield Nic(name, network, _address(host, name, wanted, networks[network], findings) if wanted else None)


def _address(host: str, nic: str, address: Any, network: Network | None, findings: Findings) -> IPv4Interface | None:
    if network is None:  # already reported
        return None
    subnet = network.subnet
    if subnet is None:
        findings.append(f"{host}: {nic} has an address, but the network {network.name} has no subnet.")
        return None
    try:
        interface = IPv4Interface(f"{str(address).split('/')[0]}/{subnet.prefixlen}")
    except ValueError:
        findings.append(f"{host}: the address of {nic} is {address!r}, which is not an IPv4 address.")
        return None
    findings.check(
        interface.ip in subnet and interface.ip not in (subnet.network_address, subnet.broadcast_address),
        f"{host}: {nic} has {interface.ip}, which is no host address of {network.name} ({subnet}).",
    )
    return interface


def _disks(host: str, variables: Variables, findings: Findings) -> Iterator[Disk]:
    names = set()
    for disk in variables.get("lab_disks", []):
        if not findings.check(
            isinstance(disk, Mapping) and disk.keys() == {"name", "size"},
            f"{host}: a disk of lab_disks is {disk!r}; wanted are name and size.",
        ):
            continue
        name = str(disk["name"])
        findings.check(
            DISK_NAME.fullmatch(name),
            f"{host}: a disk is called {name!r}; at most 20 small letters, digits and hyphens make a name.",
        )
        findings.check(name not in names, f"{host}: there are two disks called {name}.")
        names.add(name)
        yield Disk(name, _number(host, f"the size of disk {name}", disk["size"], findings))


def _number(host: str, what: str, size: Any, findings: Findings) -> int:
    try:
        return parse_size(size)
    except ValueError:
        findings.append(f"{host}: {what} is {size!r}; a size like 512M or 4G is wanted.")
        return 0


def _duplicate_addresses(hosts: tuple[Host, ...], networks: Mapping[str, Network]) -> Iterator[str]:
    owners = {network.controller.ip: "the controller" for network in networks.values() if network.controller}
    for host in hosts:
        for nic in host.nics:
            if nic.address is None:
                continue
            if nic.address.ip in owners:
                owner = owners[nic.address.ip]
                yield f"{host.name}: {nic.name} has {nic.address.ip}, which already belongs to {owner}."
            owners.setdefault(nic.address.ip, f"{host.name} ({nic.name})")


def _opennebula(common: Variables, findings: Findings) -> OpenNebulaSource:
    source = OpenNebulaSource(
        wanted=str(common.get("lab_opennebula", "auto")),
        releases=tuple(str(release) for release in common.get("lab_opennebula_releases", DEFAULT_OPENNEBULA_RELEASES)),
        upstream_url=str(common.get("lab_opennebula_upstream_url", "")).rstrip("/"),
        upstream_key_fingerprint=str(common.get("lab_opennebula_upstream_key_fingerprint", "")),
    )
    findings.check(
        source.wanted in ("auto", "upstream", "emulated", "none"),
        f"lab_opennebula is {source.wanted!r}; it is one of auto, upstream, emulated and none.",
    )
    findings.check(
        all(re.fullmatch(r"\d+\.\d+\.\d+", release) for release in source.releases),
        f"lab_opennebula_releases is {list(source.releases)!r}; releases like 7.4.0 are wanted.",
    )
    if source.wanted == "upstream":
        findings.check(
            source.upstream_url and source.upstream_key_fingerprint,
            "lab_opennebula is upstream, but lab_opennebula_upstream_url and lab_opennebula_upstream_key_fingerprint "
            "are not both set.",
        )
    return source
