# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace

import network_samples as a
import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils import netplan_companions
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_companions import (
    CLOUD_INIT_FILE,
    MODULES_FILE,
    SYSCTL_FILE,
    companions,
    deaf_to_lldp,
    filters_off,
    hearing_again,
    keep_companions,
)
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_host import NetplanError
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_links import declared_links

STACK = [a.bond("bond0", "eth0"), a.vlan("v", 7, "bond0"), a.bridge("br0", "v")]
NETFILTER = [f"net.bridge.bridge-nf-call-{what} = 1" for what in ("arptables", "ip6tables", "iptables")]


@pytest.mark.parametrize(
    ("declared", "netfilter", "cloud_init", "files"),
    [
        ([a.ethernet("eth0")], False, False, {MODULES_FILE: None, SYSCTL_FILE: None}),
        (STACK, False, False, {MODULES_FILE: ["8021q", "bonding", "bridge"], SYSCTL_FILE: None}),
        ([a.bridge("br0")], True, False, {MODULES_FILE: ["br_netfilter", "bridge"], SYSCTL_FILE: NETFILTER}),
        (
            [a.ethernet("eth0")],
            False,
            True,
            {MODULES_FILE: None, SYSCTL_FILE: None, CLOUD_INIT_FILE: ["network: {config: disabled}"]},
        ),
    ],
)
def test_what_links_need_at_each_boot(declared, netfilter, cloud_init, files):
    found = companions(declared_links(a.params(*declared)), netfilter, cloud_init)
    assert {one.path: one.content and one.content.decode().splitlines()[1:] for one in found} == files


@pytest.mark.parametrize(
    ("options", "deaf"), [({}, True), ({"lldp": True}, False), ({"addresses": ["10.0.0.1/16"]}, False)]
)
def test_bridges_of_guests_are_deaf_to_lldp(options, deaf):
    found = deaf_to_lldp(declared_links(a.params(a.bridge("br0", "eth1", **options))))
    assert list(found) == (["10-netplan-br0.network.d/90-kvmcloud.conf"] if deaf else [])
    assert all(text.endswith("[Network]\nLLDP=no\nEmitLLDP=no\n") for text in found.values())


def test_a_bridge_that_shall_hear_again_does_so_in_the_trial():
    """The file below /etc goes with the confirmation only; of two drop-ins the later name counts."""
    deaf = deaf_to_lldp(declared_links(a.params(a.bridge("br0"))))
    again = hearing_again(list(deaf))
    assert list(again) == ["10-netplan-br0.network.d/91-kvmcloud.conf"] and min(deaf) < min(again)
    assert again[min(again)].endswith("[Network]\nLLDP=routers-only\nEmitLLDP=no\n")


class Node:
    """Its settings of bridges, and the commands that put them in force, or do not."""

    def __init__(self, place, **returncodes):
        self.place, self.returncodes, self.commands = place, returncodes, []
        self.params = {"bridge_netfilter": True}

    def run_command(self, argv, handle_exceptions):
        assert not handle_exceptions, "or the module ends in the middle"
        self.commands.append(argv[0])
        if self.returncodes.get(argv[0]) == "absent":
            raise FileNotFoundError(argv[0])
        if not self.returncodes and argv[0] == "sysctl":
            self.set("1")
        return self.returncodes.get(argv[0], 0), "", "not found"

    def set(self, value, keys=netplan_companions.NETFILTER_KEYS):
        for key in keys:
            (self.place / f"bridge-nf-call-{key}").write_text(f"{value}\n")

    def selinux_enabled(self):
        return False


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(netplan_companions, "NETFILTER", str(tmp_path))
    return tmp_path


def test_settings_that_are_not_in_force_are_seen_and_put_in_force(place):
    node = Node(place)
    assert filters_off() == [f"net.bridge.bridge-nf-call-{key}" for key in ("arptables", "ip6tables", "iptables")]
    keep_companions(node, [])
    assert node.commands == ["modprobe", "sysctl"] and filters_off() == []
    keep_companions(node, [])
    assert node.commands == ["modprobe", "sysctl"]
    node.set("0", ["iptables"])  # by hand
    assert filters_off() == ["net.bridge.bridge-nf-call-iptables"]


def test_settings_that_nobody_wants_are_left_alone(place):
    node = Node(place)
    node.params = {"bridge_netfilter": False}
    keep_companions(node, [])
    assert node.commands == []


@pytest.mark.parametrize(("returncode", "said"), [(1, "not found"), ("absent", "{command}")])
@pytest.mark.parametrize("command", ["modprobe", "sysctl"])
def test_what_cannot_be_put_in_force_is_told(place, command, returncode, said):
    sentence = f"bridge_netfilter is wanted, and `{command} .*` failed: {said.format(command=command)}. Without"
    with pytest.raises(NetplanError, match=sentence):
        keep_companions(Node(place, **{command: returncode}), [])


def test_files_are_written_and_removed(place):
    gone = place / "10-netplan-br0.network.d/90-kvmcloud.conf"
    gone.parent.mkdir()
    gone.write_text("[Network]\n")
    node = SimpleNamespace(params={"bridge_netfilter": False}, selinux_enabled=lambda: False)
    for _time in range(2):
        keep_companions(node, [(f"{place}/new/x.conf", "text\n"), (str(gone), None)])
    assert (place / "new/x.conf").read_text() == "text\n" and not gone.parent.exists()


def test_a_file_that_cannot_be_written_is_told(place):
    (place / "new").write_text("no directory")
    with pytest.raises(NetplanError, match="A file that links need at the next boot cannot be written"):
        keep_companions(Node(place), [(f"{place}/new/x.conf", "text\n")])
