# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ovirt_resources with the official modules, against a stand-in of the API, which is no engine: what is
declared is made once, waits have an end, errors are in the engine's words.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator

import ovirt_doubles
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SDK = CHECKOUT / ".cache/ovirt-sdk"
if not (SDK / "ovirtsdk4").is_dir():
    pytest.skip("oVirt's SDK is not installed; tests/ovirt-sdk does it", allow_module_level=True)

from ovirt_engine_stand_in import StandIn  # noqa: E402

PASSWORD = "kR7-lantern-oak"
CLOUD: dict[str, Any] = {
    "ovirt_resources_mac_pools": [{"name": "pool", "ranges": ["02:00:00:00:00:00,02:00:00:00:00:ff"]}],
    "ovirt_resources_data_centers": [{"name": "dc1", "compatibility_version": "4.7", "mac_pool": "pool"}],
    "ovirt_resources_scheduling_policies": [{"name": "spread", "filters": ["Memory"]}],
    "ovirt_resources_clusters": [
        {
            "name": "rack1",
            "data_center": "dc1",
            "cpu_type": "Intel Nehalem Family",
            "firewall_type": "firewalld",
            "gluster": False,
            "scheduling_policy": "spread",
        }
    ],
    "ovirt_resources_networks": [{"name": "storage", "data_center": "dc1", "vlan_tag": 7, "vm_network": False}],
    "ovirt_resources_hosts": [
        {"name": "host1", "address": "host1.test", "cluster": "rack1", "password": PASSWORD, "override_iptables": True}
    ],
    "ovirt_resources_storage_domains": [
        {
            "name": "data",
            "data_center": "dc1",
            "host": "host1",
            "domain_function": "data",
            "nfs": {"address": "nfs1.test", "path": "/srv/data"},
        }
    ],
}


