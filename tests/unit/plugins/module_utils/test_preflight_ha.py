# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cloud_samples import cloud, host, link, probe

from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, Finding, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_ha import HA_RULES

FRONT = "opennebula_frontends"
FLOATING = {"opennebula_ha_floating_ip": "10.0.0.100/24", "opennebula_ha_interface": "eth0"}


def front(number: int, settings: dict[str, Any] | None = None, **changes: Any) -> Any:
    name = f"front{number}"
    address = f"10.0.0.{20 + number}"
    made = host(name, FRONT, address=address, probe=probe(name, interfaces={"eth0": link(f"{address}/24")}), **changes)
    made.high_availability = FLOATING if settings is None else settings
    return made


def found(*fronts: Any, others: tuple[Any, ...] = ()) -> list[Finding]:
    return findings(cloud(*fronts, *others, host("node1", "opennebula_nodes")), HA_RULES)


def test_three_front_ends_with_a_floating_address_are_fine() -> None:
    assert found(front(1), front(2), front(3)) == []


def test_three_behind_a_load_balancer_are_fine() -> None:
    balanced = {"opennebula_ha_balancer": "10.0.0.200"}
    assert found(*(front(number, balanced) for number in (1, 2, 3))) == []


def test_one_front_end_needs_nothing_of_it() -> None:
    assert found(front(1, {}, database_backend="mysql")) == []


def changed(**settings: Any) -> dict[str, Any]:
    return {**FLOATING, **settings}


def trio(**settings: Any) -> list[Any]:
    return [front(number, changed(**settings)) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("hosts", "severity", "words"),
    [
        pytest.param([front(1), front(2)], "warning", "survive the loss of 0, as 1 would", id="two"),
        pytest.param([front(n) for n in (1, 2, 3, 4)], "warning", "survive the loss of 1, as 3 would", id="four"),
        pytest.param(
            [front(n, {}) for n in (1, 2, 3)], "error", "neither opennebula_ha_floating_ip nor", id="no address"
        ),
        pytest.param(
            trio(opennebula_ha_balancer="10.0.0.9"), "error", "both opennebula_ha_floating_ip", id="two addresses"
        ),
        pytest.param(
            [front(1), front(2), front(3, changed(opennebula_ha_floating_ip="10.0.0.99/24"))],
            "error",
            "opennebula_ha_floating_ip differs between front-ends (10.0.0.100/24, 10.0.0.99/24)",
            id="each its own",
        ),
        pytest.param(
            trio(opennebula_ha_floating_ip="10.0.0.100"), "error", "no address with the length", id="no length"
        ),
        pytest.param(trio(opennebula_ha_floating_ip="vip/24"), "error", "no address with the length", id="a name"),
        pytest.param(
            trio(opennebula_ha_interface="ens1"), "error", "is ens1; this host has eth0", id="no such interface"
        ),
        pytest.param(trio(opennebula_ha_interface=""), "error", "is not set; this host has eth0", id="no interface"),
        pytest.param(
            trio(opennebula_ha_floating_ip="10.9.9.9/24"), "error", "no address in the network", id="another network"
        ),
        pytest.param(
            trio(opennebula_ha_floating_ip="10.0.0.22/24"), "error", "own address of front2", id="of a front-end"
        ),
        pytest.param(trio(opennebula_ha_floating_ip="10.0.0.11/24"), "error", "own address of node1", id="of a node"),
        pytest.param(
            trio(opennebula_ha_server_address="10.0.0.21"), "error", "one address as servers", id="one endpoint"
        ),
        pytest.param(
            [front(1), front(2), front(3, database_backend="mysql")], "error", "backend differs", id="two backends"
        ),
        pytest.param(
            [front(n, changed(opennebula_database_host="db"), database_backend="mysql") for n in (1, 2, 3)],
            "error",
            "The database is on db",
            id="one database for all",
        ),
        pytest.param(trio(opennebula_ha_discard_database=["front9"]), "error", "names front9, which", id="a stranger"),
        pytest.param(
            trio(opennebula_ha_discard_database=["front1", "front2", "front3"]),
            "error",
            "names all",
            id="all discarded",
        ),
        pytest.param(
            trio(opennebula_ha_discard_database=["front3"]), "warning", "is replaced in this run", id="one discarded"
        ),
    ],
)
def test_what_speaks_against_it(hosts: list[Any], severity: str, words: str) -> None:
    told = [finding for finding in found(*hosts) if words in finding.what]
    assert told and {finding.severity for finding in told} == {severity}
    assert not any(finding.crash for finding in found(*hosts))
    for finding in told:
        assert finding.what.endswith(".") and finding.remedy.endswith(".")


def test_a_floating_address_that_a_stranger_holds() -> None:
    stranger = host(
        "gluster1", "gluster_servers", address="10.0.0.50",
        probe=probe("gluster1", interfaces={"eth0": link("10.0.0.50/24", "10.0.0.100/24")}),
    )  # fmt: skip
    told = found(front(1), front(2), front(3), others=(stranger,))
    assert [finding.host for finding in told] == ["gluster1"]


def test_a_front_end_that_holds_the_floating_address_already_is_the_leader() -> None:
    leader = front(1)
    leader.probe["interfaces"]["eth0"]["addresses"].append("10.0.0.100/24")
    assert found(leader, front(2), front(3)) == []


def test_a_front_end_that_could_not_be_looked_at_costs_no_rule() -> None:
    assert not any(f.crash for f in findings(Cloud([front(1), front(2)], {FRONT: ["front1", "front2", "x"]}), HA_RULES))
