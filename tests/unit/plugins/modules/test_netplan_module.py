# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three phases of the module, on a host that is a state of links and a directory of files."""

from __future__ import annotations

import json

import pytest
from host_module import ModuleFailed, run_module

from ansible_collections.kvmcloud.stack.plugins.module_utils import (
    netplan_companions,
    netplan_host,
    netplan_planned,
    netplan_trial,
    network_profiles,
)
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
        self.missing, self.says = {"dnf"}, {}
        self.broken = None  # what the files beside those of netplan come to

    def keep(self, files):
        if self.broken:
            raise netplan_host.NetplanError(self.broken)
        self.kept.append(files)
        for path, text in files:
            if path.startswith(str(self.place)):  # and not to the machine of the test
                file = self.place / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text) if text is not None else file.unlink()

    def run_command(self, argv, **_options):
        self.commands.append(argv[0])
        return 0, self.says.get(argv[0], ""), ""


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
    monkeypatch.setattr(netplan_host, "PROFILES", (str(tmp_path / "profiles"),))
    monkeypatch.setattr(netplan_host, "ELSEWHERE", (str(tmp_path / "profiles"),))
    monkeypatch.setattr(netplan_host, "IFCFG", str(tmp_path / "ifcfg"))
    for module, name in ((netplan_host, "ETC_NETWORKD"), (netplan_planned, "ETC_NETWORKD")):
        monkeypatch.setattr(module, name, str(tmp_path / "networkd"))
    monkeypatch.setattr(netplan_host, "NETWORKD_PLACES", (str(tmp_path / "networkd"),))
    monkeypatch.setattr(netplan_companions, "NETFILTER", str(tmp_path / "netfilter"))
    for name in ("MODULES_FILE", "SYSCTL_FILE"):
        monkeypatch.setattr(netplan_companions, name, str(tmp_path / "boot" / name))
    monkeypatch.setattr(netplan_host.NetplanHost, "state", lambda _self: found.state)
    monkeypatch.setattr(netplan, "keep_companions", lambda _module, files: found.keep(files))
    monkeypatch.setattr(netplan.AnsibleModule, "run_command", found.run_command)
    monkeypatch.setattr(
        netplan.AnsibleModule, "get_bin_path", lambda _self, name, *_more: None if name in found.missing else name
    )
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
    assert host.commands == ["systemctl", "netplan"]
    assert [path.name for path in host.place.iterdir()] == []


def test_a_declaration_that_does_not_fit_begins_nothing(host, capsys):
    with pytest.raises(ModuleFailed, match="eno9 does not exist on this host"):
        run_module(capsys, netplan, bridges=[{"name": "br0", "interfaces": ["eno9"]}])
    assert set(host.commands) == {"systemctl"}


def test_a_declaration_that_does_not_fit_has_nothing_installed(host, capsys):
    host.missing = {"netplan", "dnf"}
    with pytest.raises(ModuleFailed, match="eno9 does not exist on this host"):
        run_module(capsys, netplan, install=True, bridges=[{"name": "br0", "interfaces": ["eno9"]}])


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


VLAN = {"vlans": [{"name": "v", "id": 7, "link": "eth1"}]}


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("interfaces", "iface eth1 inet dhcp", "eth1 is described by .*/interfaces too"),
        (
            "networkd/20-lan.network",
            "[Match]\nName=eth*",
            "eth1 is described by .*/20-lan.network too, a file of networkd",
        ),
    ],
)
@pytest.mark.parametrize("declared", [BRIDGE, VLAN], ids=["a port", "what a VLAN is on"])
def test_what_is_described_elsewhere_is_refused(host, capsys, file, text, sentence, declared):
    (host.place / "networkd").mkdir()
    (host.place / file).write_text(text)
    with pytest.raises(ModuleFailed, match=sentence):
        run_module(capsys, netplan, **declared)