@pytest.fixture
def server() -> Iterator[StandIn]:
    one = StandIn("admin@internal", PASSWORD)
    one.engine.seed("schedulingpolicyunits", "scheduling_policy_unit", "Memory", type="filter")
    one.engine.seed("events", "event", "start", description="The engine has started")
    yield one
    one.shutdown()


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(server: StandIn, tmp_path: Path) -> Run:
    def play(
        *options: str, tasks: str = "main.yml", collections: Path | None = None, **variables: Any
    ) -> tuple[int, str]:
        known = {
            "ovirt_resources_api_url": server.url,
            "ovirt_resources_api_user": "admin@internal",
            "ovirt_resources_api_password": PASSWORD,
            "ovirt_resources_api_insecure": True,
            "ovirt_resources_poll_interval": 0,
            "ansible_python_interpreter": sys.executable,
        }
        whole = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {**known, **variables}}
        playbook = tmp_path / "play.yml"
        include = {"ansible.builtin.include_role": {"name": "kvmcloud.stack.ovirt_resources", "tasks_from": tasks}}
        playbook.write_text(yaml.safe_dump([{**whole, "tasks": [include]}]), encoding="utf-8")
        verbose = [] if {"-v", "-vv"} & set(options) else ["-vvv"]
        paths = f"{collections}:{CHECKOUT / '.cache/collections'}"
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", playbook, *verbose, *options],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONPATH": str(SDK),
                "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
                **({"ANSIBLE_COLLECTIONS_PATH": paths} if collections else {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert PASSWORD not in done.stdout, "a secret was printed"
        recap = re.search(r"changed=(\d+) .* failed=0", done.stdout)
        return (int(recap.group(1)) if recap and done.returncode == 0 else -1), done.stdout

    return play


@pytest.mark.full
def test_all_kinds_are_made_once(server: StandIn, run: Run) -> None:
    changed, said = run(**CLOUD)
    assert changed == 7, said
    made = [one for one in server.engine.changes if one.startswith("POST")]
    assert [re.sub(r"/[0-9a-f-]{36}", "/*", one) for one in made] == [
        "POST /macpools",
        "POST /datacenters",
        "POST /schedulingpolicies",
        "POST /schedulingpolicies/*/filters",
        "POST /clusters",
        "POST /networks",
        "POST /hosts",
        "POST /storagedomains",
        "POST /datacenters/*/storagedomains",
    ]
    assert server.engine.requests.count("LOGIN") == server.engine.requests.count("LOGOUT") == 1
    before = len(server.engine.changes)
    changed, said = run(**CLOUD)
    assert changed == 0 and len(server.engine.changes) == before, said


def test_check_mode_asks_and_changes_nothing(server: StandIn, run: Run) -> None:
    made = {"ovirt_resources_data_centers": [{"name": "dc1"}, {"name": "dc2"}]}
    server.engine.seed("datacenters", "data_center", "dc1")
    changed, said = run("--check", **made)
    assert changed == 1 and not server.engine.changes, said
    server.engine.seed("datacenters", "data_center", "dc2")
    assert run("--check", **made)[0] == 0


def test_nothing_declared_costs_nothing(server: StandIn, run: Run) -> None:
    assert run()[0] == 0 and server.engine.requests == []


def test_a_host_in_another_data_centre_is_not_moved(server: StandIn, run: Run) -> None:
    center = server.engine.seed("datacenters", "data_center", "dc2")
    elsewhere = server.engine.seed("clusters", "cluster", "far", data_center_id=center)
    server.engine.seed("hosts", "host", "host1", cluster_id=elsewhere)
    changed, said = run(ovirt_resources_hosts=CLOUD["ovirt_resources_hosts"])
    assert changed == -1 and not server.engine.changes
    assert "The host host1 is in the cluster far of the data centre dc2, declared is rack1." in " ".join(said.split())


@pytest.mark.full
def test_a_host_that_fails_is_told_in_the_engines_words_when_all_have_ended(server: StandIn, run: Run) -> None:
    """The official module would wait for a new host until its time is over, whatever becomes of it."""
    server.engine.seed("clusters", "cluster", "rack1")
    good = server.engine.seed("hosts", "host", "host0", cluster_id=server.engine.id_of("clusters", "rack1"))
    server.engine.final_state["host"] = "install_failed"
    server.engine.seed("events", "event", "n1", description="host0 is not meant", severity="error", host_id=good)
    hosts = [{**CLOUD["ovirt_resources_hosts"][0], "name": name, "address": f"{name}.test"} for name in ("h1", "h2")]
    words = "Host h1 installation failed. No such package: vdsm."
    server.engine.said_of["h1"] = words
    changed, said = run(ovirt_resources_hosts=hosts, ovirt_resources_host_timeout=600)
    said = " ".join(said.replace("\\n", " ").split())
    assert changed == -1 and server.engine.changes.count("POST /hosts") == 2, "both were begun"
    assert f"The host h1 is install_failed. The engine says: {words}" in said
    assert "The host h2 is install_failed. The engine says: nothing" in said and "is not meant" not in said

    changed, said = run(ovirt_resources_hosts=hosts[:1], ovirt_resources_host_timeout=600)
    assert changed == -1 and "The host h1 is install_failed" in said, "a second run tells the same"
    server.engine.states[server.engine.id_of("hosts", "h1")] = ["installing", "up"]
    assert run(ovirt_resources_hosts=hosts[:1])[0] == 0


@pytest.mark.full
def test_waits_have_an_end(server: StandIn, run: Run) -> None:
    server.engine.seed("clusters", "cluster", "rack1")
    server.engine.final_state["host"] = "installing"
    changed, said = run(ovirt_resources_hosts=CLOUD["ovirt_resources_hosts"], ovirt_resources_host_timeout=1)
    assert changed == -1 and "After 1 s host1 is installing. Look at the engine's events." in said


def test_the_engines_own_words(server: StandIn, run: Run) -> None:
    words = "Cannot add Data Center. The compatibility version is not supported."
    server.engine.refuse["POST datacenters"] = words
    changed, said = run(ovirt_resources_data_centers=[{"name": "dc1"}])
    assert changed == -1 and words in " ".join(said.split())
    assert "LOGIN" in server.engine.requests and not server.logins, "the login has ended with the run"


def test_a_wrong_password(server: StandIn, run: Run) -> None:
    server.password = "another"
    changed, said = run(ovirt_resources_data_centers=[{"name": "dc1"}])
    said = " ".join(said.replace("\\n", " ").split())
    assert (
        changed == -1 and f"{server.url} does not take the login of admin@internal" in said and "access_denied" in said
    )


def test_the_login_is_not_shown(server: StandIn, run: Run) -> None:
    """Its token is as good as the password until the logout."""
    changed, said = run("-vv", ovirt_resources_data_centers=[{"name": "dc1"}])
    assert changed == 1 and server.tokens and not any(token in said for token in server.tokens), said


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Signed by itself, for this machine."""
    crt, key = folder / f"{name}.pem", folder / f"{name}.key"
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*new, *subject, "-keyout", key, "-out", crt], check=True, capture_output=True)
    return crt, key


@pytest.mark.full
def test_an_upgrade_trusts_the_engine_alone(server: StandIn, run: Run, tmp_path: Path) -> None:
    """The official role would give the password to whoever answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path, "engine"))
    server.encrypt(context)
    given = {
        "ovirt_resources_api_url": server.url.replace("http:", "https:"),
        "ovirt_resources_api_insecure": False,
        "ovirt_resources_clusters": [{"name": "rack1"}],
    }
    another, _key = certificate(tmp_path, "another")
    changed, said = run(tasks="upgrade.yml", ovirt_resources_api_ca_file=str(another), **given)
    assert changed == -1 and "LOGIN" not in server.engine.requests and "certificate" in said, said
    _changed, said = run("-vv", tasks="upgrade.yml", ovirt_resources_api_ca_file=str(tmp_path / "engine.pem"), **given)
    assert server.engine.requests[:2] == ["LOGIN", "POST /events"], "the stand-in knows too little for the rest"
    assert server.engine.requests.count("LOGIN") == server.engine.requests.count("LOGOUT") == 1 and not server.logins
    assert not any(token in said for token in server.tokens), "the login is shown"


