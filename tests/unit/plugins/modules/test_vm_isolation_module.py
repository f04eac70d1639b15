# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vm_isolation around its changes: every bad input is refused in a sentence before anything is touched.

What it changes is tested with the kernel's own packet filter, in tests/isolation.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from host_module import ModuleFailed, run_module

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "module_utils"))

import isolation_samples as a  # noqa: E402  (found through the line above)

from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_change import IsolationChange  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_node import Node  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_service import LOAD_UNIT  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_trial import Record, now  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.managed_files import plan_files  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.modules import vm_isolation  # noqa: E402

LINKS = [
    {"ifname": "eth0", "master": "onebr0", "addr_info": []},
    {"ifname": "eth1", "addr_info": [{"local": "10.0.2.11"}]},
    {"ifname": "onebr0", "linkinfo": {"info_kind": "bridge"}, "addr_info": []},
]


class Kernel:
    """A node with links and no tables, that remembers what it was asked."""

    def __init__(self, root: Path) -> None:
        self.root, self.asked = root, []  # type: ignore[var-annotated]

    def ask(self, argv: Any, text: str = "") -> tuple[int, str, str]:
        self.asked.append(" ".join(argv))
        if argv[0] == "ip":
            return 0, json.dumps(LINKS), ""
        return (0, "", "") if "--check" in argv else (1, "", "No such file or directory")

    @property
    def changed(self) -> bool:
        return any("--file" in one and "--check" not in one for one in self.asked) or any(self.root.iterdir())


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    made = Kernel(tmp_path)
    monkeypatch.setattr(Node, "ask", lambda _self, argv, text="": made.ask(argv, text))
    monkeypatch.setattr(vm_isolation, "IsolationChange", functools.partial(IsolationChange, root=str(tmp_path)))
    monkeypatch.setattr(AnsibleModule, "run_command", lambda *_a, **_m: pytest.fail("a command of the module itself"))
    for module in ("isolation_change", "isolation_node"):
        name = f"ansible_collections.kvmcloud.stack.plugins.module_utils.{module}.has"
        monkeypatch.setattr(name, lambda program: program != "iptables")
    return made


def given(*bridges: Any, **changed: Any) -> dict[str, Any]:
    return {**a.given(*bridges), "manage_service": False, **changed}


BAD = {
    "networks of guests and hosts that overlap": (
        given(protected_networks=["10.0.0.0/16"]),
        "The guest network 10.0.3.0/24 overlaps the protected network 10.0.0.0/16",
    ),
    "an uplink that is missing": (
        given(a.bridge(uplinks=["eth0", "eth7"])),
        "The uplink eth7 of bridge onebr0 does not exist; its ports: eth0.",
    ),
    "a card that is no port of the bridge": (
        given(a.bridge(uplinks=["eth0", "eth1"])),
        "eth1 of bridge onebr0 is no port",
    ),
    "an uplink that is not named": (given(a.bridge(uplinks=[])), "eth0 is a port of bridge onebr0, leads outside"),
    "a network that is none": (given(protected_networks=["10.0.2.0/33"]), "'10.0.2.0/33' is no network"),
    "a network with host bits": (
        given(protected_networks=["10.0.2.9/24"]),
        "10.0.2.9/24 is an address within 10.0.2.0/24; write 10.0.2.0/24",
    ),
    "a guest network with host bits": (
        given(a.bridge(guest_networks=["10.0.3.1/24"], gateways=[])),
        "10.0.3.1/24 is an address within 10.0.3.0/24",
    ),
    "an address of the node among those of guests": (
        given(a.bridge(guest_networks=["10.0.2.0/24"], gateways=[]), protected_networks=["10.0.9.0/24"]),
        "10.0.2.11, an address of this node on eth1, is in the guest network 10.0.2.0/24",
    ),
    "a card for a bridge": (given(a.bridge("eth1", uplinks=["eth0"])), "eth1 is no bridge but a card"),
    "too little time to come back": (given(confirm_timeout=4), "confirm_timeout is 4; wanted are at least 5 seconds"),
}


@pytest.mark.parametrize("options, sentence", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_it_is_refused_and_nothing_is_changed(
    kernel: Kernel, capsys: Any, check: bool, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ModuleFailed, match=re.escape(sentence)):
        run_module(capsys, vm_isolation, check=check, **options)
    assert not kernel.changed


def test_check_mode_tells_what_would_be_done(kernel: Kernel, capsys: Any) -> None:
    found = run_module(capsys, vm_isolation, check=True, **given())
    assert found["changed"] and found["actions"][0] == "load the rules of mode full"
    assert "onebr0" in json.dumps(found["diff"]) and not kernel.changed


def test_a_bridge_that_does_not_exist_yet_is_remarked(kernel: Kernel, capsys: Any) -> None:
    found = run_module(capsys, vm_isolation, check=True, **given(a.bridge("later0", uplinks=["eth5"])))
    assert "The bridge later0 does not exist yet; its rules are loaded and wait for it." in found["remarks"]


def test_nothing_is_there_to_be_removed(kernel: Kernel, capsys: Any) -> None:
    assert run_module(capsys, vm_isolation, state="absent", manage_service=False)["changed"] is False
    assert not kernel.changed


def test_a_run_while_another_one_is_on_trial_is_refused(kernel: Kernel, capsys: Any) -> None:
    trial = kernel.root / "run/kvmcloud-isolation/trial"
    trial.mkdir(parents=True)
    record = Record("t", "boot", 60, now() + 60, 0.0)
    (trial / "trial.json").write_text(json.dumps(record.__dict__))
    for options in (given(), {"state": "absent", "manage_service": False}):
        with pytest.raises(ModuleFailed, match="are on trial; they are confirmed or rolled back within"):
            run_module(capsys, vm_isolation, **options)
    assert not any("--file" in one for one in kernel.asked)


UNITS = """Id=kvmcloud-isolation.service
UnitFileState=enabled
ActiveState=active
NeedDaemonReload=no

Id=kvmcloud-isolation-watch.service
UnitFileState=enabled
ActiveState=active
NeedDaemonReload=no
"""


@pytest.mark.parametrize("rewritten", [False, True])
def test_another_program_is_another_watch(monkeypatch: pytest.MonkeyPatch, rewritten: bool) -> None:
    class Module:
        def get_bin_path(self, _name: str) -> str:
            return "/bin/systemctl"

    monkeypatch.setattr(vm_isolation.os.path, "isdir", lambda _path: True)
    monkeypatch.setattr(vm_isolation, "systemctl", lambda *_arguments: UNITS)
    steps = vm_isolation.unit_steps(Module(), plan_files([], {}), True, rewritten)
    assert (["restart", "kvmcloud-isolation-watch.service"] in steps.all) == rewritten
    assert not any("kvmcloud-isolation.service" in step for step in steps.all)


def test_the_unit_fails_where_nothing_is_declared() -> None:
    assert "ExecStart=/usr/local/sbin/kvmcloud-isolation apply --required\n" in LOAD_UNIT