def test_what_a_vlan_is_on_has_no_file_of_the_network_scripts(host, managed, capsys):
    managed.unlink()
    (host.place / "ifcfg").mkdir()
    (host.place / "ifcfg/ifcfg-eth1").write_text("ONBOOT=yes\n")
    with pytest.raises(ModuleFailed, match="eth1 is described by .*/ifcfg-eth1"):
        run_module(capsys, netplan, **VLAN)


def test_what_a_vlan_is_on_has_no_profile_of_networkmanager(host, managed, capsys):
    with pytest.raises(ModuleFailed, match="VLAN v is on eth1, which is not declared and has the profile 'wired'"):
        run_module(capsys, netplan, **VLAN)


def test_networkmanager_reads_no_files_of_networkd(host, managed, capsys):
    (host.place / "networkd").mkdir()
    (host.place / "networkd/20-lan.network").write_text("[Match]\nName=eth1\n")
    assert run_module(capsys, netplan, **BRIDGE)["trial"]


def test_what_a_vlan_is_on_keeps_its_addresses(host, capsys):
    host.state = LiveState({"eth1": LiveLink("eth1", "", up=True, addresses={"10.0.0.1/16": False})})
    with pytest.raises(ModuleFailed, match="VLAN v is on eth1, which is not declared and has 10.0.0.1/16 here"):
        run_module(capsys, netplan, **VLAN)
    (host.place / "etc").mkdir()
    (host.place / "etc/50.yaml").write_text("network: {ethernets: {eth1: {addresses: [10.0.0.1/16]}}}\n")
    run_module(capsys, netplan, **VLAN)
    record = json.loads((host.place / "trial/trial.json").read_text())
    assert list(record["etc"]) == [OWN] and "eth1:" not in record["etc"][OWN]
    assert record["kept"] == [["eth1", "10.0.0.1/16", True]]
    assert [one[:2] for one in record["held"]] == [["eth1", "10.0.0.1/16"]]


def test_a_trial_that_nobody_could_confirm_is_not_begun(host, capsys):
    with pytest.raises(ModuleFailed, match="confirm_timeout is 9; wanted are at least 10 seconds"):
        run_module(capsys, netplan, confirm_timeout=9, **BRIDGE)


def test_a_mac_address_is_read_as_netplan_reads_it_and_no_secret_is_shown(host, capsys):
    """To YAML 1.1 this one is a number of base 60."""
    (host.place / "etc").mkdir()
    by_mac = "ethernets: {card: {match: {macaddress: 52:54:00:12:34:56}}, eth7: {mtu: 9000}}"
    (host.place / "etc/50.yaml").write_text(f"network:\n  {by_mac}\n  wifis: {{w: {{auth: {{password: so hush}}}}}}\n")
    host.state = LiveState({"eth1": LiveLink("eth1", "", mac="52:54:00:12:34:56", up=True)})
    result = run_module(capsys, netplan, check=True, **BRIDGE)
    assert result["taken_over"] == [str(host.place / "etc/50.yaml")]
    (diff,) = [one for one in result["diff"] if one["after_header"].endswith("50.yaml")]
    assert "eth7:\n      mtu: 9000" in diff["after"] and "52:54" not in diff["after"]
    assert "hush" not in json.dumps(result)


def test_a_file_that_is_no_yaml_is_told_without_its_secrets(host, capsys):
    (host.place / "etc").mkdir()
    (host.place / "etc/50.yaml").write_text('network:\n  wifis: {w: {password: "hush}}\n')
    with pytest.raises(ModuleFailed, match="50.yaml cannot be read, .* in line 3") as failed:
        run_module(capsys, netplan, check=True, **BRIDGE)
    assert "hush" not in str(failed.value)


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