def test_an_upgrade_keeps_the_login_out_of_the_journal(run: Run, tmp_path: Path) -> None:
    ovirt_doubles.install_cluster_upgrade(tmp_path / "collections")
    clusters = [{"name": "rack1"}]
    changed, said = run(tasks="upgrade.yml", collections=tmp_path / "collections", ovirt_resources_clusters=clusters)
    assert changed == 0 and "in_the_journal: false" in said and "token: given" in said, said


def test_secrets_of_entries_are_in_no_output(server: StandIn, run: Run) -> None:
    """Also of an entry that is refused by the module."""
    provider = {
        "name": "foreman",
        "type": "foreman",
        "url": "https://foreman.test",
        "username": "x",
        "password": PASSWORD,
    }
    run(ovirt_resources_external_providers=[{**provider, "no_such_option": 1}])
    changed, said = run(ovirt_resources_external_providers=[provider])
    assert changed == 1 and json.dumps(PASSWORD) not in said, said


def test_entries_of_one_name_are_two(server: StandIn, run: Run) -> None:
    """Two fence agents of one host, for example; here one profile's name on two networks."""
    networks = [{"name": name, "data_center": "dc1"} for name in ("a", "b")]
    profiles = [{"name": "guests", "data_center": "dc1", "network": name} for name in ("a", "b")]
    changed, said = run(
        ovirt_resources_data_centers=[{"name": "dc1"}],
        ovirt_resources_networks=networks,
        ovirt_resources_vnic_profiles=profiles,
    )
    assert changed == 3 and server.engine.changes.count("POST /vnicprofiles") == 2, said
