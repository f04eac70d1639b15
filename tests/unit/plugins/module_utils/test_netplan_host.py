# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trials begun and ended in a directory of the test; of systemd it is written down what it was asked."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils import netplan_host, netplan_trial
from ansible_collections.kvmcloud.stack.plugins.module_utils.netplan_host import (
    NetplanError,
    NetplanHost,
    NoRoom,
    Unfinished,
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    for module in (netplan_host, netplan_trial):
        monkeypatch.setattr(module, "TRIAL", str(tmp_path / "trial"))
        monkeypatch.setattr(module, "LAST", str(tmp_path / "trial.last"))
    monkeypatch.setattr(netplan_host, "ETC", str(tmp_path / "etc"))
    monkeypatch.setattr(netplan_host, "DIRECTORIES", tuple(str(tmp_path / name) for name in ("run", "etc", "lib")))
    for name in ("run", "etc", "lib"):
        (tmp_path / name).mkdir()
    return tmp_path


class Module:
    def __init__(self, place, returncodes=None):
        self.tmpdir, self.commands, self.returncodes = str(place), [], returncodes or {}

    def run_command(self, argv):
        self.commands.append(argv)
        return self.returncodes.get(argv[0], 0), "", "it said no"


@pytest.fixture
def module(place):
    return Module(place)


def record(place, **changes):
    files = {str(place / "run/60.yaml"): ["new", 0o600], str(place / "run/50.yaml"): ["nothing", 0o600]}
    return {
        "etc": {"60.yaml": "new", "50.yaml": None},
        "files": files,
        "profiles": [],
        "steps": ["create bridge br0"],
        **changes,
    }


def nothing_follows():
    pass


def files(place):
    """Without backups."""
    return {path.name: path.read_text() for path in (place / "etc").iterdir() if not path.name.endswith("~")}


def begun(place, module, **changes):
    found = NetplanHost(module).begin(record(place, **changes), 60)
    return {"id": found["id"], "boot": found["boot"]}


def applied(place, returncode=0):
    for path, (text, _mode) in record(place)["files"].items():
        netplan_trial.write(path, text)
    answer = {"returncode": returncode, "output": "it said", "at": netplan_trial.now()}
    (place / "trial/applied").write_text(json.dumps(answer))


def test_the_rollback_is_armed_before_the_trial_begins(place, module):
    begun(place, module)
    rollback, apply = module.commands
    assert "--on-active=61" in rollback and rollback[-2] == "rollback"
    assert "--on-active=1" in apply and apply[-2] == "apply"
    program = (place / "trial/trial.py").read_text()
    assert program.startswith("# Copyright") and compile(program, "trial.py", "exec")


def test_without_an_armed_rollback_nothing_begins(place):
    with pytest.raises(NetplanError, match="systemd does not take the rollback .* so nothing was changed: it said no"):
        begun(place, Module(place, {"systemd-run": 1}))
    assert not (place / "trial").exists()


def test_there_is_one_trial_at_a_time(place, module):
    first = begun(place, module)
    with pytest.raises(NetplanError, match="Another run tries a configuration of this host's network since"):
        begun(place, module)
    assert json.loads((place / "trial/trial.json").read_text())["id"] == first["id"]
    assert len(module.commands) == 2
    assert [path.name for path in place.iterdir() if path.name.startswith("kvmcloud")] == []


def test_a_confirmation_moves_the_files_and_stops_the_timer(place, module):
    (place / "etc/50.yaml").write_text("former")
    trial = begun(place, module)
    applied(place)
    host = NetplanHost(module)
    found = host.trial(**trial)
    (backup,) = host.confirm(found, nothing_follows)
    assert files(place) == {"60.yaml": "new"}
    assert backup.startswith(f"{place}/etc/50.yaml.") and Path(backup).read_text() == "former"
    assert list((place / "run").iterdir()) == []
    assert module.commands[-1] == ["systemctl", "stop", f"kvmcloud-netplan-{trial['id']}-rollback.timer"]
    assert not (place / "trial").exists()


def test_a_confirmation_removes_profiles_that_were_taken_over(place, module, monkeypatch):
    profiles = place / "profiles"
    profiles.mkdir()
    (profiles / "wired").write_text("of the installation")
    monkeypatch.setattr(netplan_host, "ELSEWHERE", (str(profiles),))
    trial = begun(place, module, profiles=[str(profiles / "wired")])
    applied(place)
    host = NetplanHost(module)
    found = host.trial(**trial)
    backups = host.confirm(found, nothing_follows)
    assert [str(path) for path in profiles.iterdir()] == backups
    assert Path(backups[0]).read_text() == "of the installation"
    assert ["nmcli", "connection", "reload"] in module.commands


@pytest.mark.parametrize(
    ("wanted", "said", "found"),
    [
        ("auto", "active\ninactive\n", "NetworkManager"),
        ("auto", "inactive\nactive\n", "networkd"),
        ("auto", "active\nactive\n", "networkd"),
        ("auto", "inactive\ninactive\n", "networkd"),
        ("NetworkManager", "inactive\nactive\n", "NetworkManager"),
        ("networkd", "active\ninactive\n", "networkd"),
    ],
)
def test_who_makes_the_links(wanted, said, found):
    commands = []
    module = SimpleNamespace(run_command=lambda argv: commands.append(argv) or (3, said, ""))
    assert NetplanHost(module).renderer(wanted) == found
    for command in commands:
        assert command[-2:] == ["NetworkManager.service", "systemd-networkd.service"]


def test_profiles_are_read_where_networkmanager_reads_them(tmp_path, monkeypatch):
    text = "[connection]\nid={0}\nuuid={0}\ntype=ethernet\ninterface-name=eth0\n"
    for place, name in (("etc", "wired"), ("etc", "wired~"), ("run", "netplan-eth0.nmconnection"), ("run", "other")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / name).write_text(text.format(name))
    monkeypatch.setattr(netplan_host, "PROFILES", tuple(str(tmp_path / place) for place in ("etc", "run", "lib")))
    said = f"wired:eth0:{tmp_path}/etc/wired\n"
    module = SimpleNamespace(run_command=lambda _argv: (0, said, ""), get_bin_path=lambda name: name)
    found = NetplanHost(module).profiles()
    assert [(one.title, one.active) for one in found] == [("wired", ("eth0",)), ("other", ())]


@pytest.mark.parametrize(
    ("path", "returncode", "sentence"),
    [
        (None, 0, "to be made by NetworkManager, which is not on this host; install it"),
        ("/usr/bin/nmcli", 8, "NetworkManager does not tell its profiles: it is not running. It must run"),
    ],
)
def test_without_networkmanager_nothing_begins(path, returncode, sentence):
    module = SimpleNamespace(
        run_command=lambda _argv: (returncode, "", "it is not running"), get_bin_path=lambda _name: path
    )
    with pytest.raises(NetplanError, match=sentence):
        NetplanHost(module).profiles()


def test_files_of_the_former_network_scripts(tmp_path, monkeypatch):
    monkeypatch.setattr(netplan_host, "IFCFG", str(tmp_path))
    (tmp_path / "ifcfg-eth0").write_text("BOOTPROTO=dhcp\n")
    (tmp_path / "ifcfg-System_eth1").write_text('TYPE=Ethernet\nDEVICE="eth1"\n')
    (tmp_path / "route-eth2").write_text("")
    found = NetplanHost(None).ifcfg()
    assert found == {"eth0": f"{tmp_path}/ifcfg-eth0", "eth1": f"{tmp_path}/ifcfg-System_eth1"}


def test_who_did_not_hear_the_answer_to_the_confirmation_is_told_again(place, module):
    trial = begun(place, module)
    applied(place)
    host = NetplanHost(module)
    assert not host.was_confirmed(trial["id"])
    found = host.trial(**trial)
    host.confirm(found, nothing_follows)
    assert host.was_confirmed(trial["id"])
    assert not host.was_confirmed("of another")


def test_what_was_rolled_back_was_not_confirmed(place, module):
    trial = begun(place, module)
    netplan_trial.decide(str(place / "trial"), netplan_trial.ROLLING_BACK)
    netplan_trial.forget(str(place / "trial"))
    assert not NetplanHost(module).was_confirmed(trial["id"])


def test_a_confirmation_that_comes_after_the_rollback_fails(place, module):
    trial = begun(place, module)
    applied(place)
    host = NetplanHost(module)
    found = host.trial(**trial)
    netplan_trial.decide(str(place / "trial"), netplan_trial.ROLLING_BACK)
    with pytest.raises(
        NetplanError, match="The new network was rolled back: nobody confirmed it from outside within 60 s"
    ):
        host.confirm(found, nothing_follows)
    assert list((place / "etc").iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "looked", "why"),
    [
        ({}, None, "nobody confirmed it from outside within 60 s, so it had most likely cut the host off"),
        ({}, ["br0 is down"], "nobody confirmed it from outside within 60 s; after it was applied, br0 is down"),
        ({}, [], r"nobody confirmed it from outside within 60 s\."),
        ({"returncode": 78}, None, "netplan could not apply it: it said"),
        (None, None, "netplan had not applied it within 60 s"),
    ],
)
def test_who_comes_late_hears_why_it_was_rolled_back(place, module, answer, looked, why):
    trial = begun(place, module)
    if answer is not None:
        applied(place, **answer)
    if looked is not None:
        NetplanHost(module).looked(looked)
    (place / "trial").rename(place / "trial.last")
    with pytest.raises(NetplanError, match=f"was rolled back: {why}.* Tried was: create bridge br0"):
        NetplanHost(module).trial(**trial)