def test_a_change_that_costs_an_undeclared_link_its_address_is_not_confirmed(host, capsys):
    (host.place / "etc").mkdir()
    (host.place / "etc/50.yaml").write_text("network: {ethernets: {eth0: {addresses: [10.0.0.1/16]}}}\n")
    other = LiveLink("eth0", "", up=True, addresses={"10.0.0.1/16": False})
    host.state = LiveState({**FORMER.links, "eth0": other})
    trial = begun(host, capsys)
    applied(host)
    host.state = LiveState({**NEW.links, "eth0": LiveLink("eth0", "", up=True)})
    for phase in ("look", "confirm"):
        answer = asked(capsys, phase, trial)
        assert answer["state"] == "lacking" and "10.0.0.1/16 is gone from eth0, which is not declared" in answer["msg"]
    host.state = LiveState({**NEW.links, "eth0": other})
    assert asked(capsys, "confirm", trial)["state"] == "confirmed"


def full(*_arguments, **_more):
    raise OSError("No space left on device")


def test_a_confirmation_that_there_is_no_room_for_is_none(host, capsys, monkeypatch):
    trial = begun(host, capsys)
    applied(host)
    host.state = NEW
    monkeypatch.setattr(netplan_host.file_switch, "_write", full)
    answer = asked(capsys, "confirm", trial)
    assert answer["state"] == "lacking" and "cannot be kept, and is taken back: No space left" in answer["msg"]
    assert list((host.place / "etc").iterdir()) == [] and host.kept == []
    assert netplan_trial.decide(str(host.place / "trial"), netplan_trial.ROLLING_BACK)


def test_a_confirmation_that_was_cut_off_is_finished_by_who_looks(host, capsys, monkeypatch):
    trial = begun(host, capsys)
    applied(host)
    host.state = NEW
    with monkeypatch.context() as cut:
        cut.setattr(netplan_host.file_switch, "finish", full)
        with pytest.raises(ModuleFailed, match="is confirmed and in force, and its files cannot be moved"):
            asked(capsys, "confirm", trial)
    assert asked(capsys, "look", trial)["state"] == "confirmed"
    assert "br0" in (host.place / "etc" / OWN).read_text() and len(host.kept) == 1


def test_what_belongs_to_the_network_and_is_not_written_is_a_failure_and_planned_again(host, capsys):
    trial = begun(host, capsys)
    applied(host)
    host.state, host.broken = NEW, "A file cannot be written."
    for phase in ("confirm", "look"):  # also for who did not hear it
        with pytest.raises(ModuleFailed, match="confirmed and kept, and .* is not: A file cannot be written."):
            asked(capsys, phase, trial)
    assert "br0" in (host.place / "etc" / OWN).read_text()
    host.broken = None
    again = run_module(capsys, netplan, **BRIDGE)
    record = json.loads((host.place / "trial/trial.json").read_text())
    assert again["trial"] and [path.rpartition("/")[2] for path, _text in record["companions"]] == [
        "MODULES_FILE",
        "90-kvmcloud.conf",
    ]


def test_a_host_whose_disk_is_full_is_told_in_a_sentence(host, capsys, monkeypatch):
    monkeypatch.setattr(netplan_host.NetplanHost, "begin", full)
    with pytest.raises(ModuleFailed, match="cannot be looked after: No space left on device. Mend that, then run"):
        run_module(capsys, netplan, **BRIDGE)


def converged(host, capsys):
    trial = begun(host, capsys)
    applied(host)
    host.state = NEW
    asked(capsys, "confirm", trial)


def test_listening_to_lldp_again_is_a_change_of_the_network(host, capsys):
    converged(host, capsys)
    assert "trial" not in run_module(capsys, netplan, **BRIDGE)
    hearing = {"bridges": [{**BRIDGE["bridges"][0], "lldp": True}]}
    assert run_module(capsys, netplan, **hearing)["trial"]
    record = json.loads((host.place / "trial/trial.json").read_text())
    dropin = "10-netplan-br0.network.d/90-kvmcloud.conf"
    assert [f"{host.place}/networkd/{dropin}", None] in record["companions"]
    (shadow,) = [text for path, (text, _mode) in record["files"].items() if path.endswith("/91-kvmcloud.conf")]
    assert "LLDP=routers-only" in shadow


