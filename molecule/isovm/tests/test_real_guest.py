# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real guest - QEMU, Debian's kernel, a tap that libvirt plugs into the bridge - after the rules were loaded."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
sys.path[:0] = [str(HERE / "guest"), str(CHECKOUT / ".cache/collections")]

from attacker import domain_xml, initramfs, newest  # noqa: E402  (found through the line above)

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_probes import (  # noqa: E402
    FIRST,
    NODE,
    Scene,
    Target,
    probes,
)

SSH = ["ssh", "-F", "/var/lib/kvmcloud-lab/labs/isovm/ssh/config"]
FOLDER, BRIDGE, UPLINK, PORT = "/var/lib/libvirt/attacker", "onebr0", "eth1", 47777
MAC, ADDRESS = "02:00:0a:d5:7e:c8", "10.213.126.200"
SECOND_MAC, SECOND_ADDRESS = "02:00:0a:d5:7e:c9", "10.213.126.201"
GATEWAY = "10.213.126.129"
SECONDS = 240
testinfra_hosts = ["node1"]


def on_node(command: str, text: str = "") -> str:
    done = subprocess.run([*SSH, "node1", command], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def mac_of(link: str) -> str:
    return json.loads(on_node(f"ip -json link show {link}"))[0]["address"]


def controller_mac() -> str:
    """Of the lab's own gateway, which is this machine."""
    links = json.loads(subprocess.run(["ip", "-json", "addr"], capture_output=True, text=True, check=True).stdout)
    return next(one["address"] for one in links if any(found.get("local") == GATEWAY for found in one["addr_info"]))


@pytest.fixture(scope="module")
def tried():
    scene = Scene(
        mac_of(BRIDGE),
        PORT,
        (MAC, ADDRESS),
        (SECOND_MAC, SECOND_ADDRESS),
        (controller_mac(), GATEWAY),
        ["10.213.126.21"],
        [Target("10.213.126.22", [22, 16509], "52:54:00:00:00:22")],
        "10.213.126.100",
    )
    # What the guest itself is sent is not observed: nobody looks inside of it.
    return [one for one in probes(scene) if one.sender != NODE and one.look != FIRST]


@pytest.fixture(scope="module")
def guest(tried, tmp_path_factory):
    """It runs for as long as the tests do; its tap is made by its start."""
    image = newest("bookworm-vm-*")
    if image is None:
        pytest.skip("the lab has no image of a vm, whose kernel this guest boots")
    folder = tmp_path_factory.mktemp("guest")
    (folder / "initrd").write_bytes(initramfs(image / "initrd", [frame for one in tried for frame in one.frames]))
    (folder / "domain.xml").write_text(domain_xml(FOLDER, MAC, BRIDGE))
    on_node(f"virsh destroy attacker 2>/dev/null; rm -rf {FOLDER}; mkdir -p {FOLDER}/collections")
    sources = "ansible_collections/kvmcloud/stack/plugins/module_utils"
    with tarfile.open(folder / "sources.tar", "w") as packed:
        for path in (CHECKOUT / "plugins/module_utils").glob("isolation_*.py"):
            packed.add(path, f"collections/{sources}/{path.name}")
        packed.add(HERE / "guest/observer.py", "observer.py")
    files = [image / "kernel", folder / "initrd", folder / "domain.xml", folder / "sources.tar"]
    subprocess.run(["scp", *SSH[1:], "-q", *map(str, files), f"node1:{FOLDER}/"], check=True)
    on_node(
        f"cd {FOLDER} && tar xf sources.tar && chmod -R a+rX . && systemctl start libvirtd && virsh create domain.xml"
    )
    yield
    on_node(
        f"virsh destroy attacker; rm -rf {FOLDER}; systemctl start kvmcloud-isolation-watch; kvmcloud-isolation apply"
    )


def observed(tried) -> dict[str, int]:
    asked = {
        "where": {one.token.hex(): one.look for one in tried},
        "kept": [one.token.hex() for one in tried if one.allowed],
    }
    command = f"python3 {FOLDER}/observer.py {BRIDGE} {UPLINK} {MAC} {SECOND_MAC} {PORT} {SECONDS}"
    seen = json.loads(on_node(command, json.dumps(asked)))
    return {one.name: seen[one.token.hex()] for one in tried}


def test_a_guest_that_was_plugged_in_later_is_isolated(guest, tried):
    on_node("kvmcloud-isolation verify")
    assert BRIDGE in on_node("virsh domiflist attacker")
    seen = observed(tried)
    console = on_node(f"tail -n 5 {FOLDER}/console.log")
    assert [one.name for one in tried if one.allowed and not seen[one.name]] == [], console
    assert {one.name: seen[one.name] for one in tried if not one.allowed and seen[one.name]} == {}


def test_without_rules_the_same_guest_gets_through(guest, tried):
    """So the former test could have failed."""
    on_node("systemctl stop kvmcloud-isolation-watch && nft flush ruleset")
    try:
        seen = observed(tried)
    finally:
        on_node("systemctl start kvmcloud-isolation-watch")
    through = [one.name for one in tried if not one.allowed and seen[one.name]]
    # The bridge of the lab's node has no IPv6 address.
    assert [one.name for one in tried if not one.allowed and one.name not in through] == [
        "IPv6: UDP to the node's link-local address"
    ]
    deadline = time.monotonic() + 5
    while subprocess.run([*SSH, "node1", "kvmcloud-isolation verify"], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.2)