def test_who_looks_while_a_trial_ends_is_not_in_the_way(place, module):
    NetplanHost(module).looked(["br0 is down"])
    assert not (place / "trial").exists()


def test_a_restart_is_told_as_such(place, module):
    with pytest.raises(NetplanError, match="The host was restarted before its new network was confirmed"):
        NetplanHost(module).trial("gone", "of another boot")
    with pytest.raises(NetplanError, match="The host knows nothing of this trial"):
        NetplanHost(module).trial("gone", netplan_host.boot_id())


def full(*_arguments, **_more):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_there_is_no_room_for_is_taken_back_with_the_reason(place, module, monkeypatch):
    """Nothing is decided before all that needs room is written: the rollback can still win."""
    (place / "etc/50.yaml").write_text("former")
    trial = begun(place, module)
    applied(place)
    host = NetplanHost(module)
    monkeypatch.setattr(netplan_host.file_switch, "_write", full)
    with pytest.raises(NoRoom, match="No space left"):
        host.confirm(host.trial(**trial), nothing_follows)
    assert {path.name: path.read_text() for path in (place / "etc").iterdir()} == {"50.yaml": "former"}
    assert module.commands[-1][:3] == ["systemctl", "start", "--no-block"]
    assert module.commands[-1][3] == f"kvmcloud-netplan-{trial['id']}-rollback.service"
    assert netplan_trial.decide(str(place / "trial"), netplan_trial.ROLLING_BACK)
    (place / "trial").rename(place / "trial.last")
    with pytest.raises(NetplanError, match="rolled back: it works, and its files cannot be kept .* No space left"):
        host.trial(**trial)


