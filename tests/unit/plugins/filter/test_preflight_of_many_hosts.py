# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preflight of many isolated nodes costs, counted: work that grows with the hosts, and not with their square."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "module_utils"))

from cloud_samples import link, probe  # noqa: E402  (found through the line above)

from ansible_collections.kvmcloud.stack.plugins.filter.preflight_findings import preflight_findings  # noqa: E402
from ansible_collections.kvmcloud.stack.plugins.module_utils.isolation_defaults import (  # noqa: E402
    vm_isolation_defaults,
    vm_isolation_known_hosts,
)
from ansible_collections.kvmcloud.stack.plugins.plugin_utils.declared_isolation import isolations_of  # noqa: E402

BRIDGE = {"name": "onebr0", "uplinks": ["eth0"], "guest_networks": ["10.9.0.0/16"], "gateways": ["10.9.0.1"]}


class Counted(dict):
    """Counts how often something is taken out; Ansible works it out anew each time."""

    def __init__(self, *entries: Any, **more: Any) -> None:
        super().__init__(*entries, **more)
        self.taken = 0

    def __getitem__(self, key: str) -> Any:
        self.taken += 1
        return super().__getitem__(key)


def nodes(count: int) -> Counted:
    found = Counted()
    for number in range(count):
        name, high, low = f"node{number}", *divmod(number, 250)
        links = {
            "eth0": {**link(master="onebr0"), "mac": f"52:54:00:01:{high:02x}:{low:02x}"},
            "onebr0": link(kind="bridge"),
            "eth1": {**link(f"10.0.{high}.{low + 1}/16"), "mac": f"52:54:00:00:{high:02x}:{low:02x}"},
        }
        dict.__setitem__(
            found,
            name,
            Counted(
                ansible_host=f"10.0.{high}.{low + 1}",
                vm_isolation_state="present",
                vm_isolation_bridges=[BRIDGE],
                preflight_probe={"probe": probe(name, interfaces=links)},
            ),
        )
    return found


def groups(hostvars: Counted) -> dict[str, list[str]]:
    return {"all": list(hostvars), "opennebula_nodes": list(hostvars)}


def taken(hostvars: Counted) -> tuple[int, int]:
    """How often a host was taken out, and how often a variable of one."""
    return hostvars.taken, sum(one.taken for one in hostvars.values())


def looks(count: int) -> tuple[int, int]:
    hostvars = nodes(count)
    preflight_findings(list(hostvars), hostvars, groups(hostvars))
    return taken(hostvars)


def test_a_hundred_nodes_are_looked_at_once_each() -> None:
    fifty, hundred, more = looks(50), looks(100), looks(150)
    assert hundred[0] == 100
    assert more[1] - hundred[1] == hundred[1] - fifty[1]  # each further node costs what the ones before it did
    assert hundred[1] < 100 * 80


def calls(count: int) -> int:
    """Functions of Python that are called to work out the isolation of all nodes."""
    hostvars, called = nodes(count), [0]

    def count_calls(_frame: Any, event: str, _argument: Any) -> None:
        called[0] += event == "call"

    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        found = isolations_of(list(hostvars), groups(hostvars), hostvars, "preflight_probe")
    finally:
        sys.setprofile(before)
    assert len(found) == count and not any(one.faults for one in found.values())
    return called[0]


def test_what_all_hosts_come_to_is_worked_out_once_for_all_nodes() -> None:
    assert calls(100) < 2.1 * calls(50)


@pytest.mark.parametrize("number", [0, 99])
def test_a_node_gets_what_it_would_get_alone(number: int) -> None:
    hostvars = nodes(100)
    name = f"node{number}"
    known = {host: dict(own) for host, own in hostvars.items()}
    alone = vm_isolation_defaults(name, vm_isolation_known_hosts(known, known), known)
    together = isolations_of([name], groups(hostvars), hostvars, "preflight_probe")[name].options or {}
    assert {option: together[option] for option in alone} == alone
    assert len(alone["infrastructure_macs"]) == 200 and alone["protected_networks"] == ["10.0.0.0/16"]


def test_the_role_looks_at_each_host_once_and_from_each_node_at_that_alone() -> None:
    hostvars = nodes(100)
    known = vm_isolation_known_hosts(list(hostvars), hostvars)
    assert hostvars.taken == 100
    for name in hostvars:
        vm_isolation_defaults(name, known, hostvars)
    assert hostvars.taken == 200


def test_where_nobody_declares_isolation_nobody_is_asked_for_it() -> None:
    hostvars = nodes(20)
    for own in hostvars.values():
        del own["vm_isolation_state"]
    before = taken(hostvars)[1]
    assert isolations_of(list(hostvars), groups(hostvars), hostvars, "preflight_probe") == {}
    assert taken(hostvars)[1] - before == 20
