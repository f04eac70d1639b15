# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three front-ends as one zone: founded, joined, restarted in turn, killed, replaced, grown out of a single one.

KVMCLOUD_HA_INVENTORY names another inventory of the same hosts, for packages from elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import cloud
import pytest

INVENTORY = os.environ.get("KVMCLOUD_HA_INVENTORY") or str(cloud.CHECKOUT / "tests/live/high_availability")
SSH = ["ssh", "-F", "/var/lib/kvmcloud-lab/labs/ha/ssh/config"]
FRONT_ENDS = ("front1", "front2", "front3")
FLOATING = "10.213.100.10"
LEFT_OF_SEEDS = "find /var/lib/one -maxdepth 1 '(' -name '.seed*' -o -name '.snapshot*' ')'"
BALANCER = "10.213.100.31"
OF_LEADER = ("opennebula-gate", "opennebula-flow", "opennebula-hem")


def on(host: str, command: str, check: bool = True) -> str:
    done = subprocess.run([*SSH, host, command], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def lab(*arguments: str) -> None:
    cloud.lab(*arguments, "-i", INVENTORY)
    # packages from elsewhere than the lab's own repositories: hosts know only the lists of their image
    if arguments[0] == "up" and "KVMCLOUD_HA_INVENTORY" in os.environ:
        for host in FRONT_ENDS:
            on(host, "apt-get update -q", check=False)


def play(*arguments: str) -> cloud.Run:
    """Without preflight, which looks at hosts that a test has just broken."""
    return cloud.playbook("opennebula", *arguments, inventory=INVENTORY)


def converge(*arguments: str) -> cloud.Run:
    run = play(*arguments)
    assert run.rc == 0, run.output
    return run


def steps(run: cloud.Run) -> list[tuple[str, str]]:
    """Host and kind of each step, in order."""
    return re.findall(r"included: \S*/opennebula_ha/tasks/(found|join|enter)\.yml for (\w+)", run.output)


def until(condition, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(AssertionError):
            if condition():
                return True
        time.sleep(1)
    return False


def servers(asked: str) -> dict[str, dict[str, str]]:
    pool = ElementTree.fromstring(on(asked, "onezone show -x 0")).find("SERVER_POOL")
    return {server.findtext("NAME"): {key.tag: key.text for key in server} for server in pool}


def leader(asked: str) -> str | None:
    leading = [name for name, server in servers(asked).items() if server["STATE"] == "3"]
    return leading[0] if len(leading) == 1 else None


def active(host: str) -> set[str]:
    return {unit for unit in OF_LEADER if on(host, f"systemctl is-active {unit}", check=False).strip() == "active"}


def has_floating_address(host: str) -> bool:
    return f" {FLOATING}/" in on(host, "ip address show dev eth0")


def assert_whole(hosts: tuple[str, ...] = FRONT_ENDS, floating: bool = True) -> str:
    """One leads, the others follow it with the same log and data; the address and the services are where it is."""
    name = leader(hosts[0])
    assert name in hosts, servers(hosts[0])
    assert until(lambda: len({servers(name)[host]["LOG_INDEX"] for host in hosts}) == 1), servers(name)
    states = {host: servers(name)[host]["STATE"] for host in hosts}
    assert states == {host: "3" if host == name else "2" for host in hosts}
    marker = f"seen_{int(time.time())}"
    on(hosts[-1], f"onecluster create {marker}")
    for host in hosts:
        assert until(lambda host=host: marker in on(host, "onecluster list -x"), 20), f"{marker} is not on {host}"
    on(name, f"onecluster delete {marker}")
    assert until(lambda: [host for host in hosts if has_floating_address(host)] == ([name] if floating else []))
    assert until(lambda: {host: bool(active(host)) for host in hosts} == {host: host == name for host in hosts})
    keys = {on(host, "cd /var/lib/one/.one; sha256sum $(ls | grep -v one_endpoint)") for host in hosts}
    assert len(keys) == 1, "credentials differ"
    return name


def kill_at(pattern: str, *arguments: str) -> None:
    """kill -9 to ansible-playbook and all its children when it begins the task."""
    process = subprocess.Popen(
        ["ansible-playbook", "-i", INVENTORY, "playbooks/opennebula.yml", *arguments],
        cwd=cloud.CHECKOUT,
        env=cloud.environment("/dev/null"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    seen = ""
    for line in process.stdout:
        seen += line
        if line.startswith("TASK [") and re.search(pattern, line):
            break
    else:
        pytest.fail(f"no task {pattern}:\n{seen}")
    time.sleep(1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def hosts():
    if os.geteuid() != 0:
        pytest.skip("lab hosts need root")
    lab("down")
    lab("up")
    yield
    lab("down")


def renew(*names: str) -> None:
    """New machines under the same names and addresses."""
    lab("down", "--limit", ",".join(names))
    lab("up")


@pytest.fixture(scope="module")
def zone(hosts):
    """A zone of three, made from bare hosts."""
    return converge()


def test_a_zone_is_founded_and_joined_and_then_needs_nothing(zone):
    assert steps(zone) == [
        ("found", "front1"), ("enter", "front1"), ("join", "front2"), ("enter", "front2"), ("join", "front3"),
        ("enter", "front3"),
    ]  # fmt: skip
    assert assert_whole() == "front1"
    assert f"http://{FLOATING}:2633/RPC2" in on("front2", "onezone show -x 0")
    again = converge()
    assert again.changed == 0, again.output
    assert steps(again) == []


@pytest.mark.full
def test_check_mode_on_a_whole_zone_reports_nothing(zone):
    run = converge("--check", "--diff")
    assert run.changed == 0, run.output


@pytest.mark.full
def test_a_new_configuration_is_taken_by_followers_first_and_the_leader_last(zone):
    """What the daemons say of their starts counts, not what the playbook printed."""
    leading = leader("front1")
    edits = json.dumps({"opennebula_frontend_oned_edits": [{"attribute": "MAC_PREFIX", "value": "02:01"}]})
    planned = converge("--check", "-e", edits)
    assert steps(planned)[-1] == ("enter", leading)
    run = converge("-e", edits)
    assert [host for _action, host in steps(run)][-1] == leading
    started = {h: int(on(h, "systemctl show -P ActiveEnterTimestampMonotonic opennebula")) for h in FRONT_ENDS}
    assert max(started, key=started.get) == leading
    assert_whole()
    converge()  # and back


@pytest.mark.full
def test_a_configuration_that_oned_refuses_stops_at_the_first_follower(zone):
    edits = json.dumps({"opennebula_frontend_oned_edits": [{"attribute": "PORT", "value": "abc"}]})
    before = {host: on(host, "systemctl show -P InvocationID opennebula") for host in FRONT_ENDS}
    run = play("-e", edits)
    assert run.rc != 0
    assert "former" in run.output, run.output
    after = {host: on(host, "systemctl show -P InvocationID opennebula") for host in FRONT_ENDS}
    assert sum(before[host] != after[host] for host in FRONT_ENDS) == 1
    assert leader("front1")
    converge()
    assert_whole()


@pytest.mark.full
def test_a_server_that_is_down_is_started_again(zone):
    follower = next(host for host in FRONT_ENDS if host != leader("front1"))
    on(follower, "systemctl stop opennebula")
    assert steps(converge()) == [("enter", follower)]
    assert_whole()


@pytest.mark.full
def test_when_the_leader_loses_power_another_takes_over_and_it_comes_back_as_a_follower(zone):
    lost = leader("front1")
    others = tuple(host for host in FRONT_ENDS if host != lost)
    lab("kill", lost)
    assert until(lambda: leader(others[0]) in others)
    assert converge("--limit", f"all:!{lost}").rc == 0
    assert_whole(others)
    lab("start", lost)
    assert until(lambda: servers(others[0])[lost]["STATE"] == "2")
    converge()
    assert_whole()


@pytest.mark.full
def test_a_dead_server_is_replaced_by_a_new_machine_of_its_name(zone):
    lost = leader("front1")
    on("front2", "onecluster create before_the_loss")
    renew(lost)
    run = converge()
    assert ("join", lost) in steps(run)
    assert not any(action == "found" for action, _host in steps(run))
    assert_whole()
    assert "before_the_loss" in on(lost, "onecluster list -x")
    assert converge().changed == 0


@pytest.mark.full
def test_a_power_loss_of_all_is_survived(zone):
    for host in FRONT_ENDS:
        lab("kill", host)
    for host in FRONT_ENDS:
        lab("start", host)
    converge()
    assert_whole()


@pytest.mark.full
def test_a_front_end_with_a_cloud_of_its_own_is_refused_and_loses_nothing(zone):
    # Out of the zone, whose leader would send its records to whoever answers at the endpoint of a server of it.
    on("front1", f"onezone server-del 0 {servers('front1')['front3']['ID']}")
    renew("front3")
    alone = play("--limit", "front3,node1")  # packages; then it ends, for the others may hold the cloud
    assert alone.rc != 0 and "was not looked at" in alone.output, alone.output
    on("front3", "systemctl start opennebula && until onecluster create of_its_own; do sleep 1; done")
    run = play()
    assert run.rc != 0, run.output
    assert "not of one zone" in run.words, run.output
    assert "of_its_own" in on("front3", "onecluster list -x")
    converge("-e", json.dumps({"opennebula_ha_discard_database": ["front3"]}))
    assert_whole()
    assert "of_its_own" not in on("front3", "onecluster list -x")
    kept = on("front3", "ls /var/lib/one/before-seed.*/database").split()
    assert len(kept) == 1
    assert "of_its_own" in on("front3", f"strings {kept[0]} 2>/dev/null || cat {kept[0]} | tr -cd '[:print:]'")


@pytest.mark.full
def test_a_seeded_front_end_that_starts_before_it_was_made_a_server_is_no_second_leader(zone):
    leading = leader("front1")
    seeded = next(host for host in FRONT_ENDS if host != leading)
    renew(seeded)
    kill_at("Seed is gone")
    on(seeded, "systemctl start opennebula")  # as a reboot would
    assert until(lambda: servers(leading)[seeded]["STATE"] == "2"), servers(leading)
    assert leader(leading) == leading
    converge()
    assert_whole()
    assert on(seeded, LEFT_OF_SEEDS) == ""


@pytest.mark.full
@pytest.mark.parametrize(
    "task",
    [
        "Zone knows its first server",
        "Front-end runs as a server of the zone",
        "Zone knows the server",
        "Seed is written",
        "Front-end has the database of the zone",
        "Seed is gone",
        "Front-end has the id",
        "What the zone writes arrives",
    ],
)
def test_a_run_killed_while_the_zone_is_made_is_finished_by_the_next(hosts, task):
    renew(*FRONT_ENDS)
    kill_at(task)
    converge()
    assert_whole()
    assert converge().changed == 0
    left = [on(host, LEFT_OF_SEEDS) for host in FRONT_ENDS]
    assert left == ["", "", ""], "each is a copy of the database and of the credentials"


@pytest.mark.full
def test_a_single_front_end_grows_into_three_and_keeps_its_cloud(hosts, tmp_path):
    renew(*FRONT_ENDS)
    single = tmp_path / "single"
    subprocess.run(["cp", "-rL", INVENTORY, str(single)], check=True)
    text = (single / "hosts.yml").read_text()
    (single / "hosts.yml").write_text(re.sub(r"    front[23]:\n      ansible_host: \S+\n", "", text))
    run = cloud.playbook("opennebula", inventory=str(single))
    assert run.rc == 0, run.output
    on("front1", "onecluster create of_the_single_one")
    run = converge()
    assert steps(run)[0] == ("found", "front1")
    assert_whole()
    for host in FRONT_ENDS:
        assert "of_the_single_one" in on(host, "onecluster list -x")
    assert converge().changed == 0


def balanced(inventory: Path) -> str:
    """The same zone with a load balancer before it, as its address only; and the host that plays it."""
    subprocess.run(["cp", "-rL", INVENTORY, str(inventory)], check=True)
    own = inventory / "group_vars/all/own.yml"
    kept = [line for line in own.read_text().splitlines() if not line.startswith("opennebula_ha_")]
    listen = "opennebula_frontend_oneflow_listen: 0.0.0.0"
    own.write_text("\n".join([*kept, f"opennebula_ha_balancer: {BALANCER}", listen, ""]))
    with (inventory / "hosts.yml").open("a") as hosts:
        image = "lab_image: bookworm-balancer"
        hosts.write(f"\nbalancers:\n  hosts:\n    balancer:\n      ansible_host: {BALANCER}\n      {image}\n")
    return str(inventory)


def haproxy() -> str:
    """As docs/high_availability.md says: a port goes to every front-end that has it open."""
    text = "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n"
    for port in (2633, 2616, 5030, 2474):
        text += f"listen port{port}\n  bind :{port}\n  balance roundrobin\n  default-server inter 1s fall 2 rise 1\n"
        text += "".join(f"  server front{n} 10.213.100.1{n}:{port} check\n" for n in (1, 2, 3))
    return text


def through_balancer(host: str, name: str) -> None:
    """Changes by the API, which each front-end gets in its turn, and an answer of the leader's services."""
    endpoint = f"http://{BALANCER}:2633/RPC2"
    for number in range(3):
        cluster = f"{name}{number}"
        create = f"export ONE_XMLRPC={endpoint}; onecluster show {cluster} || onecluster create {cluster}"
        assert until(lambda create=create: on(host, create)), cluster
    for port in (5030, 2474):
        answer = f"curl -s -o /dev/null -w '%{{http_code}}' http://{BALANCER}:{port}/"
        assert until(lambda answer=answer: on("balancer", answer) != "000"), f"nobody answers for port {port}"


@pytest.mark.full
def test_a_zone_behind_an_external_load_balancer(hosts, tmp_path):
    renew(*FRONT_ENDS)
    inventory = balanced(tmp_path / "balanced")
    cloud.lab("up", "-i", inventory)
    on("balancer", f"cat > /etc/haproxy/haproxy.cfg <<'END'\n{haproxy()}END\nsystemctl restart haproxy")
    run = cloud.playbook("site", inventory=inventory)
    assert run.rc == 0, run.output
    leading = assert_whole(floating=False)
    assert f"http://{BALANCER}:2633/RPC2" in on("front2", "onezone show -x 0")
    again = cloud.playbook("site", inventory=inventory)
    assert (again.rc, again.changed) == (0, 0), again.output
    accepted = cloud.playbook("verify", inventory=inventory)
    assert accepted.rc == 0, accepted.output
    through_balancer("front2", "before_")
    lab("kill", leading)
    others = tuple(host for host in FRONT_ENDS if host != leading)
    assert until(lambda: leader(others[0]) in others)
    assert_whole(others, floating=False)
    through_balancer(others[0], "after_")
    lab("start", leading)
    run = cloud.playbook("site", inventory=inventory)
    assert run.rc == 0, run.output
    assert_whole(floating=False)
    assert "after_2" in on(leading, "onecluster list -x")
