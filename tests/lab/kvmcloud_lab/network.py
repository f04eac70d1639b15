# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's networks: bridges in a network namespace of their own, and one link from each to this machine.

podman makes no networks here. Its own would leave firewall rules and depend on which of its two network programs a
machine has; and a lab needs several NICs per host, bare layer 2 segments, and taps for guests on the same segments.
With the bridges in a namespace (the "switch"), no firewall of this machine sees the traffic between hosts, nothing is
routed outside because nothing routes, and taking the lab down is deleting the namespace.
"""

from __future__ import annotations

import json
import zlib
from ipaddress import IPv4Network
from pathlib import Path

from kvmcloud_lab.model import Host, Lab, mac_address
from kvmcloud_lab.paths import object_name
from kvmcloud_lab.programs import LabError, run

NAMESPACES = Path("/run/netns")


def ip(*words: str, namespace: str = "") -> str:
    return run(["ip", *(("-n", namespace) if namespace else ()), *words])


def namespace_path(lab: str, host: str) -> Path:
    return NAMESPACES / object_name(lab, host)


def ensure_networks(lab: Lab) -> None:
    switch = object_name(lab.name)
    _ensure_namespace(switch)
    bridges = {link["ifname"] for link in json.loads(ip("-json", "link", namespace=switch))}
    here = _links()
    for index, network in enumerate(lab.networks):
        bridge, uplink = f"br-{network.name}", f"{switch}-{index}"
        if bridge not in bridges:
            ip("link", "add", bridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0", namespace=switch)
            ip("link", "set", bridge, "up", namespace=switch)
        if network.controller is None or uplink in here:
            continue
        assert network.subnet
        _refuse_overlap(network.subnet, network.name)
        ip("link", "add", uplink, "type", "veth", "peer", "name", f"up-{index}", "netns", switch)
        ip("link", "set", f"up-{index}", "master", bridge, "up", namespace=switch)
        ip("link", "set", uplink, "alias", f"lab {lab.name}, network {network.name}")
        ip("addr", "add", str(network.controller), "dev", uplink)
        ip("link", "set", uplink, "up")


def plug_container(lab: str, host: Host) -> None:
    """A fresh namespace for the host, with its NICs: what it had set in the kernel does not outlive a power loss."""
    unplug_container(lab, host.name)
    namespace = object_name(lab, host.name)
    _ensure_namespace(namespace)
    for nic in host.nics:
        port = _port(host.name, nic.name)
        mac = mac_address(lab, host.name, nic.name)
        peer = ("peer", "name", nic.name, "address", mac, "netns", namespace)
        ip("link", "add", port, "type", "veth", *peer, namespace=object_name(lab))
        _attach(lab, port, nic.network, f"{host.name} {nic.name}")


def unplug_container(lab: str, host: str) -> None:
    """The kernel removes a namespace's links some time after the namespace; the switch's ends go at once."""
    for port in _ports_of(lab, host):
        ip("link", "del", port, namespace=object_name(lab))
    if namespace_path(lab, host).exists():
        ip("netns", "del", object_name(lab, host))


def plug_guest(lab: str, host: Host) -> list[str]:
    """The taps of a guest, in the order of its NICs; QEMU opens them from inside the switch's namespace."""
    unplug_guest(lab, host.name)
    taps = []
    for nic in host.nics:
        tap = _port(host.name, nic.name)
        ip("tuntap", "add", tap, "mode", "tap", namespace=object_name(lab))
        _attach(lab, tap, nic.network, f"{host.name} {nic.name}")
        taps.append(tap)
    return taps


def unplug_guest(lab: str, host: str) -> None:
    for port in _ports_of(lab, host):
        ip("link", "del", port, namespace=object_name(lab))


def remove_networks(lab: str) -> None:
    """Everything of a lab, half-made or not; found by name, not from memory."""
    for link in _links():
        if link.startswith(f"{object_name(lab)}-"):
            ip("link", "del", link)
    for namespace in lab_namespaces(lab):
        ip("netns", "del", namespace)


def lab_namespaces(lab: str) -> list[str]:
    names = [path.name for path in NAMESPACES.glob("*")]
    return sorted(name for name in names if name == object_name(lab) or name.startswith(f"{object_name(lab)}-"))


def lab_links(lab: str) -> list[str]:
    return sorted(link for link in _links() if link.startswith(f"{object_name(lab)}-"))


def _ensure_namespace(name: str) -> None:
    if not (NAMESPACES / name).exists():
        ip("netns", "add", name)
    ip("link", "set", "lo", "up", namespace=name)


def _attach(lab: str, port: str, network: str, alias: str) -> None:
    ip("link", "set", port, "alias", alias, "master", f"br-{network}", "up", namespace=object_name(lab))


def _port(host: str, nic: str) -> str:
    """A link name has at most 15 characters, host names may have more; the alias tells a person whose it is."""
    return f"p-{zlib.crc32(host.encode()):08x}-{nic[3:]}"


def _ports_of(lab: str, host: str) -> list[str]:
    if not (NAMESPACES / object_name(lab)).exists():
        return []
    prefix = _port(host, "eth")
    links = json.loads(ip("-json", "link", namespace=object_name(lab)))
    return [link["ifname"] for link in links if link["ifname"].startswith(prefix)]


def _links() -> set[str]:
    return {link["ifname"] for link in json.loads(ip("-json", "link"))}


def _refuse_overlap(subnet: IPv4Network, network: str) -> None:
    for route in json.loads(ip("-json", "-4", "route")):
        if route["dst"] == "default":
            continue
        if IPv4Network(route["dst"]).overlaps(subnet):
            raise LabError(
                f"The lab network {network} shall be {subnet}, but this machine reaches {route['dst']} over "
                f"{route['dev']}; choose another subnet in lab_networks, or take down the lab that has it."
            )