def test_filters_that_are_not_in_force_are_put_in_force_without_a_trial(host, capsys, monkeypatch):
    monkeypatch.setattr(netplan_planned, "filters_off", lambda: ["net.bridge.bridge-nf-call-iptables"])
    converged(host, capsys)
    wanted = {**BRIDGE, "bridge_netfilter": True}
    for _time in range(2):  # by hand they were switched off again
        result = run_module(capsys, netplan, **wanted)
        assert result["changed"] and "trial" not in result
        assert result["actions"] == ["switch on net.bridge.bridge-nf-call-iptables"]
    assert host.kept[-1] == []
    monkeypatch.setattr(netplan_planned, "filters_off", list)
    assert not run_module(capsys, netplan, **wanted)["changed"]


def test_what_was_rolled_back_is_not_confirmed_and_what_was_missing_is_told(host, capsys):
    trial = begun(host, capsys)
    applied(host)
    asked(capsys, "look", trial)
    netplan_trial.decide(str(host.place / "trial"), netplan_trial.ROLLING_BACK)
    host.state = NEW
    with pytest.raises(ModuleFailed, match="was rolled back: .*; after it was applied, bridge br0 does not exist"):
        asked(capsys, "confirm", trial)
    assert list((host.place / "etc").iterdir()) == []


def test_a_second_run_is_refused(host, capsys):
    begun(host, capsys)
    with pytest.raises(ModuleFailed, match="Another run tries a configuration"):
        run_module(capsys, netplan, **BRIDGE)


# -- a host of NetworkManager

PROFILE = "[connection]\nid=wired\nuuid=11-22\ntype=ethernet\ninterface-name=eth1\n[wifi-security]\npsk=hush\n"


@pytest.fixture
def managed(host, monkeypatch):
    """It has a profile that the installation of the host made."""
    path = host.place / "profiles/wired.nmconnection"
    path.parent.mkdir()
    path.write_text(PROFILE)
    monkeypatch.setattr(network_profiles, "ETC_PROFILES", str(path.parent))
    host.says = {"systemctl": "active\ninactive\n", "nmcli": f"11-22:eth1:{path}\n"}
    return path


def test_a_profile_is_shadowed_during_the_trial_and_becomes_a_backup_with_the_confirmation(host, managed, capsys):
    result = run_module(capsys, netplan, **BRIDGE)
    assert result["taken_over"] == [str(managed)] and "hush" not in json.dumps(result)
    record = json.loads((host.place / "trial/trial.json").read_text())
    (shadow,) = [path for path in record["files"] if path.endswith("/11-22.nmconnection")]
    assert shadow.startswith("/run/NetworkManager/") and "autoconnect=false" in record["files"][shadow][0]
    assert "renderer: NetworkManager" in record["etc"][OWN]
    assert not any(path.startswith("/run/systemd/network") for path in record["files"])
    assert managed.read_text() == PROFILE
    applied(host)
    host.state = NEW
    answer = asked(capsys, "confirm", {"id": result["trial"]["id"], "boot": result["trial"]["boot"]})
    (backup,) = answer["backups"]
    assert backup.startswith(f"{managed}.") and backup.endswith("~") and "hush" in (host.place / backup).read_text()
    assert not managed.exists()
    assert run_module(capsys, netplan, **BRIDGE).get("trial") is None


def test_guests_are_not_cut_off_by_a_change_elsewhere(host, managed, capsys):
    bridge, port = LiveLink("br7", "bridge", up=True), LiveLink("vnet3", "tun", up=True, master="br7")
    host.state = LiveState({**FORMER.links, "br7": bridge, "vnet3": port})
    (host.place / "etc").mkdir()
    (host.place / "etc/70.yaml").write_text("network: {bridges: {br7: {}}}\n")
    with pytest.raises(ModuleFailed, match=r"br7 has guests on it \(vnet3\), and NetworkManager makes all its"):
        run_module(capsys, netplan, **BRIDGE)


