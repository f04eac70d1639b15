# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three phases of the module, on a host that is a state of links and a directory of files."""

from __future__ import annotations

import json

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import netplan_host, netplan_planned, netplan_trial
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_files import OWN
from ansible_collections.kvmcloud.stack.plugins.module_utils.network_state import LiveLink, LiveState
from ansible_collections.kvmcloud.stack.plugins.modules import netplan

BRIDGE = {"bridges": [{"name": "br0", "interfaces": ["eth1"]}]}
FORMER = LiveState({"eth1": LiveLink("eth1", "", mtu=1500, up=True)})
NEW = LiveState({"eth1": LiveLink("eth1", "", up=True, master="br0"), "br0": LiveLink("br0", "bridge", up=True)})


class Host:
    """A small one: what it was asked by command, its links, its files."""

    def __init__(self, place):
        self.place, self.state, self.commands, self.kept = place, FORMER, [], []

    def run_command(self, argv, **_options):
        self.commands.append(argv[0])
        return 0, "", ""


@pytest.fixture
def host(tmp_path, monkeypatch):
    found = Host(tmp_path)
    for module in (netplan_host, netplan_trial):
        monkeypatch.setattr(module, "TRIAL", str(tmp_path / "trial"))
        monkeypatch.setattr(module, "LAST", str(tmp_path / "trial.last"))
    for module in (netplan_host, netplan_planned):
        monkeypatch.setattr(module, "ETC", str(tmp_path / "etc"))
        monkeypatch.setattr(module, "RUN", str(tmp_path / "run"))
    monkeypatch.setattr(netplan_host, "DIRECTORIES", (str(tmp_path / "run"), str(tmp_path / "etc")))
    monkeypatch.setattr(netplan_host, "INTERFACES", str(tmp_path / "interfaces"))
    monkeypatch.setattr(netplan_host.NetplanHost, "state", lambda _self: found.state)
    monkeypatch.setattr(netplan, "keep_companions", lambda _module, plan: found.kept.append(plan))
    monkeypatch.setattr(netplan.AnsibleModule, "run_command", found.run_command)
    monkeypatch.setattr(netplan.AnsibleModule, "get_bin_path", lambda _self, name, *_more: f"/usr/sbin/{name}")
    return found


def begun(host, capsys):
    """A trial that systemd has begun, as the controller hears of it."""
    trial = run_module(capsys, netplan, **BRIDGE)["trial"]
    return {"id": trial["id"], "boot": trial["boot"]}


def applied(host):
    answer = {"returncode": 0, "output": "", "at": netplan_trial.now()}
    (host.place / "trial/applied").write_text(json.dumps(answer))


def asked(capsys, phase, trial):
    return run_module(capsys, netplan, phase=phase, trial=trial, **BRIDGE)


def test_check_mode_tells_the_plan_and_asks_netplan_alone(host, capsys):
    result = run_module(capsys, netplan, check=True, **BRIDGE)
    assert result["changed"] and "trial" not in result
    assert result["actions"] == ["create bridge br0", "enslave eth1 to br0"]
    assert [one["after_header"] for one in result["diff"]][-1] == "steps"
    assert host.commands == ["netplan"]
    assert [path.name for path in host.place.iterdir()] == []


def test_a_declaration_that_does_not_fit_begins_nothing(host, capsys):
    with pytest.raises(ModuleFailed, match="eno9 does not exist on this host"):
        run_module(capsys, netplan, bridges=[{"name": "br0", "interfaces": ["eno9"]}])
    assert host.commands == []


def test_a_trial_knows_what_to_take_back(host, capsys):
    host.state = LiveState({name: LiveLink(name, "", mac=f"52:54:00:00:00:0{name[-1]}") for name in ("eth0", "eth1")})
    lan = {"name": "lan", "mac": "52:54:00:00:00:00", "addresses": ["10.0.0.1/16"]}
    run_module(capsys, netplan, ethernets=[lan], **BRIDGE)
    record = json.loads((host.place / "trial/trial.json").read_text())
    assert [command[:3] + command[-2:] for command in record["undo"]] == [
        ["link", "set", "dev", "lan", "down"],
        ["link", "set", "dev", "name", "eth0"],
        ["link", "set", "dev", "eth0", "up"],
        ["link", "delete", "dev", "dev", "br0"],
    ]
    assert sorted(record["saved"]["links"]) == ["eth0", "eth1"]


def test_a_trial_that_nobody_could_confirm_is_not_begun(host, capsys):
    with pytest.raises(ModuleFailed, match="confirm_timeout is 9; wanted are at least 10 seconds"):
        run_module(capsys, netplan, confirm_timeout=9, **BRIDGE)


def test_a_mac_address_is_read_as_netplan_reads_it_and_no_secret_is_shown(host, capsys):
    """To YAML 1.1 this one is a number of base 60."""
    (host.place / "etc").mkdir()
    by_mac = "ethernets: {card: {match: {macaddress: 52:54:00:12:34:56}}, eth7: {mtu: 9000}}"
    (host.place / "etc/50.yaml").write_text(f"network:\n  {by_mac}\n  wifis: {{w: {{auth: {{password: hush}}}}}}\n")
    host.state = LiveState({"eth1": LiveLink("eth1", "", mac="52:54:00:12:34:56", up=True)})
    result = run_module(capsys, netplan, check=True, **BRIDGE)
    assert result["taken_over"] == [str(host.place / "etc/50.yaml")]
    (diff,) = [one for one in result["diff"] if one["after_header"].endswith("50.yaml")]
    assert "eth7:\n      mtu: 9000" in diff["after"] and "52:54" not in diff["after"]
    assert "hush" not in json.dumps(result)


def test_a_trial_is_looked_at_until_all_is_there_and_then_confirmed(host, capsys):
    trial = begun(host, capsys)
    assert asked(capsys, "look", trial)["state"] == "pending"
    applied(host)
    lacking = asked(capsys, "look", trial)
    assert lacking["state"] == "lacking" and "eth1 is not in bridge br0" in lacking["msg"]
    assert asked(capsys, "confirm", trial)["state"] == "lacking"
    assert host.kept == []
    host.state = NEW
    assert asked(capsys, "look", trial)["state"] == "settled"
    assert asked(capsys, "confirm", trial)["state"] == "confirmed"
    assert "br0" in (host.place / "etc" / OWN).read_text()
    assert len(host.kept) == 1
    assert asked(capsys, "look", trial)["state"] == "confirmed"  # for who did not hear it
    assert run_module(capsys, netplan, **BRIDGE).get("trial") is None


def test_what_was_rolled_back_is_not_confirmed_and_what_was_missing_is_told(host, capsys):
    trial = begun(host, capsys)
    applied(host)
    asked(capsys, "look", trial)
    netplan_trial.decide(str(host.place / "trial"), netplan_trial.ROLLING_BACK)
    host.state = NEW
    with pytest.raises(ModuleFailed, match="was rolled back: .*; after it was applied, bridge br0 does not exist"):
        asked(capsys, "confirm", trial)
    assert not (host.place / "etc").exists()


def test_a_second_run_is_refused(host, capsys):
    begun(host, capsys)
    with pytest.raises(ModuleFailed, match="Another run tries a configuration"):
        run_module(capsys, netplan, **BRIDGE)
