# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cloud_samples import cloud, declared, host

from ansible_collections.kvmcloud.stack.plugins.filter.preflight_findings import vitastor_networks
from ansible_collections.kvmcloud.stack.plugins.module_utils.declared_addons import VARIABLES
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight import Cloud, findings
from ansible_collections.kvmcloud.stack.plugins.module_utils.preflight_addons import ADDON_RULES

CHECKOUT = Path(__file__).parents[4]
IMAGES = {
    "TYPE": "IMAGE_DS",
    "DS_MAD": "vitastor",
    "TM_MAD": "vitastor",
    "DISK_TYPE": "file",
    "POOL_NAME": "one",
    "BRIDGE_LIST": "node1",
    "VITASTOR_CONF": "/etc/vitastor/vitastor.conf",
}
SYSTEM = {"TYPE": "SYSTEM_DS", "TM_MAD": "vitastor", "POOL_NAME": "one", "BRIDGE_LIST": "node1"}


def of(
    *templates: dict[str, str],
    release: str = "7.2",
    addons: Any = ("vitastor",),
    hosts: Any = ({"name": "node1"}, {"name": "node2", "state": "disabled"}),
    **settings: Any,
) -> Cloud:
    entries = [{"name": f"d{number}", "template": template} for number, template in enumerate(templates)]
    return cloud(
        host("front1", "opennebula_frontends", release=release),
        declared=declared(datastores=entries, hosts=hosts),
        storage_addons=list(addons),
        addon_settings=settings,
    )


def without(template: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in template.items() if key != name}


def test_nothing_speaks_against_a_complete_declaration() -> None:
    assert findings(of(IMAGES, SYSTEM), ADDON_RULES) == []
    assert findings(of(IMAGES, addons=[]), ADDON_RULES) == []
    assert findings(of({**SYSTEM, "BRIDGE_LIST": "node1 node2"}), ADDON_RULES) == [], "one of them is on"


@pytest.mark.parametrize(
    "wrong, words",
    [
        (of(release="5.12"), "does not work with OpenNebula 5.12"),
        (of(addons=["storpool"], release="7.4", storpool={"version": "26.04.0"}), "is known to fit OpenNebula 7.4"),
        (of(addons=["storpool"]), "storpool_opennebula_version is ''"),
        (
            of(
                addons=["vitastor", "storpool"],
                vitastor={"memory_snapshots": True, "corrections": []},
                storpool={"version": "26.04.0", "overrides": ["save", "restore"]},
            ),
            "the storage add-on vitastor wants save.vitastor, the storage add-on storpool wants tmsave",
        ),
        (of(without(SYSTEM, "POOL_NAME")), "The datastore d0 (TM_MAD vitastor) has no POOL_NAME"),
        (of(without(SYSTEM, "BRIDGE_LIST")), "has no BRIDGE_LIST"),
        (of(without(IMAGES, "VITASTOR_CONF")), "has no VITASTOR_CONF: the driver's export"),
        (of(IMAGES, vitastor={"state": "absent"}), "d0 uses TM_MAD vitastor, and vitastor_opennebula_state is absent"),
        (of({**SYSTEM, "VITASTOR_CONF": "/etc/v2.conf"}), "warning: all: The datastore d0 has VITASTOR_CONF /etc/v2"),
        (of({**SYSTEM, "BRIDGE_LIST": "node2"}), "names only hosts that are set aside (node2)"),
        (of({**SYSTEM, "BRIDGE_LIST": "node1 node3"}), "names node3, which no declaration makes a host"),
        (of(IMAGES, {**SYSTEM, "IMAGE_PREFIX": "two"}), "different IMAGE_PREFIX: d0 has one, d1 has two"),
    ],
)
def test_what_speaks_against_it(wrong: Cloud, words: str) -> None:
    (finding,) = findings(wrong, ADDON_RULES)
    assert words in finding.sentence
    assert finding.what.endswith(".") and not finding.what.endswith("..") and not finding.crash


def with_node(protected: Any = (), addons: Any = ("vitastor",), servers: Any = (), **vitastor: Any) -> list[str]:
    found = cloud(
        host("front1", "opennebula_frontends"),
        host("node1", "opennebula_nodes"),
        storage_addons=list(addons),
        addon_settings={"vitastor": vitastor},
        protected_networks=list(protected),
        vitastor_networks=list(servers),
    )
    return [finding.host for finding in findings(found, ADDON_RULES)]


def test_where_servers_of_vitastor_listen() -> None:
    hostvars = {
        "a": {"vitastor_cluster_osd_network": "10.0.2.0/24", "ansible_host": "192.0.2.1"},
        "b": {"vitastor_cluster_osd_network": "10.0.2.0/24", "ansible_host": "b.example.org"},
    }
    hostvars["b"]["vitastor_cluster_settings"] = {"osd_cluster_network": "10.0.3.0/24"}
    assert vitastor_networks({"vitastor_servers": ["a", "b"]}, hostvars) == ["10.0.2.0/24", "192.0.2.1", "10.0.3.0/24"]
    assert vitastor_networks({}, {}) == []


def test_a_node_whose_guests_may_reach_the_storage() -> None:
    assert with_node() == ["node1"]
    assert with_node(accept_unisolated=False) == ["node1"]
    assert with_node(protected=["192.0.2.0/24"]) == []
    listening = {"servers": ["192.0.2.0/25", "192.0.2.1", "198.51.100.7"]}
    assert with_node(protected=["192.0.2.0/24"], **listening) == ["all"], "one address of them is left out"
    assert with_node(protected=["192.0.2.0/24", "198.51.100.0/24", "no network"], **listening) == []
    assert with_node(protected=["192.0.2.0/24"], accept_unisolated=True, **listening) == []
    assert with_node(accept_unisolated=True) == [] and with_node(accept_unisolated="true") == []
    assert with_node(state="absent") == [] and with_node(addons=[]) == []


def test_preflight_and_the_front_end_read_the_same_variables() -> None:
    role = yaml.safe_load((CHECKOUT / "roles/opennebula_frontend/vars/main.yml").read_text())
    settings = role["opennebula_frontend_addon_settings"]
    for addon, variables in VARIABLES.items():
        assert settings[addon].keys() == {*variables, "domain_types"}
        for setting, variable in variables.items():
            assert settings[addon][setting].startswith("{{ " + variable + " |"), variable
