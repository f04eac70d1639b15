# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the role ovirt_engine as answers of engine-setup."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answer_keys import RELEASES
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_answers import declared, faults_of, misplaced
from ansible_collections.kvmcloud.stack.plugins.module_utils.ovirt_engine_variables import (
    DATABASE_VARIABLES,
    VARIABLES,
    ovirt_engine_answers,
)

CHECKOUT = Path(__file__).resolve().parents[4]
ROLE = CHECKOUT / "roles/ovirt_engine"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
WANTED = {**DEFAULTS, "ovirt_engine_fqdn": "engine.example.org", "ovirt_engine_admin_password": "secret"}


def answers(**changed):
    given = ovirt_engine_answers({**WANTED, **{f"ovirt_engine_{key}": value for key, value in changed.items()}})
    both = {**given["answers"], **given["secrets"]}
    assert faults_of(declared(both, "answers"), "4.5.7") == []
    assert misplaced(given["answers"], given["secrets"], "4.5.7") == []
    return both


def test_the_defaults_are_a_whole_answer_file():
    given = answers()
    assert given["OVESETUP_ENGINE_CORE/enable"] is True
    assert given["OVESETUP_ENGINE_CONFIG/fqdn"] == given["OVESETUP_CONFIG/fqdn"] == "engine.example.org"
    assert given["OVESETUP_CONFIG/updateFirewall"] is True and given["OSETUP_RPMDISTRO/requireRollback"] is False
    assert given["QUESTION/1/KEYCLOAK_USE_ENGINE_ADMIN_PASSWORD"] == "yes"
    assert given["OVESETUP_OVN/ovirtProviderOvnUser"] == "admin@ovirt@internalsso"
    assert not [key for key in given if key.startswith("OVESETUP_DB/")], "the database is setup's own"


@pytest.mark.parametrize("database", sorted(DATABASE_VARIABLES))
def test_a_database_elsewhere(database):
    given = answers(**{f"{database}_host": "db.example.org", f"{database}_password": "secret"})
    section = DATABASE_VARIABLES[database][f"{database}_host"][0].split("/")[0]
    assert given[f"{section}/host"] == "db.example.org" and given[f"{section}/port"] == 5432
    assert given[section.replace("_DB", "_PROVISIONING") + "/postgresProvisioningEnabled"] is False


@pytest.mark.parametrize(
    ("changed", "key", "value"),
    [
        ({"firewall_manager": ""}, "OVESETUP_CONFIG/updateFirewall", False),
        ({"offline": False}, "OSETUP_RPMDISTRO/enableUpgrade", True),
        ({"keycloak_enabled": False}, "OVESETUP_OVN/ovirtProviderOvnUser", "admin@internal"),
        ({"ovn_enabled": False}, "OVESETUP_OVN/ovirtProviderOvnUser", None),
        ({"keycloak_admin_password": "x"}, "QUESTION/1/KEYCLOAK_USE_ENGINE_ADMIN_PASSWORD", None),
        ({"pki_renew": True}, "OVESETUP_PKI/renew", True),
        ({"pki_renew": None}, "OVESETUP_PKI/renew", None),
        ({"extra_answers": {"OVESETUP_APACHE/configureSsl": False}}, "OVESETUP_APACHE/configureSsl", False),
    ],
)
def test_what_a_variable_changes(changed, key, value):
    assert answers(**changed).get(key) == value


def test_every_key_that_a_variable_writes_is_in_the_table():
    tables = [VARIABLES, *DATABASE_VARIABLES.values()]
    keys = {key for table in tables for written in table.values() for key in written}
    assert keys <= set(RELEASES["4.5.7"]) and len(keys) == 43


def test_the_role_passes_every_variable_on():
    passed = set(yaml.safe_load((ROLE / "vars/main.yml").read_text())["ovirt_engine_variables"])
    tables = [VARIABLES, *DATABASE_VARIABLES.values()]
    assert {f"ovirt_engine_{name}" for table in tables for name in table} <= passed
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert passed <= set(specs)