def test_after_the_decision_no_room_is_needed(place, module, monkeypatch):
    (place / "etc/50.yaml").write_text("former")
    found = decided(place, module)
    monkeypatch.setattr(netplan_host.file_switch, "_write", full)
    host = NetplanHost(module)
    assert host.is_decided()
    assert host.confirm(found, nothing_follows) == []
    assert files(place) == {"60.yaml": "new"}
    assert host.was_confirmed(found["id"])


def test_what_fails_after_the_decision_is_told_and_can_be_repeated(place, module, monkeypatch):
    found = decided(place, module)
    host = NetplanHost(module)
    with monkeypatch.context() as broken, pytest.raises(Unfinished, match="is confirmed and in force, and its files"):
        broken.setattr(netplan_host.file_switch, "finish", full)
        host.finish(found, nothing_follows)
    host.finish(found, nothing_follows)
    assert (place / "etc/60.yaml").read_text() == "new"


def test_what_belongs_to_a_network_and_could_not_be_written_is_told(place, module):
    def fails():
        raise NetplanError("A file cannot be written.")

    found = decided(place, module)
    host = NetplanHost(module)
    host.finish(found, fails)
    for _time in range(2):  # whoever asks
        with pytest.raises(
            Unfinished, match="is confirmed and kept, and .* is not: A file cannot be written. Run again"
        ):
            host.was_confirmed(found["id"])
    assert not (place / "trial").exists()


