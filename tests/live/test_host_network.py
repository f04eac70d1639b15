# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links over real SSH, on hosts with netplan and networkd: changed, and cut off and taken back."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import cloud
import pytest

INVENTORY = str(cloud.CHECKOUT / "tests/live/host_network")
SSH = ["ssh", "-F", "/var/lib/kvmcloud-lab/labs/netp/ssh/config", "-o", "ConnectTimeout=60"]
PLAYBOOK = "../tests/live/host_network_only"
TRIAL = "/run/kvmcloud-netplan"
KINDS = ("ethernets", "bonds", "vlans", "bridges")
# Long enough for a container on a busy machine.
SOON = 20
GUESTS = {"name": "brg", "interfaces": ["eth1"]}
ADDRESS = {"net1": "10.213.120.11/24", "net2": "10.213.120.12/24", "vm1": "10.213.120.31/24"}


def on(host: str, command: str, check: bool = True) -> str:
    done = subprocess.run([*SSH, host, command], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def variables(declared: dict, more: dict) -> str:
    """As extra variables, what is declared by host."""
    found = {f"host_network_{kind}": f"{{{{ declared[inventory_hostname].{kind} | default([]) }}}}" for kind in KINDS}
    return json.dumps({"declared": declared, **found, **more})


def links(declared: dict, *arguments: str, playbook: str = PLAYBOOK, **more) -> cloud.Run:
    arguments = ("--limit", ",".join(declared), "--diff", "-e", variables(declared, more), *arguments)
    return cloud.playbook(playbook, *arguments, inventory=INVENTORY)


def converge(declared: dict, **more) -> cloud.Run:
    run = links(declared, **more)
    # What a host saw of a network that it took back is not seen by anybody else.
    evidence = f"cat {TRIAL}.last/{{applied,looked,found}}; journalctl --unit=systemd-networkd --lines=60"
    assert run.rc == 0, run.output + "\n".join(on(host, evidence, check=False) for host in declared)
    again = links(declared, **more)
    assert again.rc == 0 and again.changed == 0, again.output
    assert all(one["host_network"] <= 4 for one in again.counts["modules"].values()), again.counts
    return run


def begun(declared: dict, seconds: int) -> subprocess.Popen:
    """A run that goes on beside the test."""
    return subprocess.Popen(
        ["ansible-playbook", "-i", INVENTORY, f"playbooks/{PLAYBOOK}.yml", "--limit", ",".join(declared)]
        + ["-e", variables(declared, {"host_network_confirm_timeout": seconds})],
        cwd=cloud.CHECKOUT,
        env=cloud.environment("/dev/null"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def output_of(run: subprocess.Popen) -> str:
    text, _none = run.communicate(timeout=600)
    return " ".join(text.split())


def signalled(pid: int, number: signal.Signals) -> None:
    """A process and all below it: the workers of Ansible are sessions of their own."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(pid, number)
    for child in below:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            signalled(int(child), number)


def wait_for(host: str, command: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while subprocess.run([*SSH, host, command], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"on {host} it did not come to: {command}"
        time.sleep(0.3)


def state_of(host: str) -> dict:
    """Files with their texts, and links with masters and addresses, as they must be after a rollback."""
    files = on(host, "cd /etc; grep -r . netplan systemd/network modules-load.d sysctl.d; stat -c '%n %a %i' netplan/*")
    found = json.loads(on(host, "ip -json -details address show"))
    kept = {
        link["ifname"]: {
            "up": "UP" in link["flags"],
            "master": link.get("master"),
            "mtu": link["mtu"],
            "addresses": sorted(one["local"] for one in link["addr_info"] if one["scope"] == "global"),
        }
        for link in found
    }
    return {
        "files": files,
        "links": kept,
        "routes": on(host, "ip route show | sort"),
        "run": on(host, "find /run/netplan -type f", check=False),
    }


def addresses(host: str, link: str) -> list[str]:
    found = json.loads(on(host, f"ip -json address show dev {link}"))[0]["addr_info"]
    return [f"{one['local']}/{one['prefixlen']}" for one in found if one["scope"] == "global"]


def ports(host: str, bridge: str) -> set[str]:
    return {one["ifname"] for one in json.loads(on(host, f"ip -json link show master {bridge}"))}


@pytest.fixture(scope="module")
def hosts():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    cloud.lab("down", "-i", INVENTORY)
    cloud.lab("up", "-i", INVENTORY, "--limit", "net1,net2,leases1")
    yield
    cloud.lab("down", "-i", INVENTORY)


def test_check_mode_tells_the_plan_and_changes_nothing(hosts):
    before = state_of("net1")
    run = links(
        {"net1": {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": [ADDRESS["net1"]]}]}}, "--check"
    )
    assert run.rc == 0 and run.changed == 1, run.output
    for step in ("create bridge br0", "enslave eth0 to br0", f"move {ADDRESS['net1']} from eth0 to br0"):
        assert f"+{step}" in run.output
    assert "--- before: /etc/netplan/50-lab.yaml" in run.output  # taken over
    assert state_of("net1") == before


def test_a_bridge_for_guests_on_a_second_card(hosts):
    before = on("net1", "cat /etc/netplan/50-lab.yaml")
    converge({"net1": {"bridges": [GUESTS]}})
    assert ports("net1", "brg") == {"eth1"}
    assert on("net1", "cat /etc/netplan/50-lab.yaml") == before  # it speaks of another card
    assert on("net1", "cat /sys/class/net/brg/bridge/{stp_state,forward_delay}").split() == ["0", "0"]
    found = json.loads(on("net1", "ip -json address show dev brg"))[0]
    assert found["addr_info"] == [] and "UP" in found["flags"]  # not even a link-local address
    assert "LLDP=no" in on("net1", "cat /etc/systemd/network/10-netplan-brg.network.d/*")


def test_what_was_changed_by_hand_is_changed_back(hosts):
    on("net1", "ip link delete brg")
    run = links({"net1": {"bridges": [GUESTS]}})
    assert run.rc == 0 and "+create bridge brg" in run.output, run.output
    assert ports("net1", "brg") == {"eth1"}


def test_the_control_address_moves_onto_a_bridge_and_all_comes_back_after_a_power_loss(hosts):
    mac = on("net1", "cat /sys/class/net/eth0/address")
    moved = {"name": "br0", "interfaces": ["eth0"], "addresses": [ADDRESS["net1"]]}
    began = time.monotonic()
    run = converge({"net1": {"bridges": [GUESTS, moved]}})
    assert time.monotonic() - began < 60, run.output
    assert addresses("net1", "br0") == [ADDRESS["net1"]] and addresses("net1", "eth0") == []
    assert on("net1", "cat /sys/class/net/br0/address") == mac  # switches and neighbours know it
    assert on("net1", "ls /etc/netplan/50-lab.yaml*").strip().endswith("~")  # a backup, which netplan does not read
    cloud.lab("kill", "-i", INVENTORY, "net1")
    cloud.lab("start", "-i", INVENTORY, "net1")
    wait_for("net1", "true")
    again = links({"net1": {"bridges": [GUESTS, moved]}})
    assert again.rc == 0 and again.changed == 0, again.output


def test_a_bridge_with_guests_is_not_removed(hosts):
    on("net1", "ip link add vnet7 type veth peer name inside && ip link set vnet7 master brg")
    moved = {"name": "br0", "interfaces": ["eth0"], "addresses": [ADDRESS["net1"]]}
    run = links({"net1": {"bridges": [moved]}})
    assert run.rc != 0 and "brg is declared no more and has guests on it (vnet7)" in run.output, run.output
    on("net1", "ip link delete vnet7")
    run = links({"net1": {"bridges": [moved]}})
    assert run.rc == 0 and "+remove bridge brg" in run.output, run.output
    assert "brg" not in on("net1", "ip -brief link; ls /etc/systemd/network")


# Each of them cuts the host off, and none of them can be known to do so beforehand.
WRONG_CARD = {
    "ethernets": [{"name": "eth0"}],
    "bridges": [{"name": "br0", "interfaces": ["eth2"], "addresses": [ADDRESS["net2"]]}],
}
CUTTING = {
    "another address, and a bridge over the wrong card": {
        "net1": {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.99.11/24"]}]},
        "net2": WRONG_CARD,
    },
    "a network that is too small, and DHCP where nobody answers": {
        "net1": {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": ["10.213.120.11/32"]}]},
        "net2": {"ethernets": [{"name": "eth0", "dhcp4": True}]},
    },
    "a card without its address, and a route that leads the answers astray": {
        "net1": {"bridges": [{"name": "br0", "interfaces": ["eth0"]}]},
        "net2": {
            "ethernets": [
                {
                    "name": "eth2",
                    "addresses": ["10.99.0.1/24"],
                    "routes": [{"to": "10.213.120.0/25", "via": "10.99.0.2"}],
                }
            ]
        },
    },
}


@pytest.mark.parametrize("declared", CUTTING.values(), ids=CUTTING.keys())
def test_what_cuts_a_host_off_is_taken_back_by_the_host(hosts, declared):
    before = {host: state_of(host) for host in declared}
    run = links(declared, host_network_confirm_timeout=SOON)
    assert run.rc != 0
    text = " ".join(run.output.split())
    assert len(re.findall(r"Module failed: The new network was rolled back: ", text)) == 2, run.output
    assert "Files and links are as before. Tried was: " in text
    for host in declared:
        assert state_of(host) == before[host]
        assert TRIAL not in on(host, f"ls -d {TRIAL}", check=False)


def test_a_controller_that_comes_back_late_does_not_confirm_what_was_taken_back(hosts):
    before = state_of("net2")
    run = begun({"net2": {"bridges": [GUESTS]}}, SOON)
    wait_for("net2", f"test -e {TRIAL}")
    signalled(run.pid, signal.SIGSTOP)
    try:
        wait_for("net2", f"test -e {TRIAL}.last -a ! -e {TRIAL}", 2 * SOON + 30)
    finally:
        signalled(run.pid, signal.SIGCONT)
    assert "was rolled back: nobody confirmed it from outside within 20 s" in output_of(run)
    assert run.returncode != 0
    assert state_of("net2") == before


def test_a_second_run_is_refused_while_the_first_one_tries(hosts):
    """The first one waits for a lease that does not come, which cuts nobody off."""
    before = state_of("net2")
    first = begun({"net2": {"ethernets": [{"name": "eth2", "dhcp4": True}]}}, SOON)
    wait_for("net2", f"test -e {TRIAL}/applied")
    second = links({"net2": {"bridges": [GUESTS]}})
    assert second.rc != 0
    assert "Another run tries a configuration of this host's network since" in " ".join(second.output.split())
    text = output_of(first)
    assert "after it was applied, no IPv4 address came by DHCP to eth2" in text
    assert state_of("net2") == before


def test_a_power_loss_between_trial_and_confirmation_brings_the_former_network(hosts):
    before = state_of("net2")
    run = begun({"net2": WRONG_CARD}, 120)
    wait_for("net2", f"test -e {TRIAL}")
    time.sleep(4)
    cloud.lab("kill", "-i", INVENTORY, "net2")
    cloud.lab("start", "-i", INVENTORY, "net2")
    text = output_of(run)
    assert run.returncode != 0
    # A container shares the number of its boot with the machine below, so it cannot tell that it was restarted.
    assert "The host knows nothing of this trial any more; its network is as the last confirmed one." in text
    after = state_of("net2")
    assert (after["files"], after["routes"]) == (before["files"], before["routes"])
    assert after["links"]["eth0"]["addresses"] == [ADDRESS["net2"].split("/")[0]]


BAD = {
    "what netplan rejects": (
        {"bridges": [{**GUESTS, "extra": {"no-such-key": True}}]},
        "netplan refuses the configuration, and nothing was changed",
    ),
    "a card that does not exist": (
        {"bridges": [{"name": "brx", "interfaces": ["eno9"]}]},
        "eno9 does not exist on this host",
    ),
    "a bridge over a bond over VLANs": (
        {
            "vlans": [{"name": "v", "id": 5, "link": "eth1"}],
            "bonds": [{"name": "bond0", "interfaces": ["v"]}],
            "bridges": [{"name": "brx", "interfaces": ["bond0"]}],
        },
        "bond bond0 has VLAN v among its interfaces; a bond is made of ethernets",
    ),
    "an address on two cards, by which the host may answer now and not after its next start": (
        {"bridges": WRONG_CARD["bridges"]},
        "10.213.120.12 is declared for br0 and is on eth0, which is not declared and would keep it",
    ),
    "a gateway out of reach": (
        {"ethernets": [{"name": "eth2", "addresses": ["10.99.0.1/24"], "gateways": ["10.98.0.1"]}]},
        "the gateway 10.98.0.1 is in none of its networks (10.99.0.0/24)",
    ),
}


@pytest.mark.parametrize(("declared", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_is_refused_before_anything_is_touched(hosts, declared, sentence):
    before = state_of("net2")
    run = links({"net2": declared})
    assert run.rc != 0 and sentence in " ".join(run.output.split()), run.output
    assert state_of("net2") == before


def test_a_card_that_ifupdown_sets_up_is_refused(hosts):
    on("net2", "mkdir -p /etc/network && printf 'auto eth1\\niface eth1 inet dhcp\\n' > /etc/network/interfaces")
    run = links({"net2": {"bridges": [GUESTS]}})
    on("net2", "rm /etc/network/interfaces")
    assert run.rc != 0
    assert "eth1 is described by /etc/network/interfaces too" in " ".join(run.output.split()), run.output


def test_a_wrong_variable_of_all_hosts_stops_at_the_first(hosts):
    before = state_of("net2")
    wrong = {"bridges": [{"name": "brx", "interfaces": ["eno9"]}]}
    run = links({"net1": wrong, "net2": wrong}, playbook="network")
    assert run.rc != 0 and "fatal: [net1]" in run.output and "net2" not in run.output.split("PLAY RECAP")[0], run.output
    assert state_of("net2") == before


@pytest.fixture(scope="module")
def leases(hosts):
    """dnsmasq knows net2 by the MAC address of its card, and nobody else."""
    mac = on("net2", "cat /sys/class/net/eth0/address").strip()
    on("leases1", "apt-get update -q && apt-get install --yes -q --no-install-recommends dnsmasq-base")
    options = "--port=0 --interface=eth0 --dhcp-range=10.213.120.0,static,255.255.255.0,1h --dhcp-authoritative"
    on("leases1", f"systemd-run --unit=leases dnsmasq --keep-in-foreground {options} --dhcp-host={mac},10.213.120.12")
    return mac


def test_a_leased_control_address_moves_onto_a_bridge(leases):
    converge({"net2": {"ethernets": [{"name": "eth0", "dhcp4": True}]}})
    assert addresses("net2", "eth0") == [ADDRESS["net2"]]
    converge({"net2": {"bridges": [{"name": "br0", "interfaces": ["eth0"], "dhcp4": True}]}})
    assert addresses("net2", "br0") == [ADDRESS["net2"]] and addresses("net2", "eth0") == []
    assert "dynamic" in on("net2", "ip address show dev br0")


def test_a_card_gets_its_name_back(hosts):
    """netplan renames it, and does not take that back by itself."""
    before = state_of("net2")
    mac = on("net2", "cat /sys/class/net/eth2/address").strip()
    run = links(
        {"net2": {"ethernets": [{"name": "lan", "mac": mac, "dhcp4": True}]}}, host_network_confirm_timeout=SOON
    )
    assert run.rc != 0 and "rename eth2 to lan" in run.output, run.output
    assert state_of("net2") == before


def test_cloud_init_does_not_write_its_network_again(hosts):
    on("net1", "mkdir -p /etc/cloud/cloud.cfg.d")
    converge({"net1": {"bridges": [{"name": "br0", "interfaces": ["eth0"], "addresses": [ADDRESS["net1"]]}]}})
    assert "network: {config: disabled}" in on("net1", "cat /etc/cloud/cloud.cfg.d/*")


# -- a guest with Debian's kernel, which has bonds and VLANs and is really restarted


@pytest.fixture(scope="module")
def guest(hosts):
    cloud.lab("up", "-i", INVENTORY, "--limit", "vm1")


STACK = {
    "bonds": [{"name": "bond0", "interfaces": ["eth2", "eth3"]}],
    "vlans": [{"name": "bond0.12", "id": 12, "link": "bond0"}],
    "bridges": [{"name": "br12", "interfaces": ["bond0.12"], "addresses": ["10.12.0.1/24"]}, GUESTS],
}


@pytest.mark.full
def test_a_bridge_on_a_vlan_on_a_bond(guest):
    converge({"vm1": STACK}, host_network_bridge_netfilter=True)
    assert "Bonding Mode: fault-tolerance (active-backup)" in on("vm1", "cat /proc/net/bonding/bond0")
    assert ports("vm1", "bond0") == {"eth2", "eth3"} and ports("vm1", "br12") == {"bond0.12"}
    assert "id 12" in on("vm1", "ip -details link show bond0.12")
    assert addresses("vm1", "br12") == ["10.12.0.1/24"]
    assert on("vm1", "cat /proc/sys/net/bridge/bridge-nf-call-iptables").strip() == "1"


@pytest.mark.full
def test_a_restart_between_trial_and_confirmation_brings_the_former_network(guest):
    """A lease that does not come: the host can be reached all the while, and waits."""
    before = state_of("vm1")
    run = begun({"vm1": {**STACK, "ethernets": [{"name": "eth4", "dhcp4": True}]}}, 600)
    wait_for("vm1", f"test -e {TRIAL}/applied", 300)
    assert "eth4" in on("vm1", "grep -r . /run/netplan")
    on("vm1", "systemctl reboot", check=False)
    text = output_of(run)
    assert run.returncode != 0
    assert "The host was restarted before its new network was confirmed, and came up with the former one" in text, text
    assert state_of("vm1") == before


@pytest.mark.full
def test_a_vlan_gets_its_id_back(guest):
    """The kernel changes it in no VLAN that is there, and netplan does not make one anew."""
    before = state_of("vm1")
    other = {**STACK, "vlans": [{**STACK["vlans"][0], "id": 13}], "ethernets": [{"name": "eth4", "dhcp4": True}]}
    run = links({"vm1": other}, host_network_confirm_timeout=200)
    assert run.rc != 0 and "after it was applied, no IPv4 address came by DHCP to eth4" in " ".join(run.output.split())
    assert "id 12" in on("vm1", "ip -details link show bond0.12")
    assert state_of("vm1") == before


@pytest.mark.full
def test_the_wrong_vlan_is_taken_back(guest):
    before = state_of("vm1")
    wrong = {
        **STACK,
        "vlans": [*STACK["vlans"], {"name": "v99", "id": 99, "link": "eth0", "addresses": [ADDRESS["vm1"]]}],
    }
    run = links({"vm1": {**wrong, "ethernets": [{"name": "eth0"}]}}, host_network_confirm_timeout=200)
    assert run.rc != 0
    text = " ".join(run.output.split())
    assert "The new network was rolled back: nobody confirmed it from outside within 200 s" in text, text
    assert f"move {ADDRESS['vm1']} from eth0 to v99" in text
    assert state_of("vm1") == before