def test_guests_stay_where_networkd_makes_the_links_or_nothing_changes(host, managed, capsys):
    with_guest = LiveState({**NEW.links, "vnet3": LiveLink("vnet3", "tun", up=True, master="br0")})
    managed.unlink()
    trial = begun(host, capsys)
    applied(host)
    host.state = with_guest
    assert asked(capsys, "confirm", trial)["state"] == "confirmed"
    assert "trial" not in run_module(capsys, netplan, **BRIDGE)
    assert run_module(capsys, netplan, renderer="networkd", **BRIDGE)["trial"]


def test_a_profile_beside_a_file_that_says_the_same_is_taken_over_too(host, managed, capsys):
    managed.unlink()
    trial = begun(host, capsys)
    applied(host)
    host.state = NEW
    asked(capsys, "confirm", trial)
    managed.write_text(PROFILE)
    result = run_module(capsys, netplan, **BRIDGE)
    assert result["changed"] and result["taken_over"] == [str(managed)] and "trial" in result


def test_what_a_profile_gave_a_link_is_given_up(host, managed, capsys):
    managed.write_text(PROFILE + "[ipv4]\nmethod=manual\naddress1=10.0.0.9/24\n")
    host.state = LiveState({"eth1": LiveLink("eth1", "", mtu=1500, up=True, addresses={"10.0.0.9/24": False})})
    result = run_module(capsys, netplan, check=True, ethernets=[{"name": "eth1", "addresses": ["10.0.0.8/24"]}])
    assert "remove 10.0.0.9/24 from eth1" in result["actions"]


def test_a_file_of_the_network_scripts_is_refused_with_the_way_out(host, managed, capsys):
    (host.place / "ifcfg").mkdir()
    (host.place / "ifcfg/ifcfg-eth1").write_text("ONBOOT=yes\n")
    with pytest.raises(ModuleFailed, match="eth1 is described by .*/ifcfg-eth1.* run `nmcli connection migrate`"):
        run_module(capsys, netplan, **BRIDGE)


@pytest.mark.parametrize(("renderer", "warned"), [("networkd", True), ("NetworkManager", False)])
def test_name_servers_need_resolved_beside_networkd(host, managed, capsys, monkeypatch, renderer, warned):
    said = []
    monkeypatch.setattr(netplan, "RESOLVED", str(host.place / "absent"))
    monkeypatch.setattr(netplan.AnsibleModule, "warn", lambda _self, text: said.append(text))
    entry = {"name": "eth1", "addresses": ["10.0.0.8/24"], "name_servers": ["10.0.0.53"]}
    run_module(capsys, netplan, check=True, renderer=renderer, ethernets=[entry])
    assert any("systemd-resolved" in text for text in said) is warned


@pytest.mark.parametrize(
    ("missing", "install", "sentence"),
    [
        ({"netplan", "dnf"}, False, "netplan cannot be found .* the package netplan.io. Nothing was changed"),
        ({"netplan", "apt-get"}, False, "netplan cannot be found .* it is in EPEL"),
        ({"netplan", "apt-get", "dnf"}, True, "netplan cannot be found .* packaged for Debian, Ubuntu and Enterprise"),
        ({"netplan", "ip", "dnf"}, True, "ip and netplan cannot be found"),
    ],
)
def test_what_is_missing_is_told(host, capsys, missing, install, sentence):
    host.missing = missing
    with pytest.raises(ModuleFailed, match=sentence):
        run_module(capsys, netplan, install=install, **BRIDGE)


@pytest.mark.parametrize(
    ("missing", "module"), [({"netplan", "dnf"}, "ansible.legacy.apt"), ({"netplan", "apt-get"}, "ansible.legacy.dnf")]
)
def test_the_controller_is_asked_to_install_netplan(host, capsys, missing, module):
    host.missing = missing
    assert run_module(capsys, netplan, install=True, **BRIDGE)["install"]["module"] == module
    assert run_module(capsys, netplan, check=True, install=True, **BRIDGE)["changed"]
    assert set(host.commands) == {"systemctl"}