@pytest.mark.parametrize("late", [0, netplan_host.OVERDUE_SECONDS + 61])
def test_a_trial_that_nobody_ends_is_ended_by_the_next_run(place, module, monkeypatch, late):
    trial = begun(place, module)
    moment = netplan_trial.now()
    monkeypatch.setattr(netplan_trial, "now", lambda: moment + late)
    NetplanHost(module).clear_overdue(lambda _record: None)
    assert [command[-2:] for command in module.commands[2:]] == ([["rollback", trial["id"]]] if late else [])


def decided(place, module):
    """Confirmed, and killed before anything was moved."""
    trial = begun(place, module)
    applied(place)
    host = NetplanHost(module)
    host._prepare(host.trial(**trial), [])
    netplan_trial.decide(str(place / "trial"), netplan_trial.CONFIRMING)
    return host.trial(**trial)


def test_a_confirmation_that_was_killed_is_finished_by_the_next_run(place, module, monkeypatch):
    decided(place, module)
    moment = netplan_trial.now()
    monkeypatch.setattr(netplan_trial, "now", lambda: moment + netplan_host.OVERDUE_SECONDS + 61)
    NetplanHost(module).clear_overdue(lambda _record: None)
    assert (place / "etc/60.yaml").read_text() == "new"
    assert not (place / "trial").exists()


def test_files_shadow_one_another(place, module):
    for name, text in (("lib", "lib"), ("etc", "etc"), ("run", "run")):
        (place / name / "50.yaml").write_text(f"of: {text}")
    (place / "etc/60.yaml").write_text("of: etc")
    (place / "etc/60.yaml.1~").write_text("a backup")
    found = NetplanHost(module).files(yaml.safe_load)
    assert {name: one.document["of"] for name, one in found.items()} == {"50.yaml": "run", "60.yaml": "etc"}


def test_links_of_ifupdown(place, module, monkeypatch):
    monkeypatch.setattr(netplan_host, "INTERFACES", str(place / "interfaces"))
    assert NetplanHost(module).ifupdown() == {}
    (place / "interfaces").write_text(
        "# iface old inet dhcp\nauto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n"
    )
    (place / "interfaces.d").mkdir()
    (place / "interfaces.d/eth1").write_text("  iface eth1 inet6 auto\n")
    assert NetplanHost(module).ifupdown() == {
        "lo": str(place / "interfaces"),
        "eth0": str(place / "interfaces"),
        "eth1": str(place / "interfaces.d/eth1"),
    }


def test_files_of_networkd_that_people_wrote(place, module, monkeypatch):
    for path in (
        "nd-etc/10-netplan-eth0.network",
        "nd-etc/20-lan.network",
        "nd-run/10-netplan-br0.network",
        "nd-run/x.network",
    ):
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_text("[Match]")
    monkeypatch.setattr(netplan_host, "RUN_NETWORKD", f"{place}/nd-run")
    monkeypatch.setattr(netplan_host, "NETWORKD_PLACES", (f"{place}/nd-etc", f"{place}/nd-run"))
    found = [path.replace(f"{place}/", "") for path in NetplanHost(module).networkd()]
    # one of netplan's name in /etc would come in its place
    assert found == ["nd-etc/10-netplan-eth0.network", "nd-etc/20-lan.network", "nd-run/x.network"]


def test_a_file_that_cannot_be_read_ends_the_run(place, module):
    (place / "etc/50.yaml").write_bytes(b"\xff")
    with pytest.raises(NetplanError, match=r"50\.yaml cannot be read, so it is not known which links it describes"):
        NetplanHost(module).files(yaml.safe_load)


def test_netplan_reads_the_files_as_they_will_be_in_a_place_apart(place, module):
    (place / "etc/50.yaml").write_text("former")
    (place / "etc/70.yaml").write_text("of others")
    seen = {}

    def run_command(argv):
        root = argv[-1]
        here = Path(root + str(place / "etc"))
        seen.update({path.name: path.read_text() for path in here.iterdir()})
        return 1, "", f"{root}/etc/60.yaml:3: unknown key"

    with pytest.raises(NetplanError, match=r"nothing was changed: /etc/60\.yaml:3: unknown key"):
        NetplanHost(SimpleNamespace(run_command=run_command, tmpdir=str(place))).validate(
            {"60.yaml": b"new", "50.yaml": None}
        )
    assert seen == {"60.yaml": "new", "70.yaml": "of others"}
    assert (place / "etc/50.yaml").read_text() == "former"
